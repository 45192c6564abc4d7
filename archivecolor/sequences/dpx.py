"""DPX (SMPTE 268M-2003): headers whole, samples as the integers they are.

The header of a result is its source's to the byte, but for the few fields that say how many samples a pixel has and
where they lie, so that time code, keycode, film fields, creator and user data need not be known to come through.
OpenImageIO 3.2 is not used here: it refuses headers of 1,664 bytes (FFmpeg's), writes 12-bit samples packed whatever
is asked for, and spoils filled RGBA of 10 bits. The tests hold the samples against it, FFmpeg and ImageMagick.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt

from archivecolor.color import UIntArray
from archivecolor.errors import InputError
from archivecolor.film.scale import Scale
from archivecolor.frames import Orientation
from archivecolor.sequences.dpx_lines import Lines

Bytes: TypeAlias = bytes | memoryview

SHORTEST_HEADER: Final = 1664
"""Bytes of a header with the generic fields alone."""
_FULL_HEADER: Final = 2048
_LONGEST_HEADER: Final = 1 << 24
_MOST_PX: Final = 1 << 16
_FILE_SIZE, _ORIENTATION, _ELEMENT = 16, 768, 780
_ASPECT: Final = 1628
_FILM_RATE, _TIMECODE, _VIDEO_RATE = 1724, 1920, 1940
_KEYCODE: Final = slice(1664, 1680)
_USER_BYTES, _USER_NAME, _USER = 32, 32, b"archivecolor"
_PAGE: Final = 2048
_OF_THE_SAMPLES: Final = ((4, 8), (16, 20), (800, 801), (808, 820))
"""Bytes that say where samples lie and how many a pixel has."""
_UNSET: Final = 0xFFFFFFFF
_CHANNELS: Final = {0: 1, 1: 1, 2: 1, 3: 1, 6: 1, 50: 3, 51: 4}
"""Samples of a pixel by its descriptor: single channels, luma, RGB, RGBA."""
_OTHERS: Final = {7: "chroma alone", 8: "depth", 52: "ABGR", 100: "Y'CbCr 4:2:2", 101: "Y'CbCr 4:2:2 with alpha"}
_RGB, _RGBA = 50, 51
_LOGARITHMIC: Final = (1, 3)
"""Transfers: printing density, and 'logarithmic'. What says 'linear' (2) is shown as it is: FFmpeg says so of all."""
_ORIENTATIONS: Final = (1, 2, 4, 3, 5, 6, 8, 7)
"""By their codes, in the numbers of TIFF."""
_BITS: Final = (8, 10, 12, 16)
_FASTEST: Final = 1000


class NoDpxError(ValueError):
    """A header that lies, or a kind of DPX that is not read; the message says which."""


@dataclass(frozen=True, slots=True)
class Header:
    """What a DPX file says of its picture."""

    raw: bytes
    """All bytes before the picture, user data among them."""
    order: str
    """'>' or '<'."""
    width: int
    height: int
    channels: int
    bits: int
    packing: int
    """0 packed, 1 filled with padding in the lowest bits, 2 with padding in the highest."""
    scale: Scale
    offset: int

    @property
    def lines(self) -> Lines:
        """How its lines are stored."""
        return Lines(self.width, self.channels, self.bits, self.packing, self.order)

    @property
    def timecode(self) -> str | None:
        """Of the frame: '01:02:03:04', with ``;`` where the bit of drop-frame is set."""
        word = self._integer(_TIMECODE)
        if word in (None, 0, _UNSET):  # most writers that know none leave zeros
            return None
        hours, minutes, seconds, frames = word.to_bytes(4, "big")
        digits = (hours, minutes & 0x7F, seconds & 0x7F, frames & 0x3F)
        if any((d & 15) > 9 for d in digits):
            return None
        h, m, s, f = (10 * (d >> 4) + (d & 15) for d in digits)
        return (
            f"{h:02d}:{m:02d}:{s:02d}{';' if frames & 0x40 else ':'}{f:02d}" if h < 24 and m < 60 and s < 60 else None
        )

    @property
    def rate(self) -> Fraction | None:
        """Frames a second, of the film header or else the television header."""
        for at in (_FILM_RATE, _VIDEO_RATE):
            if len(self.raw) < at + 4:
                continue
            (rate,) = struct.unpack_from(f"{self.order}f", self.raw, at)
            if 0 < rate <= _FASTEST:  # NaN is none
                near = [Fraction(n * 1000, 1001) for n in (24, 30, 60)]
                return next((r for r in near if abs(rate - r) < 0.005), Fraction(rate).limit_denominator(100))
        return None

    @property
    def aspect(self) -> Fraction | None:
        """Width to height of a pixel, where it is not square."""
        across, down = self._integer(_ASPECT), self._integer(_ASPECT + 4)
        if not across or not down or _UNSET in (across, down) or max(across, down) > _FASTEST * _FASTEST:
            return None
        found = Fraction(across, down)
        return found if found != 1 and Fraction(1, 8) <= found <= 8 else None

    @property
    def orientation(self) -> Orientation:
        """How lines and pixels follow each other."""
        (code,) = struct.unpack_from(f"{self.order}H", self.raw, _ORIENTATION)
        return Orientation(_ORIENTATIONS[code]) if code < len(_ORIENTATIONS) else Orientation.UPRIGHT

    def _integer(self, at: int) -> int | None:
        return struct.unpack_from(f"{self.order}I", self.raw, at)[0] if len(self.raw) >= at + 4 else None


def read_header(data: Bytes) -> Header:
    """Read the header of a file. Raises `NoDpxError`."""
    order = {b"SDPX": ">", b"XPDS": "<"}.get(bytes(data[:4]))
    if order is None:
        raise NoDpxError("is no DPX")
    if len(data) < SHORTEST_HEADER:
        raise NoDpxError("ends inside its header")
    (offset,) = struct.unpack_from(f"{order}I", data, 4)
    elements, width, height = struct.unpack_from(f"{order}HII", data, _ORIENTATION + 2)
    descriptor, transfer, _, bits, packing, encoding, data_offset = struct.unpack_from(
        f"{order}BBBBHHI", data, _ELEMENT + 20
    )
    if data_offset not in (0, _UNSET):
        offset = data_offset
    if elements != 1:
        raise NoDpxError(f"has {elements} image elements, and one is read")
    if descriptor not in _CHANNELS:
        raise NoDpxError(f"holds {_OTHERS.get(descriptor, f'samples of kind {descriptor}')}, not RGB or luma")
    if encoding not in (0, 0xFFFF):
        raise NoDpxError("is run-length encoded, which is not read")
    if bits not in _BITS or packing not in (0, 1, 2):
        raise NoDpxError(f"has samples of {bits} bit, packed in way {packing}, which are not read")
    if not 0 < width <= _MOST_PX or not 0 < height <= _MOST_PX:
        raise NoDpxError(f"claims {width} x {height} pixels")
    if not SHORTEST_HEADER <= offset <= min(len(data), _LONGEST_HEADER):
        raise NoDpxError(f"claims that its picture begins at byte {offset:,}")
    scale = Scale.DENSITY if transfer in _LOGARITHMIC else Scale.DISPLAY
    return Header(bytes(data[:offset]), order, width, height, _CHANNELS[descriptor], bits, packing, scale, offset)


def read_samples(data: Bytes, header: Header, step: int = 1) -> UIntArray:
    """The samples ``[h, w, channels]`` of every ``step``-th line, uint8 or uint16, integers of the header's bits.

    Raises `NoDpxError`.
    """
    return np.concatenate([lines.unpacked(strip) for lines, strip in _strips(data, header, step)])


def read_luma(data: Bytes, header: Header, step: int = 1) -> UIntArray:
    """Luma ``[h, w]`` of every ``step``-th line, which is computed where samples differ. Raises `NoDpxError`."""
    luma = np.empty((-(-header.height // step), header.width), np.uint8 if header.bits == 8 else np.uint16)
    first = 0
    for lines, strip in _strips(data, header, step):
        lines.luma(strip, luma[first : first + len(strip)])
        first += len(strip)
    return luma


def _strips(data: Bytes, header: Header, step: int) -> Iterator[tuple[Lines, npt.NDArray[Any]]]:
    """Strips of every ``step``-th line as they are stored."""
    lines = header.lines
    line, size = lines.words, lines.word.itemsize
    line_bytes = _line_bytes(data, header, line * size)
    if len(data) - header.offset < line_bytes * (header.height - 1) + line * size:
        raise NoDpxError(
            f"is too short: {header.width} x {header.height} pixels take more than its {len(data):,} bytes"
        )
    stored = np.ndarray((header.height, line), lines.word, data, header.offset, strides=(line_bytes, size))[::step]
    for first in range(0, len(stored), lines.strip):
        yield lines, stored[first : first + lines.strip]


def encode(strips: Iterable[UIntArray], header: Header, channels: int = 3) -> Iterator[bytes | memoryview]:
    """A file of strips of ``[n, w, 3 or 4]`` samples in the form that ``header`` describes, in parts."""
    lines = replace(header.lines, channels=channels)
    raw = bytearray(header.raw)
    size = len(raw) + header.height * lines.words * lines.word.itemsize
    put = f"{header.order}"
    struct.pack_into(f"{put}I", raw, 4, len(raw))
    struct.pack_into(f"{put}I", raw, _FILE_SIZE, min(size, _UNSET))
    struct.pack_into("B", raw, _ELEMENT + 20, _RGBA if channels == 4 else _RGB)
    struct.pack_into(f"{put}III", raw, _ELEMENT + 28, len(raw), 0, 0)
    yield bytes(raw)
    for strip in strips:
        yield lines.packed(strip).data.cast("B")


def new_header(width: int, height: int, *, bits: int, rate: Fraction, timecode: str | None) -> Header:
    """Of a picture that was no DPX: big-endian RGB, filled, for a display (BT.709)."""
    raw = bytearray(_FULL_HEADER)
    raw[:4] = b"SDPX"
    struct.pack_into(
        ">I8sIIIII", raw, 4, _FULL_HEADER, b"V2.0", 0, 1, SHORTEST_HEADER, _FULL_HEADER - SHORTEST_HEADER, 0
    )
    struct.pack_into(">I", raw, 660, _UNSET)
    struct.pack_into(">HHII", raw, _ORIENTATION, 0, 1, width, height)
    top = (1 << bits) - 1
    struct.pack_into(">IIfIf", raw, _ELEMENT, 0, 0, 0.0, top, 0.0)
    struct.pack_into(
        ">BBBBHHIII", raw, _ELEMENT + 20, _RGB, 6, 6, bits, 1 if bits in (10, 12) else 0, 0, _FULL_HEADER, 0, 0
    )
    struct.pack_into(">II", raw, _ASPECT, 1, 1)
    struct.pack_into(">f", raw, _FILM_RATE, float(rate))
    code = _UNSET if timecode is None else _bcd(timecode)
    struct.pack_into(">I", raw, _TIMECODE, code)
    struct.pack_into(">f", raw, _VIDEO_RATE, float(rate))
    return read_header(bytes(raw))


def with_record(header: Header, xmp: bytes) -> Header | None:
    """``header`` with a packet of XMP as user data of our own name; None where others have theirs, or no place is."""
    if _is_taken(header) or len(header.raw) < _FULL_HEADER:
        return None
    user = _USER.ljust(_USER_NAME, b"\0") + xmp
    padding = max(len(header.raw) - _FULL_HEADER, -(-len(user) // _PAGE) * _PAGE)
    raw = bytearray(header.raw[:_FULL_HEADER] + user.ljust(padding, b"\0"))
    struct.pack_into(f"{header.order}I", raw, _USER_BYTES, len(user))
    struct.pack_into(f"{header.order}I", raw, 4, len(raw))
    struct.pack_into(f"{header.order}I", raw, _ELEMENT + 28, len(raw))
    return replace(header, raw=bytes(raw), offset=len(raw))


def record_in(header: Header) -> bytes | None:
    """The packet of XMP that `with_record` put there; None where there is none."""
    name = _USER.ljust(_USER_NAME, b"\0")
    rest = header.raw[_FULL_HEADER:]
    return rest[len(name) :].rstrip(b"\0") if rest.startswith(name) else None


def told_besides(header: Header) -> bytes:
    """What a header says besides how samples are stored and what `with_record` put there."""
    raw = bytearray(header.raw)
    if not _is_taken(header):
        del raw[_FULL_HEADER:]
        raw[_USER_BYTES : _USER_BYTES + 4] = bytes(4)
    for first, last in _OF_THE_SAMPLES:
        raw[first:last] = bytes(last - first)
    return bytes(raw)


def _is_taken(header: Header) -> bool:
    """Whether there is user data that is not ours, or anything else between header and picture."""
    (count,) = struct.unpack_from(f"{header.order}I", header.raw, _USER_BYTES)
    rest = header.raw[_FULL_HEADER:]
    if rest.startswith(_USER.ljust(_USER_NAME, b"\0")):
        return False
    return bool(rest) and (count not in (0, _UNSET) or rest.count(rest[:1]) != len(rest) or rest[0] not in (0, 0xFF))


def stamped(header: Header, timecode: str) -> Header:
    """``header`` with another time code."""
    raw = bytearray(header.raw)
    struct.pack_into(f"{header.order}I", raw, _TIMECODE, _bcd(timecode))
    return read_header(bytes(raw))


def _bcd(timecode: str) -> int:
    h, m, s, f = (int(part) for part in timecode.replace(";", ":").split(":"))
    word = int.from_bytes(bytes(16 * (n // 10) + n % 10 for n in (h, m, s, f)), "big")
    return word | (0x40 if ";" in timecode else 0)


def _line_bytes(data: Bytes, header: Header, least: int) -> int:
    """From one line to the next: lines may end in padding, of which not every file tells."""
    (padding,) = struct.unpack_from(f"{header.order}I", data, _ELEMENT + 32)
    left = len(data) - header.offset
    for step in (least + padding if padding < _MOST_PX else least, -(-least // 4) * 4):
        if left == step * header.height or (padding and padding < _MOST_PX):
            return step
    return least


@contextmanager
def explained(name: str) -> Iterator[None]:
    """Raise what is wrong with a file as an `InputError` that names it."""
    try:
        yield
    except NoDpxError as e:
        raise InputError(f"{name}: {e}", hint="restore it from a copy, or convert it to RGB DPX") from e
