"""Making many segments, some at a time."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import Final

from archivecolor.errors import Stopped
from archivecolor.film.priority import opencv_on_one_thread
from archivecolor.film.segments import Segment
from archivecolor.runs.film.sharing import Sharing

_LISTEN_S: Final = 0.2


class Alone:
    """The segments of a film that nobody else makes."""

    def __init__(self, segments: Iterable[Segment]) -> None:
        self.left = deque(segments)

    def take(self) -> Segment | None:
        """The next one."""
        return self.left.popleft() if self.left else None

    def let_go(self, segment: Segment) -> None:
        """It is made, or failed."""


def run_all(
    todo: Sharing | Alone,
    make: Callable[[Segment], None],
    *,
    jobs: int,
    stop: threading.Event,
    abandon: threading.Event,
) -> None:
    """Make segments, ``jobs`` at a time, until none is left, be it that others make them.

    Raises the first error, or `Stopped` once ``stop`` is set, after the segments under way ended, which ``abandon``
    tells to.
    """

    def make_and_let_go(segment: Segment) -> None:
        try:
            make(segment)
        finally:
            todo.let_go(segment)

    under_way: set[Future[None]] = set()
    with opencv_on_one_thread(), ThreadPoolExecutor(jobs, thread_name_prefix="segment") as pool:
        try:
            while under_way or todo.left:
                while len(under_way) < jobs and (segment := todo.take()):
                    under_way.add(pool.submit(make_and_let_go, segment))
                if not under_way:
                    stop.wait(_LISTEN_S)
                done, under_way = wait(under_way, timeout=_LISTEN_S, return_when=FIRST_COMPLETED)
                if stop.is_set():
                    raise Stopped
                for future in done:
                    future.result()
        except BaseException:
            abandon.set()
            raise
