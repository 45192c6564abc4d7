"""The chroma palette the generator chooses from: weighted k-means over the training pictures' chroma."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from train.dataset import Photographs, random_crop, small_chroma

_CELL = 4.0
_REACH = 128.0


@dataclass(frozen=True, slots=True)
class Palette:
    """Chroma values and how common each is."""

    ab: npt.NDArray[np.float32]
    """``[k, 2]`` a*, b*."""
    prior: npt.NDArray[np.float32]
    """``[k]``: share of training pixels nearest to each entry."""


def fit_palette(photographs: Photographs, size: int, seed: int, samples: int = 1500) -> Palette:
    """Fit ``size`` entries to ``samples`` random crops.

    Cells of the a*b* plane are weighted by the square root of their count: most pixels are nearly gray, and plain
    k-means would spend the palette on them.
    """
    rng = np.random.default_rng((seed, 0))
    points, count = _cells(photographs, samples, rng)
    centers = _weighted_kmeans(points, np.sqrt(count), min(size, len(points)), rng)
    prior = _prior(points, count, centers)
    if len(centers) < size:  # fewer colors than entries: repeat them, with no pixels of their own
        centers = np.resize(centers, (size, 2))
        prior = np.pad(prior, (0, size - len(prior)))
    return Palette(centers.astype(np.float32), prior.astype(np.float32))


def palette_prior(
    photographs: Photographs, ab: npt.NDArray[np.float32], seed: int, samples: int = 1500
) -> npt.NDArray[np.float32]:
    """How common each entry of a given palette ``[k, 2]`` is in the photographs: ``[k]``, adding up to 1."""
    points, count = _cells(photographs, samples, np.random.default_rng((seed, 0)))
    return _prior(points, count, ab.astype(np.float64)).astype(np.float32)


def _cells(
    photographs: Photographs, samples: int, rng: np.random.Generator
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Cells of the a*b* plane that have pixels in random crops: their centers ``[n, 2]`` and counts ``[n]``."""
    bins = int(2 * _REACH / _CELL)
    counts = np.zeros((bins, bins))
    for index in rng.integers(0, len(photographs), samples):
        ab = small_chroma(random_crop(photographs[int(index)], 64, 0.8, rng)).reshape(2, -1)
        counts += np.histogram2d(ab[0], ab[1], bins, ((-_REACH, _REACH), (-_REACH, _REACH)))[0]
    cells = np.argwhere(counts > 2)
    return (cells.astype(np.float64) + 0.5) * _CELL - _REACH, counts[tuple(cells.T)]


def _prior(
    points: npt.NDArray[np.float64], count: npt.NDArray[np.float64], centers: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    return np.asarray(np.bincount(_nearest(points, centers), count, len(centers)) / count.sum())


def _nearest(points: npt.NDArray[np.float64], centers: npt.NDArray[np.float64]) -> npt.NDArray[np.intp]:
    return np.asarray(((points[:, None] - centers) ** 2).sum(axis=-1).argmin(axis=1))


def _weighted_kmeans(
    points: npt.NDArray[np.float64], weights: npt.NDArray[np.float64], k: int, rng: np.random.Generator
) -> npt.NDArray[np.float64]:
    centers = points[rng.choice(len(points), k, replace=False, p=weights / weights.sum())]
    for _ in range(60):
        nearest = _nearest(points, centers)
        mass = np.bincount(nearest, weights, k)
        sums = np.stack([np.bincount(nearest, weights * points[:, i], k) for i in range(2)], axis=1)
        centers = np.where(mass[:, None] > 0, sums / np.maximum(mass, 1e-12)[:, None], centers)
    return centers
