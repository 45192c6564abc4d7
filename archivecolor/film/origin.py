"""Where a film's bytes come from: its file or, where that only stands for a film elsewhere, whatever reads that.

A stand-in has the size and the time of the film and none of its bytes, so every reading of a film begins here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

_elsewhere: dict[Path, tuple[Callable[[], BinaryIO], str]] = {}


def open_film(path: Path) -> BinaryIO:
    """Open a film for reading and seeking. Raises `OSError`, or `InputError` of one that is elsewhere."""
    return _elsewhere[path][0]() if path in _elsewhere else path.open("rb")


def is_elsewhere(path: Path) -> bool:
    """Whether a file only stands for a film."""
    return path in _elsewhere


def name_of(path: Path) -> str:
    """What a film is called on every machine: its path without links, or the place that a file stands for."""
    return _elsewhere[path][1] if path in _elsewhere else str(path.resolve())


@contextmanager
def read_by(path: Path, opener: Callable[[], BinaryIO], name: str) -> Iterator[None]:
    """Have ``path`` stand for what ``opener`` opens, which is called ``name``, while the block runs."""
    _elsewhere[path] = opener, name
    try:
        yield
    finally:
        del _elsewhere[path]
