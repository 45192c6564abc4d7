"""What a frame costs in films of one minute to an hour, and a still in folders of 100 to 100,000: flat, or not.

Small synthetic frames and tiny pictures, so that what would grow shows: lists, journals, names. Curves are drawn as
text and as a PNG, both from zero; in the PNG the first value of each lies half way up.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from PIL import Image

from tests.bench.material import RATE, make_clip
from tests.bench.measuring import Used, archivecolor

MINUTES = (1, 4, 15, 60)
FILES = (100, 1_000, 10_000, 100_000)
_LINKS = 50_000
"""Of one file: ext4 allows 65,000."""
_BAR = 24
_PANEL = (420, 300)
_MARGIN = 46
_COLORS = ((31, 119, 180), (214, 96, 20))


@dataclass(frozen=True, slots=True)
class Curve:
    """CPU milliseconds an item and peak memory, by the number of items."""

    name: str
    counts: tuple[int, ...]
    cpu_ms: tuple[float, ...]
    peak_mb: tuple[float, ...]

    def as_text(self) -> str:
        """A line for each count, with bars."""
        lines = [self.name]
        for count, cpu, peak in zip(self.counts, self.cpu_ms, self.peak_mb, strict=True):
            cpu_bar = "#" * max(1, round(_BAR * cpu / max(self.cpu_ms)))
            peak_bar = "#" * max(1, round(_BAR * peak / max(self.peak_mb)))
            lines.append(f"{count:>9,}  {cpu:8.2f} ms {cpu_bar:<{_BAR}}  {peak:6.0f} MB {peak_bar}")
        return "\n".join(lines)


def films(folder: Path, seconds: Iterable[int]) -> Curve:
    """Of films of some lengths; 96 x 54 pixels, the smallest network."""
    found: dict[int, Used] = {}
    for length in seconds:
        clip = make_clip(folder / f"{length}.mp4", length * RATE, 96, 54)
        options = ("--for", "share", "--preset", "ultrafast", "--network-px", "64", "--overwrite")
        found[length * RATE] = archivecolor("video", clip, folder / "color.mp4", *options)
        clip.unlink()
    return _curve("film: CPU a frame, peak memory", found)


def stills(folder: Path, counts: Iterable[int]) -> Curve:
    """Of folders of so many PNGs of 16 x 16 pixels, links to a few."""
    found: dict[int, Used] = {}
    for count in counts:
        source = folder / f"in{count}"
        _link(source, count)
        found[count] = archivecolor("folder", source, folder / f"out{count}", "--network-px", "32", "--jobs", "1")
    return _curve("stills: CPU a picture, peak memory", found)


def _link(source: Path, count: int) -> None:
    first = source
    for number in range(count):
        path = source / f"{number // 1000:03d}" / f"{number:06d}.png"
        if number % 1000 == 0:
            path.parent.mkdir(parents=True)
        if number % _LINKS == 0:
            gray = np.random.default_rng(number).integers(0, 256, (16, 16), dtype=np.uint8)
            first = path
            Image.fromarray(gray).save(first)
        else:
            os.link(first, path)


def _curve(name: str, found: dict[int, Used]) -> Curve:
    return Curve(
        name,
        tuple(found),
        tuple(round(1000 * used.cpu_s / count, 3) for count, used in found.items()),
        tuple(round(used.peak_mb, 1) for used in found.values()),
    )


def draw(curves: list[Curve], path: Path) -> None:
    """Write the curves, a panel each, into a PNG."""
    panels = []
    for curve in curves:
        width, height = _PANEL
        panel = np.full((height, width, 3), 255, np.uint8)
        top, bottom = _MARGIN, height - _MARGIN
        cv2.rectangle(panel, (_MARGIN, top), (width - _MARGIN, bottom), (120, 120, 120))
        _write(panel, curve.name, (_MARGIN, 20), (0, 0, 0))
        x = np.linspace(_MARGIN + 16, width - _MARGIN - 16, len(curve.counts)).astype(int)
        for values, unit, color in zip((curve.cpu_ms, curve.peak_mb), ("ms", "MB"), _COLORS, strict=True):
            y = [round(bottom - (bottom - top) * v / values[0] / 2) for v in values]
            points = np.array(list(zip(x, np.clip(y, top, bottom), strict=True)), np.int32)
            cv2.polylines(panel, [points], False, color, 2, cv2.LINE_AA)
            above = -8 if unit == "ms" else 16
            for point, value in zip(points, values, strict=True):
                cv2.circle(panel, point.tolist(), 3, color, -1, cv2.LINE_AA)
                _write(panel, f"{value:.3g} {unit}", (int(point[0]) - 20, int(point[1]) + above), color)
        for place, count in zip(x, curve.counts, strict=True):
            _write(panel, f"{count:,}", (int(place) - 20, bottom + 18), (0, 0, 0))
        panels.append(panel)
    Image.fromarray(np.hstack(panels)).save(path)


def _write(panel: np.ndarray, text: str, place: tuple[int, int], color: tuple[int, int, int]) -> None:
    cv2.putText(panel, text, place, cv2.FONT_HERSHEY_SIMPLEX, 0.38, color, 1, cv2.LINE_AA)


def run(folder: Path, seconds: Iterable[int], files: Iterable[int], png: Path | None) -> Iterator[dict[str, Any]]:
    """Give both curves, and draw them into ``png``."""
    curves = []
    for measure, counts in ((films, seconds), (stills, files)):
        curves.append(measure(folder, counts))
        yield {"case": "growth", "curve": curves[-1]}
    if png:
        draw(curves, png)
