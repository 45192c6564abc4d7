"""What a worker of a cluster does: it loads the engine once, and makes chunks of a plan as a run on one machine does.

All that differs from such a run is where the lines of the journal go: to the driver, by way of the `Notary`.
"""

from __future__ import annotations

import os
import pickle
import platform
import secrets
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import ray

from archivecolor import resources
from archivecolor.chroma.control.hint_zip import Unpacked
from archivecolor.chroma.still import Colorizer
from archivecolor.errors import ArchiveColorError, InputError, UnexpectedError
from archivecolor.inference import catalog
from archivecolor.jobs.digests import look_at, read_state
from archivecolor.jobs.journal import FOLDER
from archivecolor.jobs.locks import BusyError
from archivecolor.jobs.recording import Notes
from archivecolor.jobs.records import Entry, Kind, RunRecord, Settings
from archivecolor.jobs.resume import Reason
from archivecolor.jobs.shards import MOST, Shard
from archivecolor.jobs.tasks import Task
from archivecolor.runs.at_stores import told_of
from archivecolor.runs.folder.films_clock import FilmsClock
from archivecolor.runs.folder.item_settings import ItemSettings
from archivecolor.runs.folder.run import FolderRun, signer_of
from archivecolor.runs.folder.spool import Spool
from archivecolor.runs.folder.tally import Tally
from archivecolor.runs.listener import WARNING, ItemOutcome, Listener, Progress, Relay
from archivecolor.runs.settings import FolderSettings
from archivecolor.storage.store import Store
from archivecolor.storage.urls import StoreURL, placed
from archivecolor.version import __version__

if TYPE_CHECKING:
    from archivecolor.runs.film.plan import FilmPlan, FilmRequest

_SIGN_OF_LIFE_S: Final = 2.0
"""Between two that a worker gives while it makes a film."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What a machine must have to work for a run; only values that every version of archivecolor can read."""

    version: str
    generator: str
    weights_sha256: str
    folders: tuple[str, ...]
    """SRC and OUT, as far as they are on a disk."""
    signs: tuple[str, ...]
    """Files that the driver sees in them, and all others that the settings name."""
    places: tuple[str, str]
    """SRC and OUT, be they URLs of stores."""


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


@dataclass(frozen=True, slots=True)
class Made:
    """What became of a chunk; items without an outcome were not begun."""

    outcomes: tuple[ItemOutcome, ...]
    damaged: frozenset[str]
    """Names of films of which everything was written that could be decoded."""
    busy: frozenset[str]
    """Names of items that failed because another process was writing their results."""
    warnings: tuple[str, ...]
    stopped_by: ArchiveColorError | None
    seconds: float


class Worker:
    """The actor. `make` is called for one chunk after the other; `stop` may be called meanwhile."""

    def __init__(self, notary: Any) -> None:
        self._notary = notary
        self._stop = threading.Event()
        self._unpacked = Unpacked()
        self._spool: Spool | None = None

    def look(self, wanted: dict[str, Any]) -> tuple[str, str, str | None]:
        """The machine's name, its node's number, and what of ``wanted``, the fields of a `Seen`, it lacks."""
        node = ray.get_runtime_context().get_node_id()
        return platform.node(), node, lacks(Seen(**wanted))

    def begin(self, order: Order) -> str | ArchiveColorError:
        """Load the engine; gives its description, or what went wrong."""
        resources.keep_to(order.cores)
        # Workers share a film's segments as shards do; which one this is matters to nobody, but no two are the same
        shard = None if order.places else Shard(secrets.randbelow(MOST) + 1, MOST)
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
        began, order, told = time.monotonic(), self._order, _Told(self._notary, chunk)
        out, notes = order.out, _ToDriver(order, self._notary, chunk)
        if self._spool:
            out, notes = self._spool.out, _ToDriver(replace(order, out=self._spool.out), self._notary, chunk)
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
            _is_to_make,
            self._spool,
            self._plan_of,
        )
        by_kind: dict[Kind, list[Task]] = {kind: [] for kind in Kind}
        for task in map(self._here, tasks):
            if task.kind is Kind.FILM and not _is_to_make(task):
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
        if known := ray.get(self._notary.plan_of.remote(film)):
            plan: FilmPlan = replace(pickle.loads(known), request=request)  # noqa: S301 - as Ray hands over everything
            if look_at(request.source).looks_like(plan.read):
                return plan
        plan = read()
        if request.settings.shard:
            self._notary.planned.remote(film, pickle.dumps(plan))
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

    def stop(self) -> None:
        """Finish what is under way, and begin nothing more."""
        self._stop.set()


