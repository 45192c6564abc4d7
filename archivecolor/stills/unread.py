"""Pictures that archivecolor does not read, by name: somebody expected a result, so each is a failure."""

from __future__ import annotations

import struct
import warnings
from pathlib import Path, PurePath
from typing import Final

from PIL import Image

RAW_HINT: Final = "develop it to a 16-bit TIFF (darktable, RawTherapee) and color that"
_CONVERT: Final = "convert it to TIFF or PNG"
_CONVERT_DEEP: Final = "convert it to a 16-bit TIFF"

_SIGNATURES: Final = (
    (0, b"GIF8", "GIF"),
    (0, b"8BPS", "Photoshop"),
    (0, b"\xff\x0a", "JPEG XL"),
    (0, b"\0\0\0\x0cJXL ", "JPEG XL"),
    (4, b"ftypavi", "AVIF"),
    (0, b"II\xbc", "JPEG XR"),
    (0, b"gimp xcf", "GIMP"),
    (0, b"\x59\xa6\x6a\x95", "Sun raster"),
    (0, b"\x01\xda\x00\x01", "SGI"),
    (0, b"\x01\xda\x01\x01", "SGI"),
    (0, b"AT&TFORM", "DjVu"),
    (0, b"P7\n", "PAM"),
    (8, b"ILBM", "Amiga IFF"),
)
_DEEP: Final = (
    (0, b"SDPX", "DPX"),
    (0, b"XPDS", "DPX"),
    (0, b"\x80\x2a\x5f\xd7", "Cineon"),
    (0, b"\xd7\x5f\x2a\x80", "Cineon"),
    (0, b"\x76\x2f\x31\x01", "OpenEXR"),
    (0, b"#?RADIANCE", "Radiance HDR"),
    (0, b"PF\n", "PFM"),
    (0, b"Pf\n", "PFM"),
    (0, b"SIMPLE  =", "FITS"),
)
_RAWS: Final = (
    (8, b"CR\x02", "Canon CR2"),
    (4, b"ftypcrx ", "Canon CR3"),
    (6, b"HEAPCCDR", "Canon CRW"),
    (0, b"FUJIFILMCCD-RAW", "Fujifilm RAF"),
    (0, b"IIRO", "Olympus ORF"),
    (0, b"IIRS", "Olympus ORF"),
    (0, b"MMOR", "Olympus ORF"),
    (0, b"IIU\0", "Panasonic RW2"),
    (0, b"\0MRM", "Minolta MRW"),
    (0, b"FOVb", "Sigma X3F"),
)
RAW_SUFFIXES: Final = frozenset(
    {
        *(
            ".3fr",
            ".arw",
            ".cr2",
            ".cr3",
            ".crw",
            ".dcr",
            ".dng",
            ".erf",
            ".fff",
            ".iiq",
            ".k25",
            ".kdc",
            ".mef",
            ".mos",
        ),
        *(".mrw", ".nef", ".nrw", ".orf", ".pef", ".raf", ".rw2", ".rwl", ".sr2", ".srf", ".srw", ".x3f"),
    }
)
_SUFFIXES: Final = {
    **dict.fromkeys((".tga", ".icb", ".vda", ".vst"), "TGA"),
    **dict.fromkeys((".pcx", ".dcx"), "PCX"),
    **dict.fromkeys((".pct", ".pict"), "PICT"),
    **dict.fromkeys((".psd", ".psb"), "Photoshop"),
    **dict.fromkeys((".jxr", ".wdp", ".hdp"), "JPEG XR"),
    **dict.fromkeys((".djvu", ".djv"), "DjVu"),
    ".dpx": "DPX",
    ".cin": "Cineon",
    ".exr": "OpenEXR",
    ".gif": "GIF",
    ".avif": "AVIF",
    ".jxl": "JPEG XL",
    ".xcf": "GIMP",
    ".fits": "FITS",
    ".pam": "PAM",
    ".pfm": "PFM",
}
"""Of pictures whose content gives them away seldom or never."""
_TO_PILLOW: Final = (
    *("BLP", "CUR", "DDS", "FTEX", "GBR", "ICNS", "ICO", "MSP", "PIXAR", "QOI", "XBM", "XPM", "XVTHUMB"),
)
"""Further pictures that Pillow tells by their content; what it takes for one without a signature is not asked."""
_TGA_KINDS: Final = (1, 2, 3, 9, 10, 11)
_TGA_BITS: Final = (8, 15, 16, 24, 32)


def unread(head: bytes, name: str) -> tuple[str, str] | None:
    """What a file is that archivecolor does not read, and a hint; None where it does not look like a picture.

    ``head`` are its first 32 bytes or more.
    """
    for signatures, what, hint in (
        (_RAWS, "a camera raw ({})", RAW_HINT),
        (_SIGNATURES, "{}", _CONVERT),
        (_DEEP, "{}", _CONVERT_DEEP),
    ):
        for offset, signature, kind in signatures:
            if head[offset:].startswith(signature):
                return f"is {what.format(kind)}, which archivecolor does not read", hint
    suffix = PurePath(name).suffix.lower()
    if suffix in RAW_SUFFIXES and head:
        return f"is a camera raw ({suffix[1:].upper()}), which archivecolor does not read", RAW_HINT
    named = _SUFFIXES.get(suffix, "")
    if {"TGA": _is_tga(head), "PCX": _is_pcx(head), "PICT": True}.get(named):
        return f"is {named}, which archivecolor does not read", _CONVERT
    if named and head:
        return "is damaged or of an unknown kind", f"its name says {named}; restore it from a copy"
    return None


def unread_by_pillow(path: Path) -> tuple[str, str] | None:
    """As `unread`, of what Pillow knows beyond that; it reads the file's header."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(path, formats=_TO_PILLOW) as image:
                return f"is {image.format}, which archivecolor does not read", _CONVERT
    except (OSError, SyntaxError, ValueError, LookupError, ArithmeticError, struct.error):
        return None


def _is_tga(head: bytes) -> bool:
    """Whether an 18-byte header makes sense (Truevision TGA 2.0); there is no signature in front."""
    if len(head) < 18 or head[1] > 1 or head[2] not in _TGA_KINDS or head[16] not in _TGA_BITS:
        return False
    width, height = struct.unpack_from("<HH", head, 12)
    return bool(width and height)


def _is_pcx(head: bytes) -> bool:
    return len(head) >= 4 and head[0] == 10 and head[1] <= 5 and head[2] <= 1 and head[3] in (1, 2, 4, 8)
