"""``archivecolor evaluate SRC``: how near the colours come, and how steady they are, where the truth is known."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from archivecolor.cli import console, options
from archivecolor.errors import InputError, UsageError
from archivecolor.settings import ColorSettings, EngineSettings, Precision
from archivecolor.text import printable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from archivecolor.chroma.still import Colorizer
    from archivecolor.evaluation.clips import ClipScores, Figures
    from archivecolor.evaluation.stills import Scores


def evaluate(
    source: Annotated[
        Path, typer.Argument(metavar="SRC", help="Folder of colour photographs and films in colour, or one file.")
    ],
    frames: Annotated[
        bool, typer.Option("--frames", help="Folders of pictures below SRC hold the frames of a film each.")
    ] = False,
    engine: options.Engines = None,
    device: options.Device = "auto",
    precision: options.EnginePrecision = Precision.AUTO,
    batch: options.Batch = None,
    generator: options.Generators = None,
    network_px: options.NetworkPx = None,
    strength: options.Strength = 1.0,
    saturation: options.Saturation = 1.0,
    warmth: options.Warmth = 0.0,
    thorough: options.Thorough = False,
    every: options.Every = 8,
    sheet: Annotated[
        Path | None, typer.Option("--sheet", metavar="FILE", help="Write a contact sheet: grey | model | actual.")
    ] = None,
    json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Grey colour photographs and films, colour them again and compare with the truth.

    --engine and --generator may be given several times: all are measured on the same pictures, side by side.
    """
    console.set_up_logging(quiet=quiet, verbose=False, log_file=None)
    runtimes = [
        EngineSettings(kind=kind, device=device, precision=precision, batch=batch) for kind in engine or ["auto"]
    ]
    color = ColorSettings(
        strength=strength, saturation=saturation, warmth=warmth, network_px=network_px, thorough=thorough
    )

    from archivecolor.chroma.still import Colorizer
    from archivecolor.evaluation import sources
    from archivecolor.jobs.discover import lies_inside

    if sheet and lies_inside(sheet, source):
        raise UsageError(f"{sheet}: the sheet would lie among the sources", hint="give --sheet another place")
    found = sources.find(source, frames=frames)
    with ExitStack() as stack:
        entries = []
        for name, runtime in product(generator or ["archive"], runtimes):
            colorizer = stack.enter_context(Colorizer.load(runtime, name, color))
            entries.append(_Entry(name, runtime.kind, colorizer))
        if found.stills:
            _measure_stills(found.stills, entries, sheet, json=json, quiet=quiet)
        if found.clips:
            _measure_clips(found.clips, entries, color, every, json=json, quiet=quiet)
    if not any(entry.stills or entry.clips for entry in entries):
        raise InputError("no colour photograph was found to evaluate on, and no film in colour")
    if json:
        for entry in entries:
            entry.emit_means()
        return
    if entries[0].stills:
        console.write_out(_stills_table(entries))
    if entries[0].clips:
        console.write_out(_clips_table(entries))


@dataclass(slots=True)
class _Entry:
    """One generator in one engine, and what it scored."""

    generator: str
    engine: str
    colorizer: Colorizer
    stills: list[Scores] = field(default_factory=list)
    frechet: float | None = None
    """Of all stills; that of the grey ones is `frechet_grey`. One picture has none."""
    frechet_grey: float | None = None
    clips: list[ClipScores] = field(default_factory=list)

    def emit(self, source: Path | None, **figures: object) -> None:
        """One JSON line."""
        where = None if source is None else str(source)
        console.emit({"source": where, "generator": self.generator, "engine": self.engine, **figures})

    def emit_means(self) -> None:
        """The means over photographs and over clips."""
        from archivecolor.evaluation import clips, stills

        if self.clips:
            self.emit(None, clips=len(self.clips), **clips.mean(self.clips).as_dict())
        if self.stills:
            means: dict[str, object] = {**stills.mean(self.stills).as_dict()}
            means |= {"frechet_efficientnet": self.frechet, "frechet_efficientnet_grey": self.frechet_grey}
            self.emit(None, pictures=len(self.stills), **means)


