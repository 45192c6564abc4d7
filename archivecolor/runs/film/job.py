"""One film from file to file: everything that must be known before hours of work, then the work.

::

    plan_film:  names -> streams the container can hold -> scan (timestamps, shots, form) -> part -> encoder, tried
    color_film: free space -> journal -> segments (`segment_maker`) -> join -> sync -> rename

The target's name is given once all of it is there. What a stopped or killed run made stays in a work folder
beside the target, and the same request continues from there.
"""

from __future__ import annotations

import logging
import shutil
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO, Final, TypeAlias

from archivecolor.chroma.control.hints import Hints
from archivecolor.chroma.film import FilmColorizer, Scan, scan
from archivecolor.errors import InputError, OutputError, UsageError
from archivecolor.film import hardware
from archivecolor.film.changes import settled
from archivecolor.film.codecs import container_for
from archivecolor.film.damage import Warned
from archivecolor.film.encoding import Encoding, open_encoder, plan_encoding, try_container, written_size
from archivecolor.film.inventory import inventory, missing
from archivecolor.film.kept import KeptChroma
from archivecolor.film.segments import Journal, Segment, ShotConfidence, clear_finished, holds, plan_segments
from archivecolor.film.sniff import names_a_film
from archivecolor.film.streams import unsupported
from archivecolor.film.writing import Cut, Joined, join
from archivecolor.inference import select
from archivecolor.inference.engine import Engine
from archivecolor.jobs.atomic import atomic_write, part_path
from archivecolor.jobs.digests import content_sha256
from archivecolor.jobs.locks import BusyError
from archivecolor.jobs.records import TimedConfidence
from archivecolor.runs.film.segment_maker import SegmentMaker
from archivecolor.runs.listener import INFO, Listener, Progress, Relay, Silent, Unit
from archivecolor.runs.settings import FilmSettings
from archivecolor.settings import AlreadyColor, ColorSettings, FilmCodec, Purpose, changed
from archivecolor.stills.sniff import is_a_picture
from archivecolor.text import clock
from archivecolor.version import __version__

log = logging.getLogger(__name__)

_BITS_A_PIXEL: Final = {FilmCodec.PRORES: 3.0, FilmCodec.FFV1: 5.0}
"""Upper estimates of what a pixel takes; of the other codecs `_USUAL_BITS`."""
_USUAL_BITS: Final = 0.5

_LEAST_SURE: Final = 4


@dataclass(frozen=True, slots=True)
class Whole:
    """What is known of a film when all of it is written and it has no name yet."""

    confidence: tuple[ShotConfidence, ...]
    """How sure the generator was of each shot; empty from generators that do not report it."""
    warnings: tuple[Warned, ...]
    """Damage of the source; everything that can be decoded was written."""
    lost: tuple[str, ...]
    """What the source carried and the result does not, in words."""

    @property
    def notes(self) -> tuple[str, ...]:
        """What was lost, in one line, if anything was."""
        return (f"not kept: {'; '.join(self.lost)}",) if self.lost else ()


BeforeNaming: TypeAlias = Callable[[BinaryIO, Whole], None]


class FilmInColorError(OutputError):
    """The film is in color already. Nothing is wrong with it."""


@dataclass(frozen=True, slots=True)
class FilmRequest:
    """What is to be done with a film."""

    source: Path
    target: Path
    settings: FilmSettings
    overwrite: bool = False
    """Whether a file at the target may be replaced."""
    muxer: str | None = None
    """FFmpeg's name of the container; None is what the target's name says."""


