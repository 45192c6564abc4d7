"""What a photograph's file says besides its pixels, and how that goes into a file of another format.

Within one format everything is carried as it is, unread. Between formats the fields that both have are carried:
EXIF and TIFF share the numbers of their descriptive tags, JPEG and TIFF share Photoshop's block with the IPTC captions.
What has no place in the target is named by `left_out`.
"""

from __future__ import annotations

import re
import struct
import warnings
from fractions import Fraction
from typing import Final

from PIL import Image

from archivecolor.frames import Orientation
from archivecolor.settings import StillFormat
from archivecolor.stills import exif, tags
from archivecolor.stills.still import Metadata, Still
from archivecolor.stills.traits import TRAITS

EXIF_MARKER: Final = b"Exif\0\0"
ORIENTATION_TAG: Final = 274
ASCII: Final = 2
LONGEST_JPEG_SEGMENT: Final = 65533
XMP_MARKER: Final = b"http://ns.adobe.com/xap/1.0/\0"

_LONGEST_IN_EXIF_BYTES: Final = 1 << 13
"""Of a TIFF's tags that go into EXIF, of which a JPEG holds 64 KB."""
_RATIONAL: Final = 5
EXIF_DAMAGE: Final = (OSError, SyntaxError, ValueError, TypeError, LookupError, struct.error)
_MOTION: Final = re.compile(rb"(:(?:MotionPhoto|MicroVideo)(?:=[\"']|>))1")
_TEXT_CHUNKS: Final = (b"tEXt", b"zTXt", b"iTXt")
_XMP_KEYWORD: Final = b"XML:com.adobe.xmp\0"


def exif_of(still: Still) -> bytes | None:
    """The source's EXIF, with its marker; where it has none, one made of its TIFF tags, if there is any need."""
    kept = still.metadata
    if kept.exif:
        return EXIF_MARKER + kept.exif
    fields = [field for field in kept.tiff_tags if len(field.value) <= _LONGEST_IN_EXIF_BYTES]
    if still.orientation is not Orientation.UPRIGHT:
        fields.append(exif.Field(ORIENTATION_TAG, exif.SHORT, struct.pack("<H", still.orientation)))
    if kept.tiff_tags and kept.dpi:
        across, down = (struct.pack("<2I", *Fraction(v).limit_denominator(1000).as_integer_ratio()) for v in kept.dpi)
        fields += [exif.Field(tags.X_RESOLUTION, _RATIONAL, across), exif.Field(tags.Y_RESOLUTION, _RATIONAL, down)]
        fields.append(exif.Field(tags.RESOLUTION_UNIT, exif.SHORT, struct.pack("<H", tags.INCH)))
    fields += kept.directories
    return EXIF_MARKER + exif.block(tuple(fields)) if fields else None


def directories_of(kept: Metadata) -> tuple[exif.Field, ...]:
    """The directories of camera and place that a TIFF has beside its tags, from a source of any format."""
    if kept.exif is None:
        return kept.directories
    return tuple(field for field in exif.parse(kept.exif) if field.inner)


def tags_of(kept: Metadata) -> tuple[exif.Field, ...]:
    """The source's TIFF tags; where it has none, those of its EXIF, whose first directory is a TIFF's."""
    if kept.tiff_tags or not kept.exif:
        return kept.tiff_tags
    return tags.described(exif.parse(kept.exif))


def left_out(still: Still, target: StillFormat) -> tuple[str, ...]:
    """Warnings: what of the source's metadata ``target`` has no place for."""
    kept = still.metadata
    parsed = _parse_quietly(kept.exif) if kept.exif else Image.Exif()
    has = {
        "EXIF": bool(kept.exif or kept.directories),
        "XMP": bool(kept.xmp),
        "second part of the XMP": bool(kept.long_xmp),
        "ICC profile": bool(kept.icc),
        "resolution": bool(kept.dpi) and not kept.tiff_tags and tags.X_RESOLUTION not in parsed,
        "comment": bool(kept.comment),
        "IPTC": bool(kept.photoshop),
        "text": any(c[4:8] in _TEXT_CHUNKS and not c[8:].startswith(_XMP_KEYWORD) for c in kept.png_chunks),
        "tags": bool(kept.tiff_tags),
        "boxes": bool(kept.jp2_boxes),
    }
    lost = [name for name, there in has.items() if there and name not in TRAITS[target].holds]
    if target is StillFormat.JPEG:
        segments = {"EXIF": exif_of(still), "XMP": kept.xmp, "comment": kept.comment}
        lost += [name for name, blob in segments.items() if blob and not fits_jpeg(blob)]
    return (f"left out, {target} has no place for it: {', '.join(lost)}",) if lost else ()


def without_motion(xmp: bytes) -> bytes:
    """A packet that does not claim that a film stands behind the picture (Google's motion photo format, 1.0)."""
    return _MOTION.sub(rb"\g<1>0", xmp)


def fits_jpeg(blob: bytes) -> bool:
    """Whether a JPEG can hold it in one segment."""
    return len(blob) + len(XMP_MARKER) <= LONGEST_JPEG_SEGMENT


def parse_exif(blob: bytes) -> Image.Exif:
    """Read EXIF; raises one of `EXIF_DAMAGE`."""
    parsed = Image.Exif()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        parsed.load(blob)
        list(parsed.items())
    return parsed


def _parse_quietly(blob: bytes) -> Image.Exif:
    try:
        return parse_exif(blob)
    except EXIF_DAMAGE:
        return Image.Exif()  # that it is damaged was told when it was read
