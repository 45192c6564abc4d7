"""A run's lines in a store, of which a line follows its object, and no object is without one.

::

    announced/NUMBER-SHARD-TOKEN.N.jsonl   lines of results that are about to be put: written before these
    shards/NUMBER-SHARD-TOKEN.*.jsonl      lines of results that are there: written now and then, behind them
    shards/NUMBER-SHARD-TOKEN.jsonl        all lines of a run, in place of those
    writers/SHARD.GENERATION               who writes: see `storage.leases`

What a run announced goes when its lines are among the others. Of a run that was killed it stays: the next one looks for
the objects, and takes up those that are there to the byte. The journal of OUT is all objects in ``.archivecolor``; no
run writes another's.
"""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable, Iterable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Final

from archivecolor.jobs.journal import FOLDER, journal_path
from archivecolor.jobs.journal_index import SHARDS, Index
from archivecolor.jobs.recording import Recorder
from archivecolor.jobs.records import Entry, RunRecord, Settings, decode, encode_entry, encode_run
from archivecolor.jobs.shards import Shard
from archivecolor.jobs.writers import keep_out
from archivecolor.storage.leases import Lease, Leases
from archivecolor.storage.store import Store

ANNOUNCED: Final = "announced"
LEASES: Final = "writers"
_FLUSH_S: Final = 1.0
"""Between two puts of the new lines."""
_MOST_PARTS: Final = 500
"""Of the journal, before they are put as one."""


class StoreJournal:
    """One run's. `announce` may be called from several threads, everything else from one."""

    def __init__(self, store: Store, recorder: Recorder, check: Callable[[], None] = lambda: None) -> None:
        """Take note of what the journal says already; ``check`` raises where another run took over."""
        self._store, self._recorder, self._check = store, recorder, check
        path = recorder.journal
        self._told_from = path.stat().st_size if path and path.exists() else 0
        self._merged_to = self._told_to = self._told_from
        """Of the local journal: where this run's lines begin, how far the store has them merged, and how far at all."""
        self._token = uuid.uuid4().hex[:8]
        self._merged: list[str] = []
        self._parts: list[str] = []
        self._flushed = time.monotonic()
        self._adding, self._putting = threading.Lock(), threading.Lock()
        self._waiting: list[tuple[int, Entry, Settings]] = []
        """To be announced."""
        self._numbered = self._announced = 0
        self._under_way: dict[str, set[str]] = {}
        """The announcements, and the names of their items that have not ended."""
        self._ended: set[str] = set()

    def announce(self, told: Iterable[tuple[Entry, Settings]]) -> None:
        """Say which results are about to be put; returns when the store has it.

        Raises `LostClaimError` where another run took over, and `OutputError`.

        What several threads say at the same time is one object.
        """
        self._check()
        with self._adding:
            for entry, settings in told:
                self._numbered += 1
                self._waiting.append((self._numbered, entry, settings))
            last = self._numbered
        with self._putting:
            if self._announced >= last:
                return
            with self._adding:
                waiting = list(self._waiting)
            runs = {
                entry.settings_digest: encode_run(replace(self._recorder.run, settings={entry.settings_digest: made}))
                for _, entry, made in waiting
            }
            name = f"{FOLDER}/{ANNOUNCED}/{self._name}.{waiting[-1][0]:09d}.jsonl"
            lines = [*runs.values(), *(encode_entry(entry) for _, entry, _ in waiting)]
            self._store.write(b"".join(lines), name)
            with self._adding:
                del self._waiting[: len(waiting)]
                self._under_way[name] = {entry.source for _, entry, _ in waiting}
            self._announced = waiting[-1][0]

    def is_there(self, entry: Entry) -> bool:
        """Whether the very object that was announced has its name. Raises `InputError`."""
        return _is_there(entry, self._store)

    def ended(self, name: str) -> None:
        """An item ended, well or badly: put what is new if it is time to. Raises `OutputError`."""
        self._ended.add(name)
        if time.monotonic() - self._flushed > _FLUSH_S:
            self.flush()

    def flush(self) -> None:
        """Put the lines that are new. Raises `OutputError`."""
        self._flushed = time.monotonic()
        lines = self._lines(self._told_to)
        if lines and len(self._parts) < _MOST_PARTS:
            self._parts.append(self._object(f".1-{len(self._parts):06d}"))
            self._store.write(lines, self._parts[-1])
            self._told_to += len(lines)
        elif lines:
            lines = self._lines(self._merged_to)
            self._merged.append(self._object(f".0-{len(self._merged):06d}"))
            self._store.write(lines, self._merged[-1])
            self._merged_to = self._told_to = self._merged_to + len(lines)
            self._store.delete_all(self._parts)
            self._parts = []
        self._forget_announced()

    def end(self) -> None:
        """Put all lines of this run as one object. Raises `OutputError`."""
        lines = self._lines(self._told_from)
        if lines:
            self._store.write(lines, self._object(""))
        self._store.delete_all([*self._merged, *self._parts])
        self._merged, self._parts = [], []
        self._merged_to = self._told_to = self._told_from + len(lines)
        self._forget_announced()

    def _forget_announced(self) -> None:
        """Delete what was announced of items that have ended, and whose lines were put."""
        with self._adding:
            for names in self._under_way.values():
                names -= self._ended
            over = [announcement for announcement, names in self._under_way.items() if not names]
            for announcement in over:
                del self._under_way[announcement]
        self._ended.clear()
        self._store.delete_all(over)

    @property
    def _name(self) -> str:
        run = self._recorder.run
        shard = run.shard.replace("/", "-of-") if run.shard else "all"
        return f"{run.number:09d}-{shard}-{self._token}"

    def _object(self, part: str) -> str:
        return f"{FOLDER}/{SHARDS}/{self._name}{part}.jsonl"

    def _lines(self, begin: int) -> bytes:
        """The whole lines of the local journal from there on."""
        path = self._recorder.journal
        if path is None:
            return b""
        with path.open("rb") as file:
            file.seek(begin)
            content = file.read()
        return content[: content.rfind(b"\n") + 1]


