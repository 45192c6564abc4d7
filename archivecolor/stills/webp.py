"""WebP, through Pillow. Results are lossless unless a quality is asked for."""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from archivecolor.color import UIntArray
from archivecolor.settings import Luma, OutputSettings, StillFormat
from archivecolor.stills import bounds, pillow
from archivecolor.stills.metadata import exif_of
from archivecolor.stills.still import Coding, Encoded, Still, StillInfo


def probe(path: Path) -> StillInfo:
    """Size from the header; an animation is refused."""
    return pillow.probe(path, StillFormat.WEBP)


def read(path: Path, info: StillInfo, page: int) -> Still:
    """Decode."""
    return pillow.read(path, info, Coding(lossless=_is_lossless(path)))


def _is_lossless(path: Path) -> bool:
    """Find the picture among the RIFF chunks: a profile or a caption may come before it and be long."""
    kinds = bounds.not_too_many(_kinds(path), path)
    return next((kind for kind in kinds if kind in (b"VP8L", b"VP8 ")), None) == b"VP8L"


def _kinds(path: Path) -> Iterator[bytes]:
    """Of the RIFF chunks."""
    with path.open("rb") as f:
        f.seek(12)
        while len(head := f.read(8)) == 8:
            yield head[:4]
            size = struct.unpack("<I", head[4:])[0]
            f.seek(size + size % 2, os.SEEK_CUR)


def encode(rgb: UIntArray, alpha: UIntArray | None, still: Still, output: OutputSettings) -> Encoded:
    """Encode 8-bit RGB: lossless, for lossy WebP moves luma, unless a quality is asked for."""
    kept = still.metadata
    options: dict[str, Any] = {
        name: value for name, value in (("exif", exif_of(still)), ("icc_profile", kept.icc), ("xmp", kept.xmp)) if value
    }
    options |= {"quality": output.quality} if output.quality else {"lossless": True, "exact": True}
    coded = pillow.encode("WEBP", rgb, alpha, options)
    luma = Luma.LOSSY if output.quality else Luma.SAME
    return replace(coded, said=pillow.grown(still, StillFormat.WEBP, output), luma=luma)
