"""What a shard does when its own share is made: films of the other shards, or the segments of them that are left.

Films that somebody is at work on come first, for of these one is what all wait for in the end; then those that nobody
has begun. Whatever goes wrong is told by the shard whose share the film is, or by the next run.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Final

from archivecolor.chroma.loaded import InColorError
from archivecolor.errors import ArchiveColorError, Stopped, UnexpectedError
from archivecolor.jobs.claims import Watched
from archivecolor.jobs.discover import Item
from archivecolor.jobs.tasks import Task
from archivecolor.runs.film.sharing import (
    FinishedElsewhereError,
    is_anybody_at_work,
    is_begun,
    is_there_to_do,
    shared_folder,
)
from archivecolor.runs.folder.films_clock import FilmsClock
from archivecolor.runs.folder.plan import Planner
from archivecolor.runs.folder.run import FolderRun
from archivecolor.runs.listener import INFO
from archivecolor.text import printable

log: Final = logging.getLogger(__name__)

_LOOK_S: Final = 2.0
"""Between two looks while others make all that is left."""


def help_others(planner: Planner, open_run: Callable[[], FolderRun], wait: Callable[[float], bool]) -> None:
    """Make what is left of the films of other shards; returns when all are made, or left to their shards.

    ``open_run`` loads the engine when there is something for it to do; ``wait`` sleeps, and says whether to end.
    """
    films, watched = planner.films_of_others(), Watched()
    while films and not planner.stopped():
        films.sort(key=lambda item: not shared_folder(item.target).exists())
        waiting = []
        for item in films:
            if planner.stopped():
                return
            task = planner.task_of_another(item)
            busy = is_anybody_at_work(item.target, watched)
            if task is None or (planner.rules.overwrite and not busy):
                continue
            if is_there_to_do(item.target, watched):
                try:
                    run = open_run()
                except Stopped:
                    if not planner.stopped():
                        raise  # a listener's own
                    return
                _help(run, planner, item, task)
            elif busy:
                waiting.append(item)
        if len(waiting) == len(films) and wait(_LOOK_S):
            return
        films = waiting


def _help(run: FolderRun, planner: Planner, item: Item, task: Task) -> None:
    listener = run.tally.listener
    listener.message(INFO, f"helping with {task.name}, which is another shard's")

    def is_wanted() -> bool:
        begun = not planner.rules.overwrite or is_begun(item.target)  # else its shard would make it once more
        return begun and planner.task_of_another(item) is not None

    try:
        run.film(task, FilmsClock(listener, [task.source]), is_wanted)
    except Exception as e:
        if listener.raised:
            raise
        if isinstance(e, Stopped | FinishedElsewhereError | InColorError):
            return
        log.debug("%s", printable(task.name), exc_info=True)
        error = e if isinstance(e, ArchiveColorError) else UnexpectedError.of(e)
        listener.message(INFO, f"{task.name}: is left to its shard: {error.message}")
