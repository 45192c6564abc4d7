"""The state of files: size, time of change, and the digest that decides."""

from __future__ import annotations

import hashlib
import os
import time
from functools import lru_cache
from io import BufferedReader
from pathlib import Path
from typing import BinaryIO, Final, cast

from archivecolor.errors import InputError
from archivecolor.jobs.file_sets import look_at_set, read_set
from archivecolor.jobs.files import open_regular
from archivecolor.jobs.records import FileState

_COARSEST_NS: Final = 2_000_000_000


def look_at(path: Path) -> FileState:
    """Size and time of change, without reading; of a set of files those of all. Raises `InputError`."""
    try:
        return look_at_set(path) or _state(path.stat())
    except OSError as e:
        raise _explain(e, path) from e


def read_state(path: Path) -> FileState:
    """Size, time of change and digest; reads the whole file or set of files. Raises `InputError`."""
    try:
        if found := read_set(path):
            return found
        with os.fdopen(open_regular(path), "rb") as f:
            return read_open(f)
    except OSError as e:
        raise _explain(e, path) from e


def read_open(file: BinaryIO) -> FileState:
    """The same of a file that is open for reading; raises `OSError`."""
    file.seek(0)
    digest = hashlib.file_digest(cast(BufferedReader, file), "sha256")
    state = _state(os.fstat(file.fileno()))
    return FileState(state.size_bytes, state.mtime_ns, digest.hexdigest())


def content_sha256(path: Path) -> str:
    """A file's SHA-256, 64 hexadecimal digits; read once per process while unchanged. Raises `InputError`.

    For small files that are asked about again and again: painted hints, references.
    """
    try:
        status = path.stat()
    except OSError as e:
        raise _explain(e, path) from e
    version = (status.st_size, status.st_mtime_ns, status.st_ino)
    # Within the coarsest clock of a file system (FAT: 2 s) a file may change again and look the same
    is_fresh = time.time_ns() - status.st_mtime_ns < _COARSEST_NS
    return (_sha256.__wrapped__ if is_fresh else _sha256)(path, version)


@lru_cache(4096)
def _sha256(path: Path, version: tuple[int, int, int]) -> str:
    return read_state(path).sha256 or ""


def _explain(error: OSError, path: Path) -> InputError:
    if isinstance(error, FileNotFoundError):
        return InputError(f"{path}: there is no such file", hint="it was there when the run began")
    return InputError(f"{path}: cannot be read: {error.strerror}", hint="check its permissions")


def _state(status: os.stat_result) -> FileState:
    return FileState(status.st_size, status.st_mtime_ns)
