"""What a run says of its spool, as of the stores that this stands for."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from archivecolor.runs.listener import ItemOutcome, Listener, Progress

Shown = tuple[tuple[Path, str], ...]


@dataclass(frozen=True, slots=True)
class _AtStore(ItemOutcome):
    """An outcome whose record names the places in stores."""

    shown: Shown = ()

    def record(self) -> dict[str, Any]:
        """What is known of it, ready for JSON."""
        told = ItemOutcome.record(self)
        return {name: told_of(value, self.shown) if isinstance(value, str) else value for name, value in told.items()}


class AtStores(Listener):
    """Passes everything on; folders of a spool are called by the places that they stand for."""

    def __init__(self, listener: Listener, shown: Shown) -> None:
        self._listener, self._shown = listener, shown

    def progress(self, progress: Progress) -> None:
        """Pass on."""
        self._listener.progress(progress)

    def item_done(self, outcome: ItemOutcome) -> None:
        """Pass on."""
        self._listener.item_done(self.told(outcome))

    def item_failed(self, outcome: ItemOutcome) -> None:
        """Pass on."""
        self._listener.item_failed(self.told(outcome))

    def message(self, level: int, text: str) -> None:
        """Pass on."""
        self._listener.message(level, told_of(text, self._shown))

    def told(self, outcome: ItemOutcome) -> _AtStore:
        """An outcome that names the places in stores."""
        values = {field.name: getattr(outcome, field.name) for field in fields(ItemOutcome)}
        for name in ("reason", "error", "hint"):
            if values[name]:
                values[name] = told_of(values[name].removeprefix(f"{outcome.source}: "), self._shown)
        values["warnings"] = tuple(told_of(text, self._shown) for text in outcome.warnings)
        return _AtStore(**values, shown=self._shown)


def told_of(text: str, shown: Shown) -> str:
    """A text in which a spool's folders are called by what they stand for."""
    for folder, url in shown:
        text = text.replace(str(folder), url)
    return text
