"""Which numbered files of a folder are the frames of a film, and which are photographs that somebody numbered.

DPX and OpenEXR are frames. TIFF, PNG and JPEG are where there are many, numbered with few gaps, of one size, and
neighbors look alike: cuts and camera moves leave most pairs of a film within `_ALIKE`; pages of a book, plates and
pictures of one camera are of one size, too, but do not follow each other.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from archivecolor.chroma.shots import distance, thumb
from archivecolor.errors import ArchiveColorError
from archivecolor.jobs.file_sets import Numbering
from archivecolor.sequences.finding import SCANS, group
from archivecolor.stills import probe

_LEAST: Final = 24
"""Frames, of what may be photographs."""
_WITHOUT_GAPS: Final = 0.9
_PAIRS: Final = 6
_ALIKE: Final = 0.06
"""Distance of two neighbors, see `shots.distance`, where 0.45 is a cut."""
_MOST: Final = 2 / 3


def scans(folder: Path, names: list[str]) -> dict[str, list[str]]:
    """The names of a folder that are frames whatever they show, by the name of their set."""
    return {way.name: _of(way, found) for way, found in group(names, SCANS)}


def reels(folder: Path, names: list[str]) -> dict[str, list[str]]:
    """The same, and numbered pictures that look like a film; reads up to a dozen of each numbering."""
    found = scans(folder, names)
    for way, alike in group(names):
        of_set = _of(way, alike)
        if way.name not in found and _is_film(folder, way, of_set):
            found[way.name] = of_set
    return found


def _of(way: Numbering, names: list[str]) -> list[str]:
    return [name for name in names if way.number(name) is not None]


def _is_film(folder: Path, way: Numbering, names: list[str]) -> bool:
    numbers = sorted(number for number in map(way.number, names) if number is not None)
    if len(numbers) < _LEAST or len(numbers) < _WITHOUT_GAPS * (numbers[-1] - numbers[0] + 1):
        return False
    have, step = set(numbers), max(1, len(numbers) // _PAIRS)
    pairs = [number for number in numbers[::step] if number + 1 in have][:_PAIRS]
    try:
        infos = [probe(folder / way.file_name(number)) for pair in pairs for number in (pair, pair + 1)]
        if len({(info.width, info.height, info.bits, info.pages) for info in infos}) != 1:
            return False
        alike = sum(_alike(folder, way, number) for number in pairs)
    except ArchiveColorError:  # broken, or of another kind: as photographs each gets its own line
        return False
    return alike >= _MOST * len(pairs)


def _alike(folder: Path, way: Numbering, number: int) -> bool:
    from archivecolor.sequences.frames import read_frame

    frames = [read_frame(folder / way.file_name(n)) for n in (number, number + 1)]
    return distance(*(thumb(*frame.form.as_shown(frame.luma)) for frame in frames)) <= _ALIKE
