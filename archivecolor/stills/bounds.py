"""How much work a file may ask for: what no honest writer makes is refused before a decoder meets it.

A file's own structure can send a reader round in circles, or through the same bytes again and again, so that a few
hundred bytes cost hours. Walks over it take `once` or `not_too_many`, and so end after work in proportion to the file.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final, TypeVar

from archivecolor.errors import InputError

_MOST_BLOCKS: Final = 10_000
_BLOCK_BYTES: Final = 1024
"""A file may have a block more for each of these that it has."""
_MOST_SCANS: Final = 256
"""Of a JPEG. The finest plans of scans that encoders know have 64."""
_SCAN_MARKER: Final = b"\xff\xda"
_SCAN: Final = re.compile(rb"\xff\xda\0[\x08\x0a\x0c\x0e][\x01-\x04]")
"""A scan's header; coded pixels have no such bytes."""

T = TypeVar("T")


def trap(path: Path, what: str) -> InputError:
    """The error for a file that asks for more than it could need."""
    return InputError(f"{path}: is damaged or a trap: {what}", hint="restore it from a copy")


def once(first: int, following: Callable[[int], int], path: Path) -> Iterator[int]:
    """Places in a file, each of which tells the next; 0 is none. Raises `InputError` where they lead in circles."""
    seen: set[int] = set()
    place = first
    while place:
        if place in seen:
            raise trap(path, "its directories lead in circles")
        seen.add(place)
        yield place
        place = following(place)


def not_too_many(blocks: Iterator[T], path: Path) -> Iterator[T]:
    """The blocks of a file, as far as it may have them. Raises `InputError` for more."""
    most = _MOST_BLOCKS + path.stat().st_size // _BLOCK_BYTES
    for number, block in enumerate(blocks):
        if number >= most:
            raise trap(path, f"has more than {most} blocks")
        yield block


def check_scans(path: Path) -> None:
    """Refuse a JPEG of more scans than any encoder writes: each may cost a pass over the picture, and no bytes."""
    data = path.read_bytes()
    if data.count(_SCAN_MARKER) > _MOST_SCANS and (scans := len(_SCAN.findall(data))) > _MOST_SCANS:
        raise trap(path, f"has {scans} scans")
