"""JPEG. Decoding and encoding are Pillow's; luma is copied from source to result without being decoded.

The compressed bits of the luma are copied (`jpeg_scans`) from every Huffman-coded JPEG of 8 bit that is gray or in
Y'CbCr. Whether the result's Y plane is the source's is tried on every file as it was written; where it is not, the
warnings say by how much, and why.
"""

from __future__ import annotations

import io
import struct
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import numpy as np
from PIL import Image

from archivecolor.color import UIntArray
from archivecolor.errors import InputError
from archivecolor.settings import Luma, OutputSettings, StillFormat
from archivecolor.stills import jpeg_extras, jpeg_markers, jpeg_scans, pillow
from archivecolor.stills.jpeg_luma import NotCopiedError, luma_scans
from archivecolor.stills.metadata import LONGEST_JPEG_SEGMENT, XMP_MARKER, exif_of, fits_jpeg
from archivecolor.stills.still import Coding, Encoded, Picture, Pixels, Planes, Still, StillInfo
from archivecolor.toning import THUMBNAIL_PX, thumbnail

_UNREAD: Final = {
    0xC3: "lossless",
    0xCB: "lossless",
    0xF7: "JPEG-LS",
    **dict.fromkeys((0xC5, 0xC6, 0xC7, 0xCD, 0xCE, 0xCF), "hierarchical"),
}
_ARITHMETIC: Final = (0xC9, 0xCA)
"""Sequential and progressive frames whose entropy coding Pillow's own builds leave out."""
_UNREADABLE: Final = (OSError, SyntaxError, ValueError, LookupError, struct.error)

_FINE_PIXELS: Final = 8_000_000
_SUBSAMPLINGS: Final = {(False, False): "4:4:4", (True, False): "4:2:2", (True, True): "4:2:0"}

# ITU-T T.81, table K.2: chroma quantization at quality 50
_CHROMA_TABLE = np.full((8, 8), 99)
_CHROMA_TABLE[:4, :4] = [[17, 18, 24, 47], [18, 21, 26, 66], [24, 26, 56, 99], [47, 66, 99, 99]]


def probe(path: Path) -> StillInfo:
    """Size from the header. Raises `InputError` for those that share no more than their name."""
    with path.open("rb") as f:
        kind = jpeg_markers.frame_of(f)
    if kind is not None:
        if kind[0] in _ARITHMETIC:
            raise InputError(
                f"{path}: is an arithmetically coded JPEG, which archivecolor does not read",
                hint="make a usual one of it without any loss: jpegtran OLD.jpg > NEW.jpg",
            )
        what = _UNREAD.get(kind[0]) or (f"{kind[1]} bit" if kind[1] != 8 else "")
        if what:
            raise InputError(f"{path}: is a {what} JPEG, which archivecolor does not read", hint="convert it to a TIFF")
    with pillow.open_image(path) as image:
        return StillInfo(StillFormat.JPEG, image.width, image.height, 8)


def read(path: Path, info: StillInfo, page: int) -> Still:
    """Decode: of a gray or Y'CbCr JPEG its Y plane, untouched; of any other the luma of its RGB."""
    with pillow.open_image(path) as image:
        mode = image.mode
        has_luma = mode == "L" or (mode == "RGB" and not _is_rgb(image))
        if has_luma:
            image.draft("L", image.size)  # libjpeg then hands out its Y plane
        pixels = pillow.to_pixels(pillow.decode(image, path))
        if mode == "RGB" and has_luma:
            pixels = Pixels(pixels.luma, None, _small_color(path))
        metadata, orientation, said = pillow.read_metadata(image)
        source = path.read_bytes()
        tables: dict[int, list[int]] = getattr(image, "quantization", {})
        coding = Coding(
            jpeg=source,
            jpeg_luma_table=tuple(tables[0]) if 0 in tables else None,
            progressive=bool(image.info.get("progressive")),
            lossless=False,
        )
        metadata = jpeg_extras.with_own(metadata, image, source)
    return Still(path, info, pixels, orientation, metadata, coding, said)


def _is_rgb(image: Image.Image) -> bool:
    """Whether libjpeg takes three components for R, G and B (jdapimin.c)."""
    if "jfif" in image.info:
        return False
    if "adobe_transform" in image.info:
        return bool(image.info["adobe_transform"] != 1)
    return bytes(component[0] for component in getattr(image, "layer", [])) == b"RGB"


def _small_color(path: Path) -> UIntArray:
    """The thumbnail of a color JPEG whose Y plane is read by itself; libjpeg scales while it decodes."""
    with pillow.open_image(path) as image:
        image.draft("RGB", (THUMBNAIL_PX, THUMBNAIL_PX))
        return thumbnail(np.asarray(pillow.decode(image, path).convert("RGB")))


def chroma_shift(height: int, width: int) -> tuple[int, int]:
    """log2 of luma samples per chroma sample, across and down: 4:2:0 of what is far finer than the network's chroma.

    Of photographs of 21 and 24 megapixels R, G and B differ from the merged ones by .354 of 255 on average, at 4:4:4 by
    .344; the file is a sixth smaller.
    """
    return (1, 1) if height * width > _FINE_PIXELS else (0, 0)