def lacks(wanted: Seen) -> str | None:
    """What this machine lacks to work for a run, in words; None where it lacks nothing."""
    if wanted.version != __version__:
        return f"has archivecolor {__version__}, not {wanted.version}"
    for path in (*wanted.folders, *wanted.signs):
        if not os.path.lexists(path):
            return f"does not see {path}"
    source, out = map(placed, wanted.places)
    if isinstance(out, Path) and not os.access(out, os.W_OK | os.X_OK):
        return f"cannot write to {out}"
    try:
        if isinstance(source, StoreURL):
            Store(source).check_readable()
        if isinstance(out, StoreURL):
            Store(out).check_writable(FOLDER)
    except ArchiveColorError as e:
        return f"cannot use a store: {e.message}"
    try:
        found = catalog.find(wanted.generator)
    except ArchiveColorError as e:
        return f"lacks the generator: {e}"
    if found.digests.get(catalog.WEIGHTS, "") != wanted.weights_sha256:
        return f"has another generator '{found.name}': its weights are not the same"
    return None


def _is_to_make(task: Task) -> bool:
    """Whether no other worker has made a film meanwhile."""
    if task.reason is Reason.OVERWRITE:
        return True
    try:
        return read_state(task.target).sha256 == task.replaces_sha256
    except InputError:
        return True


class _ToDriver(Notes):
    """Puts down what becomes of a chunk's items with the driver, and waits until that has it in its journal."""

    def __init__(self, order: Order, notary: Any, chunk: int) -> None:
        super().__init__(order.out, order.run, chosen=order.chosen)
        self._notary, self._chunk = notary, chunk

    def announce(self, told: Iterable[tuple[Entry, Settings]]) -> None:
        """Get leave to put results into a store, once it says that they are coming."""
        for entry, settings in told:
            entry = replace(entry, machine=platform.node())
            error = ray.get(self._notary.note.remote(self._chunk, entry, settings, is_there=False))
            if error:
                raise error

    def write(self, entry: Entry, settings: Settings | None = None, *, wait: bool = True) -> None:
        """Have an entry written."""
        entry = replace(entry, machine=platform.node())
        error = ray.get(self._notary.note.remote(self._chunk, entry, settings))
        if error:
            raise error


class _Told(Listener):
    """Keeps outcomes and warnings for the driver, and tells it at once that there is progress with a film."""

    def __init__(self, notary: Any, chunk: int) -> None:
        self.outcomes: list[ItemOutcome] = []
        self.warnings: list[str] = []
        self._notary, self._chunk = notary, chunk
        self._spoke = time.monotonic()

    def progress(self, progress: Progress) -> None:
        """Give a sign of life."""
        if time.monotonic() - self._spoke >= _SIGN_OF_LIFE_S:
            self._spoke = time.monotonic()
            self._notary.go_on.remote(self._chunk)

    def item_done(self, outcome: ItemOutcome) -> None:
        """Keep."""
        self.outcomes.append(outcome)

    def item_failed(self, outcome: ItemOutcome) -> None:
        """Keep."""
        self.outcomes.append(outcome)

    def message(self, level: int, text: str) -> None:
        """Keep warnings; the driver says the rest itself."""
        if level >= WARNING:
            self.warnings.append(text)


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
