"""Color arithmetic: sRGB, CIE L*a*b*, luma, and the merge that keeps luma exact.

Two spaces meet here. The generator speaks CIE L*a*b* (D65); pictures are merged in Y'CbCr. 'Luma' is the BT.601 Y' of
sRGB-coded values, rounded to an integer: what JPEG stores and what Pillow's mode ``L`` computes.

Invariant: `merge_rows` returns integer RGB whose luma, computed by `luma_of`, equals the luma that went in, for every
pixel, at 8 and at 16 bit, and no channel is clipped.
"""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float32]
Floats = npt.NDArray[np.floating]
UIntArray = npt.NDArray[np.uint8 | np.uint16]

HINT_PLANES: Final = 3
"""Of chroma that is known in some places: a*, b*, and a mask that is 0 where nothing is."""

FEATURE_STRIDE: Final = 16
"""Pixels of what the network sees in a place of its features, in each direction."""

# ITU-R BT.601-7, section 2.5.1
KR: Final = 0.299
KG: Final = 0.587
KB: Final = 0.114
# The same, in the 16-bit fixed point that libjpeg and Pillow use. They add up to 65536, so gray keeps its value.
_KR16: Final = 19595
_KG16: Final = 38470
_KB16: Final = 7471

_TO_G: Final = (np.float32(-_KR16 / _KG16), np.float32(-_KB16 / _KG16))
_CB_TO_B: Final = 2 * (1 - KB)
_CR_TO_R: Final = 2 * (1 - KR)

# IEC 61966-2-1 with the D65 white of CIE 1931 2 degrees
_RGB_TO_XYZ: Final = np.array(
    [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]],
    dtype=np.float64,
)
_XYZ_TO_RGB: Final = np.linalg.inv(_RGB_TO_XYZ)
_WHITE: Final = _RGB_TO_XYZ.sum(axis=1)
_EPSILON: Final = 216 / 24389
_KAPPA: Final = 24389 / 27

_LAB_TO_F: Final = np.array([[1, 116 / 500, 0, 16], [1, 0, 0, 16], [1, 0, -116 / 200, 16]]) / 116


def _matmul(image: Floats, matrix: npt.NDArray[np.float64]) -> Floats:
    """``matrix`` times each pixel of ``[..., 3]``; its fourth column, if it has one, is added."""
    made = np.asarray(cv2.transform(image.reshape(-1, 1, 3), matrix), dtype=image.dtype)
    return made.reshape(image.shape)


def _chosen(v: Floats, bound: float, up_to: Floats, above: Floats) -> Floats:
    """``up_to`` where ``v`` does not exceed ``bound``, else ``above``, which is overwritten.

    As np.where, in a sixth of its time.
    """
    mask = (v.reshape(1, -1) <= bound).view(np.uint8)
    made = np.asarray(cv2.copyTo(up_to.reshape(1, -1), mask, above.reshape(1, -1)), dtype=above.dtype)
    return made.reshape(v.shape)


def srgb_to_linear(v: Floats) -> Floats:
    """Decode sRGB-coded values (IEC 61966-2-1). Odd around 0, so out-of-gamut values survive a round trip."""
    m = np.abs(v)
    linear = _chosen(m, 0.04045, m / 12.92, ((m + 0.055) / 1.055) ** 2.4)
    return np.asarray(np.copysign(linear, v), dtype=v.dtype)


def linear_to_srgb(v: Floats) -> Floats:
    """Encode linear values as sRGB; the inverse of `srgb_to_linear`, without clipping."""
    m = np.abs(v)
    coded = _chosen(m, 0.0031308, m * 12.92, 1.055 * m ** (1 / 2.4) - 0.055)
    return np.asarray(np.copysign(coded, v), dtype=v.dtype)


def rgb_to_lab(rgb: Floats) -> Floats:
    """Convert sRGB-coded ``[..., 3]`` in 0..1 to CIE L*a*b* (CIE 15:2018, D65), L* in 0..100."""
    xyz = _matmul(srgb_to_linear(rgb), _RGB_TO_XYZ / _WHITE[:, None])
    f = _chosen(xyz, _EPSILON, (_KAPPA * xyz + 16) / 116, np.cbrt(xyz))
    lab = np.stack((116 * f[..., 1] - 16, 500 * (f[..., 0] - f[..., 1]), 200 * (f[..., 1] - f[..., 2])), axis=-1)
    return lab.astype(rgb.dtype, copy=False)


def lab_to_rgb(lab: Floats) -> Floats:
    """Convert CIE L*a*b* ``[..., 3]`` to sRGB-coded values, *unclipped*: outside 0..1 where sRGB cannot show it."""
    f = _matmul(lab, _LAB_TO_F)
    cubed = f * f * f
    xyz = _chosen(cubed, _EPSILON, f * (116 / _KAPPA) - 16 / _KAPPA, cubed)
    return linear_to_srgb(_matmul(xyz, _XYZ_TO_RGB * _WHITE)).astype(lab.dtype, copy=False)


def gray_to_lightness(luma: Floats) -> Floats:
    """L* of a gray whose sRGB-coded value is ``luma`` (0..1)."""
    y = srgb_to_linear(luma)
    f = _chosen(y, _EPSILON, (_KAPPA * y + 16) / 116, np.cbrt(y))
    return (116 * f - 16).astype(luma.dtype, copy=False)


def rgb_to_luma(rgb: Floats) -> Floats:
    """BT.601 Y' of ``[..., 3]`` sRGB-coded values, in the unit of the input."""
    return np.asarray(rgb[..., 0] * KR + rgb[..., 1] * KG + rgb[..., 2] * KB, dtype=rgb.dtype)


