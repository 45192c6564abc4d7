"""Where the blocks of a Huffman-coded JPEG scan begin, without decoding one of them to coefficients.

A scan is one long sequence of codes: where the next begins is known only when the one before has been read. Read code
by code in Python that takes half a second a megapixel. But a reader that starts anywhere soon falls into step with the
right reading (Klein and Wiseman, 'Parallel Huffman decoding', 2003; for JPEG: Weissenberger and Schmidt, 2021): so the
scan is cut into lanes that NumPy reads side by side, and each is then read on into the next one until both agree.
What counts in the end is only what hangs together from the scan's first bit on; where lanes do not agree, it is read
code by code. That takes 20 ms a megapixel.

A reader's state is the block in the period of tables and the next coefficient in the block. Codes are looked up in
16 bits at a time, several of them at once where they fit (ITU-T T.81, F.2.2 and annex C).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]

_WINDOW: Final = 1 << 16
_LANE_BITS: Final = 4096
_LANES: Final = 1024
"""Read side by side: bounds the memory, whatever the size of the file."""
_FEW: Final = 48
"""Lanes that are quicker read one by one."""
_MOST_STEPS: Final = 2_000_000
"""Read one by one at most, which takes two seconds."""
PAD_BYTES: Final = 8
"""Behind each part of a scan, so that looking ahead stays inside the array."""
_LONGEST_DC: Final = 11
"""Bits of a difference of DC values at 8 bit (T.81, table F.1)."""

# An entry of a table: 5 bits say how many bits are read, 5 how many coefficients, 1 whether the block ends
_TAKEN, _ENDS = 31, 1 << 10
_WRONG = 1
"""An entry for bits that are no code: no coefficient, one bit."""
_LOST: Final = 100
"""From here on the kind of a state after what is no code; else it is the block that begins, or negative within one."""

# A state's follower: 6 bits are all set where what was read counts, the state is above them
_STATE, _COUNTS = 6, 31


@dataclass(frozen=True, slots=True)
class Table:
    """A Huffman table: for each length of 1 to 16 bits the number of codes, and all codes' symbols."""

    counts: bytes
    symbols: bytes

    @property
    def lengths(self) -> Ints:
        """Of each symbol's code, in bits."""
        return np.repeat(np.arange(1, 17), np.frombuffer(self.counts, np.uint8))


class Unreadable(ValueError):
    """The scan is not what its headers say: damaged, or coded in a way that is not known here."""


def singles(table: Table, *, dc: bool) -> npt.NDArray[np.uint16]:
    """The first code in each of the 65,536 windows: bits, coefficients and end, as one entry. Raises `Unreadable`."""
    lengths = table.lengths
    symbols = np.frombuffer(table.symbols, np.uint8).astype(np.int64)
    spans = 1 << 16 - lengths
    if len(symbols) != len(lengths) or spans.sum() > _WINDOW:
        raise Unreadable("a Huffman table holds more codes than there are")
    size, run = symbols & 15, symbols >> 4
    if dc:
        entries = np.where(symbols <= _LONGEST_DC, lengths + symbols & _TAKEN | 1 << 5, _WRONG)
    else:
        ends = (size == 0) & (run != 15)
        entries = np.where(ends, lengths | _ENDS, lengths + size | run + 1 << 5)
    whole = np.full(_WINDOW, _WRONG, np.uint16)
    whole[: spans.sum()] = np.repeat(entries, spans)
    return whole


def _followed(first: npt.NDArray[np.uint16], then: npt.NDArray[np.uint16]) -> npt.NDArray[np.uint16]:
    """What a window holds if ``then`` reads on behind ``first``, where that fits into the window."""
    one = first.astype(np.int32)
    bits = one & _TAKEN
    two = then.take(np.arange(_WINDOW, dtype=np.int32) << bits & _WINDOW - 1).astype(np.int32)
    both = one + two
    fits = (bits + (two & _TAKEN) <= 16) & (one < _ENDS) & (one > _TAKEN) & (two > _TAKEN)
    fits &= (one >> 5) + (two >> 5 & _TAKEN) <= _TAKEN
    return np.where(fits, both, one).astype(np.uint16)


@lru_cache(maxsize=8)
def _tables(dc: Table, ac: Table | None) -> npt.NDArray[np.uint16]:
    """Four windows' tables: a block's first codes, others, and both for one code alone."""
    first = singles(dc, dc=True)
    if ac is None:  # of a progressive JPEG's DC scan, whose blocks are one code
        return np.concatenate([first] * 4)
    single = singles(ac, dc=False)
    several = _followed(_followed(single, single), single)
    begun = _followed(first, several)
    begun = np.where(begun == first, _followed(first, single), begun)
    return np.concatenate((begun, _followed(several, single), first, single))


