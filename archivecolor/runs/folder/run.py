"""Colouring what a folder run has planned: stills side by side, then films one after the other.

Every result is noted in the journal before it gets its name, and every failure when it is known.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from archivecolor.chroma.film import Stopped
from archivecolor.chroma.still import Colorizer, InColorError, LoadedStill, Prediction, cost_bytes, write_map
from archivecolor.cli import console
from archivecolor.cli.film_progress import FilmProgress, tell_least_sure
from archivecolor.cli.interrupt import Interruption
from archivecolor.errors import ArchiveColorError
from archivecolor.film.segments import ShotConfidence, mean_confidence
from archivecolor.jobs import workers
from archivecolor.jobs.atomic import AlreadyExistsError, DiskFullError, atomic_write, copy_whole
from archivecolor.jobs.digests import read_open
from archivecolor.jobs.journal import confidence_path
from archivecolor.jobs.recording import Begun, Recorder, begin
from archivecolor.jobs.records import Status
from archivecolor.jobs.resume import Reason
from archivecolor.jobs.tasks import Task
from archivecolor.provenance.premis import HeldFile, premis, sidecar_path
from archivecolor.provenance.signing import ContentSigner
from archivecolor.resources import memory_bytes
from archivecolor.runs.film.job import FilmInColorError, FilmPlan, FilmRequest, color_film, plan_film
from archivecolor.runs.folder.settings import Making
from archivecolor.runs.folder.tally import Report
from archivecolor.settings import AlreadyColor
from archivecolor.text import clock, printable

_BUDGET_SHARE = 0.4


@dataclass(frozen=True, slots=True)
class _Loaded:
    """A photograph that waits for its chroma."""

    begun: Begun
    still: LoadedStill


@dataclass(frozen=True, slots=True)
class _Saved:
    """What is to be told of a photograph that was written."""

    warnings: tuple[str, ...]
    seconds: float
    confidence: float | None


@dataclass(frozen=True, slots=True)
class FolderRun:
    """Colours tasks with one engine."""

    out: Path
    colorizer: Colorizer
    making: Making
    recorder: Recorder
    report: Report
    interruption: Interruption
    jobs: int = 0
    """Threads that read and write; 0: as many as cores. Segments of a film side by side, at least one."""
    fail_fast: bool = False
    quiet: bool = False
    signer: ContentSigner | None = None

    def stills(self, tasks: Iterator[Task], total: int) -> None:
        """Colour ``total`` photographs."""
        stages = workers.Stages(
            load=self._load,
            compute=lambda loaded: self.colorizer.estimate([x.still.look for x in loaded]),
            save=self._save,
            cost_bytes=lambda task: cost_bytes(task.source),
            group=lambda loaded: loaded.still.look.shape,
        )
        outcomes = workers.run(
            tasks,
            stages,
            stop=self.interruption.stop.is_set,
            batch=self.colorizer.engine.batch,
            threads=self.jobs or os.cpu_count() or 1,
            budget_bytes=int(memory_bytes() * _BUDGET_SHARE),
        )
        with console.Progress(total, quiet=self.quiet) as progress:
            for outcome in outcomes:
                if outcome.error:
                    failed = self._ended_badly(outcome.item, outcome.error)
                else:
                    failed = False
                    if outcome.result:
                        made = outcome.result
                        self.report.colored(outcome.item, made.warnings, made.seconds, made.confidence)
                self.report.ended += 1
                progress.advance(failed=failed)

    def films(self, tasks: Iterator[Task], total: int) -> None:
        """Colour ``total`` films."""
        for number, task in enumerate(tasks, 1):
            if self.interruption.stop.is_set():
                return
            console.log.info("film %d of %d: %s", number, total, printable(task.name))
            try:
                self._film(task)
            except Stopped:
                return
            except ArchiveColorError as e:
                self._ended_badly(task, e)
            self.report.ended += 1

    def _load(self, task: Task) -> _Loaded:
        """Decode a photograph; one that is in colour already is dealt with here, and raises `InColorError`."""
        begun = begin(task)
        try:
            recolor = self.making.already_color is AlreadyColor.RECOLOR
            layers = self.colorizer.layers_of(task.name)
            return _Loaded(begun, self.colorizer.load_still(task.source, recolor=recolor, hints=layers))
        except InColorError as e:
            self._in_color(begun, e)
            raise

    def _save(self, task: Task, loaded: _Loaded, made: Prediction) -> _Saved:
        """Merge, write, note and name a photograph."""
        settings = self.making.colored(task.kind, task.target, task.name)
        made = self.colorizer.painted(made, loaded.still.look, loaded.still.strokes)
        warnings: tuple[str, ...] = ()
        sure: float | None = None

        def note(file: BinaryIO) -> None:
            self.recorder.made(loaded.begun, Status.COLORED, settings, task.target, file, warnings, sure)
            if self.making.output.sidecar:
                self._write_sidecar(loaded, file, warnings)

        map_path = confidence_path(self.out, task.target)
        with suppress(OSError):  # an earlier result's would mislead; it need not be there
            map_path.unlink()
        if self.making.confidence:
            write_map(map_path, made)
        with atomic_write(task.target, overwrite=task.may_replace, before_naming=note) as file:
            warnings, confidence = self.colorizer.write_still(file, loaded.still, made, self.making.output)
            sure = None if confidence is None else round(confidence, 4)
            if self.signer:
                was = loaded.still.still.info.format
                record = self.colorizer.record(painted=loaded.still.is_painted)
                warnings += self.signer.sign(file, self.making.output.format or was, task.source, was, record)
        return _Saved(warnings, loaded.begun.seconds, sure)

    def _write_sidecar(self, loaded: _Loaded, file: BinaryIO, warnings: tuple[str, ...]) -> None:
        """Write PREMIS beside a result that is about to be named."""
        task, source, result = loaded.begun.task, loaded.begun.source, read_open(file)
        kind = self.making.output.format or loaded.still.still.info.format
        held = (
            HeldFile(task.name, source.size_bytes, source.sha256 or "", str(loaded.still.still.info.format)),
            HeldFile(task.target.name, result.size_bytes, result.sha256 or "", str(kind)),
        )
        with atomic_write(sidecar_path(task.target), overwrite=True) as sidecar:
            sidecar.write(
                premis(
                    *held,
                    self.colorizer.record(painted=loaded.still.is_painted),
                    loaded.begun.began_at,
                    warnings,
                )
            )

    def _film(self, task: Task) -> None:
        begun = begin(task)
        request = FilmRequest(
            task.source,
            task.target,
            self.making.encode,
            recolor=self.making.already_color is AlreadyColor.RECOLOR,
            leave_out=self.making.leave_out,
            overwrite=task.may_replace,
        )
        try:
            with FilmProgress("reading", quiet=self.quiet) as progress:
                plan = plan_film(request, progress.share, self.interruption.stop)
        except FilmInColorError as e:
            self._in_color(begun, e)
            raise
        self._color_film(begun, plan)

    def _color_film(self, begun: Begun, plan: FilmPlan) -> None:
        task, film = begun.task, plan.scan.film
        settings = self.making.colored(task.kind, task.target, task.name)
        warnings = (*plan.encoding.notes, *(f"at {clock(w.time_s)}: {w.text}" for w in film.warnings))

        def note(file: BinaryIO, shots: tuple[ShotConfidence, ...]) -> None:
            sure, least_sure = mean_confidence(shots), plan.least_sure(shots)
            self.recorder.made(begun, Status.COLORED, settings, task.target, file, warnings, sure, least_sure)

        rate = len(film.times) / film.duration_s if film.duration_s else 1.0
        with FilmProgress("colouring", rate=rate, quiet=self.quiet) as progress:
            record = color_film(
                plan,
                self.colorizer.engine,
                self.making.for_film(task.name),
                self.making.film,
                jobs=max(1, self.jobs),
                stop=self.interruption.stop,
                progress=progress.frames,
                before_naming=note,
            )
        sure = mean_confidence(record.confidence)
        self.report.colored(task, warnings, begun.seconds, sure, damaged=bool(film.warnings))
        tell_least_sure(plan.least_sure(record.confidence))

    def _in_color(self, begun: Begun, why: ArchiveColorError) -> None:
        """Copy an item that is in colour already, if it is to be copied, and note what was done."""
        task, settings = begun.task, self.making.in_color
        reason = why.message.removeprefix(f"{task.source}: ")
        if self.making.already_color is AlreadyColor.SKIP:
            self.recorder.skipped(begun, settings, reason)
            return
        # Its own name, and so its own format, whatever --format says
        target = task.target.with_name(task.source.name)

        def note(file: BinaryIO) -> None:
            self.recorder.made(begun, Status.COPIED, settings, target, file, (reason,))

        copy_whole(task.source, target, overwrite=task.may_replace, before_naming=note)

    def _ended_badly(self, task: Task, error: ArchiveColorError) -> bool:
        """Tell and note what came to no coloured result; says whether that is a failure."""
        if isinstance(error, InColorError | FilmInColorError):
            copied = self.making.already_color is AlreadyColor.COPY
            reason = error.message.removeprefix(f"{task.source}: ")
            self.report.in_color(task, task.kind, reason, copied=copied)
            return False
        if isinstance(error, AlreadyExistsError):  # somebody made it meanwhile
            self.report.exists(task, task.kind, Reason.FOREIGN)
        else:
            self.report.failed(task.source, task.name, task.kind, error)
        try:
            self.recorder.failed(task.name, task.source, task.kind, error, task.replaces_sha256)
        except ArchiveColorError as e:
            self._stop(e)
        if isinstance(error, DiskFullError) or self.fail_fast:
            self._stop(error)
        return True

    def _stop(self, error: ArchiveColorError) -> None:
        self.report.fatal = self.report.fatal or error
        self.interruption.stop.set()
