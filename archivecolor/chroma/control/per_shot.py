"""What is said of single shots: the grade and the reference that a list gives them, and frames that were colored."""

from __future__ import annotations

import threading
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from archivecolor.chroma.control.references import References, references_of
from archivecolor.film.shot_list import ListedShot
from archivecolor.inference.engine import Engine
from archivecolor.settings import ColorSettings


class PerShot:
    """The settings of frames, by the shots that they are in."""

    def __init__(
        self,
        color: ColorSettings,
        engine: Engine,
        references: References | None,
        shots: Sequence[ListedShot],
        colored: Mapping[int, Sequence[Path]],
        stop: threading.Event | None = None,
    ) -> None:
        """``color`` and ``references`` hold where a shot says nothing. Raises what `References` does.

        ``colored`` are the colored frames of shots, by these' first frames: references, beside the others.
        """
        own = {shot.settings.reference for shot in shots} - {None}
        looked_at: dict[Path | None, References | None] = {None: references}
        for path in sorted(path for path in own if path):
            looked_at[path] = references_of(replace(color, references=(path,)), engine, stop)
        self.all_references = [found for found in looked_at.values() if found]

        def of(shot: ListedShot) -> References | None:
            others, frames = looked_at[shot.settings.reference], colored.get(shot.first)
            if not frames:
                return others
            stopped = stop.is_set if stop else bool
            found = References(engine, frames, color.network_px, stopped, others, toned=True)
            self.all_references.append(found)
            return found

        self._firsts = [0, *(shot.first for shot in shots)]
        self._colors = [color, *(shot.settings.over(color) for shot in shots)]
        self._references = [references, *map(of, shots)]

    def color(self, frame: int) -> ColorSettings:
        """How a frame is graded."""
        return self._colors[self._at(frame)]

    def references(self, frame: int) -> References | None:
        """What a frame is compared with."""
        return self._references[self._at(frame)]

    def _at(self, frame: int) -> int:
        return bisect_right(self._firsts, frame) - 1
