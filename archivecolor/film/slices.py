"""The check sums that FFV1 keeps of every slice: what FFmpeg's decoder only logs, and an archive chose FFV1 for.

RFC 9043, 4.9: a slice ends with its size (24 bit), a byte of status and a CRC of all of it, so that the CRC of the whole
slice is zero. A film's first packet that can be read so, with every CRC right, shows that it has them.
"""

from __future__ import annotations

import zlib
from typing import Final

_FOOTER: Final = 8
_MIRRORED: Final = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))
"""The CRC takes the highest bit of a byte first, zlib's the lowest."""
_ONES: Final = 0xFFFFFFFF
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
