"""The promise of the whole: whatever the engine says, luma comes out as it went in."""

from __future__ import annotations

import errno
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image
from skimage.color import rgb2lab

from archivecolor.chroma import still as pipeline
from archivecolor.chroma.still import Colorizer, cost_bytes
from archivecolor.color import FloatArray, UIntArray, luma_of
from archivecolor.errors import EngineError, InputError, OutputError, UsageError
from archivecolor.frames import Orientation
from archivecolor.settings import ColorSettings
from archivecolor.stills import open_still
from tests.fakes.engines import FailingEngine, FakeEngine, NanEngine, by_luma, fake_folder, wild

Picture = npt.NDArray[np.uint8]

shapes = st.tuples(st.integers(1, 40), st.integers(1, 40))
pictures = st.tuples(st.sampled_from([np.uint8, np.uint16]), shapes).flatmap(lambda x: hnp.arrays(*x))


def gray(luma: UIntArray) -> UIntArray:
    return np.repeat(luma[..., None], 3, axis=2)


def by_place(luma: FloatArray) -> FloatArray:
    """Blue at the top of the upright picture, orange at its bottom, green to its right."""
    h, w = luma.shape
    b = np.linspace(-30, 30, h, dtype=np.float32)[:, None].repeat(w, axis=1)
    a = np.linspace(20, -20, w, dtype=np.float32)[None].repeat(h, axis=0)
    return np.stack((a, b), axis=-1)


@given(pictures)
def test_luma_is_exact_for_random_pictures_under_wild_chroma(luma: UIntArray) -> None:
    colored = Colorizer(FakeEngine(wild)).color(luma)
    assert colored.dtype == luma.dtype
    assert colored.shape == (*luma.shape, 3)
    np.testing.assert_array_equal(luma_of(colored), luma)


@pytest.mark.parametrize("scale", [1, 257])
@pytest.mark.parametrize("chroma", [wild, by_luma])
def test_luma_of_real_photographs_is_exact_at_8_and_16_bit(
    color_photographs: dict[str, Picture], chroma: Any, scale: int
) -> None:
    for picture in color_photographs.values():
        # At 16 bit with low bytes that differ from the high ones
        rgb = picture if scale == 1 else (np.minimum(picture, 254) * np.uint16(257) + np.uint16(77))
        colored = Colorizer(FakeEngine(chroma)).color(rgb)
        assert np.ptp(colored, axis=2).mean() > 3 * scale
        np.testing.assert_array_equal(luma_of(colored), luma_of(rgb))


def test_luma_of_the_sample_photographs_is_exact(sample_stills: list[Path]) -> None:
    colorizer = Colorizer(FakeEngine(wild))
    depths = set()
    for path in sample_stills:
        luma = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE | cv2.IMREAD_ANYDEPTH)
        assert luma is not None
        assert luma.dtype in (np.uint8, np.uint16)
        part: UIntArray = np.asarray(luma[:300, :400], np.uint16 if luma.dtype == np.uint16 else np.uint8)
        depths.add(part.dtype.name)
        np.testing.assert_array_equal(luma_of(colorizer.color(part)), part)
    assert depths == {"uint8", "uint16"}


def test_colored_pictures_keep_their_luma_as_pillow_computes_it(color_photographs: dict[str, Picture]) -> None:
    picture = color_photographs["astronaut"]
    before = np.asarray(Image.fromarray(picture).convert("L"))
    colored = np.asarray(Colorizer(FakeEngine(wild)).color(picture), np.uint8)
    np.testing.assert_array_equal(np.asarray(Image.fromarray(colored).convert("L")), before)


@pytest.mark.parametrize("shape", [(1, 1), (1, 300), (300, 1), (2, 2), (3, 3000)])
def test_pictures_of_any_shape_are_colored(shape: tuple[int, int], rng: np.random.Generator) -> None:
    luma = rng.integers(60, 200, shape).astype(np.uint8)
    colored = Colorizer(FakeEngine()).color(luma)
    np.testing.assert_array_equal(luma_of(colored), luma)
    assert (np.ptp(colored, axis=2) > 10).all()


