"""An engine that is asked about every picture three times: mirrored, at three quarters of its size, and larger.

What a generator says should depend neither on which side is left nor on the size. Where it does, the mean of the three
answers is nearer to the truth and less patched, the more so when the answer counts more that is surer of itself: see
the model card for what that gives.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np

from archivecolor.color import FloatArray
from archivecolor.frames import LONGEST_NETWORK_SIDE
from archivecolor.inference.batching import Given
from archivecolor.inference.catalog import EngineFolder
from archivecolor.inference.engine import Engine, LoadedEngine

_LEAST_SPREAD: Final = 2.0
_POWER: Final = 4
"""An answer counts as 1 / (spread + 2)^4. The square gives a tenth less of the gain, equal weights a quarter."""


@dataclass(frozen=True, slots=True)
class _View:
    """How a picture is shown to the generator."""

    scale: float = 1.0
    is_mirrored: bool = False

    def of(self, luma: FloatArray, folder: EngineFolder) -> FloatArray:
        """``[n, 1, h, w]`` luma as it is shown, of no larger size than that of any input."""
        most_px = folder.short_px * LONGEST_NETWORK_SIDE
        scale = min(self.scale, max(1, most_px / max(luma.shape[2:])))
        size = (max(1, round(side * scale / folder.multiple)) * folder.multiple for side in luma.shape[2:])
        return np.clip(self._turned(_resized(luma, *size)), 0, 1)

    def of_hints(self, hints: FloatArray, height: int, width: int) -> FloatArray:
        """Hints ``[n, 3, ...]`` of the picture, as hints of what is shown, ``height`` by ``width`` of them."""
        mask = hints[:, 2:]
        made = _resized(self._turned(np.concatenate((hints[:, :2] * mask, mask), axis=1)), height, width, cubic=False)
        cover = made[:, 2:]
        return np.concatenate((made[:, :2] / np.maximum(cover, np.float32(1e-6)), cover), axis=1)

    def back(self, planes: FloatArray, height: int, width: int) -> FloatArray:
        """Planes ``[n, c, ...]`` of what was shown, as planes of the picture."""
        return _resized(self._turned(planes), height, width)

    def _turned(self, planes: FloatArray) -> FloatArray:
        return planes[..., ::-1] if self.is_mirrored else planes


_VIEWS: Final = (_View(is_mirrored=True), _View(0.75), _View(1.375))


class ThoroughEngine(LoadedEngine):
    """Takes the mean of what another engine says of three views of each picture, the surer answers counting more."""

    def __init__(self, engine: Engine) -> None:
        super().__init__(engine.folder)
        self._engine = engine

    @property
    def description(self) -> str:
        """Runtime and device, for people."""
        return f"{self._engine.description}, asked thrice"

    @property
    def batch(self) -> int:
        """How many pictures are best given at a time."""
        return self._engine.batch

    def _compute(self, given: Given, wanted: tuple[str, ...]) -> Mapping[str, FloatArray]:
        luma, *hints = given
        height, width = (side // self.folder.chroma_stride for side in luma.shape[2:])
        answers = []
        for view in _VIEWS:
            shown = view.of(luma, self.folder)
            sides = (side // self.folder.chroma_stride for side in shown.shape[2:])
            found = self._engine.estimate(shown, *(view.of_hints(x, *sides) for x in hints))
            said = found.chroma if found.spread is None else np.concatenate((found.chroma, found.spread), axis=1)
            answers.append(_weighted(view.back(said, height, width)))
        total = np.sum(answers, axis=0)
        made = np.ascontiguousarray(total[:, :-1] / total[:, -1:])
        told = {"chroma": made[:, :2]} | ({"spread": made[:, 2:]} if made.shape[1] > 2 else {})
        if "features" in wanted:  # of the picture as it is: features of three sizes have no mean
            features = self._engine.estimate(luma, *hints, features=True).features
            told |= {} if features is None else {"features": features}
        return {name: told[name] for name in wanted if name in told}

    def close(self) -> None:
        """Free the device."""
        self._engine.close()


def thorough(engine: Engine, *, wanted: bool) -> Engine:
    """``engine``, asked thrice where that is ``wanted``, and not nine times where it is already."""
    return ThoroughEngine(engine) if wanted and not isinstance(engine, ThoroughEngine) else engine


def _weighted(told: FloatArray) -> FloatArray:
    """Chroma and, if there is a third plane, spread ``[n, c, ...]``, times each pixel's weight; then the weight."""
    weight = np.ones_like(told[:, :1])
    if told.shape[1] > 2:
        weight = (np.maximum(told[:, 2:], 0) + np.float32(_LEAST_SPREAD)) ** -_POWER
    return np.concatenate((told * weight, weight), axis=1)


def _resized(planes: FloatArray, height: int, width: int, *, cubic: bool = True) -> FloatArray:
    if planes.shape[2:] == (height, width):
        return np.ascontiguousarray(planes)
    larger = cv2.INTER_CUBIC if cubic else cv2.INTER_NEAREST
    way = cv2.INTER_AREA if height < planes.shape[2] else larger
    made = [[cv2.resize(np.ascontiguousarray(x), (width, height), interpolation=way) for x in one] for one in planes]
    return np.asarray(made, dtype=np.float32)
