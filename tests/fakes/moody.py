"""An engine that does to its process what a picture's luma says, if it is one of few."""

from __future__ import annotations

import os
import signal
import time

import numpy as np

from archivecolor.color import FloatArray
from tests.fakes.engines import SlowEngine, by_luma

KILLS, HANGS, FAILS = 33, 66, 99
"""The gray, of 255, of flat pictures that kill the process, never come to an end, or fail."""


class MoodyEngine(SlowEngine):
    """Takes ``seconds`` for every picture, and minds what it is shown."""

    def __init__(self, seconds: float) -> None:
        super().__init__(seconds, by_luma)

    def _color(self, luma: FloatArray) -> FloatArray:
        if float(np.ptp(luma)) < 1e-3:
            gray = round(float(luma.mean()) * 255)
            if gray == KILLS:
                os.kill(os.getpid(), signal.SIGKILL)
            if gray == HANGS:
                time.sleep(3600)
            if gray == FAILS:
                raise ValueError("a picture that nobody expected")
        return super()._color(luma)
