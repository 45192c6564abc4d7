"""News for the pages that look on: each gets all of it, in order, or is told to read everything anew."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

_MOST: Final = 1000
"""Waiting for one page; a page that is further behind has been suspended, and reads everything anew."""
_BREATH_S: Final = 15.0
"""A comment is sent so often, so that either side sees that the other is gone."""


@dataclass(slots=True, eq=False)
class _Listener:
    loop: asyncio.AbstractEventLoop
    waiting: asyncio.Queue[bytes | None] = field(default_factory=lambda: asyncio.Queue(_MOST))

    def hear(self, coded: bytes | None) -> None:
        """Called in the loop's thread."""
        if self.waiting.full():
            while not self.waiting.empty():
                self.waiting.get_nowait()
            self.waiting.put_nowait(_coded({"type": "anew"}))
            return
        self.waiting.put_nowait(coded)


class Events:
    """Tells every page what happens. Safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._listeners: set[_Listener] = set()
        self._closed = False

    @property
    def listening(self) -> int:
        """How many pages there are."""
        with self._lock:
            return len(self._listeners)

    def tell(self, event: Mapping[str, Any]) -> None:
        """Tell all pages; none is waited for."""
        self._send(_coded(event))

    def close(self) -> None:
        """End all streams, and those that are opened later."""
        with self._lock:
            self._closed = True
        self._send(None)

    async def stream(self, hello: Mapping[str, Any]) -> AsyncIterator[bytes]:
        """``hello``, and all that is told from now on, as server-sent events, until the page goes or `close`."""
        listener = _Listener(asyncio.get_running_loop())
        with self._lock:
            if self._closed:
                return
            self._listeners.add(listener)
        try:
            yield _coded(hello)
            while True:
                try:
                    coded = await asyncio.wait_for(listener.waiting.get(), _BREATH_S)
                except TimeoutError:
                    coded = b":\n\n"
                if coded is None:
                    return
                yield coded
        finally:
            with self._lock:
                self._listeners.discard(listener)

    def _send(self, coded: bytes | None) -> None:
        with self._lock:
            listeners = list(self._listeners)
        for listener in listeners:
            if not listener.loop.is_closed():
                listener.loop.call_soon_threadsafe(listener.hear, coded)


def _coded(event: Mapping[str, Any]) -> bytes:
    return f"data: {json.dumps(event, separators=(',', ':'))}\n\n".encode("ascii")
