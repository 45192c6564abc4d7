"""``archivecolor video FILM OUT``: colour a film."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from archivecolor.cli import console, options
from archivecolor.cli.film_progress import FilmProgress, parse_time, tell_least_sure
from archivecolor.cli.interrupt import interruptible
from archivecolor.errors import ItemsFailedError, UsageError
from archivecolor.settings import (
    ColorSettings,
    EncoderKind,
    EncodeSettings,
    EngineSettings,
    FilmSettings,
    Precision,
    Purpose,
    Smoothing,
)
from archivecolor.text import clock, duration, printable

if TYPE_CHECKING:
    from archivecolor.runs.film.job import FilmPlan, FilmRecord

_LISTED_WARNINGS = 20
_SHEETS = {".png", ".jpg", ".jpeg"}


def video(
    source: Annotated[Path, typer.Argument(metavar="FILM", help="The film; it is only read.")],
    out: Annotated[Path, typer.Argument(metavar="OUT", help="The result: .mp4, .mov, .mkv or .webm.")],
    purpose: options.For = Purpose.ARCHIVE,
    codec: options.Codec = None,
    encoder: options.Encoder = EncoderKind.SOFTWARE,
    crf: options.Crf = None,
    preset: options.Preset = None,
    engine: options.Engine = "auto",
    device: options.Device = "auto",
    precision: options.EnginePrecision = Precision.AUTO,
    batch: options.Batch = None,
    generator: options.Generator = "archive",
    network_px: options.NetworkPx = None,
    strength: options.Strength = 1.0,
    thorough: options.Thorough = False,
    saturation: options.Saturation = 1.0,
    warmth: options.Warmth = 0.0,
    reference: options.Reference = None,
    hints: options.HintFile = None,
    hints_dir: options.HintFolder = None,
    smoothing: options.SmoothingKind = Smoothing.FULL,
    every: options.Every = 8,
    start: options.Start = None,
    end: options.End = None,
    side_by_side: options.SideBySide = False,
    preview: options.Preview = False,
    recolor: options.Recolor = False,
    leave_out: options.LeaveOut = False,
    keep_work: options.KeepWork = False,
    overwrite: options.Overwrite = False,
    jobs: options.FilmJobs = 1,
    dry_run: options.DryRun = False,
    json: options.Json = False,
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
    log_file: options.LogFile = None,
) -> None:
    """Colour a film: FILM's picture in colour, its luma as it was; sound, subtitles, chapters and times untouched.

    The film is read once to find its shots, then coloured in segments of at most 30 seconds, which are kept beside OUT
    until it is finished: after an interruption the same command goes on from there.
    """
    console.set_up_logging(quiet=quiet, verbose=verbose, log_file=log_file)
    runtime = EngineSettings(kind=engine, device=device, precision=precision, batch=batch)
    painted = options.hints_of(hints, hints_dir)
    color = ColorSettings(strength, saturation, warmth, reference, painted, network_px=network_px, thorough=thorough)
    film_settings = FilmSettings(smoothing=smoothing, every=every)
    encode = EncodeSettings(purpose, codec, crf, preset, encoder, side_by_side)
    if preview and out.suffix.lower() not in _SHEETS:
        raise UsageError(f"a preview is a picture, not '{out.name}'", hint="end its name in .png or .jpg")

    from archivecolor.chroma.film import FilmColorizer, Stopped
    from archivecolor.inference import select
    from archivecolor.runs.film.job import FilmRequest, color_film, plan_film
    from archivecolor.runs.film.segment_maker import SegmentMaker

    request = FilmRequest(
        source,
        out,
        encode,
        start_s=parse_time(start),
        end_s=parse_time(end),
        recolor=recolor,
        leave_out=leave_out or preview,
        overwrite=overwrite,
        keep_work=keep_work,
        muxer="matroska" if preview else None,
    )
    record = None
    with interruptible() as interruption, suppress(Stopped):
        with FilmProgress("reading", quiet=quiet) as progress:
            plan = plan_film(request, progress.share, interruption.stop)
        _tell_plan(plan, json=json, dry_run=dry_run)
        if dry_run:
            return
        with select.open_engine(runtime, generator) as opened:
            console.log.info("colouring with '%s' on %s", generator, opened.description)
            if preview:
                colorizer = FilmColorizer(opened, color, film_settings)
                count = SegmentMaker(source, plan.scan, colorizer, plan.encoding, side_by_side).contact_sheet(
                    out, plan.cut
                )
                console.log.info("%s shows %d frames", printable(out), count)
                return
            rate = len(plan.scan.film.times) / plan.scan.film.duration_s
            with FilmProgress("colouring", rate=rate, quiet=quiet) as progress:
                record = color_film(
                    plan, opened, color, film_settings, jobs=jobs, stop=interruption.stop, progress=progress.frames
                )
    interruption.raise_if_interrupted()
    if record is not None:
        _report(plan, record, json=json)
    if plan.scan.film.warnings:
        raise ItemsFailedError(
            f"{source}: is damaged; everything that can be decoded was written", hint="the warnings tell where"
        )


def _tell_plan(plan: FilmPlan, *, json: bool, dry_run: bool) -> None:
    film, request = plan.scan.film, plan.request
    console.log.info(
        "%s: %d x %d, %d bit, %.3f fps, %s, %d frames in %d shots -> %s",
        printable(request.source.name),
        film.form.width,
        film.form.height,
        film.form.depth,
        float(film.rate),
        clock(film.duration_s),
        plan.frames,
        plan.shots,
        plan.encoding.summary,
    )
    for note in plan.encoding.notes:
        console.log.warning("%s", note)
    for warning in film.warnings[:_LISTED_WARNINGS]:
        console.log.warning("at %s: %s", clock(warning.time_s), warning.text)
    if len(film.warnings) > _LISTED_WARNINGS:
        console.log.warning("and %d more", len(film.warnings) - _LISTED_WARNINGS)
    if dry_run and json:
        names = {"source": str(request.source), "target": str(request.target)}
        console.emit({**names, "status": "planned", **_facts(plan)})
    elif dry_run:
        console.write_out(f"{printable(request.source)} -> {printable(request.target)}")


def _facts(plan: FilmPlan) -> dict[str, object]:
    film = plan.scan.film
    return {
        "frames": plan.frames,
        "seconds_of_film": round(film.duration_s, 3),
        "cuts_s": [round(film.seconds(c), 3) for c in plan.cuts],
        "encoding": plan.encoding.summary,
        "notes": list(plan.encoding.notes),
        "warnings": [{"time_s": round(w.time_s, 3), "text": w.text} for w in film.warnings],
    }


def _report(plan: FilmPlan, record: FilmRecord, *, json: bool) -> None:
    """What was made."""
    console.log.info(
        "%s: %d frames in %d shots, in %s (%.1f fps), %s, %.1f MB",
        printable(record.target),
        record.frames,
        record.shots,
        duration(record.seconds),
        (record.frames - record.resumed) / record.seconds,
        record.encoding.summary,
        record.bytes / 1e6,
    )
    tell_least_sure(plan.least_sure(record.confidence))
    if record.copied:
        console.log.info("copied untouched: %s", "; ".join(printable(c) for c in record.copied))
    if json:
        names = {"source": str(record.source), "target": str(record.target)}
        shots = [
            {"start_s": round(start_s, 3), "confidence": round(mean, 3)}
            for start_s, mean in plan.timed(record.confidence)
        ]
        outcome = {"status": "colored", "copied": list(record.copied), "seconds": round(record.seconds, 3)}
        console.emit({**names, **outcome, **_facts(plan), "shots": shots})
