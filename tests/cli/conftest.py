"""The command line, run inside this process with an engine that needs no weights."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from archivecolor.__main__ import main
from archivecolor.inference import select
from archivecolor.jobs.journal import FOLDER as JOURNALS
from tests.fakes.engines import FakeEngine, by_luma
from tests.stills.sources import luma_of


@dataclass(frozen=True)
class Done:
    """What a command said, and its exit code."""

    code: int
    out: str
    err: str

    @property
    def records(self) -> list[dict[str, Any]]:
        """The lines of ``--json``."""
        return [json.loads(line) for line in self.out.splitlines()]

    def lines_about(self, name: str) -> list[str]:
        """What was said on stderr of a file, the closing table left out."""
        return [line for line in self.err.splitlines() if line.startswith(f"{name}: ")]


Run = Callable[..., Done]


@pytest.fixture
def engine() -> FakeEngine:
    """The engine that commands get; a test may put another fake in its place."""
    return FakeEngine(by_luma)


@pytest.fixture
def run(engine: FakeEngine, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Run:
    """Run ``archivecolor`` with arguments; any exception that is no exit fails the test, as a traceback would."""

    def open_engine(*_: object, **__: object) -> FakeEngine:
        engine.closed = False
        return engine

    monkeypatch.setattr(select, "open_engine", open_engine)

    def invoke(*arguments: str | Path) -> Done:
        monkeypatch.setattr(sys, "argv", ["archivecolor", *map(str, arguments)])
        capfd.readouterr()
        code: object = 0
        try:
            main()
        except SystemExit as e:
            code = e.code or 0
        out, err = capfd.readouterr()
        assert isinstance(code, int)
        assert "Traceback" not in err
        return Done(code, out, err)

    return invoke


def photograph(seed: int = 0, height: int = 40, width: int = 60) -> npt.NDArray[np.uint8]:
    """A gray picture with some grain; each seed gives another."""
    slope = np.add.outer(np.linspace(30, 200, height), np.linspace(-30, 50, width))
    grainy = slope + np.random.default_rng(seed).normal(0, 8, slope.shape)
    return np.clip(grainy, 0, 255).astype(np.uint8)


def write(path: Path, seed: int = 0) -> Path:
    """Write a photograph in the format of the name, or as PNG where that names none."""
    path.parent.mkdir(parents=True, exist_ok=True)
    known = path.suffix.lower() in Image.registered_extensions()
    Image.fromarray(photograph(seed)).save(path, format=None if known else "PNG")
    return path


def tree(folder: Path) -> dict[str, bytes]:
    """Every file below a folder, hidden ones too, and what it holds; the journal left out."""
    found = {p.relative_to(folder): p for p in sorted(folder.rglob("*")) if p.is_file()}
    return {str(name): p.read_bytes() for name, p in found.items() if name.parts[0] != JOURNALS}


def assert_whole(target: Path, luma: npt.NDArray[np.uint8]) -> None:
    """A colored picture of exactly that luma."""
    with Image.open(target) as image:
        rgb = np.asarray(image.convert("RGB"))
    np.testing.assert_array_equal(luma_of(rgb), luma)
    assert np.ptp(rgb, axis=2).max() > 8


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Three good pictures, one of them in a folder of its own."""
    for i, name in enumerate(("a.png", "m.tif", "sub/z.bmp")):
        write(tmp_path / "in" / name, seed=i)
    return tmp_path / "in"


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """Where the results go; not made yet."""
    return tmp_path / "out"


def no_engine(*_: object, **__: object) -> NoReturn:
    """In the place of `open_engine`, where none should be loaded."""
    raise AssertionError("an engine was loaded though there is nothing to color")


@pytest.fixture
def done(run: Run, tmp_path: Path, out: Path) -> Path:
    """A folder with two PNGs and a JPEG that have been colored."""
    source = tmp_path / "in"
    for i, name in enumerate(("a.png", "b.jpg", "sub/c.png")):
        write(source / name, seed=i)
    assert run("folder", source, out).code == 0
    return source


def remade(run: Run, source: Path, out: Path, *options: str) -> list[str]:
    """The results that another run makes anew; it leaves no other file behind."""
    before = {name: (out / name).stat().st_ino for name in tree(out)}
    ended = run("folder", source, out, *options)
    assert ended.code == 0, ended.err
    after = {name: (out / name).stat().st_ino for name in tree(out)}
    made = sorted(name for name, inode in after.items() if before.get(name) != inode)
    assert f"{len(made)} colored" in ended.err
    return made
