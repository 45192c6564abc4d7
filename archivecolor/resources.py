"""What this process may use of the machine: cores and memory, within what its container or job is given."""

from __future__ import annotations

import ctypes
import math
import os
import platform
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Final

import psutil

_BUDGET_SHARE: Final = 0.4
_given: list[int] = []
"""Cores that whoever started this process said it may use, where somebody did."""
_heap: list[ctypes.CDLL] = []
"""The C library, where `limit_arenas` took charge of its heap."""
_map_from: list[int] = []
"""What M_MMAP_THRESHOLD was set to, if it was."""
_CGROUPS: Final = Path("/sys/fs/cgroup")
_OWN_CGROUPS: Final = Path("/proc/self/cgroup")
_M_ARENA_MAX, _ARENAS = -8, 2
_M_MMAP_THRESHOLD, _M_TRIM_THRESHOLD = -3, -1
"""Of glibc's malloc.h."""
_LARGE_BYTES: Final = 8_000_000
_MOST_BYTES: Final = 32 << 20
"""What glibc raises M_MMAP_THRESHOLD to by itself, at most; it trims from twice as much on."""


@cache
def memory_bytes() -> int:
    """Physical memory, or the part of it that a control group allows. Read once a process."""
    groups = _limits("memory", ("memory.max",), ("memory.limit_in_bytes",))
    return min([int(psutil.virtual_memory().total), *(int(limit) for (limit,) in groups if limit.isdecimal())])


def keep_to(cores: int) -> None:
    """Use so many cores from now on, and memory in proportion, for other processes of the run use the rest."""
    _given[:] = [cores]


def usable_cores() -> int:
    """Cores that this process may run on, at least one: those that it keeps to, and no more than are the machine's."""
    return max(1, min([_allowed_cores(), *_given]))


def _allowed_cores() -> int:
    """Cores by the affinity, and by a control group's share of time."""
    try:
        cores = len(psutil.Process().cpu_affinity())
    except AttributeError:  # macOS
        cores = psutil.cpu_count() or 1
    groups = _limits("cpu", ("cpu.max",), ("cpu.cfs_quota_us", "cpu.cfs_period_us"))
    shares = [math.ceil(int(quota) / int(period)) for quota, period in groups if quota.isdecimal()]
    return max(1, min([cores, *shares]))


def working_budget_bytes() -> int:
    """What pictures that are under way may take together; the rest is the engine's and other programs'."""
    return int(memory_bytes() * _BUDGET_SHARE * usable_cores() / _allowed_cores())


def limit_arenas() -> None:
    """Have glibc's threads share two heaps, where each pair of cores would get several, with room in all of them.

    1080p film peaks at 863 MB in place of 891, 60 JPEGs of 1 MP at 292 in place of 318. To keep what was freed as well
    (M_TRIM_THRESHOLD) takes 1,030 for film. What the environment says of malloc stands.
    """
    if platform.libc_ver()[0] == "glibc" and not any(name.startswith("MALLOC_") for name in os.environ):
        _heap[:] = [ctypes.CDLL(None)]
        _heap[0].mallopt(_M_ARENA_MAX, _ARENAS)


def map_planes(plane_bytes: int) -> None:
    """Have planes of 8 MB and more outside of the heap from now on, which goes to pieces between them.

    To be called before the first such plane is made, and with smaller ones, which are better off in the heap, to go
    back. Film of 4K then peaks at 2,233 MB in place of 2,680, in the same time. Only after `limit_arenas`: the heap of
    other programs is theirs.
    """
    wanted = _LARGE_BYTES if plane_bytes >= _LARGE_BYTES else _MOST_BYTES
    if _heap and (_map_from[0] if _map_from else _MOST_BYTES) != wanted:
        _map_from[:] = [wanted]
        _heap[0].mallopt(_M_MMAP_THRESHOLD, wanted)
        _heap[0].mallopt(_M_TRIM_THRESHOLD, 2 * wanted)


def _limits(controller: str, v2: tuple[str, ...], v1: tuple[str, ...]) -> Iterator[list[str]]:
    """The words in these files of each control group that this process is in, from its own up. Linux has them.

    What a container's own path names is not there when it sees only its part of the tree: its root is.
    """
    with suppress(OSError):
        for line in _OWN_CGROUPS.read_text(encoding="utf-8").splitlines():
            _, controllers, path = line.split(":", 2)
            if controllers and controller not in controllers.split(","):
                continue
            root, names = (_CGROUPS / controllers, v1) if controllers else (_CGROUPS, v2)
            group = root / path.lstrip("/")
            for place in (group, *group.parents):
                with suppress(OSError):
                    yield " ".join((place / name).read_text(encoding="ascii") for name in names).split()
                if place == root:
                    break
