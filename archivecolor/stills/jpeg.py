"""JPEG. Decoding and encoding are Pillow's; luma is copied from source to result without being decoded.

From a gray JPEG the scans are copied (`jpeg_scans`), from one in Y'CbCr the luma's DCT coefficients (`jpeg_blocks`).
A progressive JPEG in Y'CbCr becomes a baseline one. Whether the result's Y plane is the source's is tried on every
file; where it is not, the warnings say by how much.
"""

from __future__ import annotations

import io
import struct
from pathlib import Path
from typing import Any, Final

import numpy as np
from PIL import Image

from archivecolor.color import UIntArray
from archivecolor.errors import DependencyError
from archivecolor.settings import OutputSettings, StillFormat
from archivecolor.stills import jpeg_blocks, jpeg_scans, pillow
from archivecolor.stills.metadata import LONGEST_JPEG_SEGMENT, XMP_MARKER, exif_of, fits_jpeg
from archivecolor.stills.still import Coding, Encoded, Pixels, Still, StillInfo
from archivecolor.toning import THUMBNAIL_PX, thumbnail

PHOTOSHOP_MARKER: Final = b"Photoshop 3.0\0"
_UNREADABLE: Final = (OSError, SyntaxError, ValueError, LookupError, struct.error)

# ITU-T T.81, table K.2: chroma quantization at quality 50
_CHROMA_TABLE = np.full((8, 8), 99)
_CHROMA_TABLE[:4, :4] = [[17, 18, 24, 47], [18, 21, 26, 66], [24, 26, 56, 99], [47, 66, 99, 99]]


def probe(path: Path) -> StillInfo:
    """Size from the header."""
    with pillow.open_image(path) as image:
        return StillInfo(StillFormat.JPEG, image.width, image.height, 8)


def read(path: Path, info: StillInfo, page: int) -> Still:
    """Decode: of a gray or Y'CbCr JPEG its Y plane, untouched; of any other the luma of its RGB."""
    with pillow.open_image(path) as image:
        mode, space = image.mode, image.info.get("adobe_transform", 1)
        has_luma = mode == "L" or (mode == "RGB" and space == 1 and not _is_rgb(image))
        if has_luma:
            image.draft("L", image.size)  # libjpeg then hands out its Y plane
        pixels = pillow.to_pixels(pillow.decode(image, path))
        if mode == "RGB" and has_luma:
            pixels = Pixels(pixels.luma, None, _small_color(path))
        metadata, orientation, said = pillow.read_metadata(image)
        tables: dict[int, list[int]] = getattr(image, "quantization", {})
        coding = Coding(
            jpeg=path.read_bytes(),
            jpeg_luma_table=tuple(tables[0]) if 0 in tables else None,
            progressive=bool(image.info.get("progressive")),
            lossless=False,
        )
    return Still(path, info, pixels, orientation, metadata, coding, said)


def _is_rgb(image: Image.Image) -> bool:
    """Whether the components are named R, G and B, by which libjpeg tells a JPEG that is not in Y'CbCr."""
    names = [component[0] for component in getattr(image, "layer", [])]
    return names == [ord("R"), ord("G"), ord("B")]


def _small_color(path: Path) -> UIntArray:
    """The thumbnail of a color JPEG whose Y plane is read by itself; libjpeg scales while it decodes."""
    with pillow.open_image(path) as image:
        image.draft("RGB", (THUMBNAIL_PX, THUMBNAIL_PX))
        return thumbnail(np.asarray(pillow.decode(image, path).convert("RGB")))


def encode(rgb: UIntArray, alpha: UIntArray | None, still: Still, output: OutputSettings) -> Encoded:
    """Encode 8-bit RGB or gray. Without a quality of its own, a JPEG's luma is copied from its source."""
    options = _options(still, output.quality)
    if rgb.ndim == 2:
        return _encode_gray(rgb, still, options)
    if still.coding.jpeg is None or output.quality is not None:
        return Encoded([_save(Image.fromarray(rgb), options)])
    hint = ""
    try:
        coded = _with_copied_luma(rgb, still, options)
        if coded is not None and np.array_equal(jpeg_scans.y_plane(coded), still.luma):
            return Encoded([coded])
    except DependencyError:
        hint = f"; {jpeg_blocks.INSTALL} keeps it"
    except _UNREADABLE:  # oddly coded, though it could be decoded
        pass
    coded = _save(Image.fromarray(rgb), options)
    moved = np.abs(jpeg_scans.y_plane(coded).astype(np.int16) - still.luma)
    if not moved.any():
        return Encoded([coded])
    share = f"{(moved > 0).mean():.2%} of its pixels by up to {moved.max()}"
    return Encoded([coded], (f"coded anew, which moved the luma of {share}{hint or '; --format tiff keeps it'}",))


def _encode_gray(luma: UIntArray, still: Still, options: dict[str, Any]) -> Encoded:
    """The luma alone: copied from a source that is a JPEG, where it has luma."""
    source, coded = still.coding.jpeg, None
    said: tuple[str, ...] = ()
    if source is not None:
        coded = jpeg_scans.luma_of(source, options)
        if coded is None:
            gray = jpeg_blocks.gray_of(source)
            coded = jpeg_scans.luma_of(gray, options) if gray else None
        if coded is None:
            said = ("stores no luma, so it was coded anew",)
    if "qtables" in options:
        options["qtables"] = options["qtables"][:1]
    return Encoded([coded or _save(Image.fromarray(luma), options)], said)


def _with_copied_luma(rgb: UIntArray, still: Still, options: dict[str, Any]) -> bytes | None:
    source = still.coding.jpeg or b""
    table = _chroma_table()
    coded = jpeg_scans.splice(source, rgb, table, options)
    if coded is None:
        gray = jpeg_blocks.gray_of(source)
        coded = jpeg_scans.splice(gray, rgb, table, options) if gray else None
    return coded


def _save(image: Image.Image, options: dict[str, Any]) -> bytes:
    coded = io.BytesIO()
    image.save(coded, format="JPEG", **options)
    return coded.getvalue()


def _chroma_table() -> list[int]:
    values: list[int] = np.clip((_CHROMA_TABLE * (200 - 2 * pillow.QUALITY) + 50) // 100, 1, 255).ravel().tolist()
    return values


def _options(still: Still, quality: int | None) -> dict[str, Any]:
    """Pillow's: metadata, subsampling and quantization."""
    kept = still.metadata
    options: dict[str, Any] = {"subsampling": 0, "progressive": still.coding.progressive}
    if kept.dpi:
        options["dpi"] = kept.dpi
    if kept.icc:
        options["icc_profile"] = kept.icc
    exif = exif_of(still)
    if exif and fits_jpeg(exif):
        options["exif"] = exif
    if kept.comment and fits_jpeg(kept.comment):
        options["comment"] = kept.comment
    bodies = [(0xE1, XMP_MARKER + kept.xmp)] if kept.xmp and fits_jpeg(kept.xmp) else []
    bodies += [(0xE1, body) for body in kept.long_xmp]
    step = LONGEST_JPEG_SEGMENT - len(PHOTOSHOP_MARKER)
    parts = (kept.photoshop[i : i + step] for i in range(0, len(kept.photoshop), step))
    bodies += [(0xED, PHOTOSHOP_MARKER + part) for part in parts]
    options["extra"] = b"".join(struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body for marker, body in bodies)
    if quality is None and still.coding.jpeg_luma_table:
        # The source's own luma divisors: decoded luma quantizes to what it was
        options["qtables"] = [list(still.coding.jpeg_luma_table), _chroma_table()]
    else:
        options["quality"] = quality or pillow.QUALITY
    return options
