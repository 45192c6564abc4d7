"""Batches made ahead of the step that learns from them: by a thread, or by processes where a GPU is faster than one.

A step's batch depends on the recipe's seed and the step alone, so whoever makes it, and when, changes nothing.
"""

from __future__ import annotations

import multiprocessing
import queue
import threading
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory

import cv2

from train.dataset import Batch, Photographs
from train.recipe import Recipe
from train.schedule import Schedule

_AHEAD = 3
"""Batches that a thread makes ahead. Of a process it is one, beside the one that it is at."""


def batch_of(photographs: Photographs, recipe: Recipe, schedule: Schedule, step: int) -> Batch:
    """What step ``step``, from 0, learns from."""
    phase, _ = schedule.at(step)
    key = (recipe.seed, step + 1)
    return photographs.batch(
        key, phase.batch, phase.crop, phase.smallest_crop, recipe.degrade, recipe.chroma_stride, recipe.hint_draws
    )


def batches(photographs: Photographs, recipe: Recipe, schedule: Schedule, first: int) -> Iterator[Batch]:
    """Prepare each step's batch in a thread, a few ahead of the one in training."""
    ready: queue.Queue[Batch | Exception] = queue.Queue(maxsize=_AHEAD)

    def prepare() -> None:
        try:
            for step in range(first, schedule.steps):
                ready.put(batch_of(photographs, recipe, schedule, step))
        except Exception as e:  # noqa: BLE001  # handed to the training thread, which raises it
            ready.put(e)

    threading.Thread(target=prepare, daemon=True).start()
    for _ in range(first, schedule.steps):
        batch = ready.get()
        if isinstance(batch, Exception):
            raise batch
        yield batch


class BatchWorkers:
    """Processes that make batches of photographs in one file, which the system keeps in memory once for all of them."""

    def __init__(self, photographs: Photographs, recipe: Recipe, count: int) -> None:
        """Begin ``count`` processes. They are not forked: with CUDA, OpenCV and their threads about, those hang."""
        self._count = count
        self._folder = TemporaryDirectory(prefix="photographs-")
        packed = photographs.packed(Path(self._folder.name) / "all")
        self._pool = ProcessPoolExecutor(
            count, multiprocessing.get_context("spawn"), _begin, (packed, recipe, Schedule(recipe.phase))
        )

    def batches(self, schedule: Schedule, first: int) -> Iterator[Batch]:
        """Each step's batch, in order. The processes end with it, however it ends."""
        under_way: deque[Future[Batch]] = deque()
        try:
            for step in range(first, schedule.steps):
                under_way.append(self._pool.submit(_make, step))
                if len(under_way) > 2 * self._count:
                    yield under_way.popleft().result()
            while under_way:
                yield under_way.popleft().result()
        finally:
            self._pool.shutdown(cancel_futures=True)
            self._folder.cleanup()


_at_work: tuple[Photographs, Recipe, Schedule] | None = None
"""What a process makes batches of."""


def _begin(photographs: Photographs, recipe: Recipe, schedule: Schedule) -> None:
    global _at_work  # a process's whole state, set once as it begins
    _at_work = photographs, recipe, schedule
    cv2.setNumThreads(1)


def _make(step: int) -> Batch:
    if _at_work is None:
        raise RuntimeError("the process has no photographs")
    photographs, recipe, schedule = _at_work
    return batch_of(photographs, recipe, schedule, step)
