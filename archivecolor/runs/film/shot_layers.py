"""What is wanted of single shots, by a list of them and by what was painted on their frames."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from archivecolor.chroma.control.hints import Hints
from archivecolor.chroma.control.reference_files import digest_of
from archivecolor.film.segments import Segment
from archivecolor.film.shot_list import ListedShot


def layers_of(shot: ListedShot) -> Iterator[tuple[int | float, Path]]:
    """The layers of strokes that a list gives a shot, each with its frame or its time."""
    if shot.settings.hints:
        yield from Hints(shot.settings.hints).of_film()


@dataclass(frozen=True, slots=True)
class Steering:
    """What is wanted of single shots. By that a run knows which segments of an earlier one it would make otherwise."""

    paint: dict[int, str] = field(default_factory=dict)
    """Digests of what was painted, by frames."""
    shots: list[ListedShot] = field(default_factory=list)
    """Those of a list that was given."""

    def told(self, segment: Segment, edges: Sequence[int], *, graded: bool) -> str:
        """A segment's frames and shots, and what is wanted of these, in words; a grade only if it is to be told.

        ``edges`` are where the film's shots begin, and where the last one ends.
        """
        parts = [f"{segment.first} {segment.last} {segment.read_first} {segment.read_last} {segment.starts}"]
        for shot in self.shots:
            if shot.first < segment.last and segment.first < shot.first + shot.frames:
                parts += [digest_of([shot.settings.reference])] if shot.settings.reference else []
                parts += [f"{shot.settings.told()}"] if graded and shot.settings.told() else []
        first = max(edge for edge in edges if edge <= segment.first)  # paint is carried through all of each shot
        last = min(edge for edge in edges if edge >= segment.last)
        return " ".join([*parts, *(f"{n} {digest}" for n, digest in sorted(self.paint.items()) if first <= n < last)])
