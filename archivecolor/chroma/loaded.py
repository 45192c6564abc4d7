"""A photograph on its way through: decoded, predicted, written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from archivecolor.chroma.confidence import encode_map
from archivecolor.chroma.control.alike import Advice
from archivecolor.chroma.control.paint import Strokes
from archivecolor.color import FloatArray
from archivecolor.errors import ArchiveColorError
from archivecolor.jobs.atomic import atomic_write
from archivecolor.settings import Luma
from archivecolor.stills import Still


class InColorError(ArchiveColorError):
    """A photograph or film is in color already, throughout or in places. Nothing is wrong with it."""


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
    advice: Advice | None = None
    """What references said of the picture."""

    @property
    def references(self) -> tuple[str, ...]:
        """Names of the references that were heard."""
        return self.advice.names if self.advice else ()

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


def write_map(path: Path, made: Prediction) -> None:
    """Write the confidence of a picture as a small gray PNG, if it is known. Raises `OutputError`."""
    if made.confidence is not None:
        with atomic_write(path, overwrite=True) as file:
            file.write(encode_map(made.confidence))
