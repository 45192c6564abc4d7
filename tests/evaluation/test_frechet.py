"""The Frechet distance against SciPy's matrix root, and the features against the network that they come from."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import linalg  # type: ignore[import-untyped]

from archivecolor.color import luma_of
from archivecolor.evaluation.frechet import SIDE_PX, EncoderFeatures, frechet_distance
from archivecolor.evaluation.stills import distances

Picture = npt.NDArray[np.uint8]
sqrtm: Any = linalg.sqrtm


@pytest.fixture(scope="module")
def features() -> EncoderFeatures:
    return EncoderFeatures()


@given(st.integers(2, 40), st.integers(2, 40), st.integers(1, 12), st.integers(0, 99))
def test_it_is_what_scipy_s_matrix_root_gives(n: int, m: int, d: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    one, two = rng.normal(0, 1, (n, d)) @ rng.normal(0, 1, (d, d)), rng.normal(0.5, 2, (m, d))
    c1, c2 = (np.atleast_2d(np.cov(f.T)) for f in (one, two))
    eigenvalues = np.linalg.eigvals(c1 @ c2)  # of a product of covariances: real and not negative, but for rounding
    root = np.sqrt(np.maximum(eigenvalues.real, 0)).sum()
    if n > d + 2 and m > d + 2:
        root = np.trace(sqrtm(c1 @ c2)).real
    expected = np.square(one.mean(axis=0) - two.mean(axis=0)).sum() + np.trace(c1) + np.trace(c2) - 2 * root
    assert frechet_distance(one, two) == pytest.approx(expected, rel=1e-4, abs=1e-4)


def test_sets_that_are_moved_apart_are_as_far_as_that(rng: np.random.Generator) -> None:
    one = rng.normal(0, 1, (30, 8))
    assert frechet_distance(one, one) == pytest.approx(0, abs=1e-9)
    assert frechet_distance(one, one + 3) == pytest.approx(8 * 9)
    assert frechet_distance(one, 2 * (one - one.mean(axis=0)) + one.mean(axis=0)) == pytest.approx(
        np.trace(np.cov(one.T))
    )


def test_one_picture_is_no_distribution() -> None:
    assert frechet_distance(np.zeros((1, 4)), np.ones((1, 4))) == 0


def test_features_depend_on_color_and_not_on_size(
    features: EncoderFeatures, color_photographs: dict[str, Picture]
) -> None:
    cat = color_photographs["chelsea"]
    gray = np.repeat(luma_of(cat)[..., None], 3, axis=2)
    seen, again, pale, other = features([cat, cat.repeat(2, 0).repeat(2, 1), gray, color_photographs["coffee"]])
    assert seen.shape == (320,)
    assert np.linalg.norm(seen - again) < np.linalg.norm(seen - pale) < np.linalg.norm(seen - other)


def test_gray_is_farther_than_slightly_wrong_colors(
    features: EncoderFeatures, color_photographs: dict[str, Picture]
) -> None:
    sets = []
    for rgb in color_photographs.values():
        gray = np.repeat(luma_of(rgb)[..., None], 3, axis=2)
        pale = ((rgb.astype(np.uint16) * 3 + gray) // 4).astype(np.uint8)
        sets.append(features([rgb, gray, pale, rgb]))
    found = distances(sets)
    assert found.gray > found.made[0] > 0
    assert found.made[1] == pytest.approx(0, abs=1e-6)


def test_the_graph_is_the_pretrained_encoder(features: EncoderFeatures, rng: np.random.Generator) -> None:
    torch = pytest.importorskip("torch")
    from train.features import PooledFeatures

    picture = rng.integers(0, 256, (SIDE_PX, SIDE_PX, 3), np.uint8)
    with torch.no_grad():
        expected = PooledFeatures().eval()(torch.from_numpy(picture.transpose(2, 0, 1)[None].astype(np.float32) / 255))
    made = features([picture])
    np.testing.assert_allclose(made, expected.numpy(), atol=0.02 * float(np.abs(expected.numpy()).max()))


def test_the_graph_is_the_one_that_published_figures_were_made_with() -> None:
    from archivecolor.evaluation.frechet import GRAPH

    assert (
        hashlib.sha256(GRAPH.read_bytes()).hexdigest()
        == "8a4afa090a61683790eb5474cc084fecfd96ef0d3979a90c13289f330d056d02"
    )
