"""Ctrl-C and SIGTERM: the first one lets the items under way finish, the second stops at once."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType

_STDERR = 2


class Interruption:
    """Whether the run was asked to end, and how."""

    def __init__(self) -> None:
        self.stop = threading.Event()
        self._signal: int | None = None

    def note(self, number: int, frame: FrameType | None) -> None:
        """Handle a signal."""
        if self._signal is not None:
            raise KeyboardInterrupt
        self._signal = number
        self.stop.set()
        with suppress(OSError):  # not through sys.stderr: the signal may come while that is being written to
            os.write(_STDERR, b"\nfinishing the pictures under way; press again to stop at once\n")

    def raise_if_interrupted(self) -> None:
        """Leave with the exit code that shells expect: 128 plus the signal."""
        if self._signal is not None:
            sys.exit(128 + self._signal)


@contextmanager
def interruptible() -> Iterator[Interruption]:
    """Listen for both signals while the block runs."""
    interruption = Interruption()
    before = {number: signal.signal(number, interruption.note) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield interruption
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
