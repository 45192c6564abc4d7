"""EXIF's directories as fields and bytes: moved between TIFF and the other formats without being interpreted.

EXIF is a TIFF structure (CIPA DC-008; TIFF 6.0, section 2): directories of fields whose values lie at offsets. Moving
one to another file means laying its values out anew. What a field says is kept as it is, byte for byte apart from the
byte order; offsets inside a maker's note are that maker's own and may not survive.

A block that lies about its offsets or counts cannot lead out of itself or round in circles: what does not fit is left
out.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass
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
_UNIT_BYTES: Final = {1: 1, 2: 1, 3: 2, 4: 4, 5: 4, 6: 1, 7: 1, 8: 2, 9: 4, 10: 4, 11: 4, 12: 8, 13: 4}
"""Of what changes with the byte order; a rational is two of them."""
_VALUE_BYTES: Final = _UNIT_BYTES | {5: 8, 10: 8}
_LONGEST_VALUE_BYTES: Final = 16 << 20
_MOST_FIELDS: Final = 4096
_DEEPEST: Final = 3
_HEADERS: Final = {b"II*\0": "<", b"MM\0*": ">"}


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
    start = struct.unpack(f"{order}I", blob[4:8])[0]
    return read_directory(lambda at, size: blob[at : at + size], start, order)


def read_directory(read: Reader, start: int, order: str, *, depth: int = 0) -> tuple[Field, ...]:
    """The directory at ``start`` of a structure that ``read`` reads, in byte order ``<`` or ``>``."""
    head = read(start, 2)
    if len(head) < 2 or depth >= _DEEPEST:
        return ()
    count = min(struct.unpack(f"{order}H", head)[0], _MOST_FIELDS)
    table = read(start + 2, count * 12)
    fields = []
    for i in range(len(table) // 12):
        code, kind, values = struct.unpack_from(f"{order}HHI", table, i * 12)
        size = _VALUE_BYTES.get(kind, 0) * values
        if not 0 < size <= _LONGEST_VALUE_BYTES:
            continue
        at = struct.unpack_from(f"{order}I", table, i * 12 + 8)[0]
        value = table[i * 12 + 8 : i * 12 + 8 + size] if size <= 4 else read(at, size)
        if len(value) != size:
            continue
        if code in INNER:
            inner = read_directory(read, at, order, depth=depth + 1)
            if inner:
                fields.append(Field(code, LONG, b"", inner))
        else:
            fields.append(Field(code, kind, _swapped(value, kind) if order == ">" else value))
    return tuple(fields)


def write_directory(fields: tuple[Field, ...], start: int, order: str) -> bytes:
    """Lay a directory out whose first byte will stand at ``start``."""
    unique = sorted({field.code: field for field in fields}.values(), key=lambda field: field.code)
    table, values = bytearray(struct.pack(f"{order}H", len(unique))), bytearray()
    behind = start + 2 + 12 * len(unique) + 4
    for field in unique:
        if field.inner:
            at = behind + len(values)
            values += write_directory(field.inner, at, order)
            entry = struct.pack(f"{order}I", at)
            kind, count = LONG, 1
        else:
            kind, count = field.kind, len(field.value) // _VALUE_BYTES[field.kind]
            value = _swapped(field.value, kind) if order == ">" else field.value
            if len(value) <= 4:
                entry = value.ljust(4, b"\0")
            else:
                entry = struct.pack(f"{order}I", behind + len(values))
                values += value
        values += b"\0" * (len(values) % 2)
        table += struct.pack(f"{order}HHI", field.code, kind, count) + entry
    return bytes(table) + b"\0\0\0\0" + bytes(values)


def block(fields: tuple[Field, ...]) -> bytes:
    """An EXIF block, without the marker of JPEG."""
    return struct.pack("<4sI", b"II*\0", 8) + write_directory(fields, 8, "<")


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