def luma_of(rgb: UIntArray) -> UIntArray:
    """Integer luma of ``[..., 3]`` integer RGB: rounded BT.601 Y', bit for bit what libjpeg and Pillow's ``L`` give."""
    y = np.multiply(rgb[..., 0], _KR16, dtype=np.uint32)  # of 16 bit the sum just fits
    y += np.multiply(rgb[..., 1], _KG16, dtype=np.uint32)
    y += np.multiply(rgb[..., 2], _KB16, dtype=np.uint32)
    y += np.uint32(0x8000)
    return np.right_shift(y, 16, out=y).astype(rgb.dtype)


def chroma_to_cbcr(luma: FloatArray, ab: FloatArray, iterations: int = 4) -> FloatArray:
    """Turn ``[h, w, 2]`` a*, b* into ``[h, w, 2]`` Cb, Cr for pixels whose luma is ``[h, w]`` in 0..1.

    Colors of one L* differ in luma (blue is darker in Y' than in L*), so L* is found by the secant method such that
    the color's luma is the one given. Cb and Cr are in units where luma is 0..1; they may lie outside the gamut.
    """
    target = gray_to_lightness(luma)
    lab = np.concatenate((target[..., None], ab), axis=-1)
    rgb = lab_to_rgb(lab)
    error = target - gray_to_lightness(rgb_to_luma(rgb))
    step = error
    for _ in range(iterations):
        lab[..., 0] += step
        rgb = lab_to_rgb(lab)
        left = target - gray_to_lightness(rgb_to_luma(rgb))
        slope = np.where(np.abs(step) > 1e-3, (error - left) / np.where(step == 0, 1, step), 1)
        step, error = left / np.clip(slope, 0.2, 2), left
    y = rgb_to_luma(rgb)
    return np.stack(((rgb[..., 2] - y) / _CB_TO_B, (rgb[..., 0] - y) / _CR_TO_R), axis=-1).astype(np.float32)


def fitted(y: FloatArray, cb: FloatArray, cr: FloatArray, top: float = 1.0) -> tuple[FloatArray, FloatArray]:
    """R - Y' and B - Y' of Cb and Cr (luma's unit is 0..1) beside luma in 0..``top``, towards gray until they fit.

    Luma stays, and nothing is clipped.
    """
    # The fixed-point weights, not BT.601's own: at 16 bit the difference is a quarter of a step
    dr = cr * (np.float32(_CR_TO_R) * np.float32(top))
    db = cb * (np.float32(_CB_TO_B) * np.float32(top))
    dg = dr * _TO_G[0] + db * _TO_G[1]
    head = np.float32(top) - y
    # The largest s <= 1 for which -y <= s * d <= top - y in every channel
    up, down = np.maximum(dr, dg), np.minimum(dr, dg, out=dg)
    np.maximum(up, db, out=up)
    np.minimum(down, db, out=down)
    if (up > head).any() or (down < -y).any():
        tiny = np.float32(1e-12)
        scale = np.divide(head, np.maximum(up, tiny, out=up), out=up)
        np.minimum(scale, y / np.maximum(np.negative(down, out=down), tiny, out=down), out=scale)
        np.minimum(scale, np.float32(1), out=scale)
        dr *= scale
        db *= scale
    return dr, db


def merge_rows(luma: UIntArray, cb: FloatArray, cr: FloatArray, depth: int | None = None) -> UIntArray:
    """Lay chroma beside luma: ``[h, w]`` integer luma and Cb, Cr (luma's unit is 0..1) to ``[h, w, 3]`` integer RGB.

    ``depth`` is how many bits codes have, if not all of their type's. Out-of-gamut colors are moved towards gray at
    constant luma until they fit; nothing is clipped. R and B are rounded and G is then the integer that brings the luma
    back: one step of G moves Y' by 0.587, so a fitting integer always exists, and float32 is precise enough to find it
    at 16 bit.
    """
    return np.asarray(cv2.merge([*merge_planes(luma, cb, cr, depth)]), dtype=luma.dtype)


def merge_planes(luma: UIntArray, cb: FloatArray, cr: FloatArray, depth: int | None = None) -> UIntArray:
    """The red, green and blue, ``[3, h, w]``, of `merge_rows`."""
    top = float((1 << (depth or 8 * luma.itemsize)) - 1)
    y = luma.astype(np.float32)
    dr, db = fitted(y, cb, cr, top)
    red, blue = (np.rint(np.add(y, d, out=d), out=d) for d in (dr, db))
    green = np.rint(y + ((red - y) * _TO_G[0] + (blue - y) * _TO_G[1]))
    planes = np.empty((3, *luma.shape), luma.dtype)
    planes[0], planes[1], planes[2] = red, green, blue
    return planes


def chroma_of(rgb: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Cb and Cr of ``[..., 3]`` RGB, in the unit where its luma is from 0 to 1."""
    y = rgb_to_luma(rgb)
    cb, cr = (rgb[..., 2] - y) / _CB_TO_B, (rgb[..., 0] - y) / _CR_TO_R
    return cb.astype(np.float32, copy=False), cr.astype(np.float32, copy=False)


def rgb_beside(y: FloatArray, cb: FloatArray, cr: FloatArray) -> FloatArray:
    """``[h, w, 3]`` RGB in 0..1 of ``[h, w]`` luma and chroma, which is moved towards gray until it fits."""
    dr, db = fitted(y, cb, cr)
    return np.stack((y + dr, y + dr * _TO_G[0] + db * _TO_G[1], y + db), axis=-1)
