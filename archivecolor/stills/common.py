"""JPEG, WebP and BMP, all through Pillow; and what PNG shares with them."""

from __future__ import annotations

import struct
import warnings
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from PIL import Image, UnidentifiedImageError

from archivecolor.color import UIntArray, luma_of
from archivecolor.errors import InputError
from archivecolor.frames import Orientation
from archivecolor.settings import StillFormat
from archivecolor.stills.still import Coding, Metadata, Still, StillInfo

Image.MAX_IMAGE_PIXELS = None  # `stills.probe` has its own, larger limit

_ORIENTATION_TAG = 274
_EXIF_MARKER = b"Exif\0\0"

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
        raise InputError(f"{path}: cannot be opened: {e}", hint="restore it from a copy") from e


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
        if info.format is StillFormat.JPEG and image.mode in ("RGB", "L"):
            image.draft("L", image.size)  # libjpeg then hands out its Y plane, untouched
        luma, alpha = to_luma(decode(image, path))
        metadata, orientation, said = read_metadata(image)
        return Still(path, info, luma, alpha, orientation, metadata, _coding(image, path, info), said)


def decode(image: Image.Image, path: Path) -> Image.Image:
    """Decode fully; a picture that ends early is an error, not a grey rest."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            image.load()
    except (OSError, SyntaxError, ValueError, IndexError, struct.error) as e:
        raise InputError(f"{path}: is damaged: {e}", hint="restore it from a copy or scan it again") from e
    return image


def to_luma(image: Image.Image) -> tuple[UIntArray, UIntArray | None]:
    """Luma and, where there is any, alpha of a decoded picture of whatever mode."""
    if image.mode.startswith("I;16"):
        return np.asarray(image).astype(np.uint16), None
    if image.mode == "L":
        return np.asarray(image), None
    if "transparency" in image.info or image.mode in ("LA", "La", "PA", "RGBA", "RGBa"):
        rgba = np.asarray(image.convert("RGBA"))
        return luma_of(rgba[..., :3]), rgba[..., 3]
    return luma_of(np.asarray(image.convert("RGB"))), None


def read_metadata(image: Image.Image) -> tuple[Metadata, Orientation, tuple[str, ...]]:
    """What Pillow knows of a file besides its pixels; also how to turn it, and warnings."""
    said: list[str] = []
    exif = image.info.get("exif")
    if isinstance(exif, bytes) and exif.startswith(_EXIF_MARKER):
        exif = exif[len(_EXIF_MARKER) :]
    try:
        number = int(image.getexif().get(_ORIENTATION_TAG, 1))
        orientation = Orientation(number) if 1 <= number <= 8 else Orientation.UPRIGHT
    except (OSError, SyntaxError, ValueError, TypeError, struct.error):
        said.append("its EXIF is damaged and was copied as it is")
        orientation = Orientation.UPRIGHT
    icc = image.info.get("icc_profile") or None
    if icc and icc[16:20] != b"RGB ":
        said.append("its grey ICC profile does not fit a colour picture and was left out")
        icc = None
    dpi = image.info.get("dpi")
    xmp = image.info.get("xmp")
    metadata = Metadata(
        exif=exif or None,
        xmp=xmp.encode() if isinstance(xmp, str) else xmp,
        icc=icc,
        dpi=(float(dpi[0]), float(dpi[1])) if dpi else None,
        comment=image.info.get("comment"),
    )
    return metadata, orientation, tuple(said)


def _coding(image: Image.Image, path: Path, info: StillInfo) -> Coding:
    if info.format is StillFormat.JPEG:
        tables: dict[int, list[int]] = getattr(image, "quantization", {})
        return Coding(
            jpeg_luma_table=tuple(tables[0]) if 0 in tables else None,
            progressive=bool(image.info.get("progressive")),
            lossless=False,
        )
    if info.format is StillFormat.WEBP:
        with path.open("rb") as f:
            return Coding(lossless=b"VP8L" in f.read(4096))
    return Coding()


def write(
    file: BinaryIO, rgb: UIntArray, alpha: UIntArray | None, still: Still, target: StillFormat, quality: int | None
) -> None:
    """Encode 8-bit ``[h, w, 3]`` RGB as JPEG, WebP or BMP."""
    kept = still.metadata
    if target is StillFormat.BMP and still.orientation is not Orientation.UPRIGHT:
        rgb = np.ascontiguousarray(still.orientation.to_upright(rgb))  # BMP has nowhere to say that it is turned
    image = Image.fromarray(rgb if alpha is None else np.dstack((rgb, alpha)))
    options: dict[str, Any] = {}
    if kept.dpi and target is not StillFormat.WEBP:
        options["dpi"] = kept.dpi
    if target is not StillFormat.BMP:
        exif = exif_with_orientation(still)
        options |= {k: v for k, v in (("exif", exif), ("icc_profile", kept.icc), ("xmp", kept.xmp)) if v}
    if target is StillFormat.JPEG:
        options |= _jpeg_options(still, quality)
    elif target is StillFormat.WEBP:
        options |= (
            {"lossless": True, "exact": True} if still.coding.lossless else {"quality": quality or DEFAULT_QUALITY}
        )
    image.save(file, format=target.value.upper(), **options)


DEFAULT_QUALITY = 95


def _jpeg_options(still: Still, quality: int | None) -> dict[str, Any]:
    options: dict[str, Any] = {"subsampling": 0, "progressive": still.coding.progressive}
    if still.metadata.comment:
        options["comment"] = still.metadata.comment
    if quality is None and still.coding.jpeg_luma_table:
        # The source's own luma divisors: decoded luma quantises to what it was
        chroma = np.clip((_CHROMA_TABLE * (200 - 2 * DEFAULT_QUALITY) + 50) // 100, 1, 255)
        options["qtables"] = [list(still.coding.jpeg_luma_table), chroma.ravel().tolist()]
    else:
        options["quality"] = quality or DEFAULT_QUALITY
    return options


def exif_with_orientation(still: Still) -> bytes | None:
    """The source's EXIF; where it has none and is stored turned, one that says how."""
    if still.metadata.exif:
        return _EXIF_MARKER + still.metadata.exif
    if still.orientation is Orientation.UPRIGHT:
        return None
    exif = Image.Exif()
    exif[_ORIENTATION_TAG] = int(still.orientation)
    return exif.tobytes()
