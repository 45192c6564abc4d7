"""``archivecolor evaluate SRC``: how near the colors come, and how steady they are, where the truth is known."""

from __future__ import annotations

from contextlib import ExitStack
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from archivecolor.cli import console, options
from archivecolor.cli.layout import laid_out
from archivecolor.cli.progress import ProgressDisplay
from archivecolor.cli.score_tables import Entry, clips_table, steadiness, stills_table
from archivecolor.errors import InputError, UsageError
from archivecolor.runs.listener import Progress, Unit
from archivecolor.settings import ColorSettings
from archivecolor.text import printable

if TYPE_CHECKING:
    from collections.abc import Sequence


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
            _measure_stills(found.stills, entries, sheet, tell)
        if found.clips:
            _measure_clips(found.clips, entries, color, every, tell)
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


def _measure_stills(paths: Sequence[Path], entries: list[Entry], sheet: Path | None, tell: options.TellOptions) -> None:
    from archivecolor.evaluation import stills

    tiles, features = [], []
    with ProgressDisplay(quiet=tell.quiet) as display:
        for sample in stills.evaluate(paths, [entry.colorizer.color for entry in entries]):
            for entry, scores in zip(entries, sample.scores, strict=True):
                entry.stills.append(scores)
                if tell.json:
                    entry.emit(sample.path, **scores.as_dict())
            features.append(sample.features)
            if sheet:
                tiles.append(sample.tile)
            display.show(Progress("evaluating", len(features), len(paths), Unit.ITEMS))
    if len(features) > 1:
        found = stills.distances(features)
        for entry, distance in zip(entries, found.made, strict=True):
            entry.frechet, entry.frechet_gray = round(distance, 4), round(found.gray, 4)
    if sheet and tiles:
        stills.write_sheet(sheet, tiles, columns=max(1, 9 // (2 + len(entries))))


def _measure_clips(
    paths: Sequence[Path], entries: list[Entry], color: ColorSettings, every: int, tell: options.TellOptions
) -> None:
    from archivecolor.evaluation import clips

    opened = []
    for path in paths:
        try:
            opened.append(clips.open_clip(path))
        except InputError as e:
            console.log.warning("left out: %s", printable(e.message))
    frames = sum(clip.count for clip in opened) * len(entries)
    done = 0
    with ProgressDisplay(quiet=tell.quiet) as display:

        def advance() -> None:
            nonlocal done
            done += 1
            display.show(Progress("evaluating", done, frames, Unit.ITEMS))

        for clip, entry in product(opened, entries):
            scores = clips.evaluate(clip, entry.colorizer.engine, color, every, advance=advance)
            entry.clips.append(scores)
            if tell.json:
                entry.emit(clip.path, frames=clip.count, shots=len(clip.starts), **scores.as_dict())
            else:
                console.log.info("%s: %s", printable(clip.path.name), steadiness(scores))
