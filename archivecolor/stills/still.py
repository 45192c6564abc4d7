"""A photograph as the pipeline handles it: its luma, and everything else that came with it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from archivecolor.color import UIntArray
from archivecolor.frames import Orientation
from archivecolor.settings import StillFormat


@dataclass(frozen=True, slots=True)
class Metadata:
    """What a file says about its picture, as bytes to be written again unread."""

    exif: bytes | None = None
    """A TIFF structure, without the 'Exif' marker of JPEG."""
    xmp: bytes | None = None
    icc: bytes | None = None
    """An RGB profile. A grey one does not describe the coloured picture and is left out."""
    dpi: tuple[float, float] | None = None
    comment: bytes | None = None
    png_chunks: tuple[bytes, ...] = ()
    """Ancillary chunks of a PNG, whole, when the source is one."""
    tiff_tags: tuple[tuple[int, int, int, object], ...] = ()
    """Code, data type, count and value of descriptive tags, when the source is a TIFF."""


@dataclass(frozen=True, slots=True)
class Coding:
    """How the source was compressed, so that the result can be alike."""

    jpeg_luma_table: tuple[int, ...] | None = None
    """The 64 divisors of the luma, in zigzag-free order."""
    progressive: bool = False
    lossless: bool = True
    tiff_compression: int = 1
    """Value of tag 259."""
    big_endian: bool = False


@dataclass(frozen=True, slots=True)
class StillInfo:
    """What a file's first bytes tell, before anything is decoded."""

    format: StillFormat
    width: int
    height: int
    bits: int
    """8 or 16 per channel."""

    @property
    def working_bytes(self) -> int:
        """An upper estimate of the memory that colouring it takes."""
        # decoded source (up to RGBA), luma, RGB and the encoder's copy of it
        return self.width * self.height * self.bits // 8 * 12


@dataclass(frozen=True, slots=True)
class Still:
    """A decoded photograph. Rows are as stored; `orientation` says how they are to be turned."""

    path: Path
    info: StillInfo
    luma: UIntArray
    """``[h, w]`` uint8 or uint16."""
    alpha: UIntArray | None = None
    """``[h, w]``, of luma's type."""
    orientation: Orientation = Orientation.UPRIGHT
    metadata: Metadata = field(default_factory=Metadata)
    coding: Coding = field(default_factory=Coding)
    warnings: tuple[str, ...] = ()


def to_8_bit(values: UIntArray) -> UIntArray:
    """Scale 16-bit values to 8 bit, rounding; 8-bit values pass through."""
    if values.dtype == np.uint8:
        return values
    return ((values.astype(np.uint32) + 128) // 257).astype(np.uint8)
