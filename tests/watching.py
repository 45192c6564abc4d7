"""One piece of work in a process of its own, watched: what a fuzz campaign does thousands of times."""

from __future__ import annotations

import os
import resource
import signal
import sys
import time
import traceback
from collections.abc import Callable, Mapping

LONGEST_S = 10
"""Of processor time: other work on the machine is no fault of the file's."""
WAITED_S = 90
MOST_BYTES = 3 << 30
FOUND = 1
"""What work returns that has found a fault."""


def watched(work: Callable[[], int], verdicts: Mapping[int, str]) -> str:
    """What ``work`` came to: the verdict for what it returned, or how it gave way.

    It may take `LONGEST_S` and `MOST_BYTES`; what it raises is printed.
    """
    sys.stdout.flush()
    child = os.fork()
    if not child:
        os._exit(_done(work))
    began = time.monotonic()
    while True:
        pid, status, used = os.wait4(child, os.WNOHANG)
        if pid:
            break
        if time.monotonic() - began > WAITED_S:
            os.kill(child, signal.SIGKILL)
            os.wait4(child, 0)
            return f"hung for {WAITED_S} s"
        time.sleep(0.002)
    if os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGXCPU:
        return f"took longer than {LONGEST_S} s"
    if os.WIFSIGNALED(status):
        return f"died of signal {os.WTERMSIG(status)}"
    if used.ru_maxrss * 1024 > MOST_BYTES:
        return f"took {used.ru_maxrss / 1e6:.1f} GB"
    return verdicts.get(os.WEXITSTATUS(status), "gave way")


def _done(work: Callable[[], int]) -> int:
    resource.setrlimit(resource.RLIMIT_AS, (MOST_BYTES + (1 << 30), MOST_BYTES + (1 << 30)))
    resource.setrlimit(resource.RLIMIT_CPU, (LONGEST_S, LONGEST_S + 1))
    try:
        return work()
    except BaseException:  # noqa: BLE001 - whatever it is, it is a finding
        traceback.print_exc()
        return FOUND
