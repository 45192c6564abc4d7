"""Measuring a colorizer on film whose colors are known: how steady its colors are, and how right.

Every frame is colored as `archivecolor video` colors it, once with smoothing off and once with full, and compared at
the size that the generator sees. Three neighbors stand beside these: the truth, the gray film (the steadiest of all,
so steadiness alone proves nothing), and what a plain mean over nine frames makes of the chroma with smoothing off.

Decoding, coloring and measuring run in step, so memory is bounded by the smoother's lookahead.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, fields
from itertools import tee
from typing import Final

import numpy as np

from archivecolor import metrics
from archivecolor.chroma.film import FilmColorizer
from archivecolor.chroma.planes import ChromaGrid, chroma_beside
from archivecolor.color import FloatArray, rgb_to_lab
from archivecolor.errors import InputError
from archivecolor.evaluation.clip_sources import Clip, rgb_of
from archivecolor.film.form import PictureForm
from archivecolor.frames import network_size
from archivecolor.inference.engine import Engine
from archivecolor.settings import ColorSettings, Smoothing, SmoothingSettings

_MEAN_FRAMES: Final = 9
_TOP16: Final = np.float32((1 << 16) - 1)
_NEUTRAL16: Final = np.float32(1 << 15)
_THINNED: Final = (slice(None, None, 2), slice(None, None, 2))
"""The pixels whose color difference is computed: chroma is no finer."""


@dataclass(frozen=True, slots=True)
class Figures:
    """Of one way to color a clip."""

    warp_error: float
    """Mean squared a*, b* difference to the frame before, along the motion: `metrics.warp_error`."""
    cdc: float
    """`metrics.ColorConsistency`."""
    ciede2000: float
    """Mean color difference to the truth."""
    colorfulness: float


@dataclass(frozen=True, slots=True)
class ClipScores:
    """Figures of one clip, or the means over several."""

    truth: Figures
    gray: Figures
    off: Figures
    """Every frame by itself."""
    mean9: Figures
    """`off`, averaged over nine frames."""
    full: Figures
    """As `archivecolor video` makes it."""

    @property
    def below_off(self) -> float:
        """How many times lower than with smoothing off the warp error is."""
        return self.off.warp_error / self.full.warp_error if self.full.warp_error else math.inf

    @property
    def below_mean9(self) -> float:
        """How many times lower than that of a mean over nine frames the warp error is."""
        return self.mean9.warp_error / self.full.warp_error if self.full.warp_error else math.inf

    @property
    def cdc_of_truth(self) -> float:
        """CDC over the truth's: 1 changes as much over time as the truth does."""
        return self.full.cdc / self.truth.cdc if self.truth.cdc else math.inf

    def as_dict(self) -> dict[str, object]:
        """All figures, the derived ones too; None where one is infinite, which JSON cannot say."""
        ways = {way: {k: round(v, 6) for k, v in figures.items()} for way, figures in asdict(self).items()}
        derived = {
            "warp_error_below_off": self.below_off,
            "warp_error_below_mean9": self.below_mean9,
            "cdc_of_truth": self.cdc_of_truth,
        }
        return ways | {k: round(v, 4) if math.isfinite(v) else None for k, v in derived.items()}


def evaluate(
    clip: Clip,
    engine: Engine,
    color: ColorSettings | None = None,
    every: int = SmoothingSettings().every,
    advance: Callable[[], None] | None = None,
) -> ClipScores:
    """Color a clip and compare it with its truth; ``advance`` is called after each frame.

    ``every`` is for full smoothing: with smoothing off the generator sees each frame.
    """
    color = color or ColorSettings()
    size = _compared_size(clip.form, engine, color)
    grid = ChromaGrid(16, full_range=True, shift=(0, 0), weights=clip.form.weights)
    share = np.array((grid.weights[0], 1 - sum(grid.weights), grid.weights[1]), np.float32)

    def chroma(settings: SmoothingSettings) -> Iterator[FloatArray]:
        colorizer = FilmColorizer(engine, color, settings)
        return (ab for _, ab in colorizer.chroma(clip.pictures(), clip.form, clip.starts))

    off, again = tee(chroma(SmoothingSettings(Smoothing.OFF)))
    ways = zip(off, mean9(again, clip.starts), chroma(SmoothingSettings(Smoothing.FULL, every)), strict=True)
    tracks = [_Track() for _ in fields(ClipScores)]
    luma_before: FloatArray | None = None
    for index, (truth, abs_) in enumerate(zip(clip.truth(size), ways, strict=True)):
        luma = np.asarray(truth @ share, np.float32)
        lab = rgb_to_lab(truth)
        motion = None
        if luma_before is not None and index not in clip.starts:
            motion = metrics.seen_motion(*(np.rint(y * 255).astype(np.uint8) for y in (luma_before, luma)))
        luma_before = luma
        gray = np.repeat(luma[..., None], 3, axis=-1)
        for track, rgb in zip(tracks, (truth, gray, *(_laid_beside(luma, ab, grid) for ab in abs_)), strict=True):
            track.push(rgb, lab, motion)
        if advance:
            advance()
    return ClipScores(*(track.figures() for track in tracks))


