"""The luma of a JPEG as scans of its own, its compressed bits copied: nothing is decoded to pixels or coefficients.

Scans that hold luma alone are copied as they are. Where luma and chroma share a scan, the luma's blocks are taken out
of it: each keeps the bits of its AC coefficients; its DC value, coded as the difference to the block before, is coded
anew, for blocks come in another order now (ITU-T T.81, A.2: in a scan of one component row by row, without those that
only fill up the last column and row of units). Huffman-coded JPEGs of 8 bit, sequential and progressive, of every
sampling.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import numpy.typing as npt

from archivecolor.stills import jpeg_bits
from archivecolor.stills.jpeg_huffman import Ints, Reader, Table, Unreadable, joined
from archivecolor.stills.jpeg_markers import (
    APP0,
    APP14,
    DHT,
    DQT,
    DRI,
    FRAMES,
    OTHER_FRAMES,
    SOS,
    divisors,
    huffman_tables,
    segments,
)

_RESTART: Final = re.compile(rb"\xff+[\xd0-\xd7]")
_YCBCR: Final = 1

# T.81, table K.3: lengths of the codes for DC differences of 0 to 11 bits
_DC: Final = Table(bytes((0, 1, 5, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0)), bytes(range(12)))


class NotCopiedError(Exception):
    """Why the luma of a JPEG cannot be copied, as half a sentence."""


@dataclass(frozen=True, slots=True)
class Component:
    """As a frame header describes it."""

    name: int
    across: int
    down: int
    """Sampling factors."""
    table: int
    """Of quantization."""


@dataclass(frozen=True, slots=True)
class Luma:
    """What a JPEG of one component is made of."""

    frame: int
    """Its marker."""
    size: bytes
    """Height and width as the frame header has them."""
    table: bytes
    """The quantization table, led by its precision, with number 0."""
    scans: tuple[tuple[int, bytes], ...]
    """Markers and bodies from the first Huffman table to the last scan, in the order that a decoder needs."""


@dataclass(slots=True)
class _State:
    """What the segments of a JPEG have said so far."""

    frame: int = 0
    head: bytes = b""
    components: list[Component] = field(default_factory=list)
    divisors: dict[int, bytes] = field(default_factory=dict)
    codes: dict[int, Table] = field(default_factory=dict)
    """Huffman tables by class and number, as DHT has them: 16 and above are for AC."""
    interval: int = 0
    written: dict[int, Table] = field(default_factory=dict)
    """Huffman tables of the luma's scans up to here."""
    written_interval: int = 0
    jfif: bool = False
    transform: int | None = None
    """Adobe's; None where it says nothing."""


def luma_scans(data: bytes) -> Luma:
    """The luma of a JPEG. Raises `NotCopiedError`, and `ValueError` and the like where it is damaged."""
    state, table = _State(), b""
    scans: list[tuple[int, bytes]] = []
    for marker, body in segments(data):
        if marker != SOS:
            _note(state, marker, body)
            continue
        if not state.components:
            raise Unreadable("a scan stands before the frame")
        names = [body[1 + 2 * i] for i in range(body[0])]
        if state.components[0].name in names:
            table = table or state.divisors[state.components[0].table]
            scans += _scan(state, body, names)
    if not scans:
        raise Unreadable("there is no luma in it")
    return Luma(state.frame, state.head[1:5], bytes((table[0] & 0xF0,)) + table[1:], tuple(scans))


def _note(state: _State, marker: int, body: bytes) -> None:
    """Take in what comes before a scan."""
    if marker == DQT:
        state.divisors |= divisors(body)
    elif marker == DHT:
        state.codes |= dict(huffman_tables(body))
    elif marker == DRI:
        state.interval = struct.unpack(">H", body[:2])[0]
    elif marker == APP0 and body.startswith(b"JFIF\0"):
        state.jfif = True
    elif marker == APP14 and body.startswith(b"Adobe") and len(body) >= 12:
        state.transform = body[11]
    elif marker in FRAMES or marker in OTHER_FRAMES:
        _begin(state, marker, body)


def _begin(state: _State, marker: int, body: bytes) -> None:
    """Take the frame header in."""
    if marker not in FRAMES:
        raise NotCopiedError("its kind of coding")
    if state.frame or body[0] != 8 or body[1:3] == b"\0\0" or len(body) < 6 + 3 * body[5]:
        raise Unreadable("its frame header is wrong")
    state.frame, state.head = marker, body
    parts = [body[6 + 3 * i : 9 + 3 * i] for i in range(body[5])]
    found = [Component(part[0], part[1] >> 4, part[1] & 15, part[2]) for part in parts]
    if len(found) == 1:
        found = [Component(found[0].name, 1, 1, found[0].table)]  # alone its sampling means nothing
    elif not _is_ycbcr(state, found):
        raise NotCopiedError("it is not coded in Y'CbCr")
    if not all(1 <= c.across <= 4 and 1 <= c.down <= 4 for c in found):
        raise Unreadable("its sampling is wrong")
    luma = found[0]
    if luma.across < max(c.across for c in found) or luma.down < max(c.down for c in found):
        raise NotCopiedError("its luma is coarser than its chroma")
    state.components = found


def _is_ycbcr(state: _State, components: list[Component]) -> bool:
    """What libjpeg makes of three components (jdapimin.c)."""
    if len(components) != 3:
        return False
    if state.jfif:
        return True
    if state.transform is not None:
        return state.transform == _YCBCR
    return bytes(c.name for c in components) != b"RGB"


