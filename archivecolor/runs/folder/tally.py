"""What became of every file of a folder run: lines while it goes on, a summary at its end."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from archivecolor.cli import console
from archivecolor.errors import ArchiveColorError, ItemsFailedError
from archivecolor.jobs.records import Kind
from archivecolor.jobs.resume import Reason
from archivecolor.runs.folder.summary import Outcome, Summary
from archivecolor.text import duration, printable

if TYPE_CHECKING:
    from archivecolor.jobs.discover import Item, PassedBy
    from archivecolor.jobs.tasks import Task

_LISTED_FAILURES = 20
_ALWAYS_COUNTED = ("already there", "not pictures", "failed")
_COUNTED = ("already there", "in colour already", "not pictures", "failed")


@dataclass(slots=True)
class Report:
    """What became of every file. Its memory does not grow with their number."""

    json: bool
    summary: Summary | None = None
    counts: Counter[str] = field(default_factory=Counter)
    by_kind: Counter[tuple[str, Kind]] = field(default_factory=Counter)
    reasons: Counter[Reason] = field(default_factory=Counter)
    failures: list[tuple[str, str]] = field(default_factory=list)
    """The first of them, for the closing table."""
    ended: int = 0
    """Items of the plan that came to an end, well or badly."""
    damaged: int = 0
    """Films of which everything was written that could be decoded."""
    fatal: ArchiveColorError | None = None
    began: float = field(default_factory=time.monotonic)

    def planned(self, task: Task) -> None:
        """An item of a dry run."""
        self._count("to colour", task.kind)
        if not self.json:
            names = f"{printable(task.source)} -> {printable(task.target)}"
            console.write_out(names if task.reason is Reason.NEW else f"{names} ({task.reason})")
        self._tell(Outcome(task.source, "planned", task.kind, task.target, reason=task.reason))

    def exists(self, item: Item | Task, kind: Kind, reason: Reason) -> None:
        """An item whose result is there."""
        self._count("already there", kind)
        self.reasons[reason] += 1
        level = console.log.info if reason in (Reason.ALTERED, Reason.CHOSEN) else console.log.debug
        level("%s: result exists, %s", printable(item.name), reason)
        if self.json or self.summary:
            self._tell(Outcome(item.source, "exists", kind, item.target, reason=reason))

    def passed_by(self, thing: PassedBy) -> None:
        """Something in the tree that is no item."""
        self.counts["not pictures"] += 1
        console.log.info("%s: passed by, %s", printable(thing.name), thing.reason)
        self._tell(Outcome(thing.source, "ignored", None, reason=thing.reason))

    def failed(self, source: Path, name: str, kind: Kind, error: ArchiveColorError) -> None:
        """An item, or what should have been one, came to nothing."""
        self._count("failed", kind)
        reason = str(error).removeprefix(f"{source}: ")
        if len(self.failures) < _LISTED_FAILURES:
            self.failures.append((name, reason))
        console.log.error("%s: %s", printable(name), printable(reason))
        self._tell(Outcome(source, "failed", kind, error=error.message, hint=error.hint))

    def colored(
        self, task: Task, warnings: tuple[str, ...], seconds: float, confidence: float | None, *, damaged: bool = False
    ) -> None:
        """An item whose result was written."""
        self._count("colored", task.kind)
        self.damaged += damaged
        for warning in warnings:
            console.log.warning("%s: %s", printable(task.name), printable(warning))
        console.log.debug("%s: colored in %.2f s", printable(task.name), seconds)
        self._tell(
            Outcome(
                task.source,
                "colored",
                task.kind,
                task.target,
                reason=task.reason,
                warnings=warnings,
                seconds=round(seconds, 3),
                confidence=confidence,
            )
        )

    def in_color(self, item: Item | Task, kind: Kind, reason: str, *, copied: bool) -> None:
        """An item that is in colour already and was left out, or copied as it is."""
        self._count("in colour already", kind)
        console.log.info("%s: %s, %s", printable(item.name), reason, "copied" if copied else "left out")
        self._tell(Outcome(item.source, "copied" if copied else "skipped", kind, reason=reason))

    def rest(self) -> str:
        """Counts of everything that was not coloured."""
        return ", ".join(f"{self.counts[k]} {k}" for k in _COUNTED if self.counts[k] or k in _ALWAYS_COUNTED)

    def close(self, *, left: int) -> None:
        """The closing summary, with a row for each failure."""
        seconds = time.monotonic() - self.began
        rate = self.counts["colored"] / seconds if seconds else 0.0
        console.log.info(
            "%d colored in %s (%.2f/s), %s%s",
            self.counts["colored"],
            duration(seconds),
            rate,
            self.rest(),
            f", {left} not begun" if left else "",
        )
        self._tell_kinds()
        if self.reasons[Reason.FOREIGN]:
            console.log.info(
                "%d of those already there were made by no run on record; --overwrite makes them anew",
                self.reasons[Reason.FOREIGN],
            )
        if self.failures:
            rows = [(printable(n), printable(r)) for n, r in self.failures]
            console.log.info("%s", console.table(rows, ("failed", "why")))
        if self.counts["failed"] > len(self.failures):
            more = self.counts["failed"] - len(self.failures)
            console.log.info("and %d more; --log-file keeps them all", more)
        self.write_summary(left=left)

    def write_summary(self, *, left: int = 0) -> None:
        """Write the report's file, if there is to be one. Raises `OutputError`."""
        if self.summary:
            self.summary.write(dict(self.counts) | {"not begun": left}, time.monotonic() - self.began)

    def raise_for_failures(self) -> None:
        """End the command with the exit code that fits."""
        if self.fatal:
            raise self.fatal
        if self.counts["failed"]:
            raise ItemsFailedError(f"{self.counts['failed']} failed", hint="mend them and run the same command again")
        if self.damaged:
            raise ItemsFailedError(
                f"{self.damaged} films are damaged; everything that can be decoded was written",
                hint="the warnings tell where",
            )

    def _tell_kinds(self) -> None:
        if len({kind for _, kind in self.by_kind}) < 2:
            return
        names = sorted({what for what, _ in self.by_kind}, key=("colored", *_COUNTED).index)
        rows = [(what, *(str(self.by_kind[what, kind]) for kind in Kind)) for what in names]
        console.log.info("%s", console.table(rows, ("", "stills", "films")))

    def _count(self, what: str, kind: Kind) -> None:
        self.counts[what] += 1
        self.by_kind[what, kind] += 1

    def _tell(self, outcome: Outcome) -> None:
        if self.json:
            console.emit(_present(outcome))
        if self.summary:
            self.summary.add(outcome)


def _present(outcome: Outcome) -> dict[str, Any]:
    """What is known of an outcome."""
    record = outcome.record()
    if outcome.status == "colored":
        record["warnings"] = list(outcome.warnings)
    return record
