"""Whether a second look makes patches fewer: ``python -m tests.bench.second_look FOLDER [--every 8] [--adviser NAME]``.

The generator's answer is told to one that takes hints: the picture is parted into clusters of alike features, luma and
place, and the surest place of each gets a hint of its cluster's mean color, the surer places counting more. Shares of
the second answer are then mixed with the first. Figures are at the chroma's size, with the truth's luma:

* **wrong vivid**: pixels of \\|ab\\| above 30 that are off by more than 35;
* **false edges**: mean gradient of a*b* where, five pixels around, neither luma nor the truth has one.

For comparison the first answer is made paler, which makes both fewer, too: a second look is worth something where it
has fewer of them than a paler answer of the same error.
"""

from __future__ import annotations

import argparse
import logging
from pathlib import Path
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image

from archivecolor.chroma.network_input import network_y
from archivecolor.color import HINT_PLANES, FloatArray, luma_of, rgb_to_lab
from archivecolor.evaluation.sources import pictures
from archivecolor.frames import Orientation
from archivecolor.inference import select
from archivecolor.inference.engine import Engine
from archivecolor.metrics import ciede2000
from archivecolor.settings import DEFAULT_GENERATOR, EngineSettings

log = logging.getLogger("tests.bench.second_look")

_CLUSTERS: Final = (32, 64, 128)
_SHARES: Final = (0.2, 0.35, 0.5, 1.0)
_PALER: Final = (0.95, 0.9, 0.8)
_WEIGHTS: Final = (2.0, 2.0, 0.3)
"""Of features (of length 1), luma (0..1) and place (0..1) in the distance that makes clusters."""
_VIVID, _OFF = 30.0, 35.0
_FLAT, _FLAT_TRUTH = 2.0, 1.0
"""Gradients a pixel, of L* and of a*b*, below which there is no edge."""


def clusters(what: FloatArray, count: int) -> npt.NDArray[np.int32]:
    """The cluster of each of ``[n, d]`` places, by OpenCV's k-means, the same each time."""
    cv2.setRNGSeed(1)
    until = (cv2.TERM_CRITERIA_MAX_ITER, 10, 0.0)
    _, which, _ = cv2.kmeans(what, count, np.zeros((len(what), 1), np.int32), until, 1, cv2.KMEANS_PP_CENTERS)
    return np.asarray(which[:, 0], np.int32)


