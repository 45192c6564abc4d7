"""Photograph <-> array, with everything that came with it. One module a family of file formats.

Invariants: sources are only ever opened for reading; `open_still` returns a whole picture or raises `InputError`; what
a target cannot hold is told in the warnings that `write_still` returns.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO, Final

import cv2

from archivecolor.color import UIntArray
from archivecolor.errors import InputError, OutputError
from archivecolor.settings import OutputSettings, StillFormat
from archivecolor.stills import common, png, tiff
from archivecolor.stills.metadata import left_out
from archivecolor.stills.sniff import NotAPictureError, sniff, suffix_of
from archivecolor.stills.still import Still, StillInfo, to_8_bit

__all__ = [
    "NotAPictureError",
    "Still",
    "StillInfo",
    "at_target_depth",
    "open_still",
    "probe",
    "suffix_of",
    "write_still",
]

MAX_MEGAPIXELS = 1000
"""Larger pictures are refused: at 16 bit they would need more than 20 GB."""

_LONGEST_SIDE: Final = {StillFormat.JPEG: 65500, StillFormat.WEBP: 16383}
_8_BIT_ONLY: Final = (StillFormat.JPEG, StillFormat.WEBP, StillFormat.BMP)
_PREMULTIPLIED: Final = 1
_TRIPS: Final = (
    OSError,
    EOFError,
    SyntaxError,
    ValueError,
    TypeError,
    LookupError,
    ArithmeticError,
    struct.error,
    zlib.error,
    cv2.error,
)


def probe(path: Path) -> StillInfo:
    """Read a file's header.

    Raises `NotAPictureError` when the content is no picture of a format that archivecolor reads, `InputError` when
    it cannot be read at all.
    """
    kind = sniff(path)
    with _damage_told(path):
        info = tiff.probe(path) if kind is StillFormat.TIFF else common.probe(path, kind)
    if info.width < 1 or info.height < 1:
        raise InputError(f"{path}: is damaged: has {info.width} x {info.height} pixels", hint="restore it from a copy")
    if info.width * info.height > MAX_MEGAPIXELS * 1_000_000:
        megapixels = info.width * info.height // 1_000_000
        raise InputError(
            f"{path}: has {megapixels} megapixels", hint=f"the limit is {MAX_MEGAPIXELS}; cut it into tiles"
        )
    return info


def open_still(path: Path) -> Still:
    """Decode a photograph. Raises `InputError` naming the file when it is damaged or of an unknown kind."""
    info = probe(path)
    with _damage_told(path):
        if info.format is StillFormat.TIFF:
            still = tiff.read(path, info)
        elif info.format is StillFormat.PNG:
            still = png.read(path, info)
        else:
            still = common.read(path, info)
    if still.luma.shape != (info.height, info.width):
        raise InputError(f"{path}: is damaged: its pixels do not fill it", hint="restore it from a copy")
    return still


@contextmanager
def _damage_told(path: Path) -> Iterator[None]:
    """Turn what decoders trip over in a damaged file, or in a file that has gone away, into `InputError`."""
    try:
        yield
    except MemoryError as e:
        raise InputError(f"{path}: does not fit into memory", hint="cut it into tiles") from e
    except _TRIPS as e:
        raise InputError(f"{path}: cannot be decoded: {e}", hint="restore it from a copy") from e


def at_target_depth(still: Still, output: OutputSettings) -> Still:
    """``still`` in 8 bit where the target holds no more, with a warning that says so.

    Before the colour is merged: reducing RGB afterwards would move the luma of some pixels by one.
    """
    target = output.format or still.info.format
    if target not in _8_BIT_ONLY or still.luma.dtype == "uint8":
        return still
    return replace(
        still,
        luma=to_8_bit(still.luma),
        alpha=None if still.alpha is None else to_8_bit(still.alpha),
        warnings=(*still.warnings, f"16 bit reduced to 8 for {target}"),
    )


def write_still(file: BinaryIO, rgb: UIntArray, still: Still, output: OutputSettings) -> tuple[str, ...]:
    """Encode ``[h, w, 3]`` integer RGB, rows as stored in ``still``, with ``still``'s metadata.

    Encoded in memory and then written, so that an `OSError` is ``file``'s and says what it is: encoders swallow
    the number of a full disk. Returns warnings: what the target format cannot hold. Raises `OutputError` where it
    cannot hold the picture itself.
    """
    target = output.format or still.info.format
    longest = _LONGEST_SIDE.get(target)
    if longest and max(rgb.shape[:2]) > longest:
        raise OutputError(
            f"{still.path}: is {rgb.shape[1]} x {rgb.shape[0]}, {target} ends at {longest}", hint="use --format tiff"
        )
    warnings = []
    alpha = still.alpha
    if target in _8_BIT_ONLY and rgb.dtype != "uint8":
        warnings.append(f"16 bit reduced to 8 for {target}")
        rgb = to_8_bit(rgb)
        alpha = None if alpha is None else to_8_bit(alpha)
    if alpha is not None and target in (StillFormat.JPEG, StillFormat.BMP):
        warnings.append(f"transparency left out, {target} has none")
        alpha = None
    if alpha is not None and still.coding.tiff_alpha == _PREMULTIPLIED and target is not StillFormat.TIFF:
        warnings.append(f"its colours are premultiplied with its transparency, which {target} does not know")
    try:
        if target is StillFormat.TIFF:
            parts = tiff.encode(rgb, alpha, still)
        elif target is StillFormat.PNG:
            parts = png.encode(rgb, alpha, still)
        else:
            parts = common.encode(rgb, alpha, still, target, output.quality)
    except _TRIPS as e:
        raise OutputError(f"{still.path}: cannot be encoded as {target}: {e}") from e
    for part in parts:
        file.write(part)
    return (*warnings, *left_out(still, target))
