"""Damage that slices tell and FFmpeg's decoders keep to themselves: the check sums of FFV1, the rows of MPEG-2.

RFC 9043, 4.9: a slice of FFV1 ends with its size (24 bit), a byte of status and a CRC of all of it, so that the CRC of
the whole slice is zero. A film's first packet that can be read so, with every CRC right, shows that it has them.

ISO/IEC 13818-2, 6.1.2: a slice of MPEG-2 lies in one row of macroblocks, whose number its start code ends with, and the
slices of a picture leave out no row. Where one is missing the decoder leaves what was in memory.
"""

from __future__ import annotations

import re
import zlib
from typing import Final

_FOOTER: Final = 8
_MIRRORED: Final = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))
"""The CRC takes the highest bit of a byte first, zlib's the lowest."""
_ONES: Final = 0xFFFFFFFF
_SLICE: Final = re.compile(rb"\x00\x00\x01([\x01-\xaf])")
_MACROBLOCK_PX: Final = 16
_LAST_ROW: Final = 0xAF
_PATIENCE: Final = 250
"""Packets after which a stream without sums is no longer expected to have any."""


class SliceSums:
    """Checks the packets of an FFV1 stream in turn."""

    def __init__(self) -> None:
        self._has_sums = False
        self._waiting: list[int | None] = []
        """Times of packets that could not be read so before the first that could."""

    def damaged(self, data: memoryview, time: int | None) -> list[int | None]:
        """The times of packets that are now known to be damaged: this one's, and of earlier ones."""
        if not self._has_sums and len(self._waiting) == _PATIENCE:
            return []
        whole = _is_whole(data)
        if self._has_sums:
            return [] if whole else [time]
        if not whole:
            if len(self._waiting) < _PATIENCE:
                self._waiting.append(time)
            return []
        self._has_sums = True
        return self._waiting


class SliceRows:
    """Checks the packets of an MPEG-2 stream in turn."""

    def __init__(self, height: int) -> None:
        """Of pictures of ``height`` rows of pixels."""
        fields = -(-height // (2 * _MACROBLOCK_PX))
        self._rows = {fields, 2 * fields, -(-height // _MACROBLOCK_PX)}
        """How many rows of macroblocks a picture has: one field, two of them, a frame."""
        self._judged = 0 < height <= _LAST_ROW * _MACROBLOCK_PX

    def damaged(self, data: memoryview, time: int | None) -> list[int | None]:
        """The time of this packet if it lacks a row."""
        found = {row[0] for row in _SLICE.findall(data)} if self._judged else set()
        whole = not self._judged or (found and max(found) in self._rows and len(found) == max(found))
        return [] if whole else [time]


def _is_whole(data: memoryview) -> bool:
    end = len(data)
    while end:
        if end < _FOOTER:
            return False
        size = int.from_bytes(data[end - _FOOTER : end - _FOOTER + 3], "big") + _FOOTER
        if size > end or zlib.crc32(bytes(data[end - size : end]).translate(_MIRRORED), _ONES) ^ _ONES:
            return False
        end -= size
    return len(data) > 0
