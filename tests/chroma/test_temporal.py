from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from archivecolor.chroma.temporal import LOOKAHEAD, Expectation, Moment, MotionEstimator, smooth
from archivecolor.metrics import chroma_warp_error
from tests.film.sources import scene

Ab = npt.NDArray[np.float32]
H, W = 64, 96


def truth(luma: npt.NDArray[np.uint8]) -> Ab:
    light = luma.astype(np.float32) / 255
    return np.stack((40 * light - 10, 20 - 30 * light), axis=-1)


def moments(
    count: int, *, noise: float = 0.0, every: int = 1, cut: int | None = None, seed: int = 0
) -> Iterator[Moment[int]]:
    """A moving scene whose chroma follows its luma, with a new error of the whole frame in every one."""
    rng = np.random.default_rng(seed)
    estimate = MotionEstimator()
    before: npt.NDArray[np.uint8] | None = None
    for i in range(count):
        luma = panned(i, seed=1 if cut is None or i < cut else 2)
        motion = None if before is None or i == cut else estimate(before, luma)
        before = luma
        wrong = rng.normal(0, noise, 2).astype(np.float32)
        seen = i % every == 0 or motion is None
        yield Moment(i, luma, motion, truth(luma) + wrong if seen else None)


def panned(index: int, seed: int = 1) -> npt.NDArray[np.uint8]:
    """A soft landscape that a camera pans over."""
    coarse = np.random.default_rng(seed).integers(30, 230, (12, 40)).astype(np.float32)
    wide = np.asarray(cv2.resize(coarse, (W * 3, H), interpolation=cv2.INTER_CUBIC))
    return np.clip(wide[:, 2 * index : 2 * index + W], 0, 255).astype(np.uint8)


def flicker(planes: list[Ab]) -> float:
    lumas = [panned(i) for i in range(len(planes))]
    return float(
        np.mean([chroma_warp_error(planes[i - 1], planes[i], lumas[i - 1], lumas[i]) for i in range(1, len(planes))])
    )


def test_flicker_is_taken_out_better_than_a_mean_over_nine_frames_does() -> None:
    raw = [m.ab for m in moments(40, noise=6) if m.ab is not None]
    steady = [ab for _, ab in smooth(moments(40, noise=6))]
    mean9 = [np.mean(raw[max(0, i - 4) : i + 5], axis=0) for i in range(40)]
    assert flicker(steady) < flicker(raw) / 8
    assert flicker(steady) < flicker(mean9) / 2


def test_steady_color_stays_where_the_things_are() -> None:
    made = list(smooth(moments(30)))
    assert len(made) == 30
    for moment, ab in made:
        assert np.abs(ab - truth(moment.luma)).mean() < 2.5


def test_frames_that_the_generator_did_not_see_get_their_color_from_the_others() -> None:
    made = list(smooth(moments(30, every=8)))
    assert len(made) == 30
    for moment, ab in made:
        assert np.abs(ab - truth(moment.luma)).mean() < 4
        assert np.isfinite(ab).all()


@pytest.mark.parametrize("causal", [True, False])
def test_no_color_crosses_a_cut(causal: bool) -> None:
    def marked(color: float) -> Iterator[Moment[int]]:
        for m in moments(24, cut=11):
            m.ab = np.full((H, W, 2), 50.0 if m.source < 11 else color, np.float32)
            yield m

    made = list(smooth(marked(-50.0), causal=causal))
    assert len(made) == 24
    for moment, ab in made:
        assert np.allclose(ab, 50 if moment.source < 11 else -50, atol=1e-3)


def test_every_frame_comes_out_once_in_order_and_soon() -> None:
    went_in = 0

    def counted() -> Iterator[Moment[int]]:
        nonlocal went_in
        for m in moments(90):
            went_in += 1
            yield m

    came_out = 0
    for moment, _ in smooth(counted()):
        assert moment.source == came_out
        assert went_in - came_out <= LOOKAHEAD
        came_out += 1
    assert came_out == went_in == 90


def test_causal_smoothing_knows_nothing_of_what_comes() -> None:
    short = [ab for _, ab in smooth(moments(10, noise=5), causal=True)]
    longer = [ab for _, ab in smooth(moments(25, noise=5), causal=True)]
    assert all(np.array_equal(a, b) for a, b in zip(short, longer, strict=False))


@pytest.mark.parametrize("causal", [True, False])
def test_what_the_generator_was_sure_of_counts_more(causal: bool) -> None:
    def unsure_of_every_other() -> Iterator[Moment[int]]:
        for m in moments(24):
            m.ab = np.full((H, W, 2), 6.0 if m.source % 2 else -6.0, np.float32)
            m.weight = np.full((H, W), 0.1 if m.source % 2 else 1.0, np.float32)
            yield m

    made = [ab.mean() for _, ab in smooth(unsure_of_every_other(), causal=causal)]
    assert max(made[8:-8]) < -3


def test_an_answer_is_held_against_the_one_before_it_carried_along_the_motion() -> None:
    def offs(wrong: dict[int, float], cut: int | None = None) -> list[float | None]:
        expectation, found = Expectation(), []
        for m in moments(25, every=8, cut=cut):
            if m.ab is not None:
                m.ab = m.ab + np.float32(wrong.get(m.source, 0))
            found.append(expectation.off(m))
        assert [i for i, off in enumerate(found) if off is not None] == [i for i in (8, 16, 24) if i != cut]
        return [off for off in found if off is not None]

    assert max(filter(None, offs({}))) < 2
    assert offs({16: 30}) == pytest.approx([0, 30 * 2**0.5, 30 * 2**0.5], abs=3)
    assert len(offs({8: 50}, cut=8)) == 2


def test_a_frame_that_disagrees_with_all_its_neighbors_is_overruled() -> None:
    def one_wrong() -> Iterator[Moment[int]]:
        for m in moments(21):
            if m.source == 10 and m.ab is not None:
                m.ab = m.ab + np.float32(60)
            yield m

    planes = [ab for _, ab in smooth(one_wrong())]
    assert np.abs(planes[10] - truth(panned(10))).mean() < 6


def test_unrelated_pictures_have_no_motion_in_common() -> None:
    assert MotionEstimator()(scene(0, H, W, 1), 255 - scene(0, H, W, 5)) is None