def test_the_engine_sees_the_picture_at_its_own_size_in_0_to_1(color_photographs: dict[str, Picture]) -> None:
    colorizer = Colorizer(FakeEngine(folder=fake_folder(short_px=96)))
    picture = luma_of(color_photographs["rocket"])
    network_y = colorizer.network_y(picture)
    assert network_y.shape == (96, 128)
    assert network_y.dtype == np.float32
    assert network_y.min() >= 0
    assert network_y.max() <= 1
    small = cv2.resize(picture, (128, 96), interpolation=cv2.INTER_AREA)
    assert np.corrcoef(network_y.ravel(), small.ravel())[0, 1] > 0.99


def test_a_faded_print_looks_as_the_fresh_one(color_photographs: dict[str, Picture]) -> None:
    colorizer = Colorizer(FakeEngine())
    fresh = luma_of(color_photographs["coffee"])
    faded = (70 + 0.4 * fresh.astype(np.float64)).astype(np.uint8)
    assert np.abs(fresh.astype(int) - faded).max() > 60
    assert np.abs(colorizer.network_y(fresh) - colorizer.network_y(faded)).max() < 0.07  # whose own black is 0.06


def test_a_16_bit_picture_looks_as_its_8_bit_twin(rng: np.random.Generator) -> None:
    colorizer = Colorizer(FakeEngine())
    luma = rng.integers(0, 256, (80, 70)).astype(np.uint8)
    np.testing.assert_allclose(
        colorizer.network_y(luma), colorizer.network_y(luma.astype(np.uint16) * 257), atol=2 / 255
    )


def test_the_networks_short_side_can_be_set(rng: np.random.Generator) -> None:
    colorizer = Colorizer(FakeEngine(), ColorSettings(network_px=160))
    assert colorizer.network_y(rng.integers(0, 256, (50, 50)).astype(np.uint8)).shape == (160, 160)


def test_strength_0_leaves_the_picture_gray(color_photographs: dict[str, Picture]) -> None:
    picture = color_photographs["coffee"]
    colored = Colorizer(FakeEngine(wild), ColorSettings(strength=0)).color(picture)
    np.testing.assert_array_equal(colored, gray(luma_of(picture)))


def test_half_the_strength_gives_about_half_the_color() -> None:
    luma = np.full((40, 40), 128, np.uint8)
    full = Colorizer(FakeEngine()).color(luma).astype(float) - 128
    half = Colorizer(FakeEngine(), ColorSettings(strength=0.5)).color(luma).astype(float) - 128
    np.testing.assert_allclose(half, full / 2, atol=2)


def test_the_color_is_the_engines(rng: np.random.Generator) -> None:
    luma = rng.integers(100, 180, (64, 64)).astype(np.uint8)
    ab = rgb2lab(Colorizer(FakeEngine()).color(luma))[..., 1:]
    np.testing.assert_allclose(ab.mean(axis=(0, 1)), [12, 20], atol=0.5)


@pytest.mark.parametrize("chroma", [by_luma, by_place])
@pytest.mark.parametrize("orientation", Orientation)
def test_a_picture_stored_turned_is_colored_as_the_upright_one(
    orientation: Orientation, chroma: Any, color_photographs: dict[str, Picture]
) -> None:
    colorizer = Colorizer(FakeEngine(chroma))
    upright = luma_of(color_photographs["coffee"])
    stored = np.ascontiguousarray(orientation.to_stored(upright))
    colored = colorizer.merge(stored, colorizer.predict([colorizer.network_y(stored, orientation)])[0], orientation)
    np.testing.assert_array_equal(luma_of(colored), stored)
    difference = orientation.to_upright(colored).astype(int) - colorizer.color(upright)
    assert np.abs(difference).max() <= 2


def test_strips_leave_no_trace(monkeypatch: pytest.MonkeyPatch, color_photographs: dict[str, Picture]) -> None:
    colorizer = Colorizer(FakeEngine(by_luma))
    picture = color_photographs["rocket"]
    whole = colorizer.color(picture)
    for pixels in (1, 7 * picture.shape[1]):
        monkeypatch.setattr(pipeline, "_STRIP_PIXELS", pixels)
        assert np.abs(colorizer.color(picture).astype(int) - whole).max() <= 1


