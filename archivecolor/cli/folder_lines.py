"""A folder run on the terminal: a line where one is due, and the closing counts."""

from __future__ import annotations

import shlex
from collections import Counter
from pathlib import Path
from typing import Final

from archivecolor.cli import console
from archivecolor.cli.lines import Lines, log, why
from archivecolor.jobs.discover import LINKED
from archivecolor.jobs.records import Kind
from archivecolor.jobs.resume import Reason
from archivecolor.runs.folder.summary import COUNTED_AS, counts_by_name
from archivecolor.runs.folder.tally import FolderRecord
from archivecolor.runs.listener import ItemOutcome, ItemStatus
from archivecolor.storage.urls import StoreURL
from archivecolor.text import counted, duration, printable, roughly, space

_ALWAYS: Final = ("already there", "not pictures", "failed")
_COUNTED: Final = ("already there", "in color already", "not pictures", "failed")
_WORTH_A_COUNT: Final = (Reason.ALTERED, Reason.CHOSEN)


class FolderLines(Lines):
    """Reports a folder run."""

    def __init__(self, *, json: bool = False, quiet: bool) -> None:
        super().__init__(json=json, quiet=quiet)
        self._left: Counter[str] = Counter()
        """Results that were left, by why."""
        self._links = 0
        """To folders, which were not followed."""
        self._machines: Counter[str] = Counter()
        """Results that a cluster made, by the machine."""

    def item_done(self, outcome: ItemOutcome) -> None:
        """A line for what is planned; with ``--verbose`` for everything."""
        name = printable(outcome.name)
        if outcome.machine and outcome.status is ItemStatus.COLORED:
            self._machines[outcome.machine] += 1
        if outcome.status is ItemStatus.PLANNED and outcome.target:
            if not self.json:
                told = outcome.record()
                names = f"{printable(told['source'])} -> {printable(told['target'])}"
                console.write_out(names if outcome.reason == Reason.NEW else f"{names} ({outcome.reason})")
        elif outcome.status is ItemStatus.EXISTS:
            log.debug("%s: result exists, %s", name, outcome.reason)
            if outcome.reason in _WORTH_A_COUNT:
                self._left[outcome.reason] += 1
        elif outcome.status is ItemStatus.IGNORED:
            log.debug("%s: skipped, %s", name, outcome.reason)
            self._links += outcome.reason == LINKED
        elif outcome.status in (ItemStatus.COPIED, ItemStatus.SKIPPED):
            log.debug(
                "%s: %s, %s", name, outcome.reason, "copied" if outcome.status is ItemStatus.COPIED else "left out"
            )
        super().item_done(outcome)

    def emit(self, outcome: ItemOutcome) -> None:
        """One JSON object, if they are wanted."""
        if not self.json:
            return
        record = outcome.record()
        if outcome.status is ItemStatus.COLORED:
            record["warnings"] = list(outcome.warnings)
        console.emit(record)

    def close(self, record: FolderRecord, out: Path | StoreURL, *, reported: bool = False) -> None:
        """The closing counts, a row for each failure, where the results lie, and what to type next."""
        self._display.close()  # its last word is not the run's
        counts = counts_by_name(record.counts)
        rest = ", ".join(_counted(counts[k], k) for k in _COUNTED if counts[k] or k in _ALWAYS)
        if record.dry_run:
            log.info("%d to color, %s", counts["to color"], rest)
            self._tell_left(record)
            _tell_estimate(record)
            return
        rate = record.colored / record.seconds if record.seconds else 0.0
        left = f", {record.not_begun} not begun" if record.not_begun else ""
        anew = f" ({record.recoded} coded anew)" if record.recoded else ""
        log.info("%d colored%s in %s (%.2f/s), %s%s", record.colored, anew, duration(record.seconds), rate, rest, left)
        _tell_kinds(record)
        if len(self._machines) > 1:
            rows = [(printable(machine), str(count)) for machine, count in sorted(self._machines.items())]
            log.info("%s", console.table(rows, ("machine", "colored")))
        self._tell_left(record)
        self.tell_warnings()
        if record.failures:
            rows = [(printable(f.name), printable(why(f))) for f in record.failures]
            log.info("%s", console.table(rows, ("failed", "why")))
        if record.failed > len(record.failures):
            log.info("and %d more; --log-file keeps them all", record.failed - len(record.failures))
        if record.colored or counts["already there"]:
            place = printable(shlex.quote(str(out)))
            look = "" if reported or not isinstance(out, Path) else f"; to look at them: archivecolor report {place}"
            log.info("results: %s%s", place, look)

    def _tell_left(self, record: FolderRecord) -> None:
        """Results that the run did not replace, and how to make it."""
        for reason, count in self._left.items():
            log.info("%d of those already there: %s", count, reason)
        if self._links:
            what = counted(self._links, "link to a folder was", "links to folders were")
            log.warning("%s not followed: color such folders by themselves; -v names the links", what)
        _tell_left(record)


def _counted(count: int, name: str) -> str:
    return counted(count, "not a picture", name) if name == "not pictures" else f"{count} {name}"


def _tell_left(record: FolderRecord) -> None:
    if skipped := record.counts.get(ItemStatus.SKIPPED, 0):
        log.info("%d in color already were left out: --already-color recolor colors them, copy copies them", skipped)
    if record.foreign:
        log.info("%d of those already there were not made by a known run; --overwrite makes them again", record.foreign)
    if record.of_others:
        log.warning(
            "%d of those already there belong to another SRC; --overwrite replaces them, another OUT keeps both",
            record.of_others,
        )
    if record.lacking:
        log.warning(
            "%d of those already there were left: the hints or the reference they were made with are gone; "
            "give --hints-dir or --reference, or --forget-hints",
            record.lacking,
        )


def _tell_estimate(record: FolderRecord) -> None:
    """What a dry run's plan is likely to take."""
    if record.estimate and record.estimate.seconds:
        size, free = record.estimate.bytes, record.estimate.free_bytes
        room = "" if free is None else f" ({space(free)} free)"
        log.info(
            "likely to take about %s on this CPU, and %s of space%s",
            roughly(record.estimate.seconds),
            space(size),
            room,
        )


def _tell_kinds(record: FolderRecord) -> None:
    """A table of stills and films, of a run that met both."""
    if len({kind for _, kind in record.by_kind}) < 2:
        return
    order = list(dict.fromkeys(COUNTED_AS.values()))
    per_kind = {kind: counts_by_name({s: n for (s, k), n in record.by_kind.items() if k is kind}) for kind in Kind}
    names = sorted({name for counts in per_kind.values() for name in counts}, key=order.index)
    rows = [(name, *(str(per_kind[kind][name]) for kind in Kind)) for name in names]
    log.info("%s", console.table(rows, ("", "stills", "films")))