def _scan(state: _State, body: bytes, names: list[int]) -> Iterator[tuple[int, bytes]]:
    """One scan with luma in it, as markers and bodies of scans of luma alone."""
    number = names.index(state.components[0].name)
    chosen = body[2 + 2 * number]
    spectrum = body[1 + 2 * len(names) : 4 + 2 * len(names)]
    coded = body[4 + 2 * len(names) :]
    if len(spectrum) < 3:
        raise Unreadable("a scan has no header")
    first, last, places = spectrum
    refines = places >> 4 > 0
    needs = {0: chosen >> 4} if first == 0 and not refines else {}
    needs |= {16: chosen & 15} if last > 0 else {}
    interval = state.interval
    tables = {kind: state.codes[kind + table] for kind, table in needs.items()}
    if 0 in needs and 0 in state.written:
        raise Unreadable("its DC values come twice")
    if len(names) > 1:
        coded = _own_scan(state, body, names, coded, refines=refines)
        interval = 0
        if not refines:
            tables[0] = _DC
    for kind, table in tables.items():
        if state.written.get(kind) != table:
            yield DHT, bytes((kind,)) + table.counts + table.symbols
    if state.written_interval != interval:
        yield DRI, struct.pack(">H", interval)
    state.written |= tables
    state.written_interval = interval
    yield SOS, bytes((1, 0, 0)) + spectrum + coded


def _own_scan(state: _State, body: bytes, names: list[int], coded: bytes, *, refines: bool) -> bytes:
    """The coded bits of the luma in a scan that it shares."""
    by_name = {c.name: c for c in state.components}
    inside = [by_name[name] for name in names]
    dc_only = state.frame == FRAMES[-1]
    height, width = struct.unpack(">HH", state.head[1:5])
    down, across = (max(getattr(c, side) for c in state.components) for side in ("down", "across"))
    units = (-(-height // (8 * down)), -(-width // (8 * across)))
    before = names.index(state.components[0].name)
    skip = sum(c.across * c.down for c in inside[:before])
    blocks = sum(c.across * c.down for c in inside)
    luma = slice(skip, skip + state.components[0].across * state.components[0].down)
    total = units[0] * units[1]
    each = state.interval or total
    parts = [part.replace(b"\xff\0", b"\xff") for part in (_RESTART.split(coded) if state.interval else [coded])]
    if len(parts) != -(-total // each):
        raise Unreadable("it has not as many restarts as it says")
    counts = [min(each, total - i) for i in range(0, total, each)]

    def in_rows(values: Ints) -> Ints:
        """From units of blocks to rows of blocks, without those that only fill up."""
        grid: Ints = values.reshape(*units, state.components[0].down, state.components[0].across)
        rows = grid.transpose(0, 2, 1, 3).reshape(units[0] * grid.shape[2], units[1] * grid.shape[3])
        return rows[: -(-height // 8), : -(-width // 8)].ravel()

    if refines:
        bits = [_first_bits(part, count * blocks) for part, count in zip(parts, counts, strict=True)]
        return jpeg_bits.packed(in_rows(np.concatenate(bits).reshape(total, blocks)[:, luma]))
    order = [
        (state.codes[body[2 + 2 * i] >> 4], None if dc_only else state.codes[16 + (body[2 + 2 * i] & 15)])
        for i, c in enumerate(inside)
        for _ in range(c.across * c.down)
    ]
    begins, ends = _luma_blocks(order, parts, counts, luma)
    source = np.frombuffer(joined(parts), np.uint8)
    differences, read = jpeg_bits.differences(source, begins, order[skip][0])
    starts = np.cumsum([0, *counts[:-1]]) * (luma.stop - luma.start)
    values = in_rows(_summed(differences, starts))
    codes, bits_of_codes = jpeg_bits.coded(np.diff(values, prepend=0), _DC)
    rest = in_rows(begins + read)
    return jpeg_bits.woven(codes, bits_of_codes, source, rest, in_rows(ends) - rest)


def _first_bits(part: bytes, count: int) -> npt.NDArray[np.int64]:
    if len(part) * 8 < count:
        raise Unreadable("a scan ends early")
    return np.unpackbits(np.frombuffer(part, np.uint8), count=count).astype(np.int64)


def _luma_blocks(
    order: list[tuple[Table, Table | None]], parts: list[bytes], counts: list[int], luma: slice
) -> tuple[Ints, Ints]:
    """Where each of the luma's blocks begins and ends, in bits."""
    blocks = len(order)
    # Where all blocks use the same tables, nothing else tells which of them is which
    period = next(n for n in range(1, blocks + 1) if blocks % n == 0 and order == order[:n] * (blocks // n))
    begins, ends = [], []
    for places, count in zip(Reader(order[:period]).starts(parts), counts, strict=True):
        if len(places) <= count * blocks:
            raise Unreadable("a scan ends early or is damaged")
        begins.append(places[: count * blocks].reshape(count, blocks)[:, luma].ravel())
        ends.append(places[1 : count * blocks + 1].reshape(count, blocks)[:, luma].ravel())
    return np.concatenate(begins), np.concatenate(ends)


def _summed(differences: Ints, starts: Ints) -> Ints:
    """Running sums that begin anew at ``starts``."""
    sums = np.cumsum(differences)
    before = np.where(starts > 0, sums[starts - 1], 0)
    summed: Ints = sums - np.repeat(before, np.diff(starts, append=len(differences)))
    return summed
