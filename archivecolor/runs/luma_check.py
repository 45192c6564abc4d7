"""Whether a colored file has the luma of its source: the product's claim, tried on one file.

Both files are decoded again and compared upright, page by page, frame by frame, at the depth of the result. In a
lossless format every pixel's luma must be the source's; of a JPEG it is the Y plane as any decoder gives it. float32
samples must agree to a millionth of white. What was coded with loss cannot be proved; it is still held against its
source: its size, its frames and their times, its other streams, and its luma, which must be near.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from enum import StrEnum
from math import inf, log10
from pathlib import Path
from typing import Final

import numpy as np

from archivecolor.color import FloatArray, UIntArray
from archivecolor.film.checking import check_film
from archivecolor.settings import Luma, StillFormat
from archivecolor.stills import Still, open_still
from archivecolor.stills.still import to_8_bit
from archivecolor.stills.tiff_writing import white_of

_FLOAT_TOLERANCE: Final = 1e-6
_MAY_BE_LOSSY: Final = {StillFormat.JPEG, StillFormat.WEBP, StillFormat.JPEG2000, StillFormat.HEIF}
_LEAST_PSNR_DB: Final = 22.0
"""Of the luma of a picture that was coded with loss. x264 at crf 40 leaves 27 dB of grainy film, and JPEG at quality 10
25 dB; two different pictures have 8 to 15."""


class Verdict(StrEnum):
    """The verdict on a result."""

    PROVED = "proved"
    RECODED = "coded anew"
    """A JPEG whose luma could not be copied, and was compressed again; it is near its source."""
    NOT_PROVABLE = "not provable"
    """Coded with loss; what can be compared is right."""
    WRONG = "wrong"


@dataclass(frozen=True, slots=True)
class Finding:
    """What a comparison found."""

    verdict: Verdict = Verdict.PROVED
    reason: str | None = None
    """Why it is not proved."""

    def at(self, place: str) -> Finding:
        """The same, and where."""
        return Finding(self.verdict, f"{place}: {self.reason}") if self.reason else self


def wrong(reason: str) -> Finding:
    """A result that failed verification."""
    return Finding(Verdict.WRONG, reason)


def compare_stills(source: Path, result: Path, *, luma: Luma = Luma.SAME, max_megapixels: int | None = None) -> Finding:
    """Compare a photograph with its colored result; ``luma`` is what is on record of it, believed if the format can.

    Raises `InputError` where one of them cannot be read.
    """
    found = Finding()
    for page in itertools.count():
        before = open_still(source, page, max_megapixels=max_megapixels)
        after = open_still(result, page, max_megapixels=max_megapixels)
        if before.info.pages != after.info.pages:
            return wrong(f"has {after.info.pages} pages, its source {before.info.pages}")
        finding = _compare(before, after, luma if after.info.format in _MAY_BE_LOSSY else Luma.SAME)
        if before.info.pages > 1:
            finding = finding.at(f"page {page + 1}")
        if finding.verdict is Verdict.WRONG:
            return finding
        found = found if found.reason else finding
        if page + 1 == before.info.pages:
            break
    return found


def _compare(before: Still, after: Still, luma: Luma) -> Finding:
    was, now = _luma(before), _luma(after)
    if was.shape != now.shape:
        return wrong(f"is {_size(now)}, its source {_size(was)}")
    if before.pixels.float_y is not None and after.pixels.float_y is not None:
        tolerance = _FLOAT_TOLERANCE * white_of(before.pixels.float_y)
        return _Difference.of(before.pixels.float_y, after.pixels.float_y, tolerance).finding(Luma.SAME)
    if now.dtype == np.uint8:
        was = to_8_bit(was)
    elif was.dtype == np.uint8:
        return wrong("has 16 bit, its source 8")
    return _Difference.of(was, now, 0).finding(luma)


def _luma(still: Still) -> UIntArray:
    return still.orientation.to_upright(still.luma)


def _size(luma: UIntArray) -> str:
    return f"{luma.shape[1]} x {luma.shape[0]}"


@dataclass(frozen=True, slots=True)
class _Difference:
    """How far the luma of two pictures of one size is apart."""

    share: float
    """Of the pixels, those whose luma differs."""
    worst: float
    """In units of the result."""
    psnr_db: float

    @classmethod
    def of(cls, was: UIntArray | FloatArray, now: UIntArray | FloatArray, tolerance: float) -> _Difference:
        """Compare strip by strip: the difference of a whole picture would take several times its memory."""
        differing, worst, squares = 0, 0.0, 0.0
        for first in range(0, len(was), 256):
            off = np.abs(was[first : first + 256].astype(np.float64) - now[first : first + 256])
            differing += int((off > tolerance).sum())
            worst = max(worst, float(off.max(initial=0)))
            squares += float((off**2).sum())
        top = float(2 ** (8 * now.dtype.itemsize) - 1) if now.dtype.kind == "u" else 1.0
        return cls(differing / was.size, worst, 10 * log10(top**2 * was.size / squares) if squares else inf)

    def finding(self, luma: Luma) -> Finding:
        """What it means for a result of which that is on record."""
        if not self.share:
            return Finding()
        told = f"its luma differs in {self.share:.3%} of its pixels, by up to {self.worst:g}"
        if luma is Luma.SAME:
            return wrong(told)
        if self.psnr_db < _LEAST_PSNR_DB:
            return wrong(f"shows another picture than its source: {told} ({self.psnr_db:.1f} dB)")
        verdict = Verdict.RECODED if luma is Luma.RECODED else Verdict.NOT_PROVABLE
        return Finding(verdict, f"{luma}: {told} ({self.psnr_db:.1f} dB)")


def compare_films(source: Path, result: Path, *, named: tuple[str, ...] = ()) -> Finding:
    """Compare every frame of a film with its colored result, and everything that it carries beside them.

    What is missing and was ``named`` by the run, in the same words, is not held against it. Raises `InputError` where
    one of them cannot be read.
    """
    check = check_film(source, result)
    if check.reason:
        return wrong(check.reason)
    lost = ", ".join(thing for thing in check.lost if thing not in named)
    if lost:
        has = "has its source's luma" if check.proved else "shows its source"
        return wrong(f"{has}, but lacks {lost}")
    if check.proved:
        return Finding()
    near = "" if check.psnr_db is None else f"; every picture is its source's (at least {check.psnr_db:.0f} dB)"
    return Finding(Verdict.NOT_PROVABLE, f"{check.unproved}{near}")
