"""Folders and films that whole runs are tried on, and the one engine of all of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import write
from tests.fakes.engines import FakeEngine, for_all
from tests.film.sources import FilmSource, moving


@pytest.fixture(autouse=True)
def engine(monkeypatch: pytest.MonkeyPatch) -> FakeEngine:
    """The one engine of every run."""
    return for_all(monkeypatch)


@pytest.fixture
def scans(tmp_path: Path) -> Path:
    for seed in range(12):
        write(tmp_path / f"scans/{seed // 4}/{seed:02}.png", seed)
    return tmp_path / "scans"


@pytest.fixture
def film(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Three shots of two segments each."""
    monkeypatch.setattr("archivecolor.film.segments.LONGEST_S", 1.0)
    (tmp_path / "films").mkdir()
    return FilmSource([*moving(30), *moving(30, seed=5), *moving(30, seed=8)]).write(tmp_path / "films/a.mkv")
