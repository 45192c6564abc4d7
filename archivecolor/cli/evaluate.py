"""``archivecolor evaluate SRC``: how near the colours come, on photographs whose colours are known."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from archivecolor.cli import console, options
from archivecolor.errors import UsageError
from archivecolor.settings import ColorSettings, EngineSettings, Precision


def evaluate(
    source: Annotated[Path, typer.Argument(metavar="SRC", help="Folder of colour photographs, or one file.")],
    engine: options.Engine = "auto",
    device: options.Device = "auto",
    precision: options.EnginePrecision = Precision.AUTO,
    batch: options.Batch = None,
    generator: options.Generator = "archive",
    network_px: options.NetworkPx = None,
    strength: options.Strength = 1.0,
    sheet: Annotated[
        Path | None, typer.Option("--sheet", metavar="FILE", help="Write a contact sheet: grey | model | actual.")
    ] = None,
    json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Grey colour photographs, colour them again and compare with the truth."""
    console.set_up_logging(quiet=quiet, verbose=False, log_file=None)
    runtime = EngineSettings(kind=engine, device=device, precision=precision, batch=batch)

    from archivecolor import evaluation
    from archivecolor.jobs.discover import lies_inside
    from archivecolor.pipeline import Colorizer

    if sheet and lies_inside(sheet, source):
        raise UsageError(f"{sheet}: the sheet would lie among the sources", hint="give --sheet another place")
    paths = evaluation.photographs(source)
    scores, tiles = [], []
    with (
        Colorizer.load(runtime, generator, ColorSettings(strength=strength, network_px=network_px)) as colorizer,
        console.Progress(len(paths), quiet=quiet) as progress,
    ):
        for sample in evaluation.evaluate(paths, colorizer.color):
            scores.append(sample.scores)
            if sheet:
                tiles.append(sample.tile)
            if json:
                console.emit({"source": str(sample.path), **sample.scores.as_dict()})
            progress.advance(failed=False)
    mean = evaluation.mean(scores)
    if sheet:
        evaluation.write_sheet(sheet, tiles)
    if json:
        console.emit({"source": None, "pictures": len(scores), "generator": generator, **mean.as_dict()})
        return
    rows = [
        ("CIEDE2000", f"{mean.ciede2000:.2f}", f"{mean.ciede2000_grey:.2f}", "0"),
        ("PSNR, dB", f"{mean.psnr_db:.2f}", f"{mean.psnr_grey_db:.2f}", "inf"),
        ("MAE of L*a*b*", f"{mean.mae:.2f}", "", "0"),
        ("accuracy, eps 2", f"{mean.accuracy_2:.1%}", "", "100%"),
        ("accuracy, eps 5", f"{mean.accuracy_5:.1%}", "", "100%"),
        ("colourfulness", f"{mean.colourfulness:.1f}", "0", f"{mean.colourfulness_truth:.1f}"),
    ]
    console.write_out(console.table(rows, (f"{len(scores)} pictures", "model", "grey", "truth")))
    ratio = f"colourfulness {mean.colourfulness_ratio:.2f} of the truth's"
    console.write_out(f"colour difference {mean.gain_percent:.1f} % below grey, {ratio}")
