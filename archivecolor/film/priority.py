"""Opening encoders without letting them have the machine, and libraries with no more threads than are of use.

SVT-AV1, opened by root, gives the thread that opens it and its own ones real-time priority, and every thread started
from there inherits it. Two cores full of those wait for each other for ever, and nothing else runs.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import cv2

_THREADS = Path("/proc/self/task")


@contextmanager
def ordinary_priority() -> Iterator[None]:
    """Give the calling thread, and those that appeared meanwhile, the priority that it has now."""
    if sys.platform != "linux":
        yield
        return
    policy, parameters = os.sched_getscheduler(0), os.sched_getparam(0)
    before = _threads()
    try:
        yield
    finally:
        for thread in {0} | (_threads() - before):
            with suppress(ProcessLookupError):  # ended by now
                if os.sched_getscheduler(thread) != policy:
                    os.sched_setscheduler(thread, policy, parameters)


def _threads() -> set[int]:
    return {int(thread.name) for thread in _THREADS.iterdir()} if _THREADS.is_dir() else set()


@contextmanager
def opencv_on_one_thread() -> Iterator[None]:
    """For pictures of the smoother's size are no work for several, and the encoder has use for the cores."""
    before = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        yield
    finally:
        cv2.setNumThreads(before)
