"""TIFF at 8 and 16 bit, through tifffile; where that needs imagecodecs and there is none, through libtiff.

Descriptive tags (who, when, with what, IPTC, XMP, profile) are carried over as they are.
"""

from __future__ import annotations

import io
import logging
import struct
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
import numpy.typing as npt
import tifffile
from PIL import Image, UnidentifiedImageError

from archivecolor.color import UIntArray
from archivecolor.errors import DependencyError, InputError
from archivecolor.frames import Orientation
from archivecolor.settings import StillFormat
from archivecolor.stills import common
from archivecolor.stills.metadata import ASCII, ORIENTATION_TAG, profile_for_colour, tags_of
from archivecolor.stills.still import Coded, Coding, Metadata, Pixels, Still, StillInfo
from archivecolor.toning import thumbnail

logging.getLogger("tifffile").setLevel(logging.CRITICAL)  # it logs what it also raises

_ICC: Final = 34675
_XMP: Final = 700
_PHOTOSHOP: Final = 34377
# DocumentName, ImageDescription, Make, Model, PageName, Software, DateTime, Artist, HostComputer, Copyright; IPTC
_CARRIED_TAGS: Final = (269, 270, 271, 272, 285, 305, 306, 315, 316, 33432, 33723)
_LEFT_OUT_TAGS: Final = {34665: "EXIF directory", 34853: "GPS directory"}
_REDUCED: Final = 1
_MASK: Final = 4
_DEFLATE: Final = 8
_NO_COMPRESSION: Final = 1
_JPEGS: Final = (6, 7, 33007, 34892)
_LZW: Final = 5
_BYTES: Final = 1
_SHORT: Final = 3
_PER_CENTIMETRE: Final = 3
_BIG_TIFF_FROM: Final = 3 << 30
_BITS: Final = (1, 2, 4, 8, 16)
_PREMULTIPLIED: Final = 1
_STRAIGHT: Final = 2
_WIDE_KINDS: Final = (tifffile.PHOTOMETRIC.MINISBLACK,)
"""What Pillow reads right at 16 bit, and at 8 bit and below."""
_KINDS: Final = (
    *_WIDE_KINDS,
    tifffile.PHOTOMETRIC.MINISWHITE,
    tifffile.PHOTOMETRIC.RGB,
    tifffile.PHOTOMETRIC.PALETTE,
    tifffile.PHOTOMETRIC.YCBCR,
)


def _open(path: Path) -> tifffile.TiffFile:
    try:
        return tifffile.TiffFile(path)
    except (tifffile.TiffFileError, OSError, ValueError, struct.error, KeyError) as e:
        raise InputError(f"{path}: its header is damaged: {e}", hint="restore it from a copy") from e


def _only_page(tif: tifffile.TiffFile, path: Path) -> tifffile.TiffPage:
    """The one page that is a picture, not a thumbnail or a mask of one."""
    try:
        pages = [p for p in tif.pages if isinstance(p, tifffile.TiffPage) and not p.subfiletype & (_REDUCED | _MASK)]
    except (tifffile.TiffFileError, OSError, ValueError, struct.error, IndexError, KeyError) as e:
        raise InputError(f"{path}: its directory is damaged: {e}", hint="restore it from a copy") from e
    if len(pages) > 1:
        raise InputError(
            f"{path}: has {len(pages)} pages, of which only one could be kept",
            hint="split it, for instance with tiffsplit",
        )
    if not pages:
        raise InputError(f"{path}: holds no picture", hint="restore it from a copy")
    return pages[0]


def probe(path: Path) -> StillInfo:
    """Size and depth from the header."""
    with _open(path) as tif:
        page = _only_page(tif, path)
        bits = 16 if page.bitspersample > 8 else 8
        return StillInfo(StillFormat.TIFF, int(page.imagewidth), int(page.imagelength), bits)