def lease_results(store: Store, shard: Shard | None = None) -> Lease:
    """Keep others out of a shard of a folder of results, or of all of it. Raises `BusyError` or another error."""
    return keep_out(Leases(store, f"{FOLDER}/{LEASES}"), store.url(), shard)


def fetch_journal(store: Store, out: Path) -> list[str]:
    """Fetch the journal of a folder of results in a store; gives the names of its objects. Raises `InputError`."""
    names = []
    for folder in (FOLDER, f"{FOLDER}/{SHARDS}"):
        for name in store.list(folder).files:
            if name.endswith(journal_path(out).suffix):
                names.append(f"{folder}/{name}")
                store.fetch(names[-1], out / names[-1])
    return names


def take_up(store: Store, out: Path, *, keep: bool) -> int:
    """Take up what runs that were killed have put and did not come to note; gives the number of results.

    ``out`` has the journal, as `fetch_journal` fetched it, and gets their lines; with ``keep`` so does the store.
    Raises `InputError` or `OutputError`.
    """
    there = [name for name in store.list(f"{FOLDER}/{ANNOUNCED}").files if name.endswith(journal_path(out).suffix)]
    if not there:
        return 0
    count, over = 0, []
    with closing(Index(journal_path(out))) as index:
        for name in there:
            announcement = f"{FOLDER}/{ANNOUNCED}/{name}"
            runs, put, waiting = _announced(store.content(announcement), index, store)
            if put:
                path = out / FOLDER / SHARDS / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(b"".join([*runs, *put]))
                if keep:
                    store.put(path, path.relative_to(out).as_posix())
            count += len(put)
            if not waiting:  # else its run may be alive, and about to put it
                over.append(announcement)
    if keep:
        store.delete_all(over)
    return count


def _announced(content: bytes, index: Index, store: Store) -> tuple[list[bytes], list[bytes], bool]:
    """Of an announcement the lines of runs, those of results that are there and unknown, and whether others are not."""
    runs: dict[int, RunRecord] = {}
    told, put, waiting = list[bytes](), list[bytes](), False
    for line in content.splitlines(keepends=True):
        match decode(line, runs):
            case RunRecord() as run:
                runs[run.number] = run
                told.append(line)
            case Entry() as entry if not _is_known(entry, index):
                if _is_there(entry, store):
                    put.append(line)
                else:
                    waiting = True
    return told, put, waiting


def _is_known(entry: Entry, index: Index) -> bool:
    """Whether the journal has this line, or a later one of the same item."""
    known = index.lookup(entry.source)
    return known is not None and (known.run, known.began_at) >= (entry.run, entry.began_at)


def _is_there(entry: Entry, store: Store) -> bool:
    """Whether the very object that was announced has its name."""
    file = entry.result_file
    if entry.result is None or file is None or not file.sha256:
        return False
    found = store.find(entry.result)
    return found is not None and found.size_bytes == file.size_bytes and store.sha256(entry.result) == file.sha256
