"""How a run reports what happens: to a terminal, a callback, a window, a cluster's driver.

A run calls its listener from one thread at a time. What a listener raises ends the run as Ctrl-C would: what is
finished is kept and on record, nothing half-written has its final name, and the same call continues from there.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, Final, Protocol, Self

from archivecolor.jobs.records import Kind, TimedConfidence
from archivecolor.settings import Luma

DEBUG: Final = logging.DEBUG
INFO: Final = logging.INFO
WARNING: Final = logging.WARNING

COLUMNS: Final = (
    *("source", "status", "kind", "target", "reason", "luma", "warnings", "seconds", "confidence", "error", "hint"),
    "machine",
)
"""The fields of an outcome that reports have, in their order."""


class Unit(StrEnum):
    """What progress is counted in."""

    ITEMS = "items"
    FRAMES = "frames"
    SHARE = "share"
    """Of 1, where it is not known yet how much there is."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far some work has come."""

    doing: str
    """'coloring', 'reading', 'checking' or 'stripping'."""
    done: float
    total: float | None
    """None where it is not known before the end."""
    unit: Unit
    item: str = ""
    """The film that it is about; empty where it is about the whole run."""
    failed: int = 0
    """Of the items that are done."""
    frames_per_s: float = 1.0
    """Of the film, where frames are counted."""
    frames_here: float = 0.0
    """And of those that are done, the ones that this run made, be it that others make the film, too."""
    films_after: int = 0
    """Of the items that are not done, films, which come last and take longer than photographs."""
    workers: int = 0
    """Of a cluster, those at work; 0 where there is none."""
    run_left_s: float | None = None
    """Of a film in a folder: what all films will take yet, where that can be told."""


class ItemStatus(StrEnum):
    """The outcome of a file."""

    COLORED = "colored"
    COPIED = "copied"
    """It is in color already, and was copied as it is."""
    SKIPPED = "skipped"
    """It is in color already, and was left out."""
    EXISTS = "exists"
    IGNORED = "ignored"
    """It is neither a photograph nor a film."""
    PLANNED = "planned"
    STRIPPED = "stripped"
    PROVED = "proved"
    UNCHANGED = "unchanged"
    """It is the file that was written; its luma was not compared."""
    RECODED = "coded anew"
    """A JPEG whose luma could not be copied, so that it was compressed again; it is near its source."""
    NOT_PROVABLE = "not provable"
    """It was coded with loss; what can be compared is right."""
    WRONG = "wrong"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class ItemOutcome:
    """The outcome of a file."""

    source: Path
    name: str
    """Its path below the folder of the run, or its name."""
    status: ItemStatus
    kind: Kind | None = None
    target: Path | None = None
    reason: str | None = None
    luma: Luma = Luma.SAME
    """What became of a still's luma when it was written."""
    warnings: tuple[str, ...] = ()
    seconds: float | None = None
    confidence: float | None = None
    error: str | None = None
    hint: str | None = None
    machine: str | None = None
    """Which made it, where a cluster did."""
    least_sure: tuple[TimedConfidence, ...] = ()
    """Of a film, the shots to look at first."""

    def record(self) -> dict[str, Any]:
        """What is known of it, ready for JSON."""
        values = {name: getattr(self, name) for name in COLUMNS}
        values["source"] = str(self.source)
        values["target"] = None if self.target is None else str(self.target)
        values["warnings"] = list(self.warnings)
        values["luma"] = None if self.luma is Luma.SAME else self.luma
        return {name: value for name, value in values.items() if value not in (None, [])}


class Listener(Protocol):
    """Derive from it and write the methods that matter; the others do nothing."""

    def progress(self, progress: Progress) -> None:
        """Some more work is done."""
        return

    def item_done(self, outcome: ItemOutcome) -> None:
        """An item is done, and did not fail."""
        return

    def item_failed(self, outcome: ItemOutcome) -> None:
        """An item failed; the run continues."""
        return

    def message(self, level: int, text: str) -> None:
        """A message about the run, at one of `logging`'s levels; file names in it are not escaped."""
        return


class Silent(Listener):
    """Ignores everything."""


class Relay(Listener):
    """Passes everything on, and remembers what the listener behind it raised: that is not the fault of an item."""

    def __init__(self, listener: Listener | None) -> None:
        self._listener = listener or Silent()
        self.raised: Exception | None = None

    @contextmanager
    def heard(self) -> Iterator[Self]:
        """A run that ends with what the listener raised, not with what its own code made of that."""
        try:
            yield self
        except Exception:
            if self.raised:
                raise self.raised from None
            raise

    def progress(self, progress: Progress) -> None:
        """Pass on."""
        with self._noting():
            self._listener.progress(progress)

    def item_done(self, outcome: ItemOutcome) -> None:
        """Pass on."""
        with self._noting():
            self._listener.item_done(outcome)

    def item_failed(self, outcome: ItemOutcome) -> None:
        """Pass on."""
        with self._noting():
            self._listener.item_failed(outcome)

    def message(self, level: int, text: str) -> None:
        """Pass on."""
        with self._noting():
            self._listener.message(level, text)

    @contextmanager
    def _noting(self) -> Iterator[None]:
        try:
            yield
        except Exception as e:
            self.raised = e
            raise