def read(path: Path, info: StillInfo) -> Still:
    """Decode a single-page TIFF: grey, RGB or palette, with or without alpha, 1, 8 or 16 bit."""
    with _open(path) as tif:
        page = _only_page(tif, path)
        pixels = _decode(page, path)
        decoded = _through_libtiff(page, path) if pixels is None else _to_pixels(pixels, page, path)
        metadata, said = _metadata(page)
        number = _number(page.tags.valueof(ORIENTATION_TAG, 1))
        orientation = Orientation(number) if 1 <= number <= 8 else Orientation.UPRIGHT
        if len(tif.pages) > 1:
            said += ("the thumbnails or masks in it were left out",)
        coding = Coding(
            tiff_compression=int(page.compression),
            tiff_alpha=int(page.extrasamples[0]) if page.extrasamples else _STRAIGHT,
            big_endian=tif.byteorder == ">",
        )
    return Still(path, info, decoded.luma, decoded.alpha, decoded.thumbnail, orientation, metadata, coding, said)


def _decode(page: tifffile.TiffPage, path: Path) -> npt.NDArray[Any] | None:
    """The samples as stored; None where tifffile cannot, for want of imagecodecs."""
    ends = (offset + count for offset, count in zip(page.dataoffsets, page.databytecounts, strict=False))
    if max(ends, default=0) > page.parent.filehandle.size:  # some decoders would fill up with grey or white
        raise InputError(f"{path}: ends early", hint="restore it from a copy")
    try:
        return page.asarray()
    except ImportError:
        return None
    except (ValueError, KeyError, NotImplementedError) as e:
        if "imagecodecs" not in str(e):
            raise InputError(f"{path}: is damaged: {e}", hint="restore it from a copy") from e
    except Exception as e:  # decoders of many libraries, each with its own errors
        raise InputError(f"{path}: is damaged: {e}", hint="restore it from a copy") from e
    return None


def _through_libtiff(page: tifffile.TiffPage, path: Path) -> Pixels:
    """Decode with the libtiff inside Pillow or, 16-bit colour, inside OpenCV."""
    coded = bytearray(path.read_bytes())
    turned = page.tags.get(ORIENTATION_TAG)
    if turned is not None:  # both would turn the picture, and the tag that is carried over turn it again
        struct.pack_into(f"{page.parent.byteorder}H", coded, turned.valueoffset, Orientation.UPRIGHT)
    contiguous = page.planarconfig == tifffile.PLANARCONFIG.CONTIG
    straight = not page.extrasamples or page.extrasamples[0] != _PREMULTIPLIED
    wide = page.bitspersample > 8
    if wide and page.photometric == tifffile.PHOTOMETRIC.RGB and contiguous:
        pixels = cv2.imdecode(np.frombuffer(coded, np.uint8), cv2.IMREAD_UNCHANGED)
        if pixels is not None and pixels.dtype == np.uint16 and pixels.ndim == 3:
            return _to_pixels(pixels[..., [2, 1, 0, 3][: pixels.shape[2]]], page, path)
    elif page.photometric in (_WIDE_KINDS if wide else _KINDS) and straight:
        with suppress(UnidentifiedImageError), Image.open(io.BytesIO(coded), formats=["TIFF"]) as image:
            return common.to_pixels(common.decode(image, path))
    raise DependencyError(
        f"{path}: {tifffile.COMPRESSION(page.compression).name} compression needs another package",
        hint="pip install 'archivecolor[tiff]'",
    )


