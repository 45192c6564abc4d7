"""A folder run from plan to report: once, or round after round while a folder is watched.

The plan is made whole before anything is coloured. One journal, one report and one engine serve all rounds; the engine
is loaded when there is something for it to do.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass, field

from archivecolor.chroma.still import Colorizer
from archivecolor.cli import console
from archivecolor.cli.interrupt import Interruption, interruptible
from archivecolor.errors import OutputError
from archivecolor.jobs import bag
from archivecolor.jobs.journal import journal_path
from archivecolor.jobs.journal_index import Index
from archivecolor.jobs.recording import Recorder
from archivecolor.jobs.records import EngineUsed, Kind
from archivecolor.jobs.tasks import TaskFile
from archivecolor.jobs.watching import Watch
from archivecolor.provenance.signing import ContentSigner
from archivecolor.runs.folder.plan import Planner
from archivecolor.runs.folder.run import FolderRun
from archivecolor.settings import EngineSettings
from archivecolor.text import printable
from archivecolor.version import __version__


@dataclass(slots=True)
class Session:
    """What a run needs besides its plan."""

    planner: Planner
    runtime: EngineSettings
    max_megapixels: int | None = None
    jobs: int = 0
    quiet: bool = False
    signer: ContentSigner | None = None
    _left: int = field(default=0, init=False)
    """Items that were planned and not begun."""

    def tell(self) -> None:
        """Say what would be done, and why. Raises `ItemsFailedError` where something would fail."""
        report = self.planner.report
        with closing(Index(journal_path(self.planner.out))) as self.planner.index:
            for task in self.planner.tasks():
                report.planned(task)
        self.planner.tell_missing()
        self.planner.tell_strange_hints()
        console.log.info("%d to colour, %s", report.counts["to colour"], report.rest())
        report.write_summary()
        report.raise_for_failures()

    def run(self, *, watch: bool) -> None:
        """Colour everything, or, to ``watch``, whatever comes until somebody interrupts."""
        planner = self.planner
        if planner.bag:
            bag.check(planner.out)
        planner.tell_strange_hints()
        with interruptible() as interruption, self._recorder() as recorder, ExitStack() as open_things:
            planner.recorder, planner.index, planner.stop = recorder, recorder.index, interruption.stop
            run: FolderRun | None = None
            for _ in self._rounds(interruption, watch=watch):
                with TaskFile(planner.source, planner.out) as plan:
                    self._plan(plan)
                    if len(plan):
                        run = run or self._open(plan, recorder, interruption, open_things)
                        self._color(run, plan)
            stopped = interruption.stop.is_set() and not watch
            if planner.bag and not stopped and not planner.report.fatal and bag.is_bag(planner.out):
                console.log.info("the bag holds %d files", bag.seal(planner.out, f"archivecolor {__version__}"))
        planner.report.close(left=self._left)
        if not watch:
            interruption.raise_if_interrupted()
        planner.report.raise_for_failures()

    def _recorder(self) -> Recorder:
        planner = self.planner
        return Recorder(planner.out, __version__, chosen=planner.rules.chosen)

    def _rounds(self, interruption: Interruption, *, watch: bool) -> Iterator[int]:
        if not watch:
            yield 0
            return
        self.planner.watch = Watch(interruption.stop)
        console.log.info("watching %s; Ctrl-C ends it", printable(self.planner.source))
        yield from self.planner.watch.rounds()

    def _plan(self, plan: TaskFile) -> None:
        if self.planner.index:
            self.planner.index.refresh()
        for task in self.planner.tasks():
            plan.add(task)
        if not self.planner.watch:
            self.planner.tell_missing()

    def _open(
        self, plan: TaskFile, recorder: Recorder, interruption: Interruption, open_things: ExitStack
    ) -> FolderRun:
        """Make the folder for the results, keep other runs out of it, and load the engine."""
        planner, making = self.planner, self.planner.making
        _make(planner)
        recorder.claim()
        name = making.generator.name
        generator = str(making.generator.path)
        colorizer = open_things.enter_context(
            Colorizer.load(self.runtime, generator, making.color, max_megapixels=self.max_megapixels)
        )
        runtime = colorizer.engine.description
        console.log.info("%d to colour with '%s' on %s", len(plan), name, runtime)
        recorder.computed_by(EngineUsed(name, making.weights_sha256, runtime))
        return FolderRun(
            planner.out,
            colorizer,
            making,
            recorder,
            planner.report,
            interruption,
            self.jobs,
            planner.fail_fast,
            self.quiet,
            self.signer,
        )

    def _color(self, run: FolderRun, plan: TaskFile) -> None:
        ended = self.planner.report.ended
        run.stills(plan.tasks(Kind.STILL), plan.counts[Kind.STILL])
        run.films(plan.tasks(Kind.FILM), plan.counts[Kind.FILM])
        self._left += len(plan) - (self.planner.report.ended - ended)


def _make(planner: Planner) -> None:
    """Make the folder for the results before the first picture is coloured, to know that it can be written to."""
    out = planner.out
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as e:
        raise OutputError(f"{out}: cannot be made: {e.strerror}", hint="choose another folder") from e
    if not os.access(out, os.W_OK | os.X_OK):
        raise OutputError(f"{out}: cannot be written to", hint="check its permissions or choose another folder")
    if planner.bag:
        bag.declare(out)
