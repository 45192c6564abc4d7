"""``archivecolor folder`` on good trees: what is colored, what is left alone, and under which names."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from archivecolor.inference import select
from archivecolor.jobs.atomic import part_path
from tests.cli.conftest import Run, assert_whole, no_engine, photograph, tree, write
from tests.fakes.engines import FakeEngine


def test_a_tree_is_mirrored_in_color(run: Run, source: Path, out: Path) -> None:
    before = tree(source)
    done = run("folder", source, out)
    assert (done.code, done.out) == (0, "")
    assert sorted(tree(out)) == ["a.png", "m.tif", "sub/z.bmp"]
    for i, name in enumerate(tree(out)):
        assert_whole(out / name, photograph(i))
    assert tree(source) == before
    assert "3 to color with 'archive' on FakeEngine" in done.err
    assert re.search(r"3 colored in .*, 0 already there, 0 not pictures, 0 failed\n", done.err)


def test_the_second_run_changes_nothing_and_loads_no_engine(
    run: Run, source: Path, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run("folder", source, out)
    before, times = tree(out), {p: p.stat().st_mtime_ns for p in out.rglob("*") if p.is_file()}
    monkeypatch.setattr(select, "open_engine", no_engine)
    done = run("folder", source, out)
    assert done.code == 0
    assert tree(out) == before
    assert {p: p.stat().st_mtime_ns for p in out.rglob("*") if p.is_file()} == times
    assert "0 colored" in done.err
    assert "3 already there" in done.err


def test_a_run_makes_only_what_is_missing(run: Run, source: Path, out: Path, engine: FakeEngine) -> None:
    run("folder", source, out)
    before = tree(out)
    (out / "m.tif").unlink()
    write(source / "new.png", seed=9)
    kept = (out / "a.png").stat().st_mtime_ns
    engine.pictures = 0
    done = run("folder", source, out)
    assert engine.pictures == 2
    assert "2 colored" in done.err
    assert (out / "a.png").stat().st_mtime_ns == kept
    assert {k: v for k, v in tree(out).items() if k != "new.png"} == before


def test_overwrite_makes_everything_anew(run: Run, source: Path, out: Path, engine: FakeEngine) -> None:
    run("folder", source, out)
    gray = {name: photograph(i) for i, name in enumerate(tree(out))}
    done = run("folder", source, out, "--overwrite", "--strength", "0")
    assert (done.code, engine.pictures) == (0, 6)
    for name, luma in gray.items():
        with Image.open(out / name) as image:
            np.testing.assert_array_equal(np.asarray(image.convert("RGB")), np.dstack([luma] * 3))


def test_dry_run_says_what_would_be_done_and_writes_nothing(
    run: Run, source: Path, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(select, "open_engine", no_engine)
    done = run("folder", source, out, "--dry-run")
    assert done.code == 0
    assert done.out.splitlines() == [f"{source / n} -> {out / n}" for n in ("a.png", "m.tif", "sub/z.bmp")]
    assert not out.exists()
    assert "3 to color, 0 already there" in done.err


def test_dry_run_touches_nothing_in_a_folder_that_exists(run: Run, source: Path, out: Path) -> None:
    out.mkdir()
    part_path(out / "a.png").write_bytes(b"left by a killed run")
    write(out / "m.tif")
    before = tree(out)
    done = run("folder", source, out, "--dry-run", "--json")
    assert tree(out) == before
    assert [r["status"] for r in done.records] == ["planned", "exists", "planned"]


def test_sources_that_would_share_a_result_keep_their_suffix_and_none_is_lost(
    run: Run, tmp_path: Path, out: Path
) -> None:
    for i, name in enumerate(("a.tif", "a.bmp", "b.tif", "plate.1", "plate.2", "c.tif")):
        write(tmp_path / "in" / name, seed=i)
    (tmp_path / "in" / "c.xmp").write_text("a sidecar takes no name away")
    done = run("folder", tmp_path / "in", out, "--format", "png")
    assert done.code == 0
    assert sorted(tree(out)) == ["a.bmp.png", "a.tif.png", "b.png", "c.png", "plate.1.png", "plate.2.png"]
    assert_whole(out / "a.tif.png", photograph(0))
    assert_whole(out / "a.bmp.png", photograph(1))
    assert run("folder", tmp_path / "in", out, "--format", "png").err.count("6 already there") == 1


def test_a_result_name_that_is_taken_for_good_is_a_failure(run: Run, tmp_path: Path, out: Path) -> None:
    for name in ("a.tif", "a.bmp", "a.tif.png"):
        write(tmp_path / "in" / name)
    done = run("folder", tmp_path / "in", out, "--format", "png")
    assert done.code == 7
    assert "its result would be named a.tif.png, and so would another's" in done.lines_about("a.tif")[0]
    assert sorted(tree(out)) == ["a.bmp.png", "a.tif.png"]


@pytest.mark.parametrize("name", ["png", "PNG", "tiff", "tif", "jpeg", "jpg", "webp", "bmp"])
def test_every_format_can_be_asked_for_by_its_names(name: str, run: Run, source: Path, out: Path) -> None:
    done = run("folder", source, out, "--format", name, "--only", "a.png")
    kind = {"TIF": "TIFF", "JPG": "JPEG"}.get(name.upper(), name.upper())
    (made,) = out.glob("a.*")
    assert made.suffix == {"PNG": ".png", "TIFF": ".tif", "JPEG": ".jpg", "WEBP": ".webp", "BMP": ".bmp"}[kind]
    with Image.open(made) as image:
        assert image.format == kind
    assert done.code == 0


def test_what_a_killed_run_left_is_cleared_whether_its_picture_is_there_or_not(
    run: Run, source: Path, out: Path
) -> None:
    run("folder", source, out)
    for name in ("a.png", "m.tif", "sub/z.bmp"):
        part_path(out / name).write_bytes(b"half")
    (out / "m.tif").unlink()
    (out / ".somebody's.part").write_bytes(b"not ours")
    assert run("folder", source, out).code == 0
    assert sorted(tree(out)) == [".somebody's.part", "a.png", "m.tif", "sub/z.bmp"]


def test_a_file_that_another_run_makes_meanwhile_is_already_there(
    run: Run, source: Path, out: Path, engine: FakeEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    colorize = engine.colorize

    def slowly(luma: Any, hints: Any = None) -> Any:
        if not (out / "a.png").exists():
            (out / "a.png").write_bytes(b"theirs")
        return colorize(luma, hints)

    monkeypatch.setattr(engine, "colorize", slowly)
    done = run("folder", source, out, "--jobs", "1")
    assert done.code == 0
    assert (out / "a.png").read_bytes() == b"theirs"
    assert "2 colored" in done.err
    assert "1 already there" in done.err
    assert "not begun" not in done.err
    assert sorted(tree(out)) == ["a.png", "m.tif", "sub/z.bmp"]


def test_only_colors_what_matches(run: Run, source: Path, out: Path) -> None:
    done = run("folder", source, out, "--only", "*.tif", "--only", "sub/*")
    assert done.code == 0
    assert sorted(tree(out)) == ["m.tif", "sub/z.bmp"]


def test_results_get_the_permissions_of_new_files(run: Run, source: Path, out: Path) -> None:
    mask = os.umask(0o027)
    try:
        run("folder", source, out)
    finally:
        os.umask(mask)
    assert (out / "a.png").stat().st_mode & 0o777 == 0o640


def test_the_engine_is_closed_when_the_run_ends(run: Run, source: Path, out: Path, engine: FakeEngine) -> None:
    run("folder", source, out)
    assert engine.closed


def test_a_run_of_many_pictures_in_many_threads_gives_each_its_own_colors(run: Run, tmp_path: Path, out: Path) -> None:
    for i in range(40):
        write(tmp_path / "in" / f"{i:02d}.png", seed=i)
    assert run("folder", tmp_path / "in", out, "--jobs", "8").code == 0
    for i in range(40):
        assert_whole(out / f"{i:02d}.png", photograph(i))
