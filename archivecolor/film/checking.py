"""A colored film against its source: what can be proved of it, and what is wrong with it.

Both are decoded anew. Of a lossless result every sample of luma must be the source's. Of a lossy one nothing is proved,
but much is checked: the number of frames, every timestamp, the bytes of every copied stream, and that each picture is
the source's, by the PSNR of luma averaged over blocks of 8 x 8, where coding loss is small and another picture is not.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Final

import cv2
import numpy as np

from archivecolor.color import UIntArray
from archivecolor.film.changes import luma_in
from archivecolor.film.form import PictureForm, form_of, luma_plane, unit_luma
from archivecolor.film.inventory import inventory, missing
from archivecolor.film.reading import decoded, opened, picture_stream

LEAST_PSNR_DB: Final = 20.0
"""Of averaged luma. On a grainy film H.264 at crf 51, the worst there is, keeps 25.8 dB; frames a second away have less
than 15, another film less still."""
_BLOCK_PX: Final = 8
_SAME_TIME_S: Final = Fraction(1, 900)
"""Containers keep milliseconds at least."""
_LOSSLESS: Final = "ffv1"


@dataclass(frozen=True, slots=True)
class FilmCheck:
    """What a check found."""

    frames: int
    proved: bool
    """Whether every sample of luma was compared, and is the source's."""
    reason: str | None = None
    """What is wrong; None where nothing is."""
    unproved: str | None = None
    """Why nothing is proved, of a film that nothing is wrong with."""
    psnr_db: float | None = None
    """The least of a frame, of averaged luma."""
    lost: tuple[str, ...] = ()
    """What the source carries beside its picture and the result does not, in words."""


@dataclass(frozen=True, slots=True)
class _Shown:
    """One frame of a film."""

    time_s: Fraction | None
    luma: UIntArray
    form: PictureForm
    codec: str


def check_film(source: Path, result: Path) -> FilmCheck:
    """Compare a whole film with its colored result. Raises `InputError` where one of them cannot be read."""
    least: float | None = None
    start: tuple[Fraction, Fraction] | None = None
    number, codec = 0, ""
    for number, (was, now) in enumerate(itertools.zip_longest(_frames(source), _frames(result)), 1):
        if was is None or now is None:
            return FilmCheck(
                number - 1, proved=False, reason=f"has {'more' if was is None else 'fewer'} frames than its source"
            )
        codec = now.codec
        if was.time_s is not None and now.time_s is not None:
            start = start or (was.time_s, now.time_s)
            off_s = (now.time_s - start[1]) - (was.time_s - start[0])
            if abs(off_s) > _SAME_TIME_S:
                return FilmCheck(
                    number, proved=False, reason=f"frame {number}: is shown {float(off_s):+.3f} s off its source's time"
                )
        luma = _part(now.luma, was.luma.shape)
        if luma is None:
            sizes = (f"{y.shape[1]} x {y.shape[0]}" for y in (now.luma, was.luma))
            return FilmCheck(number, proved=False, reason="frame {}: is {}, its source {}".format(number, *sizes))
        if codec == _LOSSLESS:
            wrong = _difference(was, now, luma)
        else:
            psnr = _psnr_db(was, now, luma)
            least = psnr if least is None else min(least, psnr)
            wrong = f"is another picture than its source's (PSNR {psnr:.1f} dB)" if psnr < LEAST_PSNR_DB else None
        if wrong:
            return FilmCheck(number, proved=False, reason=f"frame {number}: {wrong}", psnr_db=least)
    lost = missing(inventory(source), inventory(result), whole=True)
    changed = next((thing for thing in lost if " bytes of stream " in thing), None)
    if changed:
        return FilmCheck(number, proved=False, reason=f"lacks {changed}", psnr_db=least, lost=lost)
    proved = codec == _LOSSLESS
    why = None if proved else f"{codec} is lossy: luma is coded again"
    return FilmCheck(number, proved=proved, unproved=why, psnr_db=least, lost=lost)


def _frames(path: Path) -> Iterator[_Shown]:
    with opened(path) as container:
        stream = picture_stream(container, path)
        for frame in decoded(container, stream, None):
            time = None if frame.pts is None or stream.time_base is None else frame.pts * stream.time_base
            yield _Shown(time, luma_plane(frame), form_of(stream, frame), stream.codec_context.name)


def _part(luma: UIntArray, size: tuple[int, ...]) -> UIntArray | None:
    """The part of a result's luma that is the source's: one of two pictures, or without what made its sides even."""
    height, width = size
    even = (height + height % 2, width + width % 2)
    beside = [(h, 2 * w) for h, w in (size, even)] + [(2 * h, w) for h, w in (size, even)]
    return luma[:height, :width] if luma.shape in ((height, width), even, *beside) else None


def _difference(was: _Shown, now: _Shown, luma: UIntArray) -> str | None:
    """How the luma of a lossless result differs; a source's may be narrower, and is widened."""
    if (was.form.depth, was.form.full_range) != (now.form.depth, now.form.full_range):
        if now.form.depth < was.form.depth:
            return f"has {now.form.depth} bit, its source {was.form.depth}"
        if now.form.full_range is not was.form.full_range:
            return "has another range of luma than its source"
    off = np.abs(luma_in(was.luma, was.form, now.form).astype(np.int32) - luma)
    worst = int(off.max(initial=0))
    return f"its luma differs in {(off > 0).mean():.3%} of its pixels, by up to {worst}" if worst else None


def _psnr_db(was: _Shown, now: _Shown, luma: UIntArray) -> float:
    """Of luma averaged over blocks."""
    shown = [unit_luma(y, form.depth, full=form.full_range) for y, form in ((was.luma, was.form), (luma, now.form))]
    height, width = was.luma.shape
    size = (max(1, width // _BLOCK_PX), max(1, height // _BLOCK_PX))
    one, other = (cv2.resize(y, size, interpolation=cv2.INTER_AREA) for y in shown)
    return float(-10 * np.log10(max(1e-10, float(np.mean(np.square(np.asarray(one) - np.asarray(other)))))))
