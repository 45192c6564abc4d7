"""A folder on this machine's disk that sources are fetched into, and results put into a store from, one by one."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from archivecolor.jobs.atomic import AlreadyExistsError, part_path
from archivecolor.jobs.locks import BusyError, LockFile, lock
from archivecolor.jobs.records import Entry, Settings
from archivecolor.jobs.resume import Reason
from archivecolor.jobs.tasks import Task
from archivecolor.storage.disk import Place, at
from archivecolor.storage.store import Store
from archivecolor.storage.urls import StoreURL

_PREFIX: Final = "archivecolor-spool-"
_LOCK: Final = "lock"
_YOUNG_S: Final = 60.0
"""A spool may have no lock yet."""
_EXPANDS: Final = 40
"""Memory for a byte of a photograph that is not here yet."""


class Spool:
    """Where the items of a run that has SRC, OUT or both in a store are made; a context manager."""

    def __init__(self, source: Path | StoreURL, out: Path | StoreURL) -> None:
        """Of a run from ``source`` to ``out``, without asking a store. Raises `DependencyError`."""
        self._from: Place = at(source)
        self._to = Store(out) if isinstance(out, StoreURL) else None
        self._out = out
        self._places = _everywhere(source), _everywhere(out)
        self.announce: Callable[[Iterable[tuple[Entry, Settings]]], None] | None = None
        """Is told which results are about to be put."""

    def __enter__(self) -> Self:
        clear_dead()
        self._spool = tempfile.TemporaryDirectory(prefix=_PREFIX, ignore_cleanup_errors=True)
        self._lock = LockFile(Path(self._spool.name) / _LOCK, Path(self._spool.name))
        self.source = Path(self._spool.name) / "in"
        self.out = Path(self._spool.name) / "out" if self._to else Path(str(self._out))
        self.source.mkdir()
        if self._to:
            self.out.mkdir()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Delete it."""
        self._lock.release()
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

    @property
    def places(self) -> tuple[Path | StoreURL, Path | StoreURL]:
        """SRC and OUT, as they are known on every machine."""
        return self._places

    def fetch(self, task: Task) -> None:
        """Have an item's source lie where the task says, and its earlier result. Raises `ArchiveColorError`."""
        arriving = part_path(task.source)
        arriving.parent.mkdir(parents=True, exist_ok=True)
        self._from.fetch(task.name, arriving)
        if task.found:
            os.utime(arriving, ns=(task.found.mtime_ns, task.found.mtime_ns))
        arriving.replace(task.source)
        if self._to is None or not task.may_replace:
            return
        task.target.unlink(missing_ok=True)
        name = self._named(task.target)
        if task.reason is not Reason.OVERWRITE and self._to.find(name):
            self._to.fetch(name, task.target)

    def cost_bytes(self, task: Task) -> int:
        """Memory that a photograph takes, of which nothing is known but its size."""
        return _EXPANDS * task.found.size_bytes if task.found else 0

    def also(self, path: Path) -> None:
        """Put what lies beside a result, or in OUT's own folder. Raises `OutputError`."""
        if self._to and path.exists():
            self._to.put(path, self._named(path))

    def deliver(self, task: Task, target: Path, entry: Entry, settings: Settings) -> None:
        """Have a result that is whole appear in the store. Raises `AlreadyExistsError` or `OutputError`."""
        if self._to is None:
            return
        name, part = self._named(target), part_path(target)
        if not task.may_replace and self._to.find(name):
            raise AlreadyExistsError(f"{self._to.url(name)}: already exists", hint="--overwrite replaces it")
        if self.announce:
            self.announce([(entry, settings)])
        self._to.put(part if part.exists() else target, name)

    def done(self, task: Task) -> None:
        """Forget an item, well or badly as it ended."""
        task.source.unlink(missing_ok=True)
        if self._to:
            task.target.unlink(missing_ok=True)

    def _named(self, path: Path) -> str:
        return path.relative_to(self.out).as_posix()


def _everywhere(place: Path | StoreURL) -> Path | StoreURL:
    return place if isinstance(place, StoreURL) else Path(os.path.abspath(place))  # noqa: PTH100 - links stay


def clear_dead() -> None:
    """Delete the spools of processes that were killed, where locks say that they are dead."""
    for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        with suppress(OSError, BusyError):
            if time.time() - folder.stat().st_mtime < _YOUNG_S:
                continue
            with (folder / _LOCK).open("r+b") as file:
                if lock(file, folder / _LOCK, "it is in use"):
                    shutil.rmtree(folder, ignore_errors=True)
