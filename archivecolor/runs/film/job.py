"""One film from file to file: everything that must be known before hours of work, then the work.

::

    plan_film:  names -> streams the container can hold -> scan (timestamps, shots, form) -> part -> encoder, tried
    color_film: free space -> journal -> segments (`segment_maker`) -> join -> sync -> rename

Nothing bears the target's name before all of it is there. What a stopped or killed run made lies in a work folder
beside the target, and the same request goes on from there.
"""

from __future__ import annotations

import logging
import shutil
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import BinaryIO, Final, TypeAlias

from archivecolor.chroma.control.hints import Hints
from archivecolor.chroma.film import FilmColorizer, Scan, scan
from archivecolor.errors import InputError, OutputError, UsageError
from archivecolor.film import hardware
from archivecolor.film.encoding import Encoding, beside_size, container_for, open_encoder, plan_encoding
from archivecolor.film.kept import KeptChroma
from archivecolor.film.reading import Warned
from archivecolor.film.segments import (
    BusyError,
    Journal,
    Segment,
    ShotConfidence,
    clear_finished,
    holds,
    plan_segments,
)
from archivecolor.film.writing import Cut, Joined, join, unsupported
from archivecolor.inference.engine import Engine
from archivecolor.jobs.atomic import atomic_write, part_path
from archivecolor.jobs.digests import read_state
from archivecolor.jobs.records import TimedConfidence
from archivecolor.runs.film.segment_maker import SegmentMaker
from archivecolor.settings import ColorSettings, EncodeSettings, FilmCodec, FilmSettings, Purpose
from archivecolor.version import __version__

log = logging.getLogger(__name__)

_BITS_A_PIXEL: Final = {FilmCodec.PRORES: 3.0, FilmCodec.FFV1: 5.0}
"""Upper estimates of what a pixel takes; of the other codecs `_USUAL_BITS`."""
_USUAL_BITS: Final = 0.5

_LEAST_SURE: Final = 4

BeforeNaming: TypeAlias = Callable[[BinaryIO, tuple[ShotConfidence, ...]], None]


class FilmInColorError(OutputError):
    """The film is in colour already. Nothing is wrong with it."""


@dataclass(frozen=True, slots=True)
class FilmRequest:
    """What somebody wants of a film."""

    source: Path
    target: Path
    encode: EncodeSettings = field(default_factory=EncodeSettings)
    start_s: float | None = None
    end_s: float | None = None
    recolor: bool = False
    """Colour a film, too, that is in colour already."""
    leave_out: bool = False
    """Do without streams that the container cannot hold."""
    overwrite: bool = False
    keep_work: bool = False
    """Keep the chroma for another run with another codec or grading; see `kept_folder`."""
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

    @property
    def size(self) -> tuple[int, int]:
        """Stored width and height of what is written."""
        form = self.scan.film.form
        return beside_size(form) if self.request.encode.side_by_side else (form.width, form.height)


@dataclass(frozen=True, slots=True)
class FilmRecord:
    """What became of a film."""

    source: Path
    target: Path
    frames: int
    resumed: int
    """Of the frames, how many an earlier run had made."""
    shots: int
    encoding: Encoding
    copied: tuple[str, ...]
    """Streams that were copied untouched, in words."""
    warnings: tuple[Warned, ...]
    """Damage of the source; everything that can be decoded was written."""
    confidence: tuple[ShotConfidence, ...]
    """How sure the generator was of each shot; none from generators that do not tell."""
    bytes: int
    seconds: float
    """That the work took, planning left out."""


