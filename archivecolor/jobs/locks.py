"""Locks on open files, so that two runs do not write into each other's work."""

from __future__ import annotations

import errno
from enum import Enum, auto
from typing import IO, Final

_TAKEN: Final = {errno.EWOULDBLOCK, errno.EACCES}


class Lock(Enum):
    """What came of asking for a lock."""

    OURS = auto()
    """Held until the file is closed, or the process dies."""
    TAKEN = auto()
    """Another process has it, or this one under another file object."""
    NONE = auto()
    """The system, or the file's, has no locks: Windows, some network drives."""


def lock(file: IO[bytes]) -> Lock:
    """Lock an open file for this process alone, without waiting."""
    try:
        import fcntl
    except ImportError:  # Windows
        return Lock.NONE
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as e:
        return Lock.TAKEN if e.errno in _TAKEN else Lock.NONE
    return Lock.OURS