@dataclass(frozen=True, slots=True)
class FilmPlan:
    """A request that can be met, and how."""

    request: FilmRequest
    scan: Scan
    cut: Cut
    encoding: Encoding
    muxer: str

    @property
    def frames(self) -> int:
        """How many will be written."""
        return self.cut.last - self.cut.first

    @property
    def shots(self) -> int:
        """How many the part has."""
        return 1 + len(self.cuts)

    @property
    def cuts(self) -> tuple[int, ...]:
        """Frames, after the first, at which a shot begins."""
        return tuple(c for c in self.scan.cuts if self.cut.first < c < self.cut.last)

    def timed(self, confidence: Iterable[ShotConfidence]) -> list[TimedConfidence]:
        """How sure the generator was of each shot, by when it begins."""
        first, seconds = self.cut.first, self.scan.film.seconds
        return [TimedConfidence(seconds(max(shot.first, first)), shot.mean) for shot in confidence]

    def least_sure(self, confidence: Iterable[ShotConfidence]) -> tuple[TimedConfidence, ...]:
        """Where to look first: the shots of the least confidence, from the least up; none of a film of one shot."""
        doubtful = sorted(self.timed(confidence), key=lambda shot: shot.confidence)
        return tuple(doubtful[:_LEAST_SURE]) if self.shots > 1 else ()

    def told(self, whole: Whole) -> tuple[str, ...]:
        """What is lost on the way, and the source's damage with its times."""
        damage = (f"at {clock(warning.time_s)}: {warning.text}" for warning in whole.warnings)
        return (*self.encoding.notes, *whole.notes, *damage)

    @property
    def size(self) -> tuple[int, int]:
        """Stored width and height of what is written."""
        side_by_side = self.request.settings.encode.side_by_side
        return written_size(self.scan.film.form, self.encoding, side_by_side=side_by_side)


@dataclass(frozen=True, slots=True)
class FilmRecord:
    """The outcome of a film."""

    source: Path
    target: Path
    frames: int
    resumed: int
    """Of the frames, how many an earlier run had made."""
    shots: int
    encoding: Encoding
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
    source: Path | str,
    target: Path | str,
    settings: FilmSettings | None = None,
    *,
    listener: Listener | None = None,
    stop: threading.Event | None = None,
) -> FilmRecord:
    """Color a film: its picture in color, its luma as it was, everything else in it untouched.

    Raises `InputError`, `OutputError`, `UsageError` or `EngineError`; `Stopped` once ``stop`` is set. After each of
    them the same call continues from the last finished segment.
    """
    settings = settings or FilmSettings()
    request = FilmRequest(Path(source), Path(target), settings, overwrite=settings.overwrite)
    with Relay(listener).heard() as relay:
        plan = plan_film(request, relay, stop)
        with select.open_engine(settings.engine, settings.generator) as engine:
            return make_film(plan, engine, settings.color, relay, stop)


def plan_film(request: FilmRequest, listener: Listener | None = None, stop: threading.Event | None = None) -> FilmPlan:
    """Read a film once and find out how to color it.

    Raises `InputError` for what is not a film, `OutputError` and `UsageError` for what cannot be done with it, before
    any file is touched; `Stopped` once ``stop`` is set.
    """
    source, target, settings = request.source, request.target, request.settings
    encode, listener = settings.encode, listener or Silent()
    muxer = request.muxer or container_for(target.suffix)
    _check_names(request)
    if not settings.leave_out:
        _check_streams(request, muxer)
    found = scan(source, lambda share: listener.progress(Progress("reading", share, 1, Unit.SHARE, source.name)), stop)
    film = found.film
    if film.colored and settings.already_color is not AlreadyColor.RECOLOR:
        raise FilmInColorError(f"{source}: is in color already", hint="--already-color recolor colors it from its luma")
    cut = found.part(settings.start_s, settings.end_s)
    if cut.first >= cut.last:
        raise UsageError(
            "no frame lies between --start and --end", hint=f"the film lasts {film.duration_s:.2f} seconds"
        )
    film = settled(source, film, cut.first, cut.last)
    found = replace(found, film=film)
    encoding = plan_encoding(film.form, encode, muxer, interlaced=film.interlaced > 0)
    size = written_size(film.form, encoding, side_by_side=encode.side_by_side)
    encoding = hardware.choose(encoding, encode, film.form, size, film.rate, hardware.try_encoding)
    open_encoder(encoding, film.form, size, film.rate)
    try_container(encoding, muxer, target.suffix)
    return FilmPlan(request, found, cut, encoding, muxer)


