"""Reading a film once from end to end: every frame's time and form, what is damaged, what lies beside the picture.

The survey's list of timestamps is the truth for all later readings, and so are the forms: a film may change its form
on the way, and no later reading takes a frame for one of another form.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path
from typing import Any, Final

import av
import numpy as np
from av.container import InputContainer
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from archivecolor.color import UIntArray
from archivecolor.errors import InputError
from archivecolor.film.damage import LONGEST_STEP_S, OtherStreams, PicturePackets, Warned, missing_end
from archivecolor.film.fields import parity_of
from archivecolor.film.form import PictureForm, form_of, luma_view
from archivecolor.film.inventory import Inventory, Taker
from archivecolor.film.reading import decoded, opened, picture_stream, usual_rate, usual_step
from archivecolor.film.scaler import reformatted
from archivecolor.film.slices import Slices
from archivecolor.film.timecode import Timecode, timecode_of
from archivecolor.film.times import are_sound, repaired
from archivecolor.resources import map_planes
from archivecolor.text import clock
from archivecolor.toning import THUMBNAIL_PX, tone_of

_COLOR_SHARE: Final = 0.2
"""Share of the looks at a film that find color from which on it counts as colored."""
_LOOK_EVERY_S: Final = 1.0
_GAP: Final = 1.9
"""Usual distances of frames from which on a damaged film is said to lack some."""
_NEAR: Final = 2
_SLOWEST, _FASTEST = Fraction(1, 1001), Fraction(1000)
"""Frames a second beyond which no encoder is told a film's rate."""
_LOOK_PX: Final = 4 * THUMBNAIL_PX
_FIELD_ORDERS: Final = {"tff": 2, "bff": 3}

See = Callable[[UIntArray, PictureForm], None]


@dataclass(frozen=True, slots=True)
class Survey:
    """What a film holds, found by decoding all of it."""

    form: PictureForm
    """The first frame's, or, after `changes.settled`, the one that all frames are written in."""
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
    forms: tuple[tuple[int, PictureForm], ...] = ()
    """Each form with the index of the frame that it begins at; none where all frames have `form`."""
    inventory: Inventory = field(default_factory=Inventory)
    timecode: Timecode | None = None
    """Of the first frame, where the film has one."""
    slices: Slices | None = None
    """Of FFV1."""
    numbers: tuple[int, ...] = ()
    """What frames are called that are files, in order; others are counted from 0."""

    def number(self, index: int) -> int:
        """What a frame is called; before the first one and behind the last one it is counted on."""
        if not self.numbers:
            return index
        first, last = 0, len(self.numbers) - 1
        return self.numbers[max(first, min(index, last))] + min(index, first) + max(index - last, 0)

    def index(self, number: int) -> int:
        """The frame that is called so, or the next one that is there; beyond the ends frames are counted on."""
        if not self.numbers:
            return number
        at = bisect_left(self.numbers, number)
        return at + min(0, number - self.numbers[0]) + max(0, number - self.numbers[-1] - 1)

    @property
    def named(self) -> str:
        """How frames are counted, for people."""
        return "frames have the numbers of their files" if self.numbers else "frames are counted from 0"

    def timecode_at(self, time_s: float) -> Timecode | None:
        """That of the frame shown so long after the first one."""
        return self.timecode.after(round(time_s * self.rate)) if self.timecode else None

    def moment(self, time_s: float) -> str:
        """A time for people: '0:00:01.20 (10:00:01:05)', with the film's own time code where it has one."""
        code = self.timecode_at(time_s)
        return f"{clock(time_s)} ({code})" if code else clock(time_s)

    def seconds(self, index: int) -> float:
        """When a frame is shown, counted from the first."""
        return float((self.times[index] - self.times[0]) * self.time_base)

    @property
    def duration_s(self) -> float:
        """From the first frame's beginning to the last one's end."""
        last = self.last_duration or float(1 / self.rate / self.time_base)
        return float((self.times[-1] - self.times[0] + last) * self.time_base)

    def form_at(self, index: int) -> PictureForm:
        """The form of a frame as it is in the file."""
        at = bisect_right(self.forms, index, key=lambda begin: begin[0]) - 1
        return self.forms[at][1] if at >= 0 else self.form


