"""A folder on this machine, asked as a store is."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Protocol

from archivecolor.errors import InputError
from archivecolor.storage.store import Listing, Object, Store
from archivecolor.storage.urls import StoreURL


class Place(Protocol):
    """What items are fetched from."""

    def url(self, name: str = "") -> str: ...  # noqa: D102
    def list(self, folder: str = "") -> Listing: ...  # noqa: D102
    def fetch(self, name: str, path: Path) -> None: ...  # noqa: D102
    def read(self, name: str, count: int) -> bytes: ...  # noqa: D102
    def check_readable(self) -> None: ...  # noqa: D102


class Disk:
    """A folder of this machine, as `Store` sees one."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def url(self, name: str = "") -> str:
        """The path of something in it."""
        return str(self._folder / name)

    def list(self, folder: str = "") -> Listing:
        """What is in a folder. Raises `InputError`."""
        files, folders = {}, []
        try:
            with os.scandir(self._folder / folder) as entries:
                for entry in entries:
                    if entry.name.startswith(".") or entry.is_symlink():
                        continue
                    if entry.is_dir():
                        folders.append(entry.name)
                    elif entry.is_file():
                        status = entry.stat()
                        files[entry.name] = Object(status.st_size, status.st_mtime_ns)
        except OSError as e:
            raise InputError(f"{self.url(folder)}: cannot be read: {e.strerror}", hint="check its permissions") from e
        return Listing(files, tuple(sorted(folders)))

    def fetch(self, name: str, path: Path) -> None:
        """Copy a file. Raises `InputError`."""
        try:
            shutil.copyfile(self._folder / name, path)
        except OSError as e:
            raise InputError(f"{self.url(name)}: cannot be read: {e.strerror}", hint="check its permissions") from e

    def read(self, name: str, count: int) -> bytes:
        """The first bytes of a file. Raises `InputError`."""
        try:
            with (self._folder / name).open("rb") as file:
                return file.read(count)
        except OSError as e:
            raise InputError(f"{self.url(name)}: cannot be read: {e.strerror}", hint="check its permissions") from e

    def check_readable(self) -> None:
        """Raise `InputError` where it is no folder."""
        if not self._folder.is_dir():
            raise InputError(f"{self._folder}: there is no such folder")


def at(place: Path | StoreURL) -> Place:
    """What is asked of a place. Raises `DependencyError` where a package is missing."""
    return Store(place) if isinstance(place, StoreURL) else Disk(place)
