"""Engines that need no weights, each with one fault or none.

``FakeEngine()`` gives every pixel the same chroma; ``FakeEngine(by_luma)`` a chroma that depends on the pixel's luma.
The others are a `FakeEngine` with a fault: `FailingEngine(picture=3)`, `NanEngine()`, `SlowEngine(seconds=0.2)`.
All of them check what they are given as real engines do, count what they colored in ``pictures``, say in ``closed``
whether they were closed, may be used from several threads, and can be pickled, the lock being made anew.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
import pytest

from archivecolor.color import FEATURE_STRIDE, FloatArray
from archivecolor.errors import EngineError
from archivecolor.inference import select
from archivecolor.inference.catalog import EngineFolder
from archivecolor.inference.engine import Estimate, check_features, check_hints, check_luma

Chroma = Callable[[FloatArray], FloatArray]
"""Maps luma ``[h, w]`` in 0..1, already at the chroma's size, to a*, b* ``[h, w, 2]``."""


def warm(luma: FloatArray) -> FloatArray:
    """The same muted orange everywhere."""
    return np.full((*luma.shape, 2), (12.0, 20.0), np.float32)


def by_luma(luma: FloatArray) -> FloatArray:
    """Blue shadows, yellow lights, in-gamut for most lumas; smooth in luma and blind to place."""
    return np.stack((10 * np.sin(3 * luma), 50 * luma - 25), axis=-1).astype(np.float32)


def wild(luma: FloatArray) -> FloatArray:
    """Chroma far outside of what sRGB can show, of another hue in every pixel, the same for the same luma."""
    rng = np.random.default_rng(int(luma.sum() * 1e3))
    return rng.uniform(-180, 180, (*luma.shape, 2)).astype(np.float32)


def fake_folder(
    *,
    name: str = "fake",
    short_px: int = 64,
    multiple: int = 32,
    chroma_stride: int = 4,
    hints: bool = False,
    features: int = 12,
) -> EngineFolder:
    """The description of a generator that lies nowhere."""
    return EngineFolder(
        path=Path("engines") / name,
        name=name,
        summary="none: for tests",
        short_px=short_px,
        multiple=multiple,
        chroma_stride=chroma_stride,
        context=32,
        decoder=(16, 16, 8),
        palette=16,
        heads=2,
        encoder="lite0",
        classifier_features=False,
        blocks=(0, 0),
        hints=hints,
        hints_by="",
        median_steps=0,
        features=features,
        digests={},
    )


class FakeEngine:
    """An `Engine` whose chroma is a function of the luma; where its folder takes hints, theirs where they lie."""

    def __init__(self, chroma: Chroma = warm, folder: EngineFolder | None = None) -> None:
        self.folder = folder or fake_folder()
        self.description = type(self).__name__
        self.batch = 1
        self.pictures = 0
        self.closed = False
        self.spread: float | None = 10.0
        self._chroma = chroma
        self._lock = threading.Lock()

    def colorize(self, luma: FloatArray, hints: FloatArray | None = None) -> FloatArray:
        """Chroma of ``[n, 1, h, w]`` luma, ``[n, 2, h / s, w / s]``."""
        if self.closed:
            raise EngineError(f"engine '{self.folder.name}' is closed")
        check_luma(luma, self.folder)
        check_hints(hints, luma, self.folder)
        s = self.folder.chroma_stride
        n, _, h, w = luma.shape
        small = luma.reshape(n, h // s, s, w // s, s).mean(axis=(2, 4))
        chroma = np.stack([self._color(picture) for picture in small]).transpose(0, 3, 1, 2)
        return chroma if hints is None else chroma + hints[:, 2:] * (hints[:, :2] - chroma)

    def estimate(self, luma: FloatArray, hints: FloatArray | None = None, *, features: bool = False) -> Estimate:
        """`colorize`, and a spread of ``spread`` everywhere; None where that is None. Places of one luma are alike."""
        chroma = self.colorize(luma, hints)
        spread = None if self.spread is None else np.full_like(chroma[:, :1], self.spread)
        if not features:
            return Estimate(chroma, spread)
        check_features(self.folder)
        n, _, h, w = luma.shape
        places = luma.reshape(n, 1, h // FEATURE_STRIDE, FEATURE_STRIDE, w // FEATURE_STRIDE, FEATURE_STRIDE)
        levels = np.linspace(0, 1, self.folder.features, dtype=np.float32)[:, None, None]
        near = np.exp(-np.square((places.mean(axis=(3, 5)) - levels) * self.folder.features))
        return Estimate(chroma, spread, near / np.linalg.norm(near, axis=1, keepdims=True))

    def _color(self, luma: FloatArray) -> FloatArray:
        with self._lock:
            self.pictures += 1
        return self._chroma(luma)

    def close(self) -> None:
        """Be closed."""
        self.closed = True

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __getstate__(self) -> dict[str, Any]:
        return {k: v for k, v in self.__dict__.items() if k != "_lock"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state, _lock=threading.Lock())


class FailingEngine(FakeEngine):
    """Raises `EngineError` at the ``picture``-th picture it is given, counted from 1, and works for all others."""

    def __init__(self, picture: int, chroma: Chroma = warm) -> None:
        super().__init__(chroma)
        self._fails_at = picture

    def _color(self, luma: FloatArray) -> FloatArray:
        with self._lock:
            self.pictures += 1
            if self.pictures == self._fails_at:
                raise EngineError(f"engine '{self.folder.name}' failed: the device is lost")
        return self._chroma(luma)


class NanEngine(FakeEngine):
    """Returns NaN for one pixel of every picture, unnoticed by itself."""

    def _color(self, luma: FloatArray) -> FloatArray:
        ab = super()._color(luma).copy()
        ab[0, 0, 0] = np.nan
        return ab


class SlowEngine(FakeEngine):
    """Takes ``seconds`` for every picture."""

    def __init__(self, seconds: float, chroma: Chroma = warm) -> None:
        super().__init__(chroma)
        self.seconds = seconds

    def _color(self, luma: FloatArray) -> FloatArray:
        time.sleep(self.seconds)
        return super()._color(luma)


def for_all(monkeypatch: pytest.MonkeyPatch) -> FakeEngine:
    """One engine that every run is given, opened anew each time."""
    fake = FakeEngine(by_luma)

    def open_engine(*_: object, **__: object) -> FakeEngine:
        fake.closed = False
        return fake

    monkeypatch.setattr(select, "open_engine", open_engine)
    return fake


class ListeningEngine(FakeEngine):
    """Takes hints, colors all of a picture as they say in the mean, and remembers them in ``told``."""

    def __init__(self) -> None:
        super().__init__(warm, fake_folder(hints=True))
        self.told: list[FloatArray | None] = []

    def colorize(self, luma: FloatArray, hints: FloatArray | None = None) -> FloatArray:
        """The same chroma everywhere."""
        self.told.append(hints)
        chroma = super().colorize(luma, hints).copy()
        for picture, hint in zip(chroma, () if hints is None else hints, strict=hints is not None):
            if hint[2].any():
                picture[:] = hint[:2, hint[2] > 0].mean(axis=1)[:, None, None]
        return chroma