def anchors(ab: FloatArray, spread: FloatArray, features: FloatArray, seen: FloatArray, count: int) -> FloatArray:
    """Hints ``[3, h, w]`` of ``[h, w, 2]`` chroma: a dot for each cluster, on its surest place."""
    channels, *size = features.shape
    small = [cv2.resize(x, (size[1], size[0]), interpolation=cv2.INTER_AREA) for x in (ab, spread, seen)]
    color, unsure, luma = small[0].reshape(-1, 2), small[1].ravel(), small[2].reshape(-1, 1)
    place = np.argwhere(np.ones(size)) / np.array(size)
    flat = features.reshape(channels, -1).T
    parts = (flat / np.linalg.norm(flat, axis=1, keepdims=True).clip(1e-6), luma, place)
    what = np.hstack([w * part for w, part in zip(_WEIGHTS, parts, strict=True)]).astype(np.float32)
    which = clusters(what, min(count, len(what) // 2))
    hints = np.zeros((HINT_PLANES, *ab.shape[:2]), np.float32)
    stride = ab.shape[0] // size[0]
    for cluster in range(which.max() + 1):
        own = np.flatnonzero(which == cluster)
        if not own.size:
            continue
        weight = (unsure[own] + 2) ** -4
        row, column = divmod(int(own[unsure[own].argmin()]), size[1])
        y, x = row * stride + stride // 2, column * stride + stride // 2
        hints[:2, y : y + 2, x : x + 2] = np.average(color[own], axis=0, weights=weight)[:, None, None]
        hints[2, y : y + 2, x : x + 2] = 1
    return hints


def figures(ab: FloatArray, lab: FloatArray) -> tuple[float, ...]:
    """CIEDE2000, gray's, wrong vivid pixels (%), false edges, mean chroma and the truth's."""
    truth = lab[..., 1:]
    off, vivid = (np.linalg.norm(x, axis=-1) for x in (ab - truth, ab))
    flat = (_wide(_gradient(truth)) < _FLAT_TRUTH) & (_wide(_gradient(lab[..., :1])) < _FLAT)
    made, gray = (float(ciede2000(np.dstack((lab[..., :1], x)), lab).mean()) for x in (ab, np.zeros_like(ab)))
    wrong = 100 * float(((vivid > _VIVID) & (off > _OFF)).mean())
    false = float(_gradient(ab)[flat].mean()) if flat.any() else 0.0
    return made, gray, wrong, false, float(vivid.mean()), float(np.linalg.norm(truth, axis=-1).mean())


def _gradient(planes: FloatArray) -> FloatArray:
    """``[h, w]`` of ``[h, w, c]``, a pixel."""
    steps = [cv2.Sobel(planes, cv2.CV_32F, *way, ksize=3, scale=1 / 8) for way in ((1, 0), (0, 1))]
    return np.asarray(np.sqrt(sum(np.square(s.reshape(planes.shape)).sum(axis=-1) for s in steps)), np.float32)


def _wide(plane: FloatArray) -> FloatArray:
    return np.asarray(cv2.dilate(plane, np.ones((5, 5), np.uint8)), np.float32)


def look(engine: Engine, adviser: Engine, path: Path) -> dict[str, tuple[float, ...]]:
    """Figures of a picture, by what was done."""
    with Image.open(path) as image:
        rgb = np.asarray(image.convert("RGB"))
    folder = engine.folder
    seen = network_y(luma_of(rgb), Orientation.UPRIGHT, folder.short_px, folder.multiple)
    found = engine.estimate(seen[None, None], features=True)
    if found.spread is None or found.features is None:
        raise SystemExit(f"'{folder.name}' tells no spread or no features")
    ab = np.ascontiguousarray(found.chroma[0].transpose(1, 2, 0))
    small = cv2.resize(rgb.astype(np.float32) / 255, ab.shape[1::-1], interpolation=cv2.INTER_AREA)
    lab = np.asarray(rgb_to_lab(np.asarray(small, np.float32)), np.float32)
    rows = {"first answer": figures(ab, lab)} | {
        f"times {paler:g}": figures(ab * np.float32(paler), lab) for paler in _PALER
    }
    for count in _CLUSTERS:
        hints = anchors(ab, found.spread[0, 0], found.features[0], seen, count)
        again = adviser.estimate(seen[None, None], hints[None]).chroma[0].transpose(1, 2, 0)
        rows |= {f"{count} clusters, {s:g}": figures(ab + np.float32(s) * (again - ab), lab) for s in _SHARES}
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="of color photographs")
    parser.add_argument("--every", type=int, default=8, help="take every so many")
    parser.add_argument("--generator", default=DEFAULT_GENERATOR)
    parser.add_argument("--adviser", default="hinted", help="a generator that takes hints")
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    settings = EngineSettings(threads=1)
    found: dict[str, list[tuple[float, ...]]] = {}
    with (
        select.open_engine(settings, options.generator) as engine,
        select.open_engine(settings, options.adviser) as two,
    ):
        for path in pictures(options.folder)[:: options.every]:
            for name, row in look(engine, two, path).items():
                found.setdefault(name, []).append(row)
    for name, rows in found.items():
        made, gray, wrong, false, chroma, truth = np.mean(rows, axis=0)
        told = (name, 100 * (1 - made / gray), wrong, false, chroma / truth, len(rows))
        log.info("%-18s %5.2f %% below gray, wrong vivid %.2f %%, false edges %.3f, chroma %.2f; %d pictures", *told)


if __name__ == "__main__":
    main()
