"""What a person gets wrong, or loses without noticing: each is one clear line, before or without any harm."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from archivecolor.chroma import still
from archivecolor.chroma.film import Scan, scan
from archivecolor.chroma.loaded import LoadedStill
from tests.cli.conftest import Run, photograph, tree, write
from tests.film.sources import FilmSource, moving


def paint(layer: Path, size: tuple[int, int] = (60, 40)) -> Path:
    """A red stroke on a transparent layer."""
    layer.parent.mkdir(parents=True, exist_ok=True)
    pixels: npt.NDArray[np.uint8] = np.zeros((size[1], size[0], 4), np.uint8)
    pixels[10:30, 10:30] = (200, 30, 30, 255)
    Image.fromarray(pixels).save(layer)
    return layer


class TestPaint:
    """Results that somebody painted on are not made again without the paint."""

    @pytest.fixture
    def painted(self, run: Run, source: Path, out: Path, tmp_path: Path) -> dict[str, bytes]:
        paint(tmp_path / "hints" / "a.png")
        assert run("folder", source, out, "--hints-dir", tmp_path / "hints").code == 0
        return tree(out)

    def test_a_plain_rerun_leaves_them_and_counts_them(
        self, run: Run, source: Path, out: Path, painted: dict[str, bytes]
    ) -> None:
        done = run("folder", source, out)
        assert done.code == 0
        assert tree(out) == painted
        assert "1 of those already there were painted by hand: give their --hints-dir, or --forget-hints" in done.err
        assert "3 already there" in done.err

    @pytest.mark.parametrize("options", [("--strength", "0.5"), ("--overwrite",)])
    def test_other_settings_make_all_the_others_again(
        self, options: tuple[str, ...], run: Run, source: Path, out: Path, painted: dict[str, bytes]
    ) -> None:
        assert run("folder", source, out, *options).code == 0
        after = tree(out)
        assert after["a.png"] == painted["a.png"]
        planned = run("folder", source, out, "--strength", "0.2", "--dry-run")
        assert "2 to color, 1 already there" in planned.err
        assert "1 of those already there were painted by hand" in planned.err

    def test_whoever_wants_it_loses_the_paint(
        self, run: Run, source: Path, out: Path, painted: dict[str, bytes]
    ) -> None:
        done = run("folder", source, out, "--forget-hints")
        assert "1 colored" in done.err
        assert tree(out)["a.png"] != painted["a.png"]
        assert "painted by hand" not in run("folder", source, out).err

    def test_with_the_same_hints_nothing_is_made_again(
        self, run: Run, source: Path, out: Path, tmp_path: Path, painted: dict[str, bytes]
    ) -> None:
        done = run("folder", source, out, "--hints-dir", tmp_path / "hints")
        assert "0 colored" in done.err
        assert "painted by hand" not in done.err
        assert tree(out) == painted


def test_a_missing_reference_is_one_error_and_nothing_is_made(run: Run, source: Path, out: Path) -> None:
    done = run("folder", source, out, "--reference", source.parent / "none.jpg")
    assert done.code == 3
    assert done.err.count("none.jpg") == 1
    assert not out.exists()


def test_a_pattern_that_takes_nothing_is_told(run: Run, source: Path, out: Path) -> None:
    assert "no file matches --only *.xyz" in run("folder", source, out, "--only", "*.xyz").err
    assert "no file matches" not in run("folder", source, out, "--only", "*.png").err


def test_source_and_results_that_are_swapped_are_refused(run: Run, source: Path, out: Path) -> None:
    assert run("folder", source, out).code == 0
    before = tree(source)
    swapped = run("folder", out, source)
    assert swapped.code == 2
    assert "are they swapped?" in swapped.err
    assert tree(source) == before


def test_a_film_that_is_a_folder_or_a_photograph_is_told_what_to_use(run: Run, source: Path, tmp_path: Path) -> None:
    for given, word in ((source, "is a folder"), (source / "a.png", "is a photograph")):
        done = run("video", given, tmp_path / "b.mkv")
        assert done.code == 3
        assert word in done.err
        assert "archivecolor folder" in done.err


class TestUnexpected:
    """A fault of the program with one item fails that item, and the others are made."""

    def test_with_a_photograph(self, run: Run, source: Path, out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        loads = still.Colorizer.load_still

        def load(self: still.Colorizer, path: Path, **more: object) -> LoadedStill:
            if path.name == "a.png":
                raise ZeroDivisionError("nobody expects this")
            return loads(self, path, **more)  # type: ignore[arg-type]

        monkeypatch.setattr(still.Colorizer, "load_still", load)
        log = out.parent / "run.log"
        done = run("folder", source, out, "--log-file", log)
        assert done.code == 7
        assert "2 colored" in done.err
        assert "1 failed" in done.err
        assert "a.png: unexpected ZeroDivisionError: nobody expects this" in done.err
        assert "Traceback" not in done.err
        assert "Traceback" in log.read_text(encoding="utf-8")

    def test_with_a_film(self, run: Run, source: Path, out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        FilmSource(moving(10)).write(source / "bad.mkv")
        FilmSource(moving(10)).write(source / "good.mkv")

        def read(path: Path, *more: Any) -> Scan:
            if path.name == "bad.mkv":
                raise ValueError("31 is not a valid Type")
            return scan(path, *more)

        monkeypatch.setattr("archivecolor.runs.film.plan.scan", read)
        done = run("folder", source, out)
        assert done.code == 7
        assert "bad.mkv: unexpected ValueError: 31 is not a valid Type, at runs/film/plan.py:" in done.err
        assert (out / "good.mkv").is_file()
        assert "1 failed" in done.err


def test_a_package_that_is_missing_fails_its_item_and_the_line_to_install_it_is_told_once(
    run: Run, source: Path, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Image.fromarray(photograph()).save(source / "one.png")
    for name in ("one.heic", "two.heic"):
        (source / name).write_bytes(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(64))
    monkeypatch.setitem(__import__("sys").modules, "pillow_heif", None)
    write(source / "zz.png")
    done = run("folder", source, out)
    assert done.code == 7
    assert "2 failed" in done.err
    assert (out / "zz.png").is_file()
    lines = [line for line in done.err.splitlines() if "HEIC needs another package" in line and "pip install" in line]
    assert len(lines) == 1
