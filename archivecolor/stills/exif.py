"""EXIF's directories as fields and bytes: moved between TIFF and the other formats without being interpreted.

EXIF is a TIFF structure (CIPA DC-008; TIFF 6.0, section 2): directories of fields whose values lie at offsets. Moving
one to another file means laying its values out anew, in a BigTIFF at offsets of eight bytes. What a field says is kept
as it is, byte for byte apart from the byte order; offsets inside a maker's note are that maker's own and may be lost.

A block that lies about its offsets or counts cannot lead out of itself or round in circles: what does not fit is left
out.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final

Reader = Callable[[int, int], bytes]
"""Gives so many bytes from a place on, or fewer."""

ORIENTATION: Final = 274
EXIF_DIRECTORY: Final = 34665
GPS_DIRECTORY: Final = 34853
INNER: Final = (EXIF_DIRECTORY, GPS_DIRECTORY, 40965)
"""Fields whose value is the place of another directory: EXIF, GPS, interoperability."""

SHORT: Final = 3
LONG: Final = 4
_LONG8: Final = 16
_IFD8: Final = 18
_UNIT_BYTES: Final = {1: 1, 2: 1, 3: 2, 4: 4, 5: 4, 6: 1, 7: 1, 8: 2, 9: 4, 10: 4, 11: 4, 12: 8, 13: 4, 16: 8, 18: 8}
"""Of what changes with the byte order; a rational is two of them. The last two are BigTIFF's."""
_VALUE_BYTES: Final = _UNIT_BYTES | {5: 8, 10: 8}
_MOST_VALUE_BYTES: Final = 16 << 20
"""Of all fields together."""
_MOST_FIELDS: Final = 4096
_DEEPEST: Final = 3
_HEADERS: Final = {b"II*\0": "<", b"MM\0*": ">"}


@dataclass(frozen=True, slots=True)
class Layout:
    """How a TIFF structure writes its directories: TIFF 6.0's way or BigTIFF's (Adobe's libtiff proposal of 2004)."""

    order: str
    """``<`` or ``>``."""
    is_big: bool = False

    @property
    def header_bytes(self) -> int:
        """Before the offset of the first directory."""
        return 8 if self.is_big else 4

    @property
    def count_bytes(self) -> int:
        """Of the number of a directory's fields."""
        return 8 if self.is_big else 2

    @property
    def entry_bytes(self) -> int:
        """Of a field in the table."""
        return 20 if self.is_big else 12

    @property
    def offset_bytes(self) -> int:
        """Of an offset, and of a value that needs none."""
        return 8 if self.is_big else 4

    def table_bytes(self, fields: int) -> int:
        """Of a directory without its values."""
        return self.count_bytes + self.entry_bytes * fields + self.offset_bytes

    def number(self, data: bytes) -> int:
        """What some bytes count."""
        return int.from_bytes(data, "little" if self.order == "<" else "big")

    def bytes_of(self, number: int, size: int) -> bytes:
        """The opposite of `number`."""
        return number.to_bytes(size, "little" if self.order == "<" else "big")

    def entry(self, code: int, kind: int, count: int, value: bytes) -> bytes:
        """A field in the table, with its value or the value's offset."""
        head = struct.pack(f"{self.order}HH{'Q' if self.is_big else 'I'}", code, kind, count)
        return head + value.ljust(self.offset_bytes, b"\0")

    def pointer(self, code: int, place: int) -> bytes:
        """A field that says where another directory lies."""
        # Not IFD8, which fewer readers know
        return self.entry(code, _LONG8 if self.is_big else LONG, 1, self.bytes_of(place, self.offset_bytes))


@dataclass(frozen=True, slots=True)
class Field:
    """One entry of a directory."""

    code: int
    kind: int
    """TIFF's number of the data type."""
    value: bytes
    """Little-endian; empty where there is an `inner` directory."""
    inner: tuple[Field, ...] = ()


def parse(blob: bytes) -> tuple[Field, ...]:
    """The first directory of an EXIF block, or nothing where it is no such block."""
    order = _HEADERS.get(blob[:4])
    if order is None or len(blob) < 8:
        return ()
    layout = Layout(order)
    return read_directory(lambda at, size: blob[at : at + size], layout.number(blob[4:8]), layout)


def read_directory(read: Reader, start: int, layout: Layout) -> tuple[Field, ...]:
    """The directory at ``start`` of a structure that ``read`` reads."""
    return tuple(_Walk(read, layout).fields(start, 0))


