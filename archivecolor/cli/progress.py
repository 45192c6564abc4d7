"""How far a run is: a live bar or line on a terminal, one plain line every 30 seconds elsewhere."""

from __future__ import annotations

import sys
import time
from collections import deque
from types import TracebackType
from typing import Any, Final, Protocol, Self

from archivecolor.cli.console import clear_line, show_line
from archivecolor.cli.interrupt import Interruption
from archivecolor.runs.listener import Progress, Unit
from archivecolor.text import clock, counted, duration, roughly

_PLAIN_EVERY_S: Final = 30.0
_LIVE_EVERY_S: Final = 0.25
_BUILD_EVERY_S: Final = 10.0
_WINDOW_S: Final = 120.0
"""Rates are those of the last two minutes."""


class Display(Protocol):
    """Shows one stretch of work."""

    def show(self, progress: Progress) -> None:
        """Some more is done."""

    def close(self) -> None:
        """Take away what is live."""


class ProgressDisplay:
    """Shows the progress of a run, one stretch of work after the other."""

    def __init__(self, *, quiet: bool) -> None:
        self._quiet = quiet
        self._stretch: tuple[str, str] | None = None
        self._display: Display | None = None

    def show(self, progress: Progress) -> None:
        """Some more is done, of the stretch before or of another one."""
        if self._quiet:
            return
        stretch = (progress.doing, progress.item)
        if self._display is None or stretch != self._stretch:
            self.close()
            self._stretch = stretch
            self._display = _ItemBar(progress.total) if progress.unit is Unit.ITEMS else _FilmLine()
        self._display.show(progress)

    def close(self) -> None:
        """Take away what is live."""
        if self._display:
            self._display.close()
        self._display = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class _Rate:
    """How fast something goes, by what this run did in the last minutes."""

    def __init__(self, began: float) -> None:
        self._began = began
        self._recent: deque[tuple[float, float]] = deque()
        self._done: float | None = None

    def see(self, done: float, now: float, *, first: float) -> float:
        """Units per second, now that ``done`` are done; an earlier run did ``first`` of them."""
        self._recent.append((now, done - (first if self._done is None else self._done)))
        self._done = done
        while self._recent[0][0] < now - _WINDOW_S:
            self._recent.popleft()
        window = min(now - self._began, _WINDOW_S)
        return sum(n for _, n in self._recent) / window if window > 0 else 0.0


class _ItemBar:
    """Counts items: a bar on a terminal."""

    def __init__(self, total: float | None) -> None:
        self._bar = _bar(total) if sys.stderr.isatty() else None
        self._spoke = time.monotonic()
        self._rate = _Rate(self._spoke)
        if self._bar:
            self._bar.start()

    def show(self, progress: Progress) -> None:
        """So many items are done."""
        now = time.monotonic()
        rate = self._rate.see(progress.done, now, first=0)
        if self._bar:
            facts = {"rate": rate, "failed": progress.failed, "left": _left(progress, rate).removeprefix(", ")}
            self._bar.update(self._bar.task_ids[0], total=progress.total, completed=progress.done, **facts)
        elif now - self._spoke >= _PLAIN_EVERY_S:
            self._spoke = now
            of = "" if progress.total is None else f"/{progress.total:.0f}"
            counts = f"{progress.done:.0f}{of} done, {progress.failed} failed, {rate:.2f}/s"
            show_line(counts + _left(progress, rate), live=False)

    def close(self) -> None:
        """Take the bar away."""
        if self._bar:
            self._bar.stop()


class _FilmLine:
    """How far a film is, in its own time; what was done at the first call is not counted as speed."""

    def __init__(self) -> None:
        self._live = sys.stderr.isatty()
        self._spoke = time.monotonic()
        self._rate = _Rate(self._spoke)

    def show(self, progress: Progress) -> None:
        now = time.monotonic()
        rate = self._rate.see(progress.done, now, first=progress.done)
        ended = progress.unit is Unit.FRAMES and progress.done >= (progress.total or 0)
        if now - self._spoke < (_LIVE_EVERY_S if self._live else _PLAIN_EVERY_S) and not (ended and self._live):
            return
        self._spoke = now
        if ended:  # joining, copying the sound and the rest, looking it all over
            show_line(f"{progress.item}: all frames are colored; finishing the file", live=self._live)
            return
        if progress.unit is Unit.SHARE:
            line = f"{progress.doing} {progress.done:.0%}"
        else:
            at, end = (clock(n / progress.frames_per_s) for n in (progress.done, progress.total or 0))
            line = f"{progress.doing} {at} of {end}, {rate:.1f} fps"
        show_line(line + _left(progress, rate), live=self._live)

    def close(self) -> None:
        if self._live:
            clear_line()


def _left(progress: Progress, rate: float) -> str:
    """How long it will take, if that can be estimated, and how many make it, where these are counted."""
    crew = f", {counted(progress.workers, 'worker')}" if progress.workers else ""
    if progress.total is None:
        return f", still listing{crew}" if crew else ""
    of_rate = progress.total - progress.done - progress.films_after
    parts = [f"{duration(of_rate / rate) if rate else 'unknown'} left"] if of_rate > 0 else []
    if progress.films_after:
        films = counted(progress.films_after, "film")
        parts.append(f"then {films}" if parts else f"{films} left")
    if progress.run_left_s is not None:
        parts.append(f"{roughly(progress.run_left_s)} for all films")
    return ("".join(f", {part}" for part in parts) or ", finishing") + crew


def _bar(total: float | None) -> Any:
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
    )

    bar = Progress(
        MofNCompleteColumn(),
        BarColumn(),
        TextColumn("{task.fields[rate]:.2f}/s"),
        TextColumn("[red]{task.fields[failed]} failed"),
        TimeElapsedColumn(),
        TextColumn("{task.fields[left]}"),
        console=Console(stderr=True),
        transient=True,
    )
    bar.add_task("", total=total, rate=0.0, failed=0, left="")
    return bar


class BuildLine:
    """How far TensorRT is, for it takes minutes: one live line on a terminal, elsewhere a line every ten seconds.

    And the way out for Ctrl-C.
    """

    def __init__(self, interruption: Interruption, *, quiet: bool) -> None:
        self._interruption, self._quiet = interruption, quiet
        self._live = sys.stderr.isatty()
        self._began = self._spoke = time.monotonic()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live and not self._quiet:
            clear_line()

    def __call__(self, phase: str, share: float) -> None:
        """So much of a phase is done. Raises `KeyboardInterrupt` when that was asked for."""
        if self._interruption.stop.is_set():
            raise KeyboardInterrupt
        now = time.monotonic()
        if self._quiet or now - self._spoke < (_LIVE_EVERY_S if self._live else _BUILD_EVERY_S):
            return
        self._spoke = now
        line = f"{phase.lower()}: {share:.0%}, {duration(now - self._began)}"
        show_line(line, live=self._live)
