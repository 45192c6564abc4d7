"""One film that the workers of a cluster make together: a run of one item, which has no journal.

The workers are looked at before the film is read, which the driver does alone. They share its segments as shards
do, see `runs.film.sharing`, and what becomes of workers that die or hang is up to the `Dispatch`, as in a folder.
"""

from __future__ import annotations

import pickle
import platform
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import ray

from archivecolor.errors import ArchiveColorError, EngineError, InputError, OutputError, Stopped
from archivecolor.inference import catalog
from archivecolor.jobs.digests import look_at, read_state
from archivecolor.jobs.file_sets import members, numbering
from archivecolor.jobs.files import derived_name
from archivecolor.jobs.recording import now_utc
from archivecolor.jobs.records import EngineUsed, Entry, Kind, RunRecord, Settings
from archivecolor.jobs.resume import Reason
from archivecolor.jobs.tasks import Task, TaskFile
from archivecolor.runs.cluster.connection import size_of
from archivecolor.runs.cluster.crew import Crew
from archivecolor.runs.cluster.dispatch import Dispatch
from archivecolor.runs.cluster.film_worker import ERROR, PLAN, WHOLE, FilmOrder, FilmWorker
from archivecolor.runs.cluster.items import Chunk
from archivecolor.runs.cluster.signs import put_sign, remove_signs
from archivecolor.runs.cluster.worker import Seen
from archivecolor.runs.film.job import FilmRecord
from archivecolor.runs.film.plan import FilmPlan, FilmRequest, Whole
from archivecolor.runs.film.sharing import FinishedElsewhereError
from archivecolor.runs.folder.item_settings import ItemSettings
from archivecolor.runs.folder.tally import Tally
from archivecolor.runs.listener import INFO, WARNING, ItemOutcome, ItemStatus, Listener, Progress, Relay, Silent
from archivecolor.runs.settings import ClusterSettings, FolderSettings
from archivecolor.version import __version__


@contextmanager
def film_crew(
    request: FilmRequest, settings: ClusterSettings, listener: Listener | None, stop: threading.Event | None
) -> Iterator[FilmCrew]:
    """Workers for a film, who load their engines; the process is a driver of the cluster already.

    Raises what says why the cluster, or a machine of it, will not do, and `Stopped`.
    """
    size, sign = size_of(settings), derived_name(".", request.target.name, ".seen-")
    folder = request.target.parent
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as e:
        raise OutputError(f"{folder}: cannot be created: {e.strerror}", hint="choose another folder") from e
    run = RunRecord(0, now_utc(), __version__, EngineUsed("", "", ""), machine=platform.node())
    order = FilmOrder(folder, request.settings, run, size.cores)
    color = request.settings.color
    frames = members(request.source) if numbering(request.source) else {}
    film = request.source.with_name(next(iter(frames.values()))) if frames else request.source
    named = (put_sign(folder, sign), film, color.hints, color.frames, *color.references)
    found = catalog.find(request.settings.generator)
    seen = Seen(
        __version__,
        request.settings.generator,
        found.digests.get(catalog.WEIGHTS, ""),
        (str(request.source.parent), str(folder)),
        tuple(str(path) for path in named if path),
        (str(request.source.parent), str(folder)),
    )
    stop = stop or threading.Event()
    crew = Crew(size, settings.workers, seen, order, FilmWorker)
    try:
        crew.assemble(stop.is_set)
        if stop.is_set():
            raise Stopped
        yield FilmCrew(crew, run, settings, listener or Silent(), stop)
    finally:
        crew.close()
        remove_signs(folder, sign)


