"""HEIC, through `pillow_heif` (the extra ``heif``). Results are lossless HEVC in RGB unless a quality is asked for.

libheif turns the picture upright while it decodes and the orientation in its EXIF is set right, so it is not turned
twice.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from archivecolor.color import UIntArray
from archivecolor.errors import DependencyError, InputError
from archivecolor.installation import install_line
from archivecolor.settings import Luma, OutputSettings, StillFormat
from archivecolor.stills import pillow
from archivecolor.stills.metadata import exif_of
from archivecolor.stills.still import Coding, Encoded, Still, StillInfo

_LOSSLESS: Final[dict[str, Any]] = {"quality": -1, "chroma": 444, "matrix_coefficients": 0}


def _register(path: Path) -> None:
    """Make Pillow read and write HEIC."""
    try:
        import pillow_heif
    except ImportError as e:
        raise DependencyError(f"{path}: HEIC needs another package", hint=install_line("heif")) from e
    pillow_heif.register_heif_opener(thumbnails=False)


def probe(path: Path) -> StillInfo:
    """Size from the header; a sequence of pictures is refused."""
    _register(path)
    with pillow.open_image(path) as image:
        count = getattr(image, "n_frames", 1)
    if count > 1:
        raise InputError(
            f"{path}: holds {count} pictures", hint="split it, with heif-convert for instance, and color those"
        )
    return pillow.probe(path, StillFormat.HEIF)


def read(path: Path, info: StillInfo, page: int) -> Still:
    """Decode, upright."""
    _register(path)
    return pillow.read(path, info, Coding(lossless=False))


def encode(rgb: UIntArray, alpha: UIntArray | None, still: Still, output: OutputSettings) -> Encoded:
    """Encode 8-bit RGB."""
    _register(still.path)
    kept = still.metadata
    options: dict[str, Any] = {
        name: value for name, value in (("exif", exif_of(still)), ("icc_profile", kept.icc), ("xmp", kept.xmp)) if value
    }
    options |= {"quality": output.quality} if output.quality else _LOSSLESS
    coded = pillow.encode("HEIF", rgb, alpha, options)
    luma = Luma.LOSSY if output.quality else Luma.SAME
    return replace(coded, said=pillow.grown(still, StillFormat.HEIF, output), luma=luma)
