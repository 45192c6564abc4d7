"""A film whose chroma is there already, in another film: laid beside its luma, and compared with it."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

from archivecolor.chroma.film import scan
from archivecolor.errors import OutputError, UsageError, VerificationError
from archivecolor.film.checking import FilmCheck, check_film
from archivecolor.film.laid import LaidChroma
from archivecolor.jobs.atomic import part_path
from archivecolor.jobs.file_sets import numbering
from archivecolor.jobs.files import is_same_file
from archivecolor.jobs.records import FileState
from archivecolor.runs.film.job import FilmRecord, lay_film
from archivecolor.runs.film.plan import FilmPlan, FilmRequest, Whole, plan_film
from archivecolor.runs.listener import Listener, Progress, Silent, Unit
from archivecolor.runs.settings import FilmSettings
from archivecolor.settings import AlreadyColor


def plan_merge(
    master: Path,
    chroma: Path,
    target: Path,
    settings: FilmSettings,
    listener: Listener | None = None,
    stop: threading.Event | None = None,
) -> tuple[FilmPlan, LaidChroma]:
    """Read both films once and find out whether they belong together.

    Raises what `plan_film` does, and `InputError` where the chroma is of another size or length, or of another matrix.
    """
    listener = listener or Silent()
    if any(numbering(path) is not None for path in (master, chroma, target)):
        raise UsageError("merge is for films in one file", hint="make a film of the frames first")
    if is_same_file(target, chroma):
        raise OutputError(f"{target}: is the chroma itself", hint="give the result another name")
    settings = replace(settings, already_color=AlreadyColor.RECOLOR)  # whatever color it has is replaced
    plan = plan_film(FilmRequest(master, target, settings, overwrite=settings.overwrite), listener, stop)
    told = listener.progress
    found = scan(chroma, lambda share: told(Progress("reading", share, 1, Unit.SHARE, chroma.name)), stop)
    laid = LaidChroma(chroma, found.film)
    laid.check(master, plan.scan.film)
    return plan, laid


def merge_film(
    plan: FilmPlan, laid: LaidChroma, listener: Listener | None = None, stop: threading.Event | None = None
) -> tuple[FilmRecord, FilmCheck]:
    """Make the film, and compare it with its master before it has its name.

    Raises what `color_film` does, and `VerificationError` where it is not its master's picture.
    """
    checks: list[FilmCheck] = []

    def compare(_: BinaryIO | FileState, whole: Whole) -> None:
        check = check_film(plan.request.source, part_path(plan.request.target))
        if check.reason:
            raise VerificationError(f"{plan.request.target}: {check.reason}", hint="please report this line")
        checks.append(check)

    record = lay_film(plan, laid, listener, stop, before_naming=compare)
    return record, checks[0]
