"""Photograph <-> array, with everything that came with it. One module a family of file formats.

`traits` says what each format is, `families` which module reads and writes it; here is what is the same for all.

Invariants: sources are only ever opened for reading; `open_still` returns a whole picture or raises `InputError`; what
a target cannot hold is told in the warnings that `write_still` returns.
"""

from __future__ import annotations

import io
import math
import struct
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO, Final

import cv2
import numpy as np

from archivecolor.color import UIntArray
from archivecolor.errors import InputError, OutputError
from archivecolor.frames import Orientation
from archivecolor.resources import memory_bytes
from archivecolor.settings import OutputSettings, StillFormat
from archivecolor.stills import bounds, inventory, jpeg, thumbnails, tiff_writing
from archivecolor.stills.exif import with_orientation
from archivecolor.stills.families import FAMILIES
from archivecolor.stills.metadata import left_out, without_motion
from archivecolor.stills.sniff import NotAPictureError, sniff, suffix_of
from archivecolor.stills.still import Encoded, Picture, Planes, Still, StillInfo, Told, to_8_bit
from archivecolor.stills.traits import TRAITS

__all__ = [
    "NotAPictureError",
    "Planes",
    "Still",
    "StillInfo",
    "chroma_shift",
    "for_target",
    "holds_xmp",
    "open_still",
    "probe",
    "suffix_of",
    "write_pages",
    "write_still",
]

_MEMORY_SHARE: Final = 0.8
"""Of the machine's memory: pictures that take more are refused unless they are asked for."""

_SMALL_MEGAPIXELS: Final = 50
_DENSEST: Final = 10_000
"""Pixels in a byte of a larger picture: Deflate's most is 8,256 of one bit, and a photograph is nowhere near."""

_PREMULTIPLIED: Final = 1
_TRIPS: Final = (
    OSError,
    EOFError,
    SyntaxError,
    ValueError,
    TypeError,
    LookupError,
    ArithmeticError,
    AttributeError,
    struct.error,
    zlib.error,
    cv2.error,
)


def probe(path: Path, *, max_megapixels: int | None = None) -> StillInfo:
    """Read a file's header.

    Raises `NotAPictureError` when the content is no picture of a format that archivecolor reads, `InputError` when
    it cannot be read at all, or has more than ``max_megapixels``; None takes what fits into memory.
    """
    kind = sniff(path)
    with _damage_told(path):
        info = FAMILIES[kind].probe(path)
    if info.width < 1 or info.height < 1:
        raise InputError(f"{path}: is damaged: has {info.width} x {info.height} pixels", hint="restore it from a copy")
    megapixels = math.ceil(info.width * info.height / 1e6)
    needs, has, coded = info.working_bytes, memory_bytes(), path.stat().st_size
    anyway = f"--max-megapixels {megapixels} colors it all the same"
    if max_megapixels is None and megapixels > _SMALL_MEGAPIXELS and info.width * info.height > _DENSEST * coded:
        raise InputError(f"{path}: is damaged or a trap: claims {megapixels} megapixels in {coded} bytes", hint=anyway)
    if needs > _MEMORY_SHARE * has if max_megapixels is None else megapixels > max_megapixels:
        raise InputError(
            f"{path}: has {megapixels} megapixels and may take {needs / 1e9:.1f} of {has / 1e9:.1f} GB of memory",
            hint=anyway,
        )
    return info


def open_still(path: Path, page: int = 0, *, max_megapixels: int | None = None) -> Still:
    """Decode a photograph, or one page of a file of several, counted from 0.

    Raises `InputError` naming the file when it is damaged or of an unknown kind.
    """
    info = probe(path, max_megapixels=max_megapixels)
    with _damage_told(path):
        if info.format is StillFormat.JPEG:
            bounds.check_scans(path)
        still = FAMILIES[info.format].read(path, info, page)
    if not still.luma.size or still.luma.shape != (still.info.height, still.info.width):
        raise InputError(f"{path}: is damaged: its pixels do not fill it", hint="restore it from a copy")
    return still


@contextmanager
def _damage_told(path: Path) -> Iterator[None]:
    """Turn what decoders trip over in a damaged file, or in a file that has gone away, into `InputError`."""
    try:
        yield
    except MemoryError as e:
        raise InputError(f"{path}: does not fit into memory", hint="give the machine more, or cut it into tiles") from e
    except _TRIPS as e:
        raise InputError(f"{path}: cannot be decoded: {e}", hint="restore it from a copy") from e


def holds_xmp(target: StillFormat) -> bool:
    """Whether files of this format have a place for XMP."""
    return "XMP" in TRAITS[target].holds


def for_target(still: Still, output: OutputSettings) -> Still:
    """``still`` as its target can hold it: 8 bit where there is no more, upright where it cannot be turned.

    Before the color is merged: reducing RGB afterwards would move the luma of some pixels by one. Raises
    `OutputError` where the target cannot hold the picture at all.
    """
    target = output.format or still.info.format
    traits = TRAITS[target]
    height, width = still.luma.shape
    if traits.longest_px and max(height, width) > traits.longest_px:
        raise OutputError(
            f"{still.path}: is {width} x {height}, {target} ends at {traits.longest_px}", hint="use --format tiff"
        )
    if still.info.pages > 1 and not traits.paged:
        raise OutputError(f"{still.path}: has {still.info.pages} pages, {target} has one", hint="use --format tiff")
    if not traits.turned and still.orientation is not Orientation.UPRIGHT:
        still = _upright(still)
    if traits.deep or still.luma.dtype == np.uint8:
        return still
    return replace(
        still,
        pixels=replace(
            still.pixels, luma=to_8_bit(still.luma), alpha=None if still.alpha is None else to_8_bit(still.alpha)
        ),
        warnings=(*still.warnings, f"16 bit reduced to 8 for {target}"),
    )


