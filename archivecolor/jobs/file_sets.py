"""Numbered files that are one item: `reel.%06d.dpx` stands for all files of its folder that it gives the names of.

The name of a set is a path like any other, so that plans, journals and messages need to know nothing of sets; what it
names is never there under that very name. Its state is that of all its files: the bytes of all, the time of the last
change, and the digest of a list of their numbers and digests.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final, Self

from archivecolor.jobs.files import open_regular
from archivecolor.jobs.records import FileState

_NUMBER: Final = re.compile(r"%(?:0(\d{1,2}))?d")
_HASHES: Final = re.compile(r"#+")
_LAST_DIGITS: Final = re.compile(r"(.*?)(\d+)(\.[^.]*)", re.ASCII | re.DOTALL)
_MOST_DIGITS: Final = 18


@dataclass(frozen=True, slots=True)
class Numbering:
    """How the files of a set are named."""

    before: str
    width: int
    """Digits at least, filled up with zeros; 1 of numbers that are not."""
    after: str

    @classmethod
    def of(cls, name: str) -> Self | None:
        """Read a name with one ``%06d``, ``%d`` or ``####`` in it; None of any other."""
        found = _NUMBER.findall(name)
        if len(found) == 1:
            before, after = _NUMBER.sub("\0", name).split("\0")
            return cls(before, max(1, int(found[0] or 1)), after)
        hashes = _HASHES.findall(name)
        if not found and len(hashes) == 1 and len(hashes[0]) > 1:
            before, after = name.split(hashes[0])
            return cls(before, len(hashes[0]), after)
        return None

    @property
    def name(self) -> str:
        """The set's."""
        return f"{self.before}%{'' if self.width == 1 else f'0{self.width}'}d{self.after}"

    def file_name(self, number: int) -> str:
        """That of one of its files."""
        return f"{self.before}{number:0{self.width}d}{self.after}"

    def number(self, name: str) -> int | None:
        """The number of a file; None where it is none of the set's."""
        digits = name[len(self.before) : len(name) - len(self.after)]
        right = name.startswith(self.before) and name.endswith(self.after) and digits.isascii() and digits.isdigit()
        if not right or len(digits) > _MOST_DIGITS or self.file_name(int(digits)) != name:
            return None
        return int(digits)


def split(name: str) -> tuple[str, str, str] | None:
    """A file's name as what stands before its last digits, these, and its suffix; None where no digits end its stem."""
    found = _LAST_DIGITS.fullmatch(name)
    return (found[1], found[2], found[3]) if found and len(found[2]) <= _MOST_DIGITS else None


def numbering(path: Path) -> Numbering | None:
    """How the files are named that ``path`` stands for; None where it is the path of one thing."""
    found = Numbering.of(path.name)
    return None if found is None or os.path.lexists(path) else found


def members(path: Path) -> dict[int, str]:
    """The names of a set's files by their numbers, in order; none where there are none. Raises `OSError`."""
    way = numbering(path)
    if way is None or not path.parent.is_dir():
        return {}
    with os.scandir(path.parent) as entries:
        found = {way.number(entry.name): entry.name for entry in entries if entry.is_file()}
    found.pop(None, None)
    return dict(sorted((number, name) for number, name in found.items() if number is not None))


def look_at_set(path: Path) -> FileState | None:
    """Bytes and last change of all files of a set; None where ``path`` names none. Raises `OSError`."""
    found = members(path)
    if not found:
        return None
    folder = os.fspath(path.parent)
    states = [os.stat(os.path.join(folder, name)) for name in found.values()]  # noqa: PTH116, PTH118 - thrice as fast
    return FileState(sum(s.st_size for s in states), max(s.st_mtime_ns for s in states))


def read_set(path: Path) -> FileState | None:
    """The same, with their digest; reads all of them. Raises `OSError`."""
    seen = look_at_set(path)
    if seen is None:
        return None
    return FileState(
        seen.size_bytes, seen.mtime_ns, digest_of((n, _sha256(path.parent / name)) for n, name in members(path).items())
    )


def digest_of(files: Iterable[tuple[int, str]]) -> str:
    """The digest of a set of files by their numbers and SHA-256."""
    digest = hashlib.sha256()
    for number, sha256 in files:
        digest.update(f"{number} {sha256}\n".encode())
    return digest.hexdigest()


def _sha256(path: Path) -> str:
    with os.fdopen(open_regular(path), "rb") as file:
        digest = hashlib.sha256()
        for block in iter(partial(file.read, 1 << 20), b""):
            digest.update(block)
        return digest.hexdigest()
