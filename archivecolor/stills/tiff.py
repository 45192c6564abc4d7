"""TIFF, read through tifffile; where that needs imagecodecs and there is none, through libtiff. Every page is a still.

Descriptive tags (who, when, with what, IPTC, XMP, profile) and EXIF's directories are carried over as they are.
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

from archivecolor.color import rgb_to_luma
from archivecolor.errors import DependencyError, InputError
from archivecolor.frames import Orientation
from archivecolor.installation import install_line
from archivecolor.settings import StillFormat
from archivecolor.stills import bounds, exif, pillow, profiles, tags
from archivecolor.stills.metadata import ORIENTATION_TAG
from archivecolor.stills.still import Coding, Metadata, Pixels, Still, StillInfo
from archivecolor.stills.tiff_writing import encode, white_of
from archivecolor.stills.unread import RAW_HINT
from archivecolor.toning import thumbnail

__all__ = ["encode", "probe", "read"]

logging.getLogger("tifffile").setLevel(logging.CRITICAL)  # it logs what it also raises

_SHARED_BYTES: Final = 1 << 16
_SUB_PICTURES: Final = 330
_REDUCED: Final = 1
_MASK: Final = 4
_JPEGS: Final = (6, 7, 33007, 34892)
_DNG_VERSION: Final = 50706
_SENSORS: Final = (tifffile.PHOTOMETRIC.CFA, tifffile.PHOTOMETRIC.LINEAR_RAW)
_BITS: Final = (1, 2, 4, 8, 16)
_PREMULTIPLIED: Final = 1
_STRAIGHT: Final = 2
_FLOAT_KINDS: Final = (tifffile.PHOTOMETRIC.MINISBLACK, tifffile.PHOTOMETRIC.RGB)
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
        tif = tifffile.TiffFile(path)
    except (tifffile.TiffFileError, OSError, ValueError, struct.error, KeyError) as e:
        raise InputError(f"{path}: its header is damaged: {e}", hint="restore it from a copy") from e
    try:
        _check_directories(tif, path)
    except BaseException:
        tif.close()
        raise
    return tif


def _check_directories(tif: tifffile.TiffFile, path: Path) -> None:
    """Walk from page to page before tifffile does, which would follow a circle for ever. Raises `InputError`."""
    handle, layout = tif.filehandle, exif.Layout(tif.byteorder, tif.is_bigtiff)

    def number(place: int, size: int) -> int:
        handle.seek(min(place, handle.size))
        return layout.number(handle.read(size))

    def following(place: int) -> int:
        fields = number(place, layout.count_bytes)
        return number(place + layout.table_bytes(fields) - layout.offset_bytes, layout.offset_bytes)

    start = number(layout.header_bytes, layout.offset_bytes)
    for _ in bounds.not_too_many(bounds.once(start, following, path), path):
        pass


def _pictures(tif: tifffile.TiffFile, path: Path) -> list[tifffile.TiffPage]:
    """The pages that are pictures, not thumbnails or masks of one."""
    try:
        pages = [p for p in tif.pages if isinstance(p, tifffile.TiffPage) and not p.subfiletype & (_REDUCED | _MASK)]
    except (tifffile.TiffFileError, OSError, ValueError, struct.error, IndexError, KeyError) as e:
        raise InputError(f"{path}: its directory is damaged: {e}", hint="restore it from a copy") from e
    if not pages:
        raise InputError(f"{path}: holds no picture", hint="restore it from a copy")
    if sum(sum(page.databytecounts) for page in pages) > 2 * tif.filehandle.size + _SHARED_BYTES:
        raise bounds.trap(path, "its pages share their pixels")
    return pages


def probe(path: Path) -> StillInfo:
    """Size and depth of the largest page."""
    with _open(path) as tif:
        pages = _pictures(tif, path)
        if _is_raw(tif):
            raise InputError(f"{path}: is a camera raw, of which archivecolor would see a preview", hint=RAW_HINT)
        infos = [_info(page, len(pages)) for page in pages]
        return max(infos, key=lambda info: info.working_bytes)


def _is_raw(tif: tifffile.TiffFile) -> bool:
    """Whether the picture is what a sensor saw: DNG's version (Adobe DNG 1.4), or its kind of color."""
    first = tif.pages.first
    if _DNG_VERSION in first.tags:
        return True
    inside = first.pages or ()
    return any(getattr(page, "photometric", None) in _SENSORS for page in (*tif.pages, *inside))


def _info(page: tifffile.TiffPage, pages: int) -> StillInfo:
    bits = 16 if page.bitspersample > 8 else 8
    return StillInfo(StillFormat.TIFF, int(page.imagewidth), int(page.imagelength), bits, pages)


def read(path: Path, info: StillInfo, page: int) -> Still:
    """Decode one page: gray, RGB, Y'CbCr or palette, with or without alpha, 1 to 16 bit or float32."""
    with _open(path) as tif:
        pages = _pictures(tif, path)
        if page >= len(pages):
            raise InputError(f"{path}: has {len(pages)} pages", hint="it changed while it was read")
        chosen = pages[page]
        samples = _decode(chosen, path)
        pixels = _through_libtiff(chosen, path) if samples is None else _to_pixels(samples, chosen, path)
        metadata, said = _metadata(chosen)
        number = _number(chosen.tags.valueof(ORIENTATION_TAG, 1))
        if page == 0 and (len(tif.pages) > len(pages) or tags.SUB_PICTURES in chosen.tags):
            said += ("the thumbnails or masks in it were left out",)
        return Still(
            path=path,
            info=_info(chosen, len(pages)),
            pixels=pixels,
            orientation=Orientation(number) if 1 <= number <= 8 else Orientation.UPRIGHT,
            metadata=metadata,
            coding=Coding(
                tiff_compression=int(chosen.compression),
                tiff_alpha=int(chosen.extrasamples[0]) if chosen.extrasamples else _STRAIGHT,
                big_endian=tif.byteorder == ">",
                big_tiff=tif.is_bigtiff,
                tile=(chosen.tilelength, chosen.tilewidth) if chosen.is_tiled else None,
            ),
            warnings=said,
        )