@dataclass(frozen=True, slots=True)
class FilmCrew:
    """Workers that are ready."""

    crew: Crew
    run: RunRecord
    settings: ClusterSettings
    listener: Listener
    stop: threading.Event

    def make(self, plan: FilmPlan) -> FilmRecord:
        """Make what was planned. Raises what `color_film` does."""
        began, request = time.monotonic(), plan.request
        _kept(self.crew, PLAN, plan)
        heard, book = _Heard(self.listener), _NoBook(self.run)
        items = ItemSettings(
            FolderSettings(generator=request.settings.generator, cluster=self.settings),
            catalog.find(request.settings.generator),
        )
        told = _Run(request.target.parent, items, Tally(Relay(heard)), self.stop.is_set)
        with TaskFile(request.source.parent, told.out) as tasks:
            film = _Film(told, book, self.crew, tasks)
            film.run(iter([_task(request)]))
        outcome = heard.outcome
        if outcome is None:
            raise Stopped
        if outcome.status is ItemStatus.EXISTS:
            raise FinishedElsewhereError(f"{request.target}: another run finished it")
        if outcome.status is ItemStatus.FAILED:
            raise book.error or _kept(self.crew, ERROR) or EngineError(str(outcome.error), hint=outcome.hint)
        whole: Whole = _kept(self.crew, WHOLE)
        return FilmRecord(
            source=request.source,
            target=request.target,
            frames=sum(whole.machines.values()),
            resumed=film.resumed or 0,
            shots=plan.shots,
            encoding=plan.encoding,
            whole=whole,
            bytes=look_at(request.target).size_bytes,
            seconds=time.monotonic() - began,
        )


def _task(request: FilmRequest) -> Task:
    """The film as an item, with what it may replace."""
    try:
        replaces = read_state(request.target).sha256
    except InputError:
        replaces = None
    return Task(request.source, request.target, request.source.name, Kind.FILM, Reason.NEW, replaces)


def _kept(crew: Crew, name: str, value: object = None) -> Any:
    """What workers left with the notary, or leave ``value`` with it for them."""
    if value is not None:
        return ray.get(crew.notary.keep.remote(name, pickle.dumps(value)))
    found = ray.get(crew.notary.kept.remote(name))
    return pickle.loads(found) if found else None  # noqa: S301 - as Ray hands over everything


@dataclass(slots=True)
class _Run:
    """What a `Dispatch` wants to know of a run."""

    out: Path
    items: ItemSettings
    tally: Tally
    stopped: Callable[[], bool]


@dataclass(slots=True)
class _NoBook:
    """In the place of a journal's recorder, for there is no journal."""

    run: RunRecord
    error: ArchiveColorError | None = None
    """Why the film was set aside."""

    def write(self, entry: Entry, settings: Settings | None = None, *, wait: bool = True) -> None:
        """A worker has the film, and is about to name it."""

    def failed(self, name: str, source: Path, kind: Kind, error: ArchiveColorError, kept: str | None = None) -> None:
        """Workers died of it."""
        self.error = error

    def sync(self) -> None:
        """There is nothing to sync."""

    def computed_by(self, engine: EngineUsed) -> None:
        """Nobody asks."""


class _Heard(Listener):
    """Passes on what is said of the film, but for its outcome; workers say the same each."""

    def __init__(self, listener: Listener) -> None:
        self.outcome: ItemOutcome | None = None
        self._listener = listener
        self._warned: set[str] = set()

    def progress(self, progress: Progress) -> None:
        """Pass on."""
        self._listener.progress(progress)

    def item_done(self, outcome: ItemOutcome) -> None:
        """Keep."""
        self.outcome = outcome

    def item_failed(self, outcome: ItemOutcome) -> None:
        """Keep."""
        self.outcome = outcome

    def message(self, level: int, text: str) -> None:
        """Pass on, warnings once."""
        if level < WARNING or text not in self._warned:
            self._listener.message(level, text)
        self._warned.update([text] if level >= WARNING else [])


class _Film(Dispatch):
    """A round of one film, whose progress is told in frames."""

    _command = "video"

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self.resumed: int | None = None
        """Frames that earlier runs made, once a worker has looked."""
        self._last: dict[int, Progress] = {}
        """What each worker said last, by its chunk."""

    def _heard(self, chunk: Chunk, progress: Progress) -> None:
        if self.resumed is None:
            self.resumed = int(progress.done - progress.frames_here)
            if self.resumed:
                told = f"continuing: {self.resumed} of {progress.total:.0f} frames are done"
                self._tally.listener.message(INFO, told)
        self._last[chunk.number] = progress

    def _tell(self, *, listed: bool) -> None:
        if not self._last:
            return
        last = self._last.values()
        some = next(iter(last))
        total = some.total or 0
        made = (self.resumed or 0) + sum(one.frames_here for one in last)
        most = total if any(one.done >= total for one in last) else total - 1  # who died half-way counts, too
        told = replace(some, done=min(made, most), frames_here=0.0, workers=len(self._crew.ready))
        if told != self._told:
            self._told = told
            self._tally.listener.progress(told)
