"""The film command, run in the test's own folder with an engine that needs no weights."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from archivecolor.__main__ import main
from archivecolor.inference import select
from tests.fakes.engines import FakeEngine, by_luma
from tests.film.sources import FilmSource, moving

Run = Callable[..., int]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    """Run the command in ``tmp_path`` with an engine that needs no weights; gives the exit code."""
    monkeypatch.setattr(select, "open_engine", lambda *_args, **_options: FakeEngine(by_luma))
    monkeypatch.chdir(tmp_path)
    return command("video", monkeypatch)


def command(name: str, monkeypatch: pytest.MonkeyPatch) -> Run:
    """A command of archivecolor, which gives its exit code."""

    def call(*arguments: str) -> int:
        monkeypatch.setattr(sys, "argv", ["archivecolor", name, *arguments])
        try:
            main()
        except SystemExit as e:
            return int(e.code or 0)
        return 0

    return call


def film(name: str = "a.mkv", count: int = 12, **how: object) -> Path:
    return FilmSource(moving(count), **how).write(Path(name))  # type: ignore[arg-type]


def names() -> set[str]:
    return {p.name for p in Path.cwd().iterdir()}
