"""How well the user's controls work, on color photographs: ``python -m tests.bench.controls FOLDER [--every 5]``.

* **spread**: rank correlation of the generator's spread with its true error, over pixels and over pictures, and both by
  tenths of the pixels;
* **hints**: one, three and six short strokes of the true color where the generator is most wrong;
* **dots**: 1, 10 and 50 dots of the true color, of 1/60 of the short side, anywhere, as layers that somebody painted.

Errors are Euclidean in a*b*, with the truth's luma, at the network's size (hints) or the chroma's; with dots they are
CIEDE2000 of the finished picture.
"""

from __future__ import annotations

import argparse
import logging
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from archivecolor.chroma.control.paint import Strokes, spread
from archivecolor.chroma.network_input import network_y
from archivecolor.chroma.still import Colorizer
from archivecolor.color import FloatArray, luma_of, rgb_to_lab
from archivecolor.evaluation.sources import pictures
from archivecolor.frames import Orientation
from archivecolor.inference import select
from archivecolor.inference.engine import Engine
from archivecolor.metrics import ciede2000
from archivecolor.settings import DEFAULT_GENERATOR, EngineSettings

log = logging.getLogger("tests.bench.controls")

_STROKES: Final = (1, 3, 6)
_DOTS: Final = (1, 10, 50)
_DOT: Final = 1 / 60
_SAMPLES: Final = 400
_HALF_STROKE_PX: Final = 12


@dataclass(frozen=True)
class Guessed:
    """A photograph, and what the generator says of it."""

    network_y: FloatArray
    ab: FloatArray
    spread: FloatArray | None
    truth: FloatArray
    """At the chroma's size."""
    truth_large: FloatArray
    """At the network's."""

    @property
    def error(self) -> FloatArray:
        """``[h, w]``"""
        return distance(self.ab, self.truth)


def distance(one: FloatArray, other: FloatArray) -> FloatArray:
    return np.asarray(np.linalg.norm(one - other, axis=-1), dtype=np.float32)


def resized(picture: FloatArray, size: tuple[int, ...], method: int = cv2.INTER_AREA) -> FloatArray:
    return np.asarray(cv2.resize(picture, (size[1], size[0]), interpolation=method), dtype=np.float32)


def guess(engine: Engine, rgb: npt.NDArray[np.uint8]) -> Guessed:
    folder = engine.folder
    seen = network_y(luma_of(rgb), Orientation.UPRIGHT, folder.short_px, folder.multiple)
    found = engine.estimate(seen[None, None])
    ab = np.ascontiguousarray(found.chroma[0].transpose(1, 2, 0))
    unit = rgb.astype(np.float32) / np.float32(255)
    truth, large = (rgb_to_lab(resized(unit, size))[..., 1:] for size in (ab.shape, seen.shape))
    return Guessed(seen, ab, None if found.spread is None else found.spread[0, 0], truth, large)


def rank_correlation(one: FloatArray, other: FloatArray) -> float:
    ranks = [np.argsort(np.argsort(x.ravel(), kind="stable"), kind="stable") for x in (one, other)]
    return float(np.corrcoef(ranks[0], ranks[1])[0, 1])


def tell_spread(pictures: list[Guessed]) -> None:
    known = [(p.spread, p.error) for p in pictures if p.spread is not None]
    if not known:
        log.info("spread: this generator does not tell")
        return
    rng = np.random.default_rng(1)
    picked = [rng.choice(s.size, min(_SAMPLES, s.size), replace=False) for s, _ in known]
    spreads = np.concatenate([s.ravel()[i] for (s, _), i in zip(known, picked, strict=True)])
    errors = np.concatenate([e.ravel()[i] for (_, e), i in zip(known, picked, strict=True)])
    means = [np.array([x[i].mean() for x in known], np.float32) for i in range(2)]
    pixels, whole = rank_correlation(spreads, errors), rank_correlation(means[0], means[1])
    log.info("spread: rank correlation with the error %.2f over pixels, %.2f over pictures", pixels, whole)
    tenths = np.array_split(np.argsort(spreads), 10)
    log.info("        by tenths %s", ", ".join(f"{spreads[t].mean():.1f} / {errors[t].mean():.1f}" for t in tenths))


