"""TIFF at 8 and 16 bit, through tifffile; compressions that need imagecodecs fall back to OpenCV's libtiff.

Descriptive tags (who, when, with what, IPTC, XMP, profile) are carried over as they are.
"""

from __future__ import annotations

import logging
import struct
from pathlib import Path
from typing import Any, BinaryIO, Final

import cv2
import numpy as np
import numpy.typing as npt
import tifffile

from archivecolor.color import UIntArray, luma_of
from archivecolor.errors import DependencyError, InputError
from archivecolor.frames import Orientation
from archivecolor.settings import StillFormat
from archivecolor.stills.still import Coding, Metadata, Still, StillInfo

logging.getLogger("tifffile").setLevel(logging.CRITICAL)  # it logs what it also raises

_ICC: Final = 34675
_XMP: Final = 700
_ORIENTATION: Final = 274
# DocumentName, ImageDescription, Make, Model, PageName, Software, DateTime, Artist, HostComputer, Copyright; IPTC,
# Photoshop's resources
_CARRIED_TAGS: Final = (269, 270, 271, 272, 285, 305, 306, 315, 316, 33432, 33723, 34377)
_DEFLATE: Final = 8
_NO_COMPRESSION: Final = 1
_LZW: Final = 5
_BYTES: Final = 1
_ASCII: Final = 2
_PER_CENTIMETRE: Final = 3
_BIG_TIFF_FROM: Final = 3 << 30


def _open(path: Path) -> tifffile.TiffFile:
    try:
        return tifffile.TiffFile(path)
    except (tifffile.TiffFileError, OSError, ValueError, struct.error, KeyError) as e:
        raise InputError(f"{path}: its header is damaged: {e}", hint="restore it from a copy") from e


def _only_page(tif: tifffile.TiffFile, path: Path) -> tifffile.TiffPage:
    try:
        pages = [p for p in tif.pages if isinstance(p, tifffile.TiffPage) and not p.subfiletype & 1]
        count = len(tif.pages)
    except (tifffile.TiffFileError, OSError, ValueError, struct.error, IndexError, KeyError) as e:
        raise InputError(f"{path}: its directory is damaged: {e}", hint="restore it from a copy") from e
    if count > 1:
        raise InputError(
            f"{path}: has {count} pages, of which only one could be kept", hint="split it, for instance with tiffsplit"
        )
    if not pages:
        raise InputError(f"{path}: holds no picture", hint="restore it from a copy")
    return pages[0]


def probe(path: Path) -> StillInfo:
    """Size and depth from the header."""
    with _open(path) as tif:
        page = _only_page(tif, path)
        bits = 16 if page.bitspersample > 8 else 8
        return StillInfo(StillFormat.TIFF, page.imagewidth, page.imagelength, bits)


def read(path: Path, info: StillInfo) -> Still:
    """Decode a single-page TIFF: grey, RGB or palette, with or without alpha, 1, 8 or 16 bit."""
    with _open(path) as tif:
        page = _only_page(tif, path)
        pixels = _decode(page, path)
        luma, alpha = _to_luma(pixels, page, path)
        metadata, said = _metadata(page)
        number = _number(page.tags.valueof(_ORIENTATION, 1))
        orientation = Orientation(number) if 1 <= number <= 8 else Orientation.UPRIGHT
        coding = Coding(tiff_compression=int(page.compression), big_endian=tif.byteorder == ">")
    return Still(path, info, luma, alpha, orientation, metadata, coding, said)


def _decode(page: tifffile.TiffPage, path: Path) -> npt.NDArray[Any]:
    try:
        return page.asarray()
    except (ValueError, KeyError, NotImplementedError) as e:
        if "imagecodecs" not in str(e):
            raise InputError(f"{path}: is damaged: {e}", hint="restore it from a copy") from e
    except Exception as e:  # decoders of many libraries, each with its own errors
        raise InputError(f"{path}: is damaged: {e}", hint="restore it from a copy") from e
    pixels = cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_UNCHANGED)
    plain = page.photometric in (tifffile.PHOTOMETRIC.MINISBLACK, tifffile.PHOTOMETRIC.RGB)
    if pixels is None or not plain or pixels.shape[:2] != (page.imagelength, page.imagewidth):
        raise DependencyError(
            f"{path}: {tifffile.COMPRESSION(page.compression).name} compression needs another package",
            hint="pip install 'archivecolor[tiff]'",
        )
    return pixels if pixels.ndim == 2 else pixels[..., [2, 1, 0, 3][: pixels.shape[2]]]


