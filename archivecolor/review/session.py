"""Opening a review: what there is, who may make it again and with what, and what was left of the last one."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from archivecolor.errors import ArchiveColorError, InputError, OutputError
from archivecolor.inference import catalog, select
from archivecolor.jobs.discover import lies_inside
from archivecolor.jobs.journal import has_journal, hints_path, read_runs
from archivecolor.jobs.records import RunRecord
from archivecolor.provenance.signing import ContentSigner
from archivecolor.report.items import item_of
from archivecolor.report.making import PagePlan
from archivecolor.report.previews import Preview
from archivecolor.review.app import Review
from archivecolor.review.desk import Desk
from archivecolor.review.events import Events
from archivecolor.review.kept import Kept
from archivecolor.review.queue import Queue
from archivecolor.runs.folder.again import Again, Remaker
from archivecolor.runs.settings import FolderSettings
from archivecolor.settings import DEFAULT_GENERATOR, EngineSettings

log: Final = logging.getLogger(__name__)
_LOOK_S: Final = 1.0
"""Between two looks whether other programs have written down marks."""
_NO_JOURNAL: Final = "OUT has no journal, so nothing is known of how its results were made"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewSettings:
    """How items are made again."""

    source: Path | None = None
    """SRC; None is where the last run had it."""
    generator: str | None = None
    """None is the last run's."""
    engine: EngineSettings = field(default_factory=EngineSettings)
    references: tuple[Path, ...] = ()
    hints: Path | None = None
    """Where layers are written to, and read from; None is a folder inside OUT."""
    sign_key: Path | None = None
    sign_certificates: Path | None = None
    keep_work: bool = False
    jobs: int = 0
    max_megapixels: int | None = None


@contextmanager
def open_review(plan: PagePlan, previews: Sequence[Preview], kept: Kept, settings: ReviewSettings) -> Iterator[Review]:
    """Open a review of what a page was made of; at its end the page on the disk is brought up to date.

    Raises `ArchiveColorError` of the kind that says why it cannot be.
    """
    hints = settings.hints or hints_path(plan.out)
    try:
        hints.mkdir(parents=True, exist_ok=True)
    except OSError as e:
        raise OutputError(f"{hints}: cannot be made: {e.strerror}", hint="give --hints-dir another folder") from e
    if settings.hints is None and not lies_inside(hints, plan.out):
        raise OutputError(f"{hints}: is a link out of it", hint="remove it, or give --hints-dir")
    run = _last_run(plan.out)
    source = settings.source or (Path(run.source) if run and run.source else None)
    desk, events = Desk(plan, previews, kept, hints, source), Events()
    with ExitStack() as open_things:
        queue, why_not = None, _why_not(plan.out, source)
        if not why_not and source:
            remaker = _remaker(plan.out, source, hints, run, settings, open_things)
            open_things.callback(remaker.close)

            def made(again: Again, wrong: str | None) -> None:
                entry = remaker.entry(again.name)
                if entry is None:
                    return
                item = item_of(entry, plan.out, source, remaker.runs)
                shown = plan.gallery().previews([item], threads=1, stop=lambda: False, advance=lambda: None)
                for preview in shown:
                    review.tell_replaced(desk.replaced(preview), preview, wrong)

            queue = Queue(remaker, kept, made, lambda jobs: events.tell({"type": "jobs", **jobs}))
            open_things.callback(queue.close)  # before the engine and the journal are
        review = Review(desk, events, queue, why_not)
        if queue:
            queue.start()
        open_things.enter_context(_hearing(desk, events))
        yield review
    if desk.changed:
        plan.write(desk.previews, desk.marks)
    if settings.hints is None:
        with suppress(OSError):
            hints.rmdir()  # of a review without paint nothing is left


@contextmanager
def _hearing(desk: Desk, events: Events) -> Iterator[None]:
    """Tell the pages of marks that other programs bring into OUT, while the block runs."""
    ended = threading.Event()

    def hear() -> None:
        failed = False
        while not ended.wait(_LOOK_S):
            try:
                ids = desk.hear_marks()
            except OutputError as e:
                if not failed:
                    log.warning("%s", e)
                failed = True
            else:
                failed = False
                if ids:
                    events.tell({"type": "marks", "ids": ids, "page": ""})

    thread = threading.Thread(target=hear, name="hear of marks", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
        with suppress(OutputError):  # told above, or there is nobody to tell any more
            desk.hear_marks()


def _why_not(out: Path, source: Path | None) -> str:
    if not has_journal(out):
        return _NO_JOURNAL
    if source is None:
        return "the journal does not say where SRC is: give --source"
    return "" if source.is_dir() else f"{source}, the SRC of the last run, is not there: give --source"


def _last_run(out: Path) -> RunRecord | None:
    """The last run that colored anything."""
    runs = read_runs(out)
    return next((runs[number] for number in sorted(runs, reverse=True) if runs[number].engine.generator), None)


def _remaker(
    out: Path, source: Path, hints: Path, run: RunRecord | None, settings: ReviewSettings, open_things: ExitStack
) -> Remaker:
    name = settings.generator or (run.engine.generator if run else DEFAULT_GENERATOR)
    try:
        generator = catalog.find(name)
    except ArchiveColorError as e:
        if settings.generator:
            raise
        raise InputError(f"generator '{name}', of the last run, is not here", hint="give it by --generator") from e
    signer = None
    if settings.sign_key and settings.sign_certificates:
        signer = ContentSigner(settings.sign_certificates, settings.sign_key)
    base = FolderSettings(
        generator=str(generator.path),
        engine=settings.engine,
        keep_work=settings.keep_work,
        jobs=settings.jobs,
        max_megapixels=settings.max_megapixels,
        sign_key=settings.sign_key,
        sign_certificates=settings.sign_certificates,
    )
    base = replace(base, color=replace(base.color, hints=hints, references=settings.references))
    engine = open_things.enter_context(select.open_engine(settings.engine, str(generator.path)))
    return Remaker(source, out, engine, generator, base, signer)
