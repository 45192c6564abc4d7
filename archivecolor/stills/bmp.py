"""BMP, through Pillow. It has nowhere to say that a picture is turned, so results are upright."""

from __future__ import annotations

from pathlib import Path

from archivecolor.color import UIntArray
from archivecolor.settings import OutputSettings, StillFormat
from archivecolor.stills import pillow
from archivecolor.stills.still import Coding, Encoded, Still, StillInfo


def probe(path: Path) -> StillInfo:
    """Size from the header."""
    return pillow.probe(path, StillFormat.BMP)


def read(path: Path, info: StillInfo, page: int) -> Still:
    """Decode."""
    return pillow.read(path, info, Coding())


def encode(rgb: UIntArray, alpha: UIntArray | None, still: Still, output: OutputSettings) -> Encoded:
    """Encode 8-bit RGB."""
    return pillow.encode("BMP", rgb, None, {"dpi": still.metadata.dpi or (0, 0)})  # Pillow would invent 96
