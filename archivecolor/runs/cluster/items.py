"""Items on their way through a cluster, and what is known of one whose worker is gone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from archivecolor.errors import ArchiveColorError
from archivecolor.jobs.digests import read_state
from archivecolor.jobs.records import Entry, Kind, Settings, Status
from archivecolor.jobs.tasks import Task
from archivecolor.runs.listener import ItemOutcome, ItemStatus

TRIES: Final = 3
"""Workers that an item may cost, on machines that live."""
_STATUSES: Final = {
    Status.COLORED: ItemStatus.COLORED,
    Status.COPIED: ItemStatus.COPIED,
    Status.SKIPPED: ItemStatus.SKIPPED,
}


@dataclass(slots=True)
class Item:
    """A task, and what has happened to it."""

    task: Task
    deaths: int = 0
    """Workers that died while they made it, on machines that lived."""
    machines_lost: int = 0
    was_busy: int = 0
    chunks: int = 0
    """In flight that hold it: a film is made by several workers, who share its segments."""
    has_ended: bool = False
    noted: Entry | None = None
    """What the journal was told of it, whose result may or may not have its name."""
    announced: tuple[Entry, Settings] | None = None
    """What was about to be put into a store."""

    @property
    def is_alone(self) -> bool:
        """Whether it is made with no other, to know whose fault it is when its worker dies."""
        return bool(self.deaths or self.machines_lost)

    @property
    def is_film(self) -> bool:
        """Whether it takes long, and may be shared."""
        return self.task.kind is Kind.FILM

    def again(self) -> Item:
        """The same, once more: what it was about to name may be there in the end, and may be replaced then."""
        told = self.noted or (self.announced[0] if self.announced else None)
        file = told.result_file if told else None
        if file and self.task.replaces_sha256 is None:
            self.task = replace(self.task, replaces_sha256=file.sha256)
        return self

    def outcome(self, out: Path | None) -> ItemOutcome | None:
        """What became of it, if that was noted and its result has its name, as all have that lie in a store: None."""
        noted, task = self.noted, self.task
        status = _STATUSES.get(noted.status) if noted else None
        if noted is None or status is None:
            return None
        if noted.result and out:
            try:
                found = read_state(out / noted.result).sha256
            except ArchiveColorError:
                return None
            if noted.result_file is None or found != noted.result_file.sha256:
                return None
        what = (task.source, task.name, status, task.kind)
        if status is not ItemStatus.COLORED:
            return ItemOutcome(*what, reason=noted.warnings[0], machine=noted.machine)
        return ItemOutcome(
            *what,
            task.target,
            reason=task.reason,
            luma=noted.luma,
            warnings=noted.warnings,
            seconds=round(noted.seconds, 3),
            confidence=noted.confidence,
            machine=noted.machine,
            least_sure=noted.least_sure,
        )


@dataclass(slots=True, eq=False)
class Chunk:
    """Items that a worker makes one after the other."""

    number: int
    items: dict[str, Item]
    """By name."""
    ref: Any
    """What `Worker.make` answers."""

    @property
    def has_film(self) -> bool:
        """Whether it takes long."""
        return any(item.is_film for item in self.items.values())


def films_in(chunks: Iterable[Chunk], lost: Iterable[Chunk]) -> list[Item]:
    """Those under way that more workers could share; not where as many died of it as are let.

    ``lost`` are the chunks of workers that died and are not counted yet.
    """
    items = {id(item): item for chunk in chunks for item in chunk.items.values()}
    dying = Counter(id(item) for chunk in lost for item in chunk.items.values())
    return [
        item for key, item in items.items() if item.is_film and not item.has_ended and item.deaths + dying[key] < TRIES
    ]
