"""The plane of opacity that some films have beside their picture, carried as it is where the codec has one.

Opacity is full range whatever the picture is: at equal depth its samples are the same integers, a deeper plane holds
them scaled, from which the source's come back exactly.
"""

from __future__ import annotations

import re
from typing import Any, Final

import av
import numpy as np
import numpy.typing as npt
from av.video.frame import VideoFrame

from archivecolor.color import UIntArray
from archivecolor.film.codes import convert_luma
from archivecolor.film.scaler import reformatted

_WITH_ALPHA: Final = (2, 4)
"""Components of a format: gray or color, and opacity."""


def alpha_depth(pixel_format: str) -> int | None:
    """Bits of a sample of opacity; None of formats that have none. Samples of floating point count as 16 bit."""
    form = av.VideoFormat(pixel_format, 16, 16)
    return min(16, form.components[-1].bits) if len(form.components) in _WITH_ALPHA else None


def alpha_plane(frame: VideoFrame) -> UIntArray:
    """The opacity ``[h, w]`` of a decoded frame that has one, uint8 or uint16."""
    if re.search("f(16|32)", frame.format.name):
        frame = reformatted(frame, pixel_format="yuva444p16le")
    form = frame.format
    component = form.components[-1]
    plane = frame.planes[component.plane]
    order = ">" if form.is_big_endian else "<"
    dtype: npt.DTypeLike = np.dtype(f"{order}u2") if component.bits > 8 else np.uint8
    rows: npt.NDArray[Any] = np.frombuffer(plane, dtype).reshape(plane.height, -1)  # type: ignore[call-overload]
    beside = [c for c in form.components if c.plane == component.plane]
    step = len(beside)  # packed: its letter in the format's name says where it stands
    first = re.match("[a-z]+", form.name)[0].index("a") if step > 1 else 0  # type: ignore[index]
    return np.ascontiguousarray(
        rows[:, first : frame.width * step : step], dtype=np.uint8 if component.bits <= 8 else "u2"
    )


def alpha_as(alpha: UIntArray, depth: int, target: int) -> UIntArray:
    """Opacity of ``depth`` bits in ``target`` bits; exact where those are no fewer."""
    return convert_luma(alpha, (depth, True), (target, True))
