"""A colored film against its source: what can be proved of it, and what is wrong with it.

Both are decoded anew. Of a lossless result every sample of luma must be the source's. Of a lossy one nothing is proved,
but much is checked: the number of frames, every timestamp, the bytes of every copied stream, and that each picture is
the source's, by the PSNR of luma averaged over blocks of 8 x 8, where coding loss is small and another picture is not.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
from av.packet import Packet

from archivecolor.color import UIntArray
from archivecolor.film.alpha import alpha_as, alpha_depth, alpha_plane
from archivecolor.film.changes import luma_in
from archivecolor.film.codes import unit_luma
from archivecolor.film.damage import PicturePackets
from archivecolor.film.form import PictureForm, form_of, luma_plane
from archivecolor.film.inventory import inventory, missing
from archivecolor.film.reading import decoded, opened, picture_stream, usual_step
from archivecolor.film.times import repaired

LEAST_PSNR_DB: Final = 20.0
"""Of averaged luma. On a grainy film H.264 at crf 51, the worst there is, keeps 25.8 dB; frames a second away have less
than 15, another film less still."""
_BLOCK_PX: Final = 8
SAME_TIME_S: Final = Fraction(1, 600)
"""Containers keep milliseconds at least, and push a frame that would share one with another into the next."""
_LOSSLESS: Final = "ffv1"
"""Which codec, as FFmpeg names it."""


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

    luma: UIntArray
    form: PictureForm
    damaged: bool
    """Whether it need not decode to the same picture each time."""
    alpha: UIntArray | None


@dataclass(slots=True)
class _Reading:
    """A film that is read, frame by frame; what is known of it so far."""

    path: Path
    codec: str = ""
    base: Fraction = Fraction(1, 1000)
    step: int = 1
    """Between two frames, as the file says."""
    times: list[int | None] = field(default_factory=list)
    """As they are in the file."""
    damaged: int = 0

    def __iter__(self) -> Iterator[_Shown]:
        with opened(self.path) as container:
            stream = picture_stream(container, self.path)
            self.codec, self.base = stream.codec_context.name, stream.time_base or self.base
            self.step = usual_step(stream)
            packets, bad, last = PicturePackets(stream), False, -1
            failed: list[str] = []
            see = partial(_see, packets, stream.index)
            for frame in decoded(container, stream, lambda _, text: failed.append(text), see):
                # Pictures behind a damaged one, which need not come out itself, may be made from it
                now = last if frame.pts is None else frame.pts
                damage = failed or any(time is None or last < time <= now for time in packets.damaged)
                bad = frame.is_corrupt or bool(damage) or (bad and not frame.key_frame)
                failed.clear()
                last = now
                self.damaged += bad
                self.times.append(frame.pts if frame.pts is not None else frame.dts)
                form = form_of(stream, frame)
                yield _Shown(luma_plane(frame), form, bad, alpha_plane(frame) if form.has_alpha else None)

    @property
    def times_s(self) -> list[Fraction]:
        """When frames are shown, from the first on, as a run takes them that mends what is wrong."""
        times = repaired(self.times, self.step)[0]
        return [(time - times[0]) * self.base for time in times]


def _see(packets: PicturePackets, picture: int, packet: Packet[Any]) -> None:
    if packet.stream_index == picture:
        packets.see(packet)


def lumas_of(result: Path) -> Iterator[tuple[UIntArray, PictureForm]]:
    """Luma of each frame of a film, and the form that it has. Raises `InputError` where it cannot be read."""
    return ((shown.luma, shown.form) for shown in _Reading(result))


def check_film(source: Path, result: Path) -> FilmCheck:
    """Compare a whole film with its colored result. Raises `InputError` where one of them cannot be read."""
    least: float | None = None
    before, after = _Reading(source), _Reading(result)
    for number, (was, now) in enumerate(itertools.zip_longest(before, after), 1):
        if was is None or now is None:
            return _wrong(number - 1, f"has {'more' if was is None else 'fewer'} frames than its source")
        luma = _part(now.luma, was.luma.shape)
        if luma is None:
            sizes = (f"{y.shape[1]} x {y.shape[0]}" for y in (now.luma, was.luma))
            return _wrong(number, "frame {}: is {}, its source {}".format(number, *sizes))
        if was.damaged:
            continue
        if after.codec == _LOSSLESS:
            wrong = _difference(was, now, luma) or _other_alpha(was, now)
        else:
            psnr = _psnr_db(was, now, luma)
            least = psnr if least is None else min(least, psnr)
            wrong = f"is another picture than its source's (PSNR {psnr:.1f} dB)" if psnr < LEAST_PSNR_DB else None
        if wrong:
            return _wrong(number, f"frame {number}: {wrong}", least)
    count = len(before.times)
    off = _other_time(before, after)
    if off:
        return _wrong(count, off, least)
    lost = missing(inventory(source), inventory(result), whole=True)
    why = None
    if after.codec != _LOSSLESS:
        why = f"{after.codec} is lossy: luma is coded again"
    elif before.damaged:
        why = f"{before.damaged} frames of the source are damaged and decode to something else each time"
    return FilmCheck(count, proved=why is None, unproved=why, psnr_db=least, lost=lost)


def _other_time(before: _Reading, after: _Reading) -> str | None:
    for number, (was_s, now_s) in enumerate(zip(before.times_s, after.times_s, strict=True), 1):
        if abs(now_s - was_s) > SAME_TIME_S:
            return f"frame {number}: is shown {float(now_s - was_s):+.3f} s off its source's time"
    return None


def _wrong(frames: int, reason: str, psnr_db: float | None = None) -> FilmCheck:
    return FilmCheck(frames, proved=False, reason=reason, psnr_db=psnr_db)


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


def _other_alpha(was: _Shown, now: _Shown) -> str | None:
    """How the opacity of a lossless result differs, where it has any."""
    depths = [alpha_depth(shown.form.pixel_format) for shown in (was, now)]
    if was.alpha is None or now.alpha is None or depths[0] is None or depths[1] is None:
        return None
    part = _part(now.alpha, was.alpha.shape)
    same = part is not None and np.array_equal(alpha_as(was.alpha, depths[0], depths[1]), part)
    return None if same else "its alpha channel is not its source's"


def _psnr_db(was: _Shown, now: _Shown, luma: UIntArray) -> float:
    """Of luma averaged over blocks."""
    shown = [unit_luma(y, form.depth, full=form.full_range) for y, form in ((was.luma, was.form), (luma, now.form))]
    height, width = was.luma.shape
    size = (max(1, width // _BLOCK_PX), max(1, height // _BLOCK_PX))
    one, other = (cv2.resize(y, size, interpolation=cv2.INTER_AREA) for y in shown)
    return float(-10 * np.log10(max(1e-10, float(np.mean(np.square(np.asarray(one) - np.asarray(other)))))))