def survey(path: Path, see: See, advance: Callable[[float], None] | None = None) -> Survey:
    """Decode a film from end to end; ``see`` is given a view of every frame's luma, ``advance`` the share done (0..1).

    Blocks are not smoothed, which saves an eighth of the decoding of H.264: this luma is looked at, never written.
    Raises `InputError` where not one frame can be decoded.
    """
    with opened(path) as container:
        stream = picture_stream(container, path)
        found = _Findings(stream)
        map_planes(stream.codec_context.width * stream.codec_context.height)
        stream.codec_context.options = {"skip_loop_filter": "all"}
        total = float(container.duration / av.time_base) if container.duration else 0.0
        for frame in decoded(container, stream, found.warn, found.see_packet):
            found.take(stream, frame, see)
            if advance and total and len(found.times) % 25 == 0:
                advance(min(1.0, found.elapsed_s() / total))
        return found.survey(path, container, stream)


class _Findings:
    """What a survey gathers."""

    def __init__(self, stream: VideoStream) -> None:
        self.times: list[int] = []
        self.others = OtherStreams()
        self._picture = stream.index
        self._packets = PicturePackets(stream)
        self._forms: list[tuple[int, PictureForm]] = []
        self._key: tuple[Any, ...] = ()
        self._aspects: tuple[Fraction | None, Fraction | None] = (None, None)
        """The codec's own, of the first frame and of the last key frame."""
        self._keys: list[int] = []
        self._parity: str | None = None
        self._time_base = Fraction(1, 1000)
        self._duration = 0
        self._interlaced = 0
        self._warnings: list[Warned] = []
        self._warned: list[tuple[int | float, str]] = []
        """At a frame's index, or at a time of the file's clock."""
        self._given: list[int | None] = []
        """Timestamps as they are in the file."""
        self._looks: list[bool] = []
        self._looked_s = -_LOOK_EVERY_S
        self._taker = Taker()

    def see_packet(self, packet: Packet[Any]) -> None:
        if packet.stream_index == self._picture:
            self._packets.see(packet)
            self._taker.see_picture(packet)
        else:
            self.others.see(packet)
            self._taker.see_packet(packet)

    def elapsed_s(self) -> float:
        return float((self.times[-1] - self.times[0]) * self._time_base) if self.times else 0.0

    def warn(self, time_s: float | None, text: str) -> None:
        """Of the file's clock; None is where the survey has come to."""
        self._warned.append((len(self.times) - 1 if time_s is None else time_s, text))

    def _resolved_s(self, when: int | float) -> float:
        """Seconds from the first frame."""
        if isinstance(when, int):
            return float((self.times[max(0, when)] - self.times[0]) * self._time_base)
        return max(0.0, when - self._start_s())

    def _start_s(self) -> float:
        return float(self.times[0] * self._time_base) if self.times else 0.0

    def take(self, stream: VideoStream, frame: VideoFrame, see: See) -> None:
        if not self.times:
            self._time_base = stream.time_base or Fraction(1, 1000)
        self._note_time(stream, frame)
        form = self._note_form(stream, frame)
        if frame.key_frame:
            self._keys.append(len(self.times) - 1)
        if frame.is_corrupt:
            self.warn(None, "a damaged frame")
        if frame.interlaced_frame:
            self._interlaced += 1
            self._parity = self._parity or parity_of(frame)
        self._taker.see_frame(frame)
        self._duration = frame.duration or self._duration
        see(luma_view(frame), form)
        if self.elapsed_s() - self._looked_s >= _LOOK_EVERY_S:
            self._looked_s = self.elapsed_s()
            self._looks.append(_is_colored(frame))

    def _note_form(self, stream: VideoStream, frame: VideoFrame) -> PictureForm:
        """The frame's form; it is worked out where something that it depends on is another than before."""
        first, aspect = self._aspects
        if not self._forms:
            first = aspect = stream.codec_context.sample_aspect_ratio
        elif frame.key_frame:  # a decoder that is ahead tells the next pictures' aspect
            aspect = stream.codec_context.sample_aspect_ratio
        self._aspects = first, aspect
        tags = (frame.color_range, frame.colorspace, frame.color_primaries, frame.color_trc)
        key = (frame.format.name, frame.width, frame.height, *tags, frame.rotation, aspect)
        if key != self._key:
            self._key = key
            form = form_of(stream, frame)
            if aspect != first and stream.sample_aspect_ratio == first:  # the container says nothing of its own
                form = replace(form, sample_aspect=aspect if aspect and aspect != 1 else None)
            if self._forms and not frame.key_frame and form.display_matrix is None:
                # H.264 says on a key frame how it is turned, and that holds for those that follow (H.264, D.2.27)
                form = replace(form, display_matrix=self._forms[-1][1].display_matrix)
            if not self._forms or form != self._forms[-1][1]:
                self._forms.append((len(self.times) - 1, form))
        return self._forms[-1][1]

    def _note_time(self, stream: VideoStream, frame: VideoFrame) -> None:
        """Of a frame whose timestamp is missing or wrong the time is a guess until all are known."""
        time = frame.pts if frame.pts is not None else frame.dts
        self._given.append(time)
        if time is None or (self.times and time <= self.times[-1]):
            time = self.times[-1] + usual_step(stream) if self.times else 0
        self.times.append(time)

    def survey(self, path: Path, container: InputContainer, stream: VideoStream) -> Survey:
        if not self._forms:
            raise InputError(f"{path}: not one frame of it can be decoded", hint="restore it from a copy")
        form = self._forms[0][1]
        if self._parity and form.parity is None:
            # Many containers do not say which field comes first, DV among them; its frames do
            order = _FIELD_ORDERS[self._parity]
            self._forms = [(begin, replace(form, field_order=order)) for begin, form in self._forms]
        end_s = max(self.others.end_s, self._end_s(stream))
        broken = not are_sound(self._given)
        if broken:
            self.times, anew = repaired(self._given, usual_step(stream))
            if 0 < anew < len(self._given):  # streams without a container have no times at all
                frames = "a frame" if anew == 1 else f"{anew} frames"
                self.warn(0.0, f"{frames} had no timestamp or a wrong one, and got a new one")
        missing = missing_end(path, container, stream, end_s, self._packets.last)
        if missing:
            self.warn(None, missing)
        hidden = self._packets.hidden_by_damage(self.times, self._time_base)
        if hidden:
            count = len(self._packets.hidden)
            raise InputError(
                f"{path}: its times are damaged, which hides {count} of its pictures: {hidden}",
                hint="restore it from a copy",
            )
        self._warnings += self._packets.warnings(self.times, self._time_base)
        self._warnings += [Warned(self._resolved_s(when), text) for when, text in self._warned]
        self._note_gaps()
        others = self.others.warnings(self._start_s())
        rate = self._measured_rate(stream)
        return Survey(
            form=self._forms[0][1],
            time_base=self._time_base,
            rate=rate,
            times=tuple(self.times),
            last_duration=self._duration,
            keys=tuple(self._keys),
            seekable=not broken,
            interlaced=self._interlaced,
            colored=is_colored(self._looks),
            warnings=tuple(sorted({*self._warnings, *others}, key=lambda warned: (warned.time_s, warned.text))),
            forms=tuple(self._forms),
            inventory=self._taker.taken(container, stream, self._forms[0][1]),
            timecode=timecode_of(container, rate),
            slices=self._packets.slices,
        )

    def _note_gaps(self) -> None:
        """Tell where a damaged film has no picture for a while, and any film for longer than can be meant."""
        if len(self.times) < 3:
            return
        steps = np.diff(np.array(self.times, dtype=np.float64))
        least = _GAP * np.median(steps) if self._warnings else LONGEST_STEP_S / float(self._time_base)
        for index in np.flatnonzero(steps > least):
            gap_s = float(steps[index] * float(self._time_base))
            time_s = float((self.times[index] - self.times[0]) * self._time_base)
            self._warnings.append(Warned(time_s, f"no picture can be decoded for {gap_s:.2f} s"))

    def _end_s(self, stream: VideoStream) -> float:
        last = self._duration or 1 / (usual_rate(stream) * self._time_base)
        return float((self.times[-1] + last) * self._time_base)

    def _measured_rate(self, stream: VideoStream) -> Fraction:
        """What the file says, unless its timestamps say something quite different: a DV tape is not of 60,000 fps."""
        span = (self.times[-1] - self.times[0]) * self._time_base
        measured = (len(self.times) - 1) / span if span else usual_rate(stream)
        for said in (stream.average_rate, stream.guessed_rate, stream.base_rate) if span else ():
            if said and measured / _NEAR < said < measured * _NEAR:
                measured = said
                break
        else:
            measured = measured.limit_denominator(1001)
        return min(max(measured, _SLOWEST), _FASTEST)


def is_colored(looks: Sequence[bool]) -> bool:
    """Whether a film is, of whose frames some were looked at, one a second."""
    return sum(looks) >= _COLOR_SHARE * len(looks)


def _is_colored(frame: VideoFrame) -> bool:
    """Whether a frame is in color, judged as a still is: tints and toning are none."""
    if len(frame.format.components) < 3 and not frame.format.has_palette:
        return False
    short = min(frame.width, frame.height)
    scale = min(1.0, THUMBNAIL_PX / short, _LOOK_PX / max(frame.width, frame.height))
    size = (max(2, round(frame.width * scale)), max(2, round(frame.height * scale)))
    # Area averaging (AV_SWS 'AREA'): other scalers leave out most of the pixels
    rgb = reformatted(frame, *size, "rgb24", interpolation="AREA").to_ndarray()
    return not tone_of(np.asarray(rgb, dtype=np.uint8)).is_monochrome
