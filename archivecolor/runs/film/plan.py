"""What must be known of a film before hours of work: that it can be read, colored and written, and how.

::

    names -> streams the container can hold -> scan (timestamps, shots, form) -> part -> encoder and container, tried
"""

from __future__ import annotations

import math
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from archivecolor.chroma.loaded import InColorError
from archivecolor.chroma.scan import Scan, scan
from archivecolor.errors import InputError, OutputError, UsageError
from archivecolor.film import hardware
from archivecolor.film.apart import beside, unsupported
from archivecolor.film.changes import settled
from archivecolor.film.checking import SAME_TIME_S
from archivecolor.film.codecs import SUFFIX, can_hold, container_for, default_codec
from archivecolor.film.damage import Warned
from archivecolor.film.encoder import open_encoder, try_container, with_slices
from archivecolor.film.encoding import Encoding, plan_encoding, written_size
from archivecolor.film.scale import DISPLAY_DEPTH, Scale
from archivecolor.film.segments import ShotConfidence
from archivecolor.film.shot_list import ListedShot, read_shots, suffix_of
from archivecolor.film.sniff import names_a_film
from archivecolor.film.survey import Survey
from archivecolor.film.writing import Part
from archivecolor.jobs.digests import look_at
from archivecolor.jobs.file_sets import Numbering, members, numbering
from archivecolor.jobs.files import is_same_file
from archivecolor.jobs.records import FileState, TimedConfidence
from archivecolor.runs.film.sound import sound_to_copy, sound_to_mux
from archivecolor.runs.film.work import clear_leftover, is_unfinished
from archivecolor.runs.listener import Listener, Progress, Silent, Unit
from archivecolor.runs.settings import FilmSettings
from archivecolor.sequences.beside import copy_sound
from archivecolor.sequences.coding import FrameCoding, plan_coding
from archivecolor.sequences.finding import sequence_at
from archivecolor.settings import AlreadyColor, FilmCodec, Luma
from archivecolor.stills.sniff import is_a_picture

_LEAST_SURE: Final = 4
_TRIED_S: Final = 0.2
_IN_MILLISECONDS: Final = ("matroska", "webm")
_NOT_REVERSIBLE: Final = (
    "RAWcooked's reversibility data is kept to the byte, check sums and all, and is of the frames that the source was "
    "made from: this is another picture, so keep the source, which alone gives those back"
)


@dataclass(frozen=True, slots=True)
class Whole:
    """What is known of a film when all of it is written and it has no name yet."""

    confidence: tuple[ShotConfidence, ...]
    """How sure the generator was of each shot; empty from generators that do not report it."""
    warnings: tuple[Warned, ...]
    """Damage of the source; everything that can be decoded was written."""
    lost: tuple[str, ...]
    """What the source carried and the result does not, in words."""
    apart: tuple[str, ...] = ()
    """Streams that became attachments, in words."""
    said: tuple[str, ...] = ()
    """What frames could not keep."""
    luma: Luma = Luma.SAME
    """Of frames: the worst of any."""
    copied: tuple[str, ...] = ()
    """Streams that were copied untouched, in words."""
    machines: Mapping[str, int] = field(default_factory=dict)
    """How many frames each machine made, by its name: one, but for films that several share or go on with."""

    @property
    def notes(self) -> tuple[str, ...]:
        """What was lost, and what no player shows any more, each in one line, if anything is."""
        apart = (f"kept as an attachment each: {'; '.join(self.apart)}",) if self.apart else ()
        return ((f"not kept: {'; '.join(self.lost)}",) if self.lost else ()) + apart + self.said


class FilmInColorError(OutputError, InColorError):
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
    chroma_only: bool = False
    """Write the chroma alone, beside luma of an even gray and without any other stream."""
    cuts: Path | None = None
    """A list of shots that takes the place of what the cut detector finds: see `film.shot_list`."""


