"""How far a coloring is from the truth, and how colorful it is. Pure functions over arrays."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.floating]
Numbers = npt.NDArray[np.floating | np.integer]
UInt8 = npt.NDArray[np.uint8]


def ciede2000(lab1: Floats, lab2: Floats) -> Floats:
    """CIEDE2000 color difference of ``[..., 3]`` L*a*b* pairs.

    Sharma, Wu, Dalal (2005), 'The CIEDE2000 Color-Difference Formula', equations 2 to 22; k_L = k_C = k_H = 1.
    """
    l1, a1, b1 = (lab1[..., i].astype(np.float64) for i in range(3))
    l2, a2, b2 = (lab2[..., i].astype(np.float64) for i in range(3))
    mean_c7 = ((np.hypot(a1, b1) + np.hypot(a2, b2)) / 2) ** 7
    g = 0.5 * (1 - np.sqrt(mean_c7 / (mean_c7 + 25.0**7)))
    a1, a2 = (1 + g) * a1, (1 + g) * a2
    c1, c2 = np.hypot(a1, b1), np.hypot(a2, b2)
    h1, h2 = np.arctan2(b1, a1) % (2 * np.pi), np.arctan2(b2, a2) % (2 * np.pi)
    chromatic = c1 * c2 != 0
    apart, both = h2 - h1, h1 + h2
    turns = np.where(np.abs(apart) <= np.pi, 0.0, -2 * np.pi * np.sign(apart))
    dh = np.where(chromatic, apart + turns, 0.0)
    # The mean hue lies on the shorter arc; of an achromatic pair it is the sum (footnote to equation 14)
    half_turn = np.where(turns == 0, 0.0, np.where(both < 2 * np.pi, np.pi, -np.pi))
    h_mean = np.where(chromatic, both / 2 + half_turn, both)
    dl, dc = l2 - l1, c2 - c1
    dh_big = 2 * np.sqrt(c1 * c2) * np.sin(dh / 2)
    l_mean, c_mean = (l1 + l2) / 2, (c1 + c2) / 2
    t = (
        1
        - 0.17 * np.cos(h_mean - np.radians(30))
        + 0.24 * np.cos(2 * h_mean)
        + 0.32 * np.cos(3 * h_mean + np.radians(6))
        - 0.20 * np.cos(4 * h_mean - np.radians(63))
    )
    theta = np.radians(30) * np.exp(-(((np.degrees(h_mean) - 275) / 25) ** 2))
    c7 = c_mean**7
    r_c = 2 * np.sqrt(c7 / (c7 + 25.0**7))
    s_l = 1 + 0.015 * (l_mean - 50) ** 2 / np.sqrt(20 + (l_mean - 50) ** 2)
    s_c, s_h = 1 + 0.045 * c_mean, 1 + 0.015 * c_mean * t
    r_t = -np.sin(2 * theta) * r_c
    dl, dc, dh_big = dl / s_l, dc / s_c, dh_big / s_h
    return np.asarray(np.sqrt(np.maximum(dl**2 + dc**2 + dh_big**2 + r_t * dc * dh_big, 0)))


def colorfulness(rgb: Numbers) -> float:
    """Colorfulness M of an sRGB picture ``[h, w, 3]`` in 0..255 (Hasler & Suesstrunk 2003, section 7)."""
    r, g, b = (rgb[..., i].astype(np.float64) for i in range(3))
    rg, yb = r - g, (r + g) / 2 - b
    return float(np.hypot(rg.std(), yb.std()) + 0.3 * np.hypot(rg.mean(), yb.mean()))


def psnr(rgb1: Numbers, rgb2: Numbers) -> float:
    """Peak signal-to-noise ratio in dB of two RGB pictures in 0..255; infinite where they are equal."""
    mse = float(np.mean((rgb1.astype(np.float64) - rgb2.astype(np.float64)) ** 2))
    return float("inf") if mse == 0 else float(10 * np.log10(255.0**2 / mse))


def mae(lab1: Floats, lab2: Floats) -> float:
    """Mean absolute error over all L*, a*, b* values, as the table of Nazeri et al. (2018) has it."""
    return float(np.mean(np.abs(lab1.astype(np.float64) - lab2.astype(np.float64))))


def accuracy(lab1: Floats, lab2: Floats, eps: float) -> float:
    """Share of pixels whose rounded L*, a* and b* all lie within a threshold (Nazeri et al. 2018, section 4).

    The threshold is ``eps`` percent of each channel's range: ``eps`` for L* (0..100), 2.2 ``eps`` for a*, b*.
    """
    d = np.abs(np.rint(lab1) - np.rint(lab2))
    near = (d[..., 0] <= eps) & (d[..., 1] <= 2.2 * eps) & (d[..., 2] <= 2.2 * eps)
    return float(near.mean())


_CDC_STEPS = (1, 2, 4)


class ColorConsistency:
    """CDC of a film's 8-bit RGB frames (Liu et al. 2021, 'Temporally consistent video colorization').

    Mean over channels, frames t and d in 1, 2, 4 of the Jensen-Shannon divergence (natural logarithm) between the
    histograms of frames t and t + d of one shot. 0 is steady; gray film is steadier than any color, so compare with
    the truth's. Frames come one by one; four histograms are kept.
    """

    def __init__(self) -> None:
        self._recent: deque[Floats] = deque(maxlen=max(_CDC_STEPS))
        self._sums = dict.fromkeys(_CDC_STEPS, 0.0)
        self._counts = dict.fromkeys(_CDC_STEPS, 0)

    def push(self, rgb: UInt8) -> None:
        """Take the next frame, ``[h, w, 3]``."""
        pixels = rgb.reshape(-1, 3)
        shares = np.stack([np.bincount(pixels[:, c], minlength=256) for c in range(3)]) / len(pixels)
        for d in _CDC_STEPS:
            if len(self._recent) >= d:
                self._sums[d] += float(np.mean(_jensen_shannon(self._recent[-d], shares)))
                self._counts[d] += 1
        self._recent.append(shares)

    def cut(self) -> None:
        """The next frame belongs to another shot."""
        self._recent.clear()

    @property
    def value(self) -> float:
        """The CDC so far; 0 where there are too few frames."""
        means = [self._sums[d] / self._counts[d] for d in _CDC_STEPS if self._counts[d]]
        return float(np.mean(means)) if means else 0.0


def color_distribution_consistency(frames: Iterable[UInt8]) -> float:
    """CDC of one shot's 8-bit RGB frames ``[h, w, 3]``: see `ColorConsistency`."""
    consistency = ColorConsistency()
    for frame in frames:
        consistency.push(frame)
    return consistency.value


