"""Listeners that remember what they were told, or do something at a certain moment."""

from __future__ import annotations

from collections.abc import Callable

from archivecolor.runs.listener import ItemOutcome, Listener, Progress


class Heard(Listener):
    """Remembers everything, and calls ``then`` with each progress."""

    def __init__(self, then: Callable[[Progress], None] | None = None) -> None:
        self.then = then
        self.done: list[Progress] = []
        self.items: list[ItemOutcome] = []
        self.failed: list[ItemOutcome] = []
        self.messages: list[str] = []

    def progress(self, progress: Progress) -> None:
        self.done.append(progress)
        if self.then:
            self.then(progress)

    def item_done(self, outcome: ItemOutcome) -> None:
        self.items.append(outcome)

    def item_failed(self, outcome: ItemOutcome) -> None:
        self.failed.append(outcome)

    def message(self, level: int, text: str) -> None:
        self.messages.append(text)
