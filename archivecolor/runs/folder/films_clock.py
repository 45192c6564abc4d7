"""How long all films of a run will take yet, by what those before them and the one under way took.

A film's share of the work is its file's share of the bytes: nothing better is known before it is read.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Final

from archivecolor.errors import InputError
from archivecolor.jobs.digests import look_at
from archivecolor.runs.listener import Listener, Progress, Unit

_LEAST_SHARE: Final = 0.02
"""Of the work that must be done before anything is said."""
_READING: Final = 0.1
"""Of a film's time that reading it takes, before it is colored."""


class FilmsClock(Listener):
    """Passes the progress of one film after the other on, with the time that is left for all of them."""

    def __init__(self, listener: Listener, sources: Sequence[Path]) -> None:
        self._listener = listener
        self._sizes = [_size(source) for source in sources]
        self._number = 0
        self._began = time.monotonic()

    def begin(self, number: int) -> None:
        """Film ``number``, from 0, is next."""
        self._number = number

    def progress(self, progress: Progress) -> None:
        """Pass on."""
        share = film_share(progress)
        whole = sum(self._sizes)
        done = (sum(self._sizes[: self._number]) + share * self._sizes[self._number]) / whole
        left = None
        if len(self._sizes) > 1 and done >= _LEAST_SHARE:
            left = (time.monotonic() - self._began) * (1 - done) / done
        self._listener.progress(replace(progress, run_left_s=left))

    def message(self, level: int, text: str) -> None:
        """Pass on."""
        self._listener.message(level, text)


def film_share(progress: Progress) -> float:
    """How much of a film's work is done, of 1: it is read first, then colored."""
    share = progress.done / progress.total if progress.total else 0.0
    return _READING * share if progress.unit is Unit.SHARE else _READING + (1 - _READING) * share


def _size(source: Path) -> int:
    with suppress(InputError):
        return max(1, look_at(source).size_bytes)
    return 1
