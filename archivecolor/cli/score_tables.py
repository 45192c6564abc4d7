"""What an evaluation found, in tables."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from archivecolor.cli import console

if TYPE_CHECKING:
    from pathlib import Path

    from archivecolor.chroma.still import Colorizer
    from archivecolor.evaluation.clips import ClipScores, Figures
    from archivecolor.evaluation.stills import Scores


@dataclass(slots=True)
class Entry:
    """One generator in one engine, and what it scored."""

    generator: str
    engine: str
    colorizer: Colorizer
    stills: list[Scores] = field(default_factory=list)
    frechet: float | None = None
    """Of all stills; that of the gray ones is `frechet_gray`. One picture has none."""
    frechet_gray: float | None = None
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
            means |= {"frechet_efficientnet": self.frechet, "frechet_efficientnet_gray": self.frechet_gray}
            self.emit(None, pictures=len(self.stills), **means)


def _labels(entries: list[Entry]) -> list[str]:
    """What tells the entries apart."""
    if len(entries) == 1:
        return ["model"]
    generators, engines = ({getattr(e, of) for e in entries} for of in ("generator", "engine"))
    if len(engines) == 1:
        return [e.generator for e in entries]
    return [e.engine if len(generators) == 1 else f"{e.generator} on {e.engine}" for e in entries]


def stills_table(entries: list[Entry]) -> str:
    """Photographs: a column for each entry, beside gray and truth."""
    from archivecolor.evaluation import stills

    means = [stills.mean(entry.stills) for entry in entries]
    one = means[0]

    def row(name: str, kind: str, field: str, gray: str, truth: str) -> tuple[str, ...]:
        return (name, *(format(getattr(m, field), kind) for m in means), gray, truth)

    def distance(value: float | None) -> str:
        return "" if value is None else f"{value:.1f}"

    rows = [
        row("CIEDE2000", ".2f", "ciede2000", f"{one.ciede2000_gray:.2f}", "0"),
        row("  below gray, %", ".1f", "gain_percent", "0", "100"),
        row("PSNR, dB", ".2f", "psnr_db", f"{one.psnr_gray_db:.2f}", "inf"),
        row("MAE of L*a*b*", ".2f", "mae", "", "0"),
        row("accuracy, eps 2", ".1%", "accuracy_2", "", "100%"),
        row("accuracy, eps 5", ".1%", "accuracy_5", "", "100%"),
        row("colorfulness", ".1f", "colorfulness", "0", f"{one.colorfulness_truth:.1f}"),
        row("  of the truth's", ".2f", "colorfulness_ratio", "0", "1"),
        row("  difference", ".1f", "colorfulness_difference", f"{one.colorfulness_truth:.1f}", "0"),
        (
            "Frechet, EfficientNet-Lite0",
            *(distance(e.frechet) for e in entries),
            distance(entries[0].frechet_gray),
            "0",
        ),
    ]
    return console.table(rows, (f"{len(entries[0].stills)} pictures", *_labels(entries), "gray", "truth"))


def clips_table(entries: list[Entry]) -> str:
    """Films: a row for each way of smoothing."""
    from archivecolor.evaluation import clips

    means = [clips.mean(entry.clips) for entry in entries]

    def row(name: str, of: Figures) -> tuple[str, ...]:
        return (name, f"{of.warp_error:.3f}", f"{1000 * of.cdc:.2f}", f"{of.ciede2000:.2f}", f"{of.colorfulness:.1f}")

    rows = [row("truth", means[0].truth), row("gray", means[0].gray)]
    for label, scores in zip(_labels(entries), means, strict=True):
        rows += [
            row(f"{label}, smoothing off", scores.off),
            row(f"{label}, 9-frame mean", scores.mean9),
            row(f"{label}, smoothing full", scores.full),
        ]
    header = (f"{len(entries[0].clips)} clips", "warp error", "CDC, 1e-3", "CIEDE2000", "colorfulness")
    lines = [f"{label}: {steadiness(scores)}" for label, scores in zip(_labels(entries), means, strict=True)]
    return "\n".join([console.table(rows, header), *lines])


def steadiness(scores: ClipScores) -> str:
    """How steady the colors of a clip are, in a line."""
    return (
        f"warp error {scores.below_off:.1f} x below smoothing off and {scores.below_mean9:.1f} x below a 9-frame mean, "
        f"CDC {scores.cdc_of_truth:.2f} of the truth's, "
        f"color error {scores.full.ciede2000:.2f} ({scores.full.ciede2000 - scores.off.ciede2000:+.2f} to off)"
    )
