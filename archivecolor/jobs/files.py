"""Files as a run meets them: opened only where they are files, and named so that any file system takes the name."""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from pathlib import Path
from typing import Final, Literal

_LONGEST_NAME_BYTES: Final = 255


class NotRegularError(OSError):
    """A pipe, a socket or a device, or a link where none is followed."""

    def __init__(self, path: Path) -> None:
        super().__init__(errno.EINVAL, "is no regular file", str(path))


def open_regular(path: Path, mode: Literal["rb", "ab"] = "rb") -> int:
    """A descriptor of the regular file at ``path``, for reading or, made where it is missing, for appending.

    A pipe without a writer does not keep the caller waiting; appending never follows a link. Raises `NotRegularError`
    for what is no such file, and other `OSError` as `open` does.
    """
    with_all = getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)
    if mode == "rb":
        flags = os.O_RDONLY | with_all
        _check(path, path.stat())  # before it is opened: a tape would rewind
    else:
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0) | with_all
        if os.path.lexists(path):
            _check(path, path.lstat())
    descriptor = os.open(path, flags, 0o666)
    try:
        _check(path, os.fstat(descriptor))
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def read_regular(path: Path) -> bytes:
    """All of a regular file. Raises `OSError` as `open_regular` does."""
    with os.fdopen(open_regular(path), "rb") as file:
        return file.read()


def _check(path: Path, status: os.stat_result) -> None:
    if stat.S_ISDIR(status.st_mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    if not stat.S_ISREG(status.st_mode):
        raise NotRegularError(path)


def derived_name(before: str, name: str, after: str) -> str:
    """``name`` between two others, shortened by a digest in its place where the whole would be too long for a name."""
    whole = f"{before}{name}{after}"
    if len(os.fsencode(whole)) <= _LONGEST_NAME_BYTES:
        return whole
    return f"{before}{hashlib.sha256(os.fsencode(name)).hexdigest()}{after}"


def is_same_file(a: Path, b: Path) -> bool:
    """Whether two names are of one file; what is not there, or cannot be followed, is no other's."""
    try:
        return a.samefile(b)
    except OSError:
        return False
