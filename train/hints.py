"""Hints to train on: what a person might paint on a picture, drawn at random from its true chroma.

Some pictures get none, others up to a hundred or so: dots and short strokes of one color each, scattered or on one
thing alone. Now and then that thing is given another color first, in the hint and in the truth, so that the generator
learns to follow what it is told even where it would not have guessed it. Sizes are in chroma pixels.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from archivecolor.color import FloatArray
from archivecolor.errors import ConfigurationError

_Mask = npt.NDArray[np.bool_]

_ONE_COLOR = 14.0
"""A hint ends where chroma is further than this from where it began: people paint inside things."""
_ONE_THING = (9.0, 9.0, 9.0)
"""Steps of a*, b* and lightness between neighbors that belong to one thing."""
_TRIES = 4


@dataclass(frozen=True, slots=True)
class HintDraws:
    """How hints are drawn, where the generator takes any."""

    none: float = 0.5
    """Share of pictures without hints, on which the generator guesses by itself."""
    most: int = 120
    """Largest number of hints; the logarithm of their number is drawn evenly."""
    largest: int = 6
    """Largest side of a dot and largest length of a stroke's limb."""
    strokes: float = 0.3
    """Share of hints that are strokes."""
    one_thing: float = 0.3
    """Share of pictures with hints that has them on one thing alone."""
    recolored: float = 0.4
    """Share of those things that are given another color."""
    noisy: float = 0.25
    """Share of pictures with hints whose colors are a little off."""

    def __post_init__(self) -> None:
        if self.most < 1 or self.largest < 1:
            raise ConfigurationError("hints: most and largest must be 1 or more")


def draw_hints(
    chroma: FloatArray, light: FloatArray, rng: np.random.Generator, draws: HintDraws
) -> tuple[FloatArray, FloatArray]:
    """Draw hints ``[3, h, w]`` (a*, b*, mask) for true chroma ``[2, h, w]`` and luma ``[h, w]`` of the same size.

    Returns them and the chroma that is true now.
    """
    hints = np.zeros((3, *light.shape), np.float32)
    if rng.random() < draws.none:
        return hints, chroma
    where = np.ones(light.shape, bool)
    if rng.random() < draws.one_thing:
        where = _thing(chroma, light, rng)
        if rng.random() < draws.recolored:
            chroma = _recolored(chroma, light, where, rng)
    off = rng.uniform(1, 6) if rng.random() < draws.noisy else 0.0
    places = np.argwhere(where)
    for y, x in places[rng.integers(0, len(places), _number(rng, draws.most))]:
        mask = _dot_or_stroke(light.shape, int(y), int(x), rng, draws)
        mask &= where & (np.hypot(*(chroma - chroma[:, y, x, None, None])) < _ONE_COLOR)
        color = chroma[:, mask].mean(axis=1)
        if off:
            color = color * np.exp(rng.normal(0, off / 20)) + rng.normal(0, off, 2)
        hints[:2, mask] = color[:, None]
        hints[2, mask] = 1
    return hints, chroma


def _number(rng: np.random.Generator, most: int) -> int:
    return int(np.exp(rng.uniform(0, np.log(most + 1))))


def _dot_or_stroke(shape: tuple[int, ...], y: int, x: int, rng: np.random.Generator, draws: HintDraws) -> _Mask:
    mask = np.zeros(shape, np.uint8)
    if rng.random() < draws.strokes:
        limbs = rng.integers(-draws.largest, draws.largest + 1, (int(rng.integers(1, 4)), 2)).cumsum(axis=0)
        points = (np.vstack((np.zeros(2), limbs)) + np.array((x, y))).astype(np.int32)
        cv2.polylines(mask, [points[:, None]], isClosed=False, color=1, thickness=int(rng.integers(1, 3)))
    else:
        side = _number(rng, draws.largest)
        top, left = max(0, y - side // 2), max(0, x - side // 2)
        mask[top : top + side, left : left + side] = 1
    mask[y, x] = 1
    return mask.astype(bool)


def _thing(chroma: FloatArray, light: FloatArray, rng: np.random.Generator) -> _Mask:
    """Where a picture looks as around some place of it; all of it if no place tried has anything of a thing's size."""
    lab = np.ascontiguousarray(np.stack((chroma[0], chroma[1], 100 * light), axis=-1))
    h, w = light.shape
    for _ in range(_TRIES):
        mask = np.zeros((h + 2, w + 2), np.uint8)
        seed = int(rng.integers(0, w)), int(rng.integers(0, h))
        tolerance = tuple(v * float(rng.uniform(0.4, 1)) for v in _ONE_THING)
        flags = 4 | cv2.FLOODFILL_MASK_ONLY | (1 << 8)
        cv2.floodFill(lab, mask, seed, (0, 0, 0), tolerance, tolerance, flags)
        if 0.01 < mask[1:-1, 1:-1].mean() < 0.5:
            return mask[1:-1, 1:-1].astype(bool)
    return np.ones((h, w), bool)


def _recolored(chroma: FloatArray, light: FloatArray, where: _Mask, rng: np.random.Generator) -> FloatArray:
    """The chroma with another color ``where``, its own shades about that color halved, and soft borders."""
    angle, vivid = rng.uniform(0, 2 * np.pi), rng.uniform(5, 60)
    room = np.sqrt(np.clip(4 * light * (1 - light), 0.05, 1))  # there is no vivid black or white
    color = np.array([np.cos(angle), np.sin(angle)])[:, None, None] * vivid * room
    shades = (chroma - chroma[:, where].mean(axis=1)[:, None, None]) / 2
    soft = cv2.GaussianBlur(where.astype(np.float32), (0, 0), 0.6)
    return np.asarray(chroma + soft * (color + shades - chroma), np.float32)