def _upright(still: Still) -> Still:
    turn, kept = still.orientation.to_upright, still.metadata
    alpha = None if still.alpha is None else np.ascontiguousarray(turn(still.alpha))
    return replace(
        still,
        pixels=replace(still.pixels, luma=np.ascontiguousarray(turn(still.luma)), alpha=alpha),
        orientation=Orientation.UPRIGHT,
        metadata=replace(
            kept,
            dpi=kept.dpi[::-1] if kept.dpi and still.orientation.swaps_sides else kept.dpi,
            aspect=kept.aspect[::-1] if kept.aspect and still.orientation.swaps_sides else kept.aspect,
            exif=kept.exif and with_orientation(kept.exif, Orientation.UPRIGHT),
        ),
    )


def chroma_shift(still: Still, output: OutputSettings) -> tuple[int, int] | None:
    """How chroma is subsampled in what is best given to `write_still` as `Planes`; None where that is RGB."""
    jpeg_alone = (output.format or still.info.format) is StillFormat.JPEG
    return jpeg.chroma_shift(*still.luma.shape) if jpeg_alone else None


def write_still(file: BinaryIO, picture: Picture, still: Still, output: OutputSettings) -> Told:
    """Encode a picture, rows as stored in ``still``, made fit by `for_target`; planes only as `chroma_shift` says.

    Encoded in memory and then written, so that an `OSError` is ``file``'s and says what it is: encoders swallow
    the number of a full disk. Tells what the target format cannot hold, and what became of the luma. Raises
    `OutputError` where it cannot hold the picture itself.
    """
    target = output.format or still.info.format
    alpha, warnings = _alpha_for(still, target)
    still, said = _shown_anew(still, picture, target)
    warnings = (*warnings, *said)
    try:
        coded = _encode(picture, alpha, still, output)
    except _TRIPS as e:
        raise OutputError(f"{still.path}: cannot be encoded as {target}: {e}") from e
    for part in coded.parts:
        file.write(part)
    said = (*warnings, *coded.said, *left_out(still, target))
    return Told((*said, *_lost(still.path, file, (*still.warnings, *said))), coded.luma)


def _encode(picture: Picture, alpha: UIntArray | None, still: Still, output: OutputSettings) -> Encoded:
    target = output.format or still.info.format
    if target is StillFormat.JPEG:
        return jpeg.encode(picture, alpha, still, output)
    if isinstance(picture, Planes):
        raise TypeError(f"{target} takes RGB")
    return FAMILIES[target].encode(picture, alpha, still, output)


def write_pages(file: BinaryIO, pages: Iterable[tuple[UIntArray, Still]], output: OutputSettings) -> Told:
    """Write a TIFF of several pages, one after the other; `write_still` for each. Tells every warning once."""
    warnings: dict[str, None] = {}
    source = Path()
    with tiff_writing.Pages(file) as written:
        for rgb, still in pages:
            alpha, said = _alpha_for(still, StillFormat.TIFF)
            still, of_thumbnails = _shown_anew(still, rgb, StillFormat.TIFF)
            said = (
                *still.warnings,
                *said,
                *of_thumbnails,
                *written.add(rgb, alpha, still),
                *left_out(still, StillFormat.TIFF),
            )
            warnings |= dict.fromkeys(said)
            source = still.path
    return Told((*warnings, *_lost(source, file, tuple(warnings))))


def _lost(source: Path, file: BinaryIO, said: tuple[str, ...]) -> tuple[str, ...]:
    """What the source carries, the written file does not, and no warning tells of."""
    try:
        with source.open("rb") as original:
            before = inventory.inventory(original)
    except OSError:  # gone since it was read, or never a file
        return ()
    after = inventory.inventory(file) if before and file.readable() else {}
    file.seek(0, io.SEEK_END)
    return inventory.missing(before, after, said)


def _shown_anew(still: Still, picture: Picture, target: StillFormat) -> tuple[Still, tuple[str, ...]]:
    """``still`` with thumbnails in its metadata that show what is written, where they are written at all."""
    kept, exif = still.metadata, still.metadata.exif
    said: tuple[str, ...] = ()
    if exif and target is not StillFormat.TIFF and "EXIF" in TRAITS[target].holds:
        exif, said = thumbnails.redrawn(exif, picture)
    photoshop = thumbnails.without_thumbnails(kept.photoshop) if kept.photoshop else kept.photoshop
    if photoshop != kept.photoshop and "IPTC" in TRAITS[target].holds:
        said = (*said, "Photoshop's thumbnail, which shows it without color, was left out")
    xmp = kept.xmp
    if xmp and kept.behind and target is not StillFormat.JPEG:
        xmp = without_motion(xmp)
    return replace(still, metadata=replace(kept, exif=exif, photoshop=photoshop, xmp=xmp)), said


def _alpha_for(still: Still, target: StillFormat) -> tuple[UIntArray | None, tuple[str, ...]]:
    if still.alpha is None:
        return None, ()
    if not TRAITS[target].alpha:
        return None, (f"transparency left out, {target} has none",)
    if still.coding.tiff_alpha == _PREMULTIPLIED and target is not StillFormat.TIFF:
        return still.alpha, (f"its colors are premultiplied with its transparency, which {target} does not know",)
    return still.alpha, ()
