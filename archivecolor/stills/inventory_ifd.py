"""The fields of TIFF structures, for `inventory`: TIFF files, and the blocks that EXIF is.

Reads for itself (TIFF 6.0, section 2; BigTIFF) and shares nothing with what writes, so that a fault there shows here.
Directories that lie or go round in circles end where they do.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import BinaryIO, Final

import tifffile

_UNITS: Final = {1: 1, 2: 1, 3: 2, 4: 4, 5: 4, 6: 1, 7: 1, 8: 2, 9: 4, 10: 4, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}
_PAIRS: Final = (5, 10)
_MOST_FIELDS: Final = 4096
_MOST_PAGES: Final = 10_000
_MOST_BYTES: Final = 256 << 20
_LONGEST_BYTES: Final = 64 << 20
_SHORT_BYTES: Final = 64
_INNER: Final = {34665: "Exif", 34853: "GPS", 40965: "Interoperability"}
_SUB_PICTURES: Final = 330
_PIXELS: Final = ((273, 279), (324, 325), (513, 514))
"""Where strips, tiles, and a JPEG of the old kind lie, and how long they are."""
_PLACED: Final = frozenset({_SUB_PICTURES, *(code for pair in _PIXELS for code in pair)})
_SUBFILE: Final = 254
_ORIENTATION: Final = 274
_NOTHING_TOLD: Final = frozenset(
    {
        *(254, 256, 257, 258, 259, 262, 266, 273, 274, 277, 278, 279, 284, 288, 289, 292, 293, 317, 320),
        *(322, 323, 324, 325, 338, 339, 347, 512, 513, 514, 515, 517, 518, 519, 520, 521, 529, 530, 531, 532),
    }
)
"""How pixels are coded: of another file, another truth."""


@dataclass(slots=True)
class Structure:
    """A file or block that can be read anywhere; counts what was read, for values may overlap."""

    file: BinaryIO
    start: int = 0
    read_bytes: int = 0
    end: int = 0
    """Behind the last byte that was read, or that a directory says holds pixels."""
    lying: bytes = b""
    """What fields of the directory that is read hold outside of it, one behind the other."""

    def at(self, place: int, size: int) -> bytes:
        """Some bytes, or fewer where there are none."""
        if place < 0 or size > _LONGEST_BYTES or self.read_bytes > _MOST_BYTES:
            return b""
        self.file.seek(min(self.start + place, 1 << 62))
        data = self.file.read(size)
        self.read_bytes += len(data)
        self.end = max(self.end, place + len(data))
        return data

    def hold(self, numbers: Mapping[int, tuple[int, ...]]) -> None:
        """Note where a directory says that pixels lie."""
        for places, sizes in _PIXELS:
            ends = (a + b for a, b in zip(numbers.get(places, ()), numbers.get(sizes, ()), strict=False))
            self.end = max(self.end, *ends, 0)


@dataclass(frozen=True, slots=True)
class Found:
    """One field."""

    code: int
    name: str
    value: bytes
    """Little-endian."""

    @property
    def digest(self) -> str:
        """Of its value."""
        return hashlib.blake2b(self.value, digest_size=8).hexdigest()


@dataclass(slots=True)
class Directory:
    """A directory, and what hangs on it."""

    fields: list[Found] = field(default_factory=list)
    subfile: int = 0
    """What kind of picture: bits of tag 254."""
    next: int = 0

    def value(self, code: int) -> bytes | None:
        """Of a field, where there is one."""
        return next((found.value for found in self.fields if found.code == code), None)


def directories(structure: Structure) -> Iterator[Directory]:
    """The chain of directories from the header on."""
    head = structure.at(0, 16)
    order = {b"II": "<", b"MM": ">"}.get(head[:2])
    if order is None or len(head) < 8:
        return
    big = head[2:4] in (b"+\0", b"\0+") and len(head) == 16
    (place,) = struct.unpack_from(f"{order}Q", head, 8) if big else struct.unpack_from(f"{order}I", head, 4)
    seen: set[int] = set()
    while place and place not in seen and len(seen) < _MOST_PAGES:
        seen.add(place)
        found = Directory()
        _read(structure, place, order, big=big, into=found, within="", seen=seen)
        yield found
        place = found.next


def _read(
    structure: Structure, place: int, order: str, *, big: bool, into: Directory, within: str, seen: set[int]
) -> None:
    counted, entry, wide = (8, 20, 8) if big else (2, 12, 4)
    head = structure.at(place, counted)
    if len(head) < counted:
        return
    count = min(int.from_bytes(head, "little" if order == "<" else "big"), _MOST_FIELDS)
    structure.lying = b""
    numbers: dict[int, tuple[int, ...]] = {}
    table = structure.at(place + counted, count * entry + wide)
    for i in range(min(count, len(table) // entry)):
        code, kind = struct.unpack_from(f"{order}HH", table, i * entry)
        values = _values(structure, table[i * entry : (i + 1) * entry], kind, order, wide)
        numbers |= {code: _numbers(values, kind)} if code in _PLACED else {}
        if code in _INNER and len(values) >= 4:
            inner = int.from_bytes(values[:8], "little")
            if inner not in seen:
                seen.add(inner)
                _read(structure, inner, order, big=big, into=into, within=_INNER[code], seen=seen)
        elif code == _SUBFILE and not within:
            into.subfile = int.from_bytes(values[:4], "little")
        elif within or code not in _NOTHING_TOLD:
            into.fields.append(Found(code, _name(code, within), values))
    structure.hold(numbers)
    for inner in set(numbers.get(_SUB_PICTURES, ())) - seen if len(seen) < _MOST_PAGES else ():
        seen.add(inner)
        _read(structure, inner, order, big=big, into=Directory(), within="Sub", seen=seen)
    if not within and len(table) == count * entry + wide:
        into.next = int.from_bytes(table[-wide:], "little" if order == "<" else "big")


def _values(structure: Structure, entry: bytes, kind: int, order: str, wide: int) -> bytes:
    """What a field holds, little-endian."""
    unit = _UNITS.get(kind, 0)
    number = int.from_bytes(entry[4:-wide], "little" if order == "<" else "big")
    size = unit * number * (2 if kind in _PAIRS else 1)
    held = entry[-wide:]
    place = int.from_bytes(held, "little" if order == "<" else "big")
    value = held[:size] if size <= wide else structure.at(place, size)
    structure.lying += value if wide < size <= _SHORT_BYTES else b""
    if order == ">" and unit > 1:
        return b"".join(value[i : i + unit][::-1] for i in range(0, len(value), unit))
    return value


def _numbers(values: bytes, kind: int) -> tuple[int, ...]:
    form = {3: "H", 4: "I", 13: "I", 16: "Q", 18: "Q"}.get(kind, "")
    size = struct.calcsize(f"<{form}")
    return struct.unpack(f"<{len(values) // size}{form}", values[: len(values) // size * size]) if size else ()


def _name(code: int, within: str) -> str:
    names = {"": tifffile.TIFF.TAGS, "Exif": tifffile.TIFF.EXIF_TAGS, "GPS": tifffile.TIFF.GPS_TAGS}.get(within)
    return names[code] if names is not None and code in names else f"{within} tag {code}".strip()
