"""Films on the page: a contact sheet with the right frames, upright, in their colors."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from archivecolor.errors import InputError
from archivecolor.jobs.journal import Kind
from archivecolor.jobs.records import TimedConfidence
from archivecolor.report.films import FRAME_PX, clock, contact_sheet
from tests.film.sources import FilmSource, moving
from tests.report.conftest import make
from tests.report.runs import colored, write_journal
from tests.report.test_page import data_of


def steps(count: int) -> list[np.ndarray[tuple[int, int], np.dtype[np.uint8]]]:
    """Flat frames, each lighter than the one before."""
    return [np.full((96, 128), 40 + 150 * i // count, np.uint8) for i in range(count)]


@pytest.mark.parametrize("gop", ["1", "100"], ids=["every frame a key", "one key"])
def test_frames_come_evenly_from_beginning_to_end(tmp_path: Path, gop: str) -> None:
    path = FilmSource(steps(48), "libx264", options={"g": gop, "crf": "4"}).write(tmp_path / "a.mkv")
    made = contact_sheet(path, 536)
    tile = (536 - 24) // 4
    assert (made.width, made.height, made.sheet.width) == (128, 96, 536)
    assert made.seconds == pytest.approx(48 / 25, abs=0.05)
    centers = [
        made.sheet.getpixel((x * (tile + 8) + tile // 2, y * (made.poster.height + 8) + made.poster.height // 2))
        for y in range(3)
        for x in range(4)
    ]
    lights = [c[0] for c in centers if isinstance(c, tuple)]
    assert lights == sorted(set(lights)), "twelve different frames, in their order"
    steps_between = np.diff(lights)
    assert steps_between.max() <= 3 * steps_between.min()


def test_a_transport_stream_of_few_key_frames_shows_as_many_frames_as_any_other(tmp_path: Path) -> None:
    path = FilmSource(steps(48), "libx264", options={"g": "100", "crf": "4"}, muxer="mpegts").write(tmp_path / "a.ts")
    times = [frame.time_s for frame in contact_sheet(path, 536).frames]
    assert times == pytest.approx([(2 * i + 1) * 48 / 25 / 24 for i in range(12)], abs=0.08)


def test_a_film_of_fewer_frames_shows_each_once(tmp_path: Path) -> None:
    path = FilmSource(steps(3)).write(tmp_path / "a.mkv")
    made = contact_sheet(path, 536)
    tile = (536 - 24) // 4
    assert made.sheet.size == (3 * tile + 16, round(tile * 96 / 128))


def test_a_film_is_shown_upright_with_square_pixels(tmp_path: Path) -> None:
    aspect = FilmSource(moving(4), "libx264", sample_aspect=Fraction(3, 2)).write(tmp_path / "wide.mp4")
    assert contact_sheet(aspect, 536).poster.size == (128, 64)
    turned = FilmSource(moving(4), "libx264", rotation=90).write(tmp_path / "turned.mp4")
    made = contact_sheet(turned, 536)
    assert made.poster.width < made.poster.height
    assert (made.width, made.height) == (96, 128)


@pytest.mark.parametrize(("space", "is_709"), [(1, True), (6, False)])
def test_the_sheet_knows_whose_luma_it_has(tmp_path: Path, space: int, *, is_709: bool) -> None:
    path = FilmSource(moving(4), "libx264", colorspace=space, chroma=3).write(tmp_path / "a.mkv")
    made = contact_sheet(path, 536)
    assert made.is_709 is is_709
    pixels = np.asarray(made.poster, np.int16)
    assert np.ptp(pixels, axis=2).max() > 30, "in color"


def test_what_is_no_film_is_an_error_that_names_it(tmp_path: Path) -> None:
    (tmp_path / "a.mkv").write_bytes(b"\x1a\x45\xdf\xa3 and no more")
    with pytest.raises(InputError, match=r"a\.mkv"):
        contact_sheet(tmp_path / "a.mkv", 536)


def test_a_film_is_on_the_page_with_its_duration(tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    FilmSource(moving(30), "libx264", colorspace=1).write(out / "reel.mp4")
    write_journal(out, colored("reel.mp4", kind=Kind.FILM))
    made = make(out)
    (item,) = data_of(made.path)["items"]
    assert (item["kind"], item["size"], item["duration"], item["matrix"]) == ("film", "128x96", "0:01.2", "709")
    thumb = made.path.parent / "thumbs" / item["id"][:2] / f"{item['id']}.jpg"
    with Image.open(thumb) as image:
        assert image.size == (314, 236)


def test_doubtful_shots_have_a_row_of_their_own_that_shows_where_each_begins(tmp_path: Path) -> None:
    path = FilmSource(steps(48), "libx264", options={"g": "100", "crf": "4"}).write(tmp_path / "a.mkv")
    plain = contact_sheet(path, 536).sheet
    doubts = (TimedConfidence(30 / 25, 0.2), TimedConfidence(7 / 25, 0.31))
    made = contact_sheet(path, 536, doubts)
    width, height = made.poster.size
    assert made.sheet.height == plain.height + 24 + height
    np.testing.assert_array_equal(np.asarray(made.sheet)[: plain.height], np.asarray(plain))
    below = np.asarray(made.sheet)[plain.height + 24 :, :, 1].astype(int)
    lights = [below[height // 2, x * (width + 8) + width // 2] for x in range(3)]
    expected = [(40 + 150 * i // 48 - 16) * 255 / 219 for i in (7, 30)]
    assert lights[:2] == pytest.approx(expected, abs=2), "in the order of the film"
    assert lights[2] == 142, "nothing"


def test_each_frame_of_a_sheet_comes_by_itself_with_its_time_and_its_place(tmp_path: Path) -> None:
    path = FilmSource(steps(48), "libx264", options={"g": "1", "crf": "4"}).write(tmp_path / "a.mkv")
    made = contact_sheet(path, 536, (TimedConfidence(7 / 25, 0.31),))
    assert len(made.frames) == 13
    assert made.frames[-1][:2] == (7 / 25, 0.31)
    sheet = np.asarray(made.sheet, np.int16)
    for time_s, _, _, picture, box in made.frames:
        assert picture.size == (128, 96), "no larger than the film"
        light = (40 + 150 * round(time_s * 25) // 48 - 16) * 255 / 219
        assert np.asarray(picture).mean() == pytest.approx(light, abs=2)
        x, y = (box.left + box.width / 2) * sheet.shape[1], (box.top + box.height / 2) * sheet.shape[0]
        np.testing.assert_allclose(sheet[int(y), int(x)], light, atol=2)
        assert box.width * sheet.shape[1] == pytest.approx(made.poster.width)
        assert box.height * sheet.shape[0] == pytest.approx(made.poster.height)


def test_frames_of_a_large_film_are_as_large_as_a_screen(tmp_path: Path) -> None:
    large = [np.full((1200, 2400), 40 + 20 * i, np.uint8) for i in range(3)]
    path = FilmSource(large, "libx264", rotation=90).write(tmp_path / "a.mp4")
    assert {frame.picture.size for frame in contact_sheet(path, 536).frames} == {(FRAME_PX // 2, FRAME_PX)}


def test_more_doubtful_shots_than_fit_into_a_row_get_another(tmp_path: Path) -> None:
    path = FilmSource(steps(48), "libx264", options={"g": "1", "crf": "4"}).write(tmp_path / "a.mkv")
    made = contact_sheet(path, 536, tuple(TimedConfidence(i / 5, 0.2) for i in range(6)))
    tops = [frame.box.top * made.sheet.height for frame in made.frames[12:]]
    assert np.diff(tops) == pytest.approx([0, 0, 0, made.poster.height + 8, 0])


def test_the_page_names_doubtful_shots_and_shows_them_anew_when_they_change(tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    FilmSource(moving(30), "libx264").write(out / "reel.mp4")
    seen = []
    for confidence in (0.25, 0.5):
        doubts = (TimedConfidence(0.4, confidence),)
        write_journal(out, replace(colored("reel.mp4", kind=Kind.FILM), least_sure=doubts))
        (item,) = data_of(make(out).path)["items"]
        assert item["frames"][-1][:2] == [0.4, confidence]
        assert [frame[1] for frame in item["frames"][:-1]] == [None] * 12
        seen.append(item["id"])
    assert seen[0] != seen[1]


def test_a_film_that_begins_later_on_its_clock_is_not_longer_for_that(tmp_path: Path) -> None:
    source = FilmSource(steps(48), "libx264", times=range(35, 83))
    for made in (contact_sheet(source.write(tmp_path / name), 536) for name in ("a.mkv", "a.mp4")):
        assert made.seconds == pytest.approx(48 / 25, abs=0.05)
        assert len({frame.time_s for frame in made.frames}) == 12


@pytest.mark.parametrize(("seconds", "text"), [(0.96, "0:00.9"), (61, "1:01.0"), (3723.4, "1:02:03.4")])
def test_times_read_as_on_a_clock(seconds: float, text: str) -> None:
    assert clock(seconds) == text
