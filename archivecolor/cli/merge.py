"""``archivecolor merge MASTER CHROMA OUT``: lay the chroma of one film beside the luma of another."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer

from archivecolor.cli import console, film_lines, options
from archivecolor.cli.interrupt import interruptible
from archivecolor.cli.layout import laid_out
from archivecolor.cli.lines import Lines
from archivecolor.errors import ItemsFailedError, Stopped
from archivecolor.runs.settings import FilmSettings
from archivecolor.settings import EncodeSettings, Purpose
from archivecolor.text import printable


@laid_out
def merge(
    master: Annotated[Path, typer.Argument(metavar="MASTER", help="The film, or scanned frames, whose luma is kept.")],
    chroma: Annotated[Path, typer.Argument(metavar="CHROMA", help="The film, or frames, whose chroma is taken.")],
    out: Annotated[Path, typer.Argument(metavar="OUT", help="The result: .mkv, another with --for, or frames.")],
    purpose: Annotated[
        Purpose, options.film("--for", "master: FFV1, lossless. archive, share, edit: as in 'video'.", "PURPOSE")
    ] = Purpose.MASTER,
    overwrite: options.Overwrite = False,
    jobs: options.Jobs = 0,
    *,
    tell: options.TellOptions,
) -> None:
    """Lay the chroma that 'video --write chroma' made, graded elsewhere or not, beside the luma of its master.

    Everything else is MASTER's: sound, subtitles, times, time code, what the headers of frames say. The result is
    decoded and compared with MASTER before it has its name; with --for master, and of frames, every sample of luma is
    proved to be the same.

    Examples:
    archivecolor merge film.mkv chroma.mkv film_color.mkv

    archivecolor merge reels/reel1/ chroma/reel1/ reels_color/reel1/
    """
    tell.begin()
    encode = EncodeSettings(purpose)
    settings = FilmSettings(encode=encode, overwrite=overwrite, jobs=jobs)

    from archivecolor.runs.film.merge import merge_film, plan_merge
    from archivecolor.sequences.finding import source_of, target_of

    master, chroma = source_of(master), source_of(chroma)
    out = target_of(out, master)
    made = None
    with interruptible() as interruption, Lines(quiet=tell.quiet) as lines, suppress(Stopped):
        plan, laid = plan_merge(master, chroma, out, settings, lines, interruption.stop)
        film_lines.tell_plan(plan, json=False, dry_run=False)
        made = merge_film(plan, laid, lines, interruption.stop)
    interruption.raise_if_interrupted()
    if made:
        record, check = made
        film_lines.tell_record(plan, record, json=tell.json)
        proof = "luma proved to be its master's, every sample" if check.proved else f"not proved: {check.unproved}"
        console.log.info("%s: %s", printable(out), proof)
        if record.warnings:
            raise ItemsFailedError(
                f"{master}: is damaged; everything that can be decoded was written", hint="the warnings say where"
            )
