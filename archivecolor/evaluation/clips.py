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
from pathlib import Path
from typing import Final, Protocol

import cv2
import numpy as np

from archivecolor import metrics
from archivecolor.chroma.film import FilmColorizer, Picture, Scan, scan
from archivecolor.chroma.planes import ChromaGrid, chroma_beside
from archivecolor.chroma.shots import CutDetector
from archivecolor.color import FloatArray, UIntArray, luma_of, rgb_to_lab
from archivecolor.errors import InputError
from archivecolor.evaluation.sources import pictures
from archivecolor.film.form import PictureForm, chroma_planes, luma_plane, unit_luma
from archivecolor.film.reading import frames
from archivecolor.frames import network_size
from archivecolor.inference.engine import Engine
from archivecolor.settings import ColorSettings, Smoothing, SmoothingSettings

_MEAN_FRAMES: Final = 9
_TOP16: Final = np.float32((1 << 16) - 1)
_NEUTRAL16: Final = np.float32(1 << 15)
_BT601: Final = 5
_THINNED: Final = (slice(None, None, 2), slice(None, None, 2))
"""The pixels whose color difference is computed: chroma is no finer."""


class Clip(Protocol):
    """A film whose colors are known. It can be read several times."""

    @property
    def path(self) -> Path:
        """Film or folder."""
        ...

    @property
    def form(self) -> PictureForm:
        """How `pictures` store their luma."""
        ...

    @property
    def starts(self) -> frozenset[int]:
        """Frames that begin a shot; 0 among them."""
        ...

    @property
    def count(self) -> int:
        """Frames."""
        ...

    def pictures(self) -> Iterator[Picture]:
        """The frames in gray."""
        ...

    def truth(self, size: tuple[int, int]) -> Iterator[FloatArray]:
        """The frames in color: RGB ``[h, w, 3]`` in 0..1 of that height and width, rows as stored."""
        ...


@dataclass(frozen=True, slots=True)
class FilmClip:
    """A film file."""

    path: Path
    scan: Scan

    @classmethod
    def open(cls, path: Path) -> FilmClip:
        """Read a film from end to end. Raises `InputError` when it cannot be read or has no color to compare with."""
        found = scan(path)
        if not found.film.colored:
            raise InputError(f"{path}: has no color to compare with")
        return cls(path, found)

    @property
    def form(self) -> PictureForm:
        """The film's own."""
        return self.scan.film.form

    @property
    def starts(self) -> frozenset[int]:
        """Frames that begin a shot."""
        return frozenset((0, *self.scan.cuts))

    @property
    def count(self) -> int:
        """Frames."""
        return len(self.scan.film.times)

    def pictures(self) -> Iterator[Picture]:
        """The frames in gray."""
        for index, frame in frames(self.path, self.scan.film, 0, self.count):
            yield Picture(index, luma_plane(frame), None)

    def truth(self, size: tuple[int, int]) -> Iterator[FloatArray]:
        """The frames in color, by the film's own matrix and range."""
        form = self.form
        full = form.full_range and not form.converted
        for _, frame in frames(self.path, self.scan.film, 0, self.count):
            y = _resized(unit_luma(luma_plane(frame), form.depth, full=form.full_range), size)
            stored = chroma_planes(frame)
            if stored is None:
                yield np.repeat(y[..., None], 3, axis=-1)
                continue
            cb, cr = ((_resized(p, size) - np.float32(128)) / np.float32(255 if full else 224) for p in stored)
            yield _rgb(y, cb, cr, form.weights)


@dataclass(frozen=True, slots=True)
class FrameFolder:
    """A folder of pictures that are a film's frames, in order of their names."""

    path: Path
    files: tuple[Path, ...]
    form: PictureForm
    starts: frozenset[int]

    @classmethod
    def open(cls, path: Path) -> FrameFolder:
        """Read the pictures. Raises `InputError` when one is damaged or of another size, or none has color."""
        files = tuple(pictures(path))
        detector = CutDetector()
        size: tuple[int, ...] = ()
        colored = False
        for file in files:
            rgb = _decoded(file)
            if size and rgb.shape != size:
                raise InputError(
                    f"{file}: is {rgb.shape[1]} x {rgb.shape[0]}, the frames before it {size[1]} x {size[0]}"
                )
            size = rgb.shape
            colored = colored or bool(np.ptp(rgb, axis=2).any())
            detector.push(np.asarray(luma_of(rgb), np.uint8))
        if not colored:
            raise InputError(f"{path}: has no color to compare with")
        form = PictureForm(
            width=size[1],
            height=size[0],
            depth=8,
            full_range=True,
            matrix=_BT601,
            primaries=_BT601,
            transfer=_BT601,
            chroma_shift=(0, 0),
            sample_aspect=None,
            field_order=0,
            display_matrix=None,
            pixel_format="rgb24",
            converted=True,
        )
        return cls(path, files, form, frozenset((0, *detector.cuts())))

    @property
    def count(self) -> int:
        """Frames."""
        return len(self.files)

    def pictures(self) -> Iterator[Picture]:
        """The frames in gray."""
        for index, file in enumerate(self.files):
            yield Picture(index, luma_of(_decoded(file)), parity=None)

    def truth(self, size: tuple[int, int]) -> Iterator[FloatArray]:
        """The frames in color."""
        for file in self.files:
            yield _resized(_decoded(file), size) / np.float32(255)


def open_clip(path: Path) -> Clip:
    """A film file, or a folder of frames. Raises `InputError` where there is nothing to compare with, or over time."""
    clip: Clip = FrameFolder.open(path) if path.is_dir() else FilmClip.open(path)
    if clip.count < 2:
        raise InputError(f"{path}: has only one frame, which cannot flicker")
    return clip


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
    return _rgb(luma, unit_cb, unit_cr, grid.weights)


def _rgb(y: FloatArray, cb: FloatArray, cr: FloatArray, weights: tuple[float, float]) -> FloatArray:
    """R, G, B of Y', Cb, Cr (ITU-T H.273, 8.3: non-constant luminance), clipped."""
    kr, kb = weights
    r, b = y + np.float32(2 * (1 - kr)) * cr, y + np.float32(2 * (1 - kb)) * cb
    g = (y - np.float32(kr) * r - np.float32(kb) * b) / np.float32(1 - kr - kb)
    return np.asarray(np.clip(np.stack((r, g, b), axis=-1), 0, 1), np.float32)


def _resized(picture: UIntArray | FloatArray, size: tuple[int, int]) -> FloatArray:
    made = cv2.resize(picture.astype(np.float32), size[::-1], interpolation=cv2.INTER_AREA)
    return np.asarray(made, np.float32)


def _decoded(path: Path) -> UIntArray:
    rgb = cv2.imread(str(path), cv2.IMREAD_COLOR_RGB)
    if rgb is None:
        raise InputError(f"{path}: is not a picture that can be decoded")
    return np.asarray(rgb, np.uint8)
