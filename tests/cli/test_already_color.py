"""``--already-color``: what becomes of photographs that are in color already."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from archivecolor.inference import select
from archivecolor.jobs.atomic import part_path
from tests.cli.conftest import Run, assert_whole, no_engine, photograph, tree, write
from tests.conftest import Picture
from tests.fakes.engines import FakeEngine
from tests.stills.sources import luma_of


@pytest.fixture
def mixed(tmp_path: Path, color_photographs: dict[str, Picture]) -> Path:
    """A gray picture, a toned one and two in color."""
    folder = tmp_path / "in"
    write(folder / "gray.png", seed=1)
    gray = photograph(2).astype(np.float64) / 255
    sepia = np.stack((gray**0.8, gray, gray**1.3), axis=-1) * 255
    Image.fromarray(sepia.astype(np.uint8)).save(folder / "sepia.tif")
    Image.fromarray(color_photographs["astronaut"]).save(folder / "astronaut.jpg", subsampling=2)
    Image.fromarray(color_photographs["coffee"]).save(folder / "coffee.png")
    return folder


def test_they_are_left_out_and_counted(run: Run, mixed: Path, out: Path, engine: FakeEngine) -> None:
    done = run("folder", mixed, out)
    assert done.code == 0
    assert sorted(tree(out)) == ["gray.png", "sepia.tif"]
    assert engine.pictures == 2
    assert done.lines_about("astronaut.jpg") == []
    assert "astronaut.jpg: is in color already, left out" in run("folder", mixed, out, "-v").err
    assert "2 colored" in done.err
    assert "2 in color already" in done.err
    assert_whole(out / "gray.png", photograph(1))


def test_a_run_without_any_does_not_speak_of_them(run: Run, source: Path, out: Path) -> None:
    assert "in color already" not in run("folder", source, out).err


@pytest.mark.parametrize("options", [(), ("--format", "tiff")], ids=["own format", "another format"])
def test_copies_are_the_files_themselves_under_their_own_names(
    options: tuple[str, ...], run: Run, mixed: Path, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = run("folder", mixed, out, "--already-color", "copy", "--json", *options)
    assert done.code == 0
    for name in ("astronaut.jpg", "coffee.png"):
        assert (out / name).read_bytes() == (mixed / name).read_bytes()
    statuses = {Path(r["source"]).name: r["status"] for r in done.records}
    assert statuses == {
        "astronaut.jpg": "copied",
        "coffee.png": "copied",
        "gray.png": "colored",
        "sepia.tif": "colored",
    }
    before = tree(out)
    if not options:
        monkeypatch.setattr(select, "open_engine", no_engine)
    assert "4 already there" in run("folder", mixed, out, "--already-color", "copy", *options).err
    assert tree(out) == before


def test_recolor_colors_them_from_their_luma(
    run: Run, mixed: Path, out: Path, color_photographs: dict[str, Picture]
) -> None:
    done = run("folder", mixed, out, "--already-color", "recolor")
    assert (done.code, len(tree(out))) == (0, 4)
    assert_whole(out / "coffee.png", np.asarray(luma_of(color_photographs["coffee"]), np.uint8))


def test_json_says_why_a_picture_was_skipped(run: Run, mixed: Path, out: Path) -> None:
    records = run("folder", mixed, out, "--json").records
    skipped = {Path(r["source"]).name: r["reason"] for r in records if r["status"] == "skipped"}
    assert skipped == {"astronaut.jpg": "is in color already", "coffee.png": "is in color already"}


def test_fail_fast_does_not_stop_at_them(run: Run, mixed: Path, out: Path) -> None:
    done = run("folder", mixed, out, "--fail-fast", "--jobs", "1")
    assert done.code == 0
    assert "2 colored" in done.err


def test_a_copy_that_cannot_be_written_is_a_failure_of_that_picture(run: Run, mixed: Path, out: Path) -> None:
    out.mkdir()
    part_path(out / "coffee.png").mkdir()
    done = run("folder", mixed, out, "--already-color", "copy")
    assert done.code == 7
    assert "cannot be written" in done.lines_about("coffee.png")[0]
    assert sorted(p.name for p in out.iterdir() if p.is_file()) == ["astronaut.jpg", "gray.png", "sepia.tif"]
