"""What users say about single frames and shots of a film: layers of strokes, colored frames, and a list of shots.

Names become frames before anything is made. Each segment's record holds what was said of the shots that it has frames
of, so that a change makes only those segments anew that it can be seen in.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Final

from archivecolor.chroma.control.colored_frames import OTHER_PHOTOGRAPHS, frames_in
from archivecolor.chroma.control.hints import Hints, Moment
from archivecolor.chroma.control.reference_files import digest_of
from archivecolor.chroma.scan import Scan
from archivecolor.errors import UsageError
from archivecolor.film.segments import Segment
from archivecolor.film.shot_list import ListedShot, first_code, frame_of
from archivecolor.film.timecode import Timecode
from archivecolor.jobs.digests import content_sha256
from archivecolor.settings import ColorSettings

_SAME_S: Final = 1e-3
_GRADE: Final = ("strength", "saturation", "warmth", "leave_gray")


@dataclass(frozen=True, slots=True)
class FrameAdvice:
    """What was said of frames and shots of one film."""

    scan: Scan
    listed: tuple[ListedShot, ...] = ()
    """The shots of a list that was given."""
    layers: dict[int, Path] = field(default_factory=dict)
    """Strokes, by frames."""
    colored: dict[int, Path] = field(default_factory=dict)
    """Colored frames."""
    digests: dict[Path, str] = field(default_factory=dict)
    """What the files and folders hold."""

    @classmethod
    def of(cls, scan: Scan, color: ColorSettings, listed: tuple[ListedShot, ...] = ()) -> FrameAdvice:
        """Find the frames that names mean.

        Raises `UsageError` where one means none of the film or of its shot, or two the same, and `InputError` where a
        file cannot be read.
        """
        advice = cls(scan, listed)
        for moment, path in Hints(color.hints).of_film(scan.prefix) if color.hints else ():
            advice.layers[advice.frame(moment, path)] = path
        for shot in listed:
            advice._take_layers_of(shot)
        for moment, path in frames_in(color.frames, scan.prefix) if color.frames else ():
            try:
                frame = advice.frame(moment, path)
            except UsageError as e:
                raise UsageError(e.message, hint=f"{e.hint}; {OTHER_PHOTOGRAPHS}") from e
            if frame in advice.colored:
                raise UsageError(
                    f"{path}: is of frame {scan.film.number(frame)}, as {advice.colored[frame].name} is",
                    hint="leave one of them out",
                )
            advice.colored[frame] = path
        for path in (*advice.layers.values(), *advice.colored.values()):
            advice.digests[path] = content_sha256(path)
        for reference in {shot.settings.reference for shot in listed} - {None}:
            if reference:
                advice.digests[reference] = digest_of([reference])
        return advice

    @property
    def is_given(self) -> bool:
        """Whether frames were painted on or colored."""
        return bool(self.layers or self.colored)

    @property
    def shots(self) -> tuple[ListedShot, ...]:
        """The film's."""
        return self.listed or tuple(self.scan.shots())

    @property
    def colored_by_shot(self) -> dict[int, tuple[Path, ...]]:
        """The colored frames of each shot that has some, by its first frame."""
        found = ((first, self._of(self.colored, first, last)) for first, last in pairwise(self._edges))
        return {first: tuple(frames.values()) for first, frames in found if frames}

    def on(self, first: int, last: int) -> Iterator[tuple[int, int, dict[int, Path], dict[int, Path]]]:
        """The shots that have frames of ``first`` to ``last`` and were painted on or colored.

        Each by its first frame and that behind it, with its layers and its colored frames.
        """
        for begin, end in pairwise(self._edges):
            if begin < last and first < end:
                layers, colored = self._of(self.layers, begin, end), self._of(self.colored, begin, end)
                if layers or colored:
                    yield begin, end, layers, colored

    def told(self, segment: Segment, *, graded: bool) -> str:
        """What a segment is, and what was said of the shots that it has frames of; ``graded`` with their grades."""
        told = [f"{segment.first} {segment.last} {segment.read_first} {segment.read_last} {segment.starts}"]
        for _begin, _end, layers, colored in self.on(segment.first, segment.last):
            told += [f"{frame} {self.digests[path]}" for frame, path in sorted(layers.items())]
            told += [f"{frame} colored {self.digests[path]}" for frame, path in sorted(colored.items())]
        for shot in self.listed:
            if shot.first < segment.last and segment.first < shot.first + shot.frames:
                reference = shot.settings.reference
                grade = {name: value for name, value in shot.settings.told().items() if graded and name in _GRADE}
                told += [f"shot {shot.first} reference {self.digests[reference]}"] if reference else []
                told += [f"shot {shot.first} {grade}"] if grade else []
        return " ".join(told)

    def frame(self, moment: Moment, path: Path) -> int:
        """The frame that a file is named after. Raises `UsageError` where the film has none such."""
        film, count = self.scan.film, len(self.scan.film.times)
        frame = film.index(moment) if isinstance(moment, int) else moment
        if isinstance(moment, float):
            frame = sum(film.seconds(i) <= moment + _SAME_S for i in range(count)) - 1
        elif isinstance(moment, str):
            begun = first_code(film)
            try:
                code = Timecode.of(f"{moment[:-3]};{moment[-2:]}" if begun.drop else moment, film.rate)
            except ValueError as e:
                raise UsageError(f"{path}: {e}", hint=f"the film's begins at {begun}") from e
            frame = frame_of(film)(code.number - begun.number)
        inside = 0 <= int(frame) < count and not (isinstance(moment, float) and moment > film.duration_s)
        if not inside or (isinstance(moment, int) and film.number(int(frame)) != moment):
            missing = f"frame {moment} is missing or broken; " if inside else ""
            raise UsageError(
                f"{path}: names no frame of the film",
                hint=f"{missing}it has frames {film.number(0)} to {film.number(count - 1)}, "
                f"in {film.duration_s:.2f} seconds",
            )
        return int(frame)

    def _take_layers_of(self, shot: ListedShot) -> None:
        for moment, path in Hints(shot.settings.hints).of_film(self.scan.prefix) if shot.settings.hints else ():
            frame = self.frame(moment, path)
            if not shot.first <= frame < shot.first + shot.frames:
                first, last = (self.scan.film.number(i) for i in (shot.first, shot.first + shot.frames - 1))
                raise UsageError(f"{path}: names a frame outside its shot", hint=f"which is {first} to {last}")
            self.layers[frame] = path

    @property
    def _edges(self) -> list[int]:
        """Where the film's shots begin, and where the last one ends."""
        return [0, *self.scan.cuts, len(self.scan.film.times)]

    def _of(self, files: dict[int, Path], first: int, last: int) -> dict[int, Path]:
        return {frame: path for frame, path in files.items() if first <= frame < last}
