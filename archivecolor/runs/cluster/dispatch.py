"""Giving out a plan to the workers of a cluster, in chunks, while it is still being made.

In flight are at most two chunks a worker; the rest of the plan waits in a file, so that it takes no memory however long
it is. What becomes of an item when its worker dies:

* its result was noted and has its name: it is done;
* its machine is gone: it is made again;
* its worker died, on a machine that lives: it is made again, with no other item beside it, and set aside as failed when
  `TRIES` workers died of it;
* its worker was silent too long: the same, but one that hangs when it is alone has failed at once;
* it waited behind another chunk: nothing happened to it.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator
from typing import ClassVar, Final

import ray

from archivecolor.errors import EngineError
from archivecolor.jobs.claims import Watched
from archivecolor.jobs.records import EngineUsed, Kind
from archivecolor.jobs.tasks import Task, TaskFile
from archivecolor.runs.cluster.connection import lives
from archivecolor.runs.cluster.crew import Crew, Hand
from archivecolor.runs.cluster.items import TRIES, Chunk, Item, films_in
from archivecolor.runs.cluster.ledger import Ledger
from archivecolor.runs.cluster.notary import Asked
from archivecolor.runs.cluster.terms import Book, Run
from archivecolor.runs.cluster.waiting import GRACE_S, Waiting
from archivecolor.runs.cluster.worker import Made
from archivecolor.runs.film.sharing import is_begun, is_there_to_do
from archivecolor.runs.folder.run import COLORING
from archivecolor.runs.folder.store_journal import StoreJournal
from archivecolor.runs.listener import INFO, WARNING, ItemOutcome, ItemStatus, Progress, Unit

_MACHINES: Final = 10
"""That an item may take down with it before it is set aside."""
_BUSY_TRIES: Final = 30
_CHUNK_S: Final = 2.0
_LARGEST: Final = 64
_AHEAD: Final = 2
"""Chunks that a worker has: one that it makes, one that waits."""
_PLANNING_S: Final = 0.01
"""At a stretch, between two looks at the workers."""
_WAIT_S: Final = 0.5
_LOOK_S: Final = 1.0
"""Between two looks for films that somebody might help with."""
_HUNG_S: Final = 600.0
_HUNG_FILM_S: Final = 3600.0


class Dispatch:
    """One round of a run: from a plan that is being made to items that are done."""

    _command: ClassVar[str] = "folder"

    def __init__(
        self, planner: Run, recorder: Book, crew: Crew, plan: TaskFile, lines: StoreJournal | None = None
    ) -> None:
        self._planner, self._ledger, self._crew, self._plan = planner, Ledger(recorder, lines), crew, plan
        self._out = None if lines else planner.out
        self._tally = planner.tally
        cluster = planner.items.run.cluster
        self._timeout_s = cluster.timeout_s if cluster else None
        self._chunks: dict[int, tuple[Chunk, Hand]] = {}
        self._waiting = Waiting(plan)
        self._dying: deque[tuple[float, Hand, str, bool]] = deque()
        """Workers that are gone: since when, why, and whether they were hung."""
        self._seconds = 0.0
        self._told_engine = False
        self._stopping = False
        self._ended = self._films = 0
        self._told: object = None
        self._watched, self._looked = Watched(), 0.0

    @property
    def not_begun(self) -> int:
        """Items of the plan that did not come to an end."""
        return len(self._plan) - self._ended

    def run(self, tasks: Iterator[Task]) -> None:
        """Make everything, or until the run is to end. Raises what makes it impossible."""
        listing: Iterator[Task] | None = tasks
        while True:
            if self._planner.stopped():
                listing = None
                if not self._stopping:
                    self._crew.stop()
                self._stopping = True
            listing = self._list(listing)
            if not self._stopping:
                self._crew.muster()
                self._give_out(listed=listing is None)
            if listing is None and not self._chunks and not self._dying and (self._stopping or not self._waiting):
                return
            self._hear(0.0 if listing else _WAIT_S)
            self._look_after()
            self._tell(listed=listing is None)

    def _list(self, listing: Iterator[Task] | None) -> Iterator[Task] | None:
        """Plan on for a moment."""
        until = time.monotonic() + _PLANNING_S
        while listing is not None and time.monotonic() < until:
            if (task := next(listing, None)) is None:
                return None
            self._plan.add(task)
        return listing

    def _give_out(self, *, listed: bool) -> None:
        if not self._crew.is_open:
            return
        if not self._told_engine:
            self._tell_engine()
        for depth in range(1, _AHEAD + 1):  # every worker has one before any has two
            for hand in self._crew.ready:
                behind_film = any(chunk.has_film for chunk in hand.chunks)
                if len(hand.chunks) < depth and not behind_film and (items := self._next(listed=listed)):
                    self._give(hand, items)
        if listed and not self._waiting:
            for hand, item in self._helpers():
                self._give(hand, [item])

    def _helpers(self) -> Iterator[tuple[Hand, Item]]:
        """Workers with nothing to do, and films that they can help with."""
        idle = [hand for hand in self._crew.ready if not hand.chunks]
        if not idle or time.monotonic() - self._looked < _LOOK_S:
            return
        self._looked = time.monotonic()
        lost = [chunk for _, hand, _, _ in self._dying for chunk in hand.chunks]
        films = films_in([chunk for chunk, _ in self._chunks.values()], lost)
        for hand in idle:
            for item in sorted(films, key=lambda film: film.chunks):
                if (
                    item.task.name not in hand.gave_up
                    and is_begun(item.task.target)
                    and is_there_to_do(item.task.target, self._watched)
                ):
                    yield hand, item
                    break

    def _give(self, hand: Hand, items: list[Item]) -> None:
        self._crew.given += 1
        if not hand.chunks:
            hand.seen = time.monotonic()
        for item in items:
            item.chunks += 1
        ref = hand.actor.make.remote(self._crew.given, [item.task for item in items])
        chunk = Chunk(self._crew.given, {item.task.name: item for item in items}, ref)
        hand.chunks.append(chunk)
        self._chunks[chunk.number] = chunk, hand

    def _next(self, *, listed: bool) -> list[Item]:
        """What the next chunk is made of: about `_CHUNK_S`, less towards the end, so that all end at once."""
        size = max(1, min(_LARGEST, int(_CHUNK_S / self._seconds))) if self._seconds else 1
        if listed:
            size = max(1, min(size, len(self._waiting) // (2 * len(self._crew.ready))))
        return self._waiting.next(size)

    def _hear(self, wait_s: float) -> None:
        """Take what the workers say."""
        crew = self._crew
        self._ask()
        starting = {hand.ref: hand for hand in crew.hands if not hand.ready}
        making = {chunk.ref: (chunk, hand) for chunk, hand in self._chunks.values() if hand in crew}
        refs = [crew.exchange, *making, *starting]
        heard, _ = ray.wait(refs, num_returns=len(refs), timeout=0)
        if not heard and wait_s:
            heard, _ = ray.wait(refs, num_returns=1, timeout=wait_s)
        for ref in heard:  # what is noted comes first: a chunk that is done has all its lines
            if ref is crew.exchange:
                self._ledger.write(ray.get(ref), self._item_of)
                crew.exchange = None
                self._ask()
        for ref in heard:
            if ref in making:
                self._done(*making[ref])
            elif ref in starting:
                crew.answered(starting[ref])

    def _ask(self) -> None:
        """Answer the workers, and ask what else there is."""
        if self._crew.exchange is None:
            self._crew.exchange = self._crew.notary.exchange.remote(self._ledger.answers)
            self._ledger.answers = {}

    def _item_of(self, one: Asked) -> Item | None:
        """What a worker speaks of, if it is still its own; its sign of life is noted."""
        chunk, hand = self._chunks.get(one.chunk, (None, None))
        if chunk is None or hand is None or hand not in self._crew:
            return None
        hand.seen = time.monotonic()
        if one.progress:
            self._heard(chunk, one.progress)
        return chunk.items[one.entry.source] if one.entry else None

    def _heard(self, chunk: Chunk, progress: Progress) -> None:
        """How far a worker is with a film."""

    def _done(self, chunk: Chunk, hand: Hand) -> None:
        """A chunk came back, or its worker is gone."""
        if chunk.number not in self._chunks:
            return
        try:
            made: Made = ray.get(chunk.ref)
        except ray.exceptions.RayError as e:
            self._gone(hand, f"its worker died: {e}".strip().splitlines()[0], hung=False)
            return
        del self._chunks[chunk.number]
        hand.chunks.remove(chunk)
        hand.seen = time.monotonic()
        for text in made.warnings:
            self._tally.listener.message(WARNING, text)
        if made.outcomes and not chunk.has_film:
            each = made.seconds / len(made.outcomes)
            self._seconds = each if not self._seconds else 0.7 * self._seconds + 0.3 * each
        for outcome in made.outcomes:
            item = chunk.items.pop(outcome.name)
            item.chunks -= 1
            if item.has_ended or (item.chunks and outcome.status in (ItemStatus.EXISTS, ItemStatus.FAILED)):
                self._go_on_without(hand, outcome)
                continue
            if outcome.status is ItemStatus.EXISTS:
                outcome = item.outcome(self._out) or outcome
            if outcome.name in made.busy and item.is_alone and item.was_busy < _BUSY_TRIES:
                item.was_busy += 1
                self._waiting.once_more(item)
                continue
            self._tally.take(outcome, damaged=outcome.name in made.damaged)
            self._end(item)
        self._tally.stopped_by = self._tally.stopped_by or made.stopped_by
        if not made.stopped_by and not self._stopping:
            self._waiting.give_back(chunk)

    def _go_on_without(self, hand: Hand, outcome: ItemOutcome) -> None:
        """Others make a film, or made it; a worker with which it failed is not asked again."""
        if outcome.status is ItemStatus.FAILED and outcome.name not in hand.gave_up:
            hand.gave_up.add(outcome.name)
            self._tally.listener.message(WARNING, f"{hand.machine}: {outcome.error}; others go on with it")

    def _gone(self, hand: Hand, why: str, *, hung: bool) -> None:
        """A worker makes nothing more; what it had is decided about when it is known whether its machine is gone."""
        if hand in self._crew:
            self._crew.dismiss(hand)
            self._dying.append((time.monotonic(), hand, why, hung))

    def _look_after(self) -> None:
        """Decide about what the dead had, and look for the hung."""
        while self._dying and time.monotonic() - self._dying[0][0] > GRACE_S:
            _, hand, why, hung = self._dying.popleft()
            self._bury(hand, why, hung=hung)
        for hand in self._crew.ready:
            if hand.chunks:
                most = self._timeout_s or (_HUNG_FILM_S if hand.chunks[0].has_film else _HUNG_S)
                if time.monotonic() - self._seen(hand) > most:
                    self._gone(hand, f"its worker gave no sign of life for {most:g} seconds", hung=True)
        for text in self._crew.refused:
            self._tally.listener.message(WARNING, f"{text}; it is left out")
        self._crew.refused.clear()

    def _seen(self, hand: Hand) -> float:
        """When what a worker makes last went on, be it that others make it."""
        shared = hand.chunks[0].items.keys()
        return max(other.seen for chunk, other in self._chunks.values() if chunk.items.keys() & shared)

    def _bury(self, hand: Hand, why: str, *, hung: bool) -> None:
        machine_gone = not hung and not lives(hand.node)
        told = "the machine is gone" if machine_gone else why
        self._tally.listener.message(WARNING, f"{hand.machine}: {told}; another worker takes over")
        for chunk in list(hand.chunks):  # it may have been done in the end
            if ray.wait([chunk.ref], timeout=0)[0]:
                self._done(chunk, hand)
        chunks = [chunk for chunk in hand.chunks if chunk.number in self._chunks]
        for number, chunk in enumerate(chunks):
            del self._chunks[chunk.number]
            if number and not any(item.noted for item in chunk.items.values()):
                self._waiting.give_back(chunk)
                continue
            for item in chunk.items.values():
                item.chunks -= 1
                if not (item.has_ended or self._is_made(item)):
                    self._try_again(item, why, alone=len(chunk.items) == 1, hung=hung, machine_gone=machine_gone)

    def _is_made(self, item: Item) -> bool:
        """Whether a result that was noted has its name; counts it then. One in a store may be there without a note."""
        if item.noted is None and not self._ledger.is_there(item):
            return False
        if (outcome := item.outcome(self._out)) is None:
            return False
        self._tally.take(outcome, damaged=item.is_film and bool(outcome.warnings))
        self._end(item)
        return True

    def _try_again(self, item: Item, why: str, *, alone: bool, hung: bool, machine_gone: bool) -> None:
        if machine_gone:
            item.machines_lost += 1
        else:
            item.deaths += 1
        if self._stopping or item.chunks:
            return
        if item.deaths >= TRIES or item.machines_lost >= _MACHINES or (hung and alone):
            times = item.deaths + item.machines_lost
            task, often = item.task, f", {times} times" if times > 1 else ""
            error = EngineError(
                f"{task.source}: {why}{often}", hint=f"color it by itself, with 'archivecolor {self._command}'"
            )
            self._tally.failed(task.source, task.name, task.kind, error)
            self._ledger.recorder.failed(task.name, task.source, task.kind, error, task.replaces_sha256)
            if self._planner.items.run.fail_fast:
                self._tally.stopped_by = self._tally.stopped_by or error
            self._end(item)
            return
        self._waiting.once_more(item.again())

    def _end(self, item: Item) -> None:
        item.has_ended = True
        self._ended += 1
        self._tally.ended += 1
        if item.is_film:
            self._films += 1
            self._crew.notary.forget.remote(str(item.task.source))
        self._ledger.ended(item)

    def _tell_engine(self) -> None:
        generator = self._planner.items.generator
        self._ledger.recorder.computed_by(
            EngineUsed(generator.name, self._planner.items.weights_sha256, self._crew.description)
        )
        self._told_engine = True
        told = f"coloring with '{generator.name}' on {self._crew.description}: {self._crew}"
        self._tally.listener.message(INFO, told)

    def _tell(self, *, listed: bool) -> None:
        films = self._plan.counts[Kind.FILM] - self._films
        total = len(self._plan) if listed else None
        failed = self._tally.counts[ItemStatus.FAILED]
        state = (self._ended, total, failed, films, len(self._crew.ready))
        if state == self._told:
            return
        self._told = state
        told = Progress(
            *(COLORING, self._ended, total, Unit.ITEMS),
            failed=failed,
            films_after=films,
            workers=state[-1],
        )
        self._tally.listener.progress(told)
