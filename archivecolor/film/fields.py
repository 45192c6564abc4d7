"""Which field of an interlaced frame comes first."""

from __future__ import annotations

from contextlib import suppress
from fractions import Fraction
from functools import lru_cache
from threading import Lock
from typing import Final

import av
from av.filter import Graph
from av.video.frame import VideoFrame

_KEPT: Final = 8
"""Filters that are kept, one for each size and format."""
_lock = Lock()


def parity_of(frame: VideoFrame) -> str | None:
    """'tff' or 'bff' of an interlaced frame, None of a progressive one.

    The bindings do not tell it. FFmpeg's filter that takes fields apart copies nothing and gives the first one first,
    which begins where the frame does, or a row below. Frames of odd height are taken for 'tff'.
    """
    if not frame.interlaced_frame:
        return None
    if frame.height % 2:
        return "tff"
    with _lock:
        graph = _fields(frame.width, frame.height, frame.format.name)
        graph.vpush(frame)
        first = frame
        with suppress(av.error.BlockingIOError):  # nothing more to come
            while True:  # the other field of the frame before comes first
                first = graph.vpull()
    below = frame.planes[0].buffer_ptr + frame.planes[0].line_size
    return "bff" if first.planes[0].buffer_ptr == below else "tff"


@lru_cache(maxsize=_KEPT)
def _fields(width: int, height: int, pixel_format: str) -> Graph:
    graph = Graph()
    form, base = av.VideoFormat(pixel_format), Fraction(1, 1000)
    source = graph.add_buffer(width=width, height=height, format=form, time_base=base)
    graph.link_nodes(source, graph.add("separatefields"), graph.add("buffersink")).configure()
    return graph
