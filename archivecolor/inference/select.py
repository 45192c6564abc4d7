"""Choosing the engine: a named one must work, ``auto`` takes the best that does."""

from __future__ import annotations

from enum import StrEnum

from archivecolor.errors import UsageError
from archivecolor.inference import catalog
from archivecolor.inference.engine import Engine


class EngineKind(StrEnum):
    """The runtimes that a generator can be run by."""

    AUTO = "auto"
    ONNX = "onnx"
    TORCH = "torch"


def open_engine(kind: str = EngineKind.AUTO, generator: str = catalog.DEFAULT, threads: int = 0) -> Engine:
    """Load ``generator`` into an engine.

    Raises `UsageError`, `DependencyError` or `EngineError`; a named engine never falls back to another.
    """
    folder = catalog.find(generator)
    if kind == EngineKind.TORCH:
        from archivecolor.inference.torch import TorchEngine

        return TorchEngine(folder)
    if kind in (EngineKind.AUTO, EngineKind.ONNX):
        from archivecolor.inference.onnx import OnnxEngine

        return OnnxEngine(folder, threads)
    raise UsageError(f"there is no engine '{kind}'", hint=f"one of {', '.join(EngineKind)}")
