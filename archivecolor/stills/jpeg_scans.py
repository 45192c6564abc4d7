"""A color JPEG whose luma is, bit for bit, that of another: the source's compressed bits are copied, not coded anew.

ITU-T T.81 lets each component have scans of its own, and the blocks of a component's own scan come in the order that
they have in a gray picture. So the luma's scans, as `jpeg_luma` takes them out of the source, serve in a frame of three
components, and those of two gray pictures, Cb and Cr, follow. Nothing of the luma is decoded on the way.
"""

from __future__ import annotations

import io
import re
import struct
import warnings
from collections.abc import Iterable, Iterator
from typing import Any, Final

import cv2
import numpy as np
from PIL import Image

from archivecolor.color import UIntArray
from archivecolor.stills.jpeg_huffman import Unreadable
from archivecolor.stills.jpeg_luma import Luma, luma_scans
from archivecolor.stills.jpeg_markers import APP0, COM, DQT, DRI, FRAMES, SOS, segments
from archivecolor.stills.still import Planes

_LUMA, _CB, _CR = 1, 2, 3
_ONE_TO_ONE: Final = 0x11
_LAST_APP: Final = 0xEF
_LARGE: Final = 4_000_000
"""Pixels from which on the chroma is longer than `_OTHER_BITS` and than what libjpeg looks ahead."""
_RESTART: Final = re.compile(rb"\xff[\xd0-\xd7]")
_OTHER_BITS: Final = b"\x7b" * 4096


def splice(luma: Luma, picture: Planes, chroma_table: list[int], options: dict[str, Any], header: bytes = b"") -> bytes:
    """Lay the chroma of a picture beside the luma of a JPEG.

    ``options`` are Pillow's and say what metadata to write; ``header`` takes the place of its JFIF segment. Raises
    `Unreadable` where the two are not of one size.
    """
    if luma.size != struct.pack(">HH", *picture.luma.shape):
        raise Unreadable("its size is not the picture's")
    progressive = luma.frame == FRAMES[-1]
    planes = [Image.fromarray(plane) for plane in (picture.cb, picture.cr)]
    chroma = [luma_scans(_encode(p, qtables=[chroma_table], progressive=progressive)) for p in planes]
    parts = list(_told(Image.new("RGB", (1, 1)), options, header))
    parts += [(DQT, luma.table), (DQT, _numbered(chroma[0].table, 1))]
    across, down = (1 + half for half in picture.halves)
    sampling = {_LUMA: across << 4 | down, _CB: _ONE_TO_ONE, _CR: _ONE_TO_ONE}
    components = b"".join(bytes((number, factors, number != _LUMA)) for number, factors in sampling.items())
    parts += [(max(luma.frame, *(plane.frame for plane in chroma)), b"\x08" + luma.size + b"\x03" + components)]
    parts += _numbered_scans(luma, _LUMA)
    if any(marker == DRI for marker, _ in luma.scans):
        parts += [(DRI, b"\0\0")]  # restart intervals are the source's, not ours
    parts += [*_numbered_scans(chroma[0], _CB), *_numbered_scans(chroma[1], _CR)]
    return _file(parts)


def luma_of(source: bytes, options: dict[str, Any], header: bytes = b"") -> bytes:
    """The gray JPEG inside a color one, or inside a gray one.

    ``options`` and ``header`` are as for `splice`. Raises what `luma_scans` does.
    """
    luma = luma_scans(source)
    return _gray(luma, b"", _told(Image.new("L", (1, 1)), options, header))


def _gray(luma: Luma, behind: bytes, told: Iterable[tuple[int, bytes]] = ()) -> bytes:
    """A JPEG of that luma alone, with ``behind`` after the codes of its last scan."""
    frame = luma.frame, b"\x08" + luma.size + b"\x01" + bytes((_LUMA, _ONE_TO_ONE, 0))
    *scans, (marker, last) = _numbered_scans(luma, _LUMA)
    return _file([*told, (DQT, luma.table), frame, *scans, (marker, last + behind)])


def _told(image: Image.Image, options: dict[str, Any], header: bytes) -> Iterator[tuple[int, bytes]]:
    """Pillow writes the metadata, of a picture of one pixel."""
    for marker, body in segments(_encode(image, **options)):
        if marker == APP0 and header:
            yield marker, header
        elif marker == COM or APP0 <= marker <= _LAST_APP:
            yield marker, body


def _encode(image: Image.Image, **options: Any) -> bytes:
    coded = io.BytesIO()
    image.save(coded, format="JPEG", **options)
    return coded.getvalue()


def _numbered(table: bytes, number: int) -> bytes:
    return bytes((table[0] & 0xF0 | number,)) + table[1:]


def _numbered_scans(luma: Luma, number: int) -> list[tuple[int, bytes]]:
    return [(marker, body if marker != SOS else body[:1] + bytes((number,)) + body[2:]) for marker, body in luma.scans]


def _file(parts: list[tuple[int, bytes]]) -> bytes:
    return b"\xff\xd8" + b"".join(_coded(marker, body) for marker, body in parts) + b"\xff\xd9"


def _coded(marker: int, body: bytes) -> bytes:
    if marker != SOS:
        return struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body
    return struct.pack(">BBH", 0xFF, marker, 2 + 1 + 2 * body[0] + 3) + body


def keeps(coded: bytes, plane: UIntArray) -> bool:
    """Whether the Y plane of ``coded``, as it was written, is ``plane``.

    A decoder holds the coefficients of all components before it shows a pixel where they have scans of their own. One
    sequential scan means the same by itself, as long as a decoder has no need of what stands behind its last code:
    other bits there make no difference then. That takes half the time. All else is decoded as it stands: restarts and
    progressive scans, for decoders get over damage in them by what comes next, and what is small.
    """
    if plane.size >= _LARGE:
        luma = luma_scans(coded)
        scans = [body for marker, body in luma.scans if marker == SOS]
        if luma.frame != FRAMES[-1] and len(scans) == 1 and not _RESTART.search(scans[0]):
            return not cv2.norm(y_plane(_gray(luma, _OTHER_BITS)), plane, cv2.NORM_INF)
    return np.array_equal(y_plane(coded), plane)


def y_plane(coded: bytes) -> UIntArray:
    """The Y plane of a JPEG."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of EXIF that was damaged in the source, and was told then
        return _y_plane(coded)


def _y_plane(coded: bytes) -> UIntArray:
    with Image.open(io.BytesIO(coded)) as image:
        image.draft("L", image.size)
        return np.asarray(image if image.mode == "L" else image.convert("L"))
