"""What a person gets wrong, or loses without noticing: each is one clear line, before or without any harm."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from archivecolor.chroma import still
from archivecolor.chroma.loaded import LoadedStill
from archivecolor.chroma.scan import Scan, scan
from tests.cli.conftest import Run, photograph, tree, write
from tests.film.sources import FilmSource, moving


def paint(layer: Path, size: tuple[int, int] = (60, 40)) -> Path:
    """A red stroke on a transparent layer."""
    layer.parent.mkdir(parents=True, exist_ok=True)
    pixels: npt.NDArray[np.uint8] = np.zeros((size[1], size[0], 4), np.uint8)
    pixels[10:30, 10:30] = (200, 30, 30, 255)
    Image.fromarray(pixels).save(layer)
    return layer


class TestAdvice:
    """Hints and a reference are used again, and nothing is made again without them that was made with them."""

    @pytest.fixture
    def painted(self, run: Run, source: Path, out: Path, tmp_path: Path) -> dict[str, bytes]:
        paint(tmp_path / "hints" / "a.png")
        assert run("folder", source, out, "--hints-dir", tmp_path / "hints").code == 0
        return tree(out)

    def test_a_plain_rerun_makes_nothing_and_one_that_overwrites_makes_the_same(
        self, run: Run, source: Path, out: Path, painted: dict[str, bytes]
    ) -> None:
        done = run("folder", source, out)
        assert (done.code, tree(out)) == (0, painted)
        assert "0 colored" in done.err
        assert "the hints" not in done.err
        assert "3 colored" in run("folder", source, out, "--overwrite").err
        assert tree(out) == painted
        assert "0 colored" in run("folder", source, out).err

    def test_a_new_strength_and_a_new_stroke_use_the_hints_on_record(
        self, run: Run, source: Path, out: Path, tmp_path: Path, painted: dict[str, bytes]
    ) -> None:
        assert "3 colored" in run("folder", source, out, "--strength", "0.5").err
        plain = tmp_path / "plain"
        run("folder", source, plain, "--strength", "0.5")
        assert tree(out)["a.png"] != tree(plain)["a.png"]
        assert tree(out)["m.tif"] == tree(plain)["m.tif"]
        with Image.open(tmp_path / "hints" / "a.png") as layer:
            turned = layer.transpose(Image.Transpose.ROTATE_180)
        turned.save(tmp_path / "hints" / "a.png")
        assert "1 colored" in run("folder", source, out, "--strength", "0.5").err

    def test_where_they_are_gone_nothing_is_made_without_them(
        self, run: Run, source: Path, out: Path, tmp_path: Path, painted: dict[str, bytes]
    ) -> None:
        (tmp_path / "hints" / "a.png").unlink()
        for options in ((), ("--overwrite",), ("--strength", "0.5")):
            done = run("folder", source, out, *options)
            assert done.code == 0
            assert tree(out)["a.png"] == painted["a.png"]
            assert "1 of those already there were left: the hints or the reference they were made with" in done.err
        planned = run("folder", source, out, "--strength", "0.2", "--dry-run")
        assert "2 to color, 1 already there" in planned.err

    def test_whoever_wants_it_loses_the_paint(
        self, run: Run, source: Path, out: Path, painted: dict[str, bytes]
    ) -> None:
        lost = "to be made without the hints or the reference that they had: 1"
        assert lost in run("folder", source, out, "--forget-hints", "--dry-run").err
        done = run("folder", source, out, "--forget-hints")
        assert lost in done.err
        assert "1 colored" in done.err
        assert tree(out)["a.png"] != painted["a.png"]
        assert "to be made without" not in run("folder", source, out, "--overwrite").err

    def test_a_result_that_is_gone_as_its_hints_are_is_made_and_the_loss_told(
        self, run: Run, source: Path, out: Path, tmp_path: Path, painted: dict[str, bytes]
    ) -> None:
        (tmp_path / "hints" / "a.png").unlink()
        (out / "a.png").unlink()
        done = run("folder", source, out)
        assert "to be made without the hints or the reference that they had: 1" in done.err
        assert "1 colored" in done.err

    def test_a_reference_and_settings_are_used_again(self, run: Run, source: Path, out: Path, tmp_path: Path) -> None:
        reference = tmp_path / "reference.png"
        color = np.random.default_rng(2).integers(0, 256, (60, 80, 3), np.uint8)
        color[..., 2] //= 3
        Image.fromarray(color).save(reference)
        options = ("--reference", reference, "--saturation", "1.4", "--format", "png")
        assert run("folder", source, out, *options).code == 0
        made = tree(out)
        assert "3 colored" in run("folder", source, out, "--overwrite").err
        assert tree(out) == made
        reference.unlink()
        done = run("folder", source, out, "--overwrite")
        assert "0 colored" in done.err
        assert "3 of those already there were left" in done.err
        assert tree(out) == made

    def test_a_journal_cannot_ask_for_what_there_is_not(
        self, run: Run, source: Path, out: Path, painted: dict[str, bytes]
    ) -> None:
        journal = out / ".archivecolor" / "journal.jsonl"
        text = journal.read_text()
        place = json.loads(next(line for line in text.splitlines() if "hints_path" in line))
        (values,) = (v for v in place["run"]["settings"].values() if "hints_path" in v)
        wrong = text.replace(json.dumps(values["hints_path"]), '"/dev/zero\\u0000"').replace(
            '"kind":"still"', '"kind":"still","strength":7,"every":{}'
        )
        journal.write_text(wrong)
        done = run("folder", source, out, "--overwrite")
        assert done.code == 0
        assert tree(out)["a.png"] == painted["a.png"]

    def test_with_the_same_hints_nothing_is_made_again(
        self, run: Run, source: Path, out: Path, tmp_path: Path, painted: dict[str, bytes]
    ) -> None:
        done = run("folder", source, out, "--hints-dir", tmp_path / "hints")
        assert "0 colored" in done.err
        assert "the hints" not in done.err
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


class TestSettingsOnRecord:
    """What is made again is made as it was, but for what the command says, be it what would hold anyway."""

    def test_a_default_that_is_said_counts_against_the_record(self, run: Run, source: Path, out: Path) -> None:
        run("folder", source, out)
        plain = tree(out)
        run("folder", source, out, "--overwrite", "--strength", "0.5", "--warmth", "0.3", "--no-embed")
        set_apart = tree(out)
        assert set_apart["a.png"] != plain["a.png"]
        run("folder", source, out, "--overwrite")
        assert tree(out) == set_apart
        run("folder", source, out, "--overwrite", "--strength", "1", "--embed")
        assert tree(out)["a.png"] not in (plain["a.png"], set_apart["a.png"])
        run("folder", source, out, "--overwrite", "--warmth", "0")
        assert tree(out) == plain
