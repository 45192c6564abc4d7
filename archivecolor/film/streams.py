"""The streams beside a film's picture: which of them a container can hold, and their names for people."""

from __future__ import annotations

from collections.abc import Iterable
from io import BytesIO
from pathlib import Path
from typing import Final

import av
from av.codec.context import CodecContext
from av.container import InputContainer
from av.stream import Stream

from archivecolor.film.reading import opened, picture_stream

_MADE_BY_MUXER: Final = {"tmcd", "text"}
"""Tracks that MP4 and MOV muxers make by themselves from metadata and chapters."""


def copied_streams(container: InputContainer, path: Path, muxer: str) -> list[Stream]:
    """The streams that are to be copied, in order."""
    picture = picture_stream(container, path)
    keep = []
    for stream in container.streams:
        made = muxer in ("mp4", "mov") and stream.type == "data" and _tag(stream) in _MADE_BY_MUXER
        chapters = stream.type == "data" and _tag(stream) == "text" and bool(container.chapters())
        if stream.index != picture.index and not made and not chapters:
            keep.append(stream)
    return keep


def unsupported(path: Path, muxer: str) -> list[str]:
    """What ``muxer`` cannot hold of a film, each stream in words; found by trying, without writing a file."""
    with opened(path) as container:
        return [describe(s) for s in copied_streams(container, path, muxer) if not holds(muxer, s)]


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
    try:
        with av.open(BytesIO(), "w", format=muxer) as trial:
            trial.add_stream_from_template(stream, opaque=True)
            if stream.type == "attachment":  # a file of attachments alone is none
                trial.add_stream("libx264", rate=25).width = 64
            trial.start_encoding()
    except (av.error.FFmpegError, ValueError):
        return False
    return True


def spans_s(streams: Iterable[Stream]) -> float:
    """The longest time, in seconds, that the container itself says one of its streams takes; 0 where it says none."""
    return max((float(s.duration * s.time_base) for s in streams if s.duration and s.time_base), default=0.0)