def _measure_stills(
    paths: Sequence[Path], entries: list[_Entry], sheet: Path | None, *, json: bool, quiet: bool
) -> None:
    from archivecolor.evaluation import stills

    tiles, features = [], []
    with console.Progress(len(paths), quiet=quiet) as progress:
        for sample in stills.evaluate(paths, [entry.colorizer.color for entry in entries]):
            for entry, scores in zip(entries, sample.scores, strict=True):
                entry.stills.append(scores)
                if json:
                    entry.emit(sample.path, **scores.as_dict())
            features.append(sample.features)
            if sheet:
                tiles.append(sample.tile)
            progress.advance(failed=False)
    if len(features) > 1:
        found = stills.distances(features)
        for entry, distance in zip(entries, found.made, strict=True):
            entry.frechet, entry.frechet_grey = round(distance, 4), round(found.grey, 4)
    if sheet and tiles:
        stills.write_sheet(sheet, tiles, columns=max(1, 9 // (2 + len(entries))))


def _measure_clips(
    paths: Sequence[Path], entries: list[_Entry], color: ColorSettings, every: int, *, json: bool, quiet: bool
) -> None:
    from archivecolor.evaluation import clips

    opened = []
    for path in paths:
        try:
            opened.append(clips.open_clip(path))
        except InputError as e:
            console.log.warning("left out: %s", printable(e.message))
    frames = sum(clip.count for clip in opened) * len(entries)
    with console.Progress(frames, quiet=quiet) as progress:
        for clip, entry in product(opened, entries):
            scores = clips.evaluate(
                clip, entry.colorizer.engine, color, every, advance=lambda: progress.advance(failed=False)
            )
            entry.clips.append(scores)
            if json:
                entry.emit(clip.path, frames=clip.count, shots=len(clip.starts), **scores.as_dict())
            else:
                console.log.info("%s: %s", printable(clip.path.name), _steadiness(scores))


def _labels(entries: list[_Entry]) -> list[str]:
    """What tells the entries apart."""
    if len(entries) == 1:
        return ["model"]
    generators, engines = ({getattr(e, of) for e in entries} for of in ("generator", "engine"))
    if len(engines) == 1:
        return [e.generator for e in entries]
    return [e.engine if len(generators) == 1 else f"{e.generator} on {e.engine}" for e in entries]


def _stills_table(entries: list[_Entry]) -> str:
    from archivecolor.evaluation import stills

    means = [stills.mean(entry.stills) for entry in entries]
    one = means[0]

    def row(name: str, kind: str, field: str, grey: str, truth: str) -> tuple[str, ...]:
        return (name, *(format(getattr(m, field), kind) for m in means), grey, truth)

    def distance(value: float | None) -> str:
        return "" if value is None else f"{value:.1f}"

    rows = [
        row("CIEDE2000", ".2f", "ciede2000", f"{one.ciede2000_grey:.2f}", "0"),
        row("  below grey, %", ".1f", "gain_percent", "0", "100"),
        row("PSNR, dB", ".2f", "psnr_db", f"{one.psnr_grey_db:.2f}", "inf"),
        row("MAE of L*a*b*", ".2f", "mae", "", "0"),
        row("accuracy, eps 2", ".1%", "accuracy_2", "", "100%"),
        row("accuracy, eps 5", ".1%", "accuracy_5", "", "100%"),
        row("colourfulness", ".1f", "colourfulness", "0", f"{one.colourfulness_truth:.1f}"),
        row("  of the truth's", ".2f", "colourfulness_ratio", "0", "1"),
        row("  difference", ".1f", "colourfulness_difference", f"{one.colourfulness_truth:.1f}", "0"),
        (
            "Frechet, EfficientNet-Lite0",
            *(distance(e.frechet) for e in entries),
            distance(entries[0].frechet_grey),
            "0",
        ),
    ]
    return console.table(rows, (f"{len(entries[0].stills)} pictures", *_labels(entries), "grey", "truth"))


def _clips_table(entries: list[_Entry]) -> str:
    from archivecolor.evaluation import clips

    means = [clips.mean(entry.clips) for entry in entries]

    def row(name: str, of: Figures) -> tuple[str, ...]:
        return (
            name,
            f"{of.warp_error:.3f}",
            f"{1000 * of.cdc:.2f}",
            f"{of.ciede2000:.2f}",
            f"{of.colourfulness:.1f}",
        )

    rows = [row("truth", means[0].truth), row("grey", means[0].grey)]
    for label, scores in zip(_labels(entries), means, strict=True):
        rows += [
            row(f"{label}, smoothing off", scores.off),
            row(f"{label}, 9-frame mean", scores.mean9),
            row(f"{label}, smoothing full", scores.full),
        ]
    header = (f"{len(entries[0].clips)} clips", "warp error", "CDC, 1e-3", "CIEDE2000", "colourfulness")
    lines = [f"{label}: {_steadiness(scores)}" for label, scores in zip(_labels(entries), means, strict=True)]
    return "\n".join([console.table(rows, header), *lines])


def _steadiness(scores: ClipScores) -> str:
    return (
        f"warp error {scores.below_off:.1f} x below smoothing off and {scores.below_mean9:.1f} x below a 9-frame mean, "
        f"CDC {scores.cdc_of_truth:.2f} of the truth's, "
        f"colour error {scores.full.ciede2000:.2f} ({scores.full.ciede2000 - scores.off.ciede2000:+.2f} to off)"
    )