def _to_pixels(pixels: npt.NDArray[Any], page: tifffile.TiffPage, path: Path) -> Pixels:
    if pixels.ndim == 3 and page.planarconfig == tifffile.PLANARCONFIG.SEPARATE:
        pixels = np.moveaxis(pixels, 0, -1)
    kind, bits = page.photometric, page.bitspersample
    if bits not in _BITS or pixels.dtype not in (np.bool_, np.uint8, np.uint16):
        raise InputError(f"{path}: has {bits} bit {pixels.dtype.name} samples", hint="convert it to 8 or 16 bit")
    if kind == tifffile.PHOTOMETRIC.PALETTE and page.colormap is not None:
        pixels = (page.colormap[:, pixels.astype(np.intp)] >> 8).astype(np.uint8)
        return Pixels.of_rgb(np.moveaxis(pixels, 0, -1))
    if bits < 8:
        pixels = pixels.astype(np.uint8) * np.uint8(255 // (2**bits - 1))
    channels = 1 if pixels.ndim == 2 else pixels.shape[2]
    if kind in (tifffile.PHOTOMETRIC.MINISBLACK, tifffile.PHOTOMETRIC.MINISWHITE) and channels <= 2:
        luma = pixels if pixels.ndim == 2 else np.ascontiguousarray(pixels[..., 0])
        if kind == tifffile.PHOTOMETRIC.MINISWHITE:
            luma = np.iinfo(luma.dtype).max - luma
        return Pixels(luma, np.ascontiguousarray(pixels[..., 1]) if channels == 2 else None)
    if kind == tifffile.PHOTOMETRIC.YCBCR and channels == 3 and page.compression not in _JPEGS:
        rgb = cv2.cvtColor(thumbnail(pixels)[..., [0, 2, 1]], cv2.COLOR_YCrCb2RGB)
        return Pixels(np.ascontiguousarray(pixels[..., 0]), None, np.asarray(rgb, dtype=np.uint8))
    if kind in (tifffile.PHOTOMETRIC.RGB, tifffile.PHOTOMETRIC.YCBCR) and channels in (3, 4):
        return Pixels.of_rgb(pixels[..., :3], np.ascontiguousarray(pixels[..., 3]) if channels == 4 else None)
    raise InputError(
        f"{path}: its pixels are {tifffile.PHOTOMETRIC(page.photometric).name} with {channels} channels",
        hint="convert it to grey or RGB",
    )


def _metadata(page: tifffile.TiffPage) -> tuple[Metadata, tuple[str, ...]]:
    icc, said = profile_for_colour(_bytes(page, _ICC))
    said += tuple(f"its {name} was left out" for code, name in _LEFT_OUT_TAGS.items() if code in page.tags)
    tags = tuple(_carried(tag, page) for code in _CARRIED_TAGS if (tag := page.tags.get(code)) is not None)
    photoshop = _bytes(page, _PHOTOSHOP) or b""
    return Metadata(xmp=_bytes(page, _XMP), icc=icc, dpi=_dpi(page), photoshop=photoshop, tiff_tags=tags), said


def _bytes(page: tifffile.TiffPage, code: int) -> bytes | None:
    """A tag that is a block of bytes, as it lies in the file: tifffile reads some of them into structures."""
    tag = page.tags.get(code)
    return None if tag is None else _raw(tag, page)


def _raw(tag: tifffile.TiffTag, page: tifffile.TiffPage) -> bytes:
    handle = page.parent.filehandle
    handle.seek(tag.valueoffset)
    return bytes(handle.read(tag.valuebytecount))


def _carried(tag: tifffile.TiffTag, page: tifffile.TiffPage) -> tuple[int, int, int, object]:
    if tag.dtype != ASCII:
        return tag.code, int(tag.dtype), tag.count, tag.value
    # As bytes: tifffile writes text only where it is ASCII, and the file's encoding is anybody's guess
    text = _raw(tag, page)
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


def encode(rgb: UIntArray, alpha: UIntArray | None, still: Still) -> list[Coded]:
    """Encode ``[h, w, 3]`` RGB at its own depth, compressed as the source or, from another format, with Deflate."""
    kept = still.metadata
    tags: list[tuple[int, int, int | None, object, bool]] = [
        (code, kind, count, value, True) for code, kind, count, value in tags_of(kept)
    ]
    blocks = ((_XMP, kept.xmp), (_PHOTOSHOP, kept.photoshop))
    tags += [(code, _BYTES, len(block), block, True) for code, block in blocks if block]
    if still.orientation is not Orientation.UPRIGHT:
        tags.append((ORIENTATION_TAG, _SHORT, 1, int(still.orientation), True))
    data = rgb if alpha is None else np.dstack((rgb, alpha))
    coded = io.BytesIO()
    tifffile.imwrite(
        coded,
        data,
        photometric="rgb",
        extrasamples=None if alpha is None else [still.coding.tiff_alpha],
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
    return [coded.getbuffer()]


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