@dataclass(frozen=True, slots=True)
class FilmPlan:
    """A request that can be met, and how."""

    request: FilmRequest
    scan: Scan
    part: Part
    encoding: Encoding | FrameCoding
    muxer: str
    """FFmpeg's name of the container; empty where frames are written."""
    read: FileState
    """The source as it was found."""
    listed: tuple[ListedShot, ...] = ()
    """The shots of the list that was given."""
    sound: Path | None = None
    """Of a sequence: the WAV that goes into a film of it, or beside its frames."""

    @property
    def frames(self) -> int:
        """How many will be written."""
        return self.part.last - self.part.first

    @property
    def shots(self) -> int:
        """How many the part has."""
        return 1 + len(self.cuts)

    @property
    def cuts(self) -> tuple[int, ...]:
        """Frames, after the first, at which a shot begins."""
        return tuple(c for c in self.scan.cuts if self.part.first < c < self.part.last)

    def timed(self, confidence: Iterable[ShotConfidence]) -> list[TimedConfidence]:
        """How sure the generator was of each shot, by when it begins."""
        film = self.scan.film
        begun = [(film.seconds(max(shot.first, self.part.first)), shot.mean) for shot in confidence]
        return [TimedConfidence(start_s, mean, str(film.timecode_at(start_s) or "")) for start_s, mean in begun]

    def least_sure(self, confidence: Iterable[ShotConfidence]) -> tuple[TimedConfidence, ...]:
        """Where to look first: the shots of the least confidence, from the least up; none of a film of one shot."""
        doubtful = sorted(self.timed(confidence), key=lambda shot: shot.confidence)
        return tuple(doubtful[:_LEAST_SURE]) if self.shots > 1 else ()

    def shot_list(self, confidence: Iterable[ShotConfidence] = ()) -> list[ListedShot]:
        """The film's shots, with how sure the generator was of their colors where that is known."""
        sure = {shot.first: shot.mean for shot in confidence}
        return [replace(shot, color_sure=sure.get(shot.first)) for shot in self.listed or self.scan.shots()]

    def told(self, whole: Whole) -> tuple[str, ...]:
        """What is lost on the way, and the source's damage with its times."""
        moment = self.scan.film.moment
        damage = (f"at {moment(warning.time_s)}: {warning.text}" for warning in whole.warnings)
        return (*self.encoding.notes, *whole.notes, *damage)

    def copy_sound(self) -> tuple[str, ...]:
        """Copy the sound beside the frames, if there is one; gives it in words. Raises `OutputError`."""
        return copy_sound(self.sound, self.request.source, self.request.target, overwrite=self.request.overwrite)

    @property
    def size(self) -> tuple[int, int]:
        """Stored width and height of what is written."""
        if isinstance(self.encoding, FrameCoding):
            return self.scan.film.form.width, self.scan.film.form.height
        side_by_side = self.request.settings.encode.side_by_side
        return written_size(self.scan.film.form, self.encoding, side_by_side=side_by_side)


def plan_film(request: FilmRequest, listener: Listener | None = None, stop: threading.Event | None = None) -> FilmPlan:
    """Read a film once and find out how to color it.

    Raises `InputError` for what is not a film, `OutputError` and `UsageError` for what cannot be done with it, before
    any file is touched; `Stopped` once ``stop`` is set.
    """
    source, target, settings = request.source, request.target, request.settings
    encode, listener = settings.encode, listener or Silent()
    muxer, read = check_request(request), look_at(source)
    found = scan(
        source,
        lambda share: listener.progress(Progress("reading", share, 1, Unit.SHARE, source.name)),
        stop,
        settings.fps,
    )
    film = found.film
    if film.colored and settings.already_color is not AlreadyColor.RECOLOR:
        raise FilmInColorError(f"{source}: is in color already", hint="--already-color recolor colors it from its luma")
    listed = read_shots(request.cuts, film) if request.cuts else ()
    if listed:
        found = replace(found, cuts=tuple(shot.first for shot in listed[1:]), sure=())
    part = found.part(settings.start_s, settings.end_s)
    if part.first >= part.last:
        raise UsageError(
            "no frame lies between --start and --end", hint=f"the film lasts {film.duration_s:.2f} seconds"
        )
    if found.frames is None:
        film = settled(source, film, part.first, part.last)
    if not muxer:
        if encode.side_by_side:
            raise UsageError("--side-by-side is for films", hint="end the result's name in .mkv")
        coding = plan_coding(film.form, source if found.frames else None, target, chroma_only=request.chroma_only)
        sound, notes = (
            sound_to_copy(request.source, target, film, leave_out=settings.leave_out, overwrite=request.overwrite)
            if found.frames and not request.chroma_only
            else (None, ())
        )
        coding = replace(coding, notes=(*coding.notes, *notes))
        return FilmPlan(request, replace(found, film=film), part, coding, muxer, read, listed, sound)
    _check_times(request, muxer, film)
    has_sound = found.frames and request.muxer is None and not request.chroma_only
    sound = sound_to_mux(source, target, settings, muxer, film) if has_sound else None
    if film.form.scale is not Scale.DISPLAY:
        film = replace(film, form=replace(film.form, depth=DISPLAY_DEPTH, scale=Scale.DISPLAY))
    found = replace(found, film=film)
    encoding = plan_encoding(film.form, encode, muxer, interlaced=film.interlaced > 0)
    if request.chroma_only and encoding.alpha:
        encoding = replace(encoding, alpha=False, pixel_format=encoding.pixel_format.replace("yuva", "yuv"))
    size = written_size(film.form, encoding, side_by_side=encode.side_by_side)
    encoding = hardware.choose(encoding, encode, film.form, size, film.rate, hardware.try_encoding)
    encoding = with_slices(encoding, film.form, size, film.rate, film.slices)
    if muxer == "matroska" and film.inventory.reversible and not request.chroma_only:
        encoding = replace(encoding, notes=(*encoding.notes, _NOT_REVERSIBLE))
    open_encoder(encoding, film.form, size, film.rate)
    try_container(encoding, muxer, target.suffix)
    return FilmPlan(request, found, part, encoding, muxer, read, listed, sound)


