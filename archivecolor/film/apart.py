"""Streams that Matroska has no place for, KLV and the subtitles of MP4 among them, each in a file inside the result.

Such a file is an attachment, in a container that holds the stream as it is. Its packets have the times that they have
in the film, on the same clock. No player shows it, but nothing of it is lost: ``ffmpeg -dump_attachment:t`` takes it
out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path, PurePath
from typing import Any, Final, TypeAlias

import av
from av.container import InputContainer, OutputContainer
from av.packet import Packet
from av.stream import Stream

from archivecolor.film.reading import opened
from archivecolor.film.streams import add_copy, codec_name, copied_streams, describe, holds, meaningless

_HOLDERS: Final = {
    ".ts": ("mpegts", "video/mp2t"),
    ".mp4": ("mp4", "video/mp4"),
    ".mov": ("mov", "video/quicktime"),
    ".nut": ("nut", "video/x-nut"),
}
"""By suffix: the muxer and the media type."""
_MOST_BYTES: Final = 1 << 27
"""Of a stream that is attached: attachments are held in memory."""
Packets: TypeAlias = "Callable[[dict[int, Stream]], Iterator[Packet[Any]]]"
"""Gives the packets of the old streams whose indices are the keys, for the new ones."""


def goes_apart(muxer: str, stream: Stream) -> bool:
    """Whether a stream is to be attached because ``muxer`` cannot hold it otherwise."""
    attachable = muxer == "matroska" and stream.type in ("data", "subtitle")
    return attachable and not holds(muxer, stream) and any(_holds(suffix, stream) for suffix in _HOLDERS)


def unsupported(path: Path, muxer: str) -> list[str]:
    """What ``muxer`` cannot hold of a film, each stream in words; found by trying, without writing a file.

    Streams that mean nothing outside the medium they come from are not counted; see `meaningless`.
    """
    with opened(path) as container:
        wanted = [s for s in copied_streams(container, path, muxer) if not meaningless(s)]
        return [describe(s) for s in wanted if not holds(muxer, s) and not goes_apart(muxer, s)]


def beside(path: Path) -> list[str]:
    """Every stream of a film but its picture, in words; those that mean nothing elsewhere are left out."""
    with opened(path) as container:
        return [describe(s) for s in copied_streams(container, path, "") if not meaningless(s)]


def attach(new: OutputContainer, stream: Stream, packets: Packets) -> bool:
    """Attach a stream of an open film to a Matroska file; False where that cannot be done.

    The first container is taken that gives the stream back as what it is; some take all and write it under no name.
    """
    for suffix, (_, media_type) in _HOLDERS.items():
        name = f"stream {stream.index}{suffix}"
        data = _written(stream, suffix, packets) if _holds(suffix, stream) else None
        what = stream.type, codec_name(stream)
        if data and any((s.type, codec_name(s)) == what for c in inside(name, data) for s in c.streams):
            new.add_attachment(name, media_type, data)
            return True
    return False


def _written(stream: Stream, suffix: str, packets: Packets) -> bytes | None:
    """A file of a stream alone; None where it is too long to be held in memory, or is refused."""
    file = BytesIO()
    options = {"mpegts_copyts": "1"} if suffix == ".ts" else {}
    try:
        with av.open(file, "w", format=_HOLDERS[suffix][0], container_options=options) as alone:
            copy = add_copy(alone, stream)
            alone.start_encoding()
            for packet in packets({stream.index: copy}):
                alone.mux_one(packet)
                if file.tell() > _MOST_BYTES:
                    return None
    except (av.error.FFmpegError, ValueError):
        return None
    return file.getvalue()


def inside(name: str, data: bytes) -> Iterator[InputContainer]:
    """The film that an attachment of that name may be, opened; nothing where it is none."""
    holder = _HOLDERS.get(PurePath(name).suffix.lower())
    if holder is None or len(data) > 2 * _MOST_BYTES:
        return
    try:
        container = av.open(BytesIO(data), "r", format=holder[0], metadata_errors="surrogateescape")
    except (av.error.FFmpegError, ValueError):
        return
    with container:
        yield container


def _holds(suffix: str, stream: Stream) -> bool:
    return holds(_HOLDERS[suffix][0], stream)
