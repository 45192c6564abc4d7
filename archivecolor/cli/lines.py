"""Reports of a run: lines for people on stderr, JSON for programs on stdout."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from types import TracebackType
from typing import Final, Self

from archivecolor.cli import console
from archivecolor.cli.grouped import Grouped
from archivecolor.cli.progress import ProgressDisplay
from archivecolor.jobs.records import TimedConfidence
from archivecolor.runs.listener import ItemOutcome, ItemStatus, Listener, Progress
from archivecolor.text import printable

log = console.log
_REMEMBERED: Final = 1000


class Lines(Listener):
    """Reports a run on the terminal; a context manager that leaves no live line behind."""

    def __init__(self, *, json: bool = False, quiet: bool) -> None:
        self.json = json
        self._display = ProgressDisplay(quiet=quiet)
        self._advised: set[str | None] = set()
        """Advice that was given: once is enough."""
        self._warned = Grouped()

    def progress(self, progress: Progress) -> None:
        """Keep the live bar up to date."""
        self._display.show(progress)

    def item_done(self, outcome: ItemOutcome) -> None:
        """With ``--verbose`` one line, and one for each warning."""
        name = printable(outcome.name)
        for warning in outcome.warnings:
            console.detail(logging.WARNING, "%s: %s", name, printable(warning))
            self._warned.add(name, printable(warning))
        if outcome.status is ItemStatus.COLORED:
            log.debug("%s: colored in %.2f s", name, outcome.seconds)
            tell_least_sure(outcome.least_sure)
        elif outcome.status is ItemStatus.RECODED:
            log.debug("%s: %s", name, printable(outcome.reason or outcome.status))
        elif outcome.status is ItemStatus.NOT_PROVABLE:
            log.debug("%s: not provable, %s", name, printable(outcome.reason or ""))
        elif outcome.status in (ItemStatus.PROVED, ItemStatus.UNCHANGED):
            log.debug("%s: %s", name, outcome.status)
        self.emit(outcome)

    def item_failed(self, outcome: ItemOutcome) -> None:
        """One line that says why."""
        log.error("%s: %s", printable(outcome.name), printable(why(outcome, hint=outcome.hint not in self._advised)))
        if len(self._advised) < _REMEMBERED:
            self._advised.add(outcome.hint)
        self.emit(outcome)

    def message(self, level: int, text: str) -> None:
        """One line."""
        log.log(level, "%s", printable(text))

    def tell_warnings(self) -> None:
        """How many warnings of each kind there were."""
        lines = list(self._warned.lines())
        if lines:
            log.warning("warnings, by kind (-v has a line for each):")
        for line in lines:
            log.warning("  %s", line)

    def emit(self, outcome: ItemOutcome) -> None:
        """One JSON object, if they are wanted."""
        if self.json:
            console.emit(outcome.record())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._display.close()


def why(outcome: ItemOutcome, *, hint: bool = False) -> str:
    """What was wrong with an item, and what to do, without its path."""
    told = outcome.error or outcome.reason or "unknown"
    return (f"{told} ({outcome.hint})" if hint and outcome.hint else told).removeprefix(f"{outcome.source}: ")


def tell_least_sure(shots: Sequence[TimedConfidence]) -> None:
    """Say where in a film to look first, if anywhere."""
    if shots:
        told = ", ".join(f"{printable(shot.moment)} ({shot.confidence:.0%})" for shot in shots)
        log.info("least sure of the colors in the shots at %s", told)
