"""Adding to a Matroska file's header what the bindings of libavformat cannot set: the shape of pixels, mastering data.

The muxer is made to write a long name for the picture's track. Afterwards that room is used: the name becomes what it
should be, the missing elements are added, and the rest is filled, so that no byte behind it changes its place.
"""

from __future__ import annotations

import zlib
from fractions import Fraction
from pathlib import Path
from typing import Final

from archivecolor.errors import OutputError

ROOM: Final = "archivecolor " * 16
"""Follows the track's name until `complete` is called."""
_SEGMENT, _TRACKS, _ENTRY, _NAME, _VIDEO, _COLOR = 0x18538067, 0x1654AE6B, 0xAE, 0x536E, 0xE0, 0x55B0
_CRC, _VOID = 0xBF, 0xEC
_DISPLAY_WIDTH, _DISPLAY_HEIGHT, _DISPLAY_UNIT = 0x54B0, 0x54BA, 0x54B2
_IN_PIXELS, _AS_RATIO = 0, 3
_HEADER_BYTES: Final = 1 << 22
"""Tracks begin before this; they follow the tags of the file."""

Element = tuple[int, bytes]
"""Its number and its content."""


def complete(path: Path, of_video: list[Element], of_color: list[Element]) -> None:
    """Add elements to the picture's track of a file that was written with `ROOM` in its name.

    Raises `OutputError` where the file has no such track.
    """
    with path.open("r+b") as f:
        head = f.read(_HEADER_BYTES)
        found = _find_tracks(head)
        if found is None:
            raise OutputError(f"{path}: its header is not as it was written", hint="run the same command again")
        start, size = found
        changed = _tracks(head[start : start + size], of_video, of_color)
        if changed is None:
            raise OutputError(f"{path}: its header has no room", hint="end the result's name in .mov or .mp4")
        f.seek(start)
        f.write(changed)


def tracks(head: bytes) -> list[list[tuple[int, list[Element]]]]:
    """The tracks of a file that begins with ``head``: of each its elements, with what those hold that hold elements.

    Raises `ValueError` or `IndexError` where it is damaged.
    """
    found = _find_tracks(head)
    if found is None:
        return []
    entries = [data for number, data in _children(head[found[0] : sum(found)]) if number == _ENTRY]
    return [[(number, _children(data) if number == _VIDEO else []) for number, data in _children(e)] for e in entries]


def aspect_elements(width: int, height: int, aspect: Fraction) -> list[Element]:
    """What says that pixels of a picture have the shape ``aspect`` (width over height)."""
    across, down, unit = width * aspect, Fraction(height), _IN_PIXELS
    if across.denominator != 1:
        across, down = (Fraction(side) for side in (across / height).as_integer_ratio())
        unit = _AS_RATIO
    sides = [(_DISPLAY_WIDTH, _unsigned(int(across))), (_DISPLAY_HEIGHT, _unsigned(int(down)))]
    return [*sides, (_DISPLAY_UNIT, _unsigned(unit))]


def _unsigned(value: int) -> bytes:
    return value.to_bytes(max(1, (value.bit_length() + 7) // 8), "big")


def packed(elements: list[Element]) -> bytes:
    """Elements one behind the other, as they are in a file."""
    return b"".join(_number_bytes(number) + _size_bytes(len(data)) + data for number, data in elements)


def _number_bytes(number: int) -> bytes:
    return number.to_bytes((number.bit_length() + 7) // 8, "big")


def _size_bytes(size: int) -> bytes:
    length = next(n for n in range(1, 9) if size < (1 << 7 * n) - 1)
    return (size | 1 << 7 * length).to_bytes(length, "big")


def _find_tracks(head: bytes) -> tuple[int, int] | None:
    """Where the content of the tracks' element starts in a file's first bytes, and its size."""
    at = 0
    while at < len(head):
        number, start, size = _element(head, at)
        if number == _TRACKS:
            return (start, size) if start + size <= len(head) else None
        at = start if number == _SEGMENT else start + size
    return None


def _element(data: bytes, at: int) -> tuple[int, int, int]:
    """Number, start of the content and size of the element at a place."""
    length = 9 - data[at].bit_length()
    number = int.from_bytes(data[at : at + length], "big")
    at += length
    length = 9 - data[at].bit_length()
    size = int.from_bytes(data[at : at + length], "big") & (1 << 7 * length) - 1
    return number, at + length, size


def _children(data: bytes) -> list[Element]:
    found, at = [], 0
    while at < len(data):
        number, start, size = _element(data, at)
        found.append((number, data[start : start + size]))
        at = start + size
    return found


def _tracks(content: bytes, of_video: list[Element], of_color: list[Element]) -> bytes | None:
    """The content of the tracks' element with additions to the one track whose name has room; of the same length."""
    room = ROOM.encode()
    children: list[Element] = []
    done = False
    for number, data in _children(content):
        entry = _children(data) if number == _ENTRY else []
        if any(n == _NAME and name.endswith(room) for n, name in entry):
            children.append((number, packed(_entry(entry, of_video, of_color))))
            done = True
        elif number not in (_CRC, _VOID):
            children.append((number, data))
    has_crc = _children(content)[0][0] == _CRC
    made = packed(children)
    fill = len(content) - len(made) - (6 if has_crc else 0)
    if not done or fill < 2:
        return None
    # A size of eight bytes, where one of one byte could not be told from it by its length
    void = packed([(_VOID, bytes(fill - 2))]) if fill < 128 else b"\xec" + (fill - 9 | 1 << 56).to_bytes(8, "big")
    made += void.ljust(fill, b"\0")
    return packed([(_CRC, zlib.crc32(made).to_bytes(4, "little"))]) + made if has_crc else made


def _entry(entry: list[Element], of_video: list[Element], of_color: list[Element]) -> list[Element]:
    changed: list[Element] = []
    for number, data in entry:
        if number == _NAME:
            name = data.removesuffix(ROOM.encode())
            changed += [(_NAME, name)] if name else []
        elif number == _VIDEO:
            changed.append((_VIDEO, packed(_video(_children(data), of_video, of_color))))
        elif number != _VOID:
            changed.append((number, data))
    return changed


def _video(video: list[Element], of_video: list[Element], of_color: list[Element]) -> list[Element]:
    color = [e for number, data in video if number == _COLOR for e in _children(data)] + of_color
    known = {number for number, _ in of_video}
    rest = [e for e in video if e[0] != _COLOR and e[0] not in known and e[0] != _VOID]
    return [*rest, *of_video, *([(_COLOR, packed(color))] if color else [])]
