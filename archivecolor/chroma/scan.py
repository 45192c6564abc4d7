"""What is known of a film, or of a sequence of frames, that was read once: what it holds, and where its cuts are."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

from archivecolor.chroma.shots import CutDetector
from archivecolor.color import UIntArray
from archivecolor.errors import Stopped
from archivecolor.film.form import PictureForm
from archivecolor.film.priority import opencv_on_one_thread
from archivecolor.film.shot_list import ListedShot
from archivecolor.film.survey import Survey, survey
from archivecolor.film.writing import Part
from archivecolor.jobs.file_sets import Numbering, numbering
from archivecolor.sequences.finding import sequence_at
from archivecolor.sequences.survey import Surveyed, survey_sequence


@dataclass(frozen=True, slots=True)
class Scan:
    """A film that was read once."""

    film: Survey
    cuts: tuple[int, ...]
    """Frames that begin a new shot."""
    sure: tuple[float, ...] = ()
    """How clearly each of them stands out, 0..1; none of cuts that were given."""
    frames: Surveyed | None = None
    """The files of a film that is a sequence of them."""

    @property
    def prefix(self) -> str:
        """What the names of a sequence's files begin with, before the number."""
        way = Numbering.of(self.frames.sequence.path.name) if self.frames else None
        return way.before if way else ""

    def shots(self) -> list[ListedShot]:
        """The film's shots."""
        edges = [0, *self.cuts, len(self.film.times)]
        sure = [None, *self.sure] if self.sure else [None] * (len(edges) - 1)
        return [ListedShot(a, b - a, s) for (a, b), s in zip(pairwise(edges), sure, strict=True)]

    def part(self, start_s: float | None, end_s: float | None) -> Part:
        """The frames that are shown from ``start_s`` until before ``end_s``; an empty part has no frames."""
        shown = [self.film.seconds(i) for i in range(len(self.film.times))]
        first = 0 if start_s is None else sum(s < start_s - 1e-9 for s in shown)
        last = len(shown) if end_s is None else sum(s < end_s - 1e-9 for s in shown)
        return Part(first, max(first, last), whole=start_s is None and end_s is None)


def scan(
    path: Path,
    advance: Callable[[float], None] | None = None,
    stop: threading.Event | None = None,
    rate: Fraction | None = None,
) -> Scan:
    """Read a film, or a sequence of frames, from end to end: what it holds and where its cuts are.

    ``rate`` is that of a sequence, in place of what its frames say.

    Raises `InputError`, and `Stopped` once ``stop`` is set.
    """
    detector = CutDetector()

    def see(luma: UIntArray, form: PictureForm) -> None:
        if stop is not None and stop.is_set():
            raise Stopped
        detector.push(*form.as_shown(luma))

    with opencv_on_one_thread():
        if numbering(path) is None:
            film, frames = survey(path, see, advance), None
        else:
            film, frames = survey_sequence(sequence_at(path), see, advance, rate)
    cuts = tuple(detector.cuts())
    return Scan(film, cuts, tuple(map(detector.sure, cuts)), frames)
