"""A folder run from plan to record: once, or round after round while a folder is watched.

The plan is made whole before anything is colored. One journal, one tally and one engine serve all rounds; the engine
is loaded when there is something for it to do.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Final

from archivecolor.chroma.control.hint_zip import Unpacked
from archivecolor.chroma.still import Colorizer
from archivecolor.errors import OutputError, Stopped, UsageError
from archivecolor.inference import catalog
from archivecolor.inference.engine import check_features
from archivecolor.jobs import bag
from archivecolor.jobs.discover import check_folders, lies_inside
from archivecolor.jobs.journal import has_journal, hints_path, journal_path, read_journal
from archivecolor.jobs.journal_index import Index
from archivecolor.jobs.recording import Recorder
from archivecolor.jobs.records import EngineUsed, Kind
from archivecolor.jobs.tasks import Task, TaskFile
from archivecolor.jobs.watching import Watch
from archivecolor.provenance.signing import ContentSigner
from archivecolor.runs.at_stores import AtStores
from archivecolor.runs.folder.estimate import Estimator
from archivecolor.runs.folder.films_clock import FilmsClock
from archivecolor.runs.folder.helping import help_others, is_to_make
from archivecolor.runs.folder.item_settings import ItemSettings
from archivecolor.runs.folder.plan import Planner, make_out
from archivecolor.runs.folder.run import FolderRun, signer_of
from archivecolor.runs.folder.summary import Summary
from archivecolor.runs.folder.tally import FolderRecord, Tally
from archivecolor.runs.folder.transit import Transit
from archivecolor.runs.listener import INFO, Listener, Relay, Silent
from archivecolor.runs.settings import FolderSettings, absolute
from archivecolor.runs.words import words_of
from archivecolor.storage.urls import StoreURL, placed
from archivecolor.version import __version__

if TYPE_CHECKING:
    from archivecolor.runs.cluster.coloring import ClusterColoring

log: Final = logging.getLogger(__name__)

_LOOKED_AT: Final = 20
"""Results of a folder that may be a SRC and an OUT in each other's place."""


def color_folder(
    source: Path | str | StoreURL,
    out: Path | str | StoreURL,
    settings: FolderSettings | None = None,
    *,
    listener: Listener | None = None,
    stop: threading.Event | None = None,
    dry_run: bool = False,
) -> FolderRecord:
    """Color every photograph and film below ``source`` into the same tree below ``out``.

    The same call continues where an earlier one stopped. Once ``stop`` is set, the items under way are finished and no
    further one is begun. With ``dry_run`` the plan is told, item by item, and nothing is written.

    Either may be a URL of a store: see `transit`.

    Raises `ArchiveColorError` of the kind that says what cannot be done, before the first item is begun. Items that
    fail are told to the listener and counted; a full disk ends the run and stands in the record as ``stopped_by``.
    `FolderRecord.raise_for_failures` raises for both.
    """
    settings, places = settings or FolderSettings(), (placed(source), placed(out))
    if all(isinstance(place, Path) for place in places):
        return _color(Path(str(places[0])), Path(str(places[1])), settings, listener, stop, dry_run=dry_run)
    with Transit(*places, settings, dry_run=dry_run) as transit:
        heard = AtStores(listener or Silent(), transit.shown)
        record = _color(transit.source, transit.out, settings, heard, stop, dry_run=dry_run, transit=transit)
    return replace(record, failures=tuple(map(heard.told, record.failures)))


