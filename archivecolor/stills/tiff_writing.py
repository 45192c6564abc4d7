"""TIFF, written through tifffile: as many pages as the source has, compressed, tiled and ordered as it is.

What describes a picture, EXIF's directories among it, is laid out behind the pictures when these are written: tifffile
knows nothing of directories, and not of every kind of value.
"""

from __future__ import annotations

import io
from types import TracebackType
from typing import Any, BinaryIO, Final, Literal, Self

import numpy as np
import numpy.typing as npt
import tifffile

from archivecolor.color import FloatArray, UIntArray, rgb_to_luma
from archivecolor.frames import Orientation
from archivecolor.settings import OutputSettings, StillFormat
from archivecolor.stills import exif
from archivecolor.stills.metadata import ORIENTATION_TAG, directories_of, tags_of
from archivecolor.stills.still import Encoded, Still

_XMP: Final = 700
_PHOTOSHOP: Final = 34377
_BYTES: Final = 1
_SHORT: Final = 3
_BIG_TIFF_FROM: Final = 3 << 30
_STRIP_BYTES: Final = 1 << 18

_NONE, _LZW, _DEFLATE, _ADOBE_DEFLATE, _PACKBITS = 1, 5, 32946, 8, 32773
_KEPT: Final = {_LZW: _LZW, _DEFLATE: _DEFLATE, _ADOBE_DEFLATE: _ADOBE_DEFLATE, _PACKBITS: _PACKBITS, 50000: 50000}
"""What the source may be compressed with and the result is again: 50000 is Zstandard."""
_WITHOUT_IMAGECODECS: Final = (_DEFLATE, _ADOBE_DEFLATE)
_PREDICTED: Final = (_LZW, _DEFLATE, _ADOBE_DEFLATE, 50000)
_FLOAT_WHITES: Final = (1.0, 255.0, 65535.0)
_NAMES: Final = {2: "CCITT", 3: "CCITT group 3", 4: "CCITT group 4", 6: "JPEG", 7: "JPEG", 34712: "JPEG 2000"}


def encode(rgb: UIntArray, alpha: UIntArray | None, still: Still, output: OutputSettings) -> Encoded:
    """Encode one page at the depth of ``rgb``, or as float32 where the source is."""
    coded = io.BytesIO()
    with Pages(coded) as pages:
        said = pages.add(rgb, alpha, still)
    return Encoded([coded.getbuffer()], said)


