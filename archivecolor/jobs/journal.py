"""The journal of an OUT folder: what became of every item, in ``OUT/.archivecolor/journal.jsonl``.

A plain file of JSON lines that is only ever appended to, one line per item, synced before the result it describes
gets its name. So whatever the moment at which a run dies: a result that has its name has a line, and a line without a
result says what to make again. A line that was cut off is closed by the next run and passed over by every reader; a
database would want its own locks and its own recovery on network drives, and could not be read with ``tail``.

No source can collide with the journal, for hidden files are not sources; which is also why a later run that takes OUT
for its SRC does not see it. One run at a time writes, or many shards, each into a file of its own in ``shards``
beside the journal; readers need no lock, and read all of them as one. The next run that is no shard appends these
files to the journal before it writes anything, and deletes them: a fold that was cut off is done again, and what is
told twice is told as the last time.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from archivecolor.errors import OutputError
from archivecolor.jobs.appending import AppendedFile
from archivecolor.jobs.claims import Claim
from archivecolor.jobs.files import derived_name, open_regular
from archivecolor.jobs.journal_index import SHARDS, Index, journal_files
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
from archivecolor.jobs.shards import Shard, claim_results

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
    "has_journal",
    "hints_path",
    "journal_path",
    "read_journal",
    "read_runs",
]

FOLDER: Final = ".archivecolor"
"""Inside OUT: everything there that is not a result."""
_NAME: Final = "journal.jsonl"
_COPIED_BYTES: Final = 1 << 20
"""Of lines, at a time."""


def journal_path(out: Path) -> Path:
    """Where the journal of a folder of results lies, whether it is there or not."""
    return out / FOLDER / _NAME


def has_journal(out: Path) -> bool:
    """Whether any run, or any shard of one, has written to a folder of results. Raises `OutputError`."""
    try:
        return bool(journal_files(journal_path(out)))
    except OSError as e:
        raise OutputError(f"{out / FOLDER}: cannot be read: {e.strerror}", hint="check its permissions") from e


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

    def __init__(
        self, out: Path, claim: Claim | None = None, shard: Shard | None = None, first_run: int | None = None
    ) -> None:
        """Open the journal of ``out``, making it where it is missing, or begin that of a ``shard`` with its first run.

        ``claim`` is what keeps others out, if it is there already; it is released with the journal. Raises
        `OutputError` where it cannot be written, or another run is writing to it.
        """
        self._claim = claim
        path = journal_path(out)
        if shard and claim:
            path = path.parent / SHARDS / f"{first_run:09d}-{shard.name}-{claim.token[:8]}{path.suffix}"
        super().__init__(path, out, self._keep_out)
        self.folded = 0
        """Journals of shards that were folded into this one."""
        if shard is None:
            try:
                self._fold()
            except BaseException:
                self.close()
                raise

    def check(self) -> None:
        """Raise `OutputError` where the folder is not there any more, or another process took over."""
        super().check()
        if self._claim:
            self._claim.check()

    def _keep_out(self) -> Claim:
        self._claim = self._claim or claim_results(self.path.parent, self._guarded)
        return self._claim

    def _fold(self) -> None:
        """Take in what shards wrote; none of them is at work while this run is."""
        shards = [path for path in journal_files(self.path) if path != self.path]
        for path in shards:
            try:
                with os.fdopen(open_regular(path), "rb") as file:
                    while lines := file.readlines(_COPIED_BYTES):
                        whole = lines[-1].endswith(b"\n")
                        self.append(b"".join(lines) + (b"" if whole else b"\n"), wait=False)
            except OSError as e:
                raise OutputError(f"{path}: cannot be read: {e.strerror}", hint="check its permissions") from e
        if shards:
            self.sync()
            for path in shards:
                path.unlink(missing_ok=True)
            self.folded = len(shards)

    def add_run(self, run: RunRecord) -> None:
        """Record the beginning of a run, before its first item. Raises `OutputError`."""
        self.append(encode_run(run))

    def add(self, entry: Entry, *, wait: bool = True) -> None:
        """Record what became of an item; returns when that is on the disk, or at once where it need not ``wait``.

        Raises `DiskFullError` or `OutputError`.
        """
        self.append(encode_entry(entry), wait=wait)