def _color(
    source: Path,
    out: Path,
    settings: FolderSettings,
    listener: Listener | None,
    stop: threading.Event | None,
    *,
    dry_run: bool,
    transit: Transit | None = None,
) -> FolderRecord:
    if settings.summary and lies_inside(settings.summary, source):
        raise UsageError(
            f"{settings.summary}: the summary would lie among the sources", hint="give --summary another place"
        )
    if settings.watch and dry_run:
        raise UsageError("--watch and --dry-run cannot be used together", hint="leave one of them out")
    if settings.cluster:
        source, out = Path(os.path.abspath(source)), Path(os.path.abspath(out))  # noqa: PTH100 - links stay as they are
    check_folders(source, out)
    if _are_swapped(source, out):
        raise UsageError(
            f"{source}: holds the results of a run",
            hint="SRC comes first, then OUT; are they swapped?",
        )
    relay = Relay(listener)
    tally = Tally(relay, _summary(settings, source, out, transit))
    stop = stop or threading.Event()
    words = words_of(settings)
    settings = replace(settings, color=replace(settings.color, hints=_hints(settings, out)))
    if settings.cluster:
        settings = absolute(settings)
    with Unpacked() as unpacked:
        items = ItemSettings(settings, catalog.find(settings.generator), unpacked)
        if items.hints:  # a ZIP that is damaged is one error now
            log.debug("hints: %s", items.hints.path)
        if settings.color.references:
            check_features(items.generator)
            log.debug("references: %s", items.references)  # what cannot be read is one error now, not one for each item
        planner = Planner(
            source,
            out,
            items,
            tally,
            stopped=lambda: stop.is_set() or tally.stopped_by is not None,
            bag=settings.bag or bag.is_bag(out),
            name=transit.name if transit else "",
            at_store=transit is not None,
        )
        if settings.shard:
            planner.share = settings.shard.holds
        job = _FolderJob(planner, stop, words, signer_of(settings), transit)
        with relay.heard():
            return job.tell() if dry_run else job.run()


def _summary(settings: FolderSettings, source: Path, out: Path, transit: Transit | None) -> Summary | None:
    """A shard's summary has the shard in its name: all of them are given the same one."""
    path = settings.summary
    if path is None:
        return None
    path = path.with_stem(f"{path.stem}-{settings.shard.name}") if settings.shard else path
    names = dict(transit.shown) if transit else {}
    return Summary(path, names.get(source, str(source)), names.get(out, str(out)))


def _hints(settings: FolderSettings, out: Path) -> Path | None:
    """The layers that were given or, without any, those that a review of ``out`` left there."""
    own = hints_path(out)
    return settings.color.hints or (own if own.is_dir() and not settings.forget_hints else None)


def _are_swapped(source: Path, out: Path) -> bool:
    """Whether ``source`` holds results of what lies in ``out``."""
    if not has_journal(source) or has_journal(out):
        return False
    return any((out / entry.source).is_file() for entry in islice(read_journal(source), _LOOKED_AT))


class _Once:
    """Opens a run the first time that one is needed."""

    def __init__(self, open_run: Callable[[int], FolderRun]) -> None:
        self._open = open_run
        self._run: FolderRun | None = None

    def __call__(self, count: int = 0) -> FolderRun:
        """The run; ``count`` items are planned for it."""
        self._run = self._run or self._open(count)
        return self._run


