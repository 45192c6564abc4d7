"""``archivecolor verify``: results that have their sources' luma, and every way in which they may not."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from tests.cli.conftest import Run, write
from tests.conftest import Picture
from tests.stills.sources import JPEG, LOSSLESS
from tests.stills.test_families import album


@pytest.fixture
def colored(run: Run, source: Path, out: Path) -> Path:
    """A finished run."""
    assert run("folder", source, out).code == 0
    return out


def test_a_good_run_is_proved(run: Run, source: Path, colored: Path) -> None:
    done = run("verify", colored, "--source", source, "--json")
    assert done.code == 0
    assert {r["status"] for r in done.records} == {"good"}
    assert len(done.records) == 3
    assert "3 of 3 results have their sources' luma" in done.err


def test_without_sources_the_digests_are_compared_and_the_rest_is_said(run: Run, colored: Path) -> None:
    done = run("verify", colored)
    assert done.code == 0
    assert "luma was not compared: give --source" in done.err


@pytest.mark.parametrize("with_source", [True, False])
def test_a_result_that_changed_by_one_bit_is_named(run: Run, source: Path, colored: Path, with_source: bool) -> None:
    data = bytearray((colored / "a.png").read_bytes())
    data[len(data) // 2] ^= 1
    (colored / "a.png").write_bytes(data)
    done = run("verify", colored, *(("--source", source) if with_source else ()))
    assert done.code == 8
    assert done.lines_about("a.png") == ["a.png: is not the file that was written: its digest differs"]
    assert "1 of 3 results failed verification" in done.err


def test_one_pixel_of_other_luma_is_found_without_a_journal(run: Run, source: Path, colored: Path) -> None:
    shutil.rmtree(colored / ".archivecolor")
    with Image.open(colored / "a.png") as image:
        pixels = np.asarray(image).copy()
    pixels[7, 9, 1] += 2
    Image.fromarray(pixels).save(colored / "a.png")
    done = run("verify", colored, "--source", source)
    assert done.code == 8
    assert done.lines_about("a.png") == ["a.png: its luma differs in 0.042% of its pixels, by up to 1"]


def test_a_result_that_is_gone_and_a_source_that_changed_are_named(run: Run, source: Path, colored: Path) -> None:
    (colored / "m.tif").unlink()
    write(source / "a.png", seed=77)
    done = run("verify", colored, "--source", source)
    assert done.code == 8
    assert done.lines_about("m.tif") == ["m.tif: there is no such file"]
    assert "was made from a different file than" in done.lines_about("a.png")[0]


def test_neither_journal_nor_source_is_a_usage_error(run: Run, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    assert run("verify", tmp_path / "out").code == 2
    assert run("verify", tmp_path / "nowhere").code == 3
    assert run("verify", tmp_path / "out", "--source", tmp_path / "nowhere").code == 3


def test_a_folder_without_results_proves_nothing(run: Run, source: Path, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    done = run("verify", tmp_path / "out", "--source", source)
    assert done.code == 3
    assert "has no results" in done.err


@pytest.mark.parametrize("format", [None, "png", "tiff", "jpeg2000"])
def test_every_kind_of_still_is_proved_whatever_became_of_its_format(
    format: str | None, run: Run, tmp_path: Path, out: Path
) -> None:
    pytest.importorskip("jpeglib")
    for i, source in enumerate([*LOSSLESS.values(), *JPEG.values()]):
        folder = tmp_path / "in" / str(i)
        folder.mkdir(parents=True)
        source.at(folder)
    options = ("--already-color", "recolor", *(("--format", format) if format else ()))
    assert run("folder", tmp_path / "in", out, *options).code == 0
    done = run("verify", out, "--source", tmp_path / "in")
    assert done.code == 0, done.err
    shutil.rmtree(out / ".archivecolor")
    assert run("verify", out, "--source", tmp_path / "in").code == 0


def test_turned_albums_and_copies_are_proved(
    run: Run, tmp_path: Path, out: Path, color_photographs: dict[str, Picture]
) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    album(folder / "album.tif")
    block = Image.Exif()
    block[274] = 6
    write(folder / "plain.png")
    with Image.open(folder / "plain.png") as image:
        image.save(folder / "turned.jpg", exif=block.tobytes(), quality=100)
    Image.fromarray(color_photographs["coffee"]).save(folder / "coffee.jpg")
    assert run("folder", folder, out, "--already-color", "copy").code == 0
    assert run("verify", out, "--source", folder).code == 0
    with tifffile.TiffWriter(out / "album.tif") as tif:
        for _ in range(2):
            tif.write(np.zeros((9, 9, 3), np.uint8), photometric="rgb", metadata=None)
    shutil.rmtree(out / ".archivecolor")
    done = run("verify", out, "--source", folder)
    assert done.lines_about("album.tif") == ["album.tif: has 2 pages, its source 3"]


def test_a_lossy_result_is_said_to_differ(run: Run, tmp_path: Path, out: Path) -> None:
    write(tmp_path / "in" / "a.png")
    run("folder", tmp_path / "in", out, "--format", "webp", "--quality", "60")
    done = run("verify", out, "--source", tmp_path / "in")
    assert done.code == 8
    assert "its luma differs in" in done.lines_about("a.webp")[0]
