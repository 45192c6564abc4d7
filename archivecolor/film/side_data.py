"""What decoders lay beside a picture: captions, orientation, mastering display, time codes.

PyAV names the kinds of FFmpeg that it knows and refuses a frame's whole list where it holds a later one; here such a
kind has a name, too, and the others stay readable.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Mapping
from typing import Final, cast

from av.filter import Graph
from av.sidedata.sidedata import SideData, Type
from av.video.frame import PictureType, VideoFrame

from archivecolor.film.scaler import reformatted

_LATER: Final = {28: "LCEVC", 29: "VIEW_ID", 30: "3D_REFERENCE_DISPLAYS", 31: "EXIF"}
"""AVFrameSideDataType beyond `Type`, of FFmpeg 8."""
_ENCODERS: Final = {
    bytes.fromhex("dc45e9bde6d948b7962cd820d923eeef"),  # x264
    bytes.fromhex("2ca2de09b51747dbbb55a4fe7fc2fc4e"),  # x265
}
_NOT_TIME: Final = 1 << 24 | 1 << 12
"""Bits of a group's time code that say no time."""
_CARRIER_PX: Final = 16
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
            # Of two of a kind the first counts, as for players: the container's matrix before the one in the stream
            return {_name(data): bytes(data) for data in reversed(listed)} | unreadable
    return unreadable


def kinds(frame: VideoFrame, *, first: bool = False) -> set[str]:
    """What kinds of side data a frame has, by `side_data`'s names.

    What encoders write about themselves is 'ENCODER_SEI'; time codes of MPEG-2's groups of pictures that do not just
    count from zero are 'GOP_TIMECODE_SET', which the ``first`` frame that has one tells.
    """
    found = side_data(frame)
    names = set(found)
    if found.get("SEI_UNREGISTERED", b"")[:16] in _ENCODERS:
        names = names - {"SEI_UNREGISTERED"} | {"ENCODER_SEI"}
    code = int.from_bytes(found.get("GOP_TIMECODE", b"")[:8], sys.byteorder)
    if first and code & ~_NOT_TIME:
        names.add("GOP_TIMECODE_SET")
    return names


def carrier(frame: VideoFrame) -> VideoFrame:
    """A tiny frame that bears what lies beside a large one, to be kept until that is encoded."""
    return reformatted(frame, _CARRIER_PX, _CARRIER_PX, "yuv420p")


def carried(by: VideoFrame, width: int, height: int, pixel_format: str) -> VideoFrame:
    """A frame of any size and form, its samples without meaning, that bears what a `carrier` does."""
    frame = reformatted(by, width, height, pixel_format)
    frame.pict_type = PictureType.NONE  # that of the old coding would be forced on the new one
    return frame


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
