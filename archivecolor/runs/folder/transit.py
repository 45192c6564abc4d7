"""A folder run between stores: one folder of SRC after the other, through a spool on this machine's disk.

::

    list a folder -> files of the same names, sizes and times, but empty -> the plan, as of any folder
    each item: fetch -> color -> announce -> put the result, whole -> its line in the journal -> delete both here
    now and then, and at the end: put the lines that are new

So an item that is done is never fetched, the spool holds what is under way, and a line follows its object; see
`store_journal` for the lines.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Final, Self

from archivecolor.errors import ArchiveColorError, InputError, OutputError, UsageError
from archivecolor.film.sniff import names_a_film
from archivecolor.jobs.bag import is_bag
from archivecolor.jobs.journal import FOLDER
from archivecolor.jobs.recording import Recorder
from archivecolor.jobs.records import Entry, Kind
from archivecolor.jobs.tasks import Task
from archivecolor.runs.folder.plan import Planner
from archivecolor.runs.folder.spool import Spool
from archivecolor.runs.folder.store_journal import StoreJournal, fetch_journal, lease_results, take_up
from archivecolor.runs.listener import INFO
from archivecolor.runs.settings import FolderSettings
from archivecolor.stills.sniff import names_a_picture
from archivecolor.storage.leases import Lease
from archivecolor.storage.store import Listing, Object
from archivecolor.storage.urls import StoreURL

_HEAD_BYTES: Final = 1 << 16
"""Of a file whose name does not say what it is."""
_SKEW_NS: Final = 600 * 1_000_000_000
"""By which the clocks of a machine and of a store may differ."""


class Transit(Spool):
    """A run's way from its sources to its results, of which one or both are in a store; a context manager."""

    def __init__(
        self, source: Path | StoreURL, out: Path | StoreURL, settings: FolderSettings, *, dry_run: bool
    ) -> None:
        """Refuse what cannot be done, without asking a store. Raises `UsageError`, `OutputError`, `DependencyError`."""
        refused = {"--watch with --cluster": settings.watch and settings.cluster, "--bag": settings.bag}
        if option := next((option for option, given in refused.items() if given), None):
            raise UsageError(f"{option} is for folders on a disk", hint="leave it out, or copy the results to one")
        if isinstance(source, StoreURL) and isinstance(out, StoreURL) and (source.holds(out) or out.holds(source)):
            raise OutputError(f"{out}: lies inside {source}, or holds it", hint="choose a place beside it")
        super().__init__(source, out)
        self._dry_run, self._shard = dry_run, settings.shard
        self._lease: Lease | None = None
        self.lines: StoreJournal | None = None
        """This run's, in the store."""

    def __enter__(self) -> Self:
        """Look whether SRC can be read and OUT be written to, keep others out, and fetch OUT's journal.

        Raises `ArchiveColorError`.
        """
        self._from.check_readable()
        if self._to and not self._dry_run:
            self._to.check_writable(FOLDER)
        Spool.__enter__(self)
        try:
            if self._to:
                self._lease = None if self._dry_run else lease_results(self._to, self._shard)
                fetch_journal(self._to, self.out)
                take_up(self._to, self.out, keep=not self._dry_run)
            elif is_bag(self.out):
                raise UsageError(f"{self.out}: is a bag", hint="choose another folder")
        except BaseException:
            self.close()
            raise
        return self

    def begin(self, recorder: Recorder) -> None:
        """Take note of what the journal says already."""
        if self._to:
            self.lines = StoreJournal(self._to, recorder, self._lease.check if self._lease else lambda: None)
            self.announce = self.lines.announce
            recorder.deliver = self.deliver

    def rounds(self, planner: Planner) -> Iterator[int]:
        """Have the spool stand for one folder of SRC after the other."""
        waiting = [""]
        while waiting and not planner.stopped():
            folder = waiting.pop()
            if planner.listed and (folder or ".") not in planner.listed.folders:
                continue
            prefix = f"{folder}/" if folder else ""
            try:
                found = self._from.list(folder)
                there = self._to.list(folder) if self._to else Listing()
            except ArchiveColorError as e:
                planner.tally.failed(self.source / folder, folder, Kind.STILL, e)
                continue
            waiting += [prefix + name for name in reversed(found.folders)]
            if not found.files:
                continue
            self._stand_for(planner, {prefix + name: thing for name, thing in found.files.items()}, there, prefix)
            try:
                yield len(waiting)
            finally:
                if waiting and planner.stopped() and not planner.watch:
                    told = f"{len(waiting)} folders and what is in them were not looked through"
                    planner.tally.listener.message(INFO, told)
            self._clear()

    def _stand_for(self, planner: Planner, objects: Mapping[str, Object], there: Listing, prefix: str) -> None:
        """Lay out a folder of sources, and what there is of results, as empty files."""
        made = {}
        for name, thing in objects.items():
            entry = planner.index.lookup(name) if planner.index else None
            if entry and entry.result:
                made[entry.result] = entry
            known = names_a_picture(name) or names_a_film(name)
            try:
                head = b"" if known else self._from.read(name, _HEAD_BYTES)
                _lay_out(self.source / name, thing.size_bytes, thing.mtime_ns, head)
            except ArchiveColorError as e:
                planner.tally.failed(self.source / name, name, Kind.STILL, e)
            except OSError as e:
                error = InputError(f"{self._from.url(name)}: {e.strerror}", hint="give it a shorter name")
                planner.tally.failed(self.source / name, name, Kind.STILL, error)
        if self._to is None:
            return
        for name, thing in there.files.items():
            with suppress(OSError):  # a result of a name that no source has
                _lay_out(self.out / prefix / name, thing.size_bytes, _as_recorded(thing, made.get(prefix + name)))

    def close(self) -> None:
        """Delete the spool, and let others write to OUT."""
        Spool.close(self)
        if self._lease:
            self._lease.release()

    def done(self, task: Task) -> None:
        """Forget an item, well or badly as it ended, and put the journal's lines if it is time to."""
        Spool.done(self, task)
        if self.lines:
            self.lines.ended(task.name)

    def end(self) -> None:
        """Put all lines of this run as one object. Raises `OutputError`."""
        if self.lines:
            self.lines.end()

    def _clear(self) -> None:
        shutil.rmtree(self.source)
        self.source.mkdir()
        if self._to:
            if self.lines:
                self.lines.flush()
            for path in self.out.iterdir():
                if path.name != FOLDER:
                    shutil.rmtree(path) if path.is_dir() else path.unlink()


def _lay_out(path: Path, size_bytes: int, mtime_ns: int, head: bytes = b"") -> None:
    """Make a file of that size and time that takes no room."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        file.write(head)
        file.truncate(size_bytes)
    os.utime(path, ns=(mtime_ns, mtime_ns))


def _as_recorded(thing: Object, entry: Entry | None) -> int:
    """The time of an object: the recorded one of a result that has the recorded size, and was not written since."""
    file = entry.result_file if entry else None
    if entry is None or file is None or file.size_bytes != thing.size_bytes:
        return thing.mtime_ns
    with suppress(ValueError):
        made = datetime.fromisoformat(entry.began_at).timestamp() + entry.seconds
        if thing.mtime_ns < made * 1_000_000_000 + _SKEW_NS:
            return file.mtime_ns
    return thing.mtime_ns
