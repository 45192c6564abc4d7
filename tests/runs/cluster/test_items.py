"""Films that more workers could share."""

from __future__ import annotations

from pathlib import Path

from archivecolor.jobs.records import Kind
from archivecolor.jobs.resume import Reason
from archivecolor.jobs.tasks import Task
from archivecolor.runs.cluster.items import TRIES, Chunk, Item, films_in


def test_deaths_that_are_not_counted_yet_let_no_more_workers_die_of_a_film() -> None:
    film = Item(Task(Path("in/a.mp4"), Path("out/a.mp4"), "a.mp4", Kind.FILM, Reason.NEW), deaths=TRIES - 1)
    chunks = [Chunk(number, {"a.mp4": film}, None) for number in range(2)]
    assert films_in(chunks, []) == [film]
    assert films_in(chunks, chunks[:1]) == []
