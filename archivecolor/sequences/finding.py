"""Which numbered files are the frames of a film: found by their names alone, a hundred thousand in a second."""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Final

from archivecolor.errors import InputError
from archivecolor.jobs.file_sets import Numbering, members, numbering, split

SCANS: Final = (".dpx", ".exr")
"""Suffixes of what is never a photograph."""
FRAME_SUFFIXES: Final = (*SCANS, ".tif", ".tiff", ".png", ".jpg", ".jpeg")
_FEWEST: Final = 2
_NAMED: Final = 6


@dataclass(frozen=True, slots=True)
class Sequence:
    """Numbered frames."""

    path: Path
    """That stands for all of them: see `jobs.file_sets`."""
    files: dict[int, str]
    """Their names by number, in order."""
    strays: tuple[str, ...] = ()
    """Files whose number another one has, too, or that is written otherwise."""

    @property
    def gaps(self) -> list[tuple[int, int]]:
        """First and last number of each run of frames that are not there."""
        return [(a + 1, b - 1) for a, b in pairwise(self.files) if b > a + 1]

    @property
    def told(self) -> Iterator[str]:
        """What is wrong with the numbering, a line each."""
        gaps = [f"{a}" if a == b else f"{a} to {b}" for a, b in self.gaps]
        if gaps:
            lost = sum(b - a + 1 for a, b in self.gaps)
            count = "frame is" if lost == 1 else "frames are"
            yield f"{lost} {count} missing: {_some(gaps)}"
        if self.strays:
            yield f"left out, for another file has the number or writes it otherwise: {_some(self.strays)}"


def group(names: Iterable[str], suffixes: tuple[str, ...] = FRAME_SUFFIXES) -> Iterator[tuple[Numbering, list[str]]]:
    """Names of one folder that belong together by all but their number, with the numbering that most of them have."""
    alike: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
    for name in names:
        parts = split(name)
        if parts and parts[2].lower() in suffixes:
            alike[parts[0], parts[2].lower()].append(name)
    for (before, _), found in sorted(alike.items()):
        if len(found) >= _FEWEST:
            yield _usual(before, found), sorted(found)


def _usual(before: str, names: list[str]) -> Numbering:
    """The way of writing numbers that fits the most of some names."""
    parts = [part for part in map(split, names) if part]
    after, _ = Counter(part[2] for part in parts).most_common(1)[0]
    widths = Counter(len(digits) for _, digits, _ in parts)
    ways = [Numbering(before, width, after) for width in sorted({1, *widths}, reverse=True)]
    return max(ways, key=lambda way: sum(way.number(name) is not None for name in names))


def of_known(names: list[str], is_known: Callable[[str], bool]) -> dict[str, list[str]]:
    """Files of a folder by the name of their set, of sets that are known by their names."""
    ways = [(way, found) for way, found in group(names) if is_known(way.name)]
    return {way.name: [name for name in found if way.number(name) is not None] for way, found in ways}


def find(folder: Path) -> list[Sequence]:
    """The sequences of a folder. Raises `OSError`."""
    with os.scandir(folder) as entries:
        names = [entry.name for entry in entries if not entry.name.startswith(".") and entry.is_file()]
    return [_sequence(folder, way, found) for way, found in group(names)]


def _sequence(folder: Path, way: Numbering, names: list[str]) -> Sequence:
    numbers = {name: way.number(name) for name in names}
    files = {number: name for name, number in numbers.items() if number is not None}
    strays = tuple(name for name, number in numbers.items() if number is None)
    return Sequence(folder / way.name, dict(sorted(files.items())), strays)


def sequence_at(path: Path) -> Sequence:
    """The sequence that a path stands for. Raises `InputError` where it has no frames."""
    if path.suffix.lower() not in FRAME_SUFFIXES:
        raise InputError(
            f"{path}: is of no kind that frames are read from", hint=f"these are {', '.join(FRAME_SUFFIXES)}"
        )
    try:
        found = next((s for s in find(path.parent) if s.path.name == path.name), None)
        files = {} if found else members(path)
    except OSError as e:
        raise InputError(f"{path.parent}: cannot be listed: {e.strerror}", hint="check its permissions") from e
    if not found and not files:
        raise InputError(f"{path}: no file of that numbering is there", hint="give the folder of the frames")
    return found or Sequence(path, files)


def source_of(path: Path) -> Path:
    """What `video` is given: a film, a sequence by its pattern, or the folder of one; a sequence's own path.

    Raises `InputError` where a folder holds several sequences.
    """
    if not path.is_dir():
        way = numbering(path)
        return path if way is None else path.with_name(way.name)
    try:
        found = find(path)
    except OSError as e:
        raise InputError(f"{path}: cannot be listed: {e.strerror}", hint="check its permissions") from e
    if len(found) > 1:
        names = _some([f"{s.path.name} ({len(s.files)} frames)" for s in found])
        raise InputError(
            f"{path}: holds {len(found)} sequences: {names}", hint="give one of these after the folder's name"
        )
    return found[0].path if found else path


def target_of(target: Path, source: Path) -> Path:
    """Where a result goes: into a folder the frames of a sequence under their own names."""
    way = numbering(target)
    if way is not None:
        return target.with_name(way.name)
    if numbering(source) is not None and (target.is_dir() or not target.suffix):
        return target / source.name
    return target


def _some(names: Iterable[str]) -> str:
    """The first few of some names."""
    names = list(names)
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more
