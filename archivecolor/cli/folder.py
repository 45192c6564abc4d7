"""``archivecolor folder SRC OUT``: color every photograph and film of a tree."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from archivecolor.cli import options
from archivecolor.cli.cluster_options import ClusterOptions
from archivecolor.cli.interrupt import interruptible
from archivecolor.cli.layout import given, laid_out
from archivecolor.cli.report import make_report
from archivecolor.errors import UsageError
from archivecolor.runs.settings import FolderSettings


@laid_out
def folder(
    context: typer.Context,
    source: Annotated[
        str, typer.Argument(metavar="SRC", help="Folder of photographs and films, or s3://bucket/folder.")
    ],
    out: Annotated[str, typer.Argument(metavar="OUT", help="Folder for the results, made if missing; or s3://...")],
    what: options.WhatOptions,
    grade: options.GradeOptions,
    advice: options.AdviceOptions,
    forget_hints: Annotated[
        bool, options.color("--forget-hints", "Make results again without the hints or the reference on record.")
    ] = False,
    *,
    smoothing: options.SmoothingOptions,
    film: options.FilmOptions,
    result: options.ResultOptions,
    engine: options.EngineOptions,
    runtime: options.RuntimeOptions,
    provenance: options.ProvenanceOptions,
    overwrite: options.Overwrite = False,
    jobs: options.Jobs = 0,
    shard: options.ShardOfMany = None,
    merge_journals: options.MergeJournals = False,
    cluster: ClusterOptions,
    fail_fast: Annotated[bool, options.output("--fail-fast", "Stop at the first failure.")] = False,
    dry_run: options.DryRun = False,
    tell: options.TellOptions,
) -> None:
    """Color every photograph and film below SRC into the same tree below OUT.

    The same command continues where an earlier run stopped: a journal in OUT records what is done, and only what is
    missing, or whose source, settings or generator has changed, is made. Hints and a reference on record are used
    again, and with --overwrite all other settings, too, that the command does not give. Each file keeps its format,
    bit depth, resolution and metadata. Sources are only read. The first Ctrl-C finishes the pictures under way, the
    second stops at once; no file is ever left half-written.

    Examples:
    archivecolor folder scans out

    archivecolor folder scans out --saturation 1.2 --reference kodachrome.jpg

    archivecolor folder scans out --only '*.tif' --dry-run

    archivecolor folder scans out --shard 3/64

    archivecolor folder s3://archive/scans s3://archive/color

    archivecolor folder scans out --cluster auto
    """
    from archivecolor.jobs.discover import lies_inside
    from archivecolor.jobs.shards import Shard
    from archivecolor.storage.urls import placed

    source_place, out_place = placed(source), placed(out)
    if tell.log_file and isinstance(source_place, Path) and lies_inside(tell.log_file, source_place):
        raise UsageError(f"{tell.log_file}: the log would lie among the sources", hint="give --log-file another place")
    tell.begin()
    if merge_journals:
        from archivecolor.cli.lines import Lines
        from archivecolor.runs.folder.merging import merge_journals as merge

        with Lines(quiet=tell.quiet) as merging:
            merge(out_place, merging)
        return
    if shard and result.report:
        raise UsageError(
            "--report and --shard cannot be used together", hint="when all shards are done: archivecolor report OUT"
        )
    settings = FolderSettings(
        generator=engine.generator,
        engine=engine.settings(runtime),
        color=grade.settings(advice),
        already_color=what.already_color,
        smoothing=smoothing.settings(),
        **film.settings(),
        given=given(context),
        forget_hints=forget_hints,
        overwrite=overwrite,
        jobs=jobs,
        output=provenance.output(result),
        confidence=result.confidence,
        kinds=what.kind,
        sequences=not what.no_sequences,
        only=tuple(what.only or ()),
        only_from=what.only_from,
        watch=what.watch,
        bag=result.bag,
        summary=result.summary,
        sign_key=provenance.sign_key,
        sign_certificates=provenance.sign_certificates,
        max_megapixels=what.max_megapixels,
        fail_fast=fail_fast,
        shard=Shard.parse(shard, os.environ) if shard is not None else None,
        cluster=cluster.settings(),
    )

    from archivecolor.cli.folder_lines import FolderLines
    from archivecolor.runs.folder.job import color_folder

    on_disk = isinstance(source_place, Path) and isinstance(out_place, Path)
    if result.report and not on_disk:
        raise UsageError("--report is for folders on a disk", hint="copy the results to one: archivecolor report OUT")
    if result.report and not dry_run:
        from archivecolor.report import making

        making.place(Path(out), Path(source))  # a place that will not do is better known before the night than after it
    with interruptible() as interruption, FolderLines(json=tell.json, quiet=tell.quiet) as lines:
        record = color_folder(
            source_place, out_place, settings, listener=lines, stop=interruption.stop, dry_run=dry_run
        )
        lines.close(record, out_place, reported=result.report)
    if not what.watch:
        interruption.raise_if_interrupted()
    if result.report and not dry_run and Path(out).is_dir():  # there is none where there was nothing to color
        make_report(Path(out), jobs=jobs, tell=tell)  # of a run with failures all the more
    record.raise_for_failures()
