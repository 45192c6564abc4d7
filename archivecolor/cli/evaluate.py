"""``archivecolor evaluate SRC``: how near the colors come, and how steady they are, where the truth is known."""

from __future__ import annotations

from contextlib import ExitStack
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from archivecolor.cli import console, options
from archivecolor.cli.layout import laid_out
from archivecolor.cli.measuring import measure_clips, measure_stills
from archivecolor.cli.score_tables import Entry, clips_table, stills_table
from archivecolor.errors import InputError, UsageError

if TYPE_CHECKING:
    pass


@laid_out
def evaluate(
    source: Annotated[Path, typer.Argument(metavar="SRC", help="Folder of color photographs and films, or one file.")],
    frames: Annotated[
        bool, options.what("--frames", "Each folder of pictures below SRC holds the frames of a film.")
    ] = False,
    *,
    grade: options.GradeOptions,
    every: options.Every = options.EVERY,
    sheet: Annotated[
        Path | None, options.result("--sheet", "Write a contact sheet: gray | model | actual.", "FILE")
    ] = None,
    engine: options.EnginesOptions,
    runtime: options.RuntimeOptions,
    tell: options.TellOptions,
) -> None:
    """Make color photographs and films gray, color them again and compare with the truth.

    --engine and --generator may be given several times: all are measured on the same pictures, side by side.

    Examples:
    archivecolor evaluate photographs --sheet sheet.png

    archivecolor evaluate film.mp4

    archivecolor evaluate photographs --generator archive --generator engines/mine --json
    """
    tell.begin()
    runtimes, color = engine.settings(runtime), grade.settings()

    from archivecolor.chroma.still import Colorizer
    from archivecolor.evaluation import sources
    from archivecolor.jobs.discover import lies_inside

    if sheet and lies_inside(sheet, source):
        raise UsageError(f"{sheet}: the sheet would lie among the sources", hint="give --sheet another place")
    found = sources.find(source, frames=frames)
    with ExitStack() as stack:
        entries = []
        for name, settings in product(engine.generators, runtimes):
            colorizer = stack.enter_context(Colorizer.load(settings, name, color))
            entries.append(Entry(name, settings.kind, colorizer))
        if found.stills:
            measure_stills(found.stills, entries, sheet, tell)
        if found.clips:
            measure_clips(found.clips, entries, color, every, tell)
    if not any(entry.stills or entry.clips for entry in entries):
        raise InputError("found no color photograph and no color film to evaluate on")
    if tell.json:
        for entry in entries:
            entry.emit_means()
        return
    if entries[0].stills:
        console.write_out(stills_table(entries))
    if entries[0].clips:
        console.write_out(clips_table(entries))
