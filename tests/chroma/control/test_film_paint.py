"""Paint on one frame reaches the whole shot, and nothing else."""

from __future__ import annotations

import itertools
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from archivecolor.chroma.control.film_paint import FilmPaint
from archivecolor.chroma.control.paint import Painted
from archivecolor.chroma.film import FilmColorizer
from archivecolor.chroma.scan import scan
from archivecolor.chroma.temporal import UInt8
from archivecolor.color import FloatArray
from archivecolor.errors import InputError, UsageError
from archivecolor.film.encoding import plan_encoding
from archivecolor.runs.film.frame_advice import FrameAdvice
from archivecolor.runs.film.segment_maker import SegmentMaker
from archivecolor.runs.listener import Silent
from archivecolor.settings import ColorSettings, EncodeSettings, Purpose
from tests.fakes.engines import FakeEngine
from tests.film.sources import FilmSource, decode, moving
from tests.runs.film.making import color

H, W, BLUE = 96, 128, (10.0, -60.0)


def ball(index: int) -> tuple[int, int]:
    """Where the middle of the object is."""
    return 48, 20 + 5 * index


def frame(index: int) -> UInt8:
    """A light, mottled disc that moves over a dark, mottled ground."""
    rng = np.random.default_rng(3)
    ground = cv2.resize(rng.uniform(40, 90, (12, 16)).astype(np.float32), (W, H), interpolation=cv2.INTER_CUBIC)
    skin = cv2.resize(rng.uniform(150, 220, (8, 8)).astype(np.float32), (40, 40), interpolation=cv2.INTER_CUBIC)
    y, x = ball(index)
    there = np.zeros((H, W + 80), np.float32)
    there[y - 20 : y + 20, x - 20 + 40 : x + 20 + 40] = skin
    disc = np.hypot(*np.meshgrid(np.arange(W) - x, np.arange(H) - y)) < 16
    return np.where(disc, there[:, 40:-40], ground).astype(np.uint8)


def painted(index: int, ab: tuple[float, float] = BLUE) -> Painted:
    """The disc, painted."""
    y, x = ball(index)
    rule = (np.hypot(*np.meshgrid(np.arange(W) - x, np.arange(H) - y)) < 15).astype(np.float32)
    return Painted(np.full((H, W, 2), ab, np.float32), rule)


def over_gray(paint: FilmPaint, index: int) -> FloatArray:
    return paint.over(index, np.zeros((H, W, 2), np.float32), np.zeros((H, W), np.float32))[0]


def test_paint_follows_its_object_in_both_directions() -> None:
    paint = FilmPaint()
    paint.carry(100, [frame(i) for i in range(16)], {108: painted(8)})
    assert paint.frames.keys() == set(range(100, 116))
    for i in range(16):
        made, (y, x) = over_gray(paint, 100 + i), ball(i)
        np.testing.assert_allclose(made[y - 6 : y + 6, x - 6 : x + 6].mean(axis=(0, 1)), BLUE, atol=4)
        away = np.hypot(*np.meshgrid(np.arange(W) - x, np.arange(H) - y)) > 26
        assert np.abs(made[away]).mean() < 2


def test_frames_between_two_painted_ones_get_both() -> None:
    paint = FilmPaint()
    paint.carry(0, [frame(i) for i in range(11)], {0: painted(0), 10: painted(10, (60, 40))})
    blues = [over_gray(paint, i)[ball(i)[0], ball(i)[1], 1] for i in range(11)]
    assert blues[0] < -50
    assert blues[10] > 35
    assert all(a <= b + 1 for a, b in itertools.pairwise(blues))


def test_paint_does_not_come_back_after_what_hid_it() -> None:
    lumas = [frame(i) for i in range(4)] + [np.full((H, W), 60, np.uint8)] * 2 + [frame(i) for i in range(4)]
    paint = FilmPaint()
    paint.carry(0, lumas, {0: painted(0)})
    assert np.abs(over_gray(paint, 9)).max() < 12


