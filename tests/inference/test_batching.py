"""Batches that do not fit the device's memory are halved; never is a picture left out."""

from __future__ import annotations

import numpy as np
import pytest

from archivecolor.color import FloatArray
from archivecolor.errors import EngineError
from archivecolor.inference.batching import DeviceMemoryError, FittingBatch, Given, is_memory_error


class Memory:
    """A computation that fits ``most`` pictures."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.tried: list[int] = []

    def __call__(self, given: Given, batch: int) -> FloatArray:
        self.tried.append(batch)
        if min(batch, len(given[0])) > self.most:
            raise DeviceMemoryError("out of memory")
        return given[0] * 2


PICTURES = np.arange(12, dtype=np.float32).reshape(12, 1, 1, 1)


def test_the_batch_is_halved_until_it_fits() -> None:
    memory, batch = Memory(3), FittingBatch(16)
    np.testing.assert_array_equal(batch.run((PICTURES,), memory), PICTURES * 2)
    assert memory.tried == [16, 6, 3]


def test_what_fitted_is_remembered() -> None:
    memory, batch = Memory(3), FittingBatch(8)
    batch.run((PICTURES,), memory)
    memory.tried.clear()
    batch.run((PICTURES,), memory)
    assert memory.tried == [2]
    assert batch.size == 2


def test_a_picture_that_does_not_fit_alone_is_an_engine_error_with_its_size() -> None:
    luma = np.zeros((4, 1, 64, 96), np.float32)
    with pytest.raises(EngineError, match="not even one picture of 96 x 64 fits") as told:
        FittingBatch(4).run((luma,), Memory(0))
    assert not isinstance(told.value, DeviceMemoryError)
    assert "--device cpu" in (told.value.hint or "")


@pytest.mark.parametrize(
    "text",
    [
        "CUDA out of memory. Tried to allocate 20.00 MiB",
        "BFCArena::AllocateRawInternal Failed to allocate memory for requested buffer of size 9",
        "std::bad_alloc",
    ],
)
def test_runtimes_tell_in_words_that_memory_ran_out(text: str) -> None:
    assert is_memory_error(RuntimeError(text))
    assert not is_memory_error(RuntimeError("the device is lost"))
    assert is_memory_error(MemoryError())