def strokes_of_truth(picture: Guessed, wide: FloatArray, count: int) -> Strokes:
    """Short strokes where the error is largest, each in the direction in which the true color varies least."""
    shape = picture.network_y.shape
    wrong = cv2.blur(distance(wide, picture.truth_large), (15, 15))
    ab, weight = np.zeros_like(picture.truth_large), np.zeros(shape, np.float32)
    for _ in range(count):
        y, x = np.unravel_index(int(np.argmax(wrong)), shape)
        best, lowest = np.zeros(shape, np.uint8), np.inf
        for angle in np.linspace(0, np.pi, 8, endpoint=False):
            dx, dy = _HALF_STROKE_PX * np.cos(angle), _HALF_STROKE_PX * np.sin(angle)
            line = np.zeros(shape, np.uint8)
            cv2.line(line, (int(x - dx), int(y - dy)), (int(x + dx), int(y + dy)), 1, 3)
            varied = float(picture.truth_large[line > 0].std(axis=0).sum())
            if varied < lowest:
                best, lowest = line, varied
        ab[best > 0] = picture.truth_large[best > 0].mean(axis=0)
        weight[best > 0] = 1
        wrong = np.where(cv2.dilate(best, np.ones((41, 41))) > 0, 0, wrong)
    return Strokes(ab, weight)


def tell_hints(pictures: list[Guessed]) -> None:
    for count in _STROKES:
        rows, seconds = [], 0.0
        for picture in pictures:
            wide = resized(picture.ab, picture.network_y.shape, cv2.INTER_CUBIC)
            strokes = strokes_of_truth(picture, wide, count)
            began = time.thread_time()
            painted = spread(strokes, picture.network_y, wide)
            seconds += time.thread_time() - began
            before, after = (distance(ab, picture.truth_large) for ab in (wide, painted.ab))
            near = cv2.dilate(strokes.weight, np.ones((25, 25))) > 0
            rows.append(
                (before.mean(), after.mean(), before[near].mean(), after[near].mean(), (after > before + 5).mean())
            )
        said = [float(x) for x in np.mean(rows, axis=0)]
        log.info(
            "hints: %d strokes: error %.2f -> %.2f, near them %.1f -> %.1f, worse by more than 5: %.1f %%, %.2f s",
            *(count, *said[:4], 100 * said[4], seconds / len(pictures)),
        )


def dots_of_truth(rgb: npt.NDArray[np.uint8], count: int, seed: int) -> npt.NDArray[np.uint8]:
    """A layer with ``count`` dots of a picture's own colors."""
    height, width = rgb.shape[:2]
    side = max(1, round(min(height, width) * _DOT))
    layer = np.zeros((height, width, 4), np.uint8)
    rng = np.random.default_rng(seed)
    for _ in range(count):
        y, x = int(rng.integers(0, height - side + 1)), int(rng.integers(0, width - side + 1))
        layer[y : y + side, x : x + side, :3] = rgb[y : y + side, x : x + side].mean(axis=(0, 1))
        layer[y : y + side, x : x + side, 3] = 255
    return layer


def tell_dots(engine: Engine, rgbs: list[npt.NDArray[np.uint8]]) -> None:
    colorizer = Colorizer(engine)
    automatic = 0.0
    with TemporaryDirectory() as folder:
        layer = Path(folder) / "dots.png"
        for count in (0, *_DOTS):
            errors = []
            for i, rgb in enumerate(rgbs):
                cv2.imwrite(str(layer), cv2.cvtColor(dots_of_truth(rgb, count, i), cv2.COLOR_RGBA2BGRA))
                made = colorizer.color(luma_of(rgb), hints=layer if count else None)
                labs = (rgb_to_lab(picture.astype(np.float32) / np.float32(255)) for picture in (made, rgb))
                errors.append(float(ciede2000(*labs).mean()))
            error = float(np.mean(errors))
            automatic = automatic or error
            log.info("dots: %3d: CIEDE2000 %.2f, %.1f %% less", count, error, 100 * (1 - error / automatic))


def pictures_of(folder: Path, every: int) -> Iterator[npt.NDArray[np.uint8]]:
    for path in pictures(folder)[::every]:
        rgb = cv2.imread(str(path), cv2.IMREAD_COLOR_RGB)
        if rgb is not None:
            yield np.asarray(rgb, dtype=np.uint8)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.controls")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--every", type=int, default=5, help="take every so many photographs")
    parser.add_argument("--generator", default=DEFAULT_GENERATOR)
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    with select.open_engine(EngineSettings(threads=1), options.generator) as engine:
        rgbs = list(pictures_of(options.folder, options.every))
        guessed = [guess(engine, rgb) for rgb in rgbs]
        tell_spread(guessed)
        tell_hints(guessed)
        tell_dots(engine, rgbs)


if __name__ == "__main__":
    main()
