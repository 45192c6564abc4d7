"""What formats with hardly any metadata carry, for `inventory`: BMP, the portable maps of Netpbm, bare JPEG 2000.

Yields names with what they hold, as `inventory.Thing` wants it: a group, and bytes that are to be the same.
"""

from __future__ import annotations

import io
import re
import struct
from collections.abc import Iterator
from typing import BinaryIO, Final

Held = tuple[str, str, bytes]
"""Name, group and content; empty where only being there counts."""

_METERS_PER_INCH: Final = 0.0254
_LONGEST_HEADER: Final = 1 << 16
_LONGEST_BEHIND: Final = 64 << 20
_CORE, _INFO, _V4, _V5 = 12, 40, 108, 124
_BIT_FIELDS: Final = {3: 12, 6: 16}
"""BI_BITFIELDS and BI_ALPHABITFIELDS: masks behind the smallest header that can have them."""
_SPACES: Final = {b"DEBM": "ICC profile", b"KNIL": "place of an ICC profile", b"\0\0\0\0": "color calibration"}
_PNM_PART: Final = re.compile(rb"\s*(?:#([^\n]*)\n|(\d{1,9})(?=\s))")
_BITMAPS: Final = (b"P1", b"P4")
_PLAIN: Final = (b"P1", b"P2", b"P3")
_ENCODERS: Final = (b"Created by OpenJPEG", b"Kakadu", b"Kdu-", b"JasPer", b"Creator: JasPer")
"""How comments begin in which an encoder of JPEG 2000 names itself."""


def of_bmp(file: BinaryIO) -> Iterator[Held]:
    """Resolution, profile or calibration, and what lies between header and pixels or behind them (MS-WMF, 2.2.2)."""
    file.seek(0)
    head = file.read(14 + _V5)
    (start,) = struct.unpack_from("<I", head, 10)
    (size,) = struct.unpack_from("<I", head, 14)
    if size == _CORE:
        width, height, _, bits = struct.unpack_from("<HHHH", head, 18)
        coded, kind, used, entry = 0, 0, 0, 3
    else:
        width, height, _, bits, kind, coded, across, down, used = struct.unpack_from("<iiHHIIiiI", head, 18)
        entry = 4
        if across > 0 and down > 0:
            yield "resolution", "resolution", b"%.3g x %.3g" % (across * _METERS_PER_INCH, down * _METERS_PER_INCH)
    table = 14 + size + (_BIT_FIELDS.get(kind, 0) if size == _INFO else 0)
    table += entry * (used or (1 << bits if bits <= 8 else 0))
    end = start + (coded or (abs(width) * bits + 31) // 32 * 4 * abs(height))
    if size >= _V4:
        space = head[70:74]
        if space in _SPACES and (space != b"\0\0\0\0" or any(head[74:122])):
            yield _SPACES[space], "ICC profile", b""
        if size >= _V5 and space in (b"DEBM", b"KNIL"):
            end = max(end, 14 + sum(struct.unpack_from("<II", head, 126)))
    yield from _bytes(file, table, start, "before")
    yield from _bytes(file, end, None, "behind")


def of_pnm(file: BinaryIO) -> Iterator[Held]:
    """Comments, and what follows the picture: further pictures, for binary maps may hold several."""
    file.seek(0)
    head = file.read(_LONGEST_HEADER)
    kind, at, comments = head[:2], 2, []
    numbers: list[int] = []
    while len(numbers) < (2 if kind in _BITMAPS else 3) and (found := _PNM_PART.match(head, at)):
        at = found.end()
        if found[2]:
            numbers.append(int(found[2]))
        else:
            comments.append(found[1].strip())
    if comments:
        yield "comment", "comment", b"\n".join(comments)
    if kind in _PLAIN:
        return
    width, height, *top = numbers
    row = (width + 7) // 8 if kind == b"P4" else width * (3 if kind == b"P6" else 1) * (2 if top[0] > 255 else 1)
    yield from _bytes(file, at + 1 + row * height, None, "behind")


def of_codestream(file: BinaryIO, start: int = 0) -> Iterator[Held]:
    """The comments of a JPEG 2000 codestream's main header (ISO/IEC 15444-1, A.9.2), but for encoders' names."""
    file.seek(start)
    data = file.read(_LONGEST_HEADER)
    at = 2
    while at + 4 <= len(data) and data[at] == 0xFF and data[at + 1] not in (0x90, 0xD9):
        (size,) = struct.unpack_from(">H", data, at + 2)
        if data[at + 1] == 0x64 and not data.startswith(_ENCODERS, at + 6):
            yield "comment of the codestream", "comment", data[at + 6 : at + 2 + size]
        at += 2 + size


def behind(file: BinaryIO, end: int, known: bytes = b"") -> Iterator[Held]:
    """What stands behind a picture that ends at ``end``, but for the end of ``known``.

    tifffile writes what further pages say once more behind the last, and points to the first of these.
    """
    yield from (held for held in _bytes(file, end, None, "behind") if not known.endswith(held[2]))


def _bytes(file: BinaryIO, start: int, end: int | None, where: str) -> Iterator[Held]:
    """What stands in a place where nothing should, but for padding."""
    size = file.seek(0, io.SEEK_END)
    end = size if end is None else min(end, size)
    if 0 <= start < end:
        file.seek(start)
        data = file.read(min(end - start, _LONGEST_BEHIND))
        if data.strip(b"\0\r\n"):
            yield f"{end - start} bytes {where} the picture", "behind", data
