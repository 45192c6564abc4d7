"""The one place where workers ask before they name a result: an actor on the driver's machine that the driver empties.

A worker's entry waits here until the driver has it in its journal. So the journal has one owner, no result has its
name before its line is on the disk, and a worker that was taken for dead, and is not, gets no leave to name anything.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from archivecolor.errors import ArchiveColorError
from archivecolor.jobs.records import Entry, Settings
from archivecolor.runs.listener import Progress

PATIENCE_S: Final = 1.0
"""After which the driver is answered though nobody asked anything."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What a worker says of a chunk that it makes: that it goes on or, with an entry, that one is to be written."""

    number: int
    chunk: int
    entry: Entry | None = None
    settings: Settings | None = None
    is_there: bool = True
    """False of a result that a worker is about to put into a store."""
    progress: Progress | None = None
    """Of the film that it makes."""


class Notary:
    """The actor. Its methods are coroutines of one loop."""

    def __init__(self) -> None:
        self._asked: list[Asked] = []
        self._more = asyncio.Event()
        self._waiting: dict[int, asyncio.Future[ArchiveColorError | None]] = {}
        self._number = 0
        self._kept: dict[str, bytes] = {}

    async def note(
        self, chunk: int, entry: Entry, settings: Settings | None, *, is_there: bool = True
    ) -> ArchiveColorError | None:
        """Of a worker: have an entry written. Gives what went wrong once it is, or is not going to be."""
        self._number += 1
        answer: asyncio.Future[ArchiveColorError | None] = asyncio.get_running_loop().create_future()
        self._waiting[self._number] = answer
        self._add(Asked(self._number, chunk, entry, settings, is_there))
        return await answer

    async def go_on(self, chunk: int, progress: Progress) -> None:
        """Of a worker: it is still at work on a chunk."""
        self._add(Asked(0, chunk, progress=progress))

    async def keep(self, name: str, pickled: bytes) -> None:
        """Of anybody: have something ready for others who ask for that name, such as the plan of a film."""
        self._kept[name] = pickled

    async def kept(self, name: str) -> bytes | None:
        """What somebody gave last under that name, if anybody did."""
        return self._kept.get(name)

    async def forget(self, name: str) -> None:
        """Of the driver: nobody will ask for it any more."""
        self._kept.pop(name, None)

    async def exchange(self, answers: Mapping[int, ArchiveColorError | None]) -> list[Asked]:
        """Of the driver: answer what was asked before, and wait for more, but not for long."""
        for number, error in answers.items():
            self._waiting.pop(number).set_result(error)
        try:
            await asyncio.wait_for(self._more.wait(), PATIENCE_S)
        except TimeoutError:
            return []
        asked, self._asked = self._asked, []
        self._more.clear()
        return asked

    def _add(self, asked: Asked) -> None:
        self._asked.append(asked)
        self._more.set()