def test_looks_of_one_size_go_to_the_engine_together() -> None:
    batches: list[int] = []

    class Counting(FakeEngine):
        def colorize(self, luma: FloatArray, hints: FloatArray | None = None) -> FloatArray:
            batches.append(len(luma))
            return super().colorize(luma, hints)

    colorizer = Colorizer(Counting())
    square, wide = np.zeros((64, 64), np.uint8), np.zeros((64, 128), np.uint8)
    inputs = [colorizer.network_y(x) for x in (square, square, square)]
    assert [c.shape for c in colorizer.predict(inputs)] == [(16, 16, 2)] * 3
    assert batches == [3]
    assert [c.shape for c in colorizer.predict([inputs[0], colorizer.network_y(wide)])] == [(16, 16, 2), (16, 32, 2)]
    assert batches == [3, 1, 1]


@pytest.mark.parametrize(
    "picture",
    [
        np.zeros((4, 4), np.float32),
        np.zeros((4, 4), np.int16),
        np.zeros((4,), np.uint8),
        np.zeros((4, 4, 4), np.uint8),
        np.zeros((4, 4, 1), np.uint8),
        np.zeros((1, 4, 4, 3), np.uint8),
        np.zeros((0, 4), np.uint8),
        np.zeros((4, 0, 3), np.uint16),
    ],
    ids=lambda x: f"{x.dtype}{list(x.shape)}",
)
def test_what_is_no_picture_is_refused(picture: Any) -> None:
    with pytest.raises(InputError, match=r"uint8 or uint16, \[h, w\] or \[h, w, 3\]"):
        Colorizer(FakeEngine()).color(picture)


def test_numbers_that_are_none_never_reach_a_picture() -> None:
    with pytest.raises(EngineError, match="no numbers"):
        Colorizer(NanEngine()).color(np.zeros((40, 40), np.uint8))


def test_an_engines_failure_is_told_and_the_next_picture_is_colored() -> None:
    colorizer = Colorizer(FailingEngine(picture=2))
    picture = np.full((40, 40), 99, np.uint8)
    colorizer.color(picture)
    with pytest.raises(EngineError, match="the device is lost"):
        colorizer.color(picture)
    np.testing.assert_array_equal(luma_of(colorizer.color(picture)), picture)


def test_leaving_the_colorizer_closes_its_engine() -> None:
    engine = FakeEngine()
    with Colorizer(engine) as colorizer:
        colorizer.color(np.zeros((4, 4), np.uint8))
    assert engine.closed
    with pytest.raises(EngineError, match="closed"):
        colorizer.color(np.zeros((4, 4), np.uint8))


def test_several_threads_make_the_same_pictures_as_one(color_photographs: dict[str, Picture]) -> None:
    colorizer = Colorizer(FakeEngine(by_luma))
    todo = list(color_photographs.values()) * 3
    with ThreadPoolExecutor(4) as pool:
        for made, picture in zip(pool.map(colorizer.color, todo), todo, strict=True):
            np.testing.assert_array_equal(made, colorizer.color(picture))


def test_loading_an_unknown_engine_or_generator_is_a_usage_error() -> None:
    with pytest.raises(UsageError, match="no engine 'abacus'"):
        Colorizer.load(engine="abacus")
    with pytest.raises(UsageError, match=r"no generator 'archiv'.*did you mean 'archive'"):
        Colorizer.load(generator="archiv")


def test_a_16_bit_file_is_colored_with_exact_luma(tmp_path: Path, rng: np.random.Generator) -> None:
    luma = rng.integers(0, 65536, (50, 60)).astype(np.uint16)
    source, target = tmp_path / "gray.png", tmp_path / "color.png"
    cv2.imwrite(str(source), luma)
    Colorizer(FakeEngine(wild)).color_file(source, str(target))
    written = cv2.imread(str(target), cv2.IMREAD_UNCHANGED)
    assert written is not None
    assert written.dtype == np.uint16
    np.testing.assert_array_equal(luma_of(np.asarray(written[..., ::-1], np.uint16)), luma)
    assert open_still(target).info.bits == 16


