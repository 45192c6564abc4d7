"""Whether a colored file has the luma of its source: the product's claim, tried on one file.

Both files are decoded anew and compared upright, page by page, at the depth of the result. In a lossless format every
pixel's luma must be the source's; of a JPEG it is the Y plane as any decoder gives it. float32 samples must agree to a
millionth of white. Of films only lossless ones (FFV1) can have the same luma; the others are coded again.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from archivecolor.color import FloatArray, UIntArray
from archivecolor.film.checking import check_film
from archivecolor.stills import Still, open_still
from archivecolor.stills.still import to_8_bit
from archivecolor.stills.tiff_writing import white_of

_FLOAT_TOLERANCE: Final = 1e-6


@dataclass(frozen=True, slots=True)
class Finding:
    """What a comparison found. Nothing is wrong where `reason` is None."""

    reason: str | None = None
    differing: float = 0.0
    """Share of the pixels whose luma differs."""
    worst: float = 0.0
    """The largest difference, in units of the result."""


def compare_stills(source: Path, result: Path, *, max_megapixels: int | None = None) -> Finding:
    """Compare a photograph with its colored result. Raises `InputError` where one of them cannot be read."""
    page = 0
    while True:
        before = open_still(source, page, max_megapixels=max_megapixels)
        after = open_still(result, page, max_megapixels=max_megapixels)
        if before.info.pages != after.info.pages:
            return Finding(f"has {after.info.pages} pages, its source {before.info.pages}")
        finding = _compare(before, after)
        page += 1
        if finding.reason or page == before.info.pages:
            return finding if before.info.pages == 1 or not finding.reason else _on_page(finding, page)


def _on_page(finding: Finding, page: int) -> Finding:
    return Finding(f"page {page}: {finding.reason}", finding.differing, finding.worst)


def _compare(before: Still, after: Still) -> Finding:
    was, now = _luma(before), _luma(after)
    if was.shape != now.shape:
        return Finding(f"is {_size(now)}, its source {_size(was)}")
    if before.pixels.float_y is not None and after.pixels.float_y is not None:
        tolerance = _FLOAT_TOLERANCE * white_of(before.pixels.float_y)
        return _difference(before.pixels.float_y, after.pixels.float_y, tolerance)
    if now.dtype == np.uint8:
        was = to_8_bit(was)
    elif was.dtype == np.uint8:
        return Finding("has 16 bit, its source 8")
    return _difference(was, now, 0)


def _luma(still: Still) -> UIntArray:
    return still.orientation.to_upright(still.luma)


def _size(luma: UIntArray) -> str:
    return f"{luma.shape[1]} x {luma.shape[0]}"


def _difference(was: UIntArray | FloatArray, now: UIntArray | FloatArray, tolerance: float) -> Finding:
    """Compare strip by strip: the difference of a whole picture would take several times its memory."""
    differing, worst = 0, 0.0
    for first in range(0, len(was), 256):
        off = np.abs(was[first : first + 256].astype(np.float64) - now[first : first + 256])
        differing += int((off > tolerance).sum())
        worst = max(worst, float(off.max(initial=0)))
    if not differing:
        return Finding()
    share = differing / was.size
    return Finding(f"its luma differs in {share:.3%} of its pixels, by up to {worst:g}", share, worst)


def compare_films(source: Path, result: Path) -> Finding | None:
    """Compare a film with its colored result; None where nothing is wrong with it that can be checked, of a lossy one.

    See `film.checking`, which tells more.
    """
    check = check_film(source, result)
    if check.reason:
        return Finding(check.reason)
    return Finding() if check.proved else None
