"""What time, film and scanners do to a photograph, drawn at random: the generator learns on what archives hold.

The input is a clean RGB crop, the output the luma that a scan of an old black-and-white print of it might have. Only
the luma is touched; the true chroma stays the target.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from archivecolor.color import KB, KG, KR, FloatArray
from train.damage import damage

_PANCHROMATIC = np.array([KR, KG, KB], dtype=np.float32)
# Rough responses of emulsions that see little or no red: skies go white, lips and red cloth dark
_ORTHOCHROMATIC = np.array([0.08, 0.52, 0.40], dtype=np.float32)
_BLUE_SENSITIVE = np.array([0.03, 0.27, 0.70], dtype=np.float32)


@dataclass(frozen=True, slots=True)
class Degradation:
    """Probability of each fault; 0 everywhere leaves the plain luma."""

    clean: float = 0.25
    """Pictures that stay as they are."""
    emulsion: float = 0.35
    tone: float = 0.6
    fading: float = 0.35
    vignette: float = 0.2
    blur: float = 0.35
    grain: float = 0.6
    scratches: float = 0.15
    dust: float = 0.15
    jpeg: float = 0.3
    damage: float = 0.0
    """Of each kind of damage to the print: see `train.damage`."""
    mount: float = 0.0
    """Pictures of which a part is the paper that they are mounted on."""


def degrade(rgb: FloatArray, rng: np.random.Generator, chances: Degradation) -> FloatArray:
    """Draw a degraded luma ``[h, w]`` in 0..1 for a clean sRGB crop ``[h, w, 3]`` in 0..1."""
    if rng.random() < chances.clean:
        return rgb @ _PANCHROMATIC
    y: FloatArray = rgb @ (_emulsion(rng) if rng.random() < chances.emulsion else _PANCHROMATIC)
    if rng.random() < chances.blur:
        y = _blur(y, rng.uniform(0.4, 1.6))
    if rng.random() < chances.tone:
        y = np.power(np.maximum(y, 0), np.float32(np.exp(rng.normal(0, 0.3))))
    if rng.random() < chances.vignette:
        y = y * _vignette(y.shape, rng)
    if rng.random() < chances.grain:
        y = y + _grain(y, rng)
    if rng.random() < chances.fading:
        black, white = rng.uniform(0, 0.3), rng.uniform(0.65, 1)
        y = np.float32(black) + y * np.float32(white - black)
    y = np.clip(_on_the_surface(y, rng, chances), 0, 1).astype(np.float32, copy=False)
    if rng.random() < chances.jpeg:
        y = _jpeg(y, rng)
    return y


def _on_the_surface(y: FloatArray, rng: np.random.Generator, chances: Degradation) -> FloatArray:
    if chances.damage:
        y = damage(y, rng, chances.damage)
    if rng.random() < chances.scratches:
        y = _scratch(y, rng)
    if rng.random() < chances.dust:
        y = _dust(y, rng)
    return y


def mount(rgb: FloatArray, rng: np.random.Generator) -> FloatArray:
    """Lay some of a crop's margins ``[h, w, 3]`` under paper, which is nearly gray, so that its true chroma is, too."""
    h, w = rgb.shape[:2]
    edges = rng.integers(0, 1 + np.array([h, h, w, w]) // 6) * (rng.random(4) < 0.5)
    top, bottom, left, right = (int(v) for v in edges)
    tint = np.array([1, rng.uniform(0.97, 1), rng.uniform(0.9, 1)])
    paper = np.clip(rng.uniform(0.1, 0.97) * tint + rng.normal(0, 0.01, (h, w, 1)), 0, 1).astype(np.float32)
    paper[top : h - bottom, left : w - right] = rgb[top : h - bottom, left : w - right]
    return paper


def _blur(plane: FloatArray, sigma: float) -> FloatArray:
    return np.asarray(cv2.GaussianBlur(plane, (0, 0), sigma), dtype=np.float32)


def _emulsion(rng: np.random.Generator) -> FloatArray:
    old = _ORTHOCHROMATIC if rng.random() < 0.7 else _BLUE_SENSITIVE
    share = np.float32(rng.uniform(0.2, 1))
    weights = _PANCHROMATIC * (1 - share) + old * share
    return np.asarray(weights / weights.sum(), dtype=np.float32)


def _vignette(shape: tuple[int, ...], rng: np.random.Generator) -> FloatArray:
    h, w = shape
    y, x = np.linspace(-1, 1, h)[:, None], np.linspace(-1, 1, w)
    return (1 - rng.uniform(0.1, 0.5) * (x * x + y * y) / 2).astype(np.float32)


def _grain(y: FloatArray, rng: np.random.Generator) -> FloatArray:
    noise = rng.standard_normal(y.shape, dtype=np.float32)
    if rng.random() < 0.7:
        noise = _blur(noise, rng.uniform(0.5, 1.2))
        noise /= noise.std() + 1e-6
    # Silver grain is strongest in the mid-tones
    return noise * np.float32(rng.uniform(0.01, 0.09)) * (0.4 + 2.4 * y * (1 - y)).astype(np.float32)


def _scratch(y: FloatArray, rng: np.random.Generator) -> FloatArray:
    h, w = y.shape
    mask = np.zeros_like(y)
    for _ in range(rng.integers(1, 5)):
        x = int(rng.integers(0, w))
        top, bottom = sorted(int(v) for v in rng.integers(-h // 2, h + h // 2, 2))
        cv2.line(mask, (x, top), (x + int(rng.integers(-6, 7)), bottom), float(rng.uniform(0.3, 1)), 1, cv2.LINE_AA)
    return y * (1 - mask) + mask * np.float32(rng.choice((0.0, 1.0)))


def _dust(y: FloatArray, rng: np.random.Generator) -> FloatArray:
    h, w = y.shape
    mask = np.zeros_like(y)
    for _ in range(rng.integers(2, 16)):
        center = int(rng.integers(0, w)), int(rng.integers(0, h))
        axes = int(rng.integers(1, 4)), int(rng.integers(1, 3))
        cv2.ellipse(mask, center, axes, float(rng.uniform(0, 180)), 0, 360, float(rng.uniform(0.4, 1)), -1, cv2.LINE_AA)
    return y * (1 - mask) + mask * np.float32(rng.choice((0.05, 0.95)))


def _jpeg(y: FloatArray, rng: np.random.Generator) -> FloatArray:
    ok, coded = cv2.imencode(
        ".jpg", np.rint(y * 255).astype(np.uint8), [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(25, 90))]
    )
    if not ok:
        raise RuntimeError("OpenCV could not encode a JPEG")
    return np.asarray(cv2.imdecode(coded, cv2.IMREAD_GRAYSCALE), dtype=np.float32) / np.float32(255)
