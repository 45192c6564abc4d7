"""Opening films and decoding their frames, whatever state they are in.

A film is read once from end to end (`survey`) and then in parts (`frames`), by several readers if need be. The survey's
list of timestamps is the truth: a part yields exactly the frames of that list, or fails.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Final

import av
import numpy as np
from av.container import InputContainer
from av.stream import Disposition
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from archivecolor.color import UIntArray
from archivecolor.errors import InputError
from archivecolor.film.form import PictureForm, chroma_planes, form_of, luma_plane, luma_view

log = logging.getLogger(__name__)

_COLOR_SPREAD: Final = 3.0
"""Standard deviation of chroma (of 255), beyond what follows from luma, at which a frame has colors of its own."""
_COLOR_SHARE: Final = 0.2
_LOOK_PX: Final = 96
_LOOK_EVERY_S: Final = 1.0


@dataclass(frozen=True, slots=True)
class Warned:
    """Something that is wrong at a time of the film."""

    time_s: float
    text: str


@dataclass(frozen=True, slots=True)
class Survey:
    """What a film holds, found by decoding all of it."""

    form: PictureForm
    time_base: Fraction
    rate: Fraction
    """Frames a second, on average; for encoders, not for timestamps."""
    times: tuple[int, ...]
    """Of every frame, in `time_base`; strictly increasing."""
    last_duration: int
    """Of the last frame, in `time_base`; 0 where the film does not say."""
    keys: tuple[int, ...]
    """Indices of the frames that decoding can begin at."""
    seekable: bool
    interlaced: int
    """Frames flagged interlaced."""
    colored: bool
    warnings: tuple[Warned, ...]

    def seconds(self, index: int) -> float:
        """When a frame is shown, counted from the first."""
        return float((self.times[index] - self.times[0]) * self.time_base)

    @property
    def duration_s(self) -> float:
        """From the first frame's beginning to the last one's end."""
        last = self.last_duration or float(1 / self.rate / self.time_base)
        return float((self.times[-1] - self.times[0] + last) * self.time_base)


@contextmanager
def opened(path: Path) -> Iterator[InputContainer]:
    """Open a film file. Raises `InputError` with one clear line."""
    try:
        if path.stat().st_size == 0:
            raise InputError(f"{path}: is empty")
        # A 'file:' name is taken as it is: no pattern, no protocol
        container = av.open(f"file:{path}", metadata_errors="surrogateescape")
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


def picture_stream(container: InputContainer, path: Path) -> VideoStream:
    """The stream to color: the first video that is no cover picture."""
    for stream in container.streams.video:
        if not stream.disposition & Disposition.attached_pic and stream.codec_context is not None:
            return stream
    raise InputError(f"{path}: has no picture", hint="it may hold sound only")


def survey(
    path: Path, see: Callable[[UIntArray, PictureForm], None], advance: Callable[[float], None] | None = None
) -> Survey:
    """Decode a film from end to end; ``see`` is given a view of every frame's luma, ``advance`` the share done (0..1).

    Blocks are not smoothed, which saves an eighth of the decoding of H.264: this luma is looked at, never written.
    """
    found = _Findings()
    with opened(path) as container:
        stream = picture_stream(container, path)
        stream.codec_context.options = {"skip_loop_filter": "all"}
        total = float(container.duration / av.time_base) if container.duration else 0.0
        for frame in _decoded(container, stream, found.warn):
            found.take(stream, frame, see)
            if advance and total and len(found.times) % 25 == 0:
                advance(min(1.0, found.elapsed_s() / total))
        return found.survey(path, stream)


def frames(path: Path, plan: Survey, first: int, last: int) -> Iterator[tuple[int, VideoFrame]]:
    """Decode frames ``first`` to ``last`` (exclusive) with their indices.

    Decoding begins at the nearest place where it can; when that does not give the frames of the survey (broken
    indices, open groups of pictures), at the film's beginning. Raises `InputError` when they do not come even so.
    """
    wanted = first
    key = max((k for k in plan.keys if k <= first), default=0) if plan.seekable else 0
    for start in dict.fromkeys((key, 0)):
        for index, frame in _from(path, plan, start):
            if index is None:
                break
            if index >= wanted:
                if index != wanted:
                    break
                yield index, frame
                wanted += 1
            if wanted >= last:
                return
        if wanted >= last:
            return
    raise InputError(f"{path}: frame {wanted} at {plan.seconds(wanted):.2f} s did not come again on a second reading")


def _from(path: Path, plan: Survey, start: int) -> Iterator[tuple[int | None, VideoFrame]]:
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
        for frame in _decoded(container, stream, None):
            if start:
                yield known.get(frame.pts if frame.pts is not None else -1), frame
            else:
                yield (count if count < len(plan.times) else None), frame
                count += 1


def _decoded(
    container: InputContainer, stream: VideoStream, warn: Callable[[float | None, str], None] | None
) -> Iterator[VideoFrame]:
    """Every frame that can be decoded, in order of presentation; what cannot be is told to ``warn``."""
    stream.thread_type = "AUTO"
    packets = container.demux(stream)
    while True:
        try:
            packet = next(packets, None)
        except av.error.FFmpegError as e:
            if warn:
                warn(None, f"the file cannot be read any further: {e.strerror}")
            packet = None
        try:
            decoded = stream.codec_context.decode(packet if packet is not None and packet.size else None)
        except av.error.EOFError:
            decoded = []
        except av.error.FFmpegError as e:
            decoded = []
            if warn and packet is not None:
                warn(_seconds(packet.pts, stream), f"a frame cannot be decoded: {e.strerror}")
        yield from decoded
        if packet is None or not packet.size:
            return


def _seconds(pts: int | None, stream: VideoStream) -> float | None:
    return None if pts is None or stream.time_base is None else float(pts * stream.time_base)


class _Findings:
    """What a survey gathers."""

    def __init__(self) -> None:
        self.times: list[int] = []
        self._keys: list[int] = []
        self._form: PictureForm | None = None
        self._time_base = Fraction(1, 1000)
        self._duration = 0
        self._interlaced = 0
        self._warnings: list[Warned] = []
        self._broken_times = 0
        self._looks: list[float] = []
        self._looked_s = -_LOOK_EVERY_S

    def elapsed_s(self) -> float:
        return float((self.times[-1] - self.times[0]) * self._time_base) if self.times else 0.0

    def warn(self, time_s: float | None, text: str) -> None:
        start = float(self.times[0] * self._time_base) if self.times else 0.0
        self._warnings.append(Warned(self.elapsed_s() if time_s is None else time_s - start, text))

    def take(self, stream: VideoStream, frame: VideoFrame, see: Callable[[UIntArray, PictureForm], None]) -> None:
        if self._form is None:
            self._form = form_of(stream, frame)
            self._time_base = stream.time_base or Fraction(1, 1000)
        if (frame.width, frame.height) != (self._form.width, self._form.height):
            raise InputError(
                f"the picture changes from {self._form.width} x {self._form.height} to {frame.width} x {frame.height} "
                f"at {self.elapsed_s():.2f} s",
                hint="split the film there and color the parts",
            )
        self._note_time(stream, frame)
        if frame.key_frame:
            self._keys.append(len(self.times) - 1)
        if frame.is_corrupt:
            self.warn(self.elapsed_s() + float(self.times[0] * self._time_base), "a damaged frame")
        self._interlaced += frame.interlaced_frame
        self._duration = frame.duration or self._duration
        see(luma_view(frame), self._form)
        if self.elapsed_s() - self._looked_s >= _LOOK_EVERY_S:
            self._looked_s = self.elapsed_s()
            self._looks.append(_own_color(frame))

    def _note_time(self, stream: VideoStream, frame: VideoFrame) -> None:
        time = frame.pts if frame.pts is not None else frame.dts
        if time is None or (self.times and time <= self.times[-1]):
            self._broken_times += 1
            step = max(1, round(1 / (_rate(stream) * self._time_base)))
            time = self.times[-1] + (step if time is None else 1) if self.times else 0
        self.times.append(time)

    def survey(self, path: Path, stream: VideoStream) -> Survey:
        if self._form is None:
            raise InputError(f"{path}: not one frame of it can be decoded")
        size = path.stat().st_size
        beyond = sum(entry.pos + entry.size > size for entry in stream.index_entries)
        if beyond:
            self.warn(None, f"the file ends early: {beyond} frames are lost")
        if self._broken_times:
            self.warn(0.0, f"{self._broken_times} frames had no timestamp or a wrong one; they were given new ones")
        looks = np.array(self._looks)
        return Survey(
            form=self._form,
            time_base=self._time_base,
            rate=_rate(stream),
            times=tuple(self.times),
            last_duration=self._duration,
            keys=tuple(self._keys),
            seekable=not self._broken_times,
            interlaced=self._interlaced,
            colored=bool((looks > _COLOR_SPREAD).mean() >= _COLOR_SHARE),
            warnings=tuple(self._warnings),
        )


def _rate(stream: VideoStream) -> Fraction:
    return stream.average_rate or stream.guessed_rate or Fraction(25)


def _own_color(frame: VideoFrame) -> float:
    """Spread of chroma that no tint explains: what is left after a line through luma is taken away."""
    across = min(1.0, _LOOK_PX / max(frame.width, frame.height))
    small = frame.reformat(max(2, round(frame.width * across)), max(2, round(frame.height * across)))
    chroma = chroma_planes(small)
    if chroma is None:
        return 0.0
    y = luma_plane(small).astype(np.float32).ravel()
    y = y[: chroma[0].size] - y.mean()
    left = 0.0
    for plane in chroma:
        c = plane.astype(np.float32).ravel()
        c -= c.mean()
        slope = float(y @ c) / max(float(y @ y), 1e-6)
        left += float(np.var(c - slope * y))
    return float(np.sqrt(left))
