"""What a step of a run is trained under: its phase, and the learning rate there.

A phase's rate falls along half a cosine, or by a step whenever the loss has come to a standstill.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass

from train.recipe import Phase


@dataclass(frozen=True, slots=True)
class Schedule:
    """Where a step of the run stands: which phase, and how far into it."""

    phases: tuple[Phase, ...]

    @property
    def steps(self) -> int:
        """Of all phases together."""
        return sum(self.steps_of(p) for p in self.phases)

    @staticmethod
    def steps_of(phase: Phase) -> int:
        """How many batches show the phase's pictures."""
        return math.ceil(phase.pictures / phase.batch)

    def at(self, step: int) -> tuple[Phase, float]:
        """The phase of ``step`` and the share of it that is done."""
        for phase in self.phases:
            steps = self.steps_of(phase)
            if step < steps:
                return phase, step / steps
            step -= steps
        raise IndexError("the schedule has ended")

    def pictures(self, step: int) -> int:
        """How many pictures have been shown before ``step``."""
        shown = 0
        for phase in self.phases:
            steps = min(step, self.steps_of(phase))
            shown += steps * phase.batch
            step -= steps
        return shown

    def step_after(self, pictures: int) -> int:
        """The step before which ``pictures`` have been shown: `pictures`, the other way round, for any batches."""
        passed = 0
        for phase in self.phases:
            steps = self.steps_of(phase)
            if pictures <= steps * phase.batch:
                return passed + math.ceil(pictures / phase.batch)
            passed, pictures = passed + steps, pictures - steps * phase.batch
        return passed

    @staticmethod
    def learning_rate(phase: Phase, done: float, warm_up: float = 0.02) -> float:
        """A linear rise over the first share ``warm_up``, then half a cosine."""
        fall = (1 + math.cos(math.pi * done)) / 2
        rate = phase.final_learning_rate + (phase.learning_rate - phase.final_learning_rate) * fall
        return rate * min(1.0, (done + 1e-3) / warm_up)


class Pace:
    """Takes a run through its schedule in a given time, however fast the machine is: phases are shares of that time.

    For a GPU that is lent for minutes. Steps are skipped when they are more than the time has; there should be, so that
    the rate has fallen at the end. Batches are drawn for steps as if none were skipped: give all phases one crop.
    """

    def __init__(self, schedule: Schedule, first: int, seconds: float) -> None:
        self._first, self._last, self._seconds = first, schedule.steps, seconds
        self._began = time.monotonic()

    def step(self, step: int) -> int:
        """Where the run is now, having made ``step`` steps."""
        passed = min(1.0, (time.monotonic() - self._began) / self._seconds)
        return min(self._last, max(step, self._first + int(passed * (self._last - self._first))))


@dataclass(slots=True)
class PlateauWatch:
    """Watches the loss of a phase and says by how much its learning rate is lowered. Its fields are its whole state."""

    factor: float = 1.0
    """What both networks' rates are multiplied by; changes only when a window ends."""
    best: float = math.inf
    """Least mean loss of a window so far."""
    stale: int = 0
    """Windows since then."""
    total: float = 0.0
    steps: int = 0
    """Sum and number of losses in the window that is open."""

    def see(self, loss: float, phase: Phase) -> bool:
        """Take note of a step's loss; True when the rate is lowered after it."""
        plateau = phase.plateau
        if plateau is None:
            return False
        self.total, self.steps = self.total + loss, self.steps + 1
        if self.steps * phase.batch < plateau.pictures:
            return False
        mean, self.total, self.steps = self.total / self.steps, 0.0, 0
        if mean < self.best * (1 - plateau.least_gain):
            self.best, self.stale = mean, 0
            return False
        self.stale += 1
        if self.stale < plateau.patience or self.rate(phase) <= phase.final_learning_rate:
            return False
        self.factor, self.stale = self.factor / plateau.divide_by, 0
        return True

    def rate(self, phase: Phase) -> float:
        """The generator's learning rate, never below the phase's final one."""
        return max(phase.final_learning_rate, phase.learning_rate * self.factor)
