"""Time codes (SMPTE 12M): the hours, minutes, seconds and frames that a film's frames are known by.

A time code counts frames at a whole number a second. Film of 29.97 or 59.94 frames a second counts 30 or 60 all the
same, and so falls behind the clock, unless it is drop-frame: then the first two (four) numbers of each minute are left
out but for every tenth. It is written with a ``;`` before the frames.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Final, Self

from av.container import Container

_WRITTEN: Final = re.compile(r"\s*(\d{1,2}):(\d{2}):(\d{2})([:;.,])(\d{2,3})\s*", re.ASCII)
_DROPPING: Final = 30
"""Drop-frame counts this many frames a second, or a multiple."""
_DROPPED: Final = 2
"""Numbers that are left out each minute, of 30 frames a second."""
_FASTEST: Final = 1000
TIMECODE: Final = "timecode"
"""The tag, in small letters; Matroska writes it in capitals."""


@dataclass(frozen=True, slots=True)
class Timecode:
    """The time code of a frame."""

    number: int
    """Frames from 00:00:00:00 on."""
    base: int
    """Frames that are counted a second."""
    drop: bool = False

    @classmethod
    def of(cls, text: str, rate: Fraction) -> Self:
        """Read '01:02:03:04', or with ``;`` drop-frame, of film of ``rate`` frames a second.

        Raises `ValueError` for what is none at that rate: frames beyond a second's, numbers that drop-frame leaves out.
        """
        base = min(_FASTEST, max(1, round(rate)))
        found = _WRITTEN.fullmatch(text)
        if found is None:
            raise ValueError(f"'{text}' is no time code")
        hours, minutes, seconds, frames = (int(found[group]) for group in (1, 2, 3, 5))
        drop = found[4] != ":"
        if hours > 23 or minutes > 59 or seconds > 59 or frames >= base or (drop and base % _DROPPING):
            raise ValueError(f"'{text}' is no time code at {float(rate):.5g} frames a second")
        all_minutes = 60 * hours + minutes
        left_out = _left_out(base) if drop else 0
        if left_out and not seconds and minutes % 10 and frames < left_out:
            raise ValueError(f"'{text}' is left out by drop-frame")
        return cls(
            (60 * all_minutes + seconds) * base + frames - left_out * (all_minutes - all_minutes // 10), base, drop
        )

    def after(self, frames: int) -> Self:
        """That of the frame so many later; midnight follows 23:59:59."""
        minute = 60 * self.base
        day = 24 * (60 * minute - (54 * _left_out(self.base) if self.drop else 0))
        return replace(self, number=(self.number + frames) % day)

    def __str__(self) -> str:
        number = self.number
        if self.drop:
            out = _left_out(self.base)
            minute, ten = 60 * self.base - out, 600 * self.base - 9 * out
            tens, rest = divmod(number, ten)
            number += 9 * out * tens + out * (max(0, rest - out) // minute)
        seconds, frames = divmod(number, self.base)
        minutes, seconds = divmod(seconds, 60)
        hours, minutes = divmod(minutes, 60)
        digits = max(2, len(str(self.base - 1)))
        return f"{hours:02d}:{minutes:02d}:{seconds:02d}{';' if self.drop else ':'}{frames:0{digits}d}"


def _left_out(base: int) -> int:
    return _DROPPED * base // _DROPPING


def timecode_of(container: Container, rate: Fraction) -> Timecode | None:
    """That of an open film's first frame, from a track of time codes or from tags; None where there is none."""
    for text in (*(_tag(stream.metadata) for stream in container.streams), _tag(container.metadata)):
        try:
            return Timecode.of(text, rate)
        except ValueError:
            continue
    return None


def _tag(metadata: dict[str, str]) -> str:
    return next((value for key, value in metadata.items() if key.lower() == TIMECODE), "")
