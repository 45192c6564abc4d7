"""References on disk: single photographs, and folders of them with their folders."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from archivecolor.errors import InputError
from archivecolor.jobs.digests import content_sha256
from archivecolor.stills.sniff import names_a_picture


@dataclass(frozen=True, slots=True)
class ReferenceFile:
    """A photograph in a folder of references."""

    path: Path
    version: str
    """Its name below the folder, size and time of change: another file is another one."""


def is_folder(path: Path) -> bool:
    """Whether references are to be found in a folder. Raises `InputError` where nothing is there."""
    if not os.path.lexists(path):
        raise InputError(f"{path}: there is no such file", hint="give a photograph in color, or a folder of them")
    return path.is_dir()


def photographs_in(folder: Path) -> list[ReferenceFile]:
    """What is named like a photograph in a folder and in its folders, in order; hidden ones are left out.

    Raises `InputError` where there is none, or the folder cannot be listed.
    """

    def raise_(error: OSError) -> None:
        raise InputError(f"{error.filename}: cannot be listed: {error.strerror}", hint="check its permissions") from error

    found = []
    for here, folders, names in os.walk(folder, onerror=raise_):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            path = Path(here, name)
            if name.startswith(".") or not names_a_picture(name):
                continue
            try:
                status = path.stat()
            except OSError:  # a link to nothing
                continue
            below = path.relative_to(folder).as_posix().encode(errors="surrogateescape").hex()
            found.append(ReferenceFile(path, f"{below} {status.st_size} {status.st_mtime_ns}"))
    if not found:
        raise InputError(f"{folder}: holds no photographs", hint="--references takes a folder of photographs in color")
    return found


def digest_of(references: Sequence[Path]) -> str:
    """64 hexadecimal digits of what references are: of photographs what they hold, of folders which files they hold.

    Raises `InputError` where one cannot be read.
    """
    told = []
    for path in references:
        told += [f.version for f in photographs_in(path)] if is_folder(path) else [content_sha256(path)]
    return hashlib.sha256("\n".join(told).encode()).hexdigest()
