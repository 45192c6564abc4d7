"""Any number of pictures in batches that fit the device's memory."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TypeAlias, TypeVar

from archivecolor.color import FloatArray
from archivecolor.errors import EngineError

log = logging.getLogger(__name__)

Given: TypeAlias = tuple[FloatArray, ...]
"""A generator's inputs, each ``[n, ...]``: luma first, then hints where it takes them."""

T = TypeVar("T")

_OUT_OF_MEMORY = ("out of memory", "failed to allocate memory", "bad allocation", "bad_alloc", "cuda error 2")


class DeviceMemoryError(EngineError):
    """A batch did not fit the device's memory; a smaller one may."""


def is_memory_error(error: BaseException) -> bool:
    """Whether a runtime's exception means that memory ran out: they have no class for it, only words."""
    text = str(error).lower()
    return isinstance(error, MemoryError) or any(words in text for words in _OUT_OF_MEMORY)


class FittingBatch:
    """Halves the batch when memory runs out, and remembers what fitted."""

    def __init__(self, size: int) -> None:
        self.size = size

    def run(self, given: Given, compute: Callable[[Given, int], T]) -> T:
        """Call ``compute(given, batch)``, again with half the batch each time it raises `DeviceMemoryError`.

        ``given`` are a generator's inputs, luma first. Raises `EngineError` when not even one picture fits.
        """
        while True:
            try:
                return compute(given, self.size)
            except DeviceMemoryError as e:
                tried = min(self.size, len(given[0]))
                if tried == 1:
                    height, width = given[0].shape[2:]
                    raise EngineError(
                        f"not even one picture of {width} x {height} fits the device's memory",
                        hint="free its memory, give a smaller --network-px, or --device cpu",
                    ) from e
                self.size = tried // 2
                log.warning("the device's memory does not hold %d pictures: going on with %d", tried, self.size)
