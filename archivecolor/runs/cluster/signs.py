"""Files that a driver puts where its workers are to write: who sees them sees the same folder."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from archivecolor.errors import OutputError


def put_sign(folder: Path, start: str) -> Path:
    """Put a new one into a folder, in place of those whose names begin the same. Raises `OutputError`."""
    remove_signs(folder, start)
    own = folder / f"{start}{uuid.uuid4().hex}"
    try:
        own.touch()
    except OSError as e:
        raise OutputError(f"{own}: cannot be written: {e.strerror}", hint="check its permissions") from e
    return own


def remove_signs(folder: Path, start: str) -> None:
    """Remove all, also those of drivers that were killed."""
    with suppress(OSError), os.scandir(folder) as entries:
        for path in [Path(entry.path) for entry in entries if entry.name.startswith(start)]:
            path.unlink(missing_ok=True)


def first_of(source: Path) -> Iterator[str]:
    """Something that is in a folder, by which to know it elsewhere."""
    with suppress(OSError), os.scandir(source) as entries:
        for entry in entries:
            yield entry.path
            return
