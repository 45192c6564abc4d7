"""What references show of a picture, place by place: their colors where both look the same, and nothing elsewhere.

A place is a square of 16 pixels of what the network sees. Places are compared by what the generator's encoder makes of
them (`Engine.estimate`), and each place of the picture that has its like in a reference gets that place's color as a
dot, as strokes are painted. The generator, or the spread of paint, does the rest.

Features decide alone: over 20 pairs of unlike photographs 2 % of the places have a likeness above 0.5 to any of the
other's, and few of these are wrong (sky, lawn); between the halves of a photograph 80 % have, and are off by 5 to 9 in
a*, b* where the generator is off by 11 to 15. Asking for places that are each other's nearest, or for the five nearest
to agree, gained nothing, and dots in all such places were better than in a hundred of them. A palette fitted to the
whole reference, which was there before, was off by more for every kind of reference and took unlike photographs from
14.5 to 21.8. `python -m tests.bench.references` measures it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from archivecolor.chroma.control.advice import fitted, hints_of
from archivecolor.chroma.control.paint import Painted, Strokes, laid_over, spread
from archivecolor.chroma.network_input import shrunk
from archivecolor.color import FEATURE_STRIDE, FloatArray, gray_to_lightness

ALIKE: Final = 0.57
"""Likeness from which on two places show the same."""
_SPOKEN: Final = 0.04
"""Share of a picture's places that must be like the references' for these to be heard at all."""
_DARKEST, _LIGHTEST = 5.0, 97.0
"""L* of places that have no color and look like those of any picture: margins, burnt-out skies."""
_DOT_PX: Final = 8
_PAINTED: Final = 0.3


@dataclass(frozen=True, slots=True)
class Places:
    """What a reference shows."""

    name: str
    features: npt.NDArray[np.float16]
    """``[n, c]``, each of length 1."""
    ab: FloatArray
    """``[n, 2]``: the mean a*, b* of each place."""
    lightness: FloatArray
    """``[n]``: L* of the gray of its luma."""


@dataclass(frozen=True, slots=True)
class Advice:
    """What references say of a picture."""

    strokes: Strokes
    """A dot in each place that has its like, at the size that the network sees."""
    likeness: float
    """Mean over these places, `ALIKE` to 1."""
    names: tuple[str, ...]
    """The references that were heard, those of most places first."""


def advice_of(references: Sequence[Places], network_y: FloatArray, features: FloatArray) -> Advice | None:
    """What ``references`` say of a picture: ``[h, w]`` of what the network sees and its ``[c, h/16, w/16]`` features.

    None where too little in them is like it.
    """
    channels, *size = features.shape
    own = features.reshape(channels, -1)
    best, which, place = np.full(own.shape[1], -1, np.float32), *np.zeros((2, own.shape[1]), np.intp)
    for i, reference in enumerate(references):
        likeness = reference.features.astype(np.float32) @ own
        nearest = likeness.argmax(axis=0)
        value = np.take_along_axis(likeness, nearest[None], axis=0)[0]
        better = value > best
        best[better], which[better], place[better] = value[better], i, nearest[better]
    own_lightness = lightness_of(network_y).reshape(-1)
    on = (best >= ALIKE) & (own_lightness > _DARKEST) & (own_lightness < _LIGHTEST)
    if on.mean() < _SPOKEN:
        return None
    ab, lightness = np.zeros((len(best), 2), np.float32), np.zeros(len(best), np.float32)
    for i, reference in enumerate(references):
        here = on & (which == i)
        ab[here], lightness[here] = reference.ab[place[here]], reference.lightness[place[here]]
    said = np.concatenate((ab, lightness[:, None], on[:, None]), axis=1).reshape(*size, 4)
    heard = np.bincount(which[on], minlength=len(references))
    names = tuple(references[i].name for i in np.argsort(-heard, kind="stable") if heard[i])
    return Advice(_dots(said.astype(np.float32), network_y), float(best[on].mean()), names)


def told_by(advice: Advice | None, strokes: Strokes | None, network_y: FloatArray, size: tuple[int, int]) -> FloatArray:
    """What references and strokes say of a picture, as ``[3, h, w]`` hints of ``size`` for an engine.

    On what strokes are painted on, references are not heard.
    """
    hints = hints_of(strokes, size)
    if advice is None:
        return hints
    said = hints_of(advice.strokes, size)
    if strokes is not None:
        said[:, shrunk(_painted(strokes, network_y), size) > _PAINTED] = 0
    return np.where(hints[2:] > 0, hints, said)


def laid(
    advice: Advice, strokes: Strokes | None, network_y: FloatArray, ab: FloatArray, *, told: bool = False
) -> Painted:
    """What references say, laid over a generator's ``[h, w, 2]`` chroma, which was told of them if ``told``.

    Where they are sure they are more exact than what a generator makes of hints; elsewhere its answer is better than
    theirs carried far. What ``strokes`` are painted on is left as it is.
    """
    made = (laid_over if told else spread)(advice.strokes, network_y, ab)
    if strokes is None:
        return made
    free = 1 - _painted(strokes, network_y)
    return Painted(ab + free[..., None] * (made.ab - ab), free * made.rule)


def _painted(strokes: Strokes, network_y: FloatArray) -> FloatArray:
    """``[h, w]``: 1 where strokes would rule if they were spread, 0 where they would not."""
    return spread(strokes, network_y, np.zeros((*network_y.shape, 2), np.float32)).rule


def lightness_of(network_y: FloatArray) -> FloatArray:
    """L* of each place of what the network sees: ``[h/16, w/16]``."""
    return gray_to_lightness(shrunk(network_y, _places(network_y.shape)))


def _places(shape: tuple[int, ...]) -> tuple[int, int]:
    return shape[0] // FEATURE_STRIDE, shape[1] // FEATURE_STRIDE


def _dots(said: FloatArray, network_y: FloatArray) -> Strokes:
    """Each place's a*, b*, L* and whether it says anything, as dots, as light as the picture is there."""
    height, width = network_y.shape
    wide = cv2.resize(said, (width, height), interpolation=cv2.INTER_NEAREST)
    from_px = (FEATURE_STRIDE - _DOT_PX) // 2
    middle = np.zeros(FEATURE_STRIDE, np.float32)
    middle[from_px : from_px + _DOT_PX] = 1
    dot = np.tile(np.outer(middle, middle), _places(network_y.shape))
    strokes = Strokes(np.ascontiguousarray(wide[..., :2]), wide[..., 3] * dot, np.ascontiguousarray(wide[..., 2]))
    # Luma of the whole place: a dot on an edge must not take the shadow's lightness for the wall's
    flat = cv2.resize(shrunk(network_y, _places(network_y.shape)), (width, height), interpolation=cv2.INTER_NEAREST)
    return fitted(strokes, np.asarray(flat, np.float32))[0]
