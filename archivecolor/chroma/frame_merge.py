"""Chroma laid beside the luma of a scanned frame, in the frame's own coding: as `Colorizer.merge`, for any `Scale`.

Color is made as a display shows it, guided by the luma as a display shows it, and then coded as the frame is. In
integers the luma of the codes, in half floats the luminance, is the source's in every bit.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt

from archivecolor.chroma.network_input import shrink_codes
from archivecolor.chroma.upsample import ChromaUpsampler
from archivecolor.color import FloatArray, UIntArray, chroma_of, chroma_to_cbcr, merge_rows, rgb_beside
from archivecolor.film.form import PictureForm, unit_luma
from archivecolor.film.scale import Scale, density_of_display
from archivecolor.sequences import exr

_STRIP_PIXELS: Final = 1 << 16


def merge_frame(luma: UIntArray, ab: FloatArray, form: PictureForm) -> npt.NDArray[Any]:
    """``[h, w, 3]`` samples, uint8, uint16 or float16, of ``[h, w]`` luma codes and ``[h', w', 2]`` a*, b*.

    Rows are as stored; ``form`` is of full range.
    """
    shown, depth = form.as_shown(luma)
    small = unit_luma(shrink_codes(shown, ab.shape[:2]), depth, full=True)
    height, width = luma.shape
    upsampler = ChromaUpsampler(small, chroma_to_cbcr(small, ab), height, width)
    rgb = np.empty((height, width, 3), np.float16 if form.scale is Scale.LINEAR else luma.dtype)
    step = max(1, _STRIP_PIXELS // width)
    for first in range(0, height, step):
        rows = slice(first, first + step)
        y = unit_luma(shown[rows], depth, full=True)
        cb, cr = upsampler.rows(y, first)
        if form.scale is Scale.LINEAR:
            rgb[rows] = exr.lay(luma[rows], rgb_beside(y, cb, cr))
            continue
        if form.scale is Scale.DENSITY:
            cb, cr = chroma_of(density_of_display(rgb_beside(y, cb, cr)))
        rgb[rows] = merge_rows(luma[rows], cb, cr, form.depth)
    return rgb
