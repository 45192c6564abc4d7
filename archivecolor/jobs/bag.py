"""A BagIt bag (RFC 8493) around results: ``OUT/data`` holds them, the files beside it say what there is.

The digests are those of the journal wherever a result is the file that was recorded, so that a bag of a million results
is written without reading them; only what others put there is read. (`bagit` from PyPI, which the tests validate with,
moves and reads everything.) ``bagit.txt`` is written before the first result: from then on the folder is a bag, and a
later run into it keeps it one. The manifests are written when a run is complete.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO, Final

from archivecolor.errors import InputError, OutputError
from archivecolor.jobs.atomic import AlreadyExistsError, atomic_write
from archivecolor.jobs.digests import look_at, read_state
from archivecolor.jobs.journal import journal_path, read_journal
from archivecolor.jobs.journal_index import Index
from archivecolor.jobs.locks import BusyError

PAYLOAD: Final = "data"
_DECLARATION: Final = "bagit.txt"
_INFO: Final = "bag-info.txt"
_MANIFEST: Final = "manifest-sha256.txt"
_TAG_MANIFEST: Final = "tagmanifest-sha256.txt"
_PATIENCE_S: Final = 5.0
_SPECIAL: Final = str.maketrans({"%": "%25", "\r": "%0D", "\n": "%0A"})
"""Characters that a manifest cannot hold as they are (section 2.1.3)."""


def is_bag(out: Path) -> bool:
    """Whether a folder has been declared a bag."""
    return (out / _DECLARATION).is_file()


def check(out: Path) -> None:
    """Raise `OutputError` where a folder holds results that are not in a bag."""
    if not is_bag(out) and any(e.result and not e.result.startswith(f"{PAYLOAD}/") for e in read_journal(out)):
        raise OutputError(f"{out}: already holds results and is not a bag", hint="give --bag another folder")


def declare(out: Path) -> None:
    """Begin a bag, if it is not begun, maybe by another shard at this moment. Raises `OutputError`."""
    until = time.monotonic() + _PATIENCE_S
    while not is_bag(out):
        try:
            with atomic_write(out / _DECLARATION, overwrite=False) as file:
                file.write(b"BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n")
        except (AlreadyExistsError, BusyError):
            if time.monotonic() > until:
                raise
            time.sleep(0.05)


def can_hold(name: str) -> bool:
    """Whether a bag, whose manifests are UTF-8, can name a file."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def seal(out: Path, software: str) -> int:
    """Write manifests and information of a bag; gives the number of files in it. Raises `OutputError`."""
    count = total_bytes = 0
    try:
        with atomic_write(out / _MANIFEST, overwrite=True) as file:
            for name, size, sha256 in _payload(out):
                file.write(_line(sha256, f"{PAYLOAD}/{name}"))
                count, total_bytes = count + 1, total_bytes + size
        with atomic_write(out / _INFO, overwrite=True) as file:
            _write_info(file, software, f"{total_bytes}.{count}")
        with atomic_write(out / _TAG_MANIFEST, overwrite=True) as file:
            for name in (_DECLARATION, _INFO, _MANIFEST):
                file.write(_line(read_state(out / name).sha256 or "", name))
    except InputError as e:  # of a file below OUT
        raise OutputError(e.message, hint=e.hint) from e
    return count


def _payload(out: Path) -> Iterator[tuple[str, int, str]]:
    """Name, size and digest of every file of the payload, sorted."""
    index = Index(journal_path(out), by="result")
    try:
        for path in _files(out / PAYLOAD):
            name = path.relative_to(out / PAYLOAD).as_posix()
            if not can_hold(name):
                raise OutputError(f"{path}: its name is not Unicode text, so a bag cannot list it", hint="rename it")
            state = look_at(path)
            entry = index.lookup(f"{PAYLOAD}/{name}")
            known = entry.result_file if entry and state.looks_like(entry.result_file) else None
            sha256 = known.sha256 if known and known.sha256 else read_state(path).sha256
            yield name, state.size_bytes, sha256 or ""
    finally:
        index.close()


def _files(folder: Path) -> Iterator[Path]:
    for here, folders, files in os.walk(folder):
        folders.sort()
        yield from (Path(here) / name for name in sorted(files))


def _line(sha256: str, name: str) -> bytes:
    return f"{sha256}  {name.translate(_SPECIAL)}\n".encode()


def _write_info(file: BinaryIO, software: str, oxum: str) -> None:
    today = datetime.now(UTC).date().isoformat()
    file.write(f"Bag-Software-Agent: {software}\nBagging-Date: {today}\nPayload-Oxum: {oxum}\n".encode())
