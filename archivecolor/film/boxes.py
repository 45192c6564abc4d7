"""What an MP4 or MOV holds in boxes that libavformat neither reads nor writes: a GoPro's GPMF, the XML of a camera.

Boxes that say how the film itself is stored are left out, and so are those whose text is among the film's tags.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import BinaryIO, Final, NamedTuple

from archivecolor.film.about import XMP_BOX
from archivecolor.film.origin import open_film
from archivecolor.text import printable

_HEADER: Final = 8
_PARENTS: Final = {b"moov", b"trak", b"udta"}
_STRUCTURE: Final = {
    *(b"ftyp", b"styp", b"mdat", b"free", b"skip", b"wide", b"pnot", b"pdin", b"prft"),
    *(b"moof", b"mfra", b"sidx", b"ssix", b"mvhd", b"mvex", b"iods", b"cmov", b"rmra"),
    *(b"tkhd", b"mdia", b"edts", b"tref", b"tapt", b"clip", b"load", b"imap", b"matt", b"kmat"),
}
"""Of the film's own storage, and what is compared elsewhere."""
_READ: Final = {b"chpl", b"hnti", b"loci", b"yrrc"}
"""Of user data: what libavformat reads into something that no text is found by."""
_ROLES: Final = (b"urn:mpeg:dash:role:2011", b"about:html-kind")
"""Schemes of boxes of kind that it reads, as dispositions."""
_ITS_OWN_META: Final = (b"mdir", b"mdta")
"""Handlers of the lists of tags that it reads."""
_TEXT_CODINGS: Final = ("utf-8", "utf-16-be", "mac_roman")
_MOST_BOXES: Final = 10_000
_DEEPEST: Final = 8
_MOST_BYTES: Final = 1 << 24
"""Of a box, that are compared."""
_TEXT_BYTES: Final = 1 << 16
"""Of a box, in which texts are looked for."""
_NAMED: Final = 8


class Box(NamedTuple):
    """A box that is not read."""

    name: str
    size: int
    """Of its content, in bytes."""
    digest: str


def unread_boxes(path: Path, tags: Iterable[str]) -> frozenset[Box]:
    """The boxes of a film whose tags have these values; nothing of other files and of damaged ones."""
    texts = {text for text in tags if len(text) > 1}
    try:
        with open_film(path) as file:
            head = file.read(_HEADER)
            if head[4:] not in (b"ftyp", b"moov", b"wide", b"mdat", b"free", b"skip"):
                return frozenset()
            found = islice(_walk(file, 0, file.seek(0, 2)), _MOST_BOXES)
            return frozenset(Box(printable(n.decode("latin-1")), s, d) for n, s, d in _unread(file, found, texts))
    except (OSError, struct.error):
        return frozenset()


def in_words(boxes: Iterable[Box]) -> str:
    """Boxes for people."""
    told = [f"'{box.name}' ({box.size:,} bytes)" for box in sorted(boxes)]
    more = f" and {len(told) - _NAMED} more" if len(told) > _NAMED else ""
    return f"what boxes hold that FFmpeg does not read: {', '.join(told[:_NAMED])}{more}"


def _walk(file: BinaryIO, at: int, end: int, depth: int = 0) -> Iterator[tuple[bytes, int, int]]:
    """Name, start and size of the content of each box between two places; of one that holds boxes 0, and these."""
    while at + _HEADER <= end:
        file.seek(at)
        size, name = struct.unpack(">I4s", file.read(_HEADER))
        start = at + _HEADER
        if size == 1:
            size, start = struct.unpack(">Q", file.read(_HEADER))[0], start + _HEADER
        if size < start - at:  # the last one, or the end of a list of user data
            break
        at, last = at + size, min(at + size, end)
        parent = name in _PARENTS and depth < _DEEPEST
        yield name, start, 0 if parent else last - start
        if parent:
            yield from _walk(file, start, last, depth + 1)


def _unread(
    file: BinaryIO, boxes: Iterable[tuple[bytes, int, int]], texts: set[str]
) -> Iterator[tuple[bytes, int, str]]:
    for name, start, size in boxes:
        if name in _STRUCTURE or name in _READ or not size:
            continue
        file.seek(start)
        data = file.read(min(size, _MOST_BYTES))
        own = name == b"meta" and any(kind in data[:64] for kind in _ITS_OWN_META)
        own |= name == b"kind" and any(scheme in data[:64] for scheme in _ROLES)
        if own or (name == b"uuid" and data.startswith(XMP_BOX)) or name == b"XMP_" or not data.strip(b"\0"):
            continue
        head = data[:_TEXT_BYTES]
        if not any(text.encode(coding, "replace") in head for text in texts for coding in _TEXT_CODINGS):
            yield name, size, hashlib.sha256(data).hexdigest()
