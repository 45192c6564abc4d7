"""A photograph as the pipeline handles it: its luma, and everything else that came with it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, NamedTuple, Self, TypeAlias

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image

from archivecolor.color import FloatArray, UIntArray, luma_of
from archivecolor.frames import Orientation
from archivecolor.settings import Luma, StillFormat
from archivecolor.stills.exif import Field
from archivecolor.toning import thumbnail

Coded: TypeAlias = bytes | memoryview
"""A part of an encoded file."""

_STRIP_PIXELS: Final = 1 << 18


@dataclass(frozen=True, slots=True)
class Metadata:
    """What a file says about its picture, as bytes to be written again unread."""

    exif: bytes | None = None
    """A TIFF structure, without the 'Exif' marker of JPEG."""
    xmp: bytes | None = None
    long_xmp: tuple[bytes, ...] = ()
    """Segments of a JPEG that continue an XMP too long for one."""
    icc: bytes | None = None
    """An RGB profile. A gray one does not describe the colored picture and is left out."""
    dpi: tuple[float, float] | None = None
    aspect: tuple[float, float] | None = None
    """Of files that give pixels across and down in no unit: how these compare."""
    jfif: bytes | None = None
    """The header segment of a JPEG, without its thumbnail."""
    resolution: tuple[Field, ...] = ()
    """Resolution and its unit, when the source is a TIFF."""
    comment: bytes | None = None
    photoshop: bytes = b""
    """Photoshop's image resources, IPTC captions among them: APP13 of a JPEG, tag 34377 of a TIFF."""
    png_chunks: tuple[bytes, ...] = ()
    """Ancillary chunks of a PNG, whole, when the source is one."""
    jp2_boxes: tuple[bytes, ...] = ()
    """Boxes of a JPEG 2000 that hold other metadata, whole."""
    directories: tuple[Field, ...] = ()
    """EXIF's and GPS's directory, when the source is a TIFF."""
    tiff_tags: tuple[Field, ...] = ()
    """What else describes the picture, when the source is a TIFF."""
    jpeg_segments: tuple[tuple[int, bytes], ...] = ()
    """Markers and bodies of application segments that nothing else here holds, when the source is a JPEG."""
    behind: bytes = b""
    """What stands behind the picture in a JPEG: the film of a motion photo, a maker's own."""


@dataclass(frozen=True, slots=True)
class Coding:
    """How the source was compressed, so that the result can be alike."""

    jpeg: bytes | None = None
    """The source, whole, where it is a JPEG: its luma can be copied."""
    jpeg_luma_table: tuple[int, ...] | None = None
    """The 64 divisors of the luma, in zigzag-free order."""
    progressive: bool = False
    lossless: bool = True
    tiff_compression: int = 1
    """Value of tag 259."""
    tiff_alpha: int = 2
    """Value of tag 338: 0 unspecified, 1 premultiplied, 2 straight."""
    big_endian: bool = False
    big_tiff: bool = False
    tile: tuple[int, int] | None = None
    """Height and width of a TIFF's tiles."""


@dataclass(frozen=True, slots=True)
class Encoded:
    """A file in parts, and warnings: what it could not hold."""

    parts: list[Coded]
    said: tuple[str, ...] = ()
    luma: Luma = Luma.SAME


class Told(NamedTuple):
    """What there is to say of a file that was written."""

    warnings: tuple[str, ...]
    luma: Luma = Luma.SAME


