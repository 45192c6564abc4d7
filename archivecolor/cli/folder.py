"""``archivecolor folder SRC OUT``: colour every photograph and film of a tree."""

from __future__ import annotations

import os
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from archivecolor.cli import console, options
from archivecolor.cli.interrupt import Interruption, interruptible
from archivecolor.errors import OutputError, UsageError
from archivecolor.settings import (
    AlreadyColor,
    ColorSettings,
    EncodeSettings,
    EngineSettings,
    FilmSettings,
    Kinds,
    OutputSettings,
    Precision,
    Purpose,
    Smoothing,
    StillFormat,
)

if TYPE_CHECKING:
    from archivecolor.cli.folder_plan import Planner
    from archivecolor.jobs.recording import Recorder
    from archivecolor.jobs.spool import Spool


def folder(
    source: Annotated[Path, typer.Argument(metavar="SRC", help="Folder of photographs and films, with its folders.")],
    out: Annotated[Path, typer.Argument(metavar="OUT", help="Folder for the results; made when missing.")],
    engine: options.Engine = "auto",
    device: options.Device = "auto",
    precision: options.EnginePrecision = Precision.AUTO,
    batch: options.Batch = None,
    generator: options.Generator = "archive",
    network_px: options.NetworkPx = None,
    strength: options.Strength = 1.0,
    saturation: options.Saturation = 1.0,
    warmth: options.Warmth = 0.0,
    flip: options.Flip = False,
    already_color: options.WhatIfColor = AlreadyColor.SKIP,
    format: options.Format = None,
    quality: options.Quality = None,
    purpose: options.For = Purpose.ARCHIVE,
    codec: options.Codec = None,
    crf: options.Crf = None,
    preset: options.Preset = None,
    smoothing: options.SmoothingKind = Smoothing.FULL,
    every: options.Every = 8,
    leave_out: options.LeaveOut = False,
    overwrite: options.Overwrite = False,
    kind: options.ItemKind = Kinds.ALL,
    only: options.Only = None,
    only_from: options.OnlyFrom = None,
    jobs: options.Jobs = 0,
    max_megapixels: options.MaxMegapixels = None,
    fail_fast: options.FailFast = False,
    dry_run: options.DryRun = False,
    summary: options.SummaryFile = None,
    json: options.Json = False,
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
    log_file: options.LogFile = None,
) -> None:
    """Colour every photograph and film below SRC into the same tree below OUT.

    The same command goes on where an earlier run stopped: a journal in OUT knows what is done, and only what is
    missing, or whose source, settings or generator changed since, is made. Each file keeps its format, bit depth,
    resolution and metadata. Sources are only read. The first Ctrl-C finishes the pictures under way, the second stops
    at once; no file is ever left half-written.
    """
    from archivecolor.jobs.discover import check_folders, compile_patterns, lies_inside

    for what, file, option in (("log", log_file, "--log-file"), ("summary", summary, "--summary")):
        if file and lies_inside(file, source):
            raise UsageError(f"{file}: the {what} would lie among the sources", hint=f"give {option} another place")
    console.set_up_logging(quiet=quiet, verbose=verbose, log_file=log_file)
    runtime = EngineSettings(kind=engine, device=device, precision=precision, batch=batch)
    color = ColorSettings(strength, saturation, warmth, network_px=network_px, flip=flip)
    output = OutputSettings(format=_format(format), quality=quality, overwrite=overwrite)
    film = FilmSettings(smoothing=smoothing, every=every)
    encode = EncodeSettings(purpose, codec, crf, preset)
    patterns = compile_patterns(only or [])
    check_folders(source, out)

    from archivecolor.cli.folder_plan import Planner
    from archivecolor.cli.folder_report import Report
    from archivecolor.cli.folder_settings import Making
    from archivecolor.cli.folder_summary import Summary
    from archivecolor.inference import catalog
    from archivecolor.jobs.chosen import Chosen
    from archivecolor.jobs.resume import Rules

    planner = Planner(
        source,
        out,
        Making(catalog.find(generator), color, output, already_color, film, encode, leave_out),
        Report(json=json, summary=Summary(summary, source, out) if summary else None),
        kinds=kind,
        only=patterns,
        chosen=Chosen.read(only_from) if only_from else None,
        rules=Rules(overwrite=overwrite, chosen=only_from is not None),
        fail_fast=fail_fast,
    )
    if dry_run:
        _tell(planner)
    else:
        _run(planner, runtime, max_megapixels, jobs=jobs, quiet=quiet)


