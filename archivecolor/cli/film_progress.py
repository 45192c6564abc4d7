"""How far a film is: in its own time, with frames a second and what is left."""

from __future__ import annotations

import sys
import time
from collections import deque
from collections.abc import Sequence
from types import TracebackType
from typing import Final, Self

from archivecolor.cli.console import clear_line, log, show_line
from archivecolor.errors import UsageError
from archivecolor.jobs.records import TimedConfidence
from archivecolor.text import clock, duration

_PLAIN_EVERY_S: Final = 30.0
_LIVE_EVERY_S: Final = 0.25
_WINDOW_S: Final = 60.0


def parse_time(text: str | None) -> float | None:
    """Seconds of '90', '1:30' or '0:01:30.5'. Raises `UsageError`."""
    if text is None:
        return None
    try:
        parts = [float(part) for part in text.split(":")]
    except ValueError:
        parts = []
    if not 1 <= len(parts) <= 3 or any(not 0 <= p < float("inf") for p in parts):
        raise UsageError(f"'{text}' is no time", hint="give seconds, or hours:minutes:seconds")
    seconds = 0.0
    for part in parts:
        seconds = seconds * 60 + part
    return seconds


def tell_least_sure(shots: Sequence[TimedConfidence]) -> None:
    """Say where in a film to look first, if anywhere."""
    if shots:
        told = ", ".join(f"{clock(shot.start_s)} ({shot.confidence:.0%})" for shot in shots)
        log.info("least sure of the colours in the shots from %s", told)


class FilmProgress:
    """One line on a terminal, kept up to date; elsewhere a line every 30 seconds."""

    def __init__(self, doing: str, *, rate: float = 1.0, quiet: bool) -> None:
        """Show the progress of what is being done to a film of ``rate`` frames a second."""
        self._doing, self._rate = doing, rate
        self._quiet = quiet
        self._live = sys.stderr.isatty()
        self._began = self._spoke = time.monotonic()
        self._done: int | None = None
        self._recent: deque[tuple[float, int]] = deque()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live and not self._quiet:
            clear_line()

    def frames(self, done: int, total: int) -> None:
        """So many frames are done of so many; what was done at the first call is not counted as speed."""
        now = time.monotonic()
        self._recent.append((now, 0 if self._done is None else done - self._done))
        self._done = done
        while self._recent[0][0] < now - _WINDOW_S:
            self._recent.popleft()
        if not self._due(now):
            return
        speed = sum(n for _, n in self._recent) / max(1e-3, min(now - self._began, _WINDOW_S))
        left = duration((total - done) / speed) if speed else "unknown"
        at, end = (clock(n / self._rate) for n in (done, total))
        self._say(f"{self._doing} {at} of {end}, {speed:.1f} fps, {left} left")

    def share(self, done: float) -> None:
        """So much (0..1) is done, where frames are not counted yet."""
        now = time.monotonic()
        if self._due(now):
            left = duration((now - self._began) * (1 - done) / done) if done else "unknown"
            self._say(f"{self._doing} {done:.0%}, {left} left")

    def _due(self, now: float) -> bool:
        if self._quiet or now - self._spoke < (_LIVE_EVERY_S if self._live else _PLAIN_EVERY_S):
            return False
        self._spoke = now
        return True

    def _say(self, line: str) -> None:
        show_line(line, live=self._live)
