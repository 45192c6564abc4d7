"""Marks: what reviewers said of results, in files that travel between them.

A file is JSON, ``{"format": "archivecolor-marks", "version": 1, "out": OUT, "marks": [...]}``, or CSV with the header
``path,mark,note,at,by``; which of them it is, its content says. A path is the result's below OUT or, of what has no
result, the source's below SRC. Marks come from other people's machines: a row that holds what no page writes is left
out, and said to be.
"""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

from archivecolor.errors import InputError
from archivecolor.jobs.files import open_regular
from archivecolor.jobs.records import place_in

FORMAT: Final = "archivecolor-marks"
_VERSION: Final = 1
_LARGEST_BYTES: Final = 64 << 20
_LONGEST_NOTE: Final = 10_000
_LONGEST_BY: Final = 200
_AHEAD: Final = timedelta(days=1)
"""By how much another machine's clock may be before ours; a mark from the future would win for ever."""
_BYTE_ORDER_MARK: Final = "\ufeff"
_HINT: Final = "give a file that the review page exported as marks, .json or .csv"
_DAMAGE: Final = (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError)


class Verdict(StrEnum):
    """What a mark says."""

    ACCEPTED = "accepted"
    REJECTED = "rejected"
    LATER = "later"
    RECOLOR = "recolor"
    """It was left alone because it is in color already, and is to be colored all the same."""
    NONE = ""
    """Looked at, and the mark taken back."""


@dataclass(frozen=True, slots=True, order=True)
class Mark:
    """One reviewer's word on one item. Of several on an item the newest counts, and so the greatest in this order."""

    at: str
    """UTC, ISO 8601 with milliseconds and Z: sorts as it reads."""
    by: str
    verdict: Verdict
    note: str
    path: str
    """Of the result, relative to OUT or, where there is none, of the source, relative to SRC."""

    @classmethod
    def of(cls, row: Mapping[str, Any], default_at: str | None = None) -> Mark:
        """The mark of a row of a file. Raises `BadMarkError`, which says what is wrong."""
        try:
            path, verdict = row["path"], row["mark"]
            note, by, at = row.get("note") or "", row.get("by") or "", row.get("at") or default_at
        except _DAMAGE as e:
            raise BadMarkError("it lacks a path or a mark") from e
        if not _is_place(path):
            raise BadMarkError(f"{path!r:.100} is no path below OUT")
        if verdict not in list(Verdict):
            raise BadMarkError(f"{verdict!r:.100} is no mark; {', '.join(filter(None, Verdict))} or nothing is")
        if not (_is_text(note, _LONGEST_NOTE) and _is_text(by, _LONGEST_BY)):
            raise BadMarkError("its note, or who made it, is no text or too long")
        return cls(instant(at), by, Verdict(verdict), note, path)

    def row(self) -> list[str]:
        """Its fields, in a file's order."""
        return [self.path, str(self.verdict), self.note, self.at, self.by]


@dataclass(frozen=True, slots=True)
class MarksFile:
    """What was in a file."""

    marks: tuple[Mark, ...]
    problems: tuple[str, ...]
    """Rows that were left out, and why, one line each."""


class BadMarkError(ValueError):
    """A row that is no mark, and why."""


def instant(value: object) -> str:
    """A time as marks have it; one without a zone is taken for UTC. Raises `BadMarkError`."""
    try:
        time = datetime.fromisoformat(value)  # type: ignore[arg-type]
        time = time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)
    except _DAMAGE as e:
        raise BadMarkError(f"{value!r:.100} is no time; 2026-05-30T14:05:00Z is one") from e
    if time > datetime.now(UTC) + _AHEAD:
        raise BadMarkError(f"its time, {value}, is yet to come")
    return time.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def now() -> str:
    """The present moment, as marks have it."""
    return instant(datetime.now(UTC).isoformat())


def read_marks(path: Path) -> MarksFile:
    """Read a file of marks. Raises `InputError` where it is none."""
    try:
        with os.fdopen(open_regular(path), "rb") as file:
            raw = file.read(_LARGEST_BYTES + 1)
            written = datetime.fromtimestamp(os.fstat(file.fileno()).st_mtime, UTC).isoformat()
    except OSError as e:
        raise InputError(f"{path}: cannot be read: {e.strerror}", hint=_HINT) from e
    if len(raw) > _LARGEST_BYTES:
        raise InputError(f"{path}: is larger than {_LARGEST_BYTES >> 20} MB", hint=_HINT)
    text = raw.decode("utf-8", "surrogateescape").removeprefix(_BYTE_ORDER_MARK)
    rows = _of_json(path, text) if text.lstrip().startswith("{") else _of_csv(path, text)
    marks, problems = [], []
    for where, row in rows:
        try:
            marks.append(Mark.of(row, written))
        except BadMarkError as e:
            problems.append(f"{path}: {where} is left out: {e}")
    return MarksFile(tuple(marks), tuple(problems))


def _of_json(path: Path, text: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    try:
        whole = json.loads(text)
        is_ours, version, marks = whole.get("format") == FORMAT, whole.get("version"), whole.get("marks")
    except _DAMAGE as e:
        raise InputError(f"{path}: is no JSON: {e}", hint=_HINT) from e
    if not is_ours or not isinstance(marks, list):
        raise InputError(f"{path}: holds no marks of archivecolor", hint=_HINT)
    if version != _VERSION:
        raise InputError(
            f"{path}: holds marks of version {version}, this archivecolor reads {_VERSION}",
            hint="use the archivecolor that made the page",
        )
    return ((f"mark {number}", row) for number, row in enumerate(marks, 1))


def _of_csv(path: Path, text: str) -> list[tuple[str, Mapping[str, Any]]]:
    """Rows with their numbers, as a spreadsheet counts them; which sign divides cells, the first line says."""
    head = text.partition("\n")[0]
    divider = max(",;\t", key=head.count)
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=divider, strict=True)
    try:
        names = [name.strip().lower() for name in next(rows, [])]
        if not {"path", "mark"} <= set(names):
            raise InputError(f"{path}: holds no marks: its first line names no columns path and mark", hint=_HINT)
        return [(f"row {n}", dict(zip(names, row, strict=False))) for n, row in enumerate(rows, 2) if any(row)]
    except csv.Error as e:
        raise InputError(f"{path}: is no CSV: line {rows.line_num}: {e}", hint=_HINT) from e


def _is_place(value: object) -> bool:
    try:
        return place_in(value) is not None
    except _DAMAGE:
        return False


def _is_text(value: object, most: int) -> bool:
    try:
        return isinstance(value, str) and len(value) <= most and bool(value.encode("utf-8", "surrogateescape") or True)
    except UnicodeEncodeError:
        return False
