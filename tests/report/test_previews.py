"""The page's small pictures: right way up, right colors, made once, made anew when their results change."""

from __future__ import annotations

import io
import os
import threading
from pathlib import Path

import cv2
import numpy as np
import pytest
import tifffile
from PIL import Image, ImageCms

from archivecolor.errors import InputError
from archivecolor.jobs.atomic import DiskFullError
from archivecolor.jobs.journal import confidence_path
from archivecolor.report import coding, making
from archivecolor.report.pictures import small_picture
from tests.fakes.disks import tiny_disk
from tests.report.conftest import make
from tests.report.runs import colored, picture, write_journal, write_map

RED, GREEN = (200, 40, 30), (30, 160, 60)


def half_and_half(width: int = 80, height: int = 40) -> Image.Image:
    """The left half red, the right half green."""
    image = Image.new("RGB", (width, height), RED)
    image.paste(GREEN, (width // 2, 0, width, height))
    return image


def assert_near(image: Image.Image, at: tuple[int, int], color: tuple[int, int, int], within: int = 12) -> None:
    pixel = image.getpixel(at)
    assert isinstance(pixel, tuple)
    assert max(abs(a - b) for a, b in zip(pixel, color, strict=True)) <= within, (pixel, color)


@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.webp", "a.bmp", "a.tif", "a.jp2", "a.ppm"])
def test_a_result_of_any_format_is_shown_in_its_colors(tmp_path: Path, name: str) -> None:
    half_and_half().save(tmp_path / name)
    small = small_picture(tmp_path / name, 40)
    assert (small.width, small.height, small.image.size) == (80, 40, (40, 20))
    assert_near(small.image, (8, 10), RED)
    assert_near(small.image, (32, 10), GREEN)


@pytest.mark.parametrize("planes", ["contig", "separate"])
@pytest.mark.parametrize("kind", ["uint16", "float32"])
def test_deep_results_are_shown_in_their_colors(tmp_path: Path, kind: str, planes: str) -> None:
    pixels = np.asarray(half_and_half(), np.float64) / 255
    deep = np.asarray(pixels * (65535 if kind == "uint16" else 1)).astype(kind)
    deep = deep if planes == "contig" else np.moveaxis(deep, 2, 0)
    tifffile.imwrite(tmp_path / "a.tif", deep, photometric="rgb", planarconfig=planes)
    small = small_picture(tmp_path / "a.tif", 40)
    assert_near(small.image, (8, 10), RED)
    assert_near(small.image, (32, 10), GREEN)


def test_a_16_bit_png_is_shown_in_its_colors(tmp_path: Path) -> None:
    deep = np.asarray(half_and_half(), np.uint16)[..., ::-1] * 257
    cv2.imwrite(str(tmp_path / "a.png"), deep)
    assert_near(small_picture(tmp_path / "a.png", 40).image, (32, 10), GREEN)


@pytest.mark.parametrize("suffix", [".jpg", ".tif", ".png"])
@pytest.mark.parametrize(("orientation", "size"), [(6, (40, 80)), (3, (80, 40))])
def test_a_result_stored_sideways_is_shown_upright(
    tmp_path: Path, suffix: str, orientation: int, size: tuple[int, int]
) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    half_and_half().save(tmp_path / f"a{suffix}", exif=exif)
    small = small_picture(tmp_path / f"a{suffix}", 80)
    assert (small.width, small.height) == small.image.size == size
    first = (20, 8) if orientation == 6 else (72, 20)
    assert_near(small.image, first, RED)


def test_a_deep_result_stored_sideways_is_shown_upright(tmp_path: Path) -> None:
    deep = np.asarray(half_and_half(), np.uint16) * 257
    tifffile.imwrite(tmp_path / "a.tif", deep, photometric="rgb", extratags=[(274, 3, 1, 6, True)])
    small = small_picture(tmp_path / "a.tif", 20)
    assert (small.width, small.height, small.image.size) == (40, 80, (10, 20))
    assert_near(small.image, (5, 4), RED)


def test_a_wide_profile_is_converted_for_screens(tmp_path: Path) -> None:
    # Red and green changed places: a profile that no reader can miss
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    red, green = srgb.index(b"rXYZ"), srgb.index(b"gXYZ")
    turned = bytearray(srgb)
    turned[red : red + 4], turned[green : green + 4] = b"gXYZ", b"rXYZ"
    half_and_half().save(tmp_path / "a.png", icc_profile=bytes(turned))
    pixel = small_picture(tmp_path / "a.png", 40).image.getpixel((8, 10))
    assert isinstance(pixel, tuple)
    assert pixel[1] > pixel[0]


def test_transparent_places_show_the_page_s_ground(tmp_path: Path) -> None:
    image = half_and_half().convert("RGBA")
    image.paste((0, 0, 0, 0), (0, 0, 40, 40))
    image.save(tmp_path / "a.png")
    assert_near(small_picture(tmp_path / "a.png", 80).image, (10, 10), (189, 189, 189), within=3)


@pytest.mark.parametrize("junk", [b"", b"\xff\xd8\xff\xe0 no more", b"II*\0\x08\0\0\0"])
def test_a_result_that_cannot_be_read_is_an_error_that_names_it(tmp_path: Path, junk: bytes) -> None:
    path = tmp_path / "a.tif"
    path.write_bytes(junk)
    with pytest.raises(InputError, match=r"a\.tif"):
        small_picture(path, 40)


def made_files(folder: Path) -> dict[str, int]:
    return {str(p.relative_to(folder)): p.stat().st_mtime_ns for p in folder.rglob("*.jpg")}


def test_pictures_are_made_once_and_again_only_when_their_result_changes(tmp_path: Path) -> None:
    out = tmp_path / "out"
    for i in range(3):
        picture(out / f"{i}.png", i)
    first = make(out)
    before = made_files(first.path.parent)
    assert (first.pictures_made, len(before)) == (3, 9)
    assert make(out).pictures_made == 0
    assert made_files(first.path.parent) == before

    picture(out / "1.png", 9)
    os.utime(out / "1.png", ns=(1, 10**18))
    (out / "2.png").unlink()
    third = make(out)
    after = made_files(first.path.parent)
    assert (third.pictures_made, third.items) == (1, 2)
    kept = before.keys() & after.keys()
    assert len(kept) == 3, "the thumbnails and the picture of 0.png"
    assert {name: before[name] for name in kept} == {name: after[name] for name in kept}
    assert len(after) == 6, "pictures of what is gone are removed"


def test_a_run_that_is_stopped_writes_no_page_and_the_next_goes_on(tmp_path: Path) -> None:
    out = tmp_path / "out"
    for i in range(12):
        picture(out / f"{i:02d}.png", i)
    stop, seen = threading.Event(), 0

    def advance() -> None:
        nonlocal seen
        seen += 1
        if seen == 2:
            stop.set()

    plan = making.plan(out, "0")
    assert plan.make(threads=1, stop=stop.is_set, advance=advance) is None
    assert not (plan.folder / "index.html").exists()
    done = len(list((plan.folder / "thumbs").rglob(f"{'?' * 16}.jpg")))
    assert 2 <= done < 12
    assert make(out).pictures_made == 12 - done


@pytest.mark.parametrize("left", [b"", b"\xff\xd8\xff", None])
def test_a_picture_that_was_cut_short_is_made_again(tmp_path: Path, left: bytes | None) -> None:
    out = tmp_path / "out"
    picture(out / "a.png")
    folder = make(out).path.parent
    (thumb,) = (folder / "thumbs").rglob(f"{'?' * 16}.jpg")
    whole = thumb.read_bytes()
    thumb.write_bytes(whole.replace(b"width", b"wi\0th") if left is None else left)
    assert make(out).pictures_made == 1
    assert thumb.read_bytes() == whole


def test_a_confidence_map_is_shown_as_a_tint_where_the_generator_was_guessing(tmp_path: Path) -> None:
    out = tmp_path / "out"
    picture(out / "a.png")
    folder = make(out).path.parent
    assert list(folder.rglob("*.map.png")) == []
    write_map(out, "a.png")
    assert make(out).pictures_made == 1, "a map that came later is seen"
    (found,) = folder.rglob("*.map.png")
    with Image.open(found) as image:
        alpha = np.asarray(image.getchannel("A"))
    assert (alpha[0, 0], alpha[0, -1]) == (0, 255)
    assert make(out).pictures_made == 0
    confidence_path(out, out / "a.png").write_bytes(b"\x89PNG no more")
    made = make(out)
    assert (made.pictures_made, made.problems) == (1, ()), "a damaged one is passed over"
    assert make(out).pictures_made == 0


def test_a_full_disk_ends_the_run_and_leaves_no_page(tmp_path: Path) -> None:
    out = tmp_path / "out"
    for i in range(12):
        picture(out / f"{i:02d}.jpg", i, (1280, 800))
    with tiny_disk(tmp_path / "disk", 256) as disk:
        with pytest.raises(DiskFullError):
            make(out, folder=disk / "report")
        assert list(disk.rglob("*.html")) == []
        assert list(disk.rglob("*.part")) == []
    assert make(out, folder=tmp_path / "disk").pictures_made == 12


def test_nothing_that_is_not_ours_is_removed_from_the_folder(tmp_path: Path) -> None:
    out = tmp_path / "out"
    picture(out / "a.png")
    folder = make(out).path.parent
    theirs = [folder / "thumbs" / "aa" / "holiday.jpg", folder / "pictures" / "note.txt", folder / "note.txt"]
    for path in theirs:
        path.parent.mkdir(exist_ok=True)
        path.write_text("theirs")
    make(out)
    assert all(path.exists() for path in theirs)


def test_a_result_that_cannot_be_shown_is_told_and_the_page_is_made(tmp_path: Path) -> None:
    out = tmp_path / "out"
    picture(out / "good.png")
    (out / "bad.png").write_bytes(picture(out / "x.png").read_bytes()[:60])
    (out / "x.png").unlink()
    write_journal(out, colored("good.png"), colored("bad.png"))
    made = make(out)
    ((name, problem),) = made.problems
    assert name == "bad.png"
    assert problem
    assert "its result cannot be shown" in made.path.read_text()


def test_a_thumbnail_fits_the_grid_and_a_picture_the_stage(tmp_path: Path) -> None:
    out = tmp_path / "out"
    picture(out / "a.jpg", size=(1600, 800))
    folder = make(out).path.parent
    (thumb, small), (large,) = (sorted((folder / name).rglob("*.jpg")) for name in ("thumbs", "pictures"))
    for path, longest_px in ((thumb, coding.THUMB_PX), (small, coding.SMALL_THUMB_PX), (large, coding.PICTURE_PX)):
        assert Image.open(io.BytesIO(path.read_bytes())).size == (longest_px, longest_px // 2)


def test_of_several_pages_the_first_is_shown_and_all_are_counted(tmp_path: Path) -> None:
    pages = [np.asarray(half_and_half()), np.zeros((40, 80, 3), np.uint8)]
    with tifffile.TiffWriter(tmp_path / "a.tif") as tif:
        for page in pages:
            tif.write(page, photometric="rgb")
    small = small_picture(tmp_path / "a.tif", 40)
    assert small.pages == 2
    assert_near(small.image, (8, 10), RED)
