"""Sound that the edit list of an MP4 or MOV hides, as after a cut at the phone: other containers would play it."""

from __future__ import annotations

from collections import defaultdict, deque
from fractions import Fraction
from typing import Any, Final

from av.packet import Packet

_KEPT_S: Final = Fraction(1, 20)
"""Of hidden sound that stays, next to what is heard: decoders begin with it, and encoders hide 48 ms in each file."""


class Heard:
    """Takes packets in the order of a film, and gives those that are to be played; of other streams than sound, all."""

    def __init__(self) -> None:
        self._waiting: dict[int, deque[Packet[Any]]] = defaultdict(deque)
        self._end: dict[int, Fraction] = {}
        self.hidden_s: dict[int, Fraction] = defaultdict(Fraction)
        """Of each stream that some is left out of, how much."""

    def put(self, packet: Packet[Any]) -> list[Packet[Any]]:
        """What is to be played now that this packet has come."""
        index, start = packet.stream_index, _start(packet)
        if packet.stream.type != "audio" or start is None:
            return [packet]
        waiting = self._waiting[index]
        if packet.is_discard and start - self._end.get(index, start - 1) > _KEPT_S:
            waiting.append(packet)
        while waiting and start - (_start(waiting[0]) or start) > _KEPT_S:
            self.hidden_s[index] += _duration(waiting.popleft())
        if waiting and waiting[-1] is packet:
            return []
        if not packet.is_discard:
            self._end[index] = start + _duration(packet)
        played = [*waiting, packet]
        waiting.clear()
        return played

    def end(self) -> None:
        """Nothing comes any more: what waits for sound behind it is hidden, too."""
        for index, waiting in self._waiting.items():
            if waiting:
                self.hidden_s[index] += sum(map(_duration, waiting), Fraction(0))


def _start(packet: Packet[Any]) -> Fraction | None:
    time = packet.pts if packet.pts is not None else packet.dts
    return None if time is None or not packet.time_base else time * packet.time_base


def _duration(packet: Packet[Any]) -> Fraction:
    return (packet.duration or 0) * (packet.time_base or Fraction(0))
