"""The outcomes of a folder run: reported to the listener one by one, counted, and kept for the summary."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from archivecolor.errors import ArchiveColorError, ItemsFailedError
from archivecolor.jobs.records import Kind
from archivecolor.jobs.resume import Reason
from archivecolor.runs.folder.estimate import Estimate
from archivecolor.runs.folder.summary import Summary
from archivecolor.runs.listener import ItemOutcome, ItemStatus, Relay
from archivecolor.settings import Luma

if TYPE_CHECKING:
    from archivecolor.jobs.discover import Item, PassedBy
    from archivecolor.jobs.tasks import Task

_LISTED_FAILURES: Final = 20


@dataclass(frozen=True, slots=True)
class FolderRecord:
    """The outcome of a folder."""

    counts: Mapping[ItemStatus, int]
    by_kind: Mapping[tuple[ItemStatus, Kind], int]
    """Of photographs and of films."""
    foreign: int
    """Of the results that exist, how many were not made by any run on record."""
    lacking: int
    """Of the results that exist, how many were left because the hints or the reference they were made with are gone."""
    unadvised: int
    """Of those that were or would be made again, how many lose the hints or the reference that they were made with."""
    of_others: int
    """And how many belong to sources of the same names in another SRC."""
    failures: tuple[ItemOutcome, ...]
    """The first of them."""
    damaged: int
    """Films of which everything was written that could be decoded."""
    recoded: int
    """JPEGs whose luma could not be copied, and was coded anew."""
    not_begun: int
    """Items of the plan that the run did not come to."""
    seconds: float
    dry_run: bool
    estimate: Estimate | None
    """What a dry run's plan is likely to take."""
    stopped_by: ArchiveColorError | None
    """The error that ended the run early, if any: a full disk, or the first failure with ``fail_fast``."""

    @property
    def colored(self) -> int:
        """How many items were colored."""
        return self.counts.get(ItemStatus.COLORED, 0)

    @property
    def failed(self) -> int:
        """How many items failed."""
        return self.counts.get(ItemStatus.FAILED, 0)

    def raise_for_failures(self) -> None:
        """Raise what ended the run, or `ItemsFailedError` where an item failed or is damaged."""
        if self.stopped_by:
            raise self.stopped_by
        if self.failed:
            raise ItemsFailedError(f"{self.failed} failed", hint="fix them and run the same command again")
        if self.damaged:
            raise ItemsFailedError(
                f"{self.damaged} films are damaged; everything that can be decoded was written",
                hint="the warnings say where",
            )


@dataclass(slots=True)
class Tally:
    """Counts outcomes. Its memory does not grow with their number."""

    listener: Relay
    summary: Summary | None = None
    counts: Counter[ItemStatus] = field(default_factory=Counter)
    by_kind: Counter[tuple[ItemStatus, Kind]] = field(default_factory=Counter)
    foreign: int = 0
    lacking: int = 0
    unadvised: int = 0
    of_others: int = 0
    failures: list[ItemOutcome] = field(default_factory=list)
    ended: int = 0
    """Items of the plan that came to an end, well or badly."""
    damaged: int = 0
    recoded: int = 0
    stopped_by: ArchiveColorError | None = None
    began: float = field(default_factory=time.monotonic)

    def planned(self, task: Task) -> None:
        """An item of a dry run."""
        self._count(_outcome(task, task.kind, ItemStatus.PLANNED, reason=task.reason))

    def exists(self, item: Item | Task, kind: Kind, reason: Reason) -> None:
        """An item whose result is there."""
        self.foreign += reason is Reason.FOREIGN
        self.lacking += reason is Reason.LACKING
        self.of_others += reason is Reason.OTHER_SOURCE
        self._count(_outcome(item, kind, ItemStatus.EXISTS, reason=reason))

    def passed_by(self, thing: PassedBy) -> None:
        """Something in the tree that is not an item."""
        self._count(ItemOutcome(thing.source, thing.name, ItemStatus.IGNORED, reason=thing.reason))

    def failed(self, source: Path, name: str, kind: Kind, error: ArchiveColorError) -> None:
        """An item, or what should have been one, failed."""
        self._count(ItemOutcome(source, name, ItemStatus.FAILED, kind, error=error.message, hint=error.hint))

    def colored(self, outcome: ItemOutcome, *, damaged: bool = False) -> None:
        """An item whose result was written."""
        self.damaged += damaged
        self.recoded += outcome.luma is Luma.RECODED
        self._count(outcome)

    def take(self, outcome: ItemOutcome, *, damaged: bool = False) -> None:
        """An outcome that another tally has counted."""
        if outcome.status is ItemStatus.COLORED:
            self.colored(outcome, damaged=damaged)
            return
        self.foreign += outcome.status is ItemStatus.EXISTS and outcome.reason == Reason.FOREIGN
        self._count(outcome)

    def in_color(self, item: Item | Task, kind: Kind, reason: str, *, copied: bool) -> None:
        """An item that is in color already and was left out, or copied as it is."""
        status = ItemStatus.COPIED if copied else ItemStatus.SKIPPED
        self._count(ItemOutcome(item.source, item.name, status, kind, reason=reason))

    def record(self, *, not_begun: int = 0, dry_run: bool = False, estimate: Estimate | None = None) -> FolderRecord:
        """The outcome, now that the run is over; writes the summary. Raises `OutputError`."""
        seconds = time.monotonic() - self.began
        if self.summary:
            self.summary.write(self.counts, not_begun, seconds)
        return FolderRecord(
            dict(self.counts),
            dict(self.by_kind),
            self.foreign,
            self.lacking,
            self.unadvised,
            self.of_others,
            tuple(self.failures),
            self.damaged,
            self.recoded,
            not_begun,
            seconds,
            dry_run,
            estimate,
            self.stopped_by,
        )

    def _count(self, outcome: ItemOutcome) -> None:
        self.counts[outcome.status] += 1
        if outcome.kind:
            self.by_kind[outcome.status, outcome.kind] += 1
        if self.summary:
            self.summary.add(outcome)
        if outcome.status is ItemStatus.FAILED:
            if len(self.failures) < _LISTED_FAILURES:
                self.failures.append(outcome)
            self.listener.item_failed(outcome)
        else:
            self.listener.item_done(outcome)


def _outcome(item: Item | Task, kind: Kind, status: ItemStatus, *, reason: Reason) -> ItemOutcome:
    return ItemOutcome(item.source, item.name, status, kind, item.target, reason)
