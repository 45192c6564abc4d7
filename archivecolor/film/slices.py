"""Slices: how FFV1 divides its pictures, and damage that FFmpeg's decoders keep to themselves, FFV1's and MPEG-2's.

RFC 9043, 4.9: a slice of FFV1 ends with its size (24 bit), a byte of status and a CRC of all of it, so that the CRC of
the whole slice is zero. A film's first packet that can be read so, with every CRC right, shows that it has them.
Without CRC a slice ends with its size alone, and pictures before version 3 are not divided.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import Any, Final, cast

import av
from av.packet import Packet
from av.video.codeccontext import VideoCodecContext
from av.video.stream import VideoStream

_FOOTER, _SHORT_FOOTER = 8, 3
"""Bytes with a CRC and without."""
_MIRRORED: Final = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))
"""The CRC takes the highest bit of a byte first, zlib's the lowest."""
_ONES: Final = 0xFFFFFFFF
_PATIENCE: Final = 250
"""Packets after which a stream without sums is no longer expected to have any."""


@dataclass(frozen=True, slots=True)
class Slices:
    """How FFV1 divides its pictures."""

    count: int
    sums: bool
    """Whether each has a CRC."""


class SliceSums:
    """Checks the packets of an FFV1 stream in turn."""

    def __init__(self) -> None:
        self._has_sums = False
        self.slices: Slices | None = None
        """None until a packet was seen that tells, and of FFV1 before version 3."""
        self._waiting: list[int | None] = []
        """Times of packets that could not be read so before the first that could."""

    def damaged(self, packet: Packet[Any]) -> list[int | None]:
        """The times of packets that are now known to be damaged: this one's, and of earlier ones."""
        if not self._has_sums and len(self._waiting) == _PATIENCE:
            return []
        data = memoryview(packet)
        whole = _count(data, _FOOTER)
        if self._has_sums:
            return [] if whole else [packet.pts]
        if not whole:
            if not self.slices and not self._waiting and (count := _count(data, _SHORT_FOOTER)):
                self.slices = Slices(count, sums=False)
            if len(self._waiting) < _PATIENCE:
                self._waiting.append(packet.pts)
            return []
        self._has_sums = True
        self.slices = Slices(whole, sums=True)
        return self._waiting


class Strict:
    """Decodes the packets of a picture once more and refuses what is damaged, where the usual decoder is content.

    For MPEG-1 and MPEG-2 alone, which cost little: of a slice that is missing they leave what was in memory.
    """

    def __init__(self, stream: VideoStream) -> None:
        """Of the film's picture."""
        self._decoder = strict_decoder(stream)
        self._begun = False

    def damaged(self, packet: Packet[Any]) -> list[int | None]:
        """The time of this packet if it is damaged."""
        self._begun = self._begun or packet.is_keyframe  # recordings begin anywhere
        try:
            self._decoder.decode(packet)
        except av.error.FFmpegError:
            return [packet.pts] if self._begun else []
        return []


def strict_decoder(stream: VideoStream) -> VideoCodecContext:
    """A decoder of a film's picture that takes no damaged packet."""
    context = stream.codec_context
    decoder = cast(VideoCodecContext, VideoCodecContext.create(context.name, "r"))
    decoder.extradata = context.extradata
    decoder.thread_count = 1
    decoder.options = {"err_detect": "explode"}
    return decoder


def _count(data: memoryview, footer: int) -> int:
    """How many slices a packet consists of, if they end in footers of so many bytes and every CRC is right; else 0."""
    end, count = len(data), 0
    while end:
        if end < footer:
            return 0
        size = int.from_bytes(data[end - footer : end - footer + 3], "big") + footer
        if size > end:
            return 0
        if footer == _FOOTER and zlib.crc32(bytes(data[end - size : end]).translate(_MIRRORED), _ONES) ^ _ONES:
            return 0
        end -= size
        count += 1
    return count
