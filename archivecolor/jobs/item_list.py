"""Lists of chosen items: one path below SRC per line, as the review page exports them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final, Self

from archivecolor.errors import InputError

_BYTE_ORDER_MARK: Final = "\ufeff"


@dataclass(frozen=True, slots=True)
class ItemList:
    """The names of a list, and the folders that lead to them."""

    names: frozenset[str]
    folders: frozenset[str]

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read a list; bytes that are not UTF-8 are kept as the file system has them. Raises `InputError`."""
        try:
            raw = path.read_bytes()
        except OSError as e:
            raise InputError(f"{path}: cannot be read: {e.strerror}", hint="give --only-from a list of paths") from e
        lines = raw.decode("utf-8", "surrogateescape").removeprefix(_BYTE_ORDER_MARK).split("\n")
        paths = {PurePosixPath(line.removesuffix("\r")) for line in lines if line.strip()}
        if outside := next((p for p in sorted(paths) if p.is_absolute() or ".." in p.parts), None):
            raise InputError(f"{path}: '{outside}' is not a path below SRC", hint="give paths as they are below SRC")
        folders = frozenset(folder.as_posix() for item in paths for folder in item.parents)
        return cls(frozenset(item.as_posix() for item in paths), folders)
