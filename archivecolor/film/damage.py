"""What is wrong with a film file, and when: packets damaged or out of order, times that cannot be, a missing end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, Final

import av
import numpy as np
from av.container import InputContainer
from av.packet import Packet
from av.stream import Stream
from av.video.stream import VideoStream

from archivecolor.film.declared import declared_size
from archivecolor.film.slices import Slices, SliceSums, Strict
from archivecolor.film.torn import torn_end

_SAME_DAMAGE_S: Final = 1.0
"""Damage of one stream that is nearer than this to damage before is told with it."""
_TIMED_BY_HEADER: Final = ("matroska", "mov", "avi", "asf", "flv", "mxf")
"""Formats whose header says how long the film is; of others the duration is worked out from what is there."""
_SHORT_S: Final = (0.4, 1.0)
"""How much shorter than it says a film has to be to count as cut: a hundredth, but at least and at most these."""
_FASTEST_S, LONGEST_STEP_S = 0.0005, 86_400.0
"""Between pictures: no film has 2,000 a second, and none shows one for a day."""
_FEW: Final = 3
_BEYOND_S: Final = 1.0
"""Between a picture that is shown and the next that is hidden: an edit list cuts between two frames."""
_CHEAP: Final = ("mpeg1video", "mpeg2video")
"""Codecs that are decoded twice, to find what is damaged."""
_KEPT_BYTES: Final = 1 << 26
"""Of the last group of pictures; a longer one is not looked at again."""


@dataclass(frozen=True, slots=True)
class Warned:
    """Something that is wrong at a time of the film."""

    time_s: float
    text: str


@dataclass(slots=True)
class _Spell:
    """A time through which packets of a stream were damaged."""

    start_s: float
    end_s: float
    packets: int = 1


class Spells:
    """Damage of several streams, told by the spells that it came in."""

    def __init__(self) -> None:
        self._found: dict[str, list[_Spell]] = {}

    def note(self, stream: Stream, time_s: float) -> None:
        """One more packet of a stream, at a time of the file's clock."""
        spells = self._found.setdefault(f"stream {stream.index} ({stream.type})", [])
        if spells and 0 <= time_s - spells[-1].end_s < _SAME_DAMAGE_S:
            spells[-1].end_s = time_s
            spells[-1].packets += 1
        else:
            spells.append(_Spell(time_s, time_s))

    def warnings(self, start_s: float, what: str) -> list[Warned]:
        """The spells, in times that count from ``start_s`` of the file's clock; ``what`` ends each line."""
        found = []
        for name, spells in self._found.items():
            for spell in spells:
                count = "a packet" if spell.packets == 1 else f"{spell.packets} packets"
                found.append(Warned(max(0.0, spell.start_s - start_s), f"{name}: {count} {what}"))
        return found


class OtherStreams:
    """Watches the packets of the streams beside the picture."""

    def __init__(self) -> None:
        self.end_s = 0.0
        """Where the last of them ends, by the file's clock."""
        self._last: dict[int, int] = {}
        self._spells = Spells()

    def see(self, packet: Packet[Any]) -> None:
        """Take note of one packet, in the order of the file."""
        time = packet.dts if packet.dts is not None else packet.pts
        if time is None or not packet.time_base:
            return
        stream: Stream = packet.stream
        last = self._last.get(stream.index)
        if last is not None and packet.dts is not None and time < last:
            self._spells.note(stream, float(last * packet.time_base))
        elif packet.is_corrupt:
            self._spells.note(stream, float(time * packet.time_base))
        else:
            self.end_s = max(self.end_s, float((time + (packet.duration or 0)) * packet.time_base))
        if packet.dts is not None:  # without it packets come in the order in which they are decoded
            self._last[stream.index] = time

    def warnings(self, start_s: float) -> list[Warned]:
        """What was wrong, in times that count from ``start_s`` of the file's clock."""
        return self._spells.warnings(start_s, "damaged")


class PicturePackets:
    """Watches the packets of the picture, before they are decoded."""

    def __init__(self, stream: VideoStream) -> None:
        """Of the film's picture; its file stays open meanwhile."""
        self.hidden: list[int] = []
        """When pictures would be shown that the file's edit list hides, in the stream's time base."""
        self.last: list[Packet[Any]] = []
        """From the last key frame on; empty where they are too many."""
        self._last_bytes = 0
        self._dts: list[int] = []
        codec = stream.codec_context.name
        self._slices = SliceSums() if codec == "ffv1" else Strict(stream) if codec in _CHEAP else None
        self.damaged: list[int | None] = []
        """When pictures are shown whose slices are not whole."""

    def see(self, packet: Packet[Any]) -> None:
        """Take note of one packet, in the order of the file."""
        if packet.is_discard and packet.pts is not None:
            self.hidden.append(packet.pts)
        if packet.dts is not None:
            self._dts.append(packet.dts)
        if self._slices:
            self.damaged += self._slices.damaged(packet)
        if packet.is_keyframe:
            self.last, self._last_bytes = [], 0
        self._last_bytes += packet.size
        self.last = [*self.last, packet] if self._last_bytes <= _KEPT_BYTES else []

    @property
    def slices(self) -> Slices | None:
        """How the picture is divided, where it is FFV1 and tells."""
        return self._slices.slices if isinstance(self._slices, SliceSums) else None

    def warnings(self, shown: Sequence[int], base: Fraction) -> list[Warned]:
        """What was wrong, where frames are shown at ``shown`` in units of ``base``; times count from the first."""
        start = shown[0]
        found = [
            Warned(max(0.0, float(((start if time is None else time) - start) * base)), "a damaged frame")
            for time in self.damaged
        ]
        strange = self._strange(base)
        return [*found, Warned(0.0, f"the times of the file are damaged: {strange}")] if strange else found

    def hidden_by_damage(self, shown: Sequence[int], base: Fraction) -> str | None:
        """Why pictures are hidden that no edit list was meant to hide, in words; None where that is not so."""
        if not self.hidden:
            return None
        after = min((time for time in self.hidden if time > shown[-1]), default=shown[-1])
        beyond = f"the next picture would be shown {float((after - shown[-1]) * base):,.0f} s after the last"
        return self._strange(base) or (beyond if (after - shown[-1]) * base > _BEYOND_S else None)

    def _strange(self, base: Fraction) -> str | None:
        if len(self._dts) < _FEW:
            return None
        step_s = float(np.median(np.diff(np.array(self._dts, np.float64))) * float(base))
        return None if _FASTEST_S <= step_s <= LONGEST_STEP_S else f"its pictures are {step_s:.2g} s apart"


def missing_end(
    path: Path, container: InputContainer, picture: VideoStream, end_s: float, last: Sequence[Packet[Any]]
) -> str | None:
    """What tells that a file was cut short, where something does.

    ``end_s`` is where what can be read of it ends, ``last`` are the picture's packets from its last key frame on.
    """
    size = path.stat().st_size
    beyond = sum(entry.pos + entry.size > size for entry in picture.index_entries)
    if beyond:
        return f"the file ends early: {beyond} frames are lost"
    declared = declared_size(path)
    if declared > size:
        return f"the file ends early: {size:,} of its {declared:,} bytes are there"
    if container.duration and container.format.name.startswith(_TIMED_BY_HEADER):
        duration_s = float(container.duration / av.time_base)
        if duration_s - end_s > min(max(_SHORT_S[0], duration_s / 100), _SHORT_S[1]):
            return f"the file ends early: it says that it lasts {duration_s:.2f} s, and {end_s:.2f} s are there"
        return None
    return None if declared else torn_end(path, container.format.name, last, picture)
