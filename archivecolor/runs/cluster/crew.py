"""The workers of a run: as many as there is room for, each looked at before it gets its first chunk.

Ray starts none of them again and repeats none of their calls (``max_restarts`` and ``max_task_retries`` are 0): what is
done about one that died depends on what it was making, and the `Dispatch` decides it.
"""

from __future__ import annotations

import dataclasses
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

import ray
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from archivecolor.errors import ArchiveColorError, DependencyError, EngineError
from archivecolor.runs.cluster.connection import Size
from archivecolor.runs.cluster.items import Chunk
from archivecolor.runs.cluster.notary import Notary
from archivecolor.runs.cluster.worker import Seen, Worker
from archivecolor.text import counted

_MUSTER_S: Final = 2.0
_LOOK_S: Final = 0.5
_ALL_READY_S: Final = 20.0
"""After the first worker is ready, all others that there is room for are waited for so long."""
_FIRST_S: Final = 600.0
"""Within which one is ready, or the run ends."""
_BAD_STARTS: Final = 3
"""Workers that die in a row while they load the engine."""
_NOTES_AT_ONCE: Final = 20_000
_LEAVE_S: Final = 2.0


@dataclass(slots=True, eq=False)
class Hand:
    """A worker, as the driver sees it."""

    actor: Any
    ref: Any
    """What it is to answer before it gets its first chunk."""
    machine: str = ""
    node: str = ""
    ready: bool = False
    chunks: deque[Chunk] = field(default_factory=deque)
    """It is making the first, and has the others."""
    gave_up: set[str] = field(default_factory=set)
    """Films that failed here, and that others went on with."""
    seen: float = field(default_factory=time.monotonic)
    """When it last gave a sign of life."""


class Crew:
    """Starts workers, and replaces those that are gone."""

    def __init__(self, size: Size, most: int | None, seen: Seen, order: object, worker: type[Worker]) -> None:
        """Up to ``most`` workers, or as many as there is room for; ``order`` is what these begin with."""
        here = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)
        notary: Any = ray.remote(Notary)
        self.notary = notary.options(
            num_cpus=0, scheduling_strategy=here, max_restarts=0, max_concurrency=_NOTES_AT_ONCE
        ).remote()
        self._worker: Any = ray.remote(concurrency_groups={"beside": 1})(worker)
        self._size, self._most, self._seen, self._order = size, most, seen, order
        self.hands: list[Hand] = []
        self.is_open = False
        """Whether items may be given out: all workers were looked at, or enough time was given to them."""
        self.description = ""
        """Of the engine of the first one."""
        self.given = 0
        """Chunks that were given out, in all rounds of the run: their numbers are their own."""
        self.exchange: Any = None
        """What the notary is about to answer."""
        self.refused: list[str] = []
        """Why machines that came later are not used, until somebody says so."""
        self._unfit = 0
        self._bad_starts = 0
        self._mustered = 0.0
        self._began = time.monotonic()
        self._first_ready: float | None = None

    @property
    def ready(self) -> list[Hand]:
        """Workers that make chunks."""
        return [hand for hand in self.hands if hand.ready]

    def __str__(self) -> str:
        machines = len({hand.node for hand in self.ready})
        return f"{counted(len(self.ready), 'worker')} on {counted(machines, 'machine')}"

    def __contains__(self, hand: Hand) -> bool:
        return hand in self.hands

    def muster(self) -> None:
        """Have as many workers as there is room for. Raises `DependencyError` when there was none for long."""
        now = time.monotonic()
        if self.ready:
            self._began = now
        elif now - self._began > _FIRST_S:
            raise DependencyError(
                f"the cluster had no worker of {self._size} for {_FIRST_S:g} seconds",
                hint="'ray status' says what is missing; the same command continues",
            )
        if now - self._mustered < _MUSTER_S:
            return
        self._mustered = now
        wanted = (self._most if self._most is not None else self._size.room()) - self._unfit
        for _ in range(wanted - len(self.hands)):
            self._start()
        for hand in [hand for hand in self.hands if not hand.ready][: max(0, len(self.hands) - wanted)]:
            self.dismiss(hand)
        waiting = any(not hand.ready for hand in self.hands)
        if self.ready and (not waiting or now - (self._first_ready or now) > _ALL_READY_S):
            self.is_open = True

    def assemble(self, stopped: Callable[[], bool]) -> None:
        """Look at all workers before anything is given out, or until the run is to end. Raises what `answered` does."""
        while not (self.is_open or stopped()):
            self.muster()
            starting = {hand.ref: hand for hand in self.hands if not hand.ready}
            if not starting:
                time.sleep(_LOOK_S)
                continue
            for ref in ray.wait([*starting], num_returns=1, timeout=_LOOK_S)[0]:
                self.answered(starting[ref])

    def answered(self, hand: Hand) -> None:
        """Take what a worker says before its first chunk.

        Raises `DependencyError` or `EngineError` for one that cannot work, before the first item was given out.
        """
        try:
            answer = ray.get(hand.ref)
        except ray.exceptions.RayError as e:
            self.dismiss(hand)
            self._bad_start(e)
            return
        self._bad_starts, hand.seen = 0, time.monotonic()
        if isinstance(answer, tuple):
            hand.machine, hand.node, lacking = answer
            if lacking:
                hint = "install the same everywhere, and have all machines see the same files under the same paths"
                self._refuse(hand, DependencyError(f"a worker on {hand.machine} {lacking}", hint=hint))
            else:
                hand.ref = hand.actor.begin.remote(self._order)
        elif isinstance(answer, ArchiveColorError):
            hint = answer.hint or "no worker can do without"
            self._refuse(hand, EngineError(f"a worker on {hand.machine}: {answer.message}", hint=hint))
        else:
            self.description = self.description or answer
            self._first_ready = self._first_ready or time.monotonic()
            hand.ready = True
            self._mustered = 0.0

    def dismiss(self, hand: Hand) -> None:
        """End a worker at once."""
        self.hands.remove(hand)
        ray.kill(hand.actor)

    def stop(self) -> None:
        """Have all finish what is under way; those that have nothing yet are ended."""
        for hand in list(self.hands):
            if hand.ready:
                hand.actor.stop.options(concurrency_group="beside").remote()
            else:
                self.dismiss(hand)

    def close(self) -> None:
        """End all, those that can be asked to after they put away what they have on their disks."""
        leaving = [hand.actor.leave.remote() for hand in self.ready]
        if leaving:
            ray.wait(leaving, num_returns=len(leaving), timeout=_LEAVE_S)
        for hand in list(self.hands):
            self.dismiss(hand)
        ray.kill(self.notary)

    def _start(self) -> None:
        actor = self._worker.options(
            num_cpus=self._size.cores,
            num_gpus=self._size.gpus,
            scheduling_strategy="SPREAD",
            max_restarts=0,
            max_task_retries=0,
        ).remote(self.notary)
        self.hands.append(Hand(actor, actor.look.remote(dataclasses.asdict(self._seen))))

    def _refuse(self, hand: Hand, error: ArchiveColorError) -> None:
        if not self.is_open:
            raise error
        self._unfit += 1
        self.refused.append(str(error))
        self.dismiss(hand)

    def _bad_start(self, error: Exception) -> None:
        told = " ".join(str(error).split())
        if "No module named 'archivecolor" in told:
            raise DependencyError("archivecolor is not installed on a worker", hint="install the same one everywhere")
        self._bad_starts += 1
        if self._bad_starts >= _BAD_STARTS and not self.ready:
            raise EngineError(
                f"{self._bad_starts} workers died before their first item: {told}", hint="see Ray's logs of them"
            )