def plan_film(
    request: FilmRequest, advance: Callable[[float], None] | None = None, stop: threading.Event | None = None
) -> FilmPlan:
    """Read a film once and find out how to colour it; ``advance`` is told the share (0..1) that is read.

    Raises `InputError` for what is no film, `OutputError` and `UsageError` for what cannot be done with it, before any
    file is touched; `Stopped` once ``stop`` is set.
    """
    source, target, encode = request.source, request.target, request.encode
    muxer = request.muxer or container_for(target.suffix)
    _check_names(request)
    if not request.leave_out:
        _check_streams(request, muxer)
    found = scan(source, advance, stop)
    film = found.film
    if film.coloured and not request.recolor:
        raise FilmInColorError(f"{source}: is in colour already", hint="--recolor colours it anew, from its luma")
    cut = found.part(request.start_s, request.end_s)
    if cut.first >= cut.last:
        raise UsageError(
            "no frame lies between --start and --end", hint=f"the film lasts {film.duration_s:.2f} seconds"
        )
    encoding = plan_encoding(film.form, encode, muxer, interlaced=film.interlaced > 0)
    size = beside_size(film.form) if encode.side_by_side else (film.form.width, film.form.height)
    encoding = hardware.choose(encoding, encode, film.form, size, film.rate, hardware.try_encoding)
    open_encoder(encoding, film.form, size, film.rate)
    return FilmPlan(request, found, cut, encoding, muxer)


def color_film(
    plan: FilmPlan,
    engine: Engine,
    color: ColorSettings,
    film: FilmSettings,
    *,
    jobs: int = 1,
    stop: threading.Event | None = None,
    progress: Callable[[int, int], None] | None = None,
    before_naming: BeforeNaming | None = None,
) -> FilmRecord:
    """Colour a film, ``jobs`` segments at a time; ``progress`` is told frames done and frames in all.

    ``before_naming`` is given the film when it is whole, before it has its name, and how sure the generator was of its
    shots; what it raises ends the run.

    Raises `OutputError` when it cannot be written, `InputError` when it cannot be read again, `EngineError` when the
    engine fails; `Stopped` once ``stop`` is set. After each of them the same call goes on from the last finished
    segment.
    """
    began = time.monotonic()
    request = plan.request
    with ExitStack() as open_things:
        kept = _kept(plan, engine, color, film)
        if kept:
            open_things.callback(kept.close)
        maker = SegmentMaker(
            request.source,
            plan.scan,
            FilmColorizer(engine, color, film),
            plan.encoding,
            request.encode.side_by_side,
            kept,
        )
        maker.take_hints(stop)
        fingerprint = _fingerprint(plan, engine, color, film, kept=kept is not None)
        try:
            journal = open_things.enter_context(Journal(_work_folder(request.target), fingerprint))
        except BusyError as e:
            raise OutputError(f"{request.target}: another run is writing it", hint="let that run finish") from e
        resumed, joined, confidence = _make(plan, maker, journal, jobs, stop, progress, before_naming)
    return FilmRecord(
        source=request.source,
        target=request.target,
        frames=joined.frames,
        resumed=resumed,
        shots=plan.shots,
        encoding=plan.encoding,
        copied=joined.copied,
        warnings=plan.scan.film.warnings,
        confidence=confidence,
        bytes=request.target.stat().st_size,
        seconds=time.monotonic() - began,
    )


def _make(
    plan: FilmPlan,
    maker: SegmentMaker,
    journal: Journal,
    jobs: int,
    stop: threading.Event | None,
    progress: Callable[[int, int], None] | None,
    before_naming: BeforeNaming | None,
) -> tuple[int, Joined, tuple[ShotConfidence, ...]]:
    """Make what is missing of the segments, and the film of all of them; gives how many frames were there."""
    segments = plan_segments([plan.scan.film.seconds(i) for i in range(plan.cut.last)], plan.scan.cuts, plan.cut.first)
    reused = sum(s.last - s.first for s in segments if maker.holds_chroma(s))
    if reused:
        log.info("the chroma of %d frames was kept and is used again", reused)
    resumed = sum(made.frames for made in journal.made.values())
    done = float(resumed)
    if resumed:
        log.info("going on: %d of %d frames are there", resumed, plan.frames)
    try:
        _check_space(plan, sum(made.bytes for made in journal.made.values()))
    except OutputError:
        if not journal.made:
            journal.remove()
        raise

    def advance(frames: float) -> None:
        nonlocal done
        done += frames
        if progress:
            progress(int(done), plan.frames)

    def whole(film: BinaryIO) -> None:
        if before_naming:
            before_naming(film, journal.confidence)

    with atomic_write(plan.request.target, overwrite=plan.request.overwrite, before_naming=whole):
        advance(0)
        maker.make_all(segments, journal, jobs=jobs, stop=stop, advance=advance)
        joined = _join(plan, segments, journal)
        journal.finish()
    journal.remove()
    return resumed, joined, journal.confidence


