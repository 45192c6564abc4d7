"""An engine that hands pictures with hints to a generator that takes them, and colors all others by itself.

What the other generator says counts where the hints rule, so that paint on a coat changes the coat and not the sky.
Where that is, it tells itself: it is asked twice, with the hints and with hints of other colors, and a place that
changes its color with theirs is ruled by them, if it comes near to a hint's color and looks like a place that has one:
a floor that turns pink beside a blue coat was told nothing, nor was a lap that turns blue with it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cached_property
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from archivecolor.color import FloatArray
from archivecolor.inference.batching import Given
from archivecolor.inference.engine import Engine, Estimate, LoadedEngine
from archivecolor.inference.missed import missed

_OTHER_AB: Final = 25.0
"""How far the hints' colors are moved, in a* and b*."""
_RULED: Final = (0.4, 0.55)
"""Shares of that which a place's color moves: up to the first the hints do not rule, from the second on they do."""
_NEARER: Final = (0.2, 0.45)
"""Shares of the way from the own color to a hint's: up to the first a place was told nothing."""
_ALIKE: Final = (0.25, 0.5)
"""Likeness to a place with a hint, by the features of the generator that is advised."""
_NEAR_AB: Final = 6.0
"""The way is taken to be no shorter than this."""
_STEP_AB: Final = 4.0
"""Hints that differ by less are one."""


class AdvisedEngine(LoadedEngine):
    """Has what ``open_adviser`` opens answer where hints lie, and ``engine``, whose generator takes none, elsewhere."""

    def __init__(self, engine: Engine, open_adviser: Callable[[], Engine]) -> None:
        super().__init__(replace(engine.folder, hints=True))
        self._engine, self._open_adviser = engine, open_adviser

    @property
    def description(self) -> str:
        """Runtime and device, for people."""
        return self._engine.description

    @property
    def batch(self) -> int:
        """How many pictures are best given at a time."""
        return self._engine.batch

    @cached_property
    def _adviser(self) -> Engine:
        """Opened for the first hints: most runs have none."""
        return self._open_adviser()

    def _compute(self, given: Given, wanted: tuple[str, ...]) -> Mapping[str, FloatArray]:
        luma, hints = given
        hinted = np.flatnonzero(hints[:, 2].any(axis=(1, 2)))
        sees = self._folder.features > 0 and len(hinted) > 0
        found = self._engine.estimate(luma, features=sees or "features" in wanted)
        if len(hinted):
            found = self._advised(found, luma, hints, hinted)
        made = {"chroma": found.chroma, "spread": found.spread, "features": found.features}
        return {name: planes for name in wanted if (planes := made[name]) is not None}

    def _advised(self, found: Estimate, luma: FloatArray, hints: FloatArray, hinted: npt.NDArray[np.intp]) -> Estimate:
        """``found`` with what hints and the adviser say of the pictures that are ``hinted``."""
        told, share = self._told(luma[hinted], hints[hinted], found.chroma[hinted])
        like: FloatArray = np.ones_like(share)
        if found.features is not None:
            like = _alike(found.features[hinted], hints[hinted])
        chroma = found.chroma.copy()
        chroma[hinted] += share * like * (told.chroma - chroma[hinted])
        for i, here in zip(hinted, like, strict=True):
            chroma[i] += here * missed(chroma[i], luma[i, 0], hints[i])
        spread = found.spread
        if spread is not None and told.spread is not None:
            spread = spread.copy()
            spread[hinted] += share * like * (told.spread - spread[hinted])
        return replace(found, chroma=chroma, spread=spread)

    def _told(self, luma: FloatArray, hints: FloatArray, own: FloatArray) -> tuple[Estimate, FloatArray]:
        """The adviser's chroma and spread of pictures, and the share ``[n, 1, h, w]`` of the hints in each place."""
        count = len(luma)
        said = self._adviser.estimate(np.concatenate((luma, luma)), np.concatenate((hints, _of_other_colors(hints))))
        moved = np.linalg.norm(said.chroma[count:] - said.chroma[:count], axis=1, keepdims=True) / _OTHER_AB
        nearer = np.stack([_nearer(*each) for each in zip(own, said.chroma[:count], hints, strict=True)])[:, None]
        share = _between(moved, _RULED) * _between(nearer, _NEARER)
        return Estimate(said.chroma[:count], None if said.spread is None else said.spread[:count]), share

    def close(self) -> None:
        """Free the devices."""
        self._engine.close()
        if "_adviser" in self.__dict__:
            self._adviser.close()


def _of_other_colors(hints: FloatArray) -> FloatArray:
    """Hints ``[n, 3, h, w]`` in the same places, moved towards those of a*, b* that they are not, all alike."""
    mask = hints[:, 2:]
    away = np.where((hints[:, :2] * mask).sum(axis=(2, 3), keepdims=True) > 0, -1, 1) * (_OTHER_AB / np.sqrt(2))
    return np.concatenate((hints[:, :2] + (away * mask).astype(np.float32), mask), axis=1)


def _nearer(own: FloatArray, told: FloatArray, hints: FloatArray) -> FloatArray:
    """``[h, w]``: the share of the way from ``own`` chroma ``[2, h, w]`` to some hint's that ``told`` has come."""
    said = np.round(hints[:2, hints[2] > 0].T / _STEP_AB) * _STEP_AB
    best = np.full(own.shape[1:], -np.inf, np.float32)
    for color in np.unique(said, axis=0)[..., None, None]:
        way, rest = (np.linalg.norm(chroma - color, axis=0) for chroma in (own, told))
        best = np.maximum(best, 1 - rest / np.maximum(way, np.float32(_NEAR_AB)))
    return best


def _alike(features: FloatArray, hints: FloatArray) -> FloatArray:
    """``[n, 1, h, w]``: how much each place of ``[n, c, h/4, w/4]`` features is like one that has some of the hints."""
    n, channels, *size = features.shape
    block = hints.shape[2] // size[0], hints.shape[3] // size[1]
    on = hints[:, 2].reshape(n, size[0], block[0], size[1], block[1]).any(axis=(2, 4)).reshape(n, -1)
    seen = features.reshape(n, channels, -1)
    likeness = [(each[:, here].T @ each).max(axis=0).reshape(size) for each, here in zip(seen, on, strict=True)]
    wide = [cv2.resize(each, hints.shape[:1:-1], interpolation=cv2.INTER_LINEAR) for each in likeness]
    return _between(np.stack(wide)[:, None], _ALIKE)


def _between(values: FloatArray, ends: tuple[float, float]) -> FloatArray:
    """0 up to the first of ``ends``, 1 from the second on."""
    least, most = ends
    return np.asarray(np.clip((values - least) / (most - least), 0, 1), np.float32)
