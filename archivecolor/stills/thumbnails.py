"""Small pictures inside metadata that show the photograph as it was: drawn again from the result, or left out.

EXIF's thumbnail (CIPA DC-008, 4.5.8) is replaced where it lies, so that nothing else in the block moves. Photoshop's
(Adobe Photoshop File Formats Specification, resources 1033 and 1036) goes: programs that need it draw one.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from typing import Final

import cv2
import numpy as np
from PIL import Image

from archivecolor.color import UIntArray
from archivecolor.stills.still import Picture, Planes, to_8_bit

_ORDERS: Final = {b"II*\0": "<", b"MM\0*": ">"}
_PLACE, _LENGTH = 513, 514
_LONG: Final = 4
_LONGEST_EXIF_BYTES: Final = 65_000
_QUALITIES: Final = (85, 75, 60, 45, 30)
_MOST_PX: Final = 1 << 20
_RESOURCE: Final = b"8BIM"
_PHOTOSHOP_THUMBNAILS: Final = (1033, 1036)


def redrawn(exif: bytes, picture: Picture) -> tuple[bytes, tuple[str, ...]]:
    """An EXIF block whose thumbnail shows the picture, or that has none; and what is to be said.

    A block without a thumbnail comes back as it is.
    """
    order = _ORDERS.get(exif[:4])
    if order is None:
        return exif, ()
    pointer, fields = _second_directory(exif, order)
    if not pointer:
        return exif, ()
    changed = bytearray(exif)
    if _PLACE in fields and _LENGTH in fields and _draw(changed, order, fields, picture):
        return bytes(changed), ()
    struct.pack_into(f"{order}I", changed, pointer, 0)
    return bytes(changed), ("its thumbnail cannot be drawn again and was left out",)


def _second_directory(exif: bytes, order: str) -> tuple[int, dict[int, int]]:
    """Where the first directory points to the second one, 0 if it does not; and where that one's single numbers are."""
    try:
        (first,) = struct.unpack_from(f"{order}I", exif, 4)
        (count,) = struct.unpack_from(f"{order}H", exif, first)
        pointer = first + 2 + 12 * count
        (second,) = struct.unpack_from(f"{order}I", exif, pointer)
        if not second:
            return 0, {}
        (count,) = struct.unpack_from(f"{order}H", exif, second)
        entries = [
            (second + 2 + 12 * i, *struct.unpack_from(f"{order}HHI", exif, second + 2 + 12 * i)) for i in range(count)
        ]
    except struct.error:
        return 0, {}
    return pointer, {code: at + 8 for at, code, kind, number in entries if kind == _LONG and number == 1}


def _draw(exif: bytearray, order: str, fields: dict[int, int], picture: Picture) -> bool:
    place, length = (struct.unpack_from(f"{order}I", exif, fields[code])[0] for code in (_PLACE, _LENGTH))
    try:
        with Image.open(io.BytesIO(exif[place : place + length]), formats=["JPEG"]) as old:
            size = old.size
    except (OSError, SyntaxError, ValueError, struct.error):
        return False
    if size[0] * size[1] > _MOST_PX:
        return False
    small = Image.fromarray(_fitted(picture, size))
    for quality in _QUALITIES:
        out = io.BytesIO()
        small.save(out, "JPEG", quality=quality)
        new = out.getvalue()
        if len(new) <= length:
            exif[place : place + length] = new.ljust(length, b"\0")
        elif len(exif) + len(new) < _LONGEST_EXIF_BYTES:
            place = len(exif) + len(exif) % 2
            exif += bytes(len(exif) % 2) + new
        else:
            continue
        struct.pack_into(f"{order}I", exif, fields[_PLACE], place)
        struct.pack_into(f"{order}I", exif, fields[_LENGTH], len(new))
        return True
    return False


def _fitted(picture: Picture, size: tuple[int, int]) -> UIntArray:
    """The picture in a frame of ``size`` (width, height), with black bars where the shapes differ."""
    height, width = (picture.luma if isinstance(picture, Planes) else picture).shape[:2]
    scale = min(size[0] / width, size[1] / height)
    inner = tuple(min(outer, max(1, round(side * scale))) for outer, side in zip(size, (width, height), strict=True))
    if all(outer - small <= 2 for outer, small in zip(size, inner, strict=True)):
        inner = size
    if isinstance(picture, Planes):
        small = picture.shown(*inner)
    else:
        small = to_8_bit(np.asarray(cv2.resize(picture, inner, interpolation=cv2.INTER_AREA)))
    framed = np.zeros((size[1], size[0], *small.shape[2:]), np.uint8)
    top, left = (size[1] - inner[1]) // 2, (size[0] - inner[0]) // 2
    framed[top : top + inner[1], left : left + inner[0]] = small
    return framed


def without_thumbnails(photoshop: bytes) -> bytes:
    """Photoshop's image resources without their thumbnails; a block that is damaged comes back as it is."""
    kept, end = [], 0
    for kind, start, end in _resources(photoshop):
        if kind not in _PHOTOSHOP_THUMBNAILS:
            kept.append(photoshop[start:end])
    return b"".join(kept) + photoshop[end:]


def _resources(photoshop: bytes) -> Iterator[tuple[int, int, int]]:
    """Kind, beginning and end of each resource, up to what is none."""
    at = 0
    while photoshop.startswith(_RESOURCE, at) and at + 12 <= len(photoshop):
        (kind,) = struct.unpack_from(">H", photoshop, at + 4)
        name = 1 + photoshop[at + 6]
        data = at + 6 + name + name % 2
        if data + 4 > len(photoshop):
            return
        (size,) = struct.unpack_from(">I", photoshop, data)
        end = data + 4 + size + size % 2
        if end > len(photoshop) + size % 2:
            return
        yield kind, at, min(end, len(photoshop))
        at = end
