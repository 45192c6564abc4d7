"""Measuring a colorizer on photographs whose colors are known: gray them, color them, compare.

Figures are of the merged picture at full size, as a user gets it: luma is the truth's, only chroma can be wrong. All
are of single pictures but the Frechet distance, which compares sets of them.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from archivecolor import metrics
from archivecolor.color import FloatArray, UIntArray, luma_of, rgb_to_lab
from archivecolor.errors import InputError, OutputError
from archivecolor.evaluation.frechet import EncoderFeatures, frechet_distance
from archivecolor.jobs.atomic import atomic_write

log = logging.getLogger(__name__)

_TILE_PX = 224
_EPS = (2, 5)

ColorFunction = Callable[[UIntArray], UIntArray]
"""Maps luma ``[h, w]`` to RGB ``[h, w, 3]`` of the same type."""


@dataclass(frozen=True, slots=True)
class Scores:
    """Figures of one picture, or the means over several."""

    ciede2000: float
    """Mean color difference to the truth."""
    ciede2000_gray: float
    """The same for the gray picture."""
    psnr_db: float
    """Of RGB."""
    psnr_gray_db: float
    mae: float
    """Mean absolute error of L*, a*, b*."""
    accuracy_2: float
    """Share of pixels within eps = 2 (Nazeri et al. 2018)."""
    accuracy_5: float
    colorfulness: float
    colorfulness_truth: float
    colorfulness_difference: float
    """Between the two, without sign; so over several pictures too much here and too little there do not even out."""

    @property
    def gain_percent(self) -> float:
        """By how much the color difference is below that of the gray picture."""
        return 100 * (1 - self.ciede2000 / self.ciede2000_gray) if self.ciede2000_gray else 0.0

    @property
    def colorfulness_ratio(self) -> float:
        """The result's colorfulness over the truth's."""
        return self.colorfulness / self.colorfulness_truth if self.colorfulness_truth else 0.0

    def as_dict(self) -> dict[str, float | None]:
        """All figures, the derived ones too; None where one is infinite, which JSON cannot say."""
        derived = {"gain_percent": self.gain_percent, "colorfulness_ratio": self.colorfulness_ratio}
        return {k: round(v, 4) if math.isfinite(v) else None for k, v in (asdict(self) | derived).items()}


@dataclass(frozen=True, slots=True)
class Sample:
    """One evaluated picture."""

    path: Path
    scores: tuple[Scores, ...]
    """One for each colorizer."""
    tile: npt.NDArray[np.uint8]
    """``[h, n w, 3]``: gray, each colorizer's picture and the actual one side by side, small."""
    features: FloatArray
    """``[n, d]`` of the actual picture, the gray one and each colorizer's, for `frechet_distance`."""


def evaluate(
    paths: Iterable[Path], colorizers: Sequence[ColorFunction], features: EncoderFeatures | None = None
) -> Iterator[Sample]:
    """Score colorizers on the same color photographs. Files that are none are logged and left out."""
    features = features or EncoderFeatures()
    for path in paths:
        rgb = _decode(path)
        if rgb is None:
            log.warning("%s: left out, can be decoded neither as a picture nor as a film", path)
            continue
        if not np.ptp(rgb, axis=2).any():
            log.warning("%s: left out, has no color to compare with", path)
            continue
        luma = luma_of(rgb)
        made = [color(luma) for color in colorizers]
        gray = np.repeat(luma[..., None], 3, axis=2)
        yield Sample(
            path,
            tuple(score(colored, luma, rgb) for colored in made),
            _tile([gray, *made, rgb]),
            features([rgb, gray, *made]),
        )


def _decode(path: Path) -> npt.NDArray[np.uint8] | None:
    try:
        coded = np.fromfile(path, np.uint8)
        rgb = cv2.imdecode(coded, cv2.IMREAD_COLOR_RGB) if coded.size else None
    except (OSError, cv2.error):  # OpenCV raises for pictures beyond its size limit
        return None
    return None if rgb is None else np.asarray(rgb, dtype=np.uint8)


def score(colored: UIntArray, luma: UIntArray, truth: UIntArray) -> Scores:
    """Compare 8-bit ``[h, w, 3]`` RGB with the truth."""
    vivid, vivid_truth = metrics.colorfulness(colored), metrics.colorfulness(truth)
    lab, lab_truth = (rgb_to_lab(x.astype(np.float32) / 255) for x in (colored, truth))
    gray = np.repeat(luma[..., None], 3, axis=2)
    lab_gray = rgb_to_lab(gray.astype(np.float32) / 255)
    return Scores(
        ciede2000=float(metrics.ciede2000(lab, lab_truth).mean()),
        ciede2000_gray=float(metrics.ciede2000(lab_gray, lab_truth).mean()),
        psnr_db=metrics.psnr(colored, truth),
        psnr_gray_db=metrics.psnr(gray, truth),
        mae=metrics.mae(lab, lab_truth),
        accuracy_2=metrics.accuracy(lab, lab_truth, _EPS[0]),
        accuracy_5=metrics.accuracy(lab, lab_truth, _EPS[1]),
        colorfulness=vivid,
        colorfulness_truth=vivid_truth,
        colorfulness_difference=abs(vivid - vivid_truth),
    )


@dataclass(frozen=True, slots=True)
class Distances:
    """Frechet distances to the true pictures, over a set of them: see `frechet`."""

    gray: float
    made: tuple[float, ...]
    """Of each colorizer."""


def distances(features: Sequence[FloatArray]) -> Distances:
    """Distances of what `Sample.features` gathered over a set."""
    truth, gray, *made = np.stack(features, axis=1)
    return Distances(frechet_distance(gray, truth), tuple(frechet_distance(m, truth) for m in made))


def mean(scores: list[Scores]) -> Scores:
    """Mean of each figure over pictures. Raises `InputError` when there are none."""
    if not scores:
        raise InputError("no color photograph was found to evaluate on")
    return Scores(**{k: float(np.mean([getattr(s, k) for s in scores])) for k in asdict(scores[0])})


def _tile(pictures: list[UIntArray]) -> npt.NDArray[np.uint8]:
    h, w = pictures[0].shape[:2]
    size = (_TILE_PX, max(1, round(h * _TILE_PX / w)))
    return np.hstack([cv2.resize(x, size, interpolation=cv2.INTER_AREA) for x in pictures])


def write_sheet(path: Path, tiles: list[npt.NDArray[np.uint8]], columns: int = 3) -> None:
    """Write a contact sheet of `Sample.tile`, ``columns`` in a row. Raises `OutputError`."""
    padded = []
    for first in range(0, len(tiles), columns):
        row = tiles[first : first + columns]
        height = max(t.shape[0] for t in row)
        cells = [np.pad(t, ((0, height - t.shape[0] + 4), (0, 8), (0, 0)), constant_values=255) for t in row]
        cells += [np.full_like(cells[0], 255)] * (columns - len(cells))
        padded.append(np.hstack(cells))
    try:
        _, coded = cv2.imencode(path.suffix or ".png", np.vstack(padded)[..., ::-1])
    except cv2.error as e:
        raise OutputError(f"{path}: has a suffix that names no picture format", hint="end it in .png or .jpg") from e
    with atomic_write(path, overwrite=True) as file:
        file.write(coded.data)