def _jensen_shannon(p: Floats, q: Floats) -> Floats:
    """Divergence of distributions along the last axis (Lin 1991), in nats."""
    m = (p + q) / 2
    with np.errstate(divide="ignore", invalid="ignore"):
        terms = [np.where(x > 0, x * np.log(x / m), 0.0).sum(axis=-1) for x in (p, q)]
    return np.asarray((terms[0] + terms[1]) / 2)


@dataclass(frozen=True, slots=True)
class SeenMotion:
    """Where the pixels of a frame were in the frame before, and which of them both frames show."""

    where: npt.NDArray[np.float32]
    """``[h, w, 2]``: x, y in the frame before."""
    seen: npt.NDArray[np.bool_]
    """``[h, w]``"""


def seen_motion(luma_before: UInt8, luma: UInt8) -> SeenMotion:
    """Motion between two frames' 8-bit luma ``[h, w]``.

    Both frames show the pixels that optical flow forth and back brings home to within half a pixel and whose luma
    agrees to within 16 of 255 (as Lai et al. 2018, 'Learning blind video temporal consistency', mask occlusions). The
    flow is finer than the smoother's own.
    """
    luma_before, luma = np.ascontiguousarray(luma_before), np.ascontiguousarray(luma)  # OpenCV's flow takes no views
    flow = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    back = np.asarray(flow.calc(luma, luma_before, None), np.float32)  # type: ignore[call-overload]
    ahead = np.asarray(flow.calc(luma_before, luma, None), np.float32)  # type: ignore[call-overload]
    x, y = np.meshgrid(np.arange(luma.shape[1], dtype=np.float32), np.arange(luma.shape[0], dtype=np.float32))
    where = np.stack((x, y), axis=-1) + back
    h, w = luma.shape
    inside = (where >= 0).all(axis=-1) & (where[..., 0] <= w - 1) & (where[..., 1] <= h - 1)
    home = np.square(back + _warped(ahead, where)).sum(axis=-1) <= _HOME_PX**2
    same = np.abs(_warped(luma_before.astype(np.float32), where) - luma) <= _SAME_LUMA
    return SeenMotion(where, inside & home & same)


def warp_error(ab_before: Floats, ab: Floats, motion: SeenMotion) -> float:
    """Mean squared difference of ``[h, w, 2]`` a*, b* to the frame before, along the motion, where both frames show it.

    The warping error of Lai et al. (2018), on chroma. 0 where no pixel is seen in both.
    """
    if not motion.seen.any():
        return 0.0
    d = ab - _warped(ab_before.astype(np.float32), motion.where)
    return float(np.square(d[motion.seen]).sum(axis=-1).mean())


def chroma_warp_error(ab_before: Floats, ab: Floats, luma_before: UInt8, luma: UInt8) -> float:
    """`warp_error` along the motion of 8-bit luma ``[h, w]``."""
    return warp_error(ab_before, ab, seen_motion(luma_before, luma))


_HOME_PX = 0.5
_SAME_LUMA = 16


def _warped(picture: npt.NDArray[np.float32], where: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    warped = cv2.remap(picture, where, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)  # type: ignore[call-overload]
    return np.asarray(warped, np.float32)
