"""Which pictures are color photographs worth learning from, and the size that they are kept at.

Judged on a small copy: grey, toned (chroma that is nothing but a function of lightness), dull (no contrast, hardly
lit, or nowhere any color), graphics (few distinct colors, or one flat ground).
"""

from __future__ import annotations

import io
import warnings
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image, UnidentifiedImageError

from train.gathering import plates
from train.gathering.sources import Change, Source

Picture: TypeAlias = npt.NDArray[np.uint8]
"""``[h, w, 3]`` of sRGB."""

SHORT_PX, LONG_PX = 224, 448
SMALLEST_PX = 150
LONGEST = 2.5
_QUALITY = 75
_MOST_PX = 80_000_000


class Unfit(StrEnum):
    """Why a picture is left out."""

    ABSENT = "absent from the repository"
    BROKEN = "cannot be decoded"
    SMALL = "too small"
    LONG = "too long"
    GREY = "grey"
    TONED = "toned"
    DULL = "dull"
    GRAPHIC = "graphics"
    NAMED = "had by name"
    EVALUATED = "resembles an evaluation picture"
    TWIN = "twin of another"


@dataclass(frozen=True, slots=True)
class Measures:
    """What a picture is judged by."""

    chroma: float
    """Mean chroma."""
    vivid: float
    """The chroma that one pixel in twenty exceeds."""
    contrast: float
    """Standard deviation of L*."""
    lightness: float
    residue: float
    """How far chroma is from a function of lightness, RMS."""
    colors: int
    """Distinct colors of 4,096 pixels, 32 levels a channel."""
    ground: float
    """The share of pixels that have the commonest of these colors."""


def sift(coded: bytes, source: Source) -> Picture | Unfit:
    """The photograph at the size it is kept at, or what keeps it out."""
    picture = _decoded(coded, source)
    if isinstance(picture, Unfit):
        return picture
    changed = _changed(picture, source)
    if changed is None:
        return Unfit.BROKEN
    h, w = changed.shape[:2]
    if min(h, w) < SMALLEST_PX:
        return Unfit.SMALL
    if max(h, w) > LONGEST * min(h, w):
        return Unfit.LONG
    kept = shrunk(changed)
    return judge(measured(kept)) or kept


def encoded(picture: Picture) -> bytes:
    """The picture as it is kept."""
    out = io.BytesIO()
    Image.fromarray(picture).save(out, "WEBP", quality=_QUALITY, method=0)
    return out.getvalue()


