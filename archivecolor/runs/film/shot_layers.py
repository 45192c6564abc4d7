"""The hints that a list of shots gives."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from archivecolor.chroma.control.hints import Hints
from archivecolor.film.shot_list import ListedShot


def layers_of(shot: ListedShot) -> Iterator[tuple[int | float, Path]]:
    """The layers of strokes that a list gives a shot, each with its frame or its time."""
    if shot.settings.hints:
        yield from Hints(shot.settings.hints).of_film()