def test_frames_that_no_paint_reaches_keep_their_chroma_and_take_no_room() -> None:
    paint = FilmPaint()
    ab = np.random.default_rng(0).normal(0, 20, (H, W, 2)).astype(np.float32)
    sure = np.full((H, W), 0.25, np.float32)
    for kept, given in zip(paint.over(3, ab, sure), (ab, sure), strict=True):
        np.testing.assert_array_equal(kept, given)
    assert not paint.frames


def test_paint_is_sure_where_the_generator_was_not() -> None:
    paint = FilmPaint()
    paint.carry(0, [frame(0), frame(1)], {0: painted(0)})
    _, sure = paint.over(1, np.zeros((H, W, 2), np.float32), np.full((H, W), 0.1, np.float32))
    y, x = ball(1)
    assert sure[y - 6 : y + 6, x - 6 : x + 6].min() > 0.9
    np.testing.assert_allclose(sure[:, -20:], 0.1, atol=0.01)


def layer(path: Path, size: tuple[int, int] = (128, 96)) -> None:
    rgba = np.zeros((size[1], size[0], 4), np.uint8)
    rgba[:, 10:40] = (20, 40, 230, 255)
    path.parent.mkdir(exist_ok=True)
    Image.fromarray(rgba).save(path)


def test_a_hint_colors_its_shot_and_no_other(tmp_path: Path) -> None:
    FilmSource(moving(10) + moving(10, seed=7)).write(tmp_path / "a.mkv")
    layer(tmp_path / "hints" / "4.png")
    encode = EncodeSettings(Purpose.MASTER)
    for name, hints in (("plain.mkv", None), ("painted.mkv", tmp_path / "hints")):
        color(tmp_path / "a.mkv", tmp_path / name, encode, engine=FakeEngine(), color=ColorSettings(hints=hints))
    plain, painted = (decode(tmp_path / name) for name in ("plain.mkv", "painted.mkv"))
    np.testing.assert_array_equal(plain.lumas, painted.lumas)
    moved = [np.abs(a.astype(int) - b).mean() for a, b in zip(plain.cb, painted.cb, strict=True)]
    assert min(moved[:10]) > 4 * max(moved[10:])


def maker(tmp_path: Path, hints: Path) -> SegmentMaker:
    found = scan(FilmSource(moving(10)).write(tmp_path / "a.mkv"))
    encoding = plan_encoding(found.film.form, EncodeSettings(), "matroska", interlaced=False)
    color = ColorSettings(hints=hints)
    advice = FrameAdvice.of(found, color)
    return SegmentMaker(tmp_path / "a.mkv", found, FilmColorizer(FakeEngine(), color), encoding, given=advice)


def test_a_hint_is_found_by_the_time_of_its_frame(tmp_path: Path) -> None:
    layer(tmp_path / "hints" / "0.1s.png")
    made = maker(tmp_path, tmp_path / "hints")
    times = [made.scan.film.seconds(i) for i in range(10)]
    shown = max(i for i, t in enumerate(times) if t <= 0.1001)
    assert set(made.advice.layers) == {shown}


@pytest.mark.parametrize("name", ["10.png", "9s.png"])
def test_a_hint_beyond_the_films_end_is_a_usage_error(tmp_path: Path, name: str) -> None:
    layer(tmp_path / "hints" / name)
    with pytest.raises(UsageError, match=rf"{name}: names no frame of the film \(it has frames 0 to 9"):
        maker(tmp_path, tmp_path / "hints").check_frames(Silent())


def test_a_hint_of_another_shape_is_told_before_anything_is_made(tmp_path: Path) -> None:
    layer(tmp_path / "hints" / "3.png", (96, 96))
    with pytest.raises(InputError, match=r"3.png: is 96 x 96, its picture 128 x 96"):
        maker(tmp_path, tmp_path / "hints").check_frames(Silent())
