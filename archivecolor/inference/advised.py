"""An engine that hands pictures with hints to a generator that takes them, and colors all others by itself.

What the other generator says counts where the hints rule, so that paint on a coat changes the coat and not the sky.
Where that is, it tells itself: it is asked twice, with the hints and with hints of other colors, and a place that
changes its color with theirs is ruled by them, if it comes near to a hint's color, looks like a place with that hint,
and is about as light: a floor that turns pink beside a blue coat was told nothing, nor was the shirt that turns blue.
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
_AS_LIGHT: Final = (0.15, 0.3)
"""Difference of luma to a place with a hint: up to the first it is heard, from the second on it is not."""
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
        told, moved = self._told(luma[hinted], hints[hinted])
        chroma = found.chroma.copy()
        spread = None if found.spread is None else found.spread.copy()
        for k, i in enumerate(hinted):
            features = None if found.features is None else found.features[i]
            nearer, alike = _heard(chroma[i], told.chroma[k], luma[i, 0], hints[i], features)
            share = moved[k] * nearer
            chroma[i] += share * (told.chroma[k] - chroma[i])
            chroma[i] += alike * missed(chroma[i], luma[i, 0], hints[i])
            if spread is not None and told.spread is not None:
                spread[i] += share * (told.spread[k] - spread[i])
        return replace(found, chroma=chroma, spread=spread)

    def _told(self, luma: FloatArray, hints: FloatArray) -> tuple[Estimate, FloatArray]:
        """The adviser's chroma and spread of pictures, and the share ``[n, 1, h, w]`` by which hints rule in it."""
        count = len(luma)
        said = self._adviser.estimate(np.concatenate((luma, luma)), np.concatenate((hints, _of_other_colors(hints))))
        moved = np.linalg.norm(said.chroma[count:] - said.chroma[:count], axis=1, keepdims=True) / _OTHER_AB
        told = Estimate(said.chroma[:count], None if said.spread is None else said.spread[:count])
        return told, _between(moved, _RULED)

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


def _heard(
    own: FloatArray, told: FloatArray, luma: FloatArray, hints: FloatArray, features: FloatArray | None
) -> tuple[FloatArray, FloatArray]:
    """``[h, w]`` each: where ``told`` comes nearer to a hint's color in a place that is like it, and what is like it.

    ``own`` and ``told`` are ``[2, h, w]`` chroma, ``luma`` is ``[H, W]``, ``features`` are ``[c, h/4, w/4]``.
    """
    light = np.asarray(cv2.resize(luma, own.shape[:0:-1], interpolation=cv2.INTER_AREA), np.float32)
    on = hints[2] > 0
    said = np.round(hints[:2] / _STEP_AB) * _STEP_AB
    nearer, like = np.zeros_like(light), np.zeros_like(light)
    for color in np.unique(said[:, on].T, axis=0)[..., None, None]:
        here = on & (said == color).all(axis=0)
        alike = _as_light(light, here) if features is None else _as_light(light, here) * _alike(features, here)
        way, rest = (np.linalg.norm(chroma - color, axis=0) for chroma in (own, told))
        come = _between(1 - rest / np.maximum(way, np.float32(_NEAR_AB)), _NEARER)
        nearer, like = np.maximum(nearer, come * alike), np.maximum(like, alike)
    return nearer, like


def _as_light(light: FloatArray, here: npt.NDArray[np.bool_]) -> FloatArray:
    """``[h, w]``: whether a place is as light as one of those ``here``."""
    levels = np.unique(np.round(light[here], 2))
    off = np.abs(light[..., None] - levels).min(axis=-1)
    return 1 - _between(np.asarray(off, np.float32), _AS_LIGHT)


def _alike(features: FloatArray, here: npt.NDArray[np.bool_]) -> FloatArray:
    """``[h, w]``: whether a place of ``[c, h/4, w/4]`` features looks like one of those ``here``."""
    channels, height, width = features.shape
    on = here.reshape(height, here.shape[0] // height, width, here.shape[1] // width).any(axis=(1, 3))
    likeness = (features[:, on].T @ features.reshape(channels, -1)).max(axis=0).reshape(height, width)
    wide = cv2.resize(likeness, here.shape[::-1], interpolation=cv2.INTER_LINEAR)
    return _between(np.asarray(wide, np.float32), _ALIKE)


def _between(values: FloatArray, ends: tuple[float, float]) -> FloatArray:
    """0 up to the first of ``ends``, 1 from the second on."""
    least, most = ends
    return np.asarray(np.clip((values - least) / (most - least), 0, 1), np.float32)
