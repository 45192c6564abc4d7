"""``archivecolor evaluate``: figures on stdout, the sheet nowhere near a source."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from tests.cli.conftest import Run, photograph, tree
from tests.conftest import Picture
from tests.evaluation.test_clips import write_frames
from tests.film.sources import FilmSource, moving


@pytest.fixture
def source(tmp_path: Path, color_photographs: dict[str, Picture]) -> Path:
    """Two color photographs, a gray one and a text."""
    folder = tmp_path / "color"
    folder.mkdir()
    for name in ("astronaut", "coffee"):
        Image.fromarray(color_photographs[name][::2, ::2]).save(folder / f"{name}.png")
    Image.fromarray(photograph()).save(folder / "gray.png")
    (folder / "notes.txt").write_text("Box 7")
    return folder


def test_figures_are_on_stdout_and_what_was_left_out_on_stderr(run: Run, source: Path) -> None:
    done = run("evaluate", source)
    assert done.code == 0
    assert "2 pictures" in done.out
    assert "CIEDE2000" in done.out
    assert "gray.png: left out, has no color to compare with" in done.err
    assert "notes.txt: left out, can be decoded neither as a picture nor as a film" in done.err


def test_json_has_a_record_for_each_picture_and_one_for_all(run: Run, source: Path) -> None:
    done = run("evaluate", source, "--json", "-q")
    assert (done.code, done.err) == (0, "")
    assert [r["source"] and Path(r["source"]).name for r in done.records] == ["astronaut.png", "coffee.png", None]
    means = done.records[-1]
    assert means["pictures"] == 2
    both = [r["ciede2000"] for r in done.records[:2]]
    assert means["ciede2000"] == pytest.approx(np.mean(both), abs=1e-3)
    assert means["frechet_efficientnet_gray"] != means["frechet_efficientnet"] > 0


def test_the_sheet_shows_each_picture_three_times(run: Run, source: Path, tmp_path: Path) -> None:
    assert run("evaluate", source, "--sheet", tmp_path / "sheet.png").code == 0
    sheet = cv2.imread(str(tmp_path / "sheet.png"))
    assert sheet is not None
    assert sheet.shape[1] >= 3 * 224


def test_a_sheet_among_the_sources_is_refused(run: Run, source: Path) -> None:
    before = tree(source)
    for photographs, sheet in ((source, source / "coffee.png"), (source / "gray.png", source / "gray.png")):
        done = run("evaluate", photographs, "--sheet", sheet)
        assert done.code == 2
        assert "the sheet would lie among the sources" in done.err
    assert tree(source) == before


@pytest.mark.parametrize(("name", "said"), [("nowhere", "no such file or folder"), ("empty", "holds no files")])
def test_sources_that_hold_nothing_are_told(name: str, said: str, run: Run, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    done = run("evaluate", tmp_path / name)
    assert (done.code, done.out) == (3, "")
    assert said in done.err


def test_a_folder_without_color_is_told(run: Run, tmp_path: Path) -> None:
    Image.fromarray(photograph()).save(tmp_path / "gray.png")
    done = run("evaluate", tmp_path)
    assert (done.code, done.out) == (3, "")
    assert "found no color photograph" in done.err


def test_films_are_measured_beside_the_truth_and_gray(run: Run, tmp_path: Path) -> None:
    write_frames(tmp_path / "clips" / "pan", 6)
    done = run("evaluate", tmp_path / "clips", "--frames", "--network-px", "64")
    assert done.code == 0
    for row in ("1 clips", "truth", "gray", "model, smoothing off", "model, 9-frame mean", "model, smoothing full"):
        assert f"{row}  " in done.out
    assert "pan: warp error" in done.err


def test_several_generators_are_measured_on_the_same_pictures(run: Run, source: Path, tmp_path: Path) -> None:
    film = FilmSource(moving(4), chroma=2).write(source / "film.mkv")
    arguments = ("evaluate", source, "--generator", "a", "--generator", "b", "--network-px", "64")
    done = run(*arguments, "--json", "-q")
    assert done.code == 0
    found = [(r["source"] and Path(r["source"]).name, r["generator"]) for r in done.records]
    pictures = [(name, which) for name in ("astronaut.png", "coffee.png") for which in "ab"]
    assert found == [*pictures, (film.name, "a"), (film.name, "b"), (None, "a"), (None, "a"), (None, "b"), (None, "b")]
    assert done.records[4]["full"] == done.records[5]["full"]
    header = next(line for line in run(*arguments).out.splitlines() if line.startswith("2 pictures"))
    assert header.split() == ["2", "pictures", "a", "b", "gray", "truth"]


def test_films_without_color_are_left_out(run: Run, source: Path) -> None:
    FilmSource(moving(3)).write(source / "gray.mkv")
    done = run("evaluate", source)
    assert done.code == 0
    assert "gray.mkv: has no color to compare with" in done.err
    assert "clips" not in done.out


def test_one_picture_has_no_frechet_distance(run: Run, source: Path) -> None:
    (_, means) = run("evaluate", source / "coffee.png", "--json", "-q").records
    assert means["frechet_efficientnet"] is means["frechet_efficientnet_gray"] is None
    assert run("evaluate", source / "coffee.png").code == 0


def test_grading_is_measured_too(run: Run, source: Path) -> None:
    means = run("evaluate", source, "--saturation", "0", "--json", "-q").records[-1]
    assert means["gain_percent"] == means["colorfulness"] == 0
    assert means["colorfulness_difference"] == pytest.approx(means["colorfulness_truth"])
