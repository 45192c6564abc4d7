"""How much memory the machine has."""

from __future__ import annotations

import os


def memory_bytes() -> int:
    """Physical memory; where the system does not tell, what any machine has."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, OSError, ValueError):  # Windows
        return 4 << 30


def usable_cores() -> int:
    """Cores."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def working_budget_bytes() -> int:
    """Share of the memory."""
    return int(memory_bytes() * 0.4)
