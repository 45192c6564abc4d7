"""A Ray cluster of several machines, all of them processes of this one, and an archive for it to color."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from pathlib import Path

import pytest

from archivecolor.film import segments
from archivecolor.runs.folder.job import color_folder
from tests.cli.conftest import out, write
from tests.fakes.engines import for_all
from tests.fakes.flaky import FlakyProxy
from tests.fakes.machines import Machines
from tests.film.sources import FilmSource, moving
from tests.storage.conftest import bucket, environment, proxy

__all__ = ["bucket", "out", "proxy"]

SECONDS = 0.05
SEGMENT_S = 0.4
NAMES = ("anna", "bert")


@pytest.fixture(scope="session")
def spools(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where workers have their spools."""
    return tmp_path_factory.mktemp("spools")


@pytest.fixture(scope="session")
def machines(spools: Path, request: pytest.FixtureRequest) -> Iterator[Machines]:
    """Two machines with a worker each, for all tests of this process; a test leaves them as it found them."""
    told = {}
    if importlib.util.find_spec("moto"):
        flaky: FlakyProxy = request.getfixturevalue("proxy")
        told = environment(flaky)
    made = Machines(SECONDS, TMPDIR=str(spools), **told)
    for name in NAMES:
        made.add(segment_s=SEGMENT_S, machine=name)
    yield made
    made.close()


def archive(folder: Path, count: int, boxes: int, film: str) -> Path:
    """Small pictures in so many folders, a film, a text, and a damaged picture."""
    for i in range(count):
        write(folder / f"box {i % boxes}" / f"{i:02d}.png", seed=i)
    FilmSource(moving(12), audio=1).write(folder / film)
    (folder / "notes.txt").write_text("not a picture")
    (folder / "torn.png").write_bytes((folder / "box 0" / "00.png").read_bytes()[:60])
    return folder


@pytest.fixture(scope="module")
def whole(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What one machine makes of a module's archive on its disk."""
    made = tmp_path_factory.mktemp("whole") / "out"
    with pytest.MonkeyPatch.context() as patch:
        for_all(patch)
        patch.setattr(segments, "LONGEST_S", SEGMENT_S)
        color_folder(source, made)
    return made
