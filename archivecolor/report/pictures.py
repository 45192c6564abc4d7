"""A result as a small upright sRGB picture: what a browser shows, whatever the result's format and depth are.

Memory: the decoded result, of which a JPEG is only decoded at the scale that is needed.
"""

from __future__ import annotations

import io
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
import numpy.typing as npt
import tifffile
from PIL import Image, ImageCms, ImageOps

from archivecolor.errors import InputError
from archivecolor.frames import Orientation
from archivecolor.settings import StillFormat
from archivecolor.stills import probe
from archivecolor.stills.bounds import check_scans
from archivecolor.stills.metadata import ORIENTATION_TAG
from archivecolor.stills.pillow import decode, open_image

_GROUND: Final = (189, 189, 189)
"""What shows through transparent places: the gray that the page has there."""
_TRIPS: Final = (OSError, EOFError, SyntaxError, ValueError, TypeError, LookupError, ArithmeticError, struct.error)
_ICC_TAG: Final = 34675
_STRIP_ROWS: Final = 256
_SRGB: Final = ImageCms.createProfile("sRGB")


@dataclass(frozen=True, slots=True)
class SmallPicture:
    """A picture at the size of the page, and the size that it has itself."""

    image: Image.Image
    """RGB."""
    width: int
    height: int
    pages: int
    """In the file."""


def small_picture(path: Path, longest_px: int | None, page: int = 0) -> SmallPicture:
    """Decode a picture, or a page from 0 of a file of several, at most ``longest_px`` on its long side.

    With None it keeps its size. Raises `InputError`.
    """
    info = probe(path)
    try:
        deep = _deep_tiff(path, page) if info.format is StillFormat.TIFF else None
        if deep is not None:
            return SmallPicture(
                _deep_shrunk(deep, path, longest_px), deep.pixels.shape[1], deep.pixels.shape[0], info.pages
            )
        if info.format is StillFormat.JPEG:
            check_scans(path)
        with open_image(path) as opened:
            if page:
                opened.seek(page)
            size = opened.size
            image = _shrunk(opened, path, longest_px)
            return SmallPicture(image, *_upright(size, image), info.pages)
    except MemoryError as e:
        raise InputError(f"{path}: does not fit into memory") from e
    except _TRIPS as e:
        raise InputError(f"{path}: cannot be decoded: {e}") from e


def _upright(stored: tuple[int, int], image: Image.Image) -> tuple[int, int]:
    """Width and height of a picture of which ``image`` is a smaller one, the right way up."""
    turned = (stored[0] > stored[1]) != (image.width > image.height) and image.width != image.height
    return (stored[1], stored[0]) if turned else stored


def _shrunk(image: Image.Image, path: Path, longest_px: int | None) -> Image.Image:
    profile = image.info.get("icc_profile")
    if image.mode == "RGB" and longest_px:
        image.draft("RGB", (2 * longest_px, 2 * longest_px))  # a JPEG at a half, a quarter or an eighth
    decode(image, path)
    ImageOps.exif_transpose(image, in_place=True)
    flat = _flat(image)
    if longest_px:
        flat.thumbnail((longest_px, longest_px), reducing_gap=2.0)
    return _in_srgb(flat, profile) if isinstance(profile, bytes) else flat


def _flat(image: Image.Image) -> Image.Image:
    """8-bit RGB without transparency."""
    if image.mode.startswith(("I", "F")):
        return Image.fromarray(_to_8_bit(np.asarray(image))).convert("RGB")
    if "transparency" in image.info or image.mode in ("LA", "La", "PA", "RGBA", "RGBa"):
        over = image.convert("RGBA")
        ground = Image.new("RGB", over.size, _GROUND)
        ground.paste(over, mask=over.getchannel("A"))
        return ground
    return image.convert("RGB")


def _to_8_bit(pixels: npt.NDArray[Any]) -> npt.NDArray[np.uint8]:
    """Integers by their depth, floats as 0..1; strip by strip, for in float a picture takes four times its memory."""
    top = 1.0 if pixels.dtype.kind == "f" else 65535.0 if pixels.dtype.itemsize > 1 else 255.0
    coded = np.empty(pixels.shape, np.uint8)
    for first in range(0, len(pixels), _STRIP_ROWS):
        strip = pixels[first : first + _STRIP_ROWS].astype(np.float32)
        coded[first : first + _STRIP_ROWS] = np.clip(strip * (255 / top), 0, 255) + 0.5
    return coded


def _in_srgb(image: Image.Image, profile: bytes) -> Image.Image:
    try:
        known = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        turned = ImageCms.profileToProfile(image, known, _SRGB, outputMode="RGB")
    except (ImageCms.PyCMSError, OSError):  # a damaged profile, or one that is not for RGB: browsers pass over it, too
        return image
    return turned or image


@dataclass(frozen=True, slots=True)
class _Deep:
    """Colors of more than 8 bit: ``[h, w, 3]`` uint16 or float32, upright."""

    pixels: npt.NDArray[Any]
    profile: bytes | None


def _deep_tiff(path: Path, number: int) -> _Deep | None:
    """A page of a TIFF that Pillow reads wrongly or not at all: deep planes, floats. None of any other."""
    try:
        with tifffile.TiffFile(path) as tif:
            page = tif.pages[number].aspage()
            if page.bitspersample <= 8 or page.photometric != tifffile.PHOTOMETRIC.RGB:
                return None
            pixels = page.asarray()
            if page.planarconfig == tifffile.PLANARCONFIG.SEPARATE:
                pixels = np.moveaxis(pixels, 0, -1)
            if pixels.dtype not in (np.uint16, np.float32):
                return None
            turn = Orientation(page.tags.valueof(ORIENTATION_TAG, 1))
            return _Deep(turn.to_upright(pixels[..., :3]), page.tags.valueof(_ICC_TAG))
    except (tifffile.TiffFileError, ImportError, *_TRIPS):  # damaged, or without imagecodecs: Pillow shall try
        return None


def _deep_shrunk(deep: _Deep, path: Path, longest_px: int | None) -> Image.Image:
    """Most of the way at its own depth: all of it in float would take four times its memory."""
    pixels = deep.pixels
    scale = 2 * longest_px / max(pixels.shape[:2]) if longest_px else 1
    if scale < 1:
        size = (max(1, round(pixels.shape[1] * scale)), max(1, round(pixels.shape[0] * scale)))
        pixels = cv2.resize(np.ascontiguousarray(pixels), size, interpolation=cv2.INTER_AREA)
    image = Image.fromarray(np.ascontiguousarray(_to_8_bit(pixels)))
    if deep.profile:
        image.info["icc_profile"] = deep.profile
    return _shrunk(image, path, longest_px)
