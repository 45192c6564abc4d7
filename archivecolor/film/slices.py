"""Damage that FFmpeg's decoders keep to themselves: the check sums of FFV1, the slices of MPEG-2.

RFC 9043, 4.9: a slice of FFV1 ends with its size (24 bit), a byte of status and a CRC of all of it, so that the CRC of
the whole slice is zero. A film's first packet that can be read so, with every CRC right, shows that it has them.
"""

from __future__ import annotations

import zlib
from typing import Any, Final, cast

import av
from av.packet import Packet
from av.video.codeccontext import VideoCodecContext
from av.video.stream import VideoStream

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

    def damaged(self, packet: Packet[Any]) -> list[int | None]:
        """The times of packets that are now known to be damaged: this one's, and of earlier ones."""
        if not self._has_sums and len(self._waiting) == _PATIENCE:
            return []
        whole = _is_whole(memoryview(packet))
        if self._has_sums:
            return [] if whole else [packet.pts]
        if not whole:
            if len(self._waiting) < _PATIENCE:
                self._waiting.append(packet.pts)
            return []
        self._has_sums = True
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
