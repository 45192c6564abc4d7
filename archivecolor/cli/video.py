"""``archivecolor video FILM OUT``: color a film."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from contextlib import ExitStack, suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from archivecolor.cli import console, film_lines, options
from archivecolor.cli.cluster_options import ClusterOptions
from archivecolor.cli.interrupt import interruptible
from archivecolor.cli.layout import laid_out
from archivecolor.cli.lines import Lines
from archivecolor.errors import ItemsFailedError, Stopped, UsageError
from archivecolor.jobs.shards import Shard
from archivecolor.runs.settings import FilmSettings
from archivecolor.settings import AlreadyColor, EncodeSettings, Purpose, Write
from archivecolor.text import printable

_SHEETS: Final = {".png", ".jpg", ".jpeg"}


@laid_out
def video(
    source: Annotated[
        str, typer.Argument(metavar="FILM", help="The film, s3://... too, or scanned frames: a folder or a pattern.")
    ],
    out: Annotated[
        str,
        typer.Argument(metavar="OUT", help="The result: .mp4, .mov, .mkv, .webm, or frames: a folder or a pattern."),
    ],
    already_color: options.WhatIfColor = AlreadyColor.SKIP,
    *,
    grade: options.GradeOptions,
    advice: options.AdviceOptions,
    smoothing: options.SmoothingOptions,
    film: options.FilmOptions,
    cuts: options.Cuts = None,
    write: Annotated[
        Write, options.result("--write", "chroma: the chroma alone, as FFV1 or frames, for 'merge' or a suite.", "WHAT")
    ] = Write.FILM,
    shots: Annotated[
        Path | None, options.result("--shots", "Write the list of its shots, too: .otio, .edl or .csv.", "FILE")
    ] = None,
    everywhere: Annotated[
        bool, options.color("--everywhere", "Frames of --references color other shots, too, where these are alike.")
    ] = False,
    preview: Annotated[
        bool, options.result("--preview", "Write OUT as one picture with a frame of each shot.")
    ] = False,
    engine: options.EngineOptions,
    runtime: options.RuntimeOptions,
    overwrite: options.Overwrite = False,
    jobs: options.Jobs = 0,
    shard: Annotated[
        str | None,
        options.output(
            "--shard", "Make it with other runs at the same time, this one K of N, as 3/64; auto as in folder."
        ),
    ] = None,
    cluster: ClusterOptions,
    dry_run: options.DryRun = False,
    tell: options.TellOptions,
) -> None:
    """Color a film: FILM's picture in color, its luma as it was; sound, subtitles, chapters and times untouched.

    The film is read once to find its shots, then colored in segments of at most 30 seconds, which are kept beside OUT
    until it is finished: after an interruption the same command continues from there.

    Examples:
    archivecolor video film.mp4 film_color.mp4

    archivecolor video film.mkv film_color.mkv --for master

    archivecolor video film.mp4 shots.png --preview

    archivecolor video film.mp4 film_color.mp4 --cuts edited.edl

    archivecolor video reels/reel1/ reels_color/reel1/

    archivecolor video film.mp4 film_color.mp4 --shard 1/4

    archivecolor video film.mp4 film_color.mp4 --cluster auto

    archivecolor video s3://archive/film.mkv s3://archive/film_color.mkv
    """
    from archivecolor.storage.urls import placed

    film_place, out_place = placed(source), placed(out)
    tell.begin()
    if preview:
        _check_preview(out_place.name, {"--shard": shard, "--cluster": cluster.cluster})
    film_lines.check_list(shots, overwrite=overwrite)
    if already_color is AlreadyColor.COPY:
        raise UsageError("--already-color copy is for folders", hint="copy the film yourself, or give recolor")
    from archivecolor.chroma.control.colored_frames import with_frames
    from archivecolor.sequences.finding import source_of, target_of

    film_place = source_of(film_place) if isinstance(film_place, Path) else film_place
    if isinstance(out_place, Path) and not preview:
        out_place = target_of(out_place, film_place if isinstance(film_place, Path) else Path(film_place.name))

    told = _lossless(film.settings()) if write is Write.CHROMA else film.settings()
    settings = FilmSettings(
        generator=engine.generator,
        engine=engine.settings(runtime),
        color=with_frames(grade.settings(advice), Path(film_place.name), everywhere=everywhere),
        already_color=already_color,
        smoothing=smoothing.settings(),
        **{**told, "leave_out": told["leave_out"] or preview},
        overwrite=overwrite,
        jobs=jobs,
        shard=Shard.parse(shard, os.environ) if shard is not None else None,
        cluster=cluster.settings(),
    )

    from archivecolor.chroma.control.hint_zip import for_film
    from archivecolor.inference import select
    from archivecolor.runs.film.crew import crew_for, seen_by_all
    from archivecolor.runs.film.job import FilmRecord, make_film, preview_film
    from archivecolor.runs.film.places import at_places
    from archivecolor.runs.film.plan import FilmRequest, plan_film
    from archivecolor.runs.film.sharing import FinishedElsewhereError

    chroma_only = write is Write.CHROMA and not preview
    at_stores = at_places(film_place, out_place, settings, overwrite=overwrite, beside=chroma_only)
    record = plan = None
    with (
        interruptible() as interruption,
        Lines(quiet=tell.quiet) as lines,
        at_stores as places,
        suppress(Stopped),
        for_film(settings.color, places.source.name) as color,
        ExitStack() as opened,
    ):
        request = seen_by_all(
            FilmRequest(
                *(places.source, places.target, settings, overwrite, "matroska" if preview else None, chroma_only, cuts)
            )
        )
        film_lines.check_grade(request)
        crew = None if dry_run else opened.enter_context(crew_for(request, lines, interruption.stop))
        plan = plan_film(request, lines, interruption.stop)
        film_lines.tell_plan(plan, json=tell.json, dry_run=dry_run, shown=places.shown)
        if dry_run:
            return
        make: Callable[[], FilmRecord]
        if crew:
            make = partial(crew.make, plan)
        else:
            engine_here = opened.enter_context(select.open_engine(settings.engine, settings.generator))
            console.log.info("coloring with '%s' on %s", settings.generator, engine_here.description)
            if preview:
                count = preview_film(plan, engine_here, color, places.target, lines)
                places.put()
                console.log.info("%s shows %d frames", printable(str(out_place)), count)
                return
            deliver = places.deliver
            make = partial(make_film, plan, engine_here, color, lines, interruption.stop, before_naming=deliver)
        try:
            record = make()
        except FinishedElsewhereError as e:
            film_lines.tell_elsewhere(plan, e, json=tell.json)
    interruption.raise_if_interrupted()
    if plan and record:
        film_lines.tell_record(plan, record, json=tell.json, shown=places.shown)
        film_lines.write_beside(plan, record, shots)
        if record.warnings:
            raise ItemsFailedError(
                f"{film_place}: is damaged; everything that can be decoded was written", hint="the warnings say where"
            )


def _check_preview(name: str, many: Mapping[str, str | None]) -> None:
    """Refuse a preview of another kind than pictures, or by ``many`` runs."""
    if option := next((option for option, given in many.items() if given), None):
        raise UsageError(f"--preview and {option} cannot be used together", hint="one run makes a preview")
    if Path(name).suffix.lower() not in _SHEETS:
        raise UsageError(f"a preview is a picture, not '{name}'", hint="end its name in .png or .jpg")


def _lossless(told: dict[str, Any]) -> dict[str, Any]:
    """Settings of a film, for its chroma: FFV1, as long as no other purpose was asked for."""
    encode: EncodeSettings = told["encode"]
    return {**told, "encode": replace(encode, purpose=Purpose.MASTER)} if encode.purpose is Purpose.ARCHIVE else told