def _decoded(coded: bytes, source: Source) -> Picture | Unfit:
    """Decode at no more than is needed: a large JPEG at a half, a quarter or an eighth."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(io.BytesIO(coded)) as header:
                size, mode, kind = header.size, header.mode, header.format
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError):
        return Unfit.BROKEN
    if min(size) < SMALLEST_PX:
        return Unfit.SMALL
    if mode in _GREY_MODES and source.change is not Change.PLATES:
        return Unfit.GREY
    if size[0] * size[1] > _MOST_PX:
        return Unfit.BROKEN
    flag = next(
        (flag for by, flag in _REDUCED if kind == "JPEG" and min(size) >= 1.05 * SHORT_PX * by),
        cv2.IMREAD_COLOR_RGB,
    )
    try:
        picture = cv2.imdecode(np.frombuffer(coded, np.uint8), flag)
    except cv2.error:
        return Unfit.BROKEN
    if picture is None:
        return Unfit.BROKEN
    return np.asarray(picture if flag == cv2.IMREAD_COLOR_RGB else picture[..., ::-1], dtype=np.uint8)


_GREY_MODES = {"1", "L", "LA", "I", "I;16", "F"}
_REDUCED = (
    (8, cv2.IMREAD_REDUCED_COLOR_8),
    (4, cv2.IMREAD_REDUCED_COLOR_4),
    (2, cv2.IMREAD_REDUCED_COLOR_2),
)


def _changed(picture: Picture, source: Source) -> Picture | None:
    if source.change is Change.SWAPPED:
        picture = picture[..., ::-1]
    elif source.change is Change.SQUASHED:
        picture = unsquashed(picture)
    elif source.change is Change.LETTERBOX:
        picture = without_black(picture)
    elif source.change is Change.FILM:
        picture = plates.balanced(plates.without_border(picture, 0.05))
    elif source.change is Change.PLATES:
        together = plates.together(np.asarray(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), np.uint8))
        if together is None:
            return None
        picture = together
    if source.centre < 1:
        picture = plates.without_border(picture, (1 - source.centre) / 2)
    return np.ascontiguousarray(picture)


def unsquashed(picture: Picture) -> Picture:
    """Undo squashing to a square: the way along which there are more edges was the longer one. Nothing is enlarged."""
    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY).astype(np.float32)
    across, down = np.abs(np.diff(grey, axis=1)).mean(), np.abs(np.diff(grey, axis=0)).mean()
    h, w = picture.shape[:2]
    size = (w, round(h * 3 / 4)) if across > down else (round(w * 3 / 4), h)
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)


def without_black(picture: Picture) -> Picture:
    """Cut rows and columns off the ends that hold next to nothing, and two pixels more."""
    lit = picture.max(axis=2) > 16
    rows, columns = np.flatnonzero(lit.mean(axis=1) > 0.1), np.flatnonzero(lit.mean(axis=0) > 0.1)
    if not len(rows) or not len(columns):
        return picture
    top, left = rows[0] + 2 * bool(rows[0]), columns[0] + 2 * bool(columns[0])
    bottom, right = rows[-1] + 1, columns[-1] + 1
    bottom, right = bottom - 2 * (bottom < picture.shape[0]), right - 2 * (right < picture.shape[1])
    return picture[top:bottom, left:right]


def shrunk(picture: Picture) -> Picture:
    """At most `SHORT_PX` by `LONG_PX`; smaller ones stay."""
    h, w = picture.shape[:2]
    scale = min(SHORT_PX / min(h, w), LONG_PX / max(h, w))
    if scale >= 1:
        return picture
    size = (max(1, round(w * scale)), max(1, round(h * scale)))
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)


def measured(picture: Picture) -> Measures:
    """Measure a copy of 64 x 64."""
    small = cv2.resize(picture, (64, 64), interpolation=cv2.INTER_AREA).astype(np.float32) / 255
    lab = np.asarray(cv2.cvtColor(small, cv2.COLOR_RGB2LAB), np.float32).reshape(-1, 3)
    chroma = np.hypot(lab[:, 1], lab[:, 2])
    levels = cv2.resize(picture, (64, 64), interpolation=cv2.INTER_NEAREST).astype(np.int32).reshape(-1, 3) >> 3
    counts = np.bincount((levels[:, 0] << 10) | (levels[:, 1] << 5) | levels[:, 2], minlength=1 << 15)
    return Measures(
        float(chroma.mean()),
        float(np.percentile(chroma, 95)),
        float(lab[:, 0].std()),
        float(lab[:, 0].mean()),
        _residue(lab),
        int(np.count_nonzero(counts)),
        float(counts.max() / counts.sum()),
    )


def _residue(lab: npt.NDArray[np.float32]) -> float:
    """What a quadratic of L* leaves of a*, b*, RMS."""
    lightness = lab[:, 0] / 100
    powers = np.stack([np.ones_like(lightness), lightness, lightness**2], axis=1)
    fitted = np.linalg.solve(powers.T @ powers + 1e-3 * np.eye(3, dtype=np.float32), powers.T @ lab[:, 1:])
    return float(np.sqrt(np.mean(np.sum((lab[:, 1:] - powers @ fitted) ** 2, axis=1))))


def judge(m: Measures) -> Unfit | None:
    """What keeps a picture of these measures out, or None."""
    if m.chroma < 4:
        return Unfit.GREY
    if m.residue < 2.2:
        return Unfit.TONED
    if m.contrast < 9 or m.lightness < 12 or m.vivid < 9:
        return Unfit.DULL
    if m.colors < 150 or m.ground > 0.45:
        return Unfit.GRAPHIC
    return None
