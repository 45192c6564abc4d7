"""Which numbered files of a folder are the frames of a film, and which are photographs that somebody numbered.

DPX and OpenEXR are frames. TIFF, PNG and JPEG are where there are many, numbered with few gaps, of one size, and
neighbors show the same thing. That is asked place by place: pages of a book and filled-in forms have the same margins
and lines, and other words between them.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Final, TypeAlias

import cv2
import numpy as np

from archivecolor.chroma.network_input import shrink_codes
from archivecolor.color import FloatArray
from archivecolor.errors import ArchiveColorError
from archivecolor.jobs.file_sets import Numbering
from archivecolor.sequences.finding import SCANS, group
from archivecolor.stills import probe

Tell: TypeAlias = Callable[[str, int, str | None], None]
"""Is given the name of a set, how many pictures it has, and why it is no film; None where it is one."""

_LEAST: Final = 24
"""Frames, of what may be photographs."""
_WITHOUT_GAPS: Final = 0.9
_PAIRS: Final = 6
_SHORT_PX: Final = 192
_PLACES: Final = 6
"""Across and down."""
_MOVED: Final = 24
"""Part of the short side by which a place is looked for in the other picture."""
_BLANK: Final = 4 / 255
"""Standard deviation, where white is 1, below which a place shows nothing."""
_LEAST_ALIKE: Final = 25
"""Percent of the places that may be less alike than counts: what moves on."""
_ALIKE: Final = 0.75
"""Correlation. Of pairs out of 13 development clips two thirds have at least .88, and of 24 pages of print, as of forms
filled in by hand, at most .64."""
_MOST: Final = 2 / 3


def scans(folder: Path, names: list[str]) -> dict[str, list[str]]:
    """The names of a folder that are frames whatever they show, by the name of their set."""
    return {way.name: _of(way, found) for way, found in group(names, SCANS)}


def reels(folder: Path, names: list[str], tell: Tell | None = None) -> dict[str, list[str]]:
    """The same, and numbered pictures that look like a film; reads up to a dozen of each numbering.

    ``tell`` hears of every set that could be either.
    """
    found = scans(folder, names)
    for way, alike in group(names):
        of_set = _of(way, alike)
        if way.name in found or not _may_be_film(way, of_set):
            continue
        why = _no_film(folder, way, of_set)
        if why is None:
            found[way.name] = of_set
        if tell:
            tell(way.name, len(of_set), why)
    return found


def _of(way: Numbering, names: list[str]) -> list[str]:
    return [name for name in names if way.number(name) is not None]


def _numbers(way: Numbering, names: list[str]) -> list[int]:
    return sorted(number for number in map(way.number, names) if number is not None)


def _may_be_film(way: Numbering, names: list[str]) -> bool:
    numbers = _numbers(way, names)
    return len(numbers) >= _LEAST and len(numbers) >= _WITHOUT_GAPS * (numbers[-1] - numbers[0] + 1)


def _no_film(folder: Path, way: Numbering, names: list[str]) -> str | None:
    """Why pictures are no film; None where they are one."""
    numbers = _numbers(way, names)
    have, step = set(numbers), max(1, len(numbers) // _PAIRS)
    pairs = [number for number in numbers[::step] if number + 1 in have][:_PAIRS]
    try:
        infos = [probe(folder / way.file_name(number)) for pair in pairs for number in (pair, pair + 1)]
        if len({(info.width, info.height, info.bits, info.pages) for info in infos}) != 1:
            return "they are of several sizes or kinds"
        found = [_likeness(*(_small(folder / way.file_name(n)) for n in (pair, pair + 1))) for pair in pairs]
    except ArchiveColorError as e:  # as photographs each gets its own line
        return e.message
    known = [likeness for likeness in found if likeness is not None]
    alike = sum(likeness >= _ALIKE for likeness in known)
    return None if known and alike >= _MOST * len(known) else "neighbors do not show the same thing"


def _small(path: Path) -> FloatArray:
    """A picture as a display shows it, small, in 0..1."""
    from archivecolor.sequences.frames import read_frame

    frame = read_frame(path)
    shown, depth = frame.form.as_shown(frame.luma)
    scale = min(1.0, _SHORT_PX / min(shown.shape))
    height, width = (max(1, round(side * scale)) for side in shown.shape)
    return np.asarray(shrink_codes(shown, (height, width)), dtype=np.float32) / np.float32((1 << depth) - 1)


def _likeness(first: FloatArray, second: FloatArray) -> float | None:
    """How far what a picture shows is found again in its neighbor, near where it is; None of one that shows nothing."""
    height, width = second.shape
    moved = max(1, min(height, width) // _MOVED)
    found = []
    for top, below in _cuts(height, moved):
        for left, right in _cuts(width, moved):
            place = second[top:below, left:right]
            around = first[top - moved : below + moved, left - moved : right + moved]
            if place.std() > _BLANK:
                scores = cv2.matchTemplate(around, np.ascontiguousarray(place), cv2.TM_CCOEFF_NORMED)
                found.append(float(scores.max()))
    return float(np.percentile(found, _LEAST_ALIKE)) if found else None


def _cuts(side: int, moved: int) -> list[tuple[int, int]]:
    """Beginning and end of the places along a side, which leave a margin to move in."""
    edges = np.linspace(moved, side - moved, _PLACES + 1).round().astype(int)
    return [(int(a), int(b)) for a, b in pairwise(edges) if b - a > 1]
