"""What is made again, one after the other: photographs in one lane and films in another, which takes longer.

The queue is on the disk before the page is told that something is in it, and what is made leaves it when it is whole.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, Final

from archivecolor.errors import ArchiveColorError, OutputError, UnexpectedError
from archivecolor.jobs.locks import BusyError
from archivecolor.jobs.records import Kind
from archivecolor.review.kept import Kept
from archivecolor.runs.folder.again import Again, NothingToDoError, Remaker
from archivecolor.runs.folder.films_clock import film_share
from archivecolor.runs.listener import ItemOutcome, Listener, Progress
from archivecolor.text import printable

log: Final = logging.getLogger(__name__)
_BUSY_S: Final = 2.0
"""Between two looks whether another run has ended."""
_TELL_S: Final = 0.2
_TOLD: Final = 20
"""Of the jobs, the page is told the first."""
_KEEP_S: Final = 1.0
"""So often at most the queue on the disk gets shorter; what is made would come out the same and is left."""


class State(StrEnum):
    """How far a job is."""

    WAITING = "waiting"
    WORKING = "working"
    BUSY = "busy"
    """It waits for another run, which is writing to OUT."""


@dataclass(slots=True, eq=False)
class Job:
    """An item that is to be made again."""

    again: Again
    kind: Kind
    state: State = State.WAITING
    share: float = 0.0
    """Of a film's work, reading and coloring, done."""
    not_before: float = 0.0
    stop: threading.Event = field(default_factory=threading.Event)

    def record(self) -> dict[str, Any]:
        """As the page has it."""
        return {"name": self.again.name, "kind": self.kind, "state": self.state, "share": round(self.share, 3)}