@dataclass(slots=True)
class _FolderJob:
    """What a run needs besides its plan."""

    planner: Planner
    stop: threading.Event
    words: tuple[str, ...]
    """That give the settings again."""
    signer: ContentSigner | None = None
    transit: Transit | None = None
    _not_begun: int = field(default=0, init=False)
    """Items that were planned and not begun."""

    def tell(self) -> FolderRecord:
        """Say what would be done, and why."""
        planner = self.planner
        run = planner.items.run
        estimator = Estimator(run.output.format, run.encode, thorough=run.color.thorough)
        with closing(Index(journal_path(planner.out))) as planner.index:
            for _ in self._rounds():
                for task in planner.tasks():
                    planner.tally.planned(task)
                    estimator.add(task)
        planner.tell_all()
        if not self.transit:
            planner.tell_strange_hints()
        return planner.tally.record(dry_run=True, estimate=estimator.estimate(planner.out, jobs=run.jobs))

    def run(self) -> FolderRecord:
        """Color everything or, while watching, whatever arrives until stopped."""
        planner, tally = self.planner, self.planner.tally
        if planner.bag:
            bag.check(planner.out)
        if not self.transit:
            planner.tell_strange_hints()
        with self._recorder() as recorder, ExitStack() as open_things:
            planner.recorder, planner.index = recorder, recorder.index
            if self.transit:
                self.transit.begin(recorder)
            opened = _Once(lambda count: self._open(count, recorder, open_things))
            cluster = self._cluster(recorder, open_things)
            for _ in iter((0,)) if cluster and self.transit else self._rounds():
                self._round(opened, cluster)
                if tally.stopped_by:
                    break
            if self.transit:
                self.transit.end()
                planner.tell_all()
            elif not planner.watch:
                help_others(planner, opened, self.stop.wait)
            try:
                recorder.check()
            except OutputError as e:
                tally.stopped_by = tally.stopped_by or e
            stopped = tally.stopped_by or (self.stop.is_set() and not planner.watch)
            if planner.bag and not stopped and planner.items.run.shard is None and bag.is_bag(planner.out):
                held = bag.seal(planner.out, f"archivecolor {__version__}")
                tally.listener.message(INFO, f"the bag holds {held} files")
        return tally.record(not_begun=self._not_begun)

    def _cluster(self, recorder: Recorder, open_things: ExitStack) -> ClusterColoring | None:
        """Connect to the cluster that the settings name, if they name one."""
        if (settings := self.planner.items.run.cluster) is None:
            return None
        from archivecolor.runs.cluster.connection import connected

        open_things.enter_context(connected(settings))
        from archivecolor.runs.cluster.coloring import ClusterColoring  # needs Ray, which is an extra

        return open_things.enter_context(ClusterColoring(settings, self.planner, recorder, self.transit))

    def _round(self, opened: _Once, cluster: ClusterColoring | None) -> None:
        """Plan what there is to do now, and do it."""
        with TaskFile(self.planner.source, self.planner.out) as plan:
            if self.planner.index:
                self.planner.index.refresh()
            if cluster:
                self._not_begun += cluster.color(plan, self._tasks())
                self._tell_planned()
                return
            self._plan(plan)
            if not len(plan):
                return
            if self.planner.tally.stopped_by:
                self._not_begun += len(plan)
                return
            try:
                run = opened(len(plan))
            except Stopped:
                if not self.stop.is_set():
                    raise  # a listener's own
                self._not_begun += len(plan)
                return
            self._color(run, plan)

    def _tasks(self) -> Iterator[Task]:
        """A round's or, of a run between stores, all: what a cluster makes is fetched elsewhere."""
        for _ in self.transit.rounds(self.planner) if self.transit else (0,):
            yield from self.planner.tasks()

    def _recorder(self) -> Recorder:
        planner = self.planner
        source = planner.name or os.path.realpath(planner.source)
        return Recorder(
            planner.out,
            __version__,
            chosen=planner.rules.chosen,
            source=source,
            words=self.words,
            shard=planner.items.run.shard,
        )

    def _rounds(self) -> Iterator[int]:
        planner = self.planner
        if not planner.items.run.watch:
            yield from self.transit.rounds(planner) if self.transit else (0,)
            return
        planner.watch = Watch(self.stop, at_store=self.transit is not None)
        planner.tally.listener.message(INFO, f"watching {planner.source}")
        for number in planner.watch.rounds():
            yield from self.transit.rounds(planner) if self.transit else (number,)

    def _plan(self, plan: TaskFile) -> None:
        for task in self.planner.tasks():
            plan.add(task)
        self._tell_planned()

    def _tell_planned(self) -> None:
        if not self.planner.watch and not self.transit:
            self.planner.tell_all()

    def _open(self, count: int, recorder: Recorder, open_things: ExitStack) -> FolderRun:
        """Make the folder for the results, keep other runs out of it, and load the engine."""
        planner, items = self.planner, self.planner.items
        make_out(planner)
        recorder.claim()
        settings, generator = items.run, items.generator
        colorizer = open_things.enter_context(
            Colorizer.load(
                settings.engine,
                str(generator.path),
                replace(settings.color, hints=None),  # each item has its own
                max_megapixels=settings.max_megapixels,
                stop=self.stop,
            )
        )
        runtime = colorizer.engine.description
        planner.tally.listener.message(INFO, f"{count} to color with '{generator.name}' on {runtime}")
        recorder.computed_by(EngineUsed(generator.name, items.weights_sha256, runtime))
        return FolderRun(
            *(planner.out, colorizer, items, recorder, planner.tally, self.stop, planner.stopped, self.signer),
            is_to_make=partial(is_to_make, planner) if items.run.shard and not self.transit else lambda _: True,
            transit=self.transit,
        )

    def _color(self, run: FolderRun, plan: TaskFile) -> None:
        tally = self.planner.tally
        ended = tally.ended
        run.stills(plan.tasks(Kind.STILL), plan.counts)
        films = FilmsClock(tally.listener, [task.source for task in plan.tasks(Kind.FILM)])
        run.films(plan.tasks(Kind.FILM), plan.counts, films)
        self._not_begun += len(plan) - (tally.ended - ended)
