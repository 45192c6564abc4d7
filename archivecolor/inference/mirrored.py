"""An engine that is asked about every picture twice, the second time about its mirror image.

What a generator sees of a picture should not depend on which side is left. Where it does, the mean of both answers is
nearer to the truth, by little: on 300 photographs the mean CIEDE2000 of the first shipped generator fell from 10.40 to
10.37 and PSNR rose from 23.19 to 23.22 dB, at twice the network's time.
"""

from __future__ import annotations

import numpy as np

from archivecolor.color import FloatArray
from archivecolor.inference.engine import Engine, LoadedEngine


class MirroredEngine(LoadedEngine):
    """Averages what another engine says of pictures and of their mirror images."""

    def __init__(self, engine: Engine) -> None:
        super().__init__(engine.folder)
        self._engine = engine

    @property
    def description(self) -> str:
        """Runtime and device, for people."""
        return f"{self._engine.description}, with mirror images"

    @property
    def batch(self) -> int:
        """How many pictures are best given at a time."""
        return max(1, self._engine.batch // 2)

    def _compute(self, luma: FloatArray, planes: int) -> FloatArray:
        both = np.concatenate((luma, luma[..., ::-1]))
        if planes == 2:
            made = self._engine.colorize(both)
        else:
            found = self._engine.estimate(both)
            made = found.chroma if found.spread is None else np.concatenate((found.chroma, found.spread), axis=1)
        once, mirrored = made[: len(luma)], made[len(luma) :, ..., ::-1]
        return np.asarray((once + mirrored) / 2, np.float32)

    def close(self) -> None:
        """Free the device."""
        self._engine.close()


def mirrored(engine: Engine, *, wanted: bool) -> Engine:
    """``engine``, asked twice where that is ``wanted``, and not four times where it is already."""
    return MirroredEngine(engine) if wanted and not isinstance(engine, MirroredEngine) else engine
