"""``archivecolor strip``: the gray original comes back out of the colored file."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
import tifffile
from PIL import Image, ImageCms

from archivecolor.stills import open_still
from tests.cli.conftest import Run, photograph, tree, write
from tests.conftest import Picture
from tests.stills.sources import GRAY8, GRAY16, JPEG, LOSSLESS, SEPIA8, Source
from tests.stills.test_bounds import ring
from tests.stills.test_families import album

SOURCES = LOSSLESS | JPEG


@pytest.fixture
def there_and_back(run: Run, tmp_path: Path) -> Path:
    """A folder of every kind of source, colored into ``out`` and stripped into ``back``."""
    for i, source in enumerate(SOURCES.values()):
        folder = tmp_path / "in" / f"{i:02d}"
        folder.mkdir(parents=True)
        source.at(folder)
    assert run("folder", tmp_path / "in", tmp_path / "out", "--already-color", "recolor").code == 0
    done = run("strip", tmp_path / "out", tmp_path / "back")
    assert done.code == 0, done.err
    assert f"{len(SOURCES)} stripped" in done.err
    return tmp_path


def test_every_kind_of_still_gives_its_luma_and_alpha_back(there_and_back: Path) -> None:
    sources: list[Source] = list(SOURCES.values())
    for i, source in enumerate(sources):
        back = there_and_back / "back" / f"{i:02d}" / f"source{source.suffix}"
        still = open_still(back)
        np.testing.assert_array_equal(still.luma, source.luma)
        assert still.luma.dtype == source.luma.dtype
        assert still.thumbnail is None or not np.ptp(still.thumbnail.astype(int), axis=2).any()
        if source.alpha is not None:
            np.testing.assert_array_equal(still.alpha, source.alpha)
        assert b"trainedAlgorithmic" not in back.read_bytes()
        if source.suffix in (".jpg", ".bmp") or (source.suffix == ".tif" and source.alpha is None):
            with Image.open(back) as image:
                assert image.mode in ("L", "I;16", "I;16B")


def test_a_gray_jpeg_gets_its_very_scans_back(there_and_back: Path) -> None:
    for name in ("jpeg gray", "jpeg gray progressive", "jpeg gray with restart markers"):
        i = list(SOURCES).index(name)
        before = (there_and_back / "in" / f"{i:02d}" / "source.jpg").read_bytes()
        after = (there_and_back / "back" / f"{i:02d}" / "source.jpg").read_bytes()
        assert after[after.index(b"\xff\xda") :] == before[before.index(b"\xff\xda") :]


def test_a_file_alone_and_a_jpeg_from_elsewhere(run: Run, tmp_path: Path) -> None:
    Image.fromarray(SEPIA8).save(tmp_path / "toned.jpg", quality=70, subsampling=2)
    assert run("strip", tmp_path / "toned.jpg", tmp_path / "gray.jpg").code == 0
    before, after = (cv2.imread(str(tmp_path / name), cv2.IMREAD_GRAYSCALE) for name in ("toned.jpg", "gray.jpg"))
    assert before is not None
    assert after is not None
    np.testing.assert_array_equal(after, before)
    with Image.open(tmp_path / "gray.jpg") as image:
        assert image.mode == "L"
    assert run("strip", tmp_path / "toned.jpg", tmp_path / "gray.jpg").code == 5
    assert run("strip", tmp_path / "toned.jpg", tmp_path / "toned.jpg").code == 5
    assert run("strip", tmp_path / "nothing.jpg", tmp_path / "a.jpg").code == 3


def test_albums_floats_and_maps_come_back(run: Run, tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    lumas = album(folder / "album.tif")
    floats = GRAY16.astype(np.float32) / np.float32(65535)
    tifffile.imwrite(folder / "float.tif", floats, photometric="minisblack", metadata=None)
    Image.fromarray(GRAY8).save(folder / "map.pgm")
    assert run("folder", folder, tmp_path / "out").code == 0
    assert run("strip", tmp_path / "out", tmp_path / "back").code == 0
    with tifffile.TiffFile(tmp_path / "back" / "album.tif") as tif:
        for page, luma in zip(tif.pages, lumas, strict=True):
            np.testing.assert_array_equal(page.asarray(), luma)
    np.testing.assert_allclose(tifffile.imread(tmp_path / "back" / "float.tif"), floats, atol=3e-7)
    assert (tmp_path / "back" / "map.pgm").read_bytes() == (folder / "map.pgm").read_bytes()


def test_what_was_copied_is_copied_back_and_a_second_run_leaves_all_alone(
    run: Run, tmp_path: Path, color_photographs: dict[str, Picture]
) -> None:
    write(tmp_path / "in" / "gray.png")
    Image.fromarray(color_photographs["coffee"]).save(tmp_path / "in" / "coffee.png")
    run("folder", tmp_path / "in", tmp_path / "out", "--already-color", "copy")
    (tmp_path / "out" / "notes.txt").write_text("no picture")
    (tmp_path / "out" / "bad.png").write_bytes((tmp_path / "in" / "gray.png").read_bytes()[:200])
    done = run("strip", tmp_path / "out", tmp_path / "back")
    assert done.code == 7
    assert "is damaged" in done.lines_about("bad.png")[0]
    assert sorted(tree(tmp_path / "back")) == ["coffee.png", "gray.png"]
    assert (tmp_path / "back" / "coffee.png").read_bytes() == (tmp_path / "in" / "coffee.png").read_bytes()
    with Image.open(tmp_path / "back" / "gray.png") as image:
        np.testing.assert_array_equal(np.asarray(image), photograph())
    assert "2 already there, 1 failed" in run("strip", tmp_path / "out", tmp_path / "back").err


def test_a_gray_profile_comes_back_as_one(run: Run, tmp_path: Path) -> None:
    from archivecolor.stills.profiles import for_gray

    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    gray, _ = for_gray(srgb)
    Image.fromarray(GRAY8).save(tmp_path / "a.png", icc_profile=gray)
    assert run("folder", tmp_path, tmp_path.with_name("out"), "--only", "a.png").code == 0
    with Image.open(tmp_path.with_name("out") / "a.png") as image:
        assert image.info["icc_profile"][16:20] == b"RGB "
    run("strip", tmp_path.with_name("out") / "a.png", tmp_path / "back.png")
    with Image.open(tmp_path / "back.png") as image:
        assert image.info["icc_profile"] == gray


def test_a_file_that_leads_in_circles_is_refused_by_every_command(run: Run, source: Path, tmp_path: Path) -> None:
    trap = source / "ring.tif"
    trap.write_bytes(ring(2))
    assert run("strip", trap, tmp_path / "gray.tif").code == 3
    assert run("strip", source, tmp_path / "gray").code == 7
    assert run("folder", source, tmp_path / "out", "--reference", trap).code == 3
    done = run("folder", source, tmp_path / "out")
    assert done.code == 7
    assert "circles" in done.err
    (tmp_path / "out" / "ring.tif").write_bytes(ring(3))
    assert run("verify", tmp_path / "out", "--source", source).code == 8
    assert run("report", tmp_path / "out", "--source", source, "--to", tmp_path / "page").code == 0
