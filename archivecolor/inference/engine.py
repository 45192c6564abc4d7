"""The one contract of all engines: luma in, chroma out, the same numbers from each to a stated tolerance."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Protocol, Self

import numpy as np

from archivecolor.color import HINT_PLANES, FloatArray
from archivecolor.errors import EngineError
from archivecolor.inference.catalog import EngineFolder


@dataclass(frozen=True, slots=True)
class Estimate:
    """Chroma, how far the generator expects it to be off, and what it sees."""

    chroma: FloatArray
    """``[n, 2, h, w]`` a*, b*."""
    spread: FloatArray | None
    """``[n, 1, h, w]``: standard deviation of the chroma that the generator thought of, in units of a* and b*. None
    where the graph does not tell: generators exported before it did."""
    features: FloatArray | None = None
    """``[n, folder.features, h / 16, w / 16]`` of h x w luma, if they were asked for: what the generator's encoder sees
    in each place, of length 1. The product of two is 1 where places look the same, 0.3 where they are unlike.
    """


class Engine(Protocol):
    """Maps luma to chroma on some device. A context manager: leaving it frees the device."""

    @property
    def folder(self) -> EngineFolder:
        """The trained generator that this engine runs."""
        ...

    @property
    def description(self) -> str:
        """Runtime and device, for people: 'ONNX Runtime 1.32, CPU'."""
        ...

    @property
    def batch(self) -> int:
        """How many pictures are best given at a time."""
        ...

    def colorize(self, luma: FloatArray, hints: FloatArray | None = None) -> FloatArray:
        """Predict chroma.

        ``luma`` is ``[n, 1, h, w]`` float32, BT.601 Y' in 0..1, h and w multiples of ``folder.multiple``. Returns
        ``[n, 2, h / s, w / s]`` float32 a*, b* with s = ``folder.chroma_stride``. Any n from 1; batched inside.
        ``hints``, where ``folder.hints`` says that the generator takes them, are ``[n, 3, h / s, w / s]`` float32: the
        a* and b* that are known, and a mask in 0..1, 0 where nothing is. None are no hints.
        Raises `EngineError` when an input has another shape or the device fails.
        """
        ...

    def estimate(self, luma: FloatArray, hints: FloatArray | None = None, *, features: bool = False) -> Estimate:
        """Predict chroma as `colorize` does, and its spread; and ``features``, where ``folder.features`` is not 0."""
        ...

    def close(self) -> None:
        """Free the device. Closing twice does nothing."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


class LoadedEngine(ABC):
    """What every engine here is besides its runtime: a generator's folder, and a context that closes it."""

    def __init__(self, folder: EngineFolder) -> None:
        self._folder = folder

    @property
    def folder(self) -> EngineFolder:
        """The trained generator that this engine runs."""
        return self._folder

    def colorize(self, luma: FloatArray, hints: FloatArray | None = None) -> FloatArray:
        """Predict chroma; see `Engine.colorize`."""
        return self._checked(luma, hints, ("chroma",))["chroma"]

    def estimate(self, luma: FloatArray, hints: FloatArray | None = None, *, features: bool = False) -> Estimate:
        """Predict chroma and spread, and tell features; see `Engine.estimate`."""
        if features:
            check_features(self._folder)
        made = self._checked(luma, hints, ("chroma", "spread", *(["features"] if features else [])))
        return Estimate(made["chroma"], made.get("spread"), made.get("features"))

    def _checked(self, luma: FloatArray, hints: FloatArray | None, wanted: tuple[str, ...]) -> Mapping[str, FloatArray]:
        check_luma(luma, self._folder)
        check_hints(hints, luma, self._folder)
        given: tuple[FloatArray, ...] = (luma,)
        if self._folder.hints:
            given = (luma, no_hints(luma, self._folder) if hints is None else hints)
        made = self._compute(given, wanted)
        for values in made.values():
            check_chroma(values, self._folder)
        return made

    @abstractmethod
    def _compute(self, given: tuple[FloatArray, ...], wanted: tuple[str, ...]) -> Mapping[str, FloatArray]:
        """Map the checked ``folder.inputs`` to those of ``wanted`` that the generator tells.

        These are ``chroma``, which each does, ``spread``, and ``features``, which are wanted only of those that do.
        """

    @abstractmethod
    def close(self) -> None:
        """Free the device. Closing twice does nothing."""

    def _closed(self) -> EngineError:
        """What to raise where a closed engine is asked to compute."""
        return EngineError(f"engine '{self._folder.name}' is closed")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def check_luma(luma: FloatArray, folder: EngineFolder) -> None:
    """Raise `EngineError` unless ``luma`` is what ``folder``'s generator takes."""
    multiple = folder.multiple
    if luma.dtype != np.float32 or luma.ndim != 4 or luma.shape[1] != 1:
        raise EngineError(f"engine '{folder.name}' takes float32 [n, 1, h, w], got {luma.dtype} {list(luma.shape)}")
    if 0 in luma.shape:
        raise EngineError(f"engine '{folder.name}' takes at least one picture with pixels, got {list(luma.shape)}")
    if luma.shape[2] % multiple or luma.shape[3] % multiple:
        raise EngineError(
            f"engine '{folder.name}' takes heights and widths that are multiples of {multiple}, got {list(luma.shape)}"
        )


def no_hints(luma: FloatArray, folder: EngineFolder) -> FloatArray:
    """Hints for ``[n, 1, h, w]`` luma that say nothing."""
    n, _, height, width = luma.shape
    return np.zeros((n, HINT_PLANES, height // folder.chroma_stride, width // folder.chroma_stride), np.float32)


def check_hints(hints: FloatArray | None, luma: FloatArray, folder: EngineFolder) -> None:
    """Raise `EngineError` unless ``hints`` are none, or what ``folder``'s generator takes beside ``luma``."""
    if hints is None:
        return
    if not folder.hints:
        raise EngineError(f"engine '{folder.name}' takes no hints", hint="'archivecolor engines' lists those that do")
    wanted = no_hints(luma, folder).shape
    if hints.dtype != np.float32 or hints.shape != wanted:
        raise EngineError(
            f"engine '{folder.name}' takes float32 hints {list(wanted)} beside this luma, "
            f"got {hints.dtype} {list(hints.shape)}"
        )
    if not np.isfinite(hints).all():
        raise EngineError(f"engine '{folder.name}' was given hints that are no numbers")


def check_features(folder: EngineFolder) -> None:
    """Raise `EngineError` unless ``folder``'s generator tells features."""
    if not folder.features:
        raise EngineError(
            f"generator '{folder.name}' does not tell what it sees, and so cannot look for what is alike",
            hint="take another one, or write its graph anew with 'python -m train.export'",
        )


def first_line(error: Exception) -> str:
    """What a runtime says of a failure, without its stack."""
    return str(error).strip().partition("\n")[0]


def check_chroma(chroma: FloatArray, folder: EngineFolder) -> FloatArray:
    """Pass chroma on, unless the device made numbers that are none."""
    if not np.isfinite(chroma).all():
        raise EngineError(
            f"engine '{folder.name}' returned values that are no numbers", hint="try another engine or precision"
        )
    return chroma