def make_film(
    plan: FilmPlan,
    engine: Engine,
    color: ColorSettings,
    listener: Listener | None = None,
    stop: threading.Event | None = None,
    *,
    before_naming: BeforeNaming | None = None,
) -> FilmRecord:
    """Make what was planned, with ``color`` in place of the settings' own: a folder has hints for each film.

    ``before_naming`` is given the film when it is whole, before it has its name, and what is known of it then; what it
    raises ends the run. Raises what `color_film` does.
    """
    began = time.monotonic()
    request, settings = plan.request, plan.request.settings
    with ExitStack() as open_things:
        kept = _kept(plan, engine, color)
        if kept:
            open_things.callback(kept.close)
        colorizer = FilmColorizer(engine, color, settings.smoothing)
        maker = SegmentMaker(request.source, plan.scan, colorizer, plan.encoding, settings.encode.side_by_side, kept)
        maker.take_hints(stop)
        try:
            journal = open_things.enter_context(
                Journal(_work_folder(request.target), _fingerprint(plan, engine, color, kept=kept is not None))
            )
        except BusyError as e:
            raise OutputError(f"{request.target}: another run is writing it", hint="let that run finish") from e
        resumed, joined, whole = _make(plan, maker, journal, listener or Silent(), stop, before_naming)
    return FilmRecord(
        source=request.source,
        target=request.target,
        frames=joined.frames,
        resumed=resumed,
        shots=plan.shots,
        encoding=plan.encoding,
        copied=joined.copied,
        whole=whole,
        bytes=request.target.stat().st_size,
        seconds=time.monotonic() - began,
    )


def preview_film(plan: FilmPlan, engine: Engine, sheet: Path) -> int:
    """Write one colored picture of each shot into a PNG or JPEG; gives their number. Raises `OutputError`."""
    settings = plan.request.settings
    colorizer = FilmColorizer(engine, settings.color, settings.smoothing)
    maker = SegmentMaker(plan.request.source, plan.scan, colorizer, plan.encoding, settings.encode.side_by_side)
    return maker.contact_sheet(sheet, plan.cut)


def _make(
    plan: FilmPlan,
    maker: SegmentMaker,
    journal: Journal,
    listener: Listener,
    stop: threading.Event | None,
    before_naming: BeforeNaming | None,
) -> tuple[int, Joined, Whole]:
    """Make what is missing of the segments, and the film of all of them; gives how many frames were there."""
    segments = plan_segments([plan.scan.film.seconds(i) for i in range(plan.cut.last)], plan.scan.cuts, plan.cut.first)
    reused = sum(s.last - s.first for s in segments if maker.holds_chroma(s))
    if reused:
        listener.message(INFO, f"the chroma of {reused} frames was kept and is used again")
    resumed = sum(made.frames for made in journal.made.values())
    done = float(resumed)
    if resumed:
        listener.message(INFO, f"continuing: {resumed} of {plan.frames} frames are done")
    try:
        _check_space(plan, sum(made.bytes for made in journal.made.values()))
    except OutputError:
        if not journal.made:
            journal.remove()
        raise

    name, film = plan.request.source.name, plan.scan.film
    rate = len(film.times) / film.duration_s if film.duration_s else 1.0

    def advance(frames: float) -> None:
        nonlocal done
        done += frames
        listener.progress(Progress("coloring", int(done), plan.frames, Unit.FRAMES, name, frames_per_s=rate))

    whole = Whole((), (), ())

    def note(film: BinaryIO) -> None:
        if before_naming:
            before_naming(film, whole)

    with atomic_write(plan.request.target, overwrite=plan.request.overwrite, before_naming=note):
        advance(0)
        maker.make_all(segments, journal, jobs=plan.request.settings.jobs or 1, stop=stop, advance=advance)
        joined = _join(plan, segments, journal)
        film, result = plan.scan.film, part_path(plan.request.target)
        lost = missing(film.inventory, inventory(result), whole=plan.cut.whole)
        whole = Whole(journal.confidence, (*film.warnings, *joined.warnings), lost)
        journal.finish()
    journal.remove()
    return resumed, joined, whole


def _work_folder(target: Path) -> Path:
    return part_path(target).with_suffix(".work")


def clear_leftover(target: Path) -> bool:
    """Delete what a run that was killed at its very end left beside a finished film; says if there was any."""
    return clear_finished(_work_folder(target))


