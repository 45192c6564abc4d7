"""Opening films and decoding their frames, whatever state they are in.

A film is read once from end to end (`survey.survey`) and then in parts (`frames`), by several readers if need be. The
survey's list of timestamps and forms is the truth: a part yields exactly the frames of that list, or fails.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from fractions import Fraction
from functools import cache
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import av
from av.container import InputContainer
from av.packet import Packet
from av.stream import Disposition, Stream
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from archivecolor.errors import InputError
from archivecolor.film.form import PictureForm, form_of
from archivecolor.film.origin import is_elsewhere, open_film

if TYPE_CHECKING:
    from archivecolor.film.survey import Survey


_NOT_READ: Final = {
    *("applehttp", "avisynth", "concat", "dash", "hls", "imf", "lavfi", "rtp", "rtsp", "sap", "sdp", "vapoursynth"),
    *("ffmetadata", "image2", "tty", "webm_dash_manifest"),
}

_ONE_THREAD: Final = {"dirac"}
"""Decoders whose threads write over one another: each reading gives other pictures, and none the right ones."""

_FAR: Final = 4


@contextmanager
def opened(path: Path) -> Iterator[InputContainer]:
    """Open a film file. Raises `InputError` with one clear line."""
    try:
        if path.stat().st_size == 0:
            raise InputError(f"{path}: is empty")
        # A 'file:' name is taken as it is: no pattern, no protocol
        file: Any = open_film(path) if is_elsewhere(path) else f"file:{path}"
        options = {"format_whitelist": _formats(), "export_xmp": "1"}
        container = av.open(file, "r", options=options, metadata_errors="surrogateescape")
    except FileNotFoundError as e:
        raise InputError(f"{path}: there is no such file") from e
    except (IsADirectoryError, PermissionError) as e:
        raise InputError(f"{path}: cannot be read: {e.strerror}") from e
    except (av.error.FFmpegError, OSError, ValueError) as e:
        raise InputError(
            f"{path}: is no film that can be read", hint="it may be cut short or of another kind; try to play it"
        ) from e
    with container:
        yield container


@cache
def _formats() -> str:
    """The formats that are read: all but those that would open other files, or take texts for films."""
    return ",".join(sorted(av.formats_available - _NOT_READ))


def picture_stream(container: InputContainer, path: Path) -> VideoStream:
    """The stream to color: the first video that is no cover picture."""
    for stream in container.streams.video:
        if not stream.disposition & Disposition.attached_pic and stream.codec_context is not None:
            return stream
    raise InputError(f"{path}: has no picture", hint="it may hold sound only")


def usual_rate(stream: VideoStream) -> Fraction:
    """Frames a second, as the file says."""
    average, guessed = stream.average_rate, stream.guessed_rate
    if average and guessed and average > _FAR * guessed:  # of a clock's ticks, as a DV tape's 60,000
        return guessed
    return average or guessed or Fraction(25)


def usual_step(stream: VideoStream) -> int:
    """Between two frames, in the stream's time base, as the file says."""
    return max(1, round(1 / (usual_rate(stream) * (stream.time_base or Fraction(1, 1000)))))


def frames(path: Path, plan: Survey, first: int, last: int) -> Iterator[tuple[int, VideoFrame]]:
    """Decode frames ``first`` to ``last`` (exclusive) with their indices.

    Decoding begins at the nearest place where it can; when that does not give the frames of the survey (broken
    indices, open groups of pictures), at the film's beginning. Raises `InputError` when they do not come even so, and
    where a frame has another form than the survey found.
    """
    wanted = first
    same = _SameForm(path, plan)
    key = max((k for k in plan.keys if k <= first), default=0) if plan.seekable else 0
    for start in dict.fromkeys((key, 0)):
        for index, stream, frame in _from(path, plan, start):
            if index is None:
                break
            if index >= wanted:
                if index != wanted:
                    break
                same.check(index, stream, frame)
                yield index, frame
                wanted += 1
            if wanted >= last:
                return
        if wanted >= last:
            return
    raise InputError(f"{path}: frame {wanted} at {plan.seconds(wanted):.2f} s did not come again on a second reading")


def _from(path: Path, plan: Survey, start: int) -> Iterator[tuple[int | None, VideoStream, VideoFrame]]:
    """Frames from index ``start`` on; None for the index of one that is not in the survey."""
    known = {t: i for i, t in enumerate(plan.times)} if start else {}
    with opened(path) as container:
        stream = picture_stream(container, path)
        if start:
            try:
                container.seek(plan.times[start], stream=stream)
            except av.error.FFmpegError:
                return
        count = 0
        for frame in decoded(container, stream, None):
            if start:
                yield known.get(frame.pts if frame.pts is not None else -1), stream, frame
            else:
                yield (count if count < len(plan.times) else None), stream, frame
                count += 1


def demuxed(
    container: InputContainer, streams: Iterable[Stream], warn: Callable[[float | None, str], None] | None = None
) -> Iterator[Packet[Any]]:
    """The packets of some streams up to where the file cannot be read any further, which is told to ``warn``."""
    wanted = list(streams)
    if not wanted:
        return
    packets: Iterator[Packet[Any]] = container.demux(wanted)
    while True:
        try:
            packet = next(packets, None)
        except av.error.FFmpegError as e:
            if warn:
                warn(None, f"the file cannot be read any further: {e.strerror}")
            return
        if packet is None:
            return
        if packet.size:  # empty ones would end the decoding
            yield packet


def decoded(
    container: InputContainer,
    stream: VideoStream,
    warn: Callable[[float | None, str], None] | None,
    see: Callable[[Packet[Any]], None] | None = None,
) -> Iterator[VideoFrame]:
    """Every frame that can be decoded, in order of presentation; what cannot be is told to ``warn``.

    ``see`` is given the packets of all streams, the picture's before they are decoded.
    """
    stream.thread_type = "NONE" if stream.codec_context.name in _ONE_THREAD else "AUTO"
    packets = demuxed(container, list(container.streams) if see else [stream], warn)
    for packet in chain(packets, (None,)):
        if see and packet is not None:
            see(packet)
            if packet.stream_index != stream.index:
                continue
        try:
            yield from stream.codec_context.decode(packet)
        except av.error.EOFError:
            return
        except av.error.FFmpegError as e:
            if warn and packet is not None:
                warn(_seconds(packet.pts, stream), f"a frame cannot be decoded: {e.strerror}")


class _SameForm:
    """Sees to it that frames have the form that the survey found, so that no sample is taken for another."""

    def __init__(self, path: Path, plan: Survey) -> None:
        self._path, self._plan = path, plan
        self._key: tuple[object, ...] = ()

    def check(self, index: int, stream: VideoStream, frame: VideoFrame) -> None:
        expected = self._plan.form_at(index)
        key = (frame.format.name, frame.width, frame.height, frame.color_range, frame.colorspace, id(expected))
        if key == self._key:
            return
        self._key = key
        form = form_of(stream, frame)
        if _codes(form) != _codes(expected):
            raise InputError(
                f"{self._path}: at {self._plan.seconds(index):.2f} s the picture is {form.summary} on a second reading "
                f"and was {expected.summary}",
                hint="if something is writing to it, wait and run the same command again",
            )


def _codes(form: PictureForm) -> tuple[object, ...]:
    """What the numbers of a picture depend on."""
    return form.width, form.height, form.depth, form.full_range, form.weights, form.converted


def _seconds(pts: int | None, stream: VideoStream) -> float | None:
    return None if pts is None or stream.time_base is None else float(pts * stream.time_base)
