"""The packets of the streams that are copied: untouched, but for times that no file may have.

Damaged films have packets whose decoding times go backwards or leap far ahead; muxers refuse the first and would let
the second push everything behind it out of place. Such a packet gets a time between its neighbours'. Its content stays.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import chain
from typing import Any, Final

import av
from av.container import InputContainer, OutputContainer
from av.packet import Packet
from av.stream import Stream

from archivecolor.film.damage import LONGEST_STEP_S, Spells
from archivecolor.film.hidden import Heard
from archivecolor.film.reading import demuxed

_STEP_S: Final = Fraction(1, 1000)
"""Between two packets of one stream, at least where a time is given anew: containers keep milliseconds."""
_BY_LENGTH: Final = ("mp4", "mov")
"""Containers that store how long packets last, not when they begin."""
_LAST_S: Final = 1
"""How long the last packet of a stream lasts there if nothing says so."""


def other_packets(
    old: InputContainer, streams: dict[int, Stream], offset: Fraction, until: Fraction | None, *, whole: bool
) -> Iterator[Packet[Any]]:
    """Packets of the copied streams, shifted where only a part is written; ``streams`` has the new by the old index.

    Sound that an edit list hides is left out of containers that have no such list.
    """
    wanted = [s for s in old.streams if s.index in streams and s.type != "attachment"]
    lists = any(s.container.format.name in _BY_LENGTH for s in streams.values())
    order, heard = _Order(), Heard()
    packets = demuxed(old, wanted)
    for packet in packets if lists else chain.from_iterable(map(heard.put, packets)):
        start = packet.pts if packet.pts is not None else packet.dts
        if not whole and start is not None and packet.time_base:
            if start * packet.time_base < offset or (until is not None and start * packet.time_base >= until):
                continue
            shift = round(offset / packet.time_base)
            packet.pts = start - shift
            packet.dts = packet.pts if packet.dts is None else packet.dts - shift
        yield from _renamed(order.put(packet), streams)
    yield from map(_lasting, _renamed(order.rest(), streams))


def _lasting(packet: Packet[Any]) -> Packet[Any]:
    """The last packet of a stream: MP4 ends before it, and players do not see it, unless it lasts for some time."""
    if not packet.duration and packet.stream.container.format.name in _BY_LENGTH and packet.time_base:
        packet.duration = max(1, round(_LAST_S / packet.time_base))
    return packet


def _renamed(packets: list[Packet[Any]], streams: dict[int, Stream]) -> Iterator[Packet[Any]]:
    for packet in packets:
        packet.stream = streams[packet.stream_index]
        yield packet


class _Order:
    """Sees to it that the decoding times of each stream only go forward; holds one packet of each back for that."""

    def __init__(self) -> None:
        self._held: dict[int, Packet[Any]] = {}
        self._last: dict[int, int] = {}

    def put(self, packet: Packet[Any]) -> list[Packet[Any]]:
        """The packet before, its time in order."""
        held = self._held.get(packet.stream_index)
        self._held[packet.stream_index] = packet
        return [] if held is None else [self._ordered(held, packet.dts)]

    def rest(self) -> list[Packet[Any]]:
        """What is still held back."""
        return [self._ordered(held, None) for held in self._held.values()]

    def _ordered(self, packet: Packet[Any], after: int | None) -> Packet[Any]:
        """``packet`` with a time behind its predecessor's and, where that is possible, before ``after``."""
        if packet.duration and packet.time_base and packet.duration * packet.time_base > LONGEST_STEP_S:
            packet.duration = 0  # until the next one: subtitles whose end is not known have 49 days
        time, last = packet.dts, self._last.get(packet.stream_index)
        if time is None and (last is None or packet.pts is not None):
            return packet  # the muxer works it out
        together = packet.stream.type in ("subtitle", "data")
        early = last is not None and (time is None or time < last or (time == last and not together))
        ahead = after is not None and time is not None and time > after and (last is None or after > last)
        if early or ahead:
            step = max(1, round(_STEP_S / packet.time_base)) if packet.time_base else 1
            if last is None:  # the first packet of all leaps ahead
                time = (after or 0) - max(step, packet.duration or 0)
            else:
                time = last + max(step, packet.duration or 0)
                if after is not None and after > last + step:
                    time = min(time, after - step) if after - step > last else last + step
            packet.pts = packet.dts = time
        if time is not None:
            self._last[packet.stream_index] = time
        return packet


@dataclass(slots=True)
class Written:
    """What `interleave` wrote."""

    pictures: int = 0
    others: int = 0
    refused: Spells = field(default_factory=Spells)
    """Packets of other streams that are so damaged that the container refuses them."""


def interleave(new: OutputContainer, pictures: Iterator[Packet[Any]], rest: Iterator[Packet[Any]]) -> Written:
    """Write both in order of decoding."""
    written = Written()
    picture, other = next(pictures, None), next(rest, None)
    while picture is not None or other is not None:
        if picture is not None and (other is None or _when(picture) <= _when(other)):
            new.mux_one(picture)
            written.pictures += 1
            picture = next(pictures, None)
        elif other is not None:
            try:
                new.mux_one(other)
                written.others += 1
            except (av.error.InvalidDataError, av.error.ArgumentError):
                written.refused.note(other.stream, float(_when(other)))
            other = next(rest, None)
    return written


def _when(packet: Packet[Any]) -> Fraction:
    time = packet.dts if packet.dts is not None else packet.pts
    return Fraction(-1) if time is None or not packet.time_base else time * packet.time_base