def encode(picture: Picture, alpha: UIntArray | None, still: Still, output: OutputSettings) -> Encoded:
    """Encode 8-bit planes, RGB or gray. Without a quality of its own, a JPEG's luma is copied from its source."""
    coded = _encode(picture, still, output)
    if not still.metadata.behind or still.coding.jpeg is None:
        return coded
    (whole,) = coded.parts
    return replace(coded, parts=[jpeg_extras.pointing_behind(bytes(whole), still.coding.jpeg), still.metadata.behind])


def _encode(picture: Picture, still: Still, output: OutputSettings) -> Encoded:
    options, header = _options(still, output.quality), jpeg_extras.header(still.metadata)
    if not isinstance(picture, Planes):
        if picture.ndim == 2:
            return _encode_gray(picture, still, options, header)
        picture = Planes.of_rgb(picture)
    options["subsampling"] = _SUBSAMPLINGS[picture.halves]
    if still.coding.jpeg is None or output.quality is not None:
        return Encoded([_save(picture.image(), options, header)], luma=Luma.LOSSY)
    reason = ""
    try:
        luma = luma_scans(still.coding.jpeg)
        coded = jpeg_scans.splice(luma, picture, _chroma_table(), options, header)
        if jpeg_scans.keeps(coded, still.luma):
            return Encoded([coded])
    except NotCopiedError as e:
        reason = f", for {e}"
    except _UNREADABLE:  # oddly coded, though it could be decoded
        pass
    return _anew(_save(picture.image(), options, header), still, reason)


def _anew(coded: bytes, still: Still, reason: str) -> Encoded:
    """A JPEG whose luma could not be copied, with what that did to it."""
    moved = np.abs(jpeg_scans.y_plane(coded).astype(np.int16) - still.luma)
    if not moved.any():
        return Encoded([coded])
    share = f"{(moved > 0).mean():.2%} of its pixels by up to {moved.max()}"
    said = f"coded anew{reason}, which moved the luma of {share}; --format tiff keeps it"
    return Encoded([coded], (said,), Luma.RECODED)


def _encode_gray(luma: UIntArray, still: Still, options: dict[str, Any], header: bytes) -> Encoded:
    """The luma alone: copied from a source that is a JPEG, where it has luma."""
    source, reason = still.coding.jpeg, ""
    if source is not None:
        try:
            return Encoded([jpeg_scans.luma_of(source, options, header)])
        except NotCopiedError as e:
            reason = f", for {e}"
        except _UNREADABLE:
            reason = ", for it is oddly coded"
    if "qtables" in options:
        options["qtables"] = options["qtables"][:1]
    coded = _save(Image.fromarray(luma), options, header)
    return Encoded([coded], luma=Luma.LOSSY) if source is None else _anew(coded, still, reason)


def _save(image: Image.Image, options: dict[str, Any], header: bytes) -> bytes:
    coded = io.BytesIO()
    image.save(coded, format="JPEG", **options)
    whole = coded.getvalue()
    return whole[:6] + header + whole[6 + len(header) :]  # Pillow writes its JFIF segment first


def _chroma_table() -> list[int]:
    values: list[int] = np.clip((_CHROMA_TABLE * (200 - 2 * pillow.QUALITY) + 50) // 100, 1, 255).ravel().tolist()
    return values


def _options(still: Still, quality: int | None) -> dict[str, Any]:
    """Pillow's: metadata, subsampling and quantization."""
    kept = still.metadata
    options: dict[str, Any] = {"progressive": still.coding.progressive}
    if kept.icc:
        options["icc_profile"] = kept.icc
    exif = exif_of(still)
    if exif and fits_jpeg(exif):
        options["exif"] = exif
    if kept.comment and fits_jpeg(kept.comment):
        options["comment"] = kept.comment
    bodies = [(0xE1, XMP_MARKER + kept.xmp)] if kept.xmp and fits_jpeg(kept.xmp) else []
    bodies += [(0xE1, body) for body in kept.long_xmp]
    step = LONGEST_JPEG_SEGMENT - len(jpeg_extras.PHOTOSHOP_MARKER)
    parts = (kept.photoshop[i : i + step] for i in range(0, len(kept.photoshop), step))
    bodies += [(0xED, jpeg_extras.PHOTOSHOP_MARKER + part) for part in parts]
    bodies += kept.jpeg_segments
    options["extra"] = b"".join(struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body for marker, body in bodies)
    if quality is None and still.coding.jpeg_luma_table:
        # The source's own luma divisors: decoded luma quantizes to what it was
        options["qtables"] = [list(still.coding.jpeg_luma_table), _chroma_table()]
        options["quality"] = 100  # says how much memory Pillow takes; the divisors are the tables'
    else:
        options["quality"] = quality or pillow.QUALITY
    return options
