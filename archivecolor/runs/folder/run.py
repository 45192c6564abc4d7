"""Coloring what a folder run has planned: stills side by side, then films one after the other.

Every result is noted in the journal before it gets its name, and every failure when it is known.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final

from archivecolor.chroma.loaded import InColorError, LoadedStill, Prediction, write_map
from archivecolor.chroma.still import Colorizer, cost_bytes
from archivecolor.errors import ArchiveColorError, OutputError, Stopped, UnexpectedError
from archivecolor.film.segments import mean_confidence
from archivecolor.jobs import workers
from archivecolor.jobs.atomic import AlreadyExistsError, DiskFullError, atomic_write, copy_whole
from archivecolor.jobs.claims import LostClaimError
from archivecolor.jobs.digests import read_open, read_state
from archivecolor.jobs.file_sets import members
from archivecolor.jobs.journal import confidence_path
from archivecolor.jobs.recording import Begun, Notes, begin
from archivecolor.jobs.records import FileState, Kind, Status, TimedConfidence
from archivecolor.jobs.resume import Reason
from archivecolor.jobs.tasks import Task
from archivecolor.provenance.premis import HeldFile, is_foreign, premis, sidecar_path
from archivecolor.provenance.signing import ContentSigner
from archivecolor.resources import usable_cores, working_budget_bytes
from archivecolor.runs.film.sharing import FinishedElsewhereError
from archivecolor.runs.folder.films_clock import FilmsClock
from archivecolor.runs.folder.item_settings import ItemSettings
from archivecolor.runs.folder.spool import Spool
from archivecolor.runs.folder.tally import Tally
from archivecolor.runs.listener import INFO, ItemOutcome, ItemStatus, Listener, Progress, Unit
from archivecolor.runs.settings import FolderSettings
from archivecolor.settings import AlreadyColor, Luma
from archivecolor.text import printable

if TYPE_CHECKING:
    from archivecolor.runs.film.plan import FilmPlan, FilmRequest, Whole

log = logging.getLogger(__name__)

COLORING: Final = "coloring"


@dataclass(frozen=True, slots=True)
class _Loaded:
    """A photograph that waits for its chroma."""

    begun: Begun
    still: LoadedStill
    items: ItemSettings
    """With what it takes over from the run that made it before."""
    colorizer: Colorizer


@dataclass(frozen=True, slots=True)
class FolderRun:
    """Colors tasks with one engine."""

    out: Path
    colorizer: Colorizer
    """With the run's own settings."""
    items: ItemSettings
    recorder: Notes
    tally: Tally
    stop: threading.Event
    stopped: Callable[[], bool]
    """Whether ``stop`` is set, or an error ended the run."""
    signer: ContentSigner | None = None
    is_to_make: Callable[[Task], bool] = lambda _: True
    """Whether other shards have left a task to do."""
    transit: Spool | None = None
    """Fetches sources and puts results, of a run between stores."""
    plan_of: Callable[[FilmRequest, Callable[[], FilmPlan]], FilmPlan] | None = None
    """Gives what others, who share a film, have found out about it or, where nobody has, what the call gives."""

    def stills(self, tasks: Iterator[Task], counts: Mapping[Kind, int]) -> None:
        """Color the photographs of a plan of so many items."""
        stages = workers.Stages(
            load=self._load,
            compute=lambda loaded: loaded[0].colorizer.estimate(
                [x.still.network_y for x in loaded], [x.still.strokes for x in loaded]
            ),
            save=self._save,
            cost_bytes=self.transit.cost_bytes if self.transit else lambda task: cost_bytes(task.source),
            group=lambda loaded: (loaded.still.network_y.shape, id(loaded.colorizer)),
        )
        outcomes = workers.run(
            tasks,
            stages,
            stop=self.stopped,
            batch=self.colorizer.engine.batch,
            threads=self.items.run.jobs or usable_cores(),
            budget_bytes=working_budget_bytes(),
        )
        if counts[Kind.STILL]:
            self._tell(0, counts)
        with closing(outcomes):
            for number, finished in enumerate(outcomes, 1):
                if finished.error:
                    self._ended_badly(finished.item, finished.error)
                elif finished.result:
                    self.tally.colored(finished.result)
                self._done(finished.item)
                self._tell(number, counts)

    def _tell(self, done: int, counts: Mapping[Kind, int]) -> None:
        """How many of the plan's items are done; failures are those of the whole run."""
        failed, films = self.tally.counts[ItemStatus.FAILED], counts[Kind.FILM]
        total = counts[Kind.STILL] + films
        self.tally.listener.progress(Progress(COLORING, done, total, Unit.ITEMS, failed=failed, films_after=films))

    def films(self, tasks: Iterator[Task], counts: Mapping[Kind, int], films: FilmsClock) -> None:
        """Color the films of a plan of so many items."""
        for number, task in enumerate(tasks, 1):
            if self.stopped():
                return
            self.tally.listener.message(INFO, f"film {number} of {counts[Kind.FILM]}: {task.name}")
            films.begin(number - 1)
            try:
                self.film(task, films, partial(self.is_to_make, task))
            except Exception as e:
                if self.tally.listener.raised:
                    raise
                if isinstance(e, Stopped):
                    return
                if not isinstance(e, FinishedElsewhereError):
                    log.debug("%s", printable(task.name), exc_info=True)
                self._ended_badly(task, e if isinstance(e, ArchiveColorError) else UnexpectedError.of(e))
            self._done(task)

    def _done(self, task: Task) -> None:
        self.tally.ended += 1
        if self.transit:
            self.transit.done(task)

    def _load(self, task: Task) -> _Loaded:
        """Decode a photograph; one that is in color already is dealt with here, and raises `InColorError`."""
        if self.transit:
            self.transit.fetch(task)
        begun = begin(task)
        if self.items.run.output.sidecar and not self.items.run.overwrite:
            _check_sidecar(task)
        try:
            recolor = self.items.run.already_color is AlreadyColor.RECOLOR
            items = self.items.with_recorded(task.recorded)
            colorizer = self.colorizer.with_settings(items.run.color)
            layers = items.hints.of_still(task.name) if items.hints else {}
            still = colorizer.load_still(task.source, recolor=recolor, hints=layers)
            return _Loaded(begun, still, items, colorizer)
        except InColorError as e:
            self._in_color(begun, e)
            raise

    def _save(self, task: Task, loaded: _Loaded, made: Prediction) -> ItemOutcome:
        """Merge, write, note and name a photograph."""
        items, colorizer = loaded.items, loaded.colorizer
        settings = items.colored(task.kind, task.target, items.layers(task.kind, task.name))
        made = colorizer.painted(made, loaded.still.network_y, loaded.still.strokes)
        warnings: tuple[str, ...] = ()
        sure: float | None = None
        luma = Luma.SAME

        def note(file: BinaryIO) -> None:
            self.recorder.made(loaded.begun, Status.COLORED, settings, task.target, file, warnings, sure, luma=luma)
            if self.items.run.output.sidecar:
                self._write_sidecar(loaded, made, file, warnings)

        map_path = confidence_path(self.out, task.target)
        with suppress(OSError):  # an earlier result's would mislead; it need not be there
            map_path.unlink()
        if self.items.run.confidence:
            write_map(map_path, made)
            if self.transit:
                self.transit.also(map_path)
        with atomic_write(task.target, overwrite=task.may_replace, before_naming=note) as file:
            warnings, confidence, luma = colorizer.write_still(file, loaded.still, made, items.run.output)
            sure = None if confidence is None else round(confidence, 4)
            if self.signer:
                was = loaded.still.still.info.format
                record = colorizer.record(painted=loaded.still.is_painted, references=made.references)
                warnings += self.signer.sign(file, items.run.output.format or was, task.source, was, record)
        return _colored(loaded.begun, warnings, sure, luma=luma)

    def _write_sidecar(self, loaded: _Loaded, made: Prediction, file: BinaryIO, warnings: tuple[str, ...]) -> None:
        """Write PREMIS beside a result that is about to be named."""
        task, source, result = loaded.begun.task, loaded.begun.source, read_open(file)
        kind = loaded.items.run.output.format or loaded.still.still.info.format
        held = (
            HeldFile(task.name, source.size_bytes, source.sha256 or "", str(loaded.still.still.info.format)),
            HeldFile(task.target.name, result.size_bytes, result.sha256 or "", str(kind)),
        )
        record = loaded.colorizer.record(painted=loaded.still.is_painted, references=made.references)
        with atomic_write(sidecar_path(task.target), overwrite=True) as sidecar:
            sidecar.write(premis(*held, record, loaded.begun.began_at, warnings))
        if self.transit:
            self.transit.also(sidecar_path(task.target))

    def film(self, task: Task, listener: Listener, is_wanted: Callable[[], bool]) -> None:
        """Color a film; ``is_wanted`` as in `make_film`. Raises what that does."""
        # Imported here, for a folder of photographs is to begin at once
        from archivecolor.runs.film.job import make_film
        from archivecolor.runs.film.plan import FilmRequest, plan_film

        if self.transit:
            self.transit.fetch(task)
        begun, items = begin(task), self.items.with_recorded(task.recorded)
        request = FilmRequest(task.source, task.target, items.run, overwrite=task.may_replace)
        try:
            reading = partial(plan_film, request, listener, self.stop)
            plan = self.plan_of(request, reading) if self.plan_of else reading()
        except InColorError as e:
            self._in_color(begun, e)
            raise
        settings = items.colored(task.kind, task.target, items.layers(task.kind, task.name))

        def note(file: BinaryIO | FileState, whole: Whole) -> None:
            sure, least_sure = mean_confidence(whole.confidence), plan.least_sure(whole.confidence)
            made = (begun, Status.COLORED, settings, task.target, file)
            self.recorder.made(*made, plan.told(whole), sure, least_sure, lost=whole.lost, luma=whole.luma)

        engine, color = self.colorizer.engine, items.for_film(task.name)
        record = make_film(plan, engine, color, listener, self.stop, before_naming=note, is_wanted=is_wanted)
        sure = mean_confidence(record.confidence)
        made = _colored(
            begun, plan.told(record.whole), sure, plan.least_sure(record.confidence), luma=record.whole.luma
        )
        self.tally.colored(made, damaged=bool(record.warnings))

    def _in_color(self, begun: Begun, why: ArchiveColorError) -> None:
        """Copy an item that is in color already, if it is to be copied, and note what was done."""
        task, settings = begun.task, self.items.in_color
        reason = why.message.removeprefix(f"{task.source}: ")
        if self.items.run.already_color is AlreadyColor.SKIP:
            self.recorder.skipped(begun, settings, reason)
            return
        # Its own name, and so its own format, whatever --format says
        target = task.target.with_name(task.source.name)

        def note(file: BinaryIO | FileState) -> None:
            self.recorder.made(begun, Status.COPIED, settings, target, file, (reason,))

        frames = members(task.source)
        for name in frames.values():
            copy_whole(task.source.with_name(name), target.with_name(name), overwrite=task.may_replace)
        if frames:
            note(read_state(target))
        else:
            copy_whole(task.source, target, overwrite=task.may_replace, before_naming=note)

    def _ended_badly(self, task: Task, error: ArchiveColorError) -> None:
        """Report and record an item without a colored result."""
        if isinstance(error, InColorError):
            copied = self.items.run.already_color is AlreadyColor.COPY
            reason = error.message.removeprefix(f"{task.source}: ")
            self.tally.in_color(task, task.kind, reason, copied=copied)
            return
        if isinstance(error, FinishedElsewhereError):
            self.tally.listener.message(INFO, f"{task.name}: another shard finished it")
            self.tally.exists(task, task.kind, Reason.DONE)
            return
        if isinstance(error, AlreadyExistsError):  # another program made it meanwhile
            self.tally.exists(task, task.kind, Reason.FOREIGN)
        else:
            self.tally.failed(task.source, task.name, task.kind, error)
        try:
            self.recorder.failed(task.name, task.source, task.kind, error, task.replaces_sha256)
        except ArchiveColorError as e:
            self._stop(e)
        if isinstance(error, DiskFullError | LostClaimError) or self.items.run.fail_fast:
            self._stop(error)

    def _stop(self, error: ArchiveColorError) -> None:
        self.tally.stopped_by = self.tally.stopped_by or error


def signer_of(settings: FolderSettings) -> ContentSigner | None:
    """What signs results, if anything. Raises `InputError` or `DependencyError`."""
    if settings.sign_key is None or settings.sign_certificates is None:
        return None
    return ContentSigner(settings.sign_certificates, settings.sign_key)


def _check_sidecar(task: Task) -> None:
    """Raise `OutputError` where somebody else's file lies in the place of an item's sidecar."""
    sidecar = sidecar_path(task.target)
    if is_foreign(sidecar):
        raise OutputError(
            f"{sidecar}: exists, and archivecolor did not write it", hint="move it elsewhere, or use --overwrite"
        )


def _colored(
    begun: Begun,
    warnings: tuple[str, ...],
    confidence: float | None,
    least_sure: tuple[TimedConfidence, ...] = (),
    *,
    luma: Luma = Luma.SAME,
) -> ItemOutcome:
    task = begun.task
    return ItemOutcome(
        task.source,
        task.name,
        ItemStatus.COLORED,
        task.kind,
        task.target,
        reason=task.reason,
        luma=luma,
        warnings=warnings,
        seconds=round(begun.seconds, 3),
        confidence=confidence,
        least_sure=least_sure,
    )
