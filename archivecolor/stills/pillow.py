"""What the families of formats that Pillow decodes have in common."""

from __future__ import annotations

import io
import math
import struct
import warnings
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
from PIL import Image, UnidentifiedImageError

from archivecolor.color import UIntArray
from archivecolor.errors import InputError
from archivecolor.frames import Orientation
from archivecolor.settings import OutputSettings, StillFormat
from archivecolor.stills import profiles
from archivecolor.stills.metadata import EXIF_DAMAGE, EXIF_MARKER, ORIENTATION_TAG, parse_exif
from archivecolor.stills.still import Coding, Encoded, Metadata, Pixels, Still, StillInfo

cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)  # what is damaged is told by us, once
Image.MAX_IMAGE_PIXELS = None  # `stills.probe` has its own limit

QUALITY: Final = 95
"""Of lossy results, where none is asked for."""

_PHOTOSHOP_MARKER = b"Photoshop 3.0\0"
_LONG_XMP_MARKER = b"http://ns.adobe.com/xmp/extension/\0"


def open_image(path: Path) -> Image.Image:
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
    """Size and depth from the header; an animation is refused."""
    with open_image(path) as image:
        if getattr(image, "n_frames", 1) > 1:
            raise InputError(f"{path}: is animated", hint="extract its frames and color those")
        return StillInfo(format, image.width, image.height, 16 if image.mode.startswith("I") else 8)


def read(path: Path, info: StillInfo, coding: Coding) -> Still:
    """Decode a picture of which Pillow knows everything."""
    with open_image(path) as image:
        pixels = to_pixels(decode(image, path))
        metadata, orientation, said = read_metadata(image)
    return Still(path, info, pixels, orientation, metadata, coding, said)


def decode(image: Image.Image, path: Path) -> Image.Image:
    """Decode fully; a picture that ends early is an error, not a gray rest."""
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
    icc, said_of_icc = profiles.for_color(image.info.get("icc_profile"))
    xmp = image.info.get("xmp")
    segments: list[tuple[str, bytes]] = getattr(image, "applist", [])  # of a JPEG
    metadata = Metadata(
        exif=exif.removeprefix(EXIF_MARKER) if isinstance(exif, bytes) and exif else None,
        xmp=xmp.encode() if isinstance(xmp, str) else xmp,
        long_xmp=tuple(body for name, body in segments if name == "APP1" and body.startswith(_LONG_XMP_MARKER)),
        icc=icc,
        dpi=_dpi(image.info.get("dpi")),
        aspect=_dpi(image.info.get("aspect")),
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


def grown(still: Still, target: StillFormat, output: OutputSettings) -> tuple[str, ...]:
    """Warnings: that a lossy source became a lossless result, which is larger."""
    if still.coding.lossless or still.info.format is not target or output.quality:
        return ()
    return (f"written without loss, for lossy {target} moves luma; --quality {QUALITY} keeps it small",)


def for_opencv(picture: UIntArray, alpha: UIntArray | None) -> UIntArray:
    """``[h, w]`` gray or ``[h, w, 3]`` RGB as OpenCV wants it; gray with alpha becomes RGBA, which it has."""
    if alpha is None:
        return picture if picture.ndim == 2 else np.asarray(cv2.cvtColor(picture, cv2.COLOR_RGB2BGR), picture.dtype)
    rgb = np.dstack([picture] * 3) if picture.ndim == 2 else picture[..., ::-1]
    return np.dstack((rgb, alpha))


def encode(format: str, rgb: UIntArray, alpha: UIntArray | None, options: dict[str, Any]) -> Encoded:
    """Encode 8-bit gray or RGB, with or without alpha, with Pillow's options for a format that Pillow names so."""
    coded = io.BytesIO()
    Image.fromarray(rgb if alpha is None else np.dstack((rgb, alpha))).save(coded, format=format, **options)
    return Encoded([coded.getbuffer()])
