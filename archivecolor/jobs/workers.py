"""Running many items through three overlapping stages: load, compute, save.

Loading and saving happen in threads, computing in the calling thread, in batches of alike items. Order is kept up to
computing, so a run touches sources in the order of the plan.

Memory bound: the items between the start of loading and the end of saving cost at most ``budget_bytes`` together, or
are one item; and they are at most ``2 * threads`` loading or waiting plus ``2 * threads`` saving.
"""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable, Generator, Hashable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field, replace
from typing import Any, Generic, ParamSpec, TypeVar

from archivecolor.errors import ArchiveColorError, UnexpectedError

log = logging.getLogger(__name__)

P = ParamSpec("P")
T = TypeVar("T")
I = TypeVar("I")  # noqa: E741
L = TypeVar("L")
C = TypeVar("C")
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Stages(Generic[I, L, C, R]):
    """What is done with an item. `group` must not raise; what the other three raise fails the item."""

    load: Callable[[I], L]
    compute: Callable[[list[L]], list[C]]
    save: Callable[[I, L, C], R]
    cost_bytes: Callable[[I], int]
    """Memory an item takes while it is under way. Called from the calling thread; must be cheap and not raise."""
    group: Callable[[L], Hashable]
    """Only items of one group are computed together."""


@dataclass(frozen=True, slots=True)
class Finished(Generic[I, R]):
    """What became of an item: a result or an error."""

    item: I
    result: R | None
    error: ArchiveColorError | None
    seconds: float
    """From the start of loading to the end of saving, waiting included."""


@dataclass(slots=True)
class _Task(Generic[I, L]):
    item: I
    cost_bytes: int
    began: float
    loaded: Future[L]


def run(
    items: Iterable[I],
    stages: Stages[I, L, C, R],
    *,
    stop: Callable[[], bool],
    batch: int = 1,
    threads: int = 2,
    budget_bytes: int = 1 << 30,
) -> Generator[Finished[I, R], None, None]:
    """Run every item and yield them as they are finished. An `ArchiveColorError` fails its item, anything else the run.

    Once ``stop`` returns true no further item is begun, and those under way are finished.
    """
    stages = replace(stages, load=_guarded(stages.load), compute=_guarded(stages.compute), save=_guarded(stages.save))
    with ThreadPoolExecutor(threads, "load") as loaders, ThreadPoolExecutor(threads, "save") as savers:
        under_way = _UnderWay(iter(items), stages, stop, 2 * threads, batch, budget_bytes, loaders, savers)
        try:
            while under_way.start_loading() or not under_way.empty:
                yield from under_way.saved()
                if under_way.can_compute:
                    yield from under_way.compute()
                else:
                    under_way.wait()
        finally:
            under_way.cancel()


def _guarded(stage: Callable[P, T]) -> Callable[P, T]:
    """``stage``, raising `UnexpectedError` in place of what nobody expects."""

    def guarded(*args: P.args, **more: P.kwargs) -> T:
        try:
            return stage(*args, **more)
        except ArchiveColorError:
            raise
        except Exception as e:
            log.debug("unexpected", exc_info=True)
            raise UnexpectedError.of(e) from e

    return guarded


@dataclass(slots=True)
class _UnderWay(Generic[I, L, C, R]):
    """The items between the start of loading and the end of saving."""

    feed: Iterator[I]
    stages: Stages[I, L, C, R]
    stop: Callable[[], bool]
    depth: int
    batch: int
    budget_bytes: int
    loaders: ThreadPoolExecutor
    savers: ThreadPoolExecutor
    loading: deque[_Task[I, L]] = field(default_factory=deque)
    saving: dict[Future[R], _Task[I, L]] = field(default_factory=dict)
    held: tuple[I, int] | None = None
    """The next item and its cost, when there was no room for it."""
    used_bytes: int = 0

    @property
    def empty(self) -> bool:
        return not self.loading and not self.saving

    @property
    def can_compute(self) -> bool:
        return bool(self.loading) and self.loading[0].loaded.done() and len(self.saving) < self.depth

    def start_loading(self) -> bool:
        """Begin as many items as fit; False when none is left to begin."""
        while not self.stop():
            if self.held is None:
                item = next(self.feed, None)
                if item is None:
                    return False
                self.held = item, self.stages.cost_bytes(item)
            item, cost = self.held
            if len(self.loading) >= self.depth or (self.used_bytes and self.used_bytes + cost > self.budget_bytes):
                return True
            self.used_bytes += cost
            self.loading.append(_Task(item, cost, time.monotonic(), self.loaders.submit(self.stages.load, item)))
            self.held = None
        return False

    def saved(self) -> Iterator[Finished[I, R]]:
        """Collect the items whose saving has ended."""
        for future in [f for f in self.saving if f.done()]:
            task = self.saving.pop(future)
            try:
                yield self._end(task, future.result(), None)
            except ArchiveColorError as e:
                yield self._end(task, None, e)

    def compute(self) -> Iterator[Finished[I, R]]:
        """Compute the loaded items at the head of the queue and hand them on; yields those that failed."""
        tasks: list[_Task[I, L]] = []
        group: Hashable = None
        while self.loading and self.loading[0].loaded.done() and len(tasks) < self.batch:
            error = self.loading[0].loaded.exception()
            if isinstance(error, ArchiveColorError):
                yield self._end(self.loading.popleft(), None, error)
                continue
            kind = self.stages.group(self.loading[0].loaded.result())
            if tasks and kind != group:
                break
            group = kind
            tasks.append(self.loading.popleft())
        if tasks:
            yield from self._compute_together(tasks)

    def _compute_together(self, tasks: list[_Task[I, L]]) -> Iterator[Finished[I, R]]:
        try:
            computed = self.stages.compute([t.loaded.result() for t in tasks])
        except ArchiveColorError as e:
            if len(tasks) == 1:
                yield self._end(tasks[0], None, e)
                return
            for task in tasks:  # one of them spoils the batch: find out which
                yield from self._compute_together([task])
            return
        for task, result in zip(tasks, computed, strict=True):
            self.saving[self.savers.submit(self.stages.save, task.item, task.loaded.result(), result)] = task

    def wait(self) -> None:
        """Sleep until something can go on."""
        pending: set[Future[Any]] = set(self.saving)
        if self.loading and len(self.saving) < self.depth:
            pending.add(self.loading[0].loaded)
        wait(pending, return_when=FIRST_COMPLETED)

    def cancel(self) -> None:
        """Drop what has not begun."""
        for task in self.loading:
            task.loaded.cancel()
        for future in self.saving:
            future.cancel()

    def _end(self, task: _Task[I, L], result: R | None, error: ArchiveColorError | None) -> Finished[I, R]:
        self.used_bytes -= task.cost_bytes
        return Finished(task.item, result, error, time.monotonic() - task.began)
