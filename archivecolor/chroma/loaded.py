"""A photograph on its way through: decoded, predicted, written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from archivecolor.chroma.control.paint import Strokes
from archivecolor.color import FloatArray
from archivecolor.errors import ArchiveColorError
from archivecolor.settings import Luma
from archivecolor.stills import Still


class InColorError(ArchiveColorError):
    """The photograph is in color already, throughout or in places. Nothing is wrong with it."""


@dataclass(frozen=True, slots=True)
class LoadedStill:
    """A photograph ready for the engine."""

    still: Still
    network_y: FloatArray
    """What the network sees: ``[h, w]`` in 0..1, upright."""
    strokes: Strokes | None = None
    """What was painted on it, of ``network_y``'s size."""
    layers: Mapping[int, Path] = field(default_factory=dict)
    """What was painted on its pages, from 0, as files."""

    @property
    def is_painted(self) -> bool:
        """Whether colors were painted by hand, on whichever page."""
        return bool(self.layers)


@dataclass(frozen=True, slots=True)
class Prediction:
    """The generator's answer for a picture."""

    ab: FloatArray
    """``[h, w, 2]`` a*, b*, upright."""
    confidence: FloatArray | None
    """``[h, w]`` in 0..1: see `confidence.confidence_of`. None from generators that do not report it."""

    @property
    def mean_confidence(self) -> float | None:
        """Of the picture."""
        return None if self.confidence is None else float(self.confidence.mean())


class Written(NamedTuple):
    """What there is to say about a photograph that was written."""

    warnings: tuple[str, ...]
    confidence: float | None
    """The mean of its pages; None from generators that do not report it."""
    luma: Luma = Luma.SAME
