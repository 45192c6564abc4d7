"""Watching a tree: which files are new or changed since the last round, and no longer being written.

Looking is walking: it works on every file system, network drives too, where kernel notifications do not. A file is
taken when two rounds in a row found it the same, and not again before it changes. One number per file is remembered.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from archivecolor.jobs.file_sets import look_at_set

SHORTEST_S: Final = 2.0
"""Between two rounds."""
SHORTEST_AT_STORE_S: Final = 20.0
"""And between two over a store, where listing costs money."""
_SHARE: Final = 0.1
"""Of the time that may go into looking, so that a large tree does not keep the disk busy."""


class Watch:
    """Says which files to take, round after round."""

    def __init__(self, stop: threading.Event, shortest_s: float | None = None, *, at_store: bool = False) -> None:
        """Watch until ``stop`` is set; ``at_store``: what is there at all is whole, and new files stand for it."""
        usual_s = SHORTEST_AT_STORE_S if at_store else SHORTEST_S
        self._stop, self._shortest_s = stop, usual_s if shortest_s is None else shortest_s
        self._at_store = at_store
        self._taken: set[int] = set()
        self._before: dict[str, int] = {}
        self._now: dict[str, int] = {}

    def rounds(self) -> Iterator[int]:
        """Numbers of rounds, each after a pause; ends when it is time to stop."""
        number = 0
        while not self._stop.is_set():
            began = time.monotonic()
            yield number
            number += 1
            self._before, self._now = self._now, {}
            self._stop.wait(max(self._shortest_s, (time.monotonic() - began) * (1 / _SHARE - 1)))

    def is_ready(self, path: Path, name: str) -> bool:
        """Whether to take a file: it is as the last round found it, and was not taken as it is."""
        try:
            state = hash((name, look_at_set(path) or _seen(path, is_new=self._at_store)))
        except OSError:
            state = hash((name, None))
        if state in self._taken:
            return False
        if self._before.get(name) != state and not self._at_store:
            self._now[name] = state
            return False
        self._taken.add(state)
        return True


def _seen(path: Path, *, is_new: bool) -> tuple[int, int, int]:
    status = os.stat(path)  # noqa: PTH116 - a million times: twice as fast
    return status.st_size, status.st_mtime_ns, 0 if is_new else status.st_ino
