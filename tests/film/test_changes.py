"""Films that change their form on the way."""

from __future__ import annotations

import re
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from archivecolor.chroma.scan import scan
from archivecolor.errors import InputError
from archivecolor.film.codes import convert_luma
from archivecolor.film.form import make_frame
from archivecolor.film.reading import frames
from archivecolor.settings import EncodeSettings, Purpose
from tests.film.ffprobe import video_frames
from tests.film.sources import FilmSource, Plane, decode, moving
from tests.needs import needs_ffmpeg
from tests.runs.film.making import color

MASTER = EncodeSettings(Purpose.MASTER)
LOSSLESS = {"qp": "0", "bf": "0", "g": "6", "preset": "ultrafast"}


def changing(folder: Path, one: dict[str, Any], other: dict[str, Any], count: int = 6) -> Path:
    """A transport stream of H.264 (or of what ``encoder`` says) whose second half has another form."""
    halves = []
    for number, form in enumerate((one, other)):
        settings: dict[str, Any] = {"encoder": "libx264", "options": LOSSLESS, **form}
        lumas = settings.pop("lumas", moving(count, seed=number + 1))
        times = range(number * count, (number + 1) * count)
        film = FilmSource(lumas, muxer="mpegts", times=times, **settings).write(folder / f"{number}.ts")
        halves.append(film.read_bytes())
    path = folder / "a.ts"
    path.write_bytes(b"".join(halves))
    return path


def test_luma_that_turns_deeper_is_widened_and_stays_exact(tmp_path: Path) -> None:
    source = changing(tmp_path, {}, {"pixel_format": "yuv420p10le"})
    before = decode(source).lumas
    assert {luma.dtype for luma in before} == {np.dtype(np.uint8), np.dtype("<u2")}
    color(source, tmp_path / "b.mkv", MASTER)
    after = decode(tmp_path / "b.mkv").lumas
    assert np.array_equal(after, [y if y.dtype == np.dtype("<u2") else y.astype(np.uint16) << 2 for y in before])


def test_full_range_luma_that_turns_shallower_is_widened_reversibly(tmp_path: Path) -> None:
    source = changing(tmp_path, {"pixel_format": "yuv420p10le", "color_range": 2}, {"color_range": 2})
    color(source, tmp_path / "b.mkv", MASTER)
    before, after = decode(source).lumas, decode(tmp_path / "b.mkv").lumas
    assert np.array_equal(after[0], before[0])
    assert np.array_equal(np.rint(after[8] * (255 / 1023)), before[8])


CHANGES: dict[str, tuple[dict[str, Any], dict[str, Any], str]] = {
    "aspect": (
        {"encoder": "mpeg2video", "options": {"g": "6"}, "sample_aspect": Fraction(1)},
        {"encoder": "mpeg2video", "options": {"g": "6"}, "sample_aspect": Fraction(4, 3)},
        "the shape of a pixel changes from 1:1 to 4:3",
    ),
    "size": ({}, {"lumas": moving(6, 64, 96)}, "the picture changes from 128 x 96 to 96 x 64"),
    "range": ({}, {"color_range": 2}, "luma changes from limited to full range"),
    "matrix": ({"colorspace": 6}, {"colorspace": 1}, r"the color matrix changes from BT.601 to BT.709"),
}


@pytest.mark.parametrize("name", CHANGES)
def test_what_no_form_can_hold_is_refused_by_its_time_and_its_parts_can_be_colored(tmp_path: Path, name: str) -> None:
    one, other, message = CHANGES[name]
    source = changing(tmp_path, one, other)
    with pytest.raises(InputError, match=rf"a\.ts: at 0\.2[04]0 s {message}") as caught:
        color(source, tmp_path / "b.mkv", MASTER)
    assert not (tmp_path / "b.mkv").exists()
    parts = re.findall(r"--(start|end) ([0-9.]+)", caught.value.hint or "")
    assert [part for part, _ in parts] == ["end", "start"]
    color(source, tmp_path / "1.mkv", MASTER, end_s=float(parts[0][1]))
    color(source, tmp_path / "2.mkv", MASTER, start_s=float(parts[1][1]))
    whole = [*decode(tmp_path / "1.mkv").lumas, *decode(tmp_path / "2.mkv").lumas]
    before = decode(source).lumas
    assert [y.tobytes() for y in whole] == [y.tobytes() for y in before]


@needs_ffmpeg
def test_a_tape_whose_fields_change_places_keeps_the_order_of_each_frame(tmp_path: Path) -> None:
    def fields(order: int) -> dict[str, Any]:
        name = "tff" if order == 2 else "bff"
        return {"field_order": order, "options": {**LOSSLESS, "x264-params": f"{name}=1"}}

    source = changing(tmp_path, fields(2), fields(3))
    color(source, tmp_path / "b.mkv", MASTER)
    shown = [(f["interlaced_frame"], f["top_field_first"]) for f in video_frames(tmp_path / "b.mkv")]
    assert shown == [(1, 1)] * 6 + [(1, 0)] * 6


@needs_ffmpeg
def test_a_container_that_is_silent_about_fields_does_not_turn_them(tmp_path: Path) -> None:
    options = {**LOSSLESS, "x264-params": "bff=1"}
    source = FilmSource(moving(4), "libx264", field_order=3, options=options).write(tmp_path / "a.avi")
    color(source, tmp_path / "b.mkv", MASTER)
    shown = [(f["interlaced_frame"], f["top_field_first"]) for f in video_frames(tmp_path / "b.mkv")]
    assert shown == [(1, 0)] * 4


def test_a_film_that_became_another_one_is_not_read_with_the_old_ones_numbers(tmp_path: Path) -> None:
    source = FilmSource(moving(4)).write(tmp_path / "a.mkv")
    film = scan(source).film
    FilmSource(moving(4), pixel_format="yuv420p10le").write(source)
    with pytest.raises(InputError, match=r"10 bit .* on a second reading and was .* 8 bit"):
        list(frames(source, film, 0, 4))


@pytest.mark.parametrize(("dtype", "pixel_format", "most"), [(np.uint16, "yuv420p", 255), (np.uint8, "yuv420p10le", 9),
                                                            (np.uint16, "yuv420p10le", 1024)])  # fmt: skip
def test_samples_that_do_not_fit_are_never_laid_into_a_frame(dtype: type, pixel_format: str, most: int) -> None:
    luma: Plane = np.full((16, 16), most, dtype)
    chroma: Plane = np.zeros((8, 8), dtype)
    with pytest.raises(ValueError, match="do not fit into"):
        make_frame(pixel_format, (luma, chroma, chroma))


def test_samples_are_never_taken_for_those_of_another_depth() -> None:
    with pytest.raises(ValueError, match="are not of 8 bit"):
        convert_luma(np.full((2, 2), 900, np.uint16), (8, False), (8, False))
    with pytest.raises(ValueError, match="are not of 10 bit"):
        convert_luma(np.full((2, 2), 1024, np.uint16), (10, False), (12, False))


def test_a_survey_knows_the_form_of_each_frame(tmp_path: Path) -> None:
    film = scan(changing(tmp_path, {}, {"pixel_format": "yuv420p10le"})).film
    assert [film.form_at(i).depth for i in range(12)] == [8] * 6 + [10] * 6
    assert replace(film, forms=()).form_at(3) == film.form
