"""What a run can be told, as immutable values that survive pickling."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from archivecolor.errors import UsageError


class StillFormat(StrEnum):
    """File formats that stills are written in."""

    JPEG = "jpeg"
    PNG = "png"
    TIFF = "tiff"
    WEBP = "webp"
    BMP = "bmp"


@dataclass(frozen=True, slots=True)
class ColorSettings:
    """How colour is made. Every field changes pixels."""

    strength: float = 1.0
    """0 leaves the picture grey, 1 is the generator's own chroma."""
    network_px: int | None = None
    """Short side, in pixels, of what the generator sees; None takes the engine's own."""

    def __post_init__(self) -> None:
        if not 0 <= self.strength <= 1:
            raise UsageError(f"strength is {self.strength:g}", hint="give a number from 0 to 1")
        if self.network_px is not None and not 32 <= self.network_px <= 2048:
            raise UsageError(f"the network's short side is {self.network_px} px", hint="give 32 to 2048")


@dataclass(frozen=True, slots=True)
class OutputSettings:
    """How results are written."""

    format: StillFormat | None = None
    """None keeps the source's."""
    quality: int | None = None
    """JPEG and lossy WebP: 1 to 100. None is 95, and a JPEG whose source is one keeps the source's luma tables."""
    overwrite: bool = False

    def __post_init__(self) -> None:
        if self.quality is not None and not 1 <= self.quality <= 100:
            raise UsageError(f"quality is {self.quality}", hint="give a number from 1 to 100")
