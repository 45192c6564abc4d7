"""Chroma laid beside the luma of a scanned frame, in the frame's own coding: as `Colorizer.merge`, for any `Scale`.

Color is made as a display shows it, guided by the luma as a display shows it, and then coded as the frame is. In
integers the luma of the codes, in half floats the luminance, is the source's in every bit.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy.typing as npt

from archivecolor.chroma.network_input import shrink_codes
from archivecolor.chroma.upsample import ChromaUpsampler
from archivecolor.color import FloatArray, UIntArray, chroma_of, chroma_to_cbcr, merge_planes, rgb_beside
from archivecolor.film.codes import unit_luma
from archivecolor.film.form import PictureForm
from archivecolor.film.scale import Scale, density_of_display
from archivecolor.sequences import exr
from archivecolor.sequences.dpx_lines import STRIP_SAMPLES


def merged_strips(luma: UIntArray, ab: FloatArray, form: PictureForm) -> Iterator[npt.NDArray[Any]]:
    """Strips ``[n, w, 3]`` of samples, uint8, uint16 or float16, of ``[h, w]`` luma codes and ``[h', w', 2]`` a*, b*.

    Rows are as stored, each color's samples of integers behind each other; ``form`` is of full range.
    """
    shown, depth = form.as_shown(luma)
    small = unit_luma(shrink_codes(shown, ab.shape[:2]), depth, full=True)
    height, width = luma.shape
    upsampler = ChromaUpsampler(small, chroma_to_cbcr(small, ab), height, width)
    step = max(1, STRIP_SAMPLES // width)
    for first in range(0, height, step):
        rows = slice(first, first + step)
        y = unit_luma(shown[rows], depth, full=True)
        cb, cr = upsampler.rows(y, first)
        if form.scale is Scale.LINEAR:
            yield exr.lay(luma[rows], rgb_beside(y, cb, cr))
            continue
        if form.scale is Scale.DENSITY:
            cb, cr = chroma_of(density_of_display(rgb_beside(y, cb, cr)))
        yield merge_planes(luma[rows], cb, cr, form.depth).transpose(1, 2, 0)
