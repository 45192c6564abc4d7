"""The marks that a folder of results keeps, in ``OUT/.archivecolor/marks.jsonl``: each that was ever made, on a line.

Nothing is replaced, so that marks of several reviewers come together in any order to the same: of those on one item the
newest counts. A mark that is older than its result was made for an earlier one, and counts no more.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

from archivecolor.errors import OutputError
from archivecolor.jobs.appending import AppendedFile
from archivecolor.jobs.files import open_regular
from archivecolor.jobs.journal import FOLDER
from archivecolor.jobs.locks import BusyError, LockFile
from archivecolor.jobs.marks import BadMarkError, Mark, Verdict, instant

_NAME: Final = "marks.jsonl"
_LOCK: Final = "marks.lock"
_LONGEST_LINE_BYTES: Final = 1 << 20
_PATIENCE_S: Final = 5.0
"""Another program keeps the book for as long as it takes to write some lines."""


@dataclass(frozen=True, slots=True)
class Merge:
    """What became of marks that were brought in."""

    new: int
    known: int
    """They had been brought in before."""
    conflicts: tuple[tuple[Mark, Mark], ...]
    """Where reviewers disagree: the mark that counts, because it is newer, and the other one."""


def kept_marks(out: Path) -> dict[str, Mark]:
    """The newest mark on each path. Raises `OutputError` where they cannot be read."""
    return newest(_marks(out))


def newest(marks: Iterable[Mark]) -> dict[str, Mark]:
    """The one mark that counts on each path."""
    counting: dict[str, Mark] = {}
    for mark in marks:
        before = counting.get(mark.path)
        counting[mark.path] = mark if before is None else max(before, mark)
    return counting


class Readings:
    """The marks that are written down from one reading to the next, by whichever program."""

    def __init__(self, out: Path) -> None:
        """The first reading has all that there are."""
        self._out = out
        self._file = (0, 0)
        self._read_to = 0

    def new(self) -> list[Mark]:
        """Those that have come. Raises `OutputError` where they cannot be read."""
        try:
            status = (self._out / FOLDER / _NAME).stat()
        except OSError:
            return []
        file = (status.st_dev, status.st_ino)
        if file != self._file or status.st_size < self._read_to:  # another file: an earlier one that was put back
            self._file, self._read_to = file, 0
        if status.st_size == self._read_to:
            return []
        found = []
        for mark, end in _lines(self._out, self._read_to):
            self._read_to = end
            found.append(mark)
        return [mark for mark in found if mark]


def keep_marks(out: Path, marks: Iterable[Mark]) -> Merge:
    """Write marks down, those that are not known yet; returns when they are on the disk. Raises `OutputError`."""
    with _opened(out) as book:
        kept = list(_marks(out))
        known, given = set(kept), list(dict.fromkeys(marks))
        new = [mark for mark in given if mark not in known]
        for mark in new:
            book.append(_line(mark), wait=False)
    before, now = newest(kept), newest([*kept, *new])
    overtaken = [before[path] for path in {mark.path for mark in new} & before.keys() if before[path] != now[path]]
    pairs = ((now[mark.path], mark) for mark in [*overtaken, *new])
    return Merge(len(new), len(given) - len(new), tuple(sorted(pair for pair in pairs if _disagree(*pair))))


def add_marks(out: Path, marks: Iterable[Mark]) -> None:
    """Write marks down as they are made, known or not; returns when they are on the disk. Raises `OutputError`."""
    with _opened(out) as book:
        for mark in marks:
            book.append(_line(mark), wait=False)


class Judged(NamedTuple):
    """What a mark may be on."""

    source: str
    path: str
    """That a mark has: the result's or, where there is none, the source's."""
    since: str
    """When this result was begun, as marks have times: older marks are on an earlier one."""

    @classmethod
    def of(cls, source: str, result: str | None, begun: str | None) -> Judged:
        """An item, as a journal has it; one without a journal is as old as can be."""
        return cls(source, result or source, _begun(begun))


@dataclass(frozen=True, slots=True)
class Applied:
    """Marks and what they are on."""

    marks: dict[str, Mark]
    """By source."""
    stale: int
    """On results that have been made again since."""
    strange: tuple[str, ...]
    """Paths of which there is nothing, sorted."""

    @property
    def notes(self) -> list[str]:
        """What people should know of marks that do not count."""
        told = [f"{self.stale} marks are on results that were made again since: look at those again"]
        return told * (self.stale > 0) + [f"{path}: is marked, and no run has made it" for path in self.strange]


def applied(marks: Mapping[str, Mark], judged: Iterable[Judged]) -> Applied:
    """Put ``marks``, by their paths, to what they are on."""
    found: dict[str, Mark] = {}
    left, stale = set(marks), 0
    for thing in judged:
        mark = marks.get(thing.path)
        if mark is None:
            continue
        left.discard(thing.path)
        if mark.at < thing.since:
            stale += 1
        else:
            found[thing.source] = mark
    return Applied(found, stale, tuple(sorted(left)))


def _begun(told: str | None) -> str:
    """As marks have times; the beginning of time where a journal does not say."""
    try:
        return instant(told)
    except BadMarkError:
        return ""


def _disagree(a: Mark, b: Mark) -> bool:
    """Whether it is not one person who thought better of it."""
    both_judge = Verdict.NONE not in (a.verdict, b.verdict)
    return both_judge and a.verdict is not b.verdict and (a.by != b.by or not a.by)


def _marks(out: Path) -> Iterator[Mark]:
    return (mark for mark, _ in _lines(out) if mark)


def _lines(out: Path, start: int = 0) -> Iterator[tuple[Mark | None, int]]:
    """The mark of each line from ``start`` on, None where it holds none, and where it ends; none half written."""
    path = out / FOLDER / _NAME
    try:
        with os.fdopen(open_regular(path), "rb") as file:
            file.seek(start)
            while line := file.readline(_LONGEST_LINE_BYTES):
                mark = None
                with suppress(ValueError, TypeError, KeyError, AttributeError, RecursionError):  # torn, or none of ours
                    mark = Mark.of(json.loads(line)["mark"])
                if mark or line.endswith(b"\n") or len(line) == _LONGEST_LINE_BYTES:
                    yield mark, file.tell()
    except FileNotFoundError:
        return
    except OSError as e:
        raise OutputError(f"{path}: cannot be read: {e.strerror}", hint="check its permissions") from e


def _line(mark: Mark) -> bytes:
    names = ("path", "mark", "note", "at", "by")
    told = {name: value for name, value in zip(names, mark.row(), strict=True) if value or name == "mark"}
    return json.dumps({"mark": told}, separators=(",", ":")).encode("ascii") + b"\n"


def _opened(out: Path) -> AppendedFile:
    folder, until = out / FOLDER, time.monotonic() + _PATIENCE_S
    while True:
        try:
            return AppendedFile(folder / _NAME, out, lambda: LockFile(folder / _LOCK, out))
        except BusyError:
            if time.monotonic() > until:
                raise
            time.sleep(0.02)
