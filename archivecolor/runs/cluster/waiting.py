"""What is planned and not given out: in the plan's file, but for the next few."""

from __future__ import annotations

import time
from collections import deque
from typing import Final

from archivecolor.jobs.tasks import TaskFile
from archivecolor.runs.cluster.items import Chunk, Item

GRACE_S: Final = 2.0
"""Between a worker's end and another try: what is left of it lets go of its files, and Ray hears whether its machine
died, too."""
_READ: Final = 64
"""Tasks at a time."""


class Waiting:
    """Items in the order of the plan, those first that came back."""

    def __init__(self, plan: TaskFile) -> None:
        self._plan = plan
        self._taken = 0
        self._ahead: deque[Item] = deque()
        self._again: deque[tuple[float, Item]] = deque()
        """To be made again, and not before when."""

    def __len__(self) -> int:
        return len(self._plan) - self._taken + len(self._ahead) + len(self._again)

    def next(self, most: int) -> list[Item]:
        """What the next chunk is made of: one film, one item that is to be alone, or so many stills at most.

        Nothing where nothing is there yet.
        """
        if self._again and self._again[0][0] <= time.monotonic():
            return [self._again.popleft()[1]]
        if len(self._ahead) < most:
            tasks = self._plan.take(_READ)
            self._taken += len(tasks)
            self._ahead.extend(map(Item, tasks))
        items: list[Item] = []
        while self._ahead and len(items) < most:
            if self._ahead[0].is_film or self._ahead[0].is_alone:
                return items or [self._ahead.popleft()]
            items.append(self._ahead.popleft())
        return items

    def give_back(self, chunk: Chunk) -> None:
        """What was not begun comes first now."""
        for item in reversed(chunk.items.values()):
            item.chunks -= 1
            if not item.chunks and not item.has_ended:
                self._ahead.appendleft(item)

    def once_more(self, item: Item) -> None:
        """Try an item again, a little later."""
        self._again.append((time.monotonic() + GRACE_S, item))
