"""What a hostile file, a strange folder or a broken disk can do to a run: nothing is lost, nothing hangs."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.conftest import Run

HANGS_S = 20


@pytest.fixture(autouse=True)
def alarm() -> Iterator[None]:
    """End a test that hangs: SIGALRM's default is to kill, here it raises."""

    def hung(*_: object) -> None:
        raise TimeoutError

    before = signal.signal(signal.SIGALRM, hung)
    signal.alarm(HANGS_S)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


def test_a_pipe_in_the_place_of_any_input_is_refused_at_once(run: Run, source: Path, out: Path, tmp_path: Path) -> None:
    pipe = tmp_path / "pipe.png"
    os.mkfifo(pipe)
    for code, command in (
        (3, ("strip", pipe, tmp_path / "gray.png")),
        (3, ("folder", source, out, "--only-from", pipe)),
        (2, ("folder", source, out, "--hints-dir", pipe)),
        (3, ("video", pipe, tmp_path / "film.mkv")),
    ):
        done = run(*command)
        assert done.code == code, done.err
        assert f"{pipe}: " in done.err
    done = run("folder", source, out, "--reference", pipe)
    assert done.code in (3, 7)
    assert "is no regular file" in done.err
