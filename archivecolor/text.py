"""Names, times and durations as people read them."""

from __future__ import annotations

import os
from pathlib import Path


def printable(text: str | Path) -> str:
    """Any file name on one line: control characters and undecodable bytes as escapes."""
    raw = os.fspath(text)
    if raw.isprintable():
        return raw
    return "".join(c if c.isprintable() else c.encode("unicode_escape", "surrogatepass").decode() for c in raw)


def duration(seconds: float) -> str:
    """Seconds for people: '3 h 05 min'."""
    minutes, s = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes:02d} min"
    return f"{minutes} min {s:02d} s" if minutes else f"{s} s"


def clock(seconds: float) -> str:
    """A time in a film: '0:01:23.40'."""
    hundredths = round(seconds * 100)
    minutes, rest = divmod(hundredths, 6000)
    return f"{minutes // 60}:{minutes % 60:02d}:{rest / 100:05.2f}"
