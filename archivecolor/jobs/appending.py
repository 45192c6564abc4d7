"""A file of lines that is only ever appended to: a line is on the disk, or it is not there.

A line that a dying process cut off is closed by the next one; readers pass over it. One process at a time writes, which
a lock or a claim sees to; readers need none.
"""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Final, Protocol, Self

from archivecolor.errors import OutputError
from archivecolor.jobs.atomic import DiskFullError
from archivecolor.jobs.files import open_regular

_NO_SPACE: Final = {errno.ENOSPC, errno.EDQUOT}


class GoneError(OutputError):
    """The folder of results went away while a run was writing into it."""


class Guard(Protocol):
    """What keeps other processes out."""

    def release(self) -> None:
        """Let them in. Twice is fine."""


class AppendedFile:
    """A file that is open for appending, by this process alone. Safe to use from several threads."""

    def __init__(self, path: Path, guarded: Path, keep_out: Callable[[], Guard]) -> None:
        """Open ``path``, making it and its folder where they are missing; ``guarded`` is what errors name.

        ``keep_out`` raises `BusyError` where another process writes to it; `OutputError` where it cannot be written.
        """
        self.path, self._guarded = path, guarded
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._lock = keep_out()
        except OSError as e:
            raise self._explain(e) from e
        try:
            self._file = os.fdopen(open_regular(self.path, "ab"), "ab", buffering=0)
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

    def append(self, line: bytes, *, wait: bool = True) -> None:
        """Add a line, which ends with its newline; returns when it is on the disk, or at once without ``wait``.

        Threads that wait at the same time share one sync. Raises `DiskFullError` or `OutputError`.
        """
        self.check()
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

    def check(self) -> None:
        """Raise `OutputError` where the file is not where it was: the disk was unmounted, or the folder deleted."""
        try:
            same = os.path.samestat(os.fstat(self._file.fileno()), self.path.stat())
        except FileNotFoundError:
            same = False
        except OSError as e:
            raise self._explain(e) from e
        if not same:
            raise GoneError(
                f"{self._guarded}: is not the folder any more that the run began to write into",
                hint="mount its disk again, or restore it, and run the same command again",
            )

    def sync(self) -> None:
        """Return when everything is on the disk. Raises `DiskFullError` or `OutputError`."""
        try:
            self._sync(self._written)
        except OSError as e:
            self._failed = True
            raise self._explain(e) from e

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
        with os.fdopen(open_regular(self.path), "rb") as f:
            f.seek(-1, os.SEEK_END)
            return f.read(1) == b"\n"

    def _explain(self, error: OSError) -> OutputError:
        if error.errno in _NO_SPACE:
            return DiskFullError(f"{self.path}: the disk is full", hint="make room and run the same command again")
        return OutputError(
            f"{self.path}: cannot be written: {error.strerror}", hint="check the permissions of the folder"
        )
