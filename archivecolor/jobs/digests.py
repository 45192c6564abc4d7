"""The state of files: size, time of change, and the digest that decides."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import BinaryIO, Final

from archivecolor.errors import InputError
from archivecolor.jobs.records import FileState

_BLOCK_BYTES: Final = 1 << 20


def look_at(path: Path) -> FileState:
    """Size and time of change, without reading. Raises `InputError`."""
    try:
        return _state(path.stat())
    except FileNotFoundError as e:
        raise InputError(f"{path}: there is no such file", hint="it was there when the run began") from e
    except OSError as e:
        raise InputError(f"{path}: cannot be read: {e.strerror}", hint="check its permissions") from e


def read_state(path: Path) -> FileState:
    """Size, time of change and digest; reads the whole file. Raises `InputError`."""
    try:
        with path.open("rb") as f:
            return read_open(f)
    except FileNotFoundError as e:
        raise InputError(f"{path}: there is no such file", hint="it was there when the run began") from e
    except OSError as e:
        raise InputError(f"{path}: cannot be read: {e.strerror}", hint="check its permissions") from e


def read_open(file: BinaryIO) -> FileState:
    """The same of a file that is open for reading; raises `OSError`."""
    file.seek(0)
    digest = hashlib.sha256()
    while block := file.read(_BLOCK_BYTES):
        digest.update(block)
    state = _state(os.fstat(file.fileno()))
    return FileState(state.size_bytes, state.mtime_ns, digest.hexdigest())


def _state(status: os.stat_result) -> FileState:
    return FileState(status.st_size, status.st_mtime_ns)


def content_sha256(path: Path) -> str:
    """Of a file."""
    return read_state(path).sha256 or ""
