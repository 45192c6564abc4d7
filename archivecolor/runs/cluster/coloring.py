"""A folder run whose items are made by the workers of a cluster, round by round."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import chain
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from archivecolor.jobs.journal import FOLDER
from archivecolor.jobs.recording import Recorder
from archivecolor.jobs.tasks import Task, TaskFile
from archivecolor.runs.cluster.connection import size_of
from archivecolor.runs.cluster.crew import Crew
from archivecolor.runs.cluster.dispatch import Dispatch
from archivecolor.runs.cluster.folder_worker import FolderWorker, Order
from archivecolor.runs.cluster.signs import first_of, put_sign, remove_signs
from archivecolor.runs.cluster.worker import Seen
from archivecolor.runs.folder.plan import Planner, make_out
from archivecolor.runs.folder.transit import Transit
from archivecolor.runs.settings import ClusterSettings
from archivecolor.version import __version__

_SIGN: Final = "seen-"


class ClusterColoring:
    """The workers of a run, who are started when there is something for them to do."""

    def __init__(
        self, settings: ClusterSettings, planner: Planner, recorder: Recorder, transit: Transit | None = None
    ) -> None:
        """Raises `UsageError` where no machine of the cluster will do."""
        self._settings, self._planner, self._recorder = settings, planner, recorder
        self._transit = transit
        self._size = size_of(settings)
        self._crew: Crew | None = None

    def color(self, plan: TaskFile, tasks: Iterator[Task]) -> int:
        """Make ``tasks`` while they are planned; gives how many were not begun. Raises `ArchiveColorError`."""
        first = next(tasks, None)
        if first is None:
            return 0
        self._crew = self._crew or self._open()
        dispatch = Dispatch(
            self._planner, self._recorder, self._crew, plan, self._transit.lines if self._transit else None
        )
        dispatch.run(chain((first,), tasks))
        return dispatch.not_begun

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._crew:
            self._crew.close()
            remove_signs(self._planner.out / FOLDER, _SIGN)

    def _open(self) -> Crew:
        planner, items = self._planner, self._planner.items
        make_out(planner)
        self._recorder.claim()
        own = put_sign(planner.out / FOLDER, _SIGN)
        color, size = items.run.color, self._size
        named = [*color.references, color.hints, items.run.sign_key, items.run.sign_certificates]
        places = self._transit.places if self._transit else (planner.source, planner.out)
        on_disk = tuple(str(place) for place in places if isinstance(place, Path))
        signs = [*map(str, [own] if isinstance(places[1], Path) else []), *(str(path) for path in named if path)]
        seen = Seen(
            __version__,
            items.run.generator,
            items.weights_sha256,
            on_disk,
            (*signs, *(first_of(places[0]) if isinstance(places[0], Path) else ())),
            (str(places[0]), str(places[1])),
        )
        order = Order(
            planner.source,
            planner.out,
            places if self._transit else None,
            replace(items.run, cluster=None),
            self._recorder.run,
            chosen=planner.rules.chosen,
            cores=size.cores,
        )
        return Crew(size, self._settings.workers, seen, order, FolderWorker)
