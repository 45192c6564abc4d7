"""How much memory the machine has."""

from __future__ import annotations

import os


def memory_bytes() -> int:
    """Physical memory; where the system does not tell, what any machine has."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, OSError, ValueError):  # Windows
        return 4 << 30
