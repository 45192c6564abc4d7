"""The shots of a film, without coloring it."""

from __future__ import annotations

import threading
from pathlib import Path

from archivecolor.chroma.scan import scan
from archivecolor.film.shot_list import ListedShot, read_shots, suffix_of
from archivecolor.film.survey import Survey
from archivecolor.runs.listener import Listener, Progress, Unit


def find_shots(
    source: Path, cuts: Path | None, listener: Listener, stop: threading.Event | None = None
) -> tuple[Survey, list[ListedShot]]:
    """A film, read from end to end, and its shots; those of the list ``cuts`` where one is given.

    Raises `InputError`, `UsageError` and `DependencyError`, and `Stopped` once ``stop`` is set.
    """
    if cuts:
        suffix_of(cuts)
    found = scan(source, lambda share: listener.progress(Progress("reading", share, 1, Unit.SHARE, source.name)), stop)
    return found.film, list(read_shots(cuts, found.film)) if cuts else found.shots()
