"""TIFF's tags: which describe the picture and go with it, and which only say how its pixels are laid out.

What is not known here is taken for a description, and is kept.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import tifffile

from archivecolor.stills import exif

DOCUMENT_NAME: Final = 269
X_RESOLUTION, Y_RESOLUTION, RESOLUTION_UNIT = 282, 283, 296
NO_UNIT, INCH, CENTIMETER = 1, 2, 3
ICC: Final = 34675
XMP: Final = 700
PHOTOSHOP: Final = 34377
LAYERS: Final = 37724
"""Photoshop's layers: the picture before it was colored, which readers would show in its place."""
SUB_PICTURES: Final = 330

_LAYOUT: Final = frozenset(
    {
        # NewSubfileType, SubfileType, width, length, BitsPerSample, Compression, PhotometricInterpretation
        *(254, 255, 256, 257, 258, 259, 262),
        # Threshholding, CellWidth, CellLength, FillOrder, StripOffsets, Orientation, SamplesPerPixel, RowsPerStrip
        *(263, 264, 265, 266, 273, 274, 277, 278),
        # StripByteCounts, MinSampleValue, MaxSampleValue, PlanarConfiguration, FreeOffsets, FreeByteCounts
        *(279, 280, 281, 284, 288, 289),
        # GrayResponseUnit and -Curve, T4Options, T6Options, TransferFunction, Predictor, ColorMap, HalftoneHints
        *(290, 291, 292, 293, 301, 317, 320, 321),
        # TileWidth to TileByteCounts, BadFaxLines to ConsecutiveBadFaxLines, InkSet to DotRange
        *(322, 323, 324, 325, 326, 327, 328, 332, 333, 334, 336),
        # ExtraSamples, SampleFormat, SMinSampleValue, SMaxSampleValue, TransferRange, Indexed, JPEGTables
        *(338, 339, 340, 341, 342, 346, 347),
        # JPEGProc to JPEGACTables, YCbCrCoefficients to ReferenceBlackWhite
        *(512, 513, 514, 515, 517, 518, 519, 520, 521, 529, 530, 531, 532),
    }
)
CARRIED_BY_THEMSELVES: Final = frozenset(
    {X_RESOLUTION, Y_RESOLUTION, RESOLUTION_UNIT, ICC, XMP, PHOTOSHOP, SUB_PICTURES, *exif.INNER}
)
_PLACES: Final = (13, 18)
"""Kinds of values that are places in the file."""


def describes(field: exif.Field) -> bool:
    """Whether a field is copied as it is."""
    by_itself = field.code in _LAYOUT or field.code in CARRIED_BY_THEMSELVES
    return not (by_itself or field.inner or field.kind in _PLACES or field.code == LAYERS)


def says_layout(code: int) -> bool:
    """Whether a tag only says how pixels are laid out."""
    return code in _LAYOUT


def name_of(code: int) -> str:
    """What a tag is called, or its number."""
    return str(tifffile.TIFF.TAGS.get(code, f"tag {code}"))


def described(fields: Iterable[exif.Field]) -> tuple[exif.Field, ...]:
    """The fields that are copied as they are."""
    return tuple(field for field in fields if describes(field))
