"""Chroma upsampling: strips join without a seam, values stay what the network gave, edges go where luma's are."""

from __future__ import annotations

import time

import cv2
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from archivecolor.chroma.upsample import ChromaUpsampler
from archivecolor.color import FloatArray, rgb_to_luma

Picture = npt.NDArray[np.uint8]


def shrink(plane: FloatArray, height: int, width: int) -> FloatArray:
    return np.asarray(cv2.resize(plane, (width, height), interpolation=cv2.INTER_AREA), np.float32)


def cbcr_of(rgb: FloatArray) -> FloatArray:
    y = rgb_to_luma(rgb)
    return np.stack(((rgb[..., 2] - y) / 1.772, (rgb[..., 0] - y) / 1.402), axis=-1).astype(np.float32)


def upsample(luma: FloatArray, small_cbcr: FloatArray, strip: int | None = None) -> FloatArray:
    """Chroma ``[h, w, 2]`` for ``[h, w]`` luma, made ``strip`` rows at a time."""
    height, width = luma.shape
    upsampler = ChromaUpsampler(shrink(luma, *small_cbcr.shape[:2]), small_cbcr, height, width)
    step = strip or height
    strips = [np.stack(upsampler.rows(luma[i : i + step], i), axis=-1) for i in range(0, height, step)]
    return np.concatenate(strips)


@given(st.integers(1, 40), st.integers(1, 40), st.integers(1, 12), st.integers(1, 12), st.integers(1, 41))
def test_strips_join_without_a_seam(height: int, width: int, small_h: int, small_w: int, strip: int) -> None:
    rng = np.random.default_rng((height, width, strip))
    luma = rng.random((height, width), dtype=np.float32)
    small = rng.normal(0, 0.2, (small_h, small_w, 2)).astype(np.float32)
    whole = upsample(luma, small)
    assert whole.shape == (height, width, 2)
    assert whole.dtype == np.float32
    np.testing.assert_allclose(upsample(luma, small, strip), whole, atol=1e-6)


@pytest.mark.parametrize("shape", [(1, 1), (1, 37), (37, 1), (2, 3), (500, 1), (63, 64)])
def test_one_color_stays_that_color_in_a_picture_of_any_shape(shape: tuple[int, int], rng: np.random.Generator) -> None:
    luma = rng.random(shape, dtype=np.float32)
    color = np.array([0.1, -0.2], np.float32)
    small = np.broadcast_to(color, (16, 8, 2)).astype(np.float32)
    np.testing.assert_allclose(upsample(luma, small), np.broadcast_to(color, (*shape, 2)), atol=1e-5)


def test_chroma_of_a_single_pixel_covers_the_picture(rng: np.random.Generator) -> None:
    luma = rng.random((9, 7), dtype=np.float32)
    made = upsample(luma, np.array([[[0.3, 0.1]]], np.float32))
    np.testing.assert_allclose(made, np.broadcast_to([0.3, 0.1], (9, 7, 2)), atol=1e-5)


def test_a_picture_of_the_networks_size_keeps_the_chroma_as_it_is(rng: np.random.Generator) -> None:
    luma = rng.random((24, 32), dtype=np.float32)
    small = rng.normal(0, 0.2, (24, 32, 2)).astype(np.float32)
    np.testing.assert_allclose(upsample(luma, small), small, atol=1e-5)


def test_upsampled_chroma_shrinks_back_to_what_the_network_gave(color_photographs: dict[str, Picture]) -> None:
    for picture in color_photographs.values():
        rgb = (picture / 255).astype(np.float32)
        small = cbcr_of(shrink(rgb, 32, 40))
        back = shrink(upsample(rgb_to_luma(rgb), small), 32, 40)
        assert np.abs(back - small).mean() * 255 < 1


def test_upsampled_chroma_stays_near_the_range_of_what_the_network_gave(color_photographs: dict[str, Picture]) -> None:
    for picture in color_photographs.values():
        rgb = (picture / 255).astype(np.float32)
        small = cbcr_of(shrink(rgb, 32, 40))
        made = upsample(rgb_to_luma(rgb), small)
        for i in range(2):
            reach = np.ptp(small[..., i])
            assert made[..., i].min() > small[..., i].min() - 0.5 * reach
            assert made[..., i].max() < small[..., i].max() + 0.5 * reach


def test_luma_guided_chroma_is_nearer_to_the_truth_than_bilinear(color_photographs: dict[str, Picture]) -> None:
    ours, bilinear = [], []
    for picture in color_photographs.values():
        rgb = (picture / 255).astype(np.float32)
        truth = cbcr_of(rgb)
        height, width = truth.shape[:2]
        small = shrink(truth, height // 4, width // 4)
        ours.append(np.abs(upsample(rgb_to_luma(rgb), small) - truth).mean())
        plain = cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR)
        bilinear.append(np.abs(plain - truth).mean())
    assert np.mean(ours) < 0.95 * np.mean(bilinear)


def test_a_colors_edge_moves_to_the_edge_of_luma() -> None:
    # The luma edge lies at column 18, in the middle of the small pixel that spans 16 to 19
    luma = np.where(np.arange(40) < 18, 0.25, 0.75).astype(np.float32)[None].repeat(40, axis=0)
    truth = np.where(luma < 0.5, -0.2, 0.2)
    small = np.repeat(shrink(truth.astype(np.float32), 10, 10)[..., None], 2, axis=2)
    made = upsample(luma, small)[..., 0]
    plain = cv2.resize(small[..., 0], (40, 40), interpolation=cv2.INTER_CUBIC)
    assert np.abs(made - truth).mean() < 0.5 * np.abs(plain - truth).mean()


def test_rows_are_made_by_the_thread_that_asks_alone(rng: np.random.Generator) -> None:
    luma = rng.random((240, 360), dtype=np.float32)
    small = rng.normal(0, 0.2, (128, 192, 2)).astype(np.float32)
    upsampler = ChromaUpsampler(shrink(luma, 128, 192), small, *luma.shape)
    own, everybody = time.thread_time(), time.process_time()
    for _ in range(30):
        upsampler.rows(luma[:91], 0)
    own, everybody = time.thread_time() - own, time.process_time() - everybody
    assert everybody < 1.2 * own + 0.01
