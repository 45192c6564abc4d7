"""Stages that note what happens to each item, for the tests of the workers."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass, field

from archivecolor.errors import ArchiveColorError
from archivecolor.jobs.workers import Finished, Stages, run

GRACE_S = 30.0


@dataclass
class Bench:
    """Stages that note what happens to each item, and how much is under way."""

    cost: Callable[[int], int] = lambda _: 1
    group: Callable[[int], Hashable] = lambda _: 0
    load_s: float = 0.0
    save_s: float = 0.0
    fails: dict[tuple[str, int], BaseException] = field(default_factory=dict)
    loaded: list[int] = field(default_factory=list)
    batches: list[list[int]] = field(default_factory=list)
    saved: list[int] = field(default_factory=list)
    busy: dict[int, int] = field(default_factory=dict)
    most_bytes: int = 0
    most_items: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def _fail(self, stage: str, item: int) -> None:
        if error := self.fails.get((stage, item)):
            raise error

    def load(self, item: int) -> int:
        with self.lock:
            self.loaded.append(item)
            self.busy[item] = self.cost(item)
            self.most_bytes = max(self.most_bytes, sum(self.busy.values()))
            self.most_items = max(self.most_items, len(self.busy))
        time.sleep(self.load_s)
        try:
            self._fail("load", item)
        except ArchiveColorError:
            self._end(item)
            raise
        return item * 10

    def compute(self, loaded: list[int]) -> list[str]:
        self.batches.append([x // 10 for x in loaded])
        for x in loaded:
            try:
                self._fail("compute", x // 10)
            except ArchiveColorError:
                if len(loaded) == 1:
                    self._end(x // 10)
                raise
        return [f"computed {x // 10}" for x in loaded]

    def save(self, item: int, loaded: int, computed: str) -> str:
        assert loaded == item * 10
        assert computed == f"computed {item}"
        time.sleep(self.save_s)
        try:
            self._fail("save", item)
        finally:
            self._end(item)
        with self.lock:
            self.saved.append(item)
        return f"saved {item}"

    def _end(self, item: int) -> None:
        with self.lock:
            del self.busy[item]

    def run(
        self, items: Iterator[int] | range, stop: threading.Event | None = None, **options: int
    ) -> Iterator[Finished[int, str]]:
        stages: Stages[int, int, str, str] = Stages(
            load=self.load,
            compute=self.compute,
            save=self.save,
            cost_bytes=self.cost,
            group=lambda x: self.group(x // 10),
        )
        return run(items, stages, stop=(stop or threading.Event()).is_set, **options)
