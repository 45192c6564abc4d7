"""The portable maps of Netpbm: PBM, PGM and PPM in, PPM out, at 8 and at 16 bit.

A header of text and bare samples, so no library is needed; Pillow's reads 16-bit color as 8 bit. The samples' largest
value may be any number up to 65535; results go up to 255 or 65535.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from archivecolor.color import UIntArray
from archivecolor.errors import InputError
from archivecolor.settings import OutputSettings, StillFormat
from archivecolor.stills.still import Encoded, Metadata, Pixels, Still, StillInfo

_LONGEST_HEADER: Final = 1 << 16
_BITMAPS: Final = (b"P1", b"P4")
_COLOR: Final = (b"P3", b"P6")
_BINARY: Final = (b"P5", b"P6")
_COMMENT_OR_NUMBER: Final = re.compile(rb"\s*(?:#([^\n]*)\n|(\d{1,9})(?=\s))")


def probe(path: Path) -> StillInfo:
    """Size and depth from the header."""
    header = _header(path)
    return StillInfo(StillFormat.PNM, header.width, header.height, 16 if header.top > 255 else 8)


@dataclass(frozen=True, slots=True)
class _Header:
    kind: bytes
    width: int
    height: int
    top: int
    """The samples' largest value."""
    comment: bytes
    end: int
    """Where the samples begin."""


def _header(path: Path) -> _Header:
    with path.open("rb") as f:
        head = f.read(_LONGEST_HEADER)
    kind, comments, at = head[:2], [], 2
    numbers: list[int] = []
    wanted = 2 if kind in _BITMAPS else 3
    while len(numbers) < wanted:
        match = _COMMENT_OR_NUMBER.match(head, at)
        if match is None:
            raise InputError(f"{path}: its header is damaged", hint="restore it from a copy")
        at = match.end()
        if match[2]:
            numbers.append(int(match[2]))
        else:
            comments.append(match[1].strip())
    top = numbers[2] if wanted == 3 else 1
    if not 0 < top < 1 << 16:
        raise InputError(f"{path}: its samples go up to {top}", hint="convert it to 8 or 16 bit")
    return _Header(kind, numbers[0], numbers[1], top, b"\n".join(comments), at + 1)


def read(path: Path, info: StillInfo, page: int) -> Still:
    """Decode."""
    header = _header(path)
    samples = _samples(path, header)
    full = 65535 if info.bits == 16 else 255
    if header.top != full:
        samples = _scaled(samples, header.top, full)
    pixels = Pixels(samples) if samples.ndim == 2 else Pixels.of_rgb(samples)
    metadata = Metadata(comment=header.comment or None)
    return Still(path, info, pixels, metadata=metadata)


def _samples(path: Path, header: _Header) -> UIntArray:
    """``[h, w]`` or ``[h, w, 3]``, as stored; of bitmaps 1 is white."""
    with path.open("rb") as f:
        f.seek(header.end)
        body = f.read()
    shape = (header.height, header.width, 3) if header.kind in _COLOR else (header.height, header.width)
    depth = np.dtype(np.uint16 if header.top > 255 else np.uint8)
    if header.kind == b"P4":
        rows = np.frombuffer(body, np.uint8, header.height * ((header.width + 7) // 8)).reshape(header.height, -1)
        samples = np.unpackbits(rows, axis=1)[:, : header.width]
    elif header.kind in _BINARY:
        samples = np.frombuffer(body, depth.newbyteorder(">"), math.prod(shape)).reshape(shape).astype(depth)
    else:
        numbers = re.findall(rb"[01]" if header.kind == b"P1" else rb"\d+", body)[: math.prod(shape)]
        samples = np.array(numbers, dtype=np.int64)
        samples = np.clip(samples, 0, header.top).reshape(shape).astype(depth)
    return 1 - samples if header.kind in _BITMAPS else samples


def _scaled(samples: UIntArray, top: int, full: int) -> UIntArray:
    """Samples in 0..top as samples in 0..full."""
    wide = samples.astype(np.uint32)
    return np.minimum((wide * full + top // 2) // top, full).astype(samples.dtype)


def encode(rgb: UIntArray, alpha: UIntArray | None, still: Still, output: OutputSettings) -> Encoded:
    """Encode as a binary PPM (P6), or gray as a PGM (P5)."""
    lines = (still.metadata.comment or b"").splitlines()
    comment = b"".join(b"# " + line + b"\n" for line in lines)
    top = np.iinfo(rgb.dtype).max
    kind = b"P5" if rgb.ndim == 2 else b"P6"
    header = kind + b"\n" + comment + b"%d %d\n%d\n" % (rgb.shape[1], rgb.shape[0], top)
    samples = np.ascontiguousarray(rgb if rgb.dtype == np.uint8 else rgb.astype(">u2"))
    return Encoded([header, samples.data.cast("B")])
