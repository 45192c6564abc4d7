"""What became of every file of a folder run: lines while it goes on, a summary at its end."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from archivecolor.cli import console
from archivecolor.errors import ArchiveColorError, InputError, ItemsFailedError

if TYPE_CHECKING:
    from archivecolor.jobs.discover import Item, PassedBy
    from archivecolor.pipeline import InColorError

_LISTED_FAILURES = 20


@dataclass(slots=True)
class Report:
    """What became of every file: lines while the run goes on, a summary at its end."""

    json: bool
    counts: Counter[str] = field(default_factory=Counter)
    failures: list[tuple[str, str]] = field(default_factory=list)
    ended: int = 0
    """Items of the plan that came to an end, well or badly."""
    first: ArchiveColorError | None = None
    fatal: ArchiveColorError | None = None
    began: float = field(default_factory=time.monotonic)

    def planned(self, item: Item) -> None:
        """An item of a dry run."""
        if self.json:
            console.emit({"source": str(item.source), "target": str(item.target), "status": "planned"})
        else:
            console.write_out(f"{console.printable(item.source)} -> {console.printable(item.target)}")

    def exists(self, item: Item) -> None:
        """An item whose result is there."""
        self.counts["already there"] += 1
        console.log.debug("%s: result exists", console.printable(item.name))
        if self.json:
            console.emit({"source": str(item.source), "target": str(item.target), "status": "exists"})

    def passed_by(self, thing: PassedBy) -> None:
        """Something in the tree that is no item."""
        if thing.failed:
            self.failed(thing.source, thing.name, InputError(f"{thing.source}: {thing.reason}"))
            return
        self.counts["not pictures"] += 1
        console.log.info("%s: passed by, %s", console.printable(thing.name), thing.reason)
        if self.json:
            console.emit({"source": str(thing.source), "status": "ignored", "reason": thing.reason})

    def failed(self, source: Path, name: str, error: ArchiveColorError) -> None:
        """An item, or what should have been one, came to nothing."""
        self.counts["failed"] += 1
        self.first = self.first or error
        reason = str(error).removeprefix(f"{source}: ")
        self.failures.append((name, reason))
        console.log.error("%s: %s", console.printable(name), console.printable(reason))
        if self.json:
            console.emit({"source": str(source), "status": "failed", "error": error.message, "hint": error.hint})

    def colored(self, item: Item, warnings: tuple[str, ...], seconds: float) -> None:
        """An item whose result was written."""
        self.counts["colored"] += 1
        for warning in warnings:
            console.log.warning("%s: %s", console.printable(item.name), console.printable(warning))
        console.log.debug("%s: colored in %.2f s", console.printable(item.name), seconds)
        if self.json:
            console.emit(
                {
                    "source": str(item.source),
                    "target": str(item.target),
                    "status": "colored",
                    "warnings": list(warnings),
                    "seconds": round(seconds, 3),
                }
            )

    def in_color(self, item: Item, why: InColorError, *, copied: bool) -> None:
        """An item that is in colour already and was left out, or copied as it is."""
        self.counts["in colour already"] += 1
        reason = why.message.removeprefix(f"{item.source}: ")
        console.log.info("%s: %s, %s", console.printable(item.name), reason, "copied" if copied else "left out")
        if self.json:
            status = "copied" if copied else "skipped"
            console.emit({"source": str(item.source), "status": status, "reason": reason})

    def rest(self) -> str:
        """Counts of everything that was not coloured."""
        kinds = ("already there", "in colour already", "not pictures", "failed")
        return ", ".join(f"{self.counts[k]} {k}" for k in kinds if self.counts[k] or k != "in colour already")

    def close(self, *, left: int) -> None:
        """The closing summary, with a row for each failure."""
        seconds = time.monotonic() - self.began
        rate = self.counts["colored"] / seconds if seconds else 0.0
        console.log.info(
            "%d colored in %s (%.2f/s), %s%s",
            self.counts["colored"],
            console.duration(seconds),
            rate,
            self.rest(),
            f", {left} not begun" if left else "",
        )
        if self.failures:
            rows = [(console.printable(n), console.printable(r)) for n, r in self.failures[:_LISTED_FAILURES]]
            console.log.info("%s", console.table(rows, ("failed", "why")))
        if len(self.failures) > _LISTED_FAILURES:
            console.log.info("and %d more; --log-file keeps them all", len(self.failures) - _LISTED_FAILURES)

    def raise_first(self) -> None:
        """End the command with the first failure, if there was any."""
        if self.first:
            raise self.first

    def raise_for_failures(self) -> None:
        """End the command with the exit code that fits."""
        if self.fatal:
            raise self.fatal
        if self.counts["failed"]:
            raise ItemsFailedError(f"{self.counts['failed']} failed", hint="mend them and run the same command again")
