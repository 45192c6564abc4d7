"""One film from file to file.

::

    plan -> free space -> journal -> segments (`segment_maker`) -> join -> sync -> rename

The target's name is given once all of it is there. What a stopped or killed run made stays in a work folder
beside the target, and the same request continues from there. Shards make one film together: see `sharing`.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, TypeAlias

from archivecolor.chroma.control.hint_zip import for_film
from archivecolor.chroma.recording import record_of
from archivecolor.errors import OutputError
from archivecolor.film.about import xmp_at
from archivecolor.film.damage import Warned
from archivecolor.film.encoding import Encoding
from archivecolor.film.laid import LaidChroma
from archivecolor.film.segments import Segment, SegmentJournal, ShotConfidence, plan_segments
from archivecolor.film.writing import Joined
from archivecolor.inference import select
from archivecolor.inference.engine import Engine
from archivecolor.jobs.atomic import atomic_write
from archivecolor.jobs.digests import look_at
from archivecolor.jobs.file_sets import members
from archivecolor.jobs.locks import BusyError
from archivecolor.jobs.records import FileState
from archivecolor.provenance.xmp import Record
from archivecolor.runs.film.advised import advised, tell_references
from archivecolor.runs.film.frame_writer import FrameWriter, luma_of_all, state_of, told_of
from archivecolor.runs.film.joining import check_unchanged, join_film, lost
from archivecolor.runs.film.made_with import fingerprint_of, kept_of
from archivecolor.runs.film.places import at_places
from archivecolor.runs.film.plan import FilmPlan, FilmRequest, Whole, plan_film
from archivecolor.runs.film.segment_maker import SegmentMaker
from archivecolor.runs.film.sharing import Sharing, remove_shared, shared_folder, take_in_shards
from archivecolor.runs.film.space import check_space
from archivecolor.runs.film.work import work_folder
from archivecolor.runs.listener import INFO, Listener, Progress, Relay, Silent, Unit
from archivecolor.runs.settings import FilmSettings, FolderSettings
from archivecolor.sequences.coding import FrameCoding
from archivecolor.sequences.colors import LaidFrames, noted
from archivecolor.settings import ColorSettings
from archivecolor.storage.urls import StoreURL, placed
from archivecolor.version import __version__

log = logging.getLogger(__name__)

BeforeNaming: TypeAlias = Callable[[BinaryIO | FileState, Whole], None]


@dataclass(frozen=True, slots=True)
class FilmRecord:
    """The outcome of a film."""

    source: Path
    target: Path
    frames: int
    resumed: int
    """Of the frames, how many an earlier run had made."""
    shots: int
    encoding: Encoding | FrameCoding
    copied: tuple[str, ...]
    """Streams that were copied untouched, in words."""
    whole: Whole
    bytes: int
    seconds: float
    """That the work took, planning left out."""

    @property
    def warnings(self) -> tuple[Warned, ...]:
        """Damage of the source; everything that can be decoded was written."""
        return self.whole.warnings

    @property
    def confidence(self) -> tuple[ShotConfidence, ...]:
        """How sure the generator was of each shot; empty from generators that do not report it."""
        return self.whole.confidence


def color_film(
    source: Path | str | StoreURL,
    target: Path | str | StoreURL,
    settings: FilmSettings | None = None,
    *,
    listener: Listener | None = None,
    stop: threading.Event | None = None,
    cuts: Path | str | None = None,
) -> FilmRecord:
    """Color a film: its picture in color, its luma as it was, everything else in it untouched.

    Raises `InputError`, `OutputError`, `UsageError` or `EngineError`; `Stopped` once ``stop`` is set. After each of
    them the same call continues from the last finished segment. ``cuts`` is a list of shots, .otio, .edl or
    .csv, that takes the place of the cuts that are found, and says how single shots are colored. With
    ``settings.shard`` other calls make it, too; raises `FinishedElsewhereError` where one of these named it.
    """
    settings = settings or FilmSettings()
    listed = Path(cuts) if cuts is not None else None
    at_stores = at_places(placed(source), placed(target), settings, overwrite=settings.overwrite)
    with at_stores as places, Relay(listener).heard() as relay:
        request = FilmRequest(places.source, places.target, settings, overwrite=settings.overwrite, cuts=listed)
        with for_film(settings.color, request.source.name) as color:
            plan = plan_film(request, relay, stop)
            with select.open_engine(settings.engine, settings.generator) as engine:
                return make_film(plan, engine, color, relay, stop, before_naming=places.deliver)


def make_film(
    plan: FilmPlan,
    engine: Engine,
    color: ColorSettings,
    listener: Listener | None = None,
    stop: threading.Event | None = None,
    *,
    before_naming: BeforeNaming | None = None,
    is_wanted: Callable[[], bool] | None = None,
) -> FilmRecord:
    """Make what was planned, with ``color`` in place of the settings' own: a folder has hints for each film.

    ``before_naming`` is given the film when it is whole, before it has its name, and what is known of it then; what it
    raises ends the run. ``is_wanted`` says of a film that shards share whether it is still to be made; else it is where
    nothing has its name. Raises what `color_film` does.
    """
    began = time.monotonic()
    request, settings = plan.request, plan.request.settings
    with ExitStack() as open_things:
        advice, colorizer = advised(plan, engine, color, stop)
        kept = kept_of(plan, engine, color)
        if kept:
            open_things.callback(kept.close)
        shard = None if kept else settings.shard
        folder = shared_folder(request.target) / shard.name if shard else work_folder(request.target)
        maker = SegmentMaker(
            *(request.source, plan.scan, colorizer, plan.encoding, settings.encode.side_by_side, kept),
            writer=_writer(plan, folder),
            chroma_only=request.chroma_only,
            given=advice,
            record=_record_of_coloring(plan, engine, color, painted=advice.is_given),
        )
        maker.check_frames(listener or Silent(), stop)
        fingerprint, sharing = fingerprint_of(plan, engine, color, kept=kept is not None, painted=advice.is_given), None
        segments = _segments(plan)
        said = {segment.number: advice.told(segment, graded=True) for segment in segments}
        if shard:
            wanted = is_wanted or (lambda: not members(request.target) and not os.path.lexists(request.target))
            made = (request.target, work_folder(request.target), shard, fingerprint, segments, _suffix(plan))
            sharing = open_things.enter_context(Sharing(*made, wanted, said))
        journal = sharing.journal if sharing else open_things.enter_context(_journal(plan, fingerprint, said))
        done = _make(plan, maker, journal, listener or Silent(), stop, before_naming, sharing)
        tell_references(colorizer, request.source.name, listener or Silent())
    return _record(plan, *done, time.monotonic() - began)


def lay_film(
    plan: FilmPlan,
    laid: LaidChroma | LaidFrames,
    listener: Listener | None = None,
    stop: threading.Event | None = None,
    *,
    before_naming: BeforeNaming | None = None,
) -> FilmRecord:
    """Make what was planned with chroma that is there already. Raises what `color_film` does."""
    began = time.monotonic()
    writer = _writer(plan, work_folder(plan.request.target))
    noted_of = laid.record if isinstance(laid, LaidFrames) else noted(xmp_at(laid.path))
    maker = SegmentMaker(plan.request.source, plan.scan, None, plan.encoding, writer=writer, laid=laid, record=noted_of)
    files = [(path.resolve(), (s := look_at(path)).size_bytes, s.mtime_ns) for path in (plan.request.source, laid.path)]
    with _journal(plan, f"{__version__} {files} {plan.encoding}", {}) as journal:
        done = _make(plan, maker, journal, listener or Silent(), stop, before_naming)
    return _record(plan, *done, time.monotonic() - began)


def _journal(plan: FilmPlan, fingerprint: str, said: Mapping[int, str]) -> SegmentJournal:
    target = plan.request.target
    try:
        journal = SegmentJournal(work_folder(target), fingerprint, _suffix(plan), said)
        try:
            take_in_shards(journal, target)
        except BaseException:
            (journal.close if journal.made else journal.remove)()
            raise
    except BusyError as e:
        raise OutputError(f"{target}: another run is writing it", hint="let that run finish") from e
    return journal


def _suffix(plan: FilmPlan) -> str:
    """Of the files of segments: film, or lists of frames."""
    return ".mkv" if plan.muxer else ".jsonl"


def _segments(plan: FilmPlan) -> list[Segment]:
    times = [plan.scan.film.seconds(i) for i in range(plan.part.last)]
    return plan_segments(times, plan.scan.cuts, plan.part.first)


def _record(plan: FilmPlan, resumed: int, joined: Joined, whole: Whole, seconds: float) -> FilmRecord:
    return FilmRecord(
        source=plan.request.source,
        target=plan.request.target,
        frames=joined.frames,
        resumed=resumed,
        shots=plan.shots,
        encoding=plan.encoding,
        copied=joined.copied,
        whole=whole,
        bytes=look_at(plan.request.target).size_bytes,
        seconds=seconds,
    )


def preview_film(
    plan: FilmPlan, engine: Engine, color: ColorSettings, sheet: Path, listener: Listener | None = None
) -> int:
    """Write one colored picture of each shot into a PNG or JPEG; gives their number. Raises `OutputError`."""
    advice, colorizer = advised(plan, engine, color)
    side_by_side = plan.request.settings.encode.side_by_side
    maker = SegmentMaker(plan.request.source, plan.scan, colorizer, plan.encoding, side_by_side, given=advice)
    maker.check_frames(listener or Silent())
    return maker.contact_sheet(sheet, plan.part, overwrite=plan.request.overwrite)


def _make(
    plan: FilmPlan,
    maker: SegmentMaker,
    journal: SegmentJournal,
    listener: Listener,
    stop: threading.Event | None,
    before_naming: BeforeNaming | None,
    sharing: Sharing | None = None,
) -> tuple[int, Joined, Whole]:
    """Make what is missing of the segments, and the film of all of them; gives how many frames were there."""
    segments = _segments(plan)
    reused = sum(s.last - s.first for s in segments if maker.holds_chroma(s))
    if reused:
        listener.message(INFO, f"the chroma of {reused} frames was kept and is used again")
    resumed = sum(made.frames for made in journal.made.values())
    done = float(resumed)
    if resumed:
        listener.message(INFO, f"continuing: {resumed} of {plan.frames} frames are done")
    try:
        check_space(plan, sum(made.bytes for made in journal.made.values()))
    except OutputError:
        if not journal.made and not sharing:
            journal.remove()
        raise
    name, film = plan.request.source.name, plan.scan.film
    rate = len(film.times) / film.duration_s if film.duration_s else 1.0

    def advance(frames: float) -> None:
        nonlocal done
        done += frames
        listener.progress(Progress("coloring", int(done), plan.frames, Unit.FRAMES, name, frames_per_s=rate))

    def make() -> None:
        advance(0)
        jobs = plan.request.settings.jobs or 1
        maker.make_all(segments, journal, jobs=jobs, stop=stop, advance=advance, sharing=sharing)

    if sharing:
        make()
        with sharing.finishing(stop):
            return resumed, *_finish(plan, maker, segments, journal, before_naming, sharing.check)
    finished = _finish(plan, maker, segments, journal, before_naming, make=make)
    journal.remove()
    remove_shared(plan.request.target)
    return resumed, *finished


def _finish(
    plan: FilmPlan,
    maker: SegmentMaker,
    segments: list[Segment],
    journal: SegmentJournal,
    before_naming: BeforeNaming | None,
    check: Callable[[], None] = lambda: None,
    make: Callable[[], None] = lambda: None,
) -> tuple[Joined, Whole]:
    """Give the film of all segments its name; ``check`` is called before that, ``make`` when its place is secured."""
    whole, film = Whole((), (), ()), plan.scan.film

    def note(made: BinaryIO | FileState) -> None:
        check_unchanged(plan)
        check()
        if before_naming:
            before_naming(made, whole)

    if maker.writer:
        make()
        made = maker.writer.gather(segments, journal, plan.part)
        joined = Joined(len(made), plan.copy_sound(), 0)
        missing = lost(plan, journal)
        whole = Whole(journal.confidence, film.warnings, missing, said=told_of(made), luma=luma_of_all(made))
        note(state_of(made))
        maker.writer.publish(made, overwrite=plan.request.overwrite)
        journal.finish()
    else:
        with atomic_write(plan.request.target, overwrite=plan.request.overwrite, before_naming=note):
            make()
            joined, said = join_film(plan, segments, journal, maker.record)
            warnings = (*film.warnings, *joined.warnings)
            whole = Whole(journal.confidence, warnings, lost(plan, journal), joined.apart, said)
            journal.finish()
    return joined, whole


def _writer(plan: FilmPlan, folder: Path) -> FrameWriter | None:
    """What writes frames into ``folder``, of a plan that is to become a sequence of them."""
    if not isinstance(plan.encoding, FrameCoding):
        return None
    return FrameWriter(plan.scan, plan.encoding, plan.request.target, folder, plan.request.chroma_only)


def _record_of_coloring(plan: FilmPlan, engine: Engine, color: ColorSettings, *, painted: bool) -> Record | None:
    """What the film, or each of its frames, is to say of how it was colored."""
    settings = plan.request.settings
    embed = not isinstance(settings, FolderSettings) or settings.output.embed_record
    return record_of(engine.folder, color, painted=painted) if embed else None
