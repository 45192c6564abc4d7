"""Hints to train on: of the true color, inside one thing, as many as asked for, and the same for the same seed."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from archivecolor.color import FloatArray
from archivecolor.errors import ConfigurationError
from train.dataset import Photographs
from train.degrade import Degradation
from train.hints import HintDraws, draw_hints

ALWAYS = HintDraws(none=0, one_thing=0, noisy=0)


@pytest.fixture
def scene() -> tuple[FloatArray, FloatArray]:
    """Red to the left, green to the right of a sharp edge; as light as each other."""
    chroma = np.zeros((2, 32, 40), np.float32)
    chroma[0, :, :20], chroma[0, :, 20:] = 40, -40
    light = np.full((32, 40), 0.5, np.float32)
    return chroma, light


def test_hints_have_the_true_color_and_end_at_its_edge(scene: tuple[FloatArray, FloatArray]) -> None:
    chroma, light = scene
    for seed in range(30):
        hints, truth = draw_hints(chroma, light, np.random.default_rng(seed), ALWAYS)
        assert truth is chroma
        inside = hints[2] == 1
        assert inside.any()
        np.testing.assert_allclose(hints[:2, inside], chroma[:, inside], atol=1e-4)
        assert not hints[:, ~inside].any()


def test_the_share_without_hints_is_as_told(scene: tuple[FloatArray, FloatArray]) -> None:
    rng = np.random.default_rng(1)
    draws = dataclasses.replace(ALWAYS, none=0.6)
    bare = sum(not draw_hints(*scene, rng, draws)[0].any() for _ in range(300))
    assert 150 < bare < 210


def test_from_one_to_many_hints_are_drawn(scene: tuple[FloatArray, FloatArray]) -> None:
    rng = np.random.default_rng(1)
    draws = dataclasses.replace(ALWAYS, most=100, largest=1, strokes=0)
    areas = [draw_hints(*scene, rng, draws)[0][2].sum() for _ in range(200)]
    assert min(areas) == 1
    assert 4 < np.median(areas) < 20
    assert 60 < max(areas) <= 100


def test_hints_on_one_thing_lie_on_one_side_of_the_edge(scene: tuple[FloatArray, FloatArray]) -> None:
    draws = dataclasses.replace(ALWAYS, one_thing=1, recolored=0)
    chroma, light = scene[0].copy(), scene[1]
    chroma[0, 12:20, 5:35] = 5  # a third thing, so that each is under half of the picture
    for seed in range(20):
        hints, _ = draw_hints(chroma, light, np.random.default_rng(seed), draws)
        assert np.unique(hints[0, hints[2] == 1].round(2)).size == 1


def test_a_recolored_thing_has_its_new_color_in_hint_and_truth_and_the_rest_stays() -> None:
    chroma, light = np.zeros((2, 32, 40), np.float32), np.full((32, 40), 0.5, np.float32)
    light[8:20, 8:20] = 0.8
    draws = dataclasses.replace(ALWAYS, one_thing=1, recolored=1)
    changed = 0
    for seed in range(20):
        hints, truth = draw_hints(chroma, light, np.random.default_rng(seed), draws)
        there = np.abs(truth).sum(axis=0) > 4
        if there[14, 14] and not there[2, 2]:
            changed += 1
            assert there[10:18, 10:18].all()
            assert not there[:6].any()
            assert not hints[2, :6].any()
            color = hints[:2, hints[2] == 1].mean(axis=1)
            np.testing.assert_allclose(color, truth[:, 14, 14], atol=4)
    assert changed > 3


def test_noisy_hints_are_a_little_off(scene: tuple[FloatArray, FloatArray]) -> None:
    hints, _ = draw_hints(*scene, np.random.default_rng(3), dataclasses.replace(ALWAYS, noisy=1))
    off = np.abs(hints[:2] - scene[0])[:, hints[2] == 1]
    assert 0.2 < off.max() < 30


def test_a_batch_has_hints_only_when_asked_and_is_otherwise_the_same(photographs: Photographs) -> None:
    plain = photographs.batch((1, 1), 4, 64, 0.5, Degradation())
    hinted = photographs.batch((1, 1), 4, 64, 0.5, Degradation(), draws=dataclasses.replace(ALWAYS, one_thing=0))
    again = photographs.batch((1, 1), 4, 64, 0.5, Degradation(), draws=ALWAYS)
    assert plain.hints is None
    assert hinted.hints is not None
    assert hinted.hints.shape == (4, 3, 16, 16)
    np.testing.assert_array_equal(plain.luma, hinted.luma)
    np.testing.assert_array_equal(plain.chroma, hinted.chroma)
    assert again.hints is not None
    np.testing.assert_array_equal(hinted.hints, again.hints)


@pytest.mark.parametrize("wrong", [{"most": 0}, {"largest": 0}])
def test_no_hints_at_all_are_no_way_to_draw_them(wrong: dict[str, int]) -> None:
    with pytest.raises(ConfigurationError, match="must be 1 or more"):
        HintDraws(**wrong)
