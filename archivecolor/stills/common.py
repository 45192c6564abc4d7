"""JPEG, WebP and BMP, all through Pillow; and what PNG shares with them."""

from __future__ import annotations

import io
import math
import os
import struct
import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, UnidentifiedImageError

from archivecolor.color import UIntArray
from archivecolor.errors import InputError
from archivecolor.frames import Orientation
from archivecolor.settings import StillFormat
from archivecolor.stills import jpeg
from archivecolor.stills.metadata import (
    EXIF_DAMAGE,
    EXIF_MARKER,
    LONGEST_JPEG_SEGMENT,
    ORIENTATION_TAG,
    XMP_MARKER,
    exif_of,
    fits_jpeg,
    parse_exif,
    profile_for_colour,
)
from archivecolor.stills.still import Coded, Coding, Metadata, Pixels, Still, StillInfo
from archivecolor.toning import THUMBNAIL_PX, thumbnail

Image.MAX_IMAGE_PIXELS = None  # `stills.probe` has its own, larger limit

_PHOTOSHOP_MARKER = b"Photoshop 3.0\0"
_LONG_XMP_MARKER = b"http://ns.adobe.com/xmp/extension/\0"

# ITU-T T.81, table K.2: chroma quantisation at quality 50
_CHROMA_TABLE = np.full((8, 8), 99)
_CHROMA_TABLE[:4, :4] = [[17, 18, 24, 47], [18, 21, 26, 66], [24, 26, 56, 99], [47, 66, 99, 99]]


def open_with_pillow(path: Path) -> Image.Image:
    """Open lazily, with Pillow's ways of failing turned into `InputError`."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # damaged EXIF makes Pillow warn; the picture itself is judged when decoded
            return Image.open(path)
    except UnidentifiedImageError as e:
        raise InputError(f"{path}: its header is damaged", hint="restore it from a copy") from e
    except (OSError, SyntaxError, ValueError, struct.error) as e:
        if isinstance(e, OSError) and e.errno:
            raise InputError(f"{path}: cannot be opened: {e.strerror}", hint="check its permissions") from e
        raise InputError(f"{path}: is damaged: {e}", hint="restore it from a copy") from e


def probe(path: Path, format: StillFormat) -> StillInfo:
    """Size and depth from the header."""
    with open_with_pillow(path) as image:
        if getattr(image, "n_frames", 1) > 1 and format is not StillFormat.JPEG:
            raise InputError(f"{path}: is animated", hint="extract its frames and colour those")
        bits = 16 if image.mode.startswith("I") or _png_depth(path, format) == 16 else 8
        return StillInfo(format, image.width, image.height, bits)


def _png_depth(path: Path, format: StillFormat) -> int:
    if format is not StillFormat.PNG:
        return 8
    with path.open("rb") as f:
        return f.read(25)[24]


def read(path: Path, info: StillInfo) -> Still:
    """Decode JPEG, WebP or BMP."""
    with open_with_pillow(path) as image:
        grey = image.mode == "L"
        if info.format is StillFormat.JPEG and image.mode in ("RGB", "L"):
            image.draft("L", image.size)  # libjpeg then hands out its Y plane, untouched
        pixels = to_pixels(decode(image, path))
        metadata, orientation, said = read_metadata(image)
        small = pixels.thumbnail if grey or pixels.thumbnail is not None else _small_colour(path)
        coding = _coding(image, path, info, grey=grey)
        return Still(path, info, pixels.luma, pixels.alpha, small, orientation, metadata, coding, said)


def _small_colour(path: Path) -> UIntArray:
    """The thumbnail of a colour JPEG whose Y plane is read by itself; libjpeg scales while it decodes."""
    with open_with_pillow(path) as image:
        image.draft("RGB", (THUMBNAIL_PX, THUMBNAIL_PX))
        return thumbnail(np.asarray(decode(image, path).convert("RGB")))


def decode(image: Image.Image, path: Path) -> Image.Image:
    """Decode fully; a picture that ends early is an error, not a grey rest."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            image.load()
    except (OSError, SyntaxError, ValueError, IndexError, struct.error) as e:
        raise InputError(f"{path}: is damaged: {e}", hint="restore it from a copy or scan it again") from e
    return image


