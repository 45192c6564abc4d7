from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.distance import jensenshannon  # type: ignore[import-untyped]

from archivecolor.metrics import chroma_warp_error, color_distribution_consistency
from tests.film.sources import scene


def test_cdc_is_what_scipy_computes(rng: np.random.Generator) -> None:
    frames = [rng.integers(0, 200 + 5 * i, (20, 30, 3), dtype=np.uint8) for i in range(9)]
    shares = [[np.bincount(f[..., c].ravel(), minlength=256) / 600 for c in range(3)] for f in frames]
    means = [
        np.mean([jensenshannon(shares[t][c], shares[t + d][c]) ** 2 for t in range(9 - d) for c in range(3)])
        for d in (1, 2, 4)
    ]
    assert color_distribution_consistency(frames) == pytest.approx(np.mean(means))


def test_still_film_is_perfectly_consistent_and_one_frame_too() -> None:
    frame = np.zeros((4, 4, 3), np.uint8)
    assert color_distribution_consistency([frame] * 6) == 0
    assert color_distribution_consistency([frame]) == 0


def test_color_that_moves_with_its_things_has_no_warp_error_and_a_change_has_its_square() -> None:
    before, after = scene(0, 64, 96), np.roll(scene(0, 64, 96), 3, axis=1)
    ab = np.zeros((64, 96, 2), np.float32)
    assert chroma_warp_error(ab, ab, before, after) == 0
    assert chroma_warp_error(ab, ab + np.float32(2), before, after) == pytest.approx(8)


def test_pictures_without_anything_in_common_have_nothing_to_compare() -> None:
    ab = np.zeros((96, 128, 2), np.float32)
    black, white = np.zeros((96, 128), np.uint8), np.full((96, 128), 255, np.uint8)
    assert chroma_warp_error(ab, ab + 9, black, white) == 0
