"""The journal of an OUT folder: what became of every item, in ``OUT/.archivecolor/journal.jsonl``.

A plain file of JSON lines that is only ever appended to, one line per item, synced before the result it describes gets
its name. So whatever the moment at which a run dies: a result that has its name has a line, and a line without a
result says what to make again. A line that was cut off is closed by the next run and passed over by every reader; a
database would want its own locks and its own recovery on network drives, and could not be read with ``tail``.

No source can collide with the journal, for hidden files are not sources; which is also why a later run that takes OUT
for its SRC does not see it. One run at a time writes; readers need no lock.
"""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from archivecolor.errors import OutputError
from archivecolor.jobs.atomic import DiskFullError
from archivecolor.jobs.journal_index import Index
from archivecolor.jobs.locks import LockFile
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
    "journal_path",
    "read_journal",
    "read_runs",
]

FOLDER: Final = ".archivecolor"
"""Inside OUT: everything there that is not a result."""
_NAME: Final = "journal.jsonl"
_LOCK: Final = "journal.lock"
_NO_SPACE: Final = {errno.ENOSPC, errno.EDQUOT}


def journal_path(out: Path) -> Path:
    """Where the journal of a folder of results lies, whether it is there or not."""
    return out / FOLDER / _NAME


def confidence_path(out: Path, result: Path) -> Path:
    """Where the confidence map of a result below ``out`` lies, whether it is there or not: a small gray PNG."""
    name = result.relative_to(out)
    return out / FOLDER / "confidence" / name.with_name(f"{name.name}.png")


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


class Journal:
    """A journal that is open for appending, by this process alone. Safe to use from several threads."""

    def __init__(self, out: Path) -> None:
        """Open the journal of ``out``, making it where it is missing.

        Raises `OutputError` where it cannot be written, or another run is writing to it.
        """
        self.path = journal_path(out)
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._lock = LockFile(self.path.with_name(_LOCK), out)
        except OSError as e:
            raise self._explain(e) from e
        try:
            self._file = self.path.open("ab", buffering=0)
            self.is_new = self._file.tell() == 0
            # What a dying run left of a line must not swallow the next one
            self._torn = not self.is_new and not self._ends_a_line()
        except BaseException as e:
            self._lock.release()
            if isinstance(e, OSError):
                raise self._explain(e) from e
            raise
        self._writing, self._syncing = threading.Lock(), threading.Lock()
        self._written = self._synced = 0
        self._failed = False

    def add_run(self, run: RunRecord) -> None:
        """Record the beginning of a run, before its first item. Raises `OutputError`."""
        self._append(encode_run(run), wait=True)

    def add(self, entry: Entry, *, wait: bool = True) -> None:
        """Record what became of an item; returns when that is on the disk, or at once where it need not ``wait``.

        Threads that wait at the same time share one sync. Raises `DiskFullError` or `OutputError`.
        """
        self._append(encode_entry(entry), wait=wait)

    def close(self) -> None:
        """Sync and let other runs write; a failure is reported once. Closing twice is fine."""
        if self._file.closed:
            return
        try:
            self._sync(self._written)
        except OSError as e:
            if not self._failed:
                raise self._explain(e) from e
        finally:
            self._file.close()
            self._lock.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _append(self, line: bytes, *, wait: bool) -> None:
        try:
            with self._writing:
                self._write(line)
                self._written += 1
                mine = self._written
            if wait:
                self._sync(mine)
        except OSError as e:
            self._failed = True
            raise self._explain(e) from e

    def _write(self, line: bytes) -> None:
        rest = memoryview(b"\n" + line if self._torn else line)
        self._torn = True
        while rest:
            rest = rest[self._file.write(rest) :]
        self._torn = False

    def _sync(self, mine: int) -> None:
        with self._syncing:
            if self._synced < mine:
                reached = self._written
                os.fsync(self._file.fileno())
                self._synced = reached

    def _ends_a_line(self) -> bool:
        with self.path.open("rb") as f:
            f.seek(-1, os.SEEK_END)
            return f.read(1) == b"\n"

    def _explain(self, error: OSError) -> OutputError:
        if error.errno in _NO_SPACE:
            return DiskFullError(f"{self.path}: the disk is full", hint="make room and run the same command again")
        return OutputError(
            f"{self.path}: cannot be written: {error.strerror}", hint="check the permissions of the folder"
        )
