"""Locks that keep two runs out of each other's work; a process that ends, however it ends, lets go of its own.

A file that others read meanwhile has its lock in a file beside it, for on Windows a lock keeps every reader out. Where
a file system has no locks, as some network drives, work continues without.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import IO

from filelock import lock_descriptor

from archivecolor.errors import OutputError
from archivecolor.jobs.files import open_regular


class BusyError(OutputError):
    """Another run is writing there."""

    def __init__(self, message: str) -> None:
        super().__init__(message, hint="let that run finish")


def lock(file: IO[bytes], path: Path, busy: str) -> bool:
    """Lock the file that was opened at ``path`` until it is closed; False where the file system has no locks.

    Raises `BusyError`, saying ``busy``, at once: when another has the lock, or had it and has since given the file its
    name or deleted it, so that ``path`` is not what was opened.
    """
    try:
        mine = lock_descriptor(file.fileno(), blocking=False)
    except (NotImplementedError, OSError):
        return False
    try:
        mine = mine and os.path.samestat(os.fstat(file.fileno()), path.stat())
    except FileNotFoundError:
        mine = False
    if not mine:
        raise BusyError(busy)
    return True


class LockFile:
    """A file that is there, and locked, as long as a run writes into a folder."""

    def __init__(self, path: Path, guarded: Path, busy: str = "another run is writing to it") -> None:
        """Lock ``path``.

        Raises `BusyError` saying ``busy`` of ``guarded``, and `OSError` where there can be no such file.
        """
        self._path = path
        self._file = os.fdopen(open_regular(path, "ab"), "ab")
        try:
            lock(self._file, path, f"{guarded}: {busy}")
        except BaseException:
            self._file.close()
            raise

    def is_there(self) -> bool:
        """Whether its path still leads to it: not where the folder was moved or removed."""
        try:
            return os.path.samestat(self._path.stat(), os.fstat(self._file.fileno()))
        except (OSError, ValueError):
            return False

    def release(self) -> None:
        """Let other runs write. Twice is fine."""
        if self._file.closed:
            return
        if os.name == "nt":  # an open file cannot be deleted there
            self._file.close()
        with suppress(OSError):  # elsewhere deleted while it is locked: who has opened it sees that it is gone
            self._path.unlink()
        self._file.close()