def _check_times(request: FilmRequest, muxer: str, film: Survey) -> None:
    """Refuse frames that Matroska, which counts in milliseconds, would push far from their times."""
    if muxer not in _IN_MILLISECONDS:
        return
    shown = -math.inf
    for time in film.times:
        exact = time * film.time_base * 1000
        shown = max(round(exact), shown + 1)
        if abs(shown - exact) > 1000 * SAME_TIME_S:
            raise OutputError(
                f"{request.source}: has frames so close that {request.target.suffix} cannot hold their times",
                hint="are these damaged? if not, end the result's name in .mov",
            )


def check_request(request: FilmRequest) -> str:
    """Refuse what is seen without reading the film; gives FFmpeg's name of the container, '' for frames.

    Raises what `plan_film` does.
    """
    _check_names(request)
    to_frames = request.muxer is None and Numbering.of(request.target.name) is not None
    muxer = request.muxer or ("" if to_frames else container_for(request.target.suffix))
    _check_streams(request, muxer)
    return muxer


def _check_names(request: FilmRequest) -> None:
    """Refuse what could lose a file, before hours of work."""
    source = request.source
    if request.cuts:
        suffix_of(request.cuts)
    if numbering(source) is not None:
        _check_set(request)
        return
    if not source.exists():
        raise InputError(f"{source}: there is no such file")
    if source.is_dir():
        raise InputError(f"{source}: is a folder", hint="archivecolor folder colors what is in it")
    if not source.is_file():
        raise InputError(f"{source}: is not a file", hint="give the file of a film")
    if is_a_picture(source) and not names_a_film(source.name):
        raise InputError(f"{source}: is a photograph", hint="archivecolor folder colors photographs")
    _check_target(request)


def _check_set(request: FilmRequest) -> None:
    """The same of a sequence of frames."""
    names = Numbering.of(request.target.name)
    sequence_at(request.source)
    if names and is_same_file(request.source.parent, request.target.parent) and names.name == request.source.name:
        raise OutputError(f"{request.target}: is the sequence itself", hint="give another folder for the result")
    _check_target(request)


def _check_target(request: FilmRequest) -> None:
    source, target = request.source, request.target
    if members(target) and not request.overwrite and not is_unfinished(target):
        raise OutputError(f"{target}: already exists", hint="--overwrite replaces it")
    try:
        target.lstat()
    except FileNotFoundError:
        return
    except OSError as e:
        raise OutputError(f"{target}: cannot be written: {e.strerror}", hint="give a shorter name") from e
    if is_same_file(target, source):
        raise OutputError(f"{target}: is the film itself", hint="give the result another name")
    if not request.overwrite:
        clear_leftover(target)
        raise OutputError(f"{target}: already exists", hint="--overwrite replaces it")


def _check_chroma_only(request: FilmRequest, muxer: str) -> None:
    encode = request.settings.encode
    if default_codec(encode) is not FilmCodec.FFV1 or encode.side_by_side:
        raise UsageError("chroma alone is written as FFV1", hint="leave --for, --codec and --side-by-side out")


def _check_streams(request: FilmRequest, muxer: str) -> None:
    if request.chroma_only:
        _check_chroma_only(request, muxer)
    if request.chroma_only or request.settings.leave_out or numbering(request.source) is not None:
        return
    if not muxer:
        lost = beside(request.source)
        if lost:
            raise OutputError(
                f"{request.source}: a sequence of frames cannot hold {'; '.join(lost)}",
                hint="give --leave-out to do without",
            )
        return
    lost = unsupported(request.source, muxer)
    if lost:
        able = [m for m in SUFFIX if can_hold(m, request.settings.encode) and not unsupported(request.source, m)]
        other = f"end the result's name in {' or '.join(SUFFIX[m] for m in able)}, or " if able else ""
        raise OutputError(
            f"{request.source}: {request.target.suffix} cannot hold {'; '.join(lost)}",
            hint=f"{other}give --leave-out to do without",
        )
