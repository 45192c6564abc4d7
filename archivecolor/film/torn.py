"""Whether a film ends in the middle of something, of files whose header does not say how long they are.

Transport streams, tapes and bare streams may end anywhere. What can be known: a packet, a frame of a tape or a page of
Ogg that is not all there, and a last picture that its decoder, asked to be strict, does not take.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import av
from av.packet import Packet
from av.video.stream import VideoStream

from archivecolor.film.origin import open_film
from archivecolor.film.slices import strict_decoder

_TRANSPORT_BYTES: Final = (188, 192, 204)
"""Plain, with the time stamps of camcorders before it, with error correction behind it."""
_STAMP_BYTES: Final = 4
_SEEN_PACKETS: Final = 8
_TAIL_BYTES: Final = 1 << 17
"""Longer than the longest packet of a program stream and the longest page of Ogg."""
_PACK: Final = b"\0\0\1\xba"
_END_CODE: Final = 0xB9
_OGG_HEADER: Final = 27
_OGG_LAST: Final = 4
_FRAME_BY_FRAME: Final = ("dv", "yuv4mpegpipe")
"""Frames of one size follow each other."""
_JUDGED: Final = ("h264", "hevc", "mjpeg", "mpeg1video", "mpeg2video", "vp9")
"""Codecs whose strict decoders take every whole picture, and few that are not whole."""


def torn_end(path: Path, container_format: str, last: Sequence[Packet[Any]], picture: VideoStream) -> str | None:
    """What is not whole at the end of a file, in words; ``last`` are the picture's packets from its last key frame."""
    if container_format in _FRAME_BY_FRAME and last:
        size = last[-1].size
        left = (path.stat().st_size - (last[-1].pos or 0)) % size  # libavformat fills a frame up with the one before
        return f"the file ends inside a frame: {left:,} of its {size:,} bytes are there" if left else None
    with open_film(path) as f:
        f.seek(max(0, path.stat().st_size - _TAIL_BYTES))
        tail = f.read()
    if container_format == "mpegts" and _cuts_transport_packet(tail):
        return "the file ends inside a packet of the transport stream"
    if container_format == "mpeg" and _cuts_program_packet(tail):
        return "the file ends inside a packet of the program stream"
    if container_format == "ogg" and _lacks_last_page(tail):
        return "the file ends before the mark of its end"
    if last and (last[-1].is_corrupt or _last_is_refused(last, picture)):
        return "the file ends inside a picture"
    return None


def _cuts_transport_packet(tail: bytes) -> bool:
    """Whether the last packet is not whole, where the packets before it follow each other."""
    for length in _TRANSPORT_BYTES:
        near = tail[-length * _SEEN_PACKETS :]
        for phase in range(length):
            if len(near) >= length * 2 and not near[phase::length].strip(b"G"):
                left = len(near) - phase - (len(near) - phase - 1) // length * length
                whole = length - _STAMP_BYTES if length == _TRANSPORT_BYTES[1] else length
                return left not in (whole, _TRANSPORT_BYTES[0])
    return False


def _cuts_program_packet(tail: bytes) -> bool:
    """Whether the last packet is longer than what is left of the file."""
    at = tail.rfind(_PACK)
    if at < 0 or len(tail) - at < 14:
        return at >= 0
    at += 14 + (tail[at + 13] & 7) if tail[at + 4] >> 6 == 1 else 12  # MPEG-2, MPEG-1
    while at < len(tail):
        if tail[at : at + 3] != b"\0\0\1":
            return bool(tail[at:].strip(b"\0"))  # filled up with zeros, or torn inside a start code
        if len(tail) > at + 3 and tail[at + 3] == _END_CODE:
            return False
        if len(tail) < at + 6:
            return True
        at += 6 + int.from_bytes(tail[at + 4 : at + 6], "big")
    return at > len(tail)


def _lacks_last_page(tail: bytes) -> bool:
    at = tail.rfind(b"OggS")
    return at >= 0 and (len(tail) < at + _OGG_HEADER or not tail[at + 5] & _OGG_LAST)


def _last_is_refused(last: Sequence[Packet[Any]], picture: VideoStream) -> bool:
    """Whether a strict decoder takes all of the pictures but the last; where it is never content nothing is known."""
    if picture.codec_context.name not in _JUDGED:
        return False
    strict = strict_decoder(picture)
    refused = []
    for number, packet in enumerate((*last, None)):
        try:
            strict.decode(packet)
        except av.error.FFmpegError:
            refused.append(number)
    return bool(refused) and refused[0] >= len(last) - 1