def test_a_file_is_only_written_over_when_told_so(tmp_path: Path) -> None:
    source, target = tmp_path / "gray.png", tmp_path / "color.png"
    cv2.imwrite(str(source), np.full((40, 40), 128, np.uint8))
    target.write_bytes(b"precious")
    colorizer = Colorizer(FakeEngine())
    with pytest.raises(OutputError, match=r"color\.png: already exists"):
        colorizer.color_file(source, target)
    assert target.read_bytes() == b"precious"
    colorizer.color_file(source, target, overwrite=True)
    assert open_still(target).luma.shape == (40, 40)


def test_a_source_is_never_written_over(tmp_path: Path) -> None:
    source, link = tmp_path / "gray.png", tmp_path / "link.png"
    cv2.imwrite(str(source), np.full((40, 40), 128, np.uint8))
    link.symlink_to(source)
    before = source.read_bytes()
    for target in (source, link):
        with pytest.raises(OutputError, match="is the source itself"):
            Colorizer(FakeEngine()).color_file(source, target, overwrite=True)
    assert source.read_bytes() == before


def test_an_earlier_result_survives_a_failure_while_it_is_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, target = tmp_path / "gray.png", tmp_path / "color.png"
    cv2.imwrite(str(source), np.full((40, 40), 128, np.uint8))
    target.write_bytes(b"precious")

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OutputError, match="the disk is full"):
        Colorizer(FakeEngine()).color_file(source, target, overwrite=True)
    assert target.read_bytes() == b"precious"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["color.png", "gray.png"]


def test_a_missing_or_broken_source_is_an_input_error_and_writes_nothing(tmp_path: Path) -> None:
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"\x89PNG\r\n\x1a\n" + b"\0" * 20)
    for source in (tmp_path / "missing.png", broken):
        with pytest.raises(InputError, match=source.name):
            Colorizer(FakeEngine()).color_file(source, tmp_path / "color.png")
    assert not (tmp_path / "color.png").exists()


def test_a_failing_engine_leaves_no_file_behind(tmp_path: Path) -> None:
    source = tmp_path / "gray.png"
    cv2.imwrite(str(source), np.full((40, 40), 128, np.uint8))
    with pytest.raises(EngineError):
        Colorizer(FailingEngine(picture=1)).color_file(source, tmp_path / "color.png")
    assert not (tmp_path / "color.png").exists()


def test_the_cost_of_a_photograph_grows_with_its_pixels_and_depth(tmp_path: Path) -> None:
    small, deep, text = tmp_path / "small.png", tmp_path / "deep.png", tmp_path / "text.png"
    cv2.imwrite(str(small), np.zeros((10, 20), np.uint8))
    cv2.imwrite(str(deep), np.zeros((10, 20), np.uint16))
    text.write_text("no picture")
    assert 0 < cost_bytes(small) < cost_bytes(deep)
    assert cost_bytes(text) == 0
    assert cost_bytes(tmp_path / "missing.png") == 0


def test_strokes_color_what_they_lie_on_and_luma_stays(tmp_path: Path) -> None:
    luma = np.full((64, 96), 90, np.uint8)
    luma[:, 60:] = 180
    strokes = np.zeros((64, 96, 4), np.uint8)
    strokes[30:34, 10:30] = (30, 60, 200, 255)
    Image.fromarray(strokes).save(tmp_path / "strokes.png")
    with Colorizer(FakeEngine()) as colorizer:
        plain, painted = colorizer.color(luma), colorizer.color(luma, hints=tmp_path / "strokes.png")
    np.testing.assert_array_equal(luma_of(painted), luma)
    left, right = painted[10:54, 5:50].astype(int), painted[:, 70:].astype(int)
    assert (left[..., 2] > left[..., 0] + 30).all()
    assert np.abs(right - plain[:, 70:]).max() <= 2
