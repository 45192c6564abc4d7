"""Paint on frames of film, carried through the shot, forwards and backwards.

What a painted frame's strokes make of it (`paint.spread`) is carried to its neighbors along the motion, and from those
to theirs, to both ends of the shot. Where the motion is not believed, paint is lost; where it is, paint does not fade,
and its outline, which every step blurs a little, is sharpened as much. Frames between two painted ones get both, each
the more the nearer it is.

Memory: a byte a pixel and frame for the luma of the shot at hand, three bytes a pixel of chroma and frame for the paint
that is kept: 20 KB a frame at 256 px, and nothing for frames that no paint reaches.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from archivecolor.chroma.control.paint import Painted
from archivecolor.chroma.temporal import MotionEstimator, UInt8
from archivecolor.color import FloatArray

_BELIEVED: Final = 0.5
"""Confidence of the motion from which on paint does not fade."""
_SHARPEN: Final = 1.06
_GONE: Final = 0.05
_TINY: Final = np.float32(1e-6)
_STEPS: Final = np.array((1, 1, 127), np.float32)
_KEPT_SCALE: Final = 2
"""Pixels of the carried planes, in each direction, for one that is kept."""

Kept = npt.NDArray[np.int8]
"""``[h, w, 3]``: rule a*, rule b*, and rule as 0 .. 127."""


@dataclass(frozen=True, slots=True)
class _Reached:
    """Paint that came to a frame."""

    kept: Kept
    age: int
    """Frames that it came across."""


@dataclass(slots=True)
class FilmPaint:
    """Paint by frames of a film."""

    frames: dict[int, Kept] = field(default_factory=dict)

    def over(self, frame: int, ab: FloatArray, sure: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Lay what reaches a frame over its ``[h, w, 2]`` chroma and the ``[h, w]`` confidence in it; paint is sure."""
        planes = self._at(frame, sure.shape)
        if planes is None:
            return ab, sure
        rule = planes[..., 2]
        painted = planes[..., :2] + (1 - rule[..., None]) * ab
        return np.asarray(painted, dtype=np.float32), np.asarray(rule + (1 - rule) * sure, dtype=np.float32)

    def alone(self, frame: int, shape: tuple[int, ...]) -> tuple[FloatArray, FloatArray] | None:
        """What reaches a frame that has no other chroma, ``[h, w, 2]``, and what it weighs; None where nothing does.

        Outlines, beside which it would be alone, weigh little.
        """
        planes = self._at(frame, shape)
        if planes is None:
            return None
        rule = np.ascontiguousarray(planes[..., 2])
        return np.asarray(planes[..., :2] / np.maximum(rule, _TINY)[..., None], np.float32), rule * rule

    def _at(self, frame: int, shape: tuple[int, ...]) -> FloatArray | None:
        kept = self.frames.get(frame)
        if kept is None:
            return None
        return np.asarray(cv2.resize(_unkept(kept), (shape[1], shape[0]), interpolation=cv2.INTER_LINEAR), np.float32)

    def drop(self, first: int, last: int) -> None:
        """Forget what reaches the frames ``first`` until before ``last``."""
        for frame in range(first, last):
            self.frames.pop(frame, None)

    def carry(self, first: int, lumas: Sequence[UInt8], painted: Mapping[int, Painted]) -> None:
        """Carry paint through one shot.

        Its frames are ``first`` and on, with the small luma that motion is found in; ``painted`` are some of them.
        """
        onward = _carried(lumas, painted, range(first, first + len(lumas)), first)
        back = _carried(lumas, painted, range(first + len(lumas) - 1, first - 1, -1), first)
        self.frames |= {
            frame: _both(onward[frame], back[frame]) if frame in onward and frame in back else one.kept
            for frame, one in (onward | back).items()
        }


def over(upper: Painted, lower: Painted | None = None) -> Painted:
    """Paint laid over other paint on the same frame."""
    if lower is None:
        return upper
    rule = upper.rule + (1 - upper.rule) * lower.rule
    ab = upper.ab * upper.rule[..., None] + (rule - upper.rule)[..., None] * lower.ab
    return Painted(np.asarray(ab / np.maximum(rule, _TINY)[..., None], np.float32), rule)


def _carried(lumas: Sequence[UInt8], painted: Mapping[int, Painted], order: range, first: int) -> dict[int, _Reached]:
    """What comes to each frame in ``order`` that paint reaches."""
    estimate = MotionEstimator()
    found: dict[int, _Reached] = {}
    state: FloatArray | None = None
    age = 0
    for frame in order:
        luma = lumas[frame - first]
        if state is not None:
            state, age = _step(estimate, lumas[frame - order.step - first], luma, state, order.step), age + 1
        if frame in painted:
            own = _planes(painted[frame], luma.shape)
            state, age = (own if state is None else own + (1 - own[..., 2:]) * state), 0
        if state is not None:
            found[frame] = _Reached(_kept(state), age)
    return found


def _both(one: _Reached, other: _Reached) -> Kept:
    """The colors of both, each the more the nearer it is, ruling where either does."""
    planes = [_unkept(x.kept) for x in (one, other)]
    near = [np.float32(1 / (1 + x.age)) for x in (one, other)]
    total = near[0] * planes[0] + near[1] * planes[1]
    rule = np.maximum(planes[0][..., 2:], planes[1][..., 2:])
    return _quantized(np.asarray(total * (rule / np.maximum(total[..., 2:], _TINY)), dtype=np.float32))


def _step(estimate: MotionEstimator, there: UInt8, here: UInt8, state: FloatArray, way: int) -> FloatArray | None:
    """Bring paint from the frame ``there`` to its neighbor ``here``; None when nothing arrives."""
    motion = estimate(there, here) if way > 0 else estimate(here, there)
    if motion is None:
        return None
    where, sure = (motion.to_earlier, motion.from_earlier) if way > 0 else (motion.to_later, motion.from_later)
    brought = cv2.remap(state, where, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)  # type: ignore[call-overload]
    rule = np.clip((brought[..., 2] - 0.5) * _SHARPEN + 0.5, 0, 1) * np.minimum(sure / _BELIEVED, 1)
    if rule.max() < _GONE:
        return None
    return np.asarray(brought * (rule / np.maximum(brought[..., 2], _TINY))[..., None], dtype=np.float32)


def _planes(painted: Painted, shape: tuple[int, ...]) -> FloatArray:
    rule = painted.rule[..., None]
    whole = np.concatenate((painted.ab * rule, rule), axis=2)
    return np.asarray(cv2.resize(whole, (shape[1], shape[0]), interpolation=cv2.INTER_AREA), dtype=np.float32)


def _kept(planes: FloatArray) -> Kept:
    size = (max(1, planes.shape[1] // _KEPT_SCALE), max(1, planes.shape[0] // _KEPT_SCALE))
    return _quantized(np.asarray(cv2.resize(planes, size, interpolation=cv2.INTER_AREA), dtype=np.float32))


def _quantized(planes: FloatArray) -> Kept:
    return np.asarray(np.clip(np.rint(planes * _STEPS), -128, 127), dtype=np.int8)


def _unkept(kept: Kept) -> FloatArray:
    return kept.astype(np.float32) / _STEPS
