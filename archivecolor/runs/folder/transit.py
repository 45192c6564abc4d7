"""A folder run between stores: one folder of SRC after the other, through a spool on this machine's disk.

::

    list a folder -> files of the same names, sizes and times, but empty -> the plan, as of any folder
    each item: fetch -> color -> put the result, whole -> its line in the journal -> delete both here
    now and then, and at the end: put the lines that are new, as an object of this run's own

So an item that is done is never fetched, the spool holds what is under way, and a line follows its object. The journal
of OUT is all objects in ``.archivecolor``; no run writes another's.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from archivecolor.errors import ArchiveColorError, InputError, OutputError, UsageError
from archivecolor.film.sniff import names_a_film
from archivecolor.jobs.atomic import AlreadyExistsError, part_path
from archivecolor.jobs.bag import is_bag
from archivecolor.jobs.journal import FOLDER, journal_path
from archivecolor.jobs.journal_index import SHARDS
from archivecolor.jobs.recording import Recorder
from archivecolor.jobs.records import Entry, Kind
from archivecolor.jobs.resume import Reason
from archivecolor.jobs.tasks import Task
from archivecolor.runs.folder.plan import Planner
from archivecolor.runs.settings import FolderSettings
from archivecolor.stills.sniff import names_a_picture
from archivecolor.storage.disk import Place, at
from archivecolor.storage.store import Listing, Object, Store
from archivecolor.storage.urls import StoreURL

_HEAD_BYTES: Final = 1 << 16
"""Of a file whose name does not say what it is."""
_EXPANDS: Final = 40
"""Memory for a byte of a photograph that is not here yet."""
_FLUSH_S: Final = 1.0
"""Between two puts of the journal's new lines: what a run that is killed leaves without them is no older."""
_MOST_PARTS: Final = 500
"""Of the journal, before they are put as one."""
_SKEW_NS: Final = 600 * 1_000_000_000
"""By which the clocks of a machine and of a store may differ."""


