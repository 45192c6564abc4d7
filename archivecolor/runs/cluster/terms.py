"""What giving out work must know of a run, be it of a folder, which has a planner and a journal, or of one film."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from archivecolor.errors import ArchiveColorError
from archivecolor.jobs.records import EngineUsed, Entry, Kind, RunRecord, Settings
from archivecolor.runs.folder.item_settings import ItemSettings
from archivecolor.runs.folder.tally import Tally


class Run(Protocol):
    """What is to be known of a run, as `Planner` knows it."""

    out: Path
    items: ItemSettings
    tally: Tally

    @property
    def stopped(self) -> Callable[[], bool]:
        """Whether it is to end."""


class Book(Protocol):
    """What takes the lines of a run, as `Recorder` does."""

    run: RunRecord

    def write(self, entry: Entry, settings: Settings | None = None, *, wait: bool = True) -> None:
        """Write an entry."""

    def failed(self, name: str, source: Path, kind: Kind, error: ArchiveColorError, kept: str | None = None) -> None:
        """Write that an item failed."""

    def sync(self) -> None:
        """Return when everything is on the disk."""

    def computed_by(self, engine: EngineUsed) -> None:
        """Say what computes the chroma."""