class Queue:
    """Makes what is put into it, in two threads of its own."""

    def __init__(
        self,
        remaker: Remaker,
        kept: Kept,
        made: Callable[[Again, str | None], None],
        tell: Callable[[dict[str, Any]], None],
    ) -> None:
        """``made`` is told of each item that is through, with what was wrong if anything was; ``tell`` of all jobs."""
        self._remaker, self._kept, self._made, self._tell = remaker, kept, made, tell
        self._news = threading.Condition()
        self._jobs: list[Job] = []
        self._closing = False
        self._kept_at = 0.0
        self.counts: Counter[str] = Counter()
        """'made', 'unchanged' and 'failed' items."""
        lanes = ((kind, f"make {kind}") for kind in Kind)
        self._threads = [threading.Thread(target=self._work, args=(kind,), name=n, daemon=True) for kind, n in lanes]

    def start(self) -> None:
        """Begin, with what the last review did not come to."""
        left = [again for again in self._kept.queue() if self._remaker.entry(again.name)]
        if left:
            log.info("%d pictures were still to be made again", len(left))
            self.put(left)
        for thread in self._threads:
            thread.start()

    def put(self, wanted: Iterable[Again]) -> None:
        """Have items made again, once each; one that is being made is made once more after that.

        Raises `OutputError` where that cannot be kept, and then none is.
        """
        with self._news:
            jobs = list(self._jobs)
            places = {job.again.name: place for place, job in enumerate(jobs) if job.state is not State.WORKING}
            for again in wanted:
                place = places.setdefault(again.name, len(jobs))
                if place == len(jobs):
                    entry = self._remaker.entry(again.name)
                    jobs.append(Job(again, entry.kind if entry else Kind.STILL))
                else:
                    jobs[place] = replace(jobs[place], again=_both(jobs[place].again, again))
            self._kept.keep_queue(job.again for job in jobs)
            self._jobs = jobs
            self._news.notify_all()
        self._say()

    def drop(self, name: str) -> None:
        """Make an item no more; a film that is under way stops, and goes on from there when it is wanted again."""
        with self._news:
            for job in self._jobs:
                if job.again.name == name:
                    job.stop.set()
            self._jobs = [job for job in self._jobs if job.again.name != name or job.state is State.WORKING]
            self._kept.keep_queue(job.again for job in self._jobs if not job.stop.is_set())
        self._say()

    def record(self) -> dict[str, Any]:
        """The first jobs, as the page has them, and how many there are."""
        with self._news:
            return {"jobs": [job.record() for job in self._jobs[:_TOLD]], "total": len(self._jobs)}

    def close(self) -> None:
        """End: the photograph under way is finished, a film stops; what is not made stays in the queue."""
        with self._news:
            self._closing = True
            for job in self._jobs:
                if job.kind is Kind.FILM:
                    job.stop.set()
            self._news.notify_all()
        for thread in self._threads:
            if thread.ident:
                thread.join()

    def _work(self, kind: Kind) -> None:
        while job := self._next(kind):
            ended = self._do(job)
            with self._news:
                if ended or (job.stop.is_set() and not self._closing):
                    self._jobs = [other for other in self._jobs if other is not job]
                    self._keep()
                else:
                    job.state = State.BUSY
                    job.not_before = time.monotonic() + _BUSY_S
                idle = not self._jobs
            if idle:
                self._settle()
            self._say()

    def _next(self, kind: Kind) -> Job | None:
        """The first job of a lane, once there is one; None at the end."""
        with self._news:
            while not self._closing:
                now = time.monotonic()
                waiting = [job for job in self._jobs if job.kind is kind and job.state is not State.WORKING]
                ready = next((job for job in waiting if job.not_before <= now), None)
                if ready:
                    ready.state = State.WORKING
                    return ready
                self._news.wait(_BUSY_S if waiting else None)
            return None

    def _do(self, job: Job) -> bool:
        """Make one item; False where it is not through."""
        self._say()
        name, began = job.again.name, time.monotonic()
        wrong: str | None = None
        try:
            self._kept.check()
            record = self._remaker.make(job.again, _Watch(job, self._say), job.stop)
        except BusyError:
            return False
        except NothingToDoError as e:
            return self._through(job, e.message.removeprefix(f"{name}: "), "unchanged")
        except ArchiveColorError as e:
            wrong = str(e).removeprefix(f"{name}: ")
        except Exception as e:
            log.debug("%s", printable(name), exc_info=True)
            wrong = str(UnexpectedError.of(e))
        else:
            if record.not_begun:
                return False
            for failed in record.failures:
                wrong = f"{failed.error or ''}{f' ({failed.hint})' if failed.hint else ''}"
        if not wrong:
            log.info("%s: made again in %.1f s", printable(name), time.monotonic() - began)
        return self._through(job, wrong, "failed" if wrong else "made")

    def _through(self, job: Job, wrong: str | None, how: str) -> bool:
        """Count an item that is through, and have it shown."""
        name = printable(job.again.name)
        self.counts[how] += 1
        if wrong:
            log.log(
                logging.ERROR if how == "failed" else logging.INFO, "%s: not made again: %s", name, printable(wrong)
            )
        try:
            self._made(job.again, wrong)
        except Exception:
            log.exception("%s: cannot be shown", name)
        return True

    def _keep(self) -> None:
        if self._jobs and time.monotonic() - self._kept_at < _KEEP_S:
            return
        self._kept_at = time.monotonic()
        try:
            self._kept.keep_queue(job.again for job in self._jobs)
        except OutputError as e:  # what is made already would be looked at once more
            log.error("%s", e)

    def _settle(self) -> None:
        try:
            self._remaker.settle()
        except ArchiveColorError as e:
            log.error("%s", e)

    def _say(self) -> None:
        self._tell(self.record())


def _both(a: Again, b: Again) -> Again:
    """What is wanted of an item by two."""
    return Again(a.name, a.anyway or b.anyway, a.forget_hints or b.forget_hints)


class _Watch(Listener):
    """Hears how far a job is."""

    def __init__(self, job: Job, say: Callable[[], None]) -> None:
        self._job, self._say, self._said_at = job, say, time.monotonic()

    def progress(self, progress: Progress) -> None:
        """Tell the page, not too often."""
        self._job.share = film_share(progress)
        if time.monotonic() - self._said_at > _TELL_S:
            self._said_at = time.monotonic()
            self._say()

    def item_done(self, outcome: ItemOutcome) -> None:
        """Warnings for people at the terminal."""
        for warning in outcome.warnings:
            log.warning("%s: %s", printable(outcome.name), printable(warning))

    def message(self, level: int, text: str) -> None:
        """For people at the terminal."""
        log.log(level, "%s", printable(text))
