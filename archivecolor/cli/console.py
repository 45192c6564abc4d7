"""Talking to people on stderr and to programs on stdout. The only module that knows Rich.

On a terminal a run shows a live bar; elsewhere one plain line every 30 seconds. ``NO_COLOR`` is honoured by Rich.
"""

from __future__ import annotations

import json
import logging
import os
import sys
import time
import warnings
from collections import deque
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from archivecolor.errors import ArchiveColorError, OutputError
from archivecolor.text import duration, printable

_PLAIN_EVERY_S = 30.0
_ETA_WINDOW_S = 120.0

log = logging.getLogger("archivecolor")


def complain(error: ArchiveColorError) -> None:
    """One line on stderr that says what is wrong, and one that says what to do."""
    sys.stderr.write(f"archivecolor: {printable(error.message)}\n")
    if error.hint:
        sys.stderr.write(f"  hint: {printable(error.hint)}\n")


def clear_line() -> None:
    """Take away the live line of a terminal."""
    sys.stderr.write("\r\x1b[K")
    sys.stderr.flush()


def show_line(line: str, *, live: bool) -> None:
    """Put a line in the place of the live one, or below the last one where nothing is live."""
    sys.stderr.write(f"\r\x1b[K{line}" if live else f"{line}\n")
    sys.stderr.flush()


def emit(record: Mapping[str, object]) -> None:
    """One JSON object on one line of stdout."""
    write_out(json.dumps(record, default=str))


def write_out(text: str) -> None:
    """Plain text on stdout; raises `OutputError` when nobody reads it any more."""
    coding = sys.stdout.encoding or "utf-8"
    try:
        sys.stdout.write(text.encode(coding, "backslashreplace").decode(coding) + "\n")
        sys.stdout.flush()
    except BrokenPipeError as e:
        # What is left in the buffer would fail again when Python ends
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise OutputError("the reader of the output has gone away", hint="the same command goes on from here") from e


def set_up_logging(*, quiet: bool, verbose: bool, log_file: Path | None) -> None:
    """Send the package's messages to stderr, and to ``log_file`` with the time of each."""
    log.setLevel(logging.DEBUG if verbose or log_file else logging.INFO)  # what nobody hears costs a million times
    log.propagate = False
    for handler in list(log.handlers):
        log.removeHandler(handler)
        handler.close()
    people = _StderrHandler()
    people.setLevel(logging.ERROR if quiet else logging.DEBUG if verbose else logging.INFO)
    people.setFormatter(logging.Formatter("%(message)s"))
    log.addHandler(people)
    # Of damaged EXIF, in passing; a picture's own warnings are told by name
    warnings.filterwarnings("ignore", module=r"PIL\.")
    if log_file:
        try:
            kept = logging.FileHandler(log_file, encoding="utf-8", errors="backslashreplace")
        except OSError as e:
            reason = f"{log_file}: cannot be written: {e.strerror}"
            raise OutputError(reason, hint="give --log-file another place") from e
        kept.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
        log.addHandler(kept)


class _StderrHandler(logging.Handler):
    """Writes to whatever stderr is at the time: a live bar puts itself in its place and keeps below the messages."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write one message."""
        try:
            sys.stderr.write(self.format(record) + "\n")
        except OSError:
            self.handleError(record)


class Progress:
    """How far a run is. Rates and ETA count only the work that this run did."""

    def __init__(self, total: int, *, quiet: bool) -> None:
        self._total = total
        self._done = self._failed = 0
        self._began = self._spoke = time.monotonic()
        self._recent: deque[float] = deque()
        self._bar = _bar(total) if not quiet and sys.stderr.isatty() else None
        self._quiet = quiet

    def __enter__(self) -> Self:
        if self._bar:
            self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar:
            self._bar.stop()

    def advance(self, *, failed: bool) -> None:
        """One more item is finished."""
        now = time.monotonic()
        self._done += 1
        self._failed += failed
        self._recent.append(now)
        while self._recent and self._recent[0] < now - _ETA_WINDOW_S:
            self._recent.popleft()
        if self._bar:
            self._bar.update(self._bar.task_ids[0], completed=self._done, rate=self._rate(now), failed=self._failed)
        elif not self._quiet and now - self._spoke >= _PLAIN_EVERY_S:
            self._spoke = now
            rate = self._rate(now)
            left = duration((self._total - self._done) / rate) if rate else "unknown"
            sys.stderr.write(f"{self._done}/{self._total} done, {self._failed} failed, {rate:.2f}/s, {left} left\n")
            sys.stderr.flush()

    def _rate(self, now: float) -> float:
        window = min(now - self._began, _ETA_WINDOW_S)
        return len(self._recent) / window if window > 0 else 0.0


def _bar(total: int):  # type: ignore[no-untyped-def]  # Rich is imported only where a bar is drawn
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    bar = Bar(
        MofNCompleteColumn(),
        BarColumn(),
        TextColumn("{task.fields[rate]:.2f}/s"),
        TextColumn("[red]{task.fields[failed]} failed"),
        TimeElapsedColumn(),
        TextColumn("ETA"),
        TimeRemainingColumn(),
        console=Console(stderr=True),
    )
    bar.add_task("", total=total, rate=0.0, failed=0)
    return bar


def table(rows: Sequence[tuple[str, ...]], header: tuple[str, ...]) -> str:
    """Left-aligned columns under a header, for stderr and stdout alike."""
    widths = [max(len(r[i]) for r in [header, *rows]) for i in range(len(header))]
    lines = ["  ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)).rstrip() for row in [header, *rows]]
    return "\n".join(lines)