@dataclass(slots=True)
class _Walk:
    """A way through a structure that meets each directory once, and of values no more than a file may hold."""

    read: Reader
    layout: Layout
    seen: set[int] = field(default_factory=set)
    left_bytes: int = _MOST_VALUE_BYTES

    def fields(self, start: int, depth: int) -> Iterator[Field]:
        layout = self.layout
        head = self.read(start, layout.count_bytes)
        if len(head) < layout.count_bytes or depth >= _DEEPEST or start in self.seen:
            return
        self.seen.add(start)
        count = min(layout.number(head), _MOST_FIELDS)
        table = self.read(start + layout.count_bytes, count * layout.entry_bytes)
        for i in range(len(table) // layout.entry_bytes):
            entry = table[i * layout.entry_bytes : (i + 1) * layout.entry_bytes]
            code, kind = struct.unpack_from(f"{layout.order}HH", entry)
            size = _VALUE_BYTES.get(kind, 0) * layout.number(entry[4 : -layout.offset_bytes])
            if not 0 < size <= self.left_bytes:
                continue
            self.left_bytes -= size
            held = entry[-layout.offset_bytes :]
            value = held[:size] if size <= layout.offset_bytes else self.read(layout.number(held), size)
            if len(value) != size:
                continue
            if code in INNER:
                inner = tuple(self.fields(layout.number(value), depth + 1))
                if inner:
                    yield Field(code, LONG, b"", inner)
            else:
                yield from _narrow(code, kind, _swapped(value, kind) if layout.order == ">" else value)


def _narrow(code: int, kind: int, value: bytes) -> list[Field]:
    """A field of kinds that are not BigTIFF's alone; nothing where its numbers are too large for them."""
    if kind not in (_LONG8, _IFD8):
        return [Field(code, kind, value)]
    numbers = struct.unpack(f"<{len(value) // 8}Q", value)
    fits = max(numbers) < 1 << 32
    return [Field(code, LONG, struct.pack(f"<{len(numbers)}I", *numbers))] if fits else []


def write_directory(fields: tuple[Field, ...], start: int, layout: Layout) -> bytes:
    """Lay a directory out whose first byte will stand at ``start``."""
    unique = sorted({one.code: one for one in fields}.values(), key=lambda one: one.code)
    entries, values = lay_out(tuple(unique), start + layout.table_bytes(len(unique)), layout)
    count = layout.bytes_of(len(unique), layout.count_bytes)
    return count + b"".join(entries) + bytes(layout.offset_bytes) + values


def lay_out(fields: tuple[Field, ...], behind: int, layout: Layout) -> tuple[list[bytes], bytes]:
    """The entries of fields, and those values that do not stand in them: these begin at ``behind``."""
    entries, values = [], bytearray()
    for one in fields:
        place = behind + len(values)
        if one.inner:
            values += write_directory(one.inner, place, layout)
            entries.append(layout.pointer(one.code, place))
        else:
            value = in_order(one, layout.order)
            if len(value) > layout.offset_bytes:
                values += value
                value = layout.bytes_of(place, layout.offset_bytes)
            entries.append(layout.entry(one.code, one.kind, len(one.value) // _VALUE_BYTES[one.kind], value))
        values += b"\0" * (len(values) % 2)
    return entries, bytes(values)


def in_order(field: Field, order: str) -> bytes:
    """A field's value in a file's byte order."""
    return _swapped(field.value, field.kind) if order == ">" else field.value


def block(fields: tuple[Field, ...]) -> bytes:
    """An EXIF block, without the marker of JPEG."""
    return struct.pack("<4sI", b"II*\0", 8) + write_directory(fields, 8, Layout("<"))


def with_orientation(blob: bytes, number: int) -> bytes:
    """``blob`` with another orientation, if it has any; not a byte else is changed."""
    order = _HEADERS.get(blob[:4])
    if order is None or len(blob) < 10:
        return blob
    start = struct.unpack(f"{order}I", blob[4:8])[0]
    if start + 2 > len(blob):
        return blob
    changed = bytearray(blob)
    for i in range(struct.unpack_from(f"{order}H", blob, start)[0]):
        at = start + 2 + 12 * i
        if at + 12 > len(blob):
            break
        if struct.unpack_from(f"{order}HH", blob, at) == (ORIENTATION, SHORT):
            struct.pack_into(f"{order}H", changed, at + 8, number)
    return bytes(changed)


def _swapped(value: bytes, kind: int) -> bytes:
    unit = _UNIT_BYTES[kind]
    if unit == 1:
        return value
    return b"".join(value[i : i + unit][::-1] for i in range(0, len(value), unit))