def to_pixels(image: Image.Image) -> Pixels:
    """Luma and, where there is any, alpha of a decoded picture of whatever mode."""
    if image.mode.startswith("I;16"):
        return Pixels(np.asarray(image).astype(np.uint16))
    if image.mode == "L":
        return Pixels(np.asarray(image))
    if "transparency" in image.info or image.mode in ("LA", "La", "PA", "RGBA", "RGBa"):
        rgba = np.asarray(image.convert("RGBA"))
        return Pixels.of_rgb(rgba[..., :3], rgba[..., 3])
    return Pixels.of_rgb(np.asarray(image.convert("RGB")))


def read_metadata(image: Image.Image) -> tuple[Metadata, Orientation, tuple[str, ...]]:
    """What Pillow knows of a file besides its pixels; also how to turn it, and warnings."""
    orientation = Orientation.UPRIGHT
    said: tuple[str, ...] = ()
    exif = image.info.get("exif")
    try:
        if isinstance(exif, bytes) and exif:
            parse_exif(exif)  # Pillow keeps quiet about damage that it met when it opened the file
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            number = int(image.getexif().get(ORIENTATION_TAG, 1))
        orientation = Orientation(number) if 1 <= number <= 8 else Orientation.UPRIGHT
    except EXIF_DAMAGE:
        said = ("its EXIF is damaged and was copied as it is",)
    icc, said_of_icc = profile_for_colour(image.info.get("icc_profile"))
    xmp = image.info.get("xmp")
    segments: list[tuple[str, bytes]] = getattr(image, "applist", [])  # of a JPEG
    metadata = Metadata(
        exif=exif.removeprefix(EXIF_MARKER) if isinstance(exif, bytes) and exif else None,
        xmp=xmp.encode() if isinstance(xmp, str) else xmp,
        long_xmp=tuple(body for name, body in segments if name == "APP1" and body.startswith(_LONG_XMP_MARKER)),
        icc=icc,
        dpi=_dpi(image.info.get("dpi")),
        comment=b"\n".join(body for name, body in segments if name == "COM") or None,
        photoshop=b"".join(
            body.removeprefix(_PHOTOSHOP_MARKER)
            for name, body in segments
            if name == "APP13" and body.startswith(_PHOTOSHOP_MARKER)
        ),
    )
    return metadata, orientation, said + said_of_icc


def _dpi(values: tuple[float, float] | None) -> tuple[float, float] | None:
    try:
        x, y = (float(v) for v in values or ())
    except (ValueError, TypeError, ZeroDivisionError):
        return None
    return (x, y) if x > 0 and y > 0 and math.isfinite(x * y) else None


def _coding(image: Image.Image, path: Path, info: StillInfo, *, grey: bool) -> Coding:
    if info.format is StillFormat.JPEG:
        tables: dict[int, list[int]] = getattr(image, "quantization", {})
        return Coding(
            grey_jpeg=path.read_bytes() if grey else None,
            jpeg_luma_table=tuple(tables[0]) if 0 in tables else None,
            progressive=bool(image.info.get("progressive")),
            lossless=False,
        )
    if info.format is StillFormat.WEBP:
        return Coding(lossless=_is_lossless_webp(path))
    return Coding()


def _is_lossless_webp(path: Path) -> bool:
    """Walk the RIFF chunks up to the picture: a profile or a caption may come before it and be long."""
    with path.open("rb") as f:
        f.seek(12)
        while len(head := f.read(8)) == 8:
            if head[:4] in (b"VP8L", b"VP8 "):
                return head[:4] == b"VP8L"
            size = struct.unpack("<I", head[4:])[0]
            f.seek(size + size % 2, os.SEEK_CUR)
    return False


