"""What a worker of a cluster does for a folder: it makes chunks of a plan as a run on one machine does."""

from __future__ import annotations

import pickle
import platform
import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import ray

from archivecolor import resources
from archivecolor.chroma.control.hint_zip import Unpacked
from archivecolor.chroma.still import Colorizer
from archivecolor.errors import ArchiveColorError, UnexpectedError
from archivecolor.inference import catalog
from archivecolor.jobs.digests import look_at
from archivecolor.jobs.locks import BusyError
from archivecolor.jobs.records import Kind, RunRecord
from archivecolor.jobs.resume import Reason
from archivecolor.jobs.tasks import Task
from archivecolor.runs.at_stores import told_of
from archivecolor.runs.cluster.worker import Made, ToDriver, Told, Worker, a_shard, is_to_make
from archivecolor.runs.folder.films_clock import FilmsClock
from archivecolor.runs.folder.item_settings import ItemSettings
from archivecolor.runs.folder.run import FolderRun, signer_of
from archivecolor.runs.folder.spool import Spool
from archivecolor.runs.folder.tally import Tally
from archivecolor.runs.listener import ItemOutcome, Relay
from archivecolor.runs.settings import FolderSettings
from archivecolor.storage.urls import StoreURL

if TYPE_CHECKING:
    from archivecolor.runs.film.plan import FilmPlan, FilmRequest


@dataclass(frozen=True, slots=True)
class Order:
    """What all chunks of a run have in common. Its paths are absolute."""

    source: Path
    out: Path
    """As the driver's tasks have them."""
    places: tuple[Path | StoreURL, Path | StoreURL] | None
    """SRC and OUT, where one of them is in a store: each worker has a spool of its own."""
    settings: FolderSettings
    run: RunRecord
    chosen: bool
    cores: int


class FolderWorker(Worker):
    """The actor."""

    def __init__(self, notary: Any) -> None:
        super().__init__(notary)
        self._unpacked = Unpacked()
        self._spool: Spool | None = None

    def begin(self, order: Order) -> str | ArchiveColorError:
        """Load the engine; gives its description, or what went wrong."""
        resources.keep_to(order.cores)
        shard = None if order.places else a_shard()
        settings = replace(order.settings, shard=shard)
        try:
            if order.places:
                self._spool = Spool(*order.places).__enter__()
            items = ItemSettings(settings, catalog.find(settings.generator), self._unpacked)
            colorizer = Colorizer.load(
                replace(settings.engine, threads=settings.engine.threads or order.cores),
                str(items.generator.path),
                replace(settings.color, hints=None),
                max_megapixels=settings.max_megapixels,
                stop=self._stop,
            )
            signer = signer_of(settings)
        except ArchiveColorError as e:
            return e
        except Exception as e:  # noqa: BLE001 - whatever it is, this machine cannot work
            return UnexpectedError.of(e)
        self._order, self._items, self._colorizer, self._signer = order, items, colorizer, signer
        return colorizer.engine.description

    def make(self, chunk: int, tasks: Iterable[Task]) -> Made:
        """Make a chunk's items."""
        began, order, told = time.monotonic(), self._order, Told(self._notary, chunk)
        out = self._spool.out if self._spool else order.out
        notes = ToDriver(out, order.run, self._notary, chunk, chosen=order.chosen)
        if self._spool:
            notes.deliver, self._spool.announce = self._spool.deliver, notes.announce
        tally = _WorkersTally(Relay(told))
        run = FolderRun(
            out,
            self._colorizer,
            self._items,
            notes,
            tally,
            self._stop,
            lambda: self._stop.is_set() or tally.stopped_by is not None,
            self._signer,
            is_to_make,
            self._spool,
            self._plan_of,
        )
        by_kind: dict[Kind, list[Task]] = {kind: [] for kind in Kind}
        for task in map(self._here, tasks):
            if task.kind is Kind.FILM and not is_to_make(task):
                tally.exists(task, task.kind, Reason.DONE)
            else:
                by_kind[task.kind].append(task)
        counts = Counter({kind: len(some) for kind, some in by_kind.items()})
        run.stills(iter(by_kind[Kind.STILL]), counts)
        films = by_kind[Kind.FILM]
        run.films(iter(films), counts, FilmsClock(told, [task.source for task in films]))
        return Made(
            tuple(replace(self._as_told(outcome), machine=platform.node()) for outcome in told.outcomes),
            frozenset(tally.names_damaged),
            frozenset(tally.names_busy),
            tuple(map(self._named, told.warnings)),
            tally.stopped_by,
            time.monotonic() - began,
        )

    def _plan_of(self, request: FilmRequest, read: Callable[[], FilmPlan]) -> FilmPlan:
        """What another worker found out about a film that they share; it is read by the first one alone."""
        film = str(request.source)
        if known := ray.get(self._notary.kept.remote(film)):
            plan: FilmPlan = replace(pickle.loads(known), request=request)  # noqa: S301 - as Ray hands over everything
            if look_at(request.source).looks_like(plan.read):
                return plan
        plan = read()
        if request.settings.shard:
            self._notary.keep.remote(film, pickle.dumps(plan))
        return plan

    def _here(self, task: Task) -> Task:
        """A task whose files lie in this worker's spool, if it has one."""
        if self._spool is None:
            return task
        target = self._spool.out / task.target.relative_to(self._order.out)
        return replace(task, source=self._spool.source / task.name, target=target)

    def _as_told(self, outcome: ItemOutcome) -> ItemOutcome:
        """An outcome that names files as the driver does."""
        if self._spool is None:
            return outcome
        target, (error, hint, reason) = outcome.target, (outcome.error, outcome.hint, outcome.reason)
        return replace(
            outcome,
            source=Path(self._named(str(outcome.source))),
            target=target and Path(self._named(str(target))),
            error=error and self._named(error),
            hint=hint and self._named(hint),
            reason=reason and self._named(reason),
            warnings=tuple(map(self._named, outcome.warnings)),
        )

    def _named(self, text: str) -> str:
        """A text that names the driver's files and not those of this worker's spool."""
        order, spool = self._order, self._spool
        return told_of(text, ((spool.source, str(order.source)), (spool.out, str(order.out)))) if spool else text

    def leave(self) -> None:
        """Put away what is on this machine's disk."""
        if self._spool:
            self._spool.close()


@dataclass(slots=True)
class _WorkersTally(Tally):
    """Remembers what outcomes do not say."""

    names_damaged: list[str] = field(default_factory=list)
    names_busy: list[str] = field(default_factory=list)

    def failed(self, source: Path, name: str, kind: Kind, error: ArchiveColorError) -> None:
        """An item failed."""
        if isinstance(error, BusyError):
            self.names_busy.append(name)
        Tally.failed(self, source, name, kind, error)  # super() does not know a class with slots

    def colored(self, outcome: ItemOutcome, *, damaged: bool = False) -> None:
        """An item was colored."""
        if damaged:
            self.names_damaged.append(outcome.name)
        Tally.colored(self, outcome, damaged=damaged)