def _work_folder(target: Path) -> Path:
    return part_path(target).with_suffix(".work")


def clear_leftover(target: Path) -> bool:
    """Delete what a run that was killed in its last moment left beside a film that is whole; says if there was any."""
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
        leave_out=request.leave_out,
        fast_start=request.encode.purpose is Purpose.SHARE,
    )


def kept_folder(request: FilmRequest) -> Path:
    """Where a film's chroma is kept: beside the result, under the film's name, so that all its results share it."""
    return request.target.with_name(f"{request.source.name}.chroma")


def _kept(plan: FilmPlan, engine: Engine, color: ColorSettings, film: FilmSettings) -> KeptChroma | None:
    """Chroma that an earlier run kept, if it is what this one would make but for paint, or a place to keep it in."""
    folder = kept_folder(plan.request)
    if not plan.request.keep_work and not folder.exists():
        return None
    ungraded = replace(color, strength=1.0, saturation=1.0, warmth=0.0, hints=None)
    made_with = f"{ungraded} {film} {plan.cut} {sorted(engine.folder.digests.items())}"
    fingerprint = f"{__version__} {_identity(plan, ungraded)} {made_with}"
    if not plan.request.keep_work and not holds(folder, fingerprint):
        return None
    try:
        kept = KeptChroma(folder, fingerprint)
    except BusyError:
        if plan.request.keep_work:
            raise
        return None
    return kept


def _fingerprint(plan: FilmPlan, engine: Engine, color: ColorSettings, film: FilmSettings, *, kept: bool) -> str:
    """Everything that changes pixels, in words: another run's segments are used only where these are the same."""
    made_with = f"{color} {film} {plan.request.encode} {plan.cut} {sorted(engine.folder.digests.items())}"
    return f"{__version__} {_identity(plan, color)} {plan.encoding} {made_with} {kept}"


def _identity(plan: FilmPlan, color: ColorSettings) -> str:
    """The film, and the files that steer its colour, by what they hold."""
    source = plan.request.source
    status = source.stat()
    layers = [path for _, path in Hints(color.hints).of_film()] if color.hints else []
    files = [*([color.reference] if color.reference else []), *layers]
    contents = " ".join(f"{path.name} {read_state(path).sha256}" for path in files)
    return f"{source.resolve()} {status.st_size} {status.st_mtime_ns} {contents}"


def _check_names(request: FilmRequest) -> None:
    """Refuse what could lose a file, before hours of work."""
    source, target = request.source, request.target
    if not source.exists():
        raise InputError(f"{source}: there is no such file")
    if target.exists():
        if target.samefile(source):
            raise OutputError(f"{target}: is the film itself", hint="give the result another name")
        if not request.overwrite:
            clear_leftover(target)
            raise OutputError(f"{target}: exists already", hint="--overwrite replaces it")


def _check_streams(request: FilmRequest, muxer: str) -> None:
    lost = unsupported(request.source, muxer)
    if lost:
        raise OutputError(
            f"{request.source}: {request.target.suffix} cannot hold {'; '.join(lost)}",
            hint="end the result's name in .mkv, or give --leave-out to do without",
        )


def _check_space(plan: FilmPlan, made_bytes: int) -> None:
    """Segments and the film they are joined into lie beside each other for a while."""
    width, height = plan.size
    bits = _BITS_A_PIXEL.get(plan.encoding.codec, _USUAL_BITS) * width * height * plan.frames
    target = plan.request.target
    folder = next(p for p in (target.parent, *target.parent.parents) if p.exists())
    needed, free = int(2 * bits / 8) - made_bytes, shutil.disk_usage(folder).free
    if free < needed:
        raise OutputError(
            f"{folder}: {free >> 20:,} MB are free and up to {needed >> 20:,} MB may be needed", hint="make room"
        )
