"""What a worker of a cluster does with one film, as ``video --cluster`` has it: it makes segments until it is whole.

The driver has planned the film, and the `Notary` keeps the plan; who joins the segments leaves there what is known of
the whole, before it asks whether the film may have its name.
"""

from __future__ import annotations

import pickle
import platform
import time
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final

import ray

from archivecolor import resources
from archivecolor.chroma.control.hint_zip import for_film
from archivecolor.errors import ArchiveColorError, Stopped, UnexpectedError
from archivecolor.inference import select
from archivecolor.jobs.locks import BusyError
from archivecolor.jobs.recording import Begun, now_utc
from archivecolor.jobs.records import FileState, RunRecord, Status
from archivecolor.jobs.resume import Reason
from archivecolor.jobs.tasks import Task
from archivecolor.runs.cluster.worker import Made, ToDriver, Told, Worker, a_shard, is_to_make
from archivecolor.runs.film.sharing import FinishedElsewhereError
from archivecolor.runs.listener import ItemOutcome, ItemStatus
from archivecolor.runs.settings import FilmSettings

if TYPE_CHECKING:
    from archivecolor.runs.film.plan import FilmPlan, Whole

PLAN: Final = "plan"
WHOLE: Final = "whole"
ERROR: Final = "error"
"""Names under which the notary keeps the film's `FilmPlan`, its `Whole`, and why a worker failed to make it."""


@dataclass(frozen=True, slots=True)
class FilmOrder:
    """What a worker must know before the film is planned."""

    out: Path
    """The folder of the result. As all paths it is absolute."""
    settings: FilmSettings
    run: RunRecord
    cores: int


class FilmWorker(Worker):
    """The actor. `make` is called again where it may help once more."""

    def begin(self, order: FilmOrder) -> str | ArchiveColorError:
        """Load the engine; gives its description, or what went wrong."""
        resources.keep_to(order.cores)
        settings = order.settings.engine
        try:
            engine = replace(settings, threads=settings.threads or order.cores)
            self._engine = select.open_engine(engine, order.settings.generator)
        except ArchiveColorError as e:
            return e
        except Exception as e:  # noqa: BLE001 - whatever it is, this machine cannot work
            return UnexpectedError.of(e)
        self._film, self._shard = order, a_shard()
        return self._engine.description

    def make(self, chunk: int, tasks: Iterable[Task]) -> Made:
        """Make the film with the others."""
        began, told = time.monotonic(), Told(self._notary, chunk)
        (task,) = tasks
        error: ArchiveColorError | None = None
        outcome = ItemOutcome(task.source, task.name, ItemStatus.COLORED, task.kind, task.target)
        try:
            self._color(chunk, task, told)
        except Stopped:
            return Made((), frozenset(), frozenset(), tuple(told.warnings), None, time.monotonic() - began)
        except FinishedElsewhereError:
            outcome = replace(outcome, status=ItemStatus.EXISTS, reason=Reason.DONE)
        except ArchiveColorError as e:
            error = e
        except Exception as e:  # noqa: BLE001 - the driver tells it
            error = UnexpectedError.of(e)
        if error:
            ray.get(self._notary.keep.remote(ERROR, pickle.dumps(error)))
            outcome = replace(outcome, status=ItemStatus.FAILED, error=error.message, hint=error.hint)
        return Made(
            (replace(outcome, machine=platform.node()),),
            frozenset(),
            frozenset({task.name} if isinstance(error, BusyError) else ()),
            tuple(told.warnings),
            None,
            time.monotonic() - began,
        )

    def _color(self, chunk: int, task: Task, told: Told) -> None:
        from archivecolor.runs.film.job import make_film

        plan: FilmPlan = pickle.loads(ray.get(self._notary.kept.remote(PLAN)))  # noqa: S301 - as Ray hands over all
        request = plan.request
        settings = replace(request.settings, cluster=None, shard=self._shard, overwrite=False)
        plan = replace(plan, request=replace(request, settings=settings))
        notes = ToDriver(self._film.out, self._film.run, self._notary, chunk, chosen=False)
        begun = Begun(task, plan.read, now_utc(), time.monotonic())

        def note(made: BinaryIO | FileState, whole: Whole) -> None:
            ray.get(self._notary.keep.remote(WHOLE, pickle.dumps(whole)))
            notes.made(begun, Status.COLORED, {}, task.target, made)

        with for_film(request.settings.color, task.source.name) as color:
            make_film(
                *(plan, self._engine, color, told, self._stop),
                before_naming=note,
                is_wanted=lambda: is_to_make(task),
            )
