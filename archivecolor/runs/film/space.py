"""Whether a disk has room for a film."""

from __future__ import annotations

import shutil
from typing import Final

from archivecolor.errors import OutputError
from archivecolor.runs.film.plan import FilmPlan
from archivecolor.sequences.coding import FrameCoding
from archivecolor.settings import FilmCodec

_BITS_A_PIXEL: Final = {FilmCodec.PRORES: 3.0, FilmCodec.FFV1: 5.0}
"""Upper estimates of what a pixel takes; of the other codecs `_USUAL_BITS`."""
_USUAL_BITS: Final = 0.5


def _bits_a_pixel(plan: FilmPlan) -> float:
    if isinstance(plan.encoding, FrameCoding):  # they are given their places, not copied
        return 0.0 if plan.encoding.kind == "JPEG" else 1.5 * plan.encoding.depth
    return _BITS_A_PIXEL.get(plan.encoding.codec, _USUAL_BITS)


def check_space(plan: FilmPlan, made_bytes: int) -> None:
    """Refuse a film for which there is too little, beside ``made_bytes`` of segments. Raises `OutputError`.

    Segments and the film they are joined into exist side by side for a while.
    """
    width, height = plan.size
    bits = _bits_a_pixel(plan) * width * height * plan.frames
    target = plan.request.target
    folder = next(p for p in (target.parent, *target.parent.parents) if p.exists())
    needed, free = int(2 * bits / 8) - made_bytes, shutil.disk_usage(folder).free
    if free < needed:
        raise OutputError(
            f"{folder}: {free >> 20:,} MB are free and up to {needed >> 20:,} MB may be needed", hint="make room"
        )
