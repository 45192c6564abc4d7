"""What decoders lay beside a picture: captions, orientation, mastering display, time codes.

PyAV names the kinds of FFmpeg that it knows and refuses a frame's whole list where it holds a later one; here such a
kind has a name, too, and the others stay readable.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Final, cast

from av.filter import Graph
from av.sidedata.sidedata import SideData, Type
from av.video.frame import VideoFrame

_LATER: Final = {28: "LCEVC", 29: "VIEW_ID", 30: "3D_REFERENCE_DISPLAYS", 31: "EXIF"}
"""AVFrameSideDataType beyond `Type`, of FFmpeg 8."""
_MOST: Final = 16
"""Unknown kinds on one frame after which nothing more is looked for."""


def side_data(frame: VideoFrame) -> Mapping[str, bytes]:
    """What lies beside a frame, by FFmpeg's name of its kind; of kinds that cannot be read the bytes are empty."""
    unreadable: dict[str, bytes] = {}
    for _ in range(_MOST):
        try:
            listed = list(cast(Iterable[SideData], frame.side_data))
        except ValueError as e:
            number = _number(e)
            if number is None:
                return unreadable | {"UNKNOWN": b""}
            unreadable[_LATER.get(number, f"UNKNOWN_{number}")] = b""
            frame = _without(frame, number)
        else:
            return {_name(data): bytes(data) for data in listed} | unreadable
    return unreadable


def _name(data: SideData) -> str:
    kind = getattr(data, "type", None)
    return kind.name if isinstance(kind, Type) else type(data).__name__.upper()


def _number(error: ValueError) -> int | None:
    """The kind that an enumeration did not know."""
    found = re.match(r"\d+", str(error))
    return int(found[0]) if found else None


def _without(frame: VideoFrame, kind: int) -> VideoFrame:
    """The same picture without one kind of side data."""
    graph = Graph()
    source = graph.add_buffer(width=frame.width, height=frame.height, format=frame.format, time_base=frame.time_base)
    remove = graph.add("sidedata", f"mode=delete:type={kind}")
    sink = graph.add("buffersink")
    source.link_to(remove)
    remove.link_to(sink)
    graph.configure()
    graph.vpush(frame)
    return graph.vpull()
