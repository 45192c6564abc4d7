"""``archivecolor folder`` on bad files, odd names, full disks and failing engines: the rest is done, none is lost."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import pytest
from PIL import Image

from archivecolor.inference import select
from tests.cli.conftest import Run, assert_whole, photograph, tree, write
from tests.fakes.disks import tiny_disk
from tests.fakes.engines import FailingEngine, FakeEngine, NanEngine
from tests.stills.sources import JPEG, LOSSLESS, read_back

BAD: dict[str, tuple[Callable[[Path], object], str]] = {
    "empty.jpg": (lambda p: p.touch(), "is empty"),
    "text.jpg": (lambda p: p.write_text("Box 7, plate 12"), "is no picture"),
    "cut.jpg": (lambda p: cut(JPEG["jpeg gray"].at, p), "is damaged"),
    "cut 8.png": (lambda p: cut(LOSSLESS["png gray 8"].at, p), "is damaged"),
    "cut 16.png": (lambda p: cut(LOSSLESS["png gray 16"].at, p), "is damaged"),
    "cut.tif": (lambda p: cut(LOSSLESS["tif gray 16"].at, p), "ends early"),
    "cut deflate.tif": (lambda p: cut(LOSSLESS["tif Deflate 16 predicted"].at, p), "ends early"),
    "cut.webp": (lambda p: cut(LOSSLESS["webp lossless"].at, p), "damaged"),
    "cut.bmp": (lambda p: cut(LOSSLESS["bmp gray 8"].at, p), "is damaged"),
    "moving.gif": (lambda p: Image.new("L", (9, 9)).save(p), "is GIF, which archivecolor does not read"),
    "gone.jpg": (lambda p: p.symlink_to("nowhere"), "is a broken link"),
    "loop.jpg": (lambda p: p.symlink_to(p), "is a broken link"),
}


def cut(make: Callable[[Path], Path], path: Path) -> None:
    made = make(path.parent)
    path.write_bytes(made.read_bytes()[: made.stat().st_size * 2 // 3])
    made.unlink()


@pytest.mark.parametrize("name", BAD)
def test_a_bad_file_is_named_once_with_the_reason_and_the_others_are_done(
    name: str, run: Run, source: Path, out: Path
) -> None:
    make, reason = BAD[name]
    make(source / name)
    done = run("folder", source, out)
    assert done.code == 7
    assert sorted(tree(out)) == ["a.png", "m.tif", "sub/z.bmp"]
    (line,) = done.lines_about(name)
    assert reason in line
    assert str(source) not in line
    assert "3 colored" in done.err
    assert "1 failed" in done.err
    assert "archivecolor: 1 failed" in done.err
    assert "not begun" not in done.err


def test_all_bad_files_at_once_are_each_told_and_a_second_run_tells_them_again(
    run: Run, source: Path, out: Path
) -> None:
    for name, (make, _) in BAD.items():
        make(source / name)
    for colored in (3, 0):
        done = run("folder", source, out, "--json")
        assert done.code == 7
        failed = {Path(r["source"]).name: r for r in done.records if r["status"] == "failed"}
        assert sorted(failed) == sorted(BAD)
        for name, record in failed.items():
            assert BAD[name][1] in record["error"]
            assert len(done.lines_about(name)) == 1
        assert f"{colored} colored" in done.err
    assert sorted(tree(out)) == ["a.png", "m.tif", "sub/z.bmp"]


def test_a_file_that_may_not_be_read_is_named_with_the_reason(
    run: Run, source: Path, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(source / "locked.png")
    opened = os.open

    def refuse(path: Any, *args: Any, **kwargs: Any) -> int:
        if str(path).endswith("locked.png"):
            raise PermissionError(13, "Permission denied", str(path))
        return opened(path, *args, **kwargs)

    monkeypatch.setattr(os, "open", refuse)
    done = run("folder", source, out)
    assert done.code == 7
    assert done.lines_about("locked.png") == ["locked.png: cannot be read: Permission denied (check its permissions)"]
    assert "3 colored" in done.err


def test_a_picture_that_breaks_while_it_is_read_does_not_end_the_run(
    run: Run, source: Path, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from archivecolor.stills import png

    def fail(*_: object) -> NoReturn:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(png, "_chunks", fail)
    done = run("folder", source, out)
    assert done.code == 7
    assert "Input/output error" in done.lines_about("a.png")[0]
    assert "2 colored" in done.err


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".tif", ".webp", ".bmp"])
def test_tiny_and_flat_pictures_are_colored(suffix: str, run: Run, tmp_path: Path, out: Path) -> None:
    source = tmp_path / "in"
    source.mkdir()
    for name, picture in {
        "one pixel": np.full((1, 1), 77, np.uint8),
        "one row": photograph(width=512)[:1],
        "one column": photograph(height=512)[:, :1],
        "black": np.zeros((30, 40), np.uint8),
        "white": np.full((30, 40), 255, np.uint8),
    }.items():
        Image.fromarray(picture).save(source / (name + suffix))
    done = run("folder", source, out)
    assert done.code == 0
    assert "5 colored" in done.err
    assert np.unique(read_back(out / f"black{suffix}")).tolist() == [0]
    assert np.unique(read_back(out / f"white{suffix}")).tolist() == [255]
    assert read_back(out / f"one row{suffix}").shape == (1, 512, 3)


NAMES = [
    "a photograph of 1904.png",
    "🖼️ Straße, 春.png",
    "-rf.png",
    "--help.png",
    "two\nlines.png",
    "a\ttab and a \x1b[31m color.png",
    "[abc]*?.png",
    "n" * 251 + ".png",
    os.fsdecode(b"latin1-\xe9.png"),
]


def test_files_of_any_name_are_colored_and_said_on_one_line_each(run: Run, tmp_path: Path, out: Path) -> None:
    for i, name in enumerate(NAMES):
        write(tmp_path / "in" / name, seed=i)
        (tmp_path / "in" / f"{name[:200]}.jpg").touch()  # empty: to be told by name
    done = run("folder", tmp_path / "in", out, "-v")
    assert done.code == 7
    for i, name in enumerate(NAMES):
        assert_whole(out / name, photograph(i))
    assert "9 colored" in done.err
    assert "9 failed" in done.err
    assert "\x1b" not in done.err
    said = [line for line in done.err.splitlines() if ": is empty" in line]
    assert len(said) == 9
    assert any(line.startswith(r"two\nlines.png.jpg: ") for line in said)
    assert any(line.startswith(r"latin1-\udce9.png.jpg: ") for line in said)


def test_json_and_dry_run_can_say_any_name(run: Run, tmp_path: Path, out: Path) -> None:
    for name in NAMES:
        write(tmp_path / "in" / name)
    done = run("folder", tmp_path / "in", out, "--json", "--dry-run")
    assert sorted(Path(r["source"]).name for r in done.records) == sorted(NAMES)
    plain = run("folder", tmp_path / "in", out, "--dry-run")
    assert len(plain.out.splitlines()) == len(NAMES)
    assert "\x1b" not in plain.out


def test_what_is_no_picture_and_was_not_expected_to_be_is_passed_by(run: Run, source: Path, out: Path) -> None:
    (source / "notes.txt").write_text("Box 7")
    (source / "Thumbs.db").write_bytes(b"\xd0\xcf\x11\xe0")
    (source / "empty").touch()
    (source / ".hidden.png").write_bytes(b"")
    (source / "round").symlink_to(source)
    done = run("folder", source, out)
    assert done.code == 0
    assert "3 colored" in done.err
    assert "4 not pictures, 0 failed" in done.err
    assert "notes.txt" not in done.err
    assert "1 link to a folder was not followed" in done.err
    done = run("folder", source, out, "-v")
    assert "notes.txt: skipped, is no picture" in done.err
    assert "round: skipped, is a link to a folder, not followed" in done.err


class TestFailures:
    """Failures of the engine and of the disk, part of the way through."""

    @pytest.fixture
    def source(self, tmp_path: Path) -> Path:
        """Nine pictures."""
        for i in range(9):
            write(tmp_path / "in" / f"{i}.png", seed=i)
        return tmp_path / "in"

    @pytest.fixture
    def engine(self) -> FakeEngine:
        """It fails at the third picture."""
        return FailingEngine(3)

    def test_a_picture_that_the_engine_fails_at_is_told_and_made_by_the_next_run(
        self, run: Run, source: Path, out: Path
    ) -> None:
        done = run("folder", source, out, "--jobs", "1")
        assert done.code == 7
        assert done.lines_about("2.png") == ["2.png: engine 'fake' failed: the device is lost"]
        assert sorted(tree(out)) == [f"{i}.png" for i in range(9) if i != 2]
        again = run("folder", source, out)
        assert again.code == 0
        assert "1 colored" in again.err
        assert "8 already there" in again.err

    def test_fail_fast_stops_at_the_first_failure_and_what_is_begun_is_finished(
        self, run: Run, source: Path, out: Path
    ) -> None:
        done = run("folder", source, out, "--jobs", "1", "--fail-fast")
        assert done.code == 6
        made = tree(out)
        assert 2 <= len(made) < 8
        assert f"{len(made)} colored" in done.err
        assert f"{8 - len(made)} not begun" in done.err
        assert not [name for name in made if name.startswith(".")]

    def test_fail_fast_sees_a_bad_file_before_it_colors_a_good_one(self, run: Run, source: Path, out: Path) -> None:
        (source / "zz.jpg").touch()
        done = run("folder", source, out, "--fail-fast")
        assert done.code == 3
        assert "zz.jpg" in done.err
        assert "is empty" in done.err
        assert not out.exists()

    def test_a_full_disk_stops_the_run_with_code_5_and_leaves_whole_files(
        self, run: Run, source: Path, out: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        fsync, calls = os.fsync, 0

        def full(descriptor: int) -> None:
            nonlocal calls
            calls += 1
            if calls > 4:  # a file and its folder each
                raise OSError(28, "No space left on device")
            fsync(descriptor)

        with monkeypatch.context() as patch:
            patch.setattr(os, "fsync", full)
            done = run("folder", source, out, "--jobs", "1")
        assert done.code == 5
        assert re.search(r"archivecolor: .*: the disk is full\n  hint: make room", done.err)
        assert "not begun" in done.err
        assert 1 <= len(tree(out)) < 6
        assert not [name for name in tree(out) if name.startswith(".")]
        for name in tree(out):
            assert_whole(out / name, photograph(int(name[0])))
        assert "already there" in run("folder", source, out).err
        assert len(tree(out)) == 9

    def test_a_disk_that_is_really_full_does_the_same(self, run: Run, tmp_path: Path) -> None:
        source = tmp_path / "big"
        for i, suffix in enumerate(("bmp", "tif", "png", "jpg", "webp", "bmp", "tif", "png", "jpg")):
            path = source / f"{i}.{suffix}"
            path.parent.mkdir(exist_ok=True)
            Image.fromarray(photograph(i, 120, 160)).save(path)
        with tiny_disk(tmp_path / "disk", 100) as disk:
            done = run("folder", source, disk, "--jobs", "1")
            assert done.code == 5
            assert "the disk is full" in done.err
            made = tree(disk)
            assert made
            assert all(name[0] != "." for name in made)
            for name in made:
                with Image.open(disk / name) as image:
                    image.load()

    def test_an_engine_that_returns_no_numbers_fails_pictures_not_the_run(
        self, run: Run, source: Path, out: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(select, "open_engine", lambda *_, **__: NanEngine())
        done = run("folder", source, out)
        assert done.code == 7
        assert tree(out) == {}
        assert "9 failed" in done.err
