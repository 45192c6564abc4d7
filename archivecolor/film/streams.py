"""The streams beside a film's picture: which of them a container can hold, and their names for people."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import Any, Final

import av
from av.bitstream import BitStreamFilterContext
from av.codec.context import CodecContext
from av.container import InputContainer, OutputContainer
from av.packet import Packet
from av.stream import Disposition, Stream

from archivecolor.errors import InputError
from archivecolor.film.reading import opened, picture_stream

_MADE_BY_MUXER: Final = {"tmcd", "text"}
"""Tracks that MP4 and MOV muxers make by themselves from metadata and chapters."""
_OF_A_DVD: Final = {"dvd_nav_packet"}
COVERS: Final = {
    "mjpeg": ("image/jpeg", ".jpg"),
    "png": ("image/png", ".png"),
    "bmp": ("image/bmp", ".bmp"),
    "gif": ("image/gif", ".gif"),
    "webp": ("image/webp", ".webp"),
    "tiff": ("image/tiff", ".tif"),
}
"""Media type and suffix of what cover pictures are coded with."""


def copied_streams(container: InputContainer, path: Path, muxer: str) -> list[Stream]:
    """The streams that are to be copied, in order."""
    picture = picture_stream(container, path)
    keep = []
    for stream in container.streams:
        made = muxer in ("mp4", "mov") and stream.type == "data" and _tag(stream) in _MADE_BY_MUXER
        made = made or ("timecode" in stream.metadata and stream.type == "data")  # it becomes a tag of the picture
        if stream.index != picture.index and not made and not is_of_chapters(stream):
            keep.append(stream)
    return keep


def is_of_chapters(stream: Stream) -> bool:
    """Whether a track is the text of chapters, which are copied as chapters."""
    return stream.type == "data" and _tag(stream) == "text" and bool(stream.container.chapters())


def meaningless(stream: Stream) -> bool:
    """Whether a stream means something on its medium only: where to go from where, on a DVD."""
    return codec_name(stream) in _OF_A_DVD


def describe(stream: Stream) -> str:
    """A stream in words: 'stream 1 (audio, aac, deu)'."""
    name = codec_name(stream) or _tag(stream) or "unknown"
    language = f", {stream.metadata['language']}" if stream.metadata.get("language") else ""
    return f"stream {stream.index} ({stream.type}, {name}{language})"


def codec_name(stream: Stream) -> str | None:
    """FFmpeg's name of a stream's codec; the file name of an attachment; None where there is neither."""
    try:
        name = getattr(stream, "name", None)
    except AttributeError:  # no codec is known for it
        return None
    return name if isinstance(name, str) else None


def _tag(stream: Stream) -> str:
    context: CodecContext | None = stream.codec_context
    if context is None:
        return "tmcd" if "timecode" in stream.metadata else "text" if codec_name(stream) == "bin_data" else ""
    return context.codec_tag


def holds(muxer: str, stream: Stream) -> bool:
    """Whether a container takes a stream as it is."""
    if is_cover(stream) and muxer == "matroska":
        return codec_name(stream) in COVERS
    if muxer == "mov" and (stream.type == "data" or (stream.type == "subtitle" and codec_name(stream) is None)):
        muxer = "mp4"  # which says what it does not know; QuickTime's takes all and writes it under no name
    try:
        with av.open(BytesIO(), "w", format=muxer) as trial:
            add_copy(trial, stream)
            if stream.type == "attachment" or is_cover(stream):  # a file of these alone is none
                trial.add_stream("libx264", rate=25).width = 64
            trial.start_encoding()
    except (av.error.FFmpegError, ValueError):
        return False
    return True


def add_copy(container: OutputContainer, stream: Stream) -> Stream:
    """Add a stream that packets of ``stream`` can be copied into. Raises `ValueError` where that is impossible."""
    try:
        copy = container.add_stream_from_template(stream, opaque=True)
    except ValueError:
        if stream.type != ("audio" if stream.codec_context else "subtitle"):
            raise
        # What Matroska holds as Windows does (WMA) is no 'normal' use of it to the bindings, and of what has no decoder
        # (teletext, TTML) they make no template: under a false name, and then with all that the source says of it
        copy = container.add_mux_stream("pcm_s16le", rate=1)
        BitStreamFilterContext("null", stream, copy)
        copy.time_base = stream.time_base
    copy.metadata.update(stream.metadata)
    copy.disposition = stream.disposition
    return copy


def is_cover(stream: Stream) -> bool:
    """Whether a stream is one picture that stands for the film."""
    return stream.type == "video" and bool(stream.disposition & Disposition.attached_pic)


def add_cover(container: OutputContainer, stream: Stream, picture: bytes) -> None:
    """Attach a cover to a Matroska file, which keeps it as an attachment."""
    mime, suffix = COVERS[codec_name(stream) or ""]
    name = stream.metadata.get("filename") or f"cover{suffix}"
    container.add_attachment(name, stream.metadata.get("mimetype") or mime, picture)


def cover_picture(path: Path, index: int) -> bytes:
    """The file that a cover is. Raises `InputError` where it cannot be read."""
    with opened(path) as container:
        for packet in container.demux(container.streams[index]):
            if packet.size:
                return bytes(packet)
    raise InputError(f"{path}: its cover picture cannot be read", hint="take it off, or restore the film from a copy")


def header_bytes(packet: Packet[Any]) -> int:
    """Bytes of AAC's transport header (ADTS), which MP4 and Matroska do without."""
    if codec_name(packet.stream) != "aac":
        return 0
    head = bytes(memoryview(packet)[:2])
    return 0 if len(head) < 2 or head[0] != 0xFF or head[1] & 0xF6 != 0xF0 else 7 if head[1] & 1 else 9
