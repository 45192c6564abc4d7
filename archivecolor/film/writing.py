"""Segments of encoded picture, each a file, and the film that they are joined into.

A segment's file numbers its frames instead of timing them; the film's own timestamps are put on when it is joined, so
they are the source's whatever the segment's container can express. Everything but the picture is copied by packet.
"""

from __future__ import annotations

import errno
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, Final, cast

import av
from av.container import InputContainer, OutputContainer
from av.packet import Packet
from av.stream import Stream
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from archivecolor.errors import OutputError
from archivecolor.film.about import IN_A_BOX, add_box, as_tag
from archivecolor.film.apart import attach, goes_apart
from archivecolor.film.damage import Warned
from archivecolor.film.encoder import Encoder, tag
from archivecolor.film.encoding import Encoding
from archivecolor.film.matroska import ROOM, aspect_elements, complete
from archivecolor.film.packets import interleave, other_packets
from archivecolor.film.reading import opened, picture_stream
from archivecolor.film.segments import MadeSegment, Segment
from archivecolor.film.streams import (
    add_copy,
    add_cover,
    copied_streams,
    cover_picture,
    describe,
    holds,
    is_cover,
    meaningless,
)
from archivecolor.film.survey import Survey
from archivecolor.film.tags import XMP, muxer_options, retimed, tags_of, time_code_of
from archivecolor.film.timecode import Timecode
from archivecolor.jobs.atomic import DiskFullError, atomic_write, part_path
from archivecolor.settings import FilmCodec

_COUNT_BASE: Final = Fraction(1, 25)
"""Time base of numbered frames: Matroska keeps milliseconds, so numbers come back exactly."""
_LEAD: Final = 128
"""Numbers begin here, so that decoding times, which run ahead, stay positive."""

_MATROSKAS: Final = ("matroska", "webm")
Shown = tuple[int, VideoFrame, str | None]
"""Index, picture, and its parity: 'tff' or 'bff' where it is interlaced."""


def write_segment(
    path: Path, segment: Segment, shown: Iterable[Shown], encoding: Encoding, film: Survey, size: tuple[int, int]
) -> MadeSegment:
    """Encode a segment's frames into a file that is whole or not there. Raises `OutputError`."""
    count = reorder = 0
    numbers = {film.times[i]: i for i in range(segment.first, segment.last)}
    with atomic_write(path, overwrite=True), explained(path):
        with av.open(f"file:{part_path(path)}", "w", format="matroska") as container:
            stream = cast(VideoStream, container.add_stream(encoding.encoder, rate=film.rate))
            encoder = Encoder(stream, encoding, film.form, size, film.time_base)
            for frame in _ended(shown):
                picture, parity = None, None
                if frame is not None:
                    index, picture, parity = frame
                    picture.pts = film.times[index]
                packets = encoder.encode(picture, parity)
                for packet in packets:
                    number = numbers[packet.pts if packet.pts is not None else -1]
                    reorder = max(reorder, count - (number - segment.first))
                    packet.time_base = _COUNT_BASE
                    packet.pts, packet.dts, packet.duration = number + _LEAD, segment.first + count, 1
                    container.mux(packet)
                    count += 1
        if count != segment.last - segment.first:
            raise OutputError(f"{path}: {encoding.encoder} made {count} of {segment.last - segment.first} frames")
    return MadeSegment(segment.number, count, reorder, path.stat().st_size)


def _ended(shown: Iterable[Shown]) -> Iterator[Shown | None]:
    yield from shown
    yield None


@contextmanager
def explained(path: Path, *more: type[Exception]) -> Iterator[None]:
    """Raise what goes wrong while ``path`` is written, or is one of ``more``, as `OutputError`, in one line."""
    kinds: tuple[type[Exception], ...] = (av.error.FFmpegError, OSError, *more)
    try:
        yield
    except kinds as e:
        if getattr(e, "errno", None) == errno.ENOSPC:
            raise DiskFullError(f"{path}: the disk is full", hint="make room and run the same command again") from e
        reason = getattr(e, "strerror", None) or str(e)
        hint = (
            "is its folder still there?" if isinstance(e, FileNotFoundError) else "check the free space and the options"
        )
        raise OutputError(f"{path}: cannot be written: {reason}", hint=hint) from e


