"""Taking reviewers' marks into a folder of results, and telling where they disagree."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Final

from archivecolor.errors import InputError
from archivecolor.jobs.mark_book import Merge, keep_marks
from archivecolor.jobs.marks import Mark, MarksFile, read_marks
from archivecolor.runs.listener import INFO, WARNING, Listener, Silent

_LISTED: Final = 20


def take_marks(out: Path | str, files: Iterable[Path | str], listener: Listener | None = None) -> Merge:
    """Keep the marks of some files, .json or .csv, in ``out``; on one result the newest counts.

    Rows that are no marks, and results that reviewers disagree about, are told to the listener. Raises `InputError`
    for a file that holds no marks, before any is kept, and `OutputError` where they cannot be kept.
    """
    out, listener = Path(out), listener or Silent()
    if not out.is_dir():
        raise InputError(f"{out}: there is no such folder", hint="give the OUT of a folder run")
    read: list[MarksFile] = [read_marks(Path(file)) for file in files]
    for problem in _shortened([problem for file in read for problem in file.problems]):
        listener.message(WARNING, problem)
    merge = keep_marks(out, [mark for file in read for mark in file.marks])
    for told in _shortened([_disagreement(*pair) for pair in merge.conflicts]):
        listener.message(WARNING, told)
    listener.message(INFO, f"{merge.new} marks taken, {merge.known} were known, {len(merge.conflicts)} in conflict")
    return merge


def _disagreement(counts: Mark, other: Mark) -> str:
    return f"{counts.path}: {_said(counts)} counts, for it is newer; {_said(other)} does not"


def _said(mark: Mark) -> str:
    return f"'{mark.verdict}' by {mark.by or 'someone'} at {mark.at}"


def _shortened(lines: list[str]) -> list[str]:
    more = len(lines) - _LISTED
    return [*lines[:_LISTED], f"and {more} more such lines"] if more > 0 else lines
