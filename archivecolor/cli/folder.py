"""``archivecolor folder SRC OUT``: colour every photograph and film of a tree."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from archivecolor.cli import console, options
from archivecolor.errors import ItemsFailedError, UsageError
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
    from archivecolor.provenance.signing import ContentSigner
    from archivecolor.runs.folder.job import Session


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
    reference: options.Reference = None,
    hints: options.HintFile = None,
    hints_dir: options.HintFolder = None,
    thorough: options.Thorough = False,
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
    embed: options.Embed = True,
    sidecar: options.Sidecar = False,
    sign_key: options.SignKey = None,
    sign_certificates: options.SignCertificates = None,
    overwrite: options.Overwrite = False,
    kind: options.ItemKind = Kinds.ALL,
    only: options.Only = None,
    only_from: options.OnlyFrom = None,
    jobs: options.Jobs = 0,
    max_megapixels: options.MaxMegapixels = None,
    fail_fast: options.FailFast = False,
    dry_run: options.DryRun = False,
    summary: options.SummaryFile = None,
    confidence: options.ConfidenceMaps = False,
    bag: options.Bag = False,
    watch: options.Watching = False,
    report: options.ReviewPage = False,
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
    if watch and dry_run:
        raise UsageError("--watch and --dry-run exclude each other", hint="leave one of them out")
    runtime = EngineSettings(kind=engine, device=device, precision=precision, batch=batch)
    color = ColorSettings(
        strength,
        saturation,
        warmth,
        reference,
        options.hints_of(hints, hints_dir),
        network_px=network_px,
        thorough=thorough,
    )
    output = OutputSettings(
        format=_format(format), quality=quality, overwrite=overwrite, embed_record=embed, sidecar=sidecar
    )
    film = FilmSettings(smoothing=smoothing, every=every)
    encode = EncodeSettings(purpose, codec, crf, preset)
    patterns = compile_patterns(only or [])
    check_folders(source, out)

    from archivecolor.inference import catalog
    from archivecolor.jobs.bag import is_bag
    from archivecolor.jobs.item_list import ItemList
    from archivecolor.jobs.resume import Rules
    from archivecolor.runs.folder.job import Session
    from archivecolor.runs.folder.plan import Planner
    from archivecolor.runs.folder.settings import Making
    from archivecolor.runs.folder.summary import Summary
    from archivecolor.runs.folder.tally import Report

    planner = Planner(
        source,
        out,
        Making(catalog.find(generator), color, output, already_color, film, encode, leave_out, confidence),
        Report(json=json, summary=Summary(summary, source, out) if summary else None),
        kinds=kind,
        only=patterns,
        chosen=ItemList.read(only_from) if only_from else None,
        rules=Rules(overwrite=overwrite, chosen=only_from is not None),
        bag=bag or is_bag(out),
        fail_fast=fail_fast,
    )
    signer = _signer(sign_key, sign_certificates)
    session = Session(planner, runtime, max_megapixels, jobs, quiet, signer)
    if dry_run:
        session.tell()
    elif report:
        _run_and_report(session, watch=watch, json=json)
    else:
        session.run(watch=watch)


def _run_and_report(session: Session, *, watch: bool, json: bool) -> None:
    """Run, and make the review page, of a run with failures all the more."""
    from archivecolor.cli.report import make_report
    from archivecolor.report import making

    out = session.planner.out
    making.place(out, session.planner.source)  # a place that will not do is better known before the night than after it
    failures: ItemsFailedError | None = None
    try:
        session.run(watch=watch)
    except ItemsFailedError as e:
        failures = e
    if out.is_dir():  # there is none where there was nothing to colour
        make_report(out, jobs=session.jobs, json=json, quiet=session.quiet)
    if failures:
        raise failures


def _signer(key: Path | None, certificates: Path | None) -> ContentSigner | None:
    if key is None and certificates is None:
        return None
    if key is None or certificates is None:
        raise UsageError("a signature takes a key and its certificates", hint="give --sign-key and --sign-certificates")
    from archivecolor.provenance.signing import ContentSigner

    return ContentSigner(certificates, key)


def _format(name: str | None) -> StillFormat | None:
    if name is None:
        return None
    aliases = {"jpg": "jpeg", "tif": "tiff", "jp2": "jpeg2000", "ppm": "pnm", "heic": "heif"}
    try:
        return StillFormat(aliases.get(name.lower(), name.lower()))
    except ValueError as e:
        raise UsageError(f"there is no format '{name}'", hint=f"one of {', '.join(StillFormat)}") from e
