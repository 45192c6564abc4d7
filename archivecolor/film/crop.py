"""What a container says to cut off a picture before it is shown: Matroska's PixelCrop elements, the 'clap' box of MP4.

Decoders give the whole picture, and all of it is colored; the crop is carried into Matroska and named elsewhere. The
bindings of libavformat do not tell it, so it is read off the file's header.
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Final, NamedTuple

from archivecolor.film.matroska import Element, tracks
from archivecolor.film.origin import open_film

_VIDEO: Final = 0xE0
_ELEMENTS: Final = {0x54BB: 0, 0x54AA: 1, 0x54CC: 2, 0x54DD: 3}
"""PixelCropTop, PixelCropBottom, PixelCropLeft, PixelCropRight: which field each is."""
_PARENTS: Final = (b"moov", b"trak", b"mdia", b"minf", b"stbl")
_HEADER: Final = 8
_SAMPLE_ENTRY: Final = 78
"""Bytes of a picture's sample entry before its boxes; its width and height stand at 24."""
_MOST_BYTES: Final = 1 << 26
"""Of a header that is looked at."""


class Crop(NamedTuple):
    """Pixels that are cut off."""

    top: int = 0
    bottom: int = 0
    left: int = 0
    right: int = 0

    def elements(self) -> list[Element]:
        """For the picture of a Matroska track."""
        return [(number, self[i].to_bytes(4, "big")) for number, i in _ELEMENTS.items() if self[i]]


UNCROPPED: Final = Crop()


def crop_of(path: Path) -> Crop:
    """What the first picture of a Matroska, MP4 or MOV file is cropped by; nothing of other files."""
    try:
        with open_film(path) as f:
            head = f.read(_HEADER)
            if head.startswith(b"\x1a\x45\xdf\xa3"):
                f.seek(0)
                return _of_matroska(f.read(1 << 22))
            if head[4:] in (b"ftyp", b"moov", b"wide", b"mdat", b"free"):
                return _of_boxes(path)
    except (OSError, ValueError, IndexError, struct.error):  # damaged, which the reading tells
        pass
    return UNCROPPED


def _of_matroska(head: bytes) -> Crop:
    for track in tracks(head):
        found = dict(element for number, elements in track for element in elements if number == _VIDEO)
        values = [0, 0, 0, 0]
        for number, i in _ELEMENTS.items():
            values[i] = int.from_bytes(found.get(number, b"")[:8], "big")
        if found:
            return Crop(*values)
    return UNCROPPED


def _of_boxes(path: Path) -> Crop:
    size = path.stat().st_size
    with open_film(path) as f:
        at = 0
        while at + _HEADER <= size:
            f.seek(at)
            length, name = struct.unpack(">I4s", f.read(_HEADER))
            if length == 1:
                length = struct.unpack(">Q", f.read(_HEADER))[0]
            if name == b"moov":
                return _in_boxes(f.read(min(length, _MOST_BYTES))) or UNCROPPED
            if length < _HEADER:
                break
            at += length
    return UNCROPPED


def _in_boxes(data: bytes) -> Crop | None:
    """The crop of the first picture whose sample entry lies in boxes."""
    at = 0
    while at + _HEADER <= len(data):
        length, name = struct.unpack_from(">I4s", data, at)
        inside = data[at + _HEADER : at + length]
        found = _in_boxes(inside) if name in _PARENTS else _in_entry(inside[_HEADER:]) if name == b"stsd" else None
        if found:
            return found
        if length < _HEADER:
            break
        at += length
    return None


def _in_entry(entry: bytes) -> Crop | None:
    """The crop of a sample entry that has a clean aperture (ISO/IEC 14496-12, 12.1.4)."""
    at = _HEADER + _SAMPLE_ENTRY
    while at + _HEADER <= len(entry):
        length, name = struct.unpack_from(">I4s", entry, at)
        if name == b"clap":
            width, height = struct.unpack_from(">2H", entry, _HEADER + 24)
            values = struct.unpack_from(">IIIIiIiI", entry, at + _HEADER)
            wide, high, across, down = (n / d if d else 0 for n, d in zip(values[::2], values[1::2], strict=True))
            left, top = (width - wide) / 2 + across, (height - high) / 2 + down
            sides = (top, height - high - top, left, width - wide - left)
            return Crop(*(max(0, round(side)) for side in sides))
        if length < _HEADER:
            break
        at += length
    return None