class Pages:
    """A TIFF that pages are added to. A context manager: leaving it finishes the file."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._writer: tifffile.TiffWriter | None = None
        self._layout = exif.Layout("<")
        self._described: list[tuple[exif.Field, ...]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._writer is None:
            return
        self._writer.close()
        if error is None and any(self._described):
            self._describe()

    def add(self, rgb: UIntArray, alpha: UIntArray | None, still: Still) -> tuple[str, ...]:
        """Write a page with ``still``'s metadata; returns warnings."""
        kept, coding = still.metadata, still.coding
        data: npt.NDArray[Any] = rgb if alpha is None else np.dstack((rgb, alpha))
        if still.pixels.float_y is not None:
            data = _as_float(rgb, still.pixels.float_y)
        gray = rgb.ndim == 2
        if self._writer is None:
            order: Literal["<", ">"] = ">" if coding.big_endian else "<"
            big = coding.big_tiff or data.nbytes * still.info.pages > _BIG_TIFF_FROM
            # With a name: it would ask the file for one, which may be a number
            handle = tifffile.FileHandle(self._file, name="result")
            self._writer = tifffile.TiffWriter(handle, bigtiff=big, byteorder=order)
            self._layout = exif.Layout(order, big)
        compression, said = _compression(still)
        self._described.append((*directories_of(kept), *tags_of(kept), *kept.resolution))
        self._writer.write(
            data,
            photometric="minisblack" if gray else "rgb",
            planarconfig="contig" if data.ndim == 3 else None,
            extrasamples=None if alpha is None else [coding.tiff_alpha],
            compression=compression,
            predictor=compression in _PREDICTED,
            tile=coding.tile,
            rowsperstrip=None if coding.tile else max(1, _STRIP_BYTES // max(1, data[0].nbytes)),
            resolution=None if kept.resolution else kept.dpi or kept.aspect,
            resolutionunit="INCH" if kept.dpi else "NONE",
            iccprofile=kept.icc,
            software=False,
            metadata=None,
            contiguous=False,
            extratags=self._tags(still),
        )
        return said

    def _tags(self, still: Still) -> list[tuple[int, int, int | None, object, bool]]:
        kept = still.metadata
        tags: list[tuple[int, int, int | None, object, bool]] = []
        blocks = ((_XMP, kept.xmp), (_PHOTOSHOP, kept.photoshop))
        tags += [(code, _BYTES, len(block), block, True) for code, block in blocks if block]
        if still.orientation is not Orientation.UPRIGHT:
            tags.append((ORIENTATION_TAG, _SHORT, 1, int(still.orientation), True))
        return tags

    def _describe(self) -> None:
        """Write the pages' tables anew, at the end of the file, with what describes them."""
        layout = self._layout
        place = layout.header_bytes  # of what points to the first page's table
        for described in self._described:
            start = self._number_at(place, layout.offset_bytes)
            count = self._number_at(start, layout.count_bytes)
            table = self._bytes_at(start + layout.count_bytes, layout.table_bytes(count) - layout.count_bytes)
            entries = [table[i * layout.entry_bytes : (i + 1) * layout.entry_bytes] for i in range(count)]
            new = tuple({field.code: field for field in described}.values())
            codes = {field.code for field in new}
            entries = [entry for entry in entries if layout.number(entry[:2]) not in codes]
            end = self._file.seek(0, io.SEEK_END)
            end += end % 2
            behind = end + layout.table_bytes(len(entries) + len(new))
            added, values = exif.lay_out(new, behind, layout)
            entries = sorted([*entries, *added], key=lambda entry: layout.number(entry[:2]))
            head = layout.bytes_of(len(entries), layout.count_bytes)
            self._write_at(end, head + b"".join(entries) + table[-layout.offset_bytes :] + values)
            self._write_at(place, layout.bytes_of(end, layout.offset_bytes))
            place = behind - layout.offset_bytes
        self._file.seek(0, io.SEEK_END)

    def _number_at(self, place: int, size: int) -> int:
        return self._layout.number(self._bytes_at(place, size))

    def _bytes_at(self, place: int, size: int) -> bytes:
        self._file.seek(place)
        return self._file.read(size)

    def _write_at(self, place: int, data: bytes) -> None:
        self._file.seek(place)
        self._file.write(data)


def white_of(float_y: FloatArray) -> float:
    """The float sample that counts as white: 1, 255, 65535 or, beyond all of these, the lightest of them."""
    lightest = float(float_y.max(initial=0))
    return next((top for top in _FLOAT_WHITES if lightest <= top), lightest)


def _as_float(rgb: UIntArray, float_y: FloatArray) -> FloatArray:
    """``[h, w, 3]`` float32 of 16-bit color, in the unit of ``float_y``, whose luma is ``float_y``; of gray, that.

    The three weights of luma add up to 1, so what is added to all channels is added to the luma.
    """
    if rgb.ndim == 2:
        return float_y
    unit = white_of(float_y) / 65535
    exact = np.empty(rgb.shape, np.float32)
    for first in range(0, len(rgb), 64):
        wide = rgb[first : first + 64].astype(np.float64) * unit
        exact[first : first + 64] = wide + (float_y[first : first + 64] - rgb_to_luma(wide))[..., None]
    return exact


def _compression(still: Still) -> tuple[int | None, tuple[str, ...]]:
    """The source's compression, or the nearest that holds color without loss; Deflate from another format."""
    if still.info.format is not StillFormat.TIFF:
        return _ADOBE_DEFLATE, ()
    source = still.coding.tiff_compression
    if source == _NONE:
        return None, ()
    if source in _KEPT and (source in _WITHOUT_IMAGECODECS or _has_imagecodecs()):
        return _KEPT[source], ()
    name = _NAMES.get(source)
    return _ADOBE_DEFLATE, (f"compressed with Deflate: {name} holds no color without loss",) if name else ()


def _has_imagecodecs() -> bool:
    try:
        import imagecodecs  # noqa: F401
    except ImportError:
        return False
    return True