class Transit:
    """A run's way from its sources to its results, of which one or both are in a store; a context manager."""

    def __init__(
        self, source: Path | StoreURL, out: Path | StoreURL, settings: FolderSettings, *, dry_run: bool
    ) -> None:
        """Refuse what cannot be done, without asking a store. Raises `UsageError`, `OutputError`, `DependencyError`."""
        refused = {"--watch": settings.watch, "--bag": settings.bag, "--cluster": settings.cluster}
        if option := next((option for option, given in refused.items() if given), None):
            raise UsageError(f"{option} is for folders on a disk", hint="leave it out, or copy the results to one")
        if isinstance(source, StoreURL) and isinstance(out, StoreURL) and (source.holds(out) or out.holds(source)):
            raise OutputError(f"{out}: lies inside {source}, or holds it", hint="choose a place beside it")
        self._from: Place = at(source)
        self._to = Store(out) if isinstance(out, StoreURL) else None
        self._out, self._dry_run, self._settings = out, dry_run, settings
        self._objects: dict[str, Object] = {}
        """The folder's that the run is at, by their names below SRC."""
        self._token = uuid.uuid4().hex[:8]
        self._recorder: Recorder | None = None
        self._told_from = self._merged_to = self._told_to = 0
        """Of the local journal: where this run's lines begin, how far the store has them merged, and how far at all."""
        self._merged: list[str] = []
        self._parts: list[str] = []
        self._flushed = time.monotonic()

    def __enter__(self) -> Self:
        """Look whether SRC can be read and OUT be written to, and fetch OUT's journal. Raises `ArchiveColorError`."""
        self._from.check_readable()
        if self._to and not self._dry_run:
            self._to.check_writable(FOLDER)
        self._spool = tempfile.TemporaryDirectory(prefix="archivecolor-", ignore_cleanup_errors=True)
        self.source = Path(self._spool.name) / "in"
        self.source.mkdir()
        self.out = Path(self._spool.name) / "out" if self._to else Path(str(self._out))
        try:
            if self._to:
                self.out.mkdir()
                fetch_journal(self._to, self.out)
            elif is_bag(self.out):
                raise UsageError(f"{self.out}: is a bag", hint="choose another folder")
        except BaseException:
            self._spool.cleanup()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._spool.cleanup()

    @property
    def shown(self) -> tuple[tuple[Path, str], ...]:
        """The folders of the spool, and the places that they stand for."""
        to = ((self.out, self._to.url()),) if self._to else ()
        return ((self.source, self._from.url()), *to)

    @property
    def name(self) -> str:
        """SRC, for the journal."""
        return self._from.url()

    def begin(self, recorder: Recorder) -> None:
        """Take note of what the journal says already."""
        self._recorder = recorder
        if self._to is None:
            return
        recorder.deliver = self._deliver
        path = journal_path(self.out)
        self._told_from = self._merged_to = self._told_to = (
            path.stat().st_size if self._settings.shard is None and path.exists() else 0
        )

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
            self._objects = {prefix + name: thing for name, thing in found.files.items()}
            self._stand_for(planner, there, prefix)
            yield len(waiting)
            self._clear(prefix)
        self.end()

    def _stand_for(self, planner: Planner, there: Listing, prefix: str) -> None:
        """Lay out a folder of sources, and what there is of results, as empty files."""
        made = {}
        for name, thing in self._objects.items():
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

    def fetch(self, task: Task) -> None:
        """Have an item's source lie where it stood for it, and its earlier result. Raises `ArchiveColorError`."""
        arriving = part_path(task.source)
        self._from.fetch(task.name, arriving)
        thing = self._objects[task.name]
        os.utime(arriving, ns=(thing.mtime_ns, thing.mtime_ns))
        arriving.replace(task.source)
        if self._to is None or not task.may_replace or not task.target.exists():
            return
        task.target.unlink()
        if task.reason is not Reason.OVERWRITE:
            self._to.fetch(task.target.relative_to(self.out).as_posix(), task.target)

    def cost_bytes(self, task: Task) -> int:
        """Memory that a photograph takes, of which nothing is known but its size."""
        thing = self._objects.get(task.name)
        return _EXPANDS * thing.size_bytes if thing else 0

    def also(self, path: Path) -> None:
        """Put what lies beside a result, or in OUT's own folder. Raises `OutputError`."""
        if self._to and path.exists():
            self._to.put(path, path.relative_to(self.out).as_posix())

    def done(self, task: Task) -> None:
        """Forget an item, well or badly as it ended, and put the journal's lines if it is time to."""
        task.source.unlink(missing_ok=True)
        if self._to:
            task.target.unlink(missing_ok=True)
        if time.monotonic() - self._flushed > _FLUSH_S:
            self._flush()

    def end(self) -> None:
        """Put all lines of this run as one object. Raises `OutputError`."""
        if self._to is None or self._recorder is None:
            return
        lines = self._lines(self._told_from)
        if lines:
            self._to.write(lines, self._object(""))
        self._to.delete_all([*self._merged, *self._parts])
        self._merged, self._parts = [], []
        self._merged_to = self._told_to = self._told_from + len(lines)

    def _flush(self) -> None:
        self._flushed = time.monotonic()
        if self._to is None or not (lines := self._lines(self._told_to)):
            return
        if len(self._parts) < _MOST_PARTS:
            self._parts.append(self._object(f".1-{len(self._parts):06d}"))
            self._to.write(lines, self._parts[-1])
            self._told_to += len(lines)
            return
        lines = self._lines(self._merged_to)
        self._merged.append(self._object(f".0-{len(self._merged):06d}"))
        self._to.write(lines, self._merged[-1])
        self._merged_to = self._told_to = self._merged_to + len(lines)
        self._to.delete_all(self._parts)
        self._parts = []

    def _object(self, part: str) -> str:
        run = self._recorder.run if self._recorder else None
        shard = self._settings.shard
        number = run.number if run else 0
        return f"{FOLDER}/{SHARDS}/{number:09d}-{shard.name if shard else 'all'}-{self._token}{part}.jsonl"

    def _lines(self, begin: int) -> bytes:
        """The whole lines of the local journal from there on."""
        path = self._recorder.journal if self._recorder else None
        if path is None:
            return b""
        with path.open("rb") as file:
            file.seek(begin)
            content = file.read()
        return content[: content.rfind(b"\n") + 1]

    def _deliver(self, task: Task, target: Path) -> None:
        """Have a result that is whole appear in the store. Raises `AlreadyExistsError` or `OutputError`."""
        if self._to is None:
            return
        name, part = target.relative_to(self.out).as_posix(), part_path(target)
        if not task.may_replace and self._to.find(name):
            raise AlreadyExistsError(f"{self._to.url(name)}: already exists", hint="--overwrite replaces it")
        self._to.put(part if part.exists() else target, name)

    def _clear(self, prefix: str) -> None:
        self._objects = {}
        shutil.rmtree(self.source)
        self.source.mkdir()
        if self._to:
            self._flush()
            for path in self.out.iterdir():
                if path.name != FOLDER:
                    shutil.rmtree(path) if path.is_dir() else path.unlink()


def fetch_journal(store: Store, out: Path) -> list[str]:
    """Fetch the journal of a folder of results in a store; gives the names of its objects. Raises `InputError`."""
    names = []
    for folder in (FOLDER, f"{FOLDER}/{SHARDS}"):
        for name in store.list(folder).files:
            if name.endswith(journal_path(out).suffix):
                names.append(f"{folder}/{name}")
                store.fetch(names[-1], out / names[-1])
    return names


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
