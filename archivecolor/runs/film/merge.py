"""A film or a sequence whose chroma is there already: laid beside its luma, and compared with it."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import replace
from itertools import zip_longest
from pathlib import Path
from typing import BinaryIO

import numpy as np

from archivecolor.chroma.scan import scan
from archivecolor.color import UIntArray
from archivecolor.errors import OutputError, VerificationError
from archivecolor.film.changes import luma_in
from archivecolor.film.checking import FilmCheck, check_film, lumas_of
from archivecolor.film.form import PictureForm
from archivecolor.film.laid import LaidChroma
from archivecolor.jobs.atomic import part_path
from archivecolor.jobs.file_sets import members, numbering
from archivecolor.jobs.files import is_same_file
from archivecolor.jobs.records import FileState
from archivecolor.runs.film.job import FilmRecord, lay_film
from archivecolor.runs.film.plan import FilmPlan, FilmRequest, Whole, plan_film
from archivecolor.runs.film.segment_maker import SegmentMaker
from archivecolor.runs.film.work import work_folder
from archivecolor.runs.frames_check import compare_sequences
from archivecolor.runs.listener import Listener, Progress, Silent, Unit
from archivecolor.runs.luma_check import Verdict
from archivecolor.runs.settings import FilmSettings
from archivecolor.sequences.coding import FrameCoding
from archivecolor.sequences.colors import LaidFrames
from archivecolor.sequences.finding import sequence_at
from archivecolor.sequences.frames import read_frame
from archivecolor.settings import AlreadyColor, FilmCodec, Luma


def plan_merge(
    master: Path,
    chroma: Path,
    target: Path,
    settings: FilmSettings,
    listener: Listener | None = None,
    stop: threading.Event | None = None,
) -> tuple[FilmPlan, LaidChroma | LaidFrames]:
    """Read both, films or sequences of frames, once and find out whether they belong together.

    Raises what `plan_film` does, and `InputError` where the chroma is of another size or length, or of another matrix.
    """
    listener = listener or Silent()
    same_set = numbering(chroma) is not None and chroma.name == target.name
    if is_same_file(target, chroma) or (same_set and is_same_file(target.parent, chroma.parent)):
        raise OutputError(f"{target}: is the chroma itself", hint="give the result another name")
    settings = replace(settings, already_color=AlreadyColor.RECOLOR)  # whatever color it has is replaced
    of_frames = sequence_at(chroma) if numbering(chroma) is not None else None
    plan = plan_film(FilmRequest(master, target, settings, overwrite=settings.overwrite), listener, stop)
    film, told = plan.scan.film, listener.progress

    def advance(share: float) -> None:
        told(Progress("reading", share, 1, Unit.SHARE, chroma.name))

    if of_frames:
        frames = plan.scan.frames
        return plan, LaidFrames.of(of_frames, master, film.form, frames, len(film.times), advance, stop)
    laid = LaidChroma(chroma, scan(chroma, advance, stop).film)
    laid.check(master, film)
    return plan, laid


def merge_film(
    plan: FilmPlan,
    laid: LaidChroma | LaidFrames,
    listener: Listener | None = None,
    stop: threading.Event | None = None,
) -> tuple[FilmRecord, FilmCheck]:
    """Make the film, and compare it with its master before it has its name.

    Raises what `color_film` does, and `VerificationError` where it is not its master's picture.
    """
    checks: list[FilmCheck] = []

    def compare(_: BinaryIO | FileState, whole: Whole) -> None:
        target = plan.request.target
        if isinstance(plan.encoding, FrameCoding):
            check = _check_frames(plan, plan.encoding, work_folder(target) / target.name, whole.luma)
        elif plan.scan.frames:
            lossless = plan.encoding.codec is FilmCodec.FFV1
            why = None if lossless else f"{plan.encoding.codec} is lossy: luma is coded again"
            check = _check_lumas(plan, lumas_of(part_path(target)), why)
        else:
            check = check_film(plan.request.source, part_path(target))
        if check.reason:
            raise VerificationError(f"{target}: {check.reason}", hint="please report this line")
        checks.append(check)

    record = lay_film(plan, laid, listener, stop, before_naming=compare)
    return record, checks[0]


def _check_frames(plan: FilmPlan, coding: FrameCoding, result: Path, luma: Luma) -> FilmCheck:
    if coding.same:
        found = compare_sequences(plan.request.source, result, luma=luma)
        proved = found.verdict is Verdict.PROVED
        reason = found.reason if found.verdict is Verdict.WRONG else None
        return FilmCheck(plan.frames, proved=proved, reason=reason, unproved=None if proved else found.reason)
    form = coding.form(plan.scan.film.form)
    frames = (read_frame(result.with_name(name)).luma for name in members(result).values())
    why = None if luma is Luma.SAME and coding.kind != "JPEG" else f"{coding.kind} is lossy: luma is coded again"
    return _check_lumas(plan, ((y, form) for y in frames), why)


def _check_lumas(plan: FilmPlan, made: Iterable[tuple[UIntArray, PictureForm]], unproved: str | None) -> FilmCheck:
    """Compare luma with that of the plan's source, as it had to be converted for the result."""
    number, film = 0, plan.scan.film
    pictures = SegmentMaker(plan.request.source, plan.scan, None, plan.encoding).pictures(0, len(film.times))
    for number, (picture, shown) in enumerate(zip_longest(pictures, made), 1):
        if picture is None or shown is None:
            return FilmCheck(number, proved=False, reason="has another number of frames than its master")
        luma, form = shown
        was = luma_in(picture.luma, film.form, form)
        if luma.shape != was.shape or (not unproved and not np.array_equal(was, luma)):
            return FilmCheck(number, proved=False, reason=f"frame {number}: its luma is not its master's")
    return FilmCheck(number, proved=unproved is None, unproved=unproved)
