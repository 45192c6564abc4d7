"""Where a film's bytes come from: its file or, where that only stands for a film elsewhere, whatever reads that.

A stand-in has the size and the time of the film and none of its bytes, so every reading of a film begins here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

_elsewhere: dict[Path, Callable[[], BinaryIO]] = {}


def open_film(path: Path) -> BinaryIO:
    """Open a film for reading and seeking. Raises `OSError`, or `InputError` of one that is elsewhere."""
    return _elsewhere[path]() if path in _elsewhere else path.open("rb")


def is_elsewhere(path: Path) -> bool:
    """Whether a file only stands for a film."""
    return path in _elsewhere


@contextmanager
def read_by(path: Path, opener: Callable[[], BinaryIO]) -> Iterator[None]:
    """Have ``path`` stand for what ``opener`` opens while the block runs."""
    _elsewhere[path] = opener
    try:
        yield
    finally:
        del _elsewhere[path]
