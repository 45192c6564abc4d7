"""Results in a store, and their sources, each on this machine's disk for as long as it is looked at."""

from __future__ import annotations

import tempfile
from pathlib import Path
from types import TracebackType
from typing import Self

from archivecolor.runs.folder.store_journal import fetch_journal
from archivecolor.storage.disk import at
from archivecolor.storage.store import Store
from archivecolor.storage.urls import StoreURL


class Fetched:
    """Folders of a run, of which one or both are in stores; a context manager."""

    def __init__(self, out: Path | StoreURL, source: Path | StoreURL | None) -> None:
        """Look whether both can be read, and fetch OUT's journal. Raises `InputError` or `DependencyError`."""
        self._spool = tempfile.TemporaryDirectory(prefix="archivecolor-", ignore_cleanup_errors=True)
        folder = Path(self._spool.name)
        self.out = folder / "out" if isinstance(out, StoreURL) else out
        self.source = folder / "in" if isinstance(source, StoreURL) else source
        self._places = {self.out: out}
        if self.source and source:
            self._places[self.source] = source
        try:
            for place in self._places.values():
                at(place).check_readable()
            self._stores = {here: Store(url) for here, url in self._places.items() if isinstance(url, StoreURL)}
            for here in self._stores:
                here.mkdir()
            if self.out in self._stores:
                fetch_journal(self._stores[self.out], self.out)
        except BaseException:
            self._spool.cleanup()
            raise

    @property
    def shown(self) -> tuple[tuple[Path, str], ...]:
        """Folders of the spool, and the places that they stand for."""
        return tuple((here, store.url()) for here, store in self._stores.items())

    def fetch(self, path: Path) -> None:
        """Have a file lie where it stands for an object. Raises `InputError`."""
        for here, store in self._stores.items():
            if path.is_relative_to(here):
                store.fetch(path.relative_to(here).as_posix(), path)

    def forget(self, path: Path) -> None:
        """Delete what was fetched."""
        if any(path.is_relative_to(here) for here in self._stores):
            path.unlink(missing_ok=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._spool.cleanup()
