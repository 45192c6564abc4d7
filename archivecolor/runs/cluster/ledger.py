"""What the driver does with what workers ask: lines for the journal, and leave to name a result, or to put it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

from archivecolor.errors import ArchiveColorError, OutputError
from archivecolor.jobs.records import Entry, Settings, Status
from archivecolor.runs.cluster.items import Item
from archivecolor.runs.cluster.notary import Asked
from archivecolor.runs.cluster.terms import Book
from archivecolor.runs.folder.store_journal import StoreJournal


class Ledger:
    """Writes the journal for all workers."""

    def __init__(self, recorder: Book, lines: StoreJournal | None) -> None:
        """``lines`` are the journal's in a store, where results lie in one."""
        self.recorder, self.lines = recorder, lines
        self.answers: dict[int, ArchiveColorError | None] = {}
        """For those that asked and have not been answered."""

    def write(self, asked: list[Asked], item_of: Callable[[Asked], Item | None]) -> None:
        """Write what is to be written, sync once, and give leave.

        ``item_of`` gives what a worker is making, and None where that is not this worker's any more.
        """
        written: list[int] = []
        announced: dict[int, tuple[Entry, Settings]] = {}
        for one in asked:
            item = item_of(one)
            if (entry := one.entry) is None:
                continue
            if item is None:
                self.answers[one.number] = OutputError("another worker makes it, for this one did not answer")
            elif entry.status is Status.FAILED and (item.chunks > 1 or item.has_ended):
                self.answers[one.number] = None  # others make it, or made it
            elif one.is_there or one.settings is None:
                self._write(one.number, item, self._own(entry), one.settings, written)
            else:
                item.announced = announced[one.number] = self._own(entry), one.settings
        if self.lines:
            self._answer([*announced], partial(self.lines.announce, announced.values()))
        self._answer(written, self.recorder.sync)

    def is_there(self, item: Item) -> bool:
        """Whether a worker put a result into a store and did not come to say so; its line is written then."""
        if not (self.lines and item.announced and self.lines.is_there(item.announced[0])):
            return False
        self.recorder.write(*item.announced)
        item.noted = item.announced[0]
        return True

    def ended(self, item: Item) -> None:
        """An item has come to its end. Raises `OutputError`."""
        if self.lines:
            self.lines.ended(item.task.name)

    def _write(self, number: int, item: Item, entry: Entry, settings: Settings | None, written: list[int]) -> None:
        try:
            self.recorder.write(entry, settings, wait=False)
        except ArchiveColorError as e:
            self.answers[number] = e
            return
        written.append(number)
        item.noted = entry

    def _answer(self, numbers: list[int], secure: Callable[[], object]) -> None:
        """Answer those, once what they asked for is secure."""
        error = None
        if numbers:
            try:
                secure()
            except ArchiveColorError as e:
                error = e
        self.answers |= dict.fromkeys(numbers, error)

    def _own(self, entry: Entry) -> Entry:
        """An entry without its machine where that is the run's."""
        return replace(entry, machine=None) if entry.machine == self.recorder.run.machine else entry