def _join(plan: FilmPlan, segments: list[Segment], journal: Journal) -> Joined:
    request = plan.request
    return join(
        request.source,
        part_path(request.target),
        plan.scan.film,
        [(journal.segment_path(s.number), journal.made[s.number]) for s in segments],
        plan.cut,
        plan.encoding,
        plan.muxer,
        leave_out=request.settings.leave_out,
        fast_start=request.settings.encode.purpose is Purpose.SHARE,
    )


def kept_folder(request: FilmRequest) -> Path:
    """Where a film's chroma is kept: beside the result, under the film's name, so that all its results share it."""
    return request.target.with_name(f"{request.source.name}.chroma")


def _kept(plan: FilmPlan, engine: Engine, color: ColorSettings) -> KeptChroma | None:
    """Chroma that an earlier run kept, if this one would make the same apart from paint, or a place to keep it in."""
    folder, keep = kept_folder(plan.request), plan.request.settings.keep_work
    if not keep and not folder.exists():
        return None
    ungraded = replace(color, strength=1.0, saturation=1.0, warmth=0.0, hints=None)
    fingerprint = _made_with(plan, engine, ungraded)
    if not keep and not holds(folder, fingerprint):
        return None
    try:
        return KeptChroma(folder, fingerprint)
    except BusyError:
        if keep:
            raise
        return None


def _fingerprint(plan: FilmPlan, engine: Engine, color: ColorSettings, *, kept: bool) -> str:
    """Everything that changes pixels, in words: another run's segments are used only where these are the same."""
    return f"{_made_with(plan, engine, color)} {changed(plan.request.settings.encode)} {plan.encoding} {kept}"


def _made_with(plan: FilmPlan, engine: Engine, color: ColorSettings) -> str:
    """What chroma is made of and with: the film, the settings, and the files that steer color by what they hold."""
    source = plan.request.source
    status = source.stat()
    layers = [path for _, path in Hints(color.hints).of_film()] if color.hints else []
    files = [*([color.reference] if color.reference else []), *layers]
    contents = " ".join(f"{path.name} {content_sha256(path)}" for path in files)
    settings = {**changed(color), **changed(plan.request.settings.smoothing)}
    film = f"{source.resolve()} {status.st_size} {status.st_mtime_ns} {plan.cut}"
    return f"{__version__} {film} {contents} {settings} {sorted(engine.folder.digests.items())}"


def _check_names(request: FilmRequest) -> None:
    """Refuse what could lose a file, before hours of work."""
    source, target = request.source, request.target
    if not source.exists():
        raise InputError(f"{source}: there is no such file")
    if source.is_dir():
        raise InputError(f"{source}: is a folder", hint="archivecolor folder colors what is in it")
    if is_a_picture(source) and not names_a_film(source.name):
        raise InputError(
            f"{source}: is a photograph", hint="archivecolor folder colors photographs; give the folder of it"
        )
    if target.exists():
        if target.samefile(source):
            raise OutputError(f"{target}: is the film itself", hint="give the result another name")
        if not request.overwrite:
            clear_leftover(target)
            raise OutputError(f"{target}: already exists", hint="--overwrite replaces it")


def _check_streams(request: FilmRequest, muxer: str) -> None:
    lost = unsupported(request.source, muxer)
    if lost:
        raise OutputError(
            f"{request.source}: {request.target.suffix} cannot hold {'; '.join(lost)}",
            hint="end the result's name in .mkv, or give --leave-out to do without",
        )


def _check_space(plan: FilmPlan, made_bytes: int) -> None:
    """Segments and the film they are joined into exist side by side for a while."""
    width, height = plan.size
    bits = _BITS_A_PIXEL.get(plan.encoding.codec, _USUAL_BITS) * width * height * plan.frames
    target = plan.request.target
    folder = next(p for p in (target.parent, *target.parent.parents) if p.exists())
    needed, free = int(2 * bits / 8) - made_bytes, shutil.disk_usage(folder).free
    if free < needed:
        raise OutputError(
            f"{folder}: {free >> 20:,} MB are free and up to {needed >> 20:,} MB may be needed", hint="make room"
        )