def mean(scores: list[ClipScores]) -> ClipScores:
    """Mean of each figure over clips. Raises `InputError` when there are none."""
    if not scores:
        raise InputError("no clip in color was found to evaluate on")

    def over(way: str) -> Figures:
        tables = [asdict(getattr(s, way)) for s in scores]
        return Figures(**{k: float(np.mean([t[k] for t in tables])) for k in tables[0]})

    return ClipScores(*(over(way) for way in asdict(scores[0])))


def mean9(planes: Iterable[FloatArray], starts: frozenset[int]) -> Iterator[FloatArray]:
    """Each frame's chroma averaged with that of four frames before and four after, inside its shot."""
    reach = _MEAN_FRAMES // 2
    shot: deque[FloatArray] = deque()
    ahead = 0  # frames at the end of ``shot`` that have not been given yet

    def averaged(left: int) -> Iterator[FloatArray]:
        """Give frames until only ``left`` wait."""
        nonlocal ahead
        while ahead > left:
            here = len(shot) - ahead
            window = list(shot)[max(0, here - reach) : here + reach + 1]
            yield np.mean(window, axis=0, dtype=np.float32)
            ahead -= 1
            while len(shot) - ahead > reach:
                shot.popleft()

    for index, ab in enumerate(planes):
        if index in starts:
            yield from averaged(0)
            shot.clear()
        shot.append(ab)
        ahead += 1
        yield from averaged(reach)
    yield from averaged(0)


class _Track:
    """One way to color, followed through a clip."""

    def __init__(self) -> None:
        self._consistency = metrics.ColorConsistency()
        self._differences: list[float] = []
        self._colorfulness: list[float] = []
        self._warps: list[float] = []
        self._ab_before: FloatArray | None = None

    def push(self, rgb: FloatArray, lab_truth: FloatArray, motion: metrics.SeenMotion | None) -> None:
        """Take the next frame; ``motion`` None starts a shot."""
        lab = rgb_to_lab(rgb)
        self._differences.append(float(metrics.ciede2000(lab[_THINNED], lab_truth[_THINNED]).mean()))
        coded = np.rint(rgb * 255).astype(np.uint8)
        self._colorfulness.append(metrics.colorfulness(coded))
        if motion is None:
            self._consistency.cut()
        elif self._ab_before is not None and motion.seen.any():
            self._warps.append(metrics.warp_error(self._ab_before, lab[..., 1:], motion))
        self._consistency.push(coded)
        self._ab_before = lab[..., 1:]

    def figures(self) -> Figures:
        """Means over the frames."""
        warp = float(np.mean(self._warps)) if self._warps else 0.0
        return Figures(
            warp, self._consistency.value, float(np.mean(self._differences)), float(np.mean(self._colorfulness))
        )


def _compared_size(form: PictureForm, engine: Engine, color: ColorSettings) -> tuple[int, int]:
    """Height and width of what the generator sees, turned as the film is stored."""
    short, multiple = color.network_px or engine.folder.short_px, engine.folder.multiple
    across, down = form.sample_aspect.as_integer_ratio() if form.sample_aspect else (1, 1)
    return network_size(form.height * down, form.width * across, short, multiple)


def _laid_beside(luma: FloatArray, ab: FloatArray, grid: ChromaGrid) -> FloatArray:
    """RGB of ``[h, w]`` luma and small chroma, made as film is, on a grid too fine to see."""
    codes = np.rint(luma * _TOP16).astype(np.uint16)
    cb, cr = chroma_beside(codes, ab, grid, interlaced=False)
    unit_cb, unit_cr = ((p.astype(np.float32) - _NEUTRAL16) / _TOP16 for p in (cb, cr))
    return rgb_of(luma, unit_cb, unit_cr, grid.weights)
