"""Names, times and durations as people read them."""

from __future__ import annotations

import os
import re
from fractions import Fraction
from pathlib import Path
from typing import Final

from archivecolor.errors import UsageError

_ROUNDED: Final = Fraction(5, 1000)
_NUMBER: Final = re.compile(r"\s*([0-9]+)")


def printable(text: str | Path) -> str:
    """Any file name on one line: control characters and undecodable bytes as escapes."""
    raw = os.fspath(text)
    if raw.isprintable():
        return raw
    return "".join(c if c.isprintable() else c.encode("unicode_escape", "surrogatepass").decode() for c in raw)


def as_people_sort(name: str) -> str:
    """A key by which names sort as people would sort them: 'box 1', 'box2', 'Box 9', 'box 10'.

    Numbers go by their value, before letters; capitals and what is blank before a number do not count, but where names
    are the same else. No two names have the same key.
    """
    return f"{_NUMBER.sub(_by_value, name.casefold())}\0{name}"


def _by_value(number: re.Match[str]) -> str:
    digits = number[1].lstrip("0")
    return chr(1 + len(digits)) + digits  # of two numbers the longer one is the larger one


def counted(number: int, one: str, many: str | None = None) -> str:
    """'1 shot', '2 shots'."""
    return f"{number} {one if number == 1 else many or f'{one}s'}"


def duration(seconds: float) -> str:
    """Seconds for people: '3 h 05 min'."""
    minutes, s = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes:02d} min"
    return f"{minutes} min {s:02d} s" if minutes else f"{s} s"


def roughly(seconds: float) -> str:
    """A duration that is no more than a guess: '3 min', '2 h 30 min'."""
    for step in (10, 60, 600, 1800):
        if seconds < 20 * step:
            return duration(max(1, round(seconds / step)) * step).replace(" 00 s", "")
    return f"{round(seconds / 3600)} h"


def space(size_bytes: int) -> str:
    """An amount of data for people: '1.3 GB'."""
    size = float(size_bytes)
    for unit in ("bytes", "kB", "MB", "GB"):
        if size < 1000:
            return f"{size:.0f} {unit}" if size >= 10 or unit == "bytes" else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} TB"


def clock(seconds: float) -> str:
    """A time in a film: '0:01:23.40'."""
    hundredths = round(seconds * 100)
    minutes, rest = divmod(hundredths, 6000)
    return f"{minutes // 60}:{minutes % 60:02d}:{rest / 100:05.2f}"


def seconds_of(text: str | None) -> float | None:
    """Seconds of '90', '1:30' or '0:01:30.5'. Raises `UsageError`."""
    if text is None:
        return None
    try:
        parts = [float(part) for part in text.split(":")]
    except ValueError:
        parts = []
    if not 1 <= len(parts) <= 3 or any(not 0 <= p < float("inf") for p in parts):
        raise UsageError(f"'{text}' is not a time", hint="give seconds, or hours:minutes:seconds")
    seconds = 0.0
    for part in parts:
        seconds = seconds * 60 + part
    return seconds


def rate_of(text: str | None) -> Fraction | None:
    """Frames a second: '24', '23.976', '24000/1001'; the nearest of television's where it is rounded.

    Raises `UsageError`.
    """
    if text is None:
        return None
    try:
        rate = Fraction(text)
    except (ValueError, ZeroDivisionError) as e:
        raise UsageError(f"'{text}' is no number of frames a second", hint="such as 18, 24 or 24000/1001") from e
    near = [Fraction(whole * 1000, 1001) for whole in (24, 30, 60)]
    return next((r for r in near if abs(rate - r) < _ROUNDED), rate)