def _tell(planner: Planner) -> None:
    """Say what would be done, and why."""
    from archivecolor.jobs.journal import journal_path
    from archivecolor.jobs.journal_index import Index

    with closing(Index(journal_path(planner.out))) as planner.index:
        for task in planner.tasks():
            planner.report.planned(task)
    planner.tell_missing()
    console.log.info("%d to colour, %s", planner.report.counts["to colour"], planner.report.rest())
    planner.report.write_summary()
    planner.report.raise_for_failures()


def _run(planner: Planner, runtime: EngineSettings, max_megapixels: int | None, *, jobs: int, quiet: bool) -> None:
    """Plan, colour, report."""
    from archivecolor import __version__
    from archivecolor.jobs.recording import Recorder
    from archivecolor.jobs.spool import Spool

    report, out = planner.report, planner.out
    with (
        interruptible() as interruption,
        Spool(planner.source, out) as plan,
        Recorder(out, planner.making.all(), __version__, chosen=planner.rules.chosen) as recorder,
    ):
        planner.recorder, planner.index = recorder, recorder.index
        for task in planner.tasks():
            if interruption.stop.is_set():
                break
            plan.add(task)
        planner.tell_missing()
        if len(plan):
            _color(plan, planner, recorder, runtime, max_megapixels, interruption, jobs=jobs, quiet=quiet)
    report.close(left=len(plan) - report.ended)
    interruption.raise_if_interrupted()
    report.raise_for_failures()


def _color(
    plan: Spool,
    planner: Planner,
    recorder: Recorder,
    runtime: EngineSettings,
    max_megapixels: int | None,
    interruption: Interruption,
    *,
    jobs: int,
    quiet: bool,
) -> None:
    """Colour what is planned."""
    from archivecolor.cli.folder_run import FolderRun
    from archivecolor.jobs.records import EngineUsed, Kind
    from archivecolor.pipeline import Colorizer

    _make(planner.out)
    making = planner.making
    name = making.generator.name
    generator = str(making.generator.path)
    with Colorizer.load(runtime, generator, making.color, max_megapixels=max_megapixels) as colorizer:
        console.log.info("%d to colour with '%s' on %s", len(plan), name, colorizer.engine.description)
        recorder.computed_by(EngineUsed(name, making.weights_sha256, colorizer.engine.description))
        run = FolderRun(colorizer, making, recorder, planner.report, interruption, jobs, planner.fail_fast, quiet)
        run.stills(plan.tasks(Kind.STILL), plan.counts[Kind.STILL])
        run.films(plan.tasks(Kind.FILM), plan.counts[Kind.FILM])


def _format(name: str | None) -> StillFormat | None:
    if name is None:
        return None
    aliases = {"jpg": "jpeg", "tif": "tiff", "jp2": "jpeg2000", "ppm": "pnm", "heic": "heif"}
    try:
        return StillFormat(aliases.get(name.lower(), name.lower()))
    except ValueError as e:
        raise UsageError(f"there is no format '{name}'", hint=f"one of {', '.join(StillFormat)}") from e


def _make(out: Path) -> None:
    """Make the folder for the results before the first picture is coloured, to know that it can be written to."""
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as e:
        raise OutputError(f"{out}: cannot be made: {e.strerror}", hint="choose another folder") from e
    if not os.access(out, os.W_OK | os.X_OK):
        raise OutputError(f"{out}: cannot be written to", hint="check its permissions or choose another folder")