def _decode(page: tifffile.TiffPage, path: Path) -> npt.NDArray[Any] | None:
    """The samples as stored; None where tifffile cannot, for want of imagecodecs."""
    ends = (offset + count for offset, count in zip(page.dataoffsets, page.databytecounts, strict=False))
    if max(ends, default=0) > page.parent.filehandle.size:  # some decoders would fill up with gray or white
        raise InputError(f"{path}: ends early", hint="restore it from a copy")
    if sum(page.databytecounts) > 2 * page.nbytes + (1 << 16):  # no compression doubles a picture
        raise InputError(f"{path}: is damaged or a trap: its pixels take more bytes than they could")
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
    """Decode with the libtiff inside Pillow or, 16-bit color, inside OpenCV."""
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
            return pillow.to_pixels(pillow.decode(image, path))
    raise DependencyError(
        f"{path}: {tifffile.COMPRESSION(page.compression).name} compression needs another package",
        hint=install_line("tiff"),
    )


def _to_pixels(pixels: npt.NDArray[Any], page: tifffile.TiffPage, path: Path) -> Pixels:
    if pixels.ndim == 3 and page.planarconfig == tifffile.PLANARCONFIG.SEPARATE:
        pixels = np.moveaxis(pixels, 0, -1)
    kind, bits = page.photometric, page.bitspersample
    if pixels.dtype in (np.float16, np.float32):
        return _of_float(pixels.astype(np.float32), page, path)
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
        hint="convert it to gray or RGB",
    )


def _of_float(samples: npt.NDArray[np.float32], page: tifffile.TiffPage, path: Path) -> Pixels:
    """16-bit luma of float samples, and the luma that they are."""
    flat = samples.ndim == 2 or samples.shape[2] == 1
    if not np.isfinite(samples).all():
        raise InputError(f"{path}: has samples that are no numbers", hint="mend it with an image editor")
    if page.photometric not in _FLOAT_KINDS or not (flat or samples.shape[2] == 3):
        name = tifffile.PHOTOMETRIC(page.photometric).name
        raise InputError(f"{path}: its float samples are {name}", hint="convert it to gray or RGB, or to 16 bit")
    y = np.ascontiguousarray(samples.reshape(samples.shape[:2]) if flat else rgb_to_luma(samples))
    white = white_of(y)
    luma = np.rint(np.clip(y / np.float32(white), 0, 1) * np.float32(65535)).astype(np.uint16)
    if flat:
        return Pixels(luma, float_y=y)
    small = thumbnail(np.clip(samples / np.float32(white) * 255, 0, 255).astype(np.uint8))
    return Pixels(luma, thumbnail=small, float_y=y)


def _metadata(page: tifffile.TiffPage) -> tuple[Metadata, tuple[str, ...]]:
    """What the page's directory says, read anew: tifffile reads some of it into structures, and drops what is odd."""
    handle = page.parent.filehandle

    def read(at: int, size: int) -> bytes:
        handle.seek(min(at, handle.size))
        return bytes(handle.read(size))

    layout = exif.Layout(page.parent.byteorder, page.parent.is_bigtiff)
    fields = {field.code: field for field in exif.read_directory(read, page.offset, layout)}

    def block(code: int) -> bytes | None:
        return fields[code].value if code in fields else None

    icc, said = profiles.for_color(block(tags.ICC))
    resolution = tuple(fields[c] for c in (tags.X_RESOLUTION, tags.Y_RESOLUTION, tags.RESOLUTION_UNIT) if c in fields)
    dpi, aspect = _resolution(page)
    metadata = Metadata(
        xmp=block(tags.XMP),
        icc=icc,
        dpi=dpi,
        aspect=aspect,
        resolution=resolution if dpi or aspect else (),
        photoshop=block(tags.PHOTOSHOP) or b"",
        directories=tuple(f for c, f in fields.items() if f.inner and c in (exif.EXIF_DIRECTORY, exif.GPS_DIRECTORY)),
        tiff_tags=tags.described(fields.values()),
    )
    return metadata, said


def _number(value: object) -> int:
    return int(value) if isinstance(value, int) else 1


def _resolution(page: tifffile.TiffPage) -> tuple[tuple[float, float] | None, tuple[float, float] | None]:
    """Dots an inch, or the aspect of a page that gives no unit."""
    x, y = (page.tags.valueof(code) for code in (tags.X_RESOLUTION, tags.Y_RESOLUTION))
    unit = _number(page.tags.valueof(tags.RESOLUTION_UNIT, tags.INCH))
    if not isinstance(x, tuple) or not isinstance(y, tuple) or 0 in (*x, *y):
        return None, None
    across, down = x[0] / x[1], y[0] / y[1]
    if unit == tags.NO_UNIT:
        return None, (across, down)
    scale = 2.54 if unit == tags.CENTIMETER else 1.0
    return (across * scale, down * scale), None