class Reader:
    """Reads scans whose blocks use ``order``'s pairs of DC and AC tables in turn. Raises `Unreadable`."""

    def __init__(self, order: list[tuple[Table, Table | None]]) -> None:
        pairs = list(dict.fromkeys(order))
        self._tables = np.concatenate([_tables(*pair) for pair in pairs])
        blocks, states = len(order), len(order) * 64
        self._single = states
        # After what is no code a reader begins a block, so that a lane that began wrongly may come right
        self._lost = 2 * states
        kinds = np.array([4 * pairs.index(pair) for pair in order])
        base = np.repeat(kinds, 64) + (np.arange(states) % 64 > 0)
        self._base = np.concatenate((base, base + 2, [base[0]])) * _WINDOW
        self.kinds = np.full(2 * states + 1, -2, np.int8)
        self.kinds[np.arange(0, states, 64)] = np.arange(blocks)
        self.kinds[-1] = _LOST
        # Two readers meet where both begin the same block: other states are no meetings, though both are in one
        self.kinds_on = np.where(self.kinds < 0, -3, self.kinds).astype(np.int8)
        self.kinds_on[-1] = _LOST + 1
        self._next = self._followers([ac is None for _, ac in order])
        self.views = self._tables.data, self._base.data, self._next.data, self.kinds_on.data

    def _followers(self, short: list[bool]) -> Ints:
        """The state after each state and code."""
        blocks = len(short)
        block, at, code = np.ogrid[:blocks, :64, :64]
        ends, coefficient = code >> 5 > 0, at + (code & _TAKEN)
        after = (block + 1) % blocks * 64
        within = np.where(ends | (coefficient == 64) | np.array(short)[:, None, None], after, block * 64 + coefficient)
        beyond = (coefficient > 64) | ends & (coefficient > 63)
        lost = (self._lost << _STATE | _COUNTS) + 0 * code
        counted = np.where(code == 0, lost, within << _STATE | _COUNTS)
        several = np.where(beyond, self._single + block * 64 + at << _STATE, counted)
        alone = np.where(beyond, lost, counted)
        rows = [part.reshape(-1, 64) for part in np.broadcast_arrays(several, alone)]
        return np.concatenate((*rows, rows[0][:1])).ravel()

    def starts(self, parts: list[bytes]) -> list[Ints]:
        """Where the blocks of each part begin, in bits from the beginning of `joined`.

        Behind its last block a part has bits that are none: more places than blocks come back, and the one behind the
        last block is that block's end. A part ends where it holds what is no code.
        """
        data = np.frombuffer(joined(parts), np.uint8)
        begins = np.cumsum([0, *(len(part) + PAD_BYTES for part in parts)])[:-1] * 8
        ends = begins + np.array([len(part) * 8 + 1 for part in parts])
        lanes = -(-(ends - begins) // _LANE_BITS)
        within = np.arange(lanes.sum()) - np.repeat(np.cumsum(lanes) - lanes, lanes)
        first = np.repeat(begins, lanes) + within * _LANE_BITS
        last = np.minimum(first + _LANE_BITS, np.repeat(ends, lanes))
        group = _Group(self, data)
        found = [
            group.read(*(part[i : i + _LANES] for part in (first, last, within == 0)))
            for i in range(0, len(first), _LANES)
        ]
        places = np.concatenate(found)
        return [_sound(part) for part in np.split(places, np.searchsorted(places, 2 * begins)[1:])]

    def step(self, windows: npt.NDArray[np.uint16], at: Ints, state: Ints, index: Ints) -> tuple[Ints, Ints]:
        """One look-up of every lane: places and states after it. ``index`` is the state without its lowest bits."""
        entry = self._tables.take(self._base.take(index) + windows.take(at))
        state = self._next.take((state & -64) + (entry >> 5))
        return at + (entry & state & _TAKEN), state


class _Group:
    """Lanes of a scan, side by side: those of the next group go on where these ended."""

    def __init__(self, reader: Reader, data: npt.NDArray[np.uint8]) -> None:
        self._reader, self._data = reader, data
        self._end = (0, 0)
        self._walked = 0

    def read(self, first: Ints, last: Ints, fresh: npt.NDArray[np.bool_]) -> Ints:
        """Twice the places of the blocks between ``first`` and ``last``, and one more where there is no code."""
        origin = int(first[0]) & -8
        at, state = first - origin, np.full(len(first), _COUNTS)
        if not fresh[0]:
            at[0], state[0] = self._end[0] - origin, self._end[1]
        self._seen = np.full(last[-1] - origin + 64, -1, np.int8)
        self._again = self._seen.copy()
        self._ahead = _windows(self._data[origin >> 3 : (int(last[-1]) >> 3) + PAD_BYTES])
        first, last = first - origin, last - origin
        self._read_alone(at, state, last)
        met, at_2, state_2 = self._read_on(at, state, last, fresh)
        self._end = self._tie(first, last, fresh, (at, state), (met, at_2, state_2))
        self._end = (self._end[0] + origin, self._end[1])
        places = np.flatnonzero(self._seen >= 0)
        return 2 * (places + origin) + (self._seen[places] >= _LOST)

    def _read_alone(self, at: Ints, state: Ints, last: Ints) -> None:
        """Each lane by itself, from where it begins to where the next one does; ``at`` and ``state`` move on."""
        lane, p, s, end = np.arange(len(at)), at, state, last
        while len(p):
            done = p >= end
            if np.count_nonzero(done):
                at[lane[done]], state[lane[done]] = p[done], s[done]
                lane, p, s, end = (part[~done] for part in (lane, p, s, end))
            index = s >> _STATE
            self._seen[p] = self._reader.kinds.take(index)
            p, s = self._reader.step(self._ahead, p, s, index)

    def _read_on(self, at: Ints, state: Ints, last: Ints, fresh: npt.NDArray[np.bool_]) -> tuple[Ints, Ints, Ints]:
        """Each lane on into the next one: where the two meet, or -1 and the place and state that it came to."""
        met, at, state = np.full(len(at), -1), at.copy(), state.copy()
        lane = np.flatnonzero(~fresh[1:])
        p, s, end = at[lane], state[lane], last[lane + 1]
        while len(p) > _FEW:
            index = s >> _STATE
            kind = self._reader.kinds_on.take(index)
            meets = self._seen.take(p) == kind
            done = meets | (p >= end)
            if np.count_nonzero(done):
                meets &= p < end
                met[lane[meets]] = p[meets]
                at[lane[done]], state[lane[done]] = p[done], s[done]
                lane, p, s, end, index, kind = (part[~done] for part in (lane, p, s, end, index, kind))
            self._again[p] = kind
            p, s = self._reader.step(self._ahead, p, s, index)
        at[lane], state[lane] = p, s
        return met, at, state

    def _tie(
        self,
        first: Ints,
        last: Ints,
        fresh: npt.NDArray[np.bool_],
        alone: tuple[Ints, Ints],
        on: tuple[Ints, Ints, Ints],
    ) -> tuple[int, int]:
        """Keep in ``_seen`` what hangs together from the beginning on; returns place and state at the end."""
        firsts, lasts, begins, met = first.tolist(), last.tolist(), fresh.tolist(), on[0].tolist()
        ends_on = list(zip(on[1].tolist(), on[2].tolist(), strict=True))
        loose: tuple[int, int] | None = None
        for i in range(1, len(firsts)):
            if begins[i]:
                loose = None
                continue
            meeting = met[i - 1]
            if loose is not None:
                self._again[firsts[i] : lasts[i]] = -1
                meeting, loose = self._walk(*loose, lasts[i])
            elif meeting < 0:
                meeting, loose = self._walk(*ends_on[i - 1], lasts[i])
            upto = lasts[i] if meeting < 0 else meeting
            self._seen[firsts[i] : upto] = self._again[firsts[i] : upto]
        return loose or (int(alone[0][-1]), int(alone[1][-1]))

    def _walk(self, at: int, state: int, end: int) -> tuple[int, tuple[int, int] | None]:
        """Read code by code up to where a lane is met, or ``end``: returns the meeting, or where it came to."""
        tables, base, follow, kinds = self._reader.views
        ahead, seen, again = self._ahead.data, self._seen.data, self._again.data
        while at < end:
            index = state >> _STATE
            kind = kinds[index]
            if seen[at] == kind:
                return at, None
            again[at] = kind
            entry = tables[base[index] + ahead[at]]
            state = follow[(state & -64) + (entry >> 5)]
            at += entry & state & _TAKEN
            self._walked += 1
        if self._walked > _MOST_STEPS:
            raise Unreadable("its codes never fall into step")
        return -1, (at, state)


def _windows(data: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint16]:
    """The 16 bits from each bit on; the last bytes serve as what is ahead."""
    wide = data[:-2].astype(np.uint32) << 16 | data[1:-1].astype(np.uint32) << 8 | data[2:]
    windows = np.empty((len(wide), 8), np.uint16)
    for bit in range(8):
        windows[:, bit] = wide >> (8 - bit)
    return windows.ravel()


def joined(parts: list[bytes]) -> bytes:
    """The parts of a scan between restarts, each with bits behind it that belong to none."""
    return b"".join(part + b"\xff" * PAD_BYTES for part in parts)


def _sound(places: Ints) -> Ints:
    """Up to what is no code: those places are negative."""
    wrong = np.flatnonzero(places & 1)
    return (places[: wrong[0]] if len(wrong) else places) >> 1
