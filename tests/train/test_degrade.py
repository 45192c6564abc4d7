"""Degradation: always a luma in 0..1, the plain one where nothing is to happen, and each fault does something."""

from __future__ import annotations

import dataclasses

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from archivecolor.color import FloatArray, rgb_to_luma
from train.damage import damage
from train.degrade import Degradation, degrade, mount

Picture = npt.NDArray[np.uint8]

FAULTS = [f.name for f in dataclasses.fields(Degradation) if f.name not in {"clean", "mount"}]
NOTHING = dataclasses.replace(Degradation(), clean=0.0, **dict.fromkeys(FAULTS, 0.0))
EVERYTHING = dataclasses.replace(Degradation(), clean=0.0, **dict.fromkeys(FAULTS, 1.0))

seeds = st.integers(0, 2**32)
extremes = hnp.arrays(np.float32, (16, 24, 3), elements=st.sampled_from([0, 1, 0.5]), fill=st.sampled_from([0, 1]))


@pytest.fixture
def crop(color_photographs: dict[str, Picture]) -> FloatArray:
    return (color_photographs["coffee"][:96, :128] / 255).astype(np.float32)


@given(extremes, seeds)
def test_a_degraded_luma_stays_in_0_to_1(rgb: FloatArray, seed: int) -> None:
    for chances in (Degradation(), EVERYTHING):
        luma = degrade(rgb, np.random.default_rng(seed), chances)
        assert luma.shape == (16, 24)
        assert luma.dtype == np.float32
        assert luma.min() >= 0
        assert luma.max() <= 1


@pytest.mark.parametrize("fault", FAULTS)
def test_each_fault_alone_stays_in_0_to_1_and_changes_the_picture(crop: FloatArray, fault: str) -> None:
    plain = rgb_to_luma(crop)
    changes = []
    for seed in range(12):
        luma = degrade(crop, np.random.default_rng(seed), dataclasses.replace(NOTHING, **{fault: 1.0}))
        assert luma.dtype == np.float32
        assert luma.min() >= 0
        assert luma.max() <= 1
        changes.append(np.abs(luma - plain).max())
    assert np.median(changes) > 0.01


def test_a_picture_without_faults_is_the_plain_luma(crop: FloatArray, rng: np.random.Generator) -> None:
    for chances in (NOTHING, dataclasses.replace(EVERYTHING, clean=1.0)):
        np.testing.assert_allclose(degrade(crop, rng, chances), rgb_to_luma(crop), atol=1e-6)


def test_the_source_is_left_as_it_was(crop: FloatArray, rng: np.random.Generator) -> None:
    before = crop.copy()
    degrade(crop, rng, EVERYTHING)
    np.testing.assert_array_equal(crop, before)


def test_the_same_seed_gives_the_same_faults(crop: FloatArray) -> None:
    one, two, other = (degrade(crop, np.random.default_rng(seed), EVERYTHING) for seed in (5, 5, 6))
    np.testing.assert_array_equal(one, two)
    assert (one != other).any()


def test_faults_come_about_as_often_as_told(crop: FloatArray) -> None:
    rng = np.random.default_rng(0)
    plain = rgb_to_luma(crop)
    chances = dataclasses.replace(NOTHING, fading=0.3)
    faded = sum(np.abs(degrade(crop, rng, chances) - plain).max() > 1e-3 for _ in range(300))
    assert 60 < faded < 120


def test_old_emulsions_see_red_dark_and_blue_light() -> None:
    red, blue = (np.full((8, 8, 3), c, np.float32) for c in ((1, 0, 0), (0, 0, 1)))
    old = dataclasses.replace(NOTHING, emulsion=1.0)
    for seed in range(10):
        assert degrade(red, np.random.default_rng(seed), old).mean() < rgb_to_luma(red).mean()
        assert degrade(blue, np.random.default_rng(seed), old).mean() > rgb_to_luma(blue).mean()


def test_gray_pictures_look_the_same_on_every_emulsion() -> None:
    gray = np.full((8, 8, 3), 0.6, np.float32)
    luma = degrade(gray, np.random.default_rng(1), dataclasses.replace(NOTHING, emulsion=1.0))
    np.testing.assert_allclose(luma, 0.6, atol=1e-6)


@pytest.mark.parametrize("seed", range(12))
def test_every_kind_of_damage_leaves_most_of_the_picture_to_be_seen(crop: FloatArray, seed: int) -> None:
    plain = rgb_to_luma(crop)
    damaged = np.clip(damage(plain, np.random.default_rng(seed), 1.0), 0, 1)
    changed = np.abs(damaged - plain) > 0.25
    assert 0.002 < changed.mean() < 0.5


def test_a_mount_lies_around_the_picture_and_is_nearly_gray(crop: FloatArray) -> None:
    for seed in range(20):
        mounted = mount(crop, np.random.default_rng(seed))
        paper = (mounted != crop).any(axis=2)
        np.testing.assert_array_equal(mounted[20:-20, 25:-25], crop[20:-20, 25:-25])
        assert mounted.min() >= 0
        assert mounted.max() <= 1
        if paper.any():
            assert np.ptp(mounted[paper], axis=1).max() < 0.2
