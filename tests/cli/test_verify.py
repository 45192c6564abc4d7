"""``archivecolor verify``: results that have their sources' luma, and every way in which they may not."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from archivecolor.report.items import find_items
from tests.cli.conftest import Run, write
from tests.conftest import Picture
from tests.film.sources import FilmSource, moving
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
    assert {r["status"] for r in done.records} == {"proved"}
    assert len(done.records) == 3
    assert "3 of 3 results proved to have their sources' luma, 0 not provable, 0 wrong" in done.err


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


@pytest.mark.parametrize(("format", "suffix"), [("webp", "webp"), ("jpeg", "jpg")])
def test_a_result_that_was_coded_with_loss_is_not_provable_and_says_how_near_it_is(
    format: str, suffix: str, run: Run, tmp_path: Path, out: Path
) -> None:
    write(tmp_path / "in" / "a.png")
    run("folder", tmp_path / "in", out, "--format", format, "--quality", "60")
    done = run("verify", out, "--source", tmp_path / "in", "--json", "-v")
    assert done.code == 10
    assert done.records[0]["status"] == "not provable"
    assert "coded with loss: its luma differs in" in done.lines_about(f"a.{suffix}")[0]
    assert "0 of 1 results proved to have their sources' luma, 1 not provable, 0 wrong" in done.err


def test_a_jpeg_coded_anew_is_named_so_by_every_command(run: Run, tmp_path: Path, out: Path) -> None:
    """CMYK has no luma that could be copied; a file's name that says 'coded' changes nothing."""
    folder = tmp_path / "in"
    write(folder / "coded.jpg")
    Image.fromarray(np.random.default_rng(1).integers(0, 256, (40, 60), np.uint8)).convert("CMYK").save(
        folder / "c.jpg"
    )
    done = run("folder", folder, out, "--json")
    assert {r["target"].rpartition("/")[2]: r.get("luma") for r in done.records} == {
        "coded.jpg": None,
        "c.jpg": "coded anew",
    }
    assert "2 colored (1 coded anew) in" in done.err
    done = run("verify", out, "--source", folder, "--json")
    assert {r["result"]: r["status"] for r in done.records} == {"coded.jpg": "proved", "c.jpg": "coded anew"}
    assert done.code == 10
    assert "1 of 2 results proved to have their sources' luma, 1 coded anew, 0 not provable, 0 wrong" in done.err
    assert {i.source: str(i.luma) for i in find_items(out, None)} == {"coded.jpg": "same", "c.jpg": "coded anew"}
    done = run("strip", folder, tmp_path / "gray", "--json")
    assert [r["source"].rpartition("/")[2] for r in done.records if r.get("luma") == "coded anew"] == ["c.jpg"]
    assert "2 stripped (1 coded anew)" in done.err


def test_loss_is_not_believed_of_a_result_that_no_run_made(run: Run, tmp_path: Path, out: Path) -> None:
    write(tmp_path / "in" / "a.png")
    run("folder", tmp_path / "in", out, "--format", "webp", "--quality", "60")
    shutil.rmtree(out / ".archivecolor")
    assert run("verify", out, "--source", tmp_path / "in").code == 8


class TestFilm:
    """Films are compared frame by frame, as far as their codec lets them be proved."""

    @pytest.fixture
    def film(self, tmp_path: Path) -> Path:
        source = tmp_path / "films"
        source.mkdir()
        FilmSource(moving(12), audio=1, encoder="libx264").write(source / "a.mkv")
        return source

    def test_a_lossless_one_is_proved(self, run: Run, film: Path, out: Path) -> None:
        assert run("folder", film, out, "--for", "master").code == 0
        done = run("verify", out, "--source", film, "--json")
        assert (done.code, done.records[0]["status"]) == (0, "proved")

    def test_one_that_was_coded_with_loss_is_not_provable(self, run: Run, film: Path, out: Path) -> None:
        assert run("folder", film, out, "--for", "share").code == 0
        done = run("verify", out, "--source", film, "--json", "-v")
        assert (done.code, done.records[0]["status"]) == (10, "not provable")
        assert (
            "h264 is lossy: luma is coded again; every picture is its source's (at least"
            in done.lines_about("a.mkv")[0]
        )
        assert "lacks" not in done.err

    def test_another_film_in_its_place_is_wrong(self, run: Run, film: Path, out: Path) -> None:
        """Of the same form, frames, times and sound: only the picture tells."""
        out.mkdir()
        FilmSource(moving(12, seed=9), audio=1, encoder="libx264").write(out / "a.mkv")
        done = run("verify", out, "--source", film)
        assert done.code == 8
        assert "frame 1: is another picture than its source's" in done.lines_about("a.mkv")[0]

    def test_a_missing_frame_and_a_missing_sound_track_are_named(self, run: Run, film: Path, out: Path) -> None:
        out.mkdir()
        FilmSource(moving(11), audio=1, encoder="libx264").write(out / "a.mkv")
        assert "has fewer frames than its source" in run("verify", out, "--source", film).err
        FilmSource(moving(12), encoder="libx264").write(out / "a.mkv")
        done = run("verify", out, "--source", film)
        assert "but lacks" in done.lines_about("a.mkv")[0]
        assert "audio" in done.lines_about("a.mkv")[0]

    def test_a_part_of_a_film_is_not_provable(self, run: Run, film: Path, out: Path) -> None:
        assert run("folder", film, out, "--for", "master", "--end", "0.2").code == 0
        assert run("verify", out, "--source", film).lines_about("a.mkv") == []
        done = run("verify", out, "--source", film, "-v")
        assert done.code == 10
        assert done.lines_about("a.mkv") == ["a.mkv: not provable, holds a part of its source"]
