"""Plans that wait on disk."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import NoReturn

import pytest

from archivecolor.errors import OutputError
from archivecolor.jobs.records import Kind
from archivecolor.jobs.resume import Reason
from archivecolor.jobs.tasks import JsonLines, Task, TaskFile

SOURCE, OUT = Path("/archive/in"), Path("/archive/out")


def task(name: str, kind: Kind = Kind.STILL, reason: Reason = Reason.NEW, replaces: str | None = None) -> Task:
    return Task(SOURCE / name, OUT / "data" / name, name, kind, reason, replaces)


TASKS = [
    task("a.png"),
    task("sub/reel.mkv", Kind.FILM, Reason.SETTINGS, "7" * 64),
    task("two\nlines.png", reason=Reason.OVERWRITE),
    task(os.fsdecode(b"latin1-\xe9.png")),
]


def test_tasks_come_back_in_order_as_they_were_as_often_as_one_likes() -> None:
    with TaskFile(SOURCE, OUT) as file:
        for item in TASKS:
            file.add(item)
        assert list(file.tasks()) == list(file.tasks()) == TASKS
        assert list(file.tasks(Kind.FILM)) == [TASKS[1]]
        assert (len(file), file.counts[Kind.STILL]) == (4, 3)
        file.add(TASKS[0])
        assert list(file.tasks()) == [*TASKS, TASKS[0]]


def test_only_what_may_replace_something_says_so() -> None:
    assert [item.may_replace for item in TASKS] == [False, True, True, False]


def test_a_full_place_for_temporary_files_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    class Full:
        """A file on a disk without room."""

        def __init__(self, size: int) -> None: ...

        def write(self, line: bytes) -> NoReturn:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(tempfile, "SpooledTemporaryFile", Full)
    with pytest.raises(OutputError, match=f"{tempfile.gettempdir()}: cannot be written: No space left"):
        JsonLines().add(1)
