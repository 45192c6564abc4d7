"""The journal of an OUT folder: what became of every item, in ``OUT/.archivecolor/journal.jsonl``.

A plain file of JSON lines that is only ever appended to, one line per item, synced before the result it describes gets
its name. So whatever the moment at which a run dies: a result that has its name has a line, and a line without a
result says what to make again. A line that was cut off is closed by the next run and passed over by every reader; a
database would want its own locks and its own recovery on network drives, and could not be read with ``tail``.

No source can collide with the journal, for hidden files are not sources; which is also why a later run that takes OUT
for its SRC does not see it. One run at a time writes; readers need no lock.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from archivecolor.jobs.appending import AppendedFile
from archivecolor.jobs.files import derived_name
from archivecolor.jobs.journal_index import Index
from archivecolor.jobs.records import (
    EngineUsed,
    Entry,
    FileState,
    Kind,
    RunRecord,
    Settings,
    Status,
    encode_entry,
    encode_run,
)

__all__ = [
    "FOLDER",
    "EngineUsed",
    "Entry",
    "FileState",
    "Journal",
    "Kind",
    "RunRecord",
    "Settings",
    "Status",
    "confidence_path",
    "hints_path",
    "journal_path",
    "read_journal",
    "read_runs",
]

FOLDER: Final = ".archivecolor"
"""Inside OUT: everything there that is not a result."""
_NAME: Final = "journal.jsonl"
_LOCK: Final = "journal.lock"


def journal_path(out: Path) -> Path:
    """Where the journal of a folder of results lies, whether it is there or not."""
    return out / FOLDER / _NAME


def confidence_path(out: Path, result: Path) -> Path:
    """Where the confidence map of a result below ``out`` lies, whether it is there or not: a small gray PNG."""
    name = result.relative_to(out)
    return out / FOLDER / "confidence" / name.with_name(derived_name("", name.name, ".png"))


def hints_path(out: Path) -> Path:
    """Where the layers lie that were painted in a review of ``out``, whether there are any or not."""
    return out / FOLDER / "hints"


def read_journal(out: Path) -> Iterator[Entry]:
    """The newest entry of each item of a folder of results, in the order in which they were made.

    Gives nothing where there is no journal. Memory: 16 bytes an item. May be called while a run is writing. Raises
    `OutputError` where the journal cannot be read.
    """
    index = Index(journal_path(out))
    try:
        yield from index.newest()
    finally:
        index.close()


def read_runs(out: Path) -> Mapping[int, RunRecord]:
    """The runs that wrote into a folder of results, by their numbers. Raises `OutputError`."""
    index = Index(journal_path(out))
    index.close()
    return index.runs


class Journal(AppendedFile):
    """A journal that is open for appending, by this process alone. Safe to use from several threads."""

    def __init__(self, out: Path) -> None:
        """Open the journal of ``out``, making it where it is missing.

        Raises `OutputError` where it cannot be written, or another run is writing to it.
        """
        path = journal_path(out)
        super().__init__(path, path.with_name(_LOCK), out)

    def add_run(self, run: RunRecord) -> None:
        """Record the beginning of a run, before its first item. Raises `OutputError`."""
        self.append(encode_run(run))

    def add(self, entry: Entry, *, wait: bool = True) -> None:
        """Record what became of an item; returns when that is on the disk, or at once where it need not ``wait``.

        Raises `DiskFullError` or `OutputError`.
        """
        self.append(encode_entry(entry), wait=wait)
