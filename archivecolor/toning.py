"""Whether a picture is in color, or only gray, toned, faded or tinted here and there.

A toned print has one color for each lightness: its chroma lies on one smooth curve over L*. Fading and stains thin or
deepen that tone but keep its hue. So a cubic curve is fitted to chroma over L*, robustly, and a pixel that is farther
than `OFF_TONE` from everything between neutral and one and a half times the curve has a color of its own. What counts
is the share of such pixels.

Measured on pictures of `THUMBNAIL_PX`, with the thresholds below: of 300 color photographs 98.0 % are found (those
missed are nearly one-hued: glasses in a cellar, snow, a dusk). Of 20 real old photographs and film stills none is taken
for color; nor are 99.4 % of 500 photographs made gray, sepia, blue-toned, split-toned or stained, with the
chroma noise of a scanner and of a JPEG.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

import cv2
import numpy as np

from archivecolor.color import FloatArray, UIntArray, rgb_to_lab

THUMBNAIL_PX: Final = 96
"""Short side of the pictures that are judged: grain and the chroma noise of scanners average out."""

OFF_TONE: Final = 5.0
"""Distance from the tone, in units of a* and b*, that makes a color of its own."""

TINTED_SHARE: Final = 0.02
"""From this share of pixels with a color of their own on, a picture is not monochrome."""

COLOR_SHARE: Final = 0.15
"""From this share on it is a color picture throughout, and not one with color in places."""

NEUTRAL_CHROMA: Final = 2.5
"""Mean chroma below which a monochrome picture is gray to the eye, whatever scanned it."""

_SAMPLES: Final = 4
"""Pixels of a large picture that are averaged into one, in each direction."""

_DEEPEST: Final = 1.5
_ROBUST: Final = 4.0
_ROUNDS: Final = 4


class Tone(StrEnum):
    """What a picture's chroma is."""

    GRAY = "gray"
    """None, or as good as none."""
    TONED = "toned"
    """One tone: sepia, cyanotype, faded, yellowed."""
    TINTED = "in color in places"
    """Color in places: hand-tinted, a colored stamp or chart, a color photograph of something gray."""
    COLOR = "in color"
    """Color throughout."""

    @property
    def is_monochrome(self) -> bool:
        """Whether the picture has no colors besides its tone."""
        return self in (Tone.GRAY, Tone.TONED)


def thumbnail(rgb: UIntArray) -> UIntArray:
    """Shrink ``[H, W, 3]`` RGB to what `tone_of` judges: 8 bit, `THUMBNAIL_PX` on the short side."""
    short = min(rgb.shape[:2])
    step = max(1, short // (_SAMPLES * THUMBNAIL_PX))
    rgb = np.ascontiguousarray(rgb[::step, ::step])
    scale = THUMBNAIL_PX / min(rgb.shape[:2])
    if scale < 1:
        size = (max(1, round(rgb.shape[1] * scale)), max(1, round(rgb.shape[0] * scale)))
        rgb = np.asarray(cv2.resize(rgb, size, interpolation=cv2.INTER_AREA), dtype=rgb.dtype)
    return rgb if rgb.dtype == np.uint8 else (rgb >> 8).astype(np.uint8)


def tone_of(rgb: UIntArray) -> Tone:
    """Judge ``[h, w, 3]`` 8-bit RGB, shrunk by `thumbnail`."""
    lab = rgb_to_lab(rgb.reshape(-1, 3).astype(np.float32) / 255)
    share = float((_off_tone(lab[:, 0], lab[:, 1:]) > OFF_TONE).mean())
    if share >= COLOR_SHARE:
        return Tone.COLOR
    if share >= TINTED_SHARE:
        return Tone.TINTED
    chroma = np.hypot(lab[:, 1], lab[:, 2]).mean()
    return Tone.GRAY if chroma < NEUTRAL_CHROMA else Tone.TONED


def _off_tone(lightness: FloatArray, ab: FloatArray) -> FloatArray:
    """Distance of each ``[n, 2]`` chroma from the picture's tone, a segment that begins in neutral."""
    tone = _curve(lightness, ab)
    length = (tone * tone).sum(axis=1) + 1e-6
    depth = np.clip((ab * tone).sum(axis=1) / length, 0, _DEEPEST)
    distance = ab - depth[:, None] * tone
    return np.asarray(np.hypot(distance[:, 0], distance[:, 1]), dtype=np.float32)


def _curve(lightness: FloatArray, ab: FloatArray) -> FloatArray:
    """Chroma as a cubic of lightness, by reweighted least squares (Cauchy weights), at each pixel: ``[n, 2]``."""
    x = lightness / 50 - 1
    powers = np.stack((np.ones_like(x), x, x * x, x**3), axis=1)
    held = 1e-3 * len(x) * np.diag([0, 1, 1, 1]) + 1e-6 * np.eye(4)  # a picture of one lightness has no slope
    weights = np.ones_like(x)
    tone = np.zeros_like(ab)
    for _ in range(_ROUNDS):
        weighted = powers * weights[:, None]
        tone = powers @ np.linalg.solve(powers.T @ weighted + held, weighted.T @ ab)
        weights = 1 / (1 + ((ab - tone) ** 2).sum(axis=1) / _ROBUST**2)
    return np.asarray(tone, dtype=np.float32)