def encode(
    rgb: UIntArray, alpha: UIntArray | None, still: Still, target: StillFormat, quality: int | None
) -> list[Coded]:
    """Encode 8-bit ``[h, w, 3]`` RGB as JPEG, WebP or BMP."""
    kept = still.metadata
    if target is StillFormat.BMP and still.orientation is not Orientation.UPRIGHT:
        rgb = np.ascontiguousarray(still.orientation.to_upright(rgb))  # BMP has nowhere to say that it is turned
        kept = replace(kept, dpi=kept.dpi[::-1] if kept.dpi and still.orientation.swaps_sides else kept.dpi)
    options: dict[str, Any] = {}
    if kept.dpi and target is not StillFormat.WEBP:
        options["dpi"] = kept.dpi
    if target is not StillFormat.BMP:
        options |= {k: v for k, v in (("exif", exif_of(still)), ("icc_profile", kept.icc)) if v}
    if target is StillFormat.JPEG:
        options |= _jpeg_options(still, quality)
        copied = _with_copied_luma(rgb, still, options) if quality is None else None
        if copied is not None:
            return [copied]
    elif target is StillFormat.WEBP:
        if kept.xmp:
            options["xmp"] = kept.xmp
        options |= (
            {"lossless": True, "exact": True} if still.coding.lossless else {"quality": quality or DEFAULT_QUALITY}
        )
    image = Image.fromarray(rgb if alpha is None else np.dstack((rgb, alpha)))
    coded = io.BytesIO()
    image.save(coded, format=target.value.upper(), **options)
    return [coded.getbuffer()]


def _with_copied_luma(rgb: UIntArray, still: Still, options: dict[str, Any]) -> bytes | None:
    """A JPEG whose luma is the source's to the bit; None where that cannot be had."""
    if still.coding.grey_jpeg is None:
        return None
    try:
        coded = jpeg.splice(still.coding.grey_jpeg, rgb, _chroma_table(), options)
        exact = coded is not None and np.array_equal(jpeg.y_plane(coded), still.luma)
    except (OSError, SyntaxError, ValueError, LookupError, struct.error):  # oddly coded, though it could be decoded
        return None
    return coded if exact else None


def _chroma_table() -> list[int]:
    values: list[int] = np.clip((_CHROMA_TABLE * (200 - 2 * DEFAULT_QUALITY) + 50) // 100, 1, 255).ravel().tolist()
    return values


DEFAULT_QUALITY = 95


def _jpeg_options(still: Still, quality: int | None) -> dict[str, Any]:
    kept = still.metadata
    options: dict[str, Any] = {"subsampling": 0, "progressive": still.coding.progressive}
    exif = exif_of(still)
    if exif and not fits_jpeg(exif):
        options["exif"] = b""
    if kept.comment and fits_jpeg(kept.comment):
        options["comment"] = kept.comment
    bodies = [(0xE1, XMP_MARKER + kept.xmp)] if kept.xmp and fits_jpeg(kept.xmp) else []
    bodies += [(0xE1, body) for body in kept.long_xmp]
    step = LONGEST_JPEG_SEGMENT - len(_PHOTOSHOP_MARKER)
    parts = (kept.photoshop[i : i + step] for i in range(0, len(kept.photoshop), step))
    bodies += [(0xED, _PHOTOSHOP_MARKER + part) for part in parts]
    options["extra"] = b"".join(struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body for marker, body in bodies)
    if quality is None and still.coding.jpeg_luma_table:
        # The source's own luma divisors: decoded luma quantises to what it was
        options["qtables"] = [list(still.coding.jpeg_luma_table), _chroma_table()]
    else:
        options["quality"] = quality or DEFAULT_QUALITY
    return options
