"""What happens to prints in drawers and albums: folds, cracks, tears, stains, and what retouchers did about them.

Each changes luma alone, so the generator learns to color across them.
"""

from __future__ import annotations

import cv2
import numpy as np

from archivecolor.color import FloatArray


def damage(y: FloatArray, rng: np.random.Generator, chance: float) -> FloatArray:
    """Draw each kind of damage with ``chance`` onto luma ``[h, w]``; may leave 0..1."""
    for kind in (_retouch, _stain, _crack, _fold, _tear):
        if rng.random() < chance:
            y = kind(y, rng)
    return y


def _across(y: FloatArray, rng: np.random.Generator) -> tuple[FloatArray, FloatArray]:
    """Distance of each pixel from a line through the picture, and its place along it, in pixels."""
    h, w = y.shape
    angle = rng.choice((0.0, np.pi / 2)) + rng.normal(0, 0.25)
    rows, columns = np.mgrid[:h, :w].astype(np.float32)
    rows -= np.float32(rng.uniform(0.1, 0.9) * h)
    columns -= np.float32(rng.uniform(0.1, 0.9) * w)
    sine, cosine = np.float32(np.sin(angle)), np.float32(np.cos(angle))
    return columns * sine - rows * cosine, columns * cosine + rows * sine


def _fold(y: FloatArray, rng: np.random.Generator) -> FloatArray:
    """A crease: one side shaded, the other lit, and emulsion broken off along it."""
    distance, along = _across(y, rng)
    distance = distance + np.float32(rng.uniform(0, 2)) * np.sin(along / np.float32(rng.uniform(6, 30)))
    width = np.float32(rng.uniform(1.5, 6))
    relief = distance / width * np.exp(-((distance / width) ** 2))
    broken = (np.abs(distance) < rng.uniform(0.5, 1.6)) & (_clouds(y, rng, 3) > rng.uniform(-1, 0.8))
    y = y + np.float32(rng.uniform(-0.4, 0.4)) * relief
    return _over(y, broken.astype(np.float32), rng.choice((0.95, 0.95, 0.1)))


def _crack(y: FloatArray, rng: np.random.Generator) -> FloatArray:
    """Thin lines that wander and branch, as in old emulsion and on glass."""
    h, w = y.shape
    mask = np.zeros_like(y)
    start, angle = rng.uniform(0, (w, h)), rng.uniform(0, 2 * np.pi)
    for _ in range(int(rng.integers(1, 5))):
        steps = int(rng.integers(6, 24))
        angles = angle + rng.normal(0, 0.35, steps).cumsum()
        stride = rng.uniform(2, 9, steps)
        path = start + np.stack((np.cos(angles), np.sin(angles)), axis=1).cumsum(axis=0) * stride[:, None]
        points = np.rint(path).astype(np.int32)[:, None]
        cv2.polylines(mask, [points], False, float(rng.uniform(0.5, 1)), int(rng.integers(1, 3)), cv2.LINE_AA)
        start, angle = path[int(rng.integers(0, steps))], rng.uniform(0, 2 * np.pi)
    return _over(y, mask, rng.choice((0.02, 0.95)))


def _tear(y: FloatArray, rng: np.random.Generator) -> FloatArray:
    """A corner or an edge gone, with the fibre of the paper along it."""
    distance, _ = _across(y, rng)
    distance = distance + np.float32(rng.uniform(1, 4)) * _clouds(y, rng, rng.uniform(2, 6))
    distance -= np.quantile(distance, rng.uniform(0.02, 0.15))
    fibre = ((distance < rng.uniform(0.5, 3)) & (distance >= 0)).astype(np.float32)
    y = _over(y, (distance < 0).astype(np.float32), rng.uniform(0, 1))
    return _over(y, fibre, rng.uniform(0.8, 1))


def _stain(y: FloatArray, rng: np.random.Generator) -> FloatArray:
    """A patch that water, foxing or chemistry made darker or paler, with a rim where it dried."""
    h, w = y.shape
    rows, columns = np.mgrid[:h, :w].astype(np.float32)
    center, radius = rng.uniform(0, (h, w)), rng.uniform(0.05, 0.4) * min(h, w)
    ragged = np.float32(0.25) * _clouds(y, rng, radius / 4 + 1)
    inside = 1 - np.hypot(rows - center[0], columns - center[1]).astype(np.float32) / np.float32(radius) + ragged
    patch = 1 / (1 + np.exp(np.clip(-inside * np.float32(rng.uniform(4, 30)), -30, 30)))
    rim = np.exp(-((inside / np.float32(0.08)) ** 2)) * np.float32(rng.uniform(0, 0.15))
    return np.asarray(y + patch * np.float32(rng.uniform(-0.3, 0.3)) - rim, np.float32)


def _retouch(y: FloatArray, rng: np.random.Generator) -> FloatArray:
    """Brushed over: short strokes inside which the picture is smooth and a little too light or too dark."""
    h, w = y.shape
    mask = np.zeros_like(y)
    for _ in range(int(rng.integers(1, 6))):
        x, top = int(rng.integers(0, w)), int(rng.integers(0, h))
        end = x + int(rng.integers(-w // 5, w // 5 + 1)), top + int(rng.integers(-h // 5, h // 5 + 1))
        cv2.line(mask, (x, top), end, 1.0, int(rng.integers(2, 8)), cv2.LINE_AA)
    soft = cv2.GaussianBlur(mask, (0, 0), 0.8)
    smooth = cv2.GaussianBlur(y, (0, 0), rng.uniform(2, 5)) + np.float32(rng.normal(0, 0.08))
    return np.asarray(y + soft * (smooth - y), np.float32)


def _clouds(y: FloatArray, rng: np.random.Generator, size: float) -> FloatArray:
    """Smooth noise of mean 0 and deviation 1."""
    noise = cv2.GaussianBlur(rng.standard_normal(y.shape, dtype=np.float32), (0, 0), size)
    return np.asarray(noise / (noise.std() + 1e-6), np.float32)


def _over(y: FloatArray, mask: FloatArray, value: float) -> FloatArray:
    return np.asarray(y + mask * (np.float32(value) - y), np.float32)
