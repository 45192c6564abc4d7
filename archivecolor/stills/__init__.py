"""Photograph <-> array, with everything that came with it. One module a family of file formats.

Invariants: sources are only ever opened for reading; `open_still` returns a whole picture or raises `InputError`; what
a target cannot hold is told in the warnings that `write_still` returns.
"""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO

from archivecolor.color import UIntArray
from archivecolor.errors import InputError
from archivecolor.settings import OutputSettings, StillFormat
from archivecolor.stills import common, png, tiff
from archivecolor.stills.sniff import NotAPictureError, sniff, suffix_of
from archivecolor.stills.still import Still, StillInfo, to_8_bit

__all__ = ["NotAPictureError", "Still", "StillInfo", "open_still", "probe", "suffix_of", "write_still"]

MAX_MEGAPIXELS = 1000
"""Larger pictures are refused: at 16 bit they would need more than 20 GB."""


def probe(path: Path) -> StillInfo:
    """Read a file's header.

    Raises `NotAPictureError` when the content is no picture of a format that archivecolor reads, `InputError` when
    it cannot be read at all.
    """
    kind = sniff(path)
    info = tiff.probe(path) if kind is StillFormat.TIFF else common.probe(path, kind)
    if info.width * info.height > MAX_MEGAPIXELS * 1_000_000:
        megapixels = info.width * info.height // 1_000_000
        raise InputError(
            f"{path}: has {megapixels} megapixels", hint=f"the limit is {MAX_MEGAPIXELS}; cut it into tiles"
        )
    return info


def open_still(path: Path) -> Still:
    """Decode a photograph. Raises `InputError` naming the file when it is damaged or of an unknown kind."""
    info = probe(path)
    if info.format is StillFormat.TIFF:
        return tiff.read(path, info)
    if info.format is StillFormat.PNG:
        return png.read(path, info)
    return common.read(path, info)


def write_still(file: BinaryIO, rgb: UIntArray, still: Still, output: OutputSettings) -> tuple[str, ...]:
    """Encode ``[h, w, 3]`` integer RGB, rows as stored in ``still``, with ``still``'s metadata.

    Returns warnings: what the target format cannot hold.
    """
    target = output.format or still.info.format
    warnings = []
    alpha = still.alpha
    if target in (StillFormat.JPEG, StillFormat.WEBP, StillFormat.BMP) and rgb.dtype != "uint8":
        warnings.append(f"16 bit reduced to 8 for {target}")
        rgb = to_8_bit(rgb)
        alpha = None if alpha is None else to_8_bit(alpha)
    if alpha is not None and target in (StillFormat.JPEG, StillFormat.BMP):
        warnings.append(f"transparency left out, {target} has none")
        alpha = None
    if target is StillFormat.TIFF:
        tiff.write(file, rgb, alpha, still)
    elif target is StillFormat.PNG:
        png.write(file, rgb, alpha, still)
    else:
        common.write(file, rgb, alpha, still, target, output.quality)
    return tuple(warnings)