@dataclass(frozen=True, slots=True)
class Planes:
    """An 8-bit picture in Y'CbCr as JFIF has it: of full range, chroma in the middle of what it stands for."""

    luma: UIntArray
    """``[h, w]`` uint8"""
    cb: UIntArray
    """``[h, w]`` uint8, or half of one or both, rounded up."""
    cr: UIntArray

    @classmethod
    def of_rgb(cls, rgb: UIntArray) -> Self:
        """Of ``[h, w, 3]`` 8-bit RGB."""
        return cls(*(np.asarray(plane) for plane in Image.fromarray(rgb).convert("YCbCr").split()))

    @property
    def halves(self) -> tuple[bool, bool]:
        """Whether chroma has half of the luma's samples, across and down."""
        return self.cb.shape[1] < self.luma.shape[1], self.cb.shape[0] < self.luma.shape[0]

    def shown(self, width: int, height: int) -> UIntArray:
        """The picture averaged down to ``[height, width, 3]`` 8-bit RGB."""
        small = [np.asarray(cv2.resize(p, (width, height), interpolation=cv2.INTER_AREA)) for p in self._all]
        return np.asarray(Image.merge("YCbCr", [Image.fromarray(plane) for plane in small]).convert("RGB"))

    def image(self) -> Image.Image:
        """For Pillow, each sample of chroma repeated to the luma's size."""
        height, width = self.luma.shape
        across, down = (1 + half for half in self.halves)
        chroma = (plane.repeat(down, 0).repeat(across, 1)[:height, :width] for plane in (self.cb, self.cr))
        return Image.merge("YCbCr", [Image.fromarray(np.ascontiguousarray(p)) for p in (self.luma, *chroma)])

    @property
    def _all(self) -> tuple[UIntArray, UIntArray, UIntArray]:
        return self.luma, self.cb, self.cr


Picture: TypeAlias = UIntArray | Planes
"""``[h, w, 3]`` integer RGB, ``[h, w]`` gray, or planes for formats that `stills.chroma_shift` names."""


@dataclass(frozen=True, slots=True)
class StillInfo:
    """What a file's first bytes tell, before anything is decoded."""

    format: StillFormat
    width: int
    height: int
    bits: int
    """8 or 16 per channel."""
    pages: int = 1

    @property
    def working_bytes(self) -> int:
        """An upper estimate of the memory that coloring it takes."""
        # decoded source (up to RGBA), luma, alpha, RGB, the encoder's copy of it and what it makes
        return self.width * self.height * self.bits // 8 * 18


@dataclass(frozen=True, slots=True)
class Pixels:
    """What a decoder gives."""

    luma: UIntArray
    """``[h, w]`` uint8 or uint16."""
    alpha: UIntArray | None = None
    """``[h, w]``, of luma's type."""
    thumbnail: UIntArray | None = None
    """``[h, w, 3]`` 8-bit RGB, small; None where the file holds nothing but gray."""
    float_y: FloatArray | None = None
    """``[h, w]``: the luma in the samples' own unit, where the source's samples are float32."""

    @classmethod
    def of_rgb(cls, rgb: UIntArray, alpha: UIntArray | None = None) -> Self:
        """Of ``[h, w, 3]`` integer RGB."""
        return cls(luma_of_picture(rgb), alpha, thumbnail(rgb))


@dataclass(frozen=True, slots=True)
class Still:
    """A decoded photograph. Rows are as stored; `orientation` says how they are to be turned."""

    path: Path
    info: StillInfo
    pixels: Pixels
    orientation: Orientation = Orientation.UPRIGHT
    metadata: Metadata = field(default_factory=Metadata)
    coding: Coding = field(default_factory=Coding)
    warnings: tuple[str, ...] = ()

    @property
    def luma(self) -> UIntArray:
        """See `Pixels.luma`."""
        return self.pixels.luma

    @property
    def alpha(self) -> UIntArray | None:
        """See `Pixels.alpha`."""
        return self.pixels.alpha

    @property
    def thumbnail(self) -> UIntArray | None:
        """See `Pixels.thumbnail`."""
        return self.pixels.thumbnail


def luma_of_picture(rgb: npt.NDArray[Any]) -> UIntArray:
    """Luma ``[h, w]`` of ``[h, w, 3]`` integer RGB, strip by strip: `luma_of` needs eight bytes for each value."""
    luma = np.empty(rgb.shape[:2], rgb.dtype)
    step = max(1, _STRIP_PIXELS // max(1, rgb.shape[1]))
    for first in range(0, rgb.shape[0], step):
        luma[first : first + step] = luma_of(rgb[first : first + step])
    return luma


def to_8_bit(values: UIntArray) -> UIntArray:
    """Scale 16-bit values to 8 bit, rounding; 8-bit values pass through."""
    if values.dtype == np.uint8:
        return values
    return ((values.astype(np.uint32) + 128) // 257).astype(np.uint8)
