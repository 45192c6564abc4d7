"""What the terminal says about a film: before it is colored, and after."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from archivecolor.cli import console
from archivecolor.cli.lines import tell_least_sure
from archivecolor.errors import ArchiveColorError, OutputError
from archivecolor.jobs.file_sets import Numbering
from archivecolor.runs.at_stores import Shown, told_of
from archivecolor.runs.listener import ItemStatus
from archivecolor.text import clock, counted, duration, printable

if TYPE_CHECKING:
    from archivecolor.film.shot_list import ListedShot
    from archivecolor.runs.film.job import FilmRecord
    from archivecolor.runs.film.plan import FilmPlan, FilmRequest

log = console.log
_LISTED_WARNINGS: Final = 20


def tell_plan(plan: FilmPlan, *, json: bool, dry_run: bool, shown: Shown = ()) -> None:
    """What the film is, and what will be made of it."""
    film, request = plan.scan.film, plan.request
    log.info(
        "%s: %d x %d, %d bit, %.3f fps, %s%s, %d frames in %s -> %s",
        printable(request.source.name),
        film.form.width,
        film.form.height,
        film.form.depth,
        float(film.rate),
        clock(film.duration_s),
        f" from {film.timecode}" if film.timecode else "",
        plan.frames,
        counted(plan.shots, "shot"),
        plan.encoding.summary,
    )
    for note in plan.encoding.notes:
        log.warning("%s", note)
    for warning in film.warnings[:_LISTED_WARNINGS]:
        log.warning("at %s: %s", film.moment(warning.time_s), warning.text)
    if len(film.warnings) > _LISTED_WARNINGS:
        log.warning("and %d more", len(film.warnings) - _LISTED_WARNINGS)
    names = {"source": told_of(str(request.source), shown), "target": told_of(str(request.target), shown)}
    if dry_run and json:
        console.emit({**names, "status": "planned", **_facts(plan)})
    elif dry_run:
        console.write_out(f"{printable(names['source'])} -> {printable(names['target'])}")


def tell_elsewhere(plan: FilmPlan, why: ArchiveColorError, *, json: bool) -> None:
    """That another shard finished the film."""
    request = plan.request
    log.info("%s", printable(why.message))
    if json:
        names = {"source": str(request.source), "target": str(request.target)}
        reason = why.message.removeprefix(f"{request.target}: ")
        console.emit({**names, "status": str(ItemStatus.EXISTS), "reason": reason})


def check_list(path: Path | None, *, overwrite: bool) -> None:
    """Refuse a list of shots that could not be written, before hours of work. Raises `ArchiveColorError`."""
    if path is None:
        return
    from archivecolor.film.otio import check_installed
    from archivecolor.film.shot_list import suffix_of

    if suffix_of(path) != ".csv":
        check_installed()
    if path.exists() and not overwrite:
        raise OutputError(f"{path}: already exists", hint="--overwrite replaces it")


def write_beside(plan: FilmPlan, record: FilmRecord, shots: Path | None) -> None:
    """Write the list of a film's shots, if it is wanted, and of chroma alone the grade. Raises `OutputError`."""
    from archivecolor.chroma.control.lut import write_grade
    from archivecolor.film.scale import Scale
    from archivecolor.film.shot_list import write_shots

    request, film = plan.request, plan.scan.film
    if shots:
        listed = plan.shot_list(record.confidence)
        write_shots(shots, listed, film, record.source, overwrite=request.overwrite)
        tell_list(shots, listed)
    if request.chroma_only:
        grade, beside = request.settings.color, grade_beside(request.target)
        scale = film.form.scale
        shown = "" if scale is Scale.DISPLAY else f", for what a display shows: the frames are {scale}"
        for path in write_grade(beside, grade, film.form.weights, overwrite=request.overwrite):
            log.info("%s: the grade that is in it%s", printable(path), shown)


def grade_beside(target: Path) -> Path:
    """Where the grade of chroma lies, but for its suffix: beside a film, of frames in their folder."""
    way = Numbering.of(target.name)
    return target.with_name((way.before.rstrip("._- ") or "chroma") + ".cube") if way else target


def check_grade(request: FilmRequest) -> None:
    """Refuse a grade that could not be written, before hours of work. Raises `OutputError`."""
    from archivecolor.chroma.control.grade import is_neutral

    if not request.chroma_only or request.overwrite or is_neutral(request.settings.color):
        return
    for suffix in (".cube", ".cdl"):
        path = grade_beside(request.target).with_suffix(suffix)
        if path.exists():
            raise OutputError(f"{path}: already exists", hint="--overwrite replaces it")


def tell_list(path: Path, listed: Sequence[ListedShot]) -> None:
    """What was written."""
    doubtful = sum(shot.doubtful for shot in listed)
    log.info("%s: %s, %d with a doubtful cut", printable(path), counted(len(listed), "shot"), doubtful)


def _facts(plan: FilmPlan) -> dict[str, object]:
    film = plan.scan.film
    return {
        "frames": plan.frames,
        "seconds_of_film": round(film.duration_s, 3),
        "timecode": str(film.timecode) if film.timecode else None,
        "cuts_s": [round(film.seconds(c), 3) for c in plan.cuts],
        "encoding": plan.encoding.summary,
        "notes": list(plan.encoding.notes),
        "warnings": [{"time_s": round(w.time_s, 3), "text": w.text} for w in film.warnings],
    }


def tell_record(plan: FilmPlan, record: FilmRecord, *, json: bool, shown: Shown = ()) -> None:
    """What was made, and where to look first."""
    log.info(
        "%s: %d frames in %s, in %s (%.1f fps), %s, %.1f MB",
        printable(told_of(str(record.target), shown)),
        record.frames,
        counted(record.shots, "shot"),
        duration(record.seconds),
        (record.frames - record.resumed) / record.seconds,
        record.encoding.summary,
        record.bytes / 1e6,
    )
    for note in record.whole.notes:
        log.warning("%s", printable(note))
    for warning in record.warnings[len(plan.scan.film.warnings) :][:_LISTED_WARNINGS]:
        log.warning("at %s: %s", plan.scan.film.moment(warning.time_s), warning.text)
    tell_least_sure(plan.least_sure(record.confidence))
    if len(record.whole.machines) > 1:
        rows = [(printable(machine), str(frames)) for machine, frames in sorted(record.whole.machines.items())]
        log.info("%s", console.table(rows, ("machine", "frames")))
    if record.copied:
        log.info("copied untouched: %s", "; ".join(printable(c) for c in record.copied))
    if json:
        names = {"source": told_of(str(record.source), shown), "target": told_of(str(record.target), shown)}
        shots = [
            {"start_s": round(start_s, 3), "confidence": round(mean, 3), **({"timecode": code} if code else {})}
            for start_s, mean, code in plan.timed(record.confidence)
        ]
        outcome = {"status": "colored", "copied": list(record.copied), "seconds": round(record.seconds, 3)}
        told = {"not_kept": list(record.whole.lost), "shots": shots, "machines": dict(record.whole.machines)}
        console.emit({**names, **outcome, **_facts(plan), **told})