def _to_luma(pixels: npt.NDArray[Any], page: tifffile.TiffPage, path: Path) -> tuple[UIntArray, UIntArray | None]:
    if pixels.ndim == 3 and page.planarconfig == tifffile.PLANARCONFIG.SEPARATE:
        pixels = np.moveaxis(pixels, 0, -1)
    if pixels.dtype == np.bool_ or page.bitspersample == 1:
        pixels = pixels.astype(np.uint8) * np.uint8(255)
    elif page.bitspersample not in (8, 16) or pixels.dtype not in (np.uint8, np.uint16):
        raise InputError(
            f"{path}: has {page.bitspersample} bit {pixels.dtype.name} samples", hint="convert it to 8 or 16 bit"
        )
    kind = page.photometric
    if kind == tifffile.PHOTOMETRIC.PALETTE and page.colormap is not None:
        pixels = (page.colormap[:, pixels] >> 8).astype(np.uint8)
        return luma_of(np.moveaxis(pixels, 0, -1)), None
    channels = 1 if pixels.ndim == 2 else pixels.shape[2]
    if kind in (tifffile.PHOTOMETRIC.MINISBLACK, tifffile.PHOTOMETRIC.MINISWHITE) and channels <= 2:
        luma = pixels if pixels.ndim == 2 else np.ascontiguousarray(pixels[..., 0])
        if kind == tifffile.PHOTOMETRIC.MINISWHITE:
            luma = np.iinfo(luma.dtype).max - luma
        return luma, np.ascontiguousarray(pixels[..., 1]) if channels == 2 else None
    if kind in (tifffile.PHOTOMETRIC.RGB, tifffile.PHOTOMETRIC.YCBCR) and channels in (3, 4):
        return luma_of(pixels[..., :3]), np.ascontiguousarray(pixels[..., 3]) if channels == 4 else None
    raise InputError(
        f"{path}: its pixels are {tifffile.PHOTOMETRIC(page.photometric).name} with {channels} channels",
        hint="convert it to grey or RGB",
    )


def _metadata(page: tifffile.TiffPage) -> tuple[Metadata, tuple[str, ...]]:
    said: list[str] = []
    icc = page.tags.valueof(_ICC)
    if isinstance(icc, bytes) and icc[16:20] != b"RGB ":
        said.append("its grey ICC profile does not fit a colour picture and was left out")
        icc = None
    if 34665 in page.tags:
        said.append("its EXIF directory was left out")
    tags = tuple(_carried(tag, page) for code in _CARRIED_TAGS if (tag := page.tags.get(code)) is not None)
    xmp = page.tags.valueof(_XMP)
    return Metadata(xmp=xmp if isinstance(xmp, bytes) else None, icc=icc, dpi=_dpi(page), tiff_tags=tags), tuple(said)


def _carried(tag: tifffile.TiffTag, page: tifffile.TiffPage) -> tuple[int, int, int, object]:
    if tag.dtype != _ASCII:
        return tag.code, int(tag.dtype), tag.count, tag.value
    # As bytes: tifffile writes text only where it is ASCII, and the file's encoding is anybody's guess
    handle = page.parent.filehandle
    handle.seek(tag.valueoffset)
    text = handle.read(tag.valuebytecount)
    return tag.code, int(tag.dtype), len(text), text


def _number(value: object) -> int:
    return int(value) if isinstance(value, int) else 1


def _dpi(page: tifffile.TiffPage) -> tuple[float, float] | None:
    x, y = (page.tags.valueof(code) for code in (282, 283))
    unit = _number(page.tags.valueof(296, 2))
    if not isinstance(x, tuple) or not isinstance(y, tuple) or unit == 1 or 0 in (x[1], y[1]):
        return None
    scale = 2.54 if unit == _PER_CENTIMETRE else 1.0
    return x[0] / x[1] * scale, y[0] / y[1] * scale


def write(file: BinaryIO, rgb: UIntArray, alpha: UIntArray | None, still: Still) -> None:
    """Encode ``[h, w, 3]`` RGB at its own depth, compressed as the source or, from another format, with Deflate."""
    kept = still.metadata
    tags: list[tuple[int, int, int | None, object, bool]] = [
        (code, kind, count, value, True) for code, kind, count, value in kept.tiff_tags
    ]
    if kept.xmp:
        tags.append((_XMP, _BYTES, len(kept.xmp), kept.xmp, True))
    if still.orientation is not Orientation.UPRIGHT:
        tags.append((_ORIENTATION, 3, 1, int(still.orientation), True))
    data = rgb if alpha is None else np.dstack((rgb, alpha))
    tifffile.imwrite(
        file,
        data,
        photometric="rgb",
        extrasamples=None if alpha is None else ["unassalpha"],
        byteorder=">" if still.coding.big_endian else "<",
        bigtiff=data.nbytes > _BIG_TIFF_FROM,
        compression=_compression(still),
        predictor=_compression(still) is not None,
        rowsperstrip=max(1, (1 << 18) // max(1, data[0].nbytes)),
        resolution=kept.dpi,
        resolutionunit="INCH" if kept.dpi else None,
        iccprofile=kept.icc,
        software=False,
        metadata=None,
        extratags=tags,
    )


def _compression(still: Still) -> int | None:
    source = still.coding.tiff_compression
    if still.info.format is StillFormat.TIFF and source == _NO_COMPRESSION:
        return None
    if source == _LZW and _has_imagecodecs():
        return _LZW
    return _DEFLATE


def _has_imagecodecs() -> bool:
    try:
        import imagecodecs  # noqa: F401
    except ImportError:
        return False
    return True
