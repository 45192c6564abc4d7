"""Evaluation on film: what its figures say of colorings whose steadiness is known."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from archivecolor.color import FloatArray, luma_of
from archivecolor.errors import InputError
from archivecolor.evaluation import clips
from archivecolor.evaluation.clip_sources import FilmClip, FrameFolder, open_clip
from archivecolor.evaluation.clips import ClipScores, Figures, evaluate, mean9
from archivecolor.settings import ColorSettings
from tests.fakes.engines import FakeEngine, by_luma
from tests.film.sources import FilmSource, moving

Picture = npt.NDArray[np.uint8]
USUAL = ColorSettings(network_px=256)


class FlickeringEngine(FakeEngine):
    """Gives every picture another tint."""

    def __init__(self) -> None:
        super().__init__()
        self._tints = np.random.default_rng(1)

    def _color(self, luma: FloatArray) -> FloatArray:
        return super()._color(luma) + self._tints.normal(0, 8, 2).astype(np.float32)


def landscape(seed: int) -> Picture:
    """A wide, soft, colored picture for a camera to pan over."""
    coarse = np.random.default_rng(seed).integers(60, 200, (8, 30, 3)).astype(np.uint8)
    return np.asarray(cv2.resize(coarse, (300, 80), interpolation=cv2.INTER_CUBIC), np.uint8)


def write_frames(folder: Path, count: int = 14, seeds: Sequence[int] = (1,)) -> Path:
    """Frames of one pan after the other, ``count`` of each."""
    folder.mkdir(parents=True)
    for shot, seed in enumerate(seeds):
        wide = landscape(seed)
        for i in range(count):
            Image.fromarray(wide[:, 2 * i : 2 * i + 96]).save(folder / f"{shot * count + i:05d}.png")
    return folder


@pytest.fixture
def pan(tmp_path: Path) -> Path:
    return write_frames(tmp_path / "pan")


def test_the_truth_stands_beside_gray_film_and_what_was_made(pan: Path) -> None:
    scores = evaluate(open_clip(pan), FakeEngine(by_luma), USUAL)
    assert scores.truth.ciede2000 == 0
    assert scores.gray.ciede2000 > 5
    assert scores.gray.colorfulness == 0 < scores.off.colorfulness
    assert scores.gray.warp_error == pytest.approx(0, abs=1e-6)
    assert scores.truth.cdc > 0


def test_flicker_is_found_in_every_frame_by_itself_and_gone_after_smoothing(pan: Path) -> None:
    scores = evaluate(open_clip(pan), FlickeringEngine(), USUAL, every=1)
    assert scores.off.warp_error > scores.mean9.warp_error > scores.full.warp_error > 0
    assert scores.off.cdc > scores.full.cdc
    assert scores.below_off == pytest.approx(scores.off.warp_error / scores.full.warp_error)
    assert scores.below_off > 8


def test_steady_colors_are_as_steady_with_smoothing_off(pan: Path) -> None:
    scores = evaluate(open_clip(pan), FakeEngine(), USUAL)
    assert scores.off.warp_error < 0.2
    assert scores.mean9.ciede2000 == pytest.approx(scores.off.ciede2000, abs=0.05)


def test_figures_do_not_reach_across_a_cut(tmp_path: Path) -> None:
    clip = open_clip(write_frames(tmp_path / "both", seeds=(1, 7)))
    assert clip.starts == {0, 14}
    alone = [evaluate(open_clip(write_frames(tmp_path / str(s), seeds=(s,))), FakeEngine(), USUAL) for s in (1, 7)]
    both = evaluate(clip, FakeEngine(), USUAL)
    for way in ("truth", "off", "mean9", "full"):
        one, two, joined = (getattr(s, way) for s in (*alone, both))
        assert joined.warp_error == pytest.approx((one.warp_error + two.warp_error) / 2, rel=1e-3)
        assert joined.cdc == pytest.approx((one.cdc + two.cdc) / 2, rel=1e-3)
        assert joined.ciede2000 == pytest.approx((one.ciede2000 + two.ciede2000) / 2, rel=1e-3)


@pytest.mark.parametrize(("pixel_format", "color_range"), [("yuv420p", 1), ("yuv444p10le", 1), ("yuv444p", 2)])
def test_a_film_s_truth_is_what_its_planes_mean(tmp_path: Path, pixel_format: str, color_range: int) -> None:
    path = FilmSource(moving(4), pixel_format=pixel_format, chroma=3, color_range=color_range, colorspace=5).write(
        tmp_path / "film.mkv"
    )
    clip = FilmClip.open(path)
    assert clip.count == 4
    (picture, *_), (truth, *_) = clip.pictures(), clip.truth((96, 128))
    black, white = (0, 255) if color_range == 2 else (16, 235)
    luma = (picture.luma / 2 ** (clip.form.depth - 8) - black) / (white - black)
    fits = ((truth > 0.002) & (truth < 0.998)).all(axis=-1)
    assert fits.mean() > 0.3
    np.testing.assert_allclose((truth @ (0.299, 0.587, 0.114))[fits], luma[fits], atol=2e-3)
    assert np.ptp(truth[fits], axis=-1).mean() > 0.1


def test_a_folder_s_luma_is_that_of_its_pictures(pan: Path) -> None:
    clip = FrameFolder.open(pan)
    first = np.asarray(Image.open(pan / "00000.png"))
    np.testing.assert_array_equal(next(clip.pictures()).luma, luma_of(first))
    np.testing.assert_allclose(next(clip.truth(first.shape[:2])) * 255, first, atol=1e-3)


def test_a_single_frame_is_no_clip(tmp_path: Path) -> None:
    film = FilmSource(moving(1), chroma=1).write(tmp_path / "one.mkv")
    with pytest.raises(InputError, match="has only one frame"):
        open_clip(film)


def test_gray_film_and_frames_of_several_sizes_are_refused(tmp_path: Path) -> None:
    gray = FilmSource(moving(4)).write(tmp_path / "gray.mkv")
    with pytest.raises(InputError, match=r"gray.mkv: has no color to compare with"):
        open_clip(gray)
    folder = write_frames(tmp_path / "frames", 3)
    Image.fromarray(np.zeros((8, 9, 3), np.uint8)).save(folder / "00009.png")
    with pytest.raises(InputError, match=r"00009.png: is 9 x 8, the frames before it 96 x 80"):
        open_clip(folder)


@pytest.mark.parametrize("starts", [{0}, {0, 11}, {0, 1, 3, 20, 29}])
def test_the_nine_frame_mean_is_that_of_the_frames_around_in_the_shot(starts: set[int]) -> None:
    planes = [np.full((1, 1, 2), i * i, np.float32) for i in range(30)]
    made = list(mean9(planes, frozenset(starts)))
    edges = [*sorted(starts), 30]
    for first, last in pairwise(edges):
        for i in range(first, last):
            expected = np.mean(planes[max(first, i - 4) : min(last, i + 5)], axis=0)
            np.testing.assert_allclose(made[i], expected, rtol=1e-6)
    assert len(made) == 30


def test_means_are_taken_figure_by_figure_and_told_as_json() -> None:
    def numbered(figure: Callable[[int], float]) -> ClipScores:
        """Twenty figures, of which no two are the same."""
        return ClipScores(*(Figures(*(figure(4 * way + k) for k in range(1, 5))) for way in range(5)))

    assert clips.mean([numbered(float), numbered(lambda n: n * n)]) == numbered(lambda n: (n + n * n) / 2)
    assert clips.mean([numbered(float)]) == numbered(float)
    told = json.loads(json.dumps(numbered(float).as_dict(), allow_nan=False))
    assert told["mean9"] == {"warp_error": 13, "cdc": 14, "ciede2000": 15, "colorfulness": 16}
    assert told["warp_error_below_off"] == pytest.approx(9 / 17, abs=1e-4)
    assert told["warp_error_below_mean9"] == pytest.approx(13 / 17, abs=1e-4)
    assert told["cdc_of_truth"] == 18 / 2
    with pytest.raises(InputError, match="no clip in color"):
        clips.mean([])


def test_a_perfectly_steady_result_is_still_json() -> None:
    unsteady, still = Figures(1, 0.1, 1, 1), Figures(0, 0, 1, 1)
    scores = ClipScores(unsteady, unsteady, unsteady, unsteady, still)
    assert json.loads(json.dumps(scores.as_dict(), allow_nan=False))["warp_error_below_off"] is None