@dataclass(frozen=True, slots=True)
class Part:
    """The part of a film that is written."""

    first: int
    last: int
    whole: bool
    """Whether that is all of it; otherwise time begins anew at 0."""


@dataclass(frozen=True, slots=True)
class Joined:
    """What a finished film holds."""

    frames: int
    copied: tuple[str, ...]
    packets: int
    """Copied ones."""
    warnings: tuple[Warned, ...] = ()
    """What could not be copied."""
    apart: tuple[str, ...] = ()
    """Streams that are attachments now, in words."""


def join(
    source: Path,
    target: Path,
    film: Survey,
    segments: Sequence[tuple[Path, MadeSegment]],
    part: Part,
    encoding: Encoding,
    muxer: str,
    *,
    leave_out: bool = False,
    fast_start: bool = False,
    alone: bool = False,
    xmp: bytes | None = None,
) -> Joined:
    """Join segments by packet copy, with everything else of ``source``, into ``target``, which is overwritten.

    ``leave_out`` drops streams that the container cannot hold, ``alone`` all of them. ``xmp`` takes the place of the
    source's.

    Raises `OutputError`, also when frames are missing.
    """
    with explained(target, ValueError):
        with opened(source) as old, av.open(f"file:{target}", "w", format=muxer) as new:
            new.container_options.update(muxer_options(muxer, tags_of(old), fast_start=fast_start))
            others = [s for s in copied_streams(old, source, muxer) if _is_copied(s, muxer, leave_out=leave_out)]
            others = [] if alone else others
            separate = [s for s in others if goes_apart(muxer, s)]
            others = [s for s in others if s not in separate]
            code = None if part.whole else film.timecode_at(film.seconds(part.first))
            streams, picture = _streams(old, new, source, others, segments[0][0], film, encoding, muxer, code)
            copied = tuple(describe(s) for s in others)  # streams are gone once their file is closed
            offset = Fraction(0) if part.whole else film.times[part.first] * film.time_base
            until = None if part.last >= len(film.times) else film.times[part.last] * film.time_base
            apart = _attach(source, new, [s.index for s in separate], offset, until, whole=part.whole)
            _copy_about(old, new, offset, until, code, whole=part.whole)
            if xmp and muxer not in IN_A_BOX and (text := as_tag(xmp)):
                new.metadata[XMP] = text
            new.start_encoding()
            pictures = _picture_packets(segments, film, part, picture)
            rest = other_packets(old, streams, offset, until, whole=part.whole)
            written = interleave(new, pictures, rest)
        if muxer in _MATROSKAS:
            _complete(target, film, encoding)
        if xmp and muxer in IN_A_BOX:
            add_box(target, xmp)
    if written.pictures != part.last - part.first:
        raise OutputError(f"{target}: holds {written.pictures} frames, should hold {part.last - part.first}")
    start_s = float(film.times[0] * film.time_base - offset)
    lost = written.refused.warnings(start_s, "so damaged that it cannot be copied")
    return Joined(written.pictures, copied, written.others, tuple(lost), apart)


def _is_copied(stream: Stream, muxer: str, *, leave_out: bool) -> bool:
    return not meaningless(stream) and (not leave_out or holds(muxer, stream) or goes_apart(muxer, stream))


def _attach(
    source: Path, new: OutputContainer, indices: list[int], offset: Fraction, until: Fraction | None, *, whole: bool
) -> tuple[str, ...]:
    """Attach the streams that have no place of their own; gives those that were, in words."""

    def packets(streams: dict[int, Stream]) -> Iterator[Packet[Any]]:
        with opened(source) as old:  # anew each time
            yield from other_packets(old, streams, offset, until, whole=whole)

    with opened(source) as film:
        alone = [film.streams[index] for index in indices]
        return tuple(describe(stream) for stream in alone if attach(new, stream, packets))


def _complete(target: Path, film: Survey, encoding: Encoding) -> None:
    """Take the room out of a Matroska file's header that was left in it, and put what is missing into it."""
    form = film.form
    width, height = _stored_size(target)
    aspect = aspect_elements(width, height, form.sample_aspect) if form.sample_aspect else []
    same_size = (width, height) == (form.width, form.height)
    of_video = [*aspect, *(film.inventory.crop.elements() if same_size else [])]
    in_stream = form.hdr is not None and bool(form.hdr.options(encoding.codec))
    complete(target, of_video, form.hdr.elements() if form.hdr and not in_stream else [])


