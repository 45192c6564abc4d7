"""How many bytes a film file says it has: what is missing at its end is found by that."""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO, Final

from archivecolor.film.origin import open_film

_EBML, _SEGMENT = 0x1A45DFA3, 0x18538067
_UNKNOWN: Final = -1
_ASF_HEADER: Final = bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c")
_ASF_PROPERTIES: Final = bytes.fromhex("a1dcab8c47a9cf118ee400c00c205365")
_ASF_SEARCHED: Final = 1 << 16


def declared_size(path: Path) -> int:
    """The bytes that a Matroska, WebM, AVI or ASF file says it has; 0 of files that do not say."""
    with open_film(path) as f:
        head = f.read(16)
        if head[:4] == b"RIFF" and head[8:12] == b"AVI ":
            return 8 + int.from_bytes(head[4:8], "little")
        if head == _ASF_HEADER:
            return _asf(f.read(_ASF_SEARCHED))
        f.seek(0)
        return _matroska(f)


def _asf(header: bytes) -> int:
    at = header.find(_ASF_PROPERTIES)
    return int.from_bytes(header[at + 40 : at + 48], "little") if at >= 0 else 0


def _matroska(file: BinaryIO) -> int:
    """Where the segment ends, which follows the EBML header; live recordings do not say."""
    for expected in (_EBML, _SEGMENT):
        number, size = _number(file, keep_marker=True), _number(file, keep_marker=False)
        if number != expected or size is None or size == _UNKNOWN:
            return 0
        if number == _SEGMENT:
            return file.tell() + size
        file.seek(size, 1)
    return 0


def _number(file: BinaryIO, *, keep_marker: bool) -> int | None:
    """A number of variable length; None where none begins, `_UNKNOWN` for a size that says so."""
    first = file.read(1)
    if not first or not first[0]:
        return None
    length = 9 - first[0].bit_length()
    rest = file.read(length - 1)
    if len(rest) < length - 1:
        return None
    value = int.from_bytes(first + rest, "big")
    if keep_marker:
        return value
    value &= (1 << 7 * length) - 1
    return _UNKNOWN if value == (1 << 7 * length) - 1 else value
