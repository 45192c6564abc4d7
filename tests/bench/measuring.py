"""Measuring processes and parts of them: processor time, clock, memory; medians with their spread.

Processor time is that of the process and its children, user and system. A neighbor on the same machine moves it by some
percent, so figures are compared within one run only, and what is compared takes turns.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from tests.conftest import ROOT


@dataclass(frozen=True, slots=True)
class Used:
    """What a process took."""

    cpu_s: float
    clock_s: float
    peak_mb: float

    @property
    def busy(self) -> float:
        """Share of all cores' time that it used."""
        return self.cpu_s / self.clock_s / (os.cpu_count() or 1)


@dataclass(frozen=True, slots=True)
class Spread:
    """A median and the range of what it is of."""

    median: float
    least: float
    most: float

    @classmethod
    def of(cls, values: Iterable[float]) -> Spread:
        """Of at least one value."""
        found = sorted(values)
        return cls(median(found), found[0], found[-1])

    def __str__(self) -> str:
        return f"{self.median:.3g} ({self.least:.3g} to {self.most:.3g})"


def as_installed(checkout: Path = ROOT) -> dict[str, str]:
    """The environment of a command, which is compiled once, as pip compiles what it installs."""
    return {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"} | {"PYTHONPATH": str(checkout)}


def measured(command: Sequence[str | Path], checkout: Path = ROOT) -> Used:
    """Run a command; raises where it fails."""
    began = time.monotonic()
    words = [str(word) for word in command]
    process = subprocess.Popen(words, cwd=checkout, env=as_installed(checkout), stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if status:
        raise RuntimeError(f"{' '.join(words)} ended with status {process.returncode}")
    return Used(usage.ru_utime + usage.ru_stime, time.monotonic() - began, usage.ru_maxrss / 1024)


def archivecolor(*arguments: str | Path, checkout: Path = ROOT) -> Used:
    """Run the command line quietly."""
    return measured([sys.executable, "-m", "archivecolor", *arguments, "-q"], checkout)


def in_turns(runs: Mapping[str, Callable[[], Used]], rounds: int) -> dict[str, list[Used]]:
    """Run each of ``runs`` once a round; every other round backwards."""
    found: dict[str, list[Used]] = {name: [] for name in runs}
    for number in range(rounds):
        for name in reversed(list(runs)) if number % 2 else runs:
            found[name].append(runs[name]())
    return found


def ratio(whole: Sequence[Used], floor: Sequence[Used]) -> Spread:
    """Of the processor time, round by round."""
    return Spread.of(a.cpu_s / b.cpu_s for a, b in zip(whole, floor, strict=True))