def _stored_size(path: Path) -> tuple[int, int]:
    with opened(path) as container:
        context = picture_stream(container, path).codec_context
        return context.width, context.height


def _streams(
    old: InputContainer,
    new: OutputContainer,
    source: Path,
    others: list[Stream],
    first_segment: Path,
    film: Survey,
    encoding: Encoding,
    muxer: str,
    code: Timecode | None,
) -> tuple[dict[int, Stream], VideoStream]:
    """Make the new film's streams, in the old one's order; covers in Matroska are attachments, and no streams."""
    was = picture_stream(old, source)
    streams: dict[int, Stream] = {}
    picture: VideoStream | None = None
    kept = {s.index for s in others}
    covers = []
    with opened(first_segment) as segment:
        for stream in old.streams:
            if stream.index == was.index:
                picture = new.add_stream_from_template(segment.streams.video[0], opaque=True)
                _dress(picture, was, film, encoding, muxer, code)
            elif stream.index in kept and is_cover(stream) and muxer == "matroska":
                covers.append(stream)
            elif stream.index in kept:
                streams[stream.index] = add_copy(new, stream)
    for stream in covers:
        add_cover(new, stream, cover_picture(source, stream.index))
    if picture is None:
        raise OutputError(f"{source}: lost its picture")
    return streams, picture


def _dress(
    picture: VideoStream, was: VideoStream, film: Survey, encoding: Encoding, muxer: str, code: Timecode | None
) -> None:
    picture.time_base = film.time_base
    picture.codec_context.framerate = film.rate
    tag(picture.codec_context, encoding, film.form)
    if film.form.field_order:
        picture.codec_context.field_order = film.form.field_order
    if muxer in ("mp4", "mov") and encoding.codec is FilmCodec.H265:
        picture.codec_context.codec_tag = "hvc1"
    if encoding.codec_tag:
        picture.codec_context.codec_tag = encoding.codec_tag
    picture.set_display_matrix(film.form.display_matrix)
    picture.metadata.update(retimed({**time_code_of(was.container), **tags_of(was)}, code))
    if muxer in _MATROSKAS:
        picture.metadata["title"] = picture.metadata.get("title", "") + ROOM
    picture.disposition = was.disposition


def _copy_about(
    old: InputContainer,
    new: OutputContainer,
    offset: Fraction,
    until: Fraction | None,
    code: Timecode | None,
    *,
    whole: bool,
) -> None:
    """Copy metadata and chapters; ``code`` is the time code that a part begins with."""
    new.metadata.update(retimed(tags_of(old), code))
    chapters = []
    for chapter in old.chapters():
        base = chapter["time_base"] or Fraction(1, 1000)
        if not whole:
            start = max(Fraction(0), chapter["start"] * base - offset)
            end = chapter["end"] * base - offset
            end = end if until is None else min(end, until - offset)
            if end <= start:
                continue
            chapter["start"], chapter["end"] = round(start / base), round(end / base)
        chapters.append(chapter)
    if chapters:
        new.set_chapters(chapters)


def _picture_packets(
    segments: Sequence[tuple[Path, MadeSegment]], film: Survey, part: Part, stream: VideoStream
) -> Iterator[Packet[Any]]:
    """The segments' packets with the film's timestamps; decoding times are those of presentation, earlier in turn."""
    times = film.times[part.first : part.last]
    zero = 0 if part.whole else times[0]
    behind = max(made.reorder for _, made in segments)
    step = times[1] - times[0] if len(times) > 1 else 1
    turn = 0
    for path, _ in segments:
        with opened(path) as container:
            for packet in container.demux(container.streams.video[0]):
                if not packet.size or packet.pts is None:
                    continue
                number = round(packet.pts * packet.time_base / _COUNT_BASE) - _LEAD - part.first
                after = times[number + 1] if number + 1 < len(times) else None
                packet.time_base = film.time_base
                packet.pts = times[number] - zero
                early = turn - behind
                packet.dts = (times[early] if early >= 0 else times[0] + early * step) - zero
                packet.duration = film.last_duration if after is None else after - times[number]
                packet.stream = stream
                turn += 1
                yield packet
