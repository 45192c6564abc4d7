"""``archivecolor strip FILE|FOLDER OUT``: take the color off again."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from archivecolor.cli import console, options
from archivecolor.cli.interrupt import interruptible
from archivecolor.cli.layout import laid_out
from archivecolor.cli.lines import Lines
from archivecolor.text import counted


@laid_out
def strip(
    source: Annotated[Path, typer.Argument(metavar="FILE|FOLDER", help="Colored, by archivecolor or otherwise.")],
    out: Annotated[Path, typer.Argument(metavar="OUT", help="The gray file, or the folder for them.")],
    only: options.Only = None,
    max_megapixels: options.MaxMegapixels = None,
    overwrite: options.Overwrite = False,
    jobs: options.Threads = 0,
    *,
    tell: options.TellOptions,
) -> None:
    """Write the gray pictures inside colored ones: luma as it is, color taken off.

    Bit for bit the luma of the original: every pixel where the format is lossless, the compressed luma of a JPEG.
    What a run copied because it was in color already is copied back.

    Examples:
    archivecolor strip portrait_color.jpg portrait.jpg

    archivecolor strip out gray

    archivecolor strip out gray --only '*.tif'
    """
    tell.begin()

    from archivecolor.runs import strip as run

    with interruptible() as interruption, Lines(json=tell.json, quiet=tell.quiet) as lines:
        record = run.strip(
            source,
            out,
            overwrite=overwrite,
            only=only or (),
            jobs=jobs,
            max_megapixels=max_megapixels,
            listener=lines,
            stop=interruption.stop,
        )
    if source.is_dir():
        anew = f" ({record.recoded} coded anew)" if record.recoded else ""
        counts = f"{record.stripped} stripped{anew}, {record.existing} already there, {record.failed} failed"
        others = f", {counted(record.ignored, 'other file', 'other files')} left" if record.ignored else ""
        console.log.info("%s%s", counts, others)
    lines.tell_warnings()
    interruption.raise_if_interrupted()
    record.raise_for_failures()
