"""The bits of JPEG scans, many blocks at once: DC differences read and coded, blocks woven into a scan of their own.

Places are in bits from the beginning of the data, the highest bit of a byte first (ITU-T T.81, F.1.2).
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from archivecolor.stills.jpeg_huffman import Ints, Table, Unreadable

_WORD: Final = 32
_LONGEST: Final = 11
"""Bits of a DC difference at 8 bit."""


def _windows(data: npt.NDArray[np.uint8], places: Ints) -> Ints:
    """The 33 bits from each place on, of which there are four bytes and more behind the last place."""
    first = places >> 3
    ahead = data.take(first).astype(np.int64)
    for i in range(1, 5):
        ahead = ahead << 8 | data.take(first + i)
    return ahead >> (7 - (places & 7)) & (1 << 33) - 1


def differences(data: npt.NDArray[np.uint8], places: Ints, table: Table) -> tuple[Ints, Ints]:
    """The DC difference at each place, and how many bits it takes (T.81, F.2.2.1)."""
    spans = 1 << 16 - table.lengths
    lengths, sizes = np.zeros(1 << 16, np.int64), np.zeros(1 << 16, np.int64)
    lengths[: spans.sum()] = np.repeat(table.lengths, spans)
    sizes[: spans.sum()] = np.repeat(np.frombuffer(table.symbols, np.uint8), spans)
    windows = _windows(data, places)
    code = windows >> 17
    length, size = lengths.take(code), sizes.take(code)
    value = windows >> (33 - length - size) & (1 << size) - 1
    return np.where(value < 1 << size >> 1, value - (1 << size) + 1, value), length + size


def coded(values: Ints, table: Table) -> tuple[Ints, Ints]:
    """Codes of DC differences, each with its bits behind it, and how many bits that is (T.81, F.1.2.1)."""
    size = np.frexp(np.abs(values).astype(np.float64))[1].astype(np.int64)
    if len(size) and size.max() > _LONGEST:
        raise Unreadable("its DC values are out of range")
    lengths = table.lengths
    spans = 1 << 16 - lengths
    codes = (np.cumsum(spans) - spans) >> 16 - lengths
    extra = np.where(values < 0, values + (1 << size) - 1, values)
    return codes[size] << size | extra, lengths[size] + size


def woven(codes: Ints, bits: Ints, data: npt.NDArray[np.uint8], places: Ints, lengths: Ints) -> bytes:
    """A scan of each block's code, ``bits`` long, followed by ``lengths`` bits of ``data`` from ``places`` on."""
    if len(lengths) and lengths.min() < 0:
        raise Unreadable("a block ends before it begins")
    behind = np.cumsum(bits + lengths)
    total = int(behind[-1])
    words = np.zeros(total // _WORD + 3, np.uint64)
    _put(words, behind - lengths - bits, bits, codes)
    count = -(-lengths // _WORD)
    block = np.repeat(np.arange(len(lengths)), count)
    done = (np.arange(len(block)) - np.repeat(np.cumsum(count) - count, count)) * _WORD
    size = np.minimum(lengths[block] - done, _WORD)
    windows = _windows(data, places[block] + done) >> 33 - size
    _put(words, (behind - lengths)[block] + done, size, windows)
    fill = np.array([-total % 8])
    _put(words, np.array([total]), fill, (1 << fill) - 1)
    return stuffed(words.astype(">u4").tobytes()[: -(-total // 8)])


def _put(words: npt.NDArray[np.uint64], places: Ints, sizes: Ints, values: Ints) -> None:
    """Lay values of up to 32 bits at rising places, which no two share, into words of 32 bits."""
    if not len(places):
        return
    word = places // _WORD
    wide = values.astype(np.uint64) << (64 - places % _WORD - sizes).astype(np.uint64)
    groups = np.flatnonzero(np.diff(word, prepend=-1))
    words[word[groups]] |= np.bitwise_or.reduceat(wide >> np.uint64(_WORD), groups)
    words[word[groups] + 1] |= np.bitwise_or.reduceat(wide & np.uint64((1 << _WORD) - 1), groups)


def packed(bits: Ints) -> bytes:
    """A scan of single bits, filled up with ones."""
    return stuffed(np.packbits(np.append(bits, [1] * (-len(bits) % 8)).astype(np.uint8)).tobytes())


def stuffed(bits: bytes) -> bytes:
    """With the zero byte that tells a 255 from a marker."""
    return bits.replace(b"\xff", b"\xff\0")
