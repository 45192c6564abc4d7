"""The measuring of ``evaluate``, with its progress and its lines."""

from __future__ import annotations

from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING

from archivecolor.cli import console, options
from archivecolor.cli.progress import ProgressDisplay
from archivecolor.cli.score_tables import Entry, steadiness
from archivecolor.errors import InputError
from archivecolor.runs.listener import Progress, Unit
from archivecolor.settings import ColorSettings
from archivecolor.text import printable

if TYPE_CHECKING:
    from collections.abc import Sequence


def measure_stills(paths: Sequence[Path], entries: list[Entry], sheet: Path | None, tell: options.TellOptions) -> None:
    """Color photographs again with each entry, and score them; ``sheet`` is a picture of all."""
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


def measure_clips(
    paths: Sequence[Path], entries: list[Entry], color: ColorSettings, every: int, tell: options.TellOptions
) -> None:
    """Color films again with each entry, and score them."""
    from archivecolor.evaluation import clips
    from archivecolor.evaluation.clip_sources import open_clip

    opened = []
    for path in paths:
        try:
            opened.append(open_clip(path))
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
