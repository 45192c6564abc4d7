"""Batches made ahead of the step that learns from them: by a thread, or by processes where a GPU is faster than one.

A step's batch depends on the recipe's seed and the step alone, so whoever makes it, and when, changes nothing.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from train.dataset import Batch, Photographs
from train.recipe import Recipe
from train.schedule import Schedule

_AHEAD = 3
"""Batches that a thread makes ahead, and each process."""


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


def batches_of_workers(
    photographs: Photographs, recipe: Recipe, schedule: Schedule, first: int, workers: int
) -> Iterator[Batch]:
    """The same by as many processes, in memory that a GPU fetches from by itself. They end with the iterator.

    They are forked, which takes no time; spawned ones import PyTorch one after another. So they use no CUDA, and none
    of OpenCV's threads, which are not there.
    """
    loader = DataLoader(
        _Steps(photographs, recipe, schedule),
        batch_size=None,
        sampler=range(first, schedule.steps),
        num_workers=workers,
        prefetch_factor=_AHEAD,
        multiprocessing_context="fork",
        worker_init_fn=_begin,
        pin_memory=torch.cuda.is_available(),
    )
    for planes in loader:
        yield Batch(*(p.numpy() for p in planes))


class _Steps(Dataset[tuple[Tensor, ...]]):
    """The batch of each step."""

    def __init__(self, photographs: Photographs, recipe: Recipe, schedule: Schedule) -> None:
        self._made_of = photographs, recipe, schedule

    def __getitem__(self, step: int) -> tuple[Tensor, ...]:
        batch = batch_of(*self._made_of, step)
        planes = (batch.luma, batch.chroma, batch.hints)
        return tuple(torch.from_numpy(p) for p in planes if isinstance(p, np.ndarray))


def _begin(_worker: int) -> None:
    cv2.setNumThreads(0)
