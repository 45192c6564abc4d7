"""Timestamps of frames that a damaged or bare film lacks, or that cannot be: found, and given anew."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from itertools import pairwise
from typing import Final

_MOST_REORDERED: Final = 16
"""Pictures that H.264 may reorder."""
_EVEN: Final = 20
"""Usual distances between frames that pictures may be apart which are merely out of order."""


def are_sound(given: Sequence[int | None]) -> bool:
    """Whether every frame has a timestamp, and each a later one than the frame before it."""
    times = [time for time in given if time is not None]
    return len(times) == len(given) and all(before < now for before, now in pairwise(times))


def repaired(given: Sequence[int | None], step: int) -> tuple[list[int], int]:
    """Strictly rising timestamps for frames in the order in which they are shown, and how many were given anew.

    What is right but for its order is put in order: AVI does not say when pictures are shown, and what is guessed of
    H.264 there has neighbors exchanged. Otherwise as many as possible are kept, and the others lie evenly between them,
    or ``step`` apart where there is nothing on one side.
    """
    rising = _in_order(given)
    if rising:
        return rising, 0
    kept = _longest_rise(given)
    times: list[int] = []
    for place, index in enumerate(kept):
        time = given[index] or 0
        times += _between(times[-1] if times else None, time, index - len(times), step)
        times.append(max(time, times[-1] + 1) if times else time)
        if place == len(kept) - 1:
            times += [times[-1] + step * (i + 1) for i in range(len(given) - len(times))]
    return times or [step * i for i in range(len(given))], len(given) - len(kept)


def _between(before: int | None, after: int, count: int, step: int) -> list[int]:
    """Times of ``count`` frames between two others."""
    if before is None:
        return [after - step * i for i in range(count, 0, -1)]
    room = max(after - before, count + 1)
    return [before + room * (i + 1) // (count + 1) for i in range(count)]


def _longest_rise(given: Sequence[int | None]) -> list[int]:
    """Indices of the most timestamps that rise strictly."""
    ends: list[int] = []  # of the best rise of each length, the index of its last timestamp
    values: list[int] = []
    earlier: list[int | None] = [None] * len(given)
    for index, time in enumerate(given):
        if time is None:
            continue
        length = bisect_left(values, time)
        earlier[index] = ends[length - 1] if length else None
        if length == len(values):
            values.append(time)
            ends.append(index)
        else:
            values[length], ends[length] = time, index
    found: list[int] = []
    at = ends[-1] if ends else None
    while at is not None:
        found.append(at)
        at = earlier[at]
    return found[::-1]


def _in_order(given: Sequence[int | None]) -> list[int] | None:
    """Timestamps that are right but for their order, in order; None where more is wrong with them."""
    times = [time for time in given if time is not None]
    rising = sorted(times)
    if len(times) < len(given) or len(set(times)) < len(times):
        return None
    place = {time: i for i, time in enumerate(rising)}
    moved = max((abs(place[time] - i) for i, time in enumerate(times)), default=0)
    steps = sorted(after - before for before, after in pairwise(rising))
    even = not steps or steps[-1] <= _EVEN * steps[len(steps) // 2]  # a time that leaps is wrong itself
    return rising if moved <= _MOST_REORDERED and even else None
