"""Evaluation on photographs: its figures against scikit-image's, what it leaves out, and its contact sheet."""

from __future__ import annotations

import json
import logging
import math
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import pytest
from skimage import color
from skimage import metrics as image_metrics

from archivecolor import metrics
from archivecolor.chroma.still import Colorizer
from archivecolor.color import UIntArray, luma_of
from archivecolor.errors import InputError, OutputError
from archivecolor.evaluation import stills
from archivecolor.evaluation.sources import find
from archivecolor.evaluation.stills import Scores, evaluate, score, write_sheet
from tests.fakes.engines import FakeEngine, by_luma

Picture = npt.NDArray[np.uint8]

# scikit-image says that it is typed, and is not
deltae_ciede2000: Any = color.deltaE_ciede2000
peak_signal_noise_ratio: Any = image_metrics.peak_signal_noise_ratio


def gray(luma: UIntArray) -> UIntArray:
    return np.repeat(luma[..., None], 3, axis=2)


@pytest.fixture
def folder(tmp_path: Path, color_photographs: dict[str, Picture]) -> Path:
    """Two color photographs and five files that cannot be evaluated."""
    (tmp_path / "deep").mkdir()
    cv2.imwrite(str(tmp_path / "cat.png"), color_photographs["chelsea"][..., ::-1])
    cv2.imwrite(str(tmp_path / "deep" / "coffee.png"), color_photographs["coffee"][..., ::-1])
    cv2.imwrite(str(tmp_path / "gray.png"), color_photographs["coffee"][..., 0])
    (tmp_path / "empty.jpg").touch()
    (tmp_path / "notes.txt").write_text("no picture")
    (tmp_path / "torn.png").write_bytes((tmp_path / "cat.png").read_bytes()[:60])
    (tmp_path / ".hidden.png").write_bytes((tmp_path / "cat.png").read_bytes())
    return tmp_path


def test_what_cannot_be_compared_is_left_out_and_told(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    paths = [*find(folder).stills, folder / "gone.png"]
    with caplog.at_level(logging.WARNING):
        samples = list(evaluate(paths, [gray]))
    assert [s.path.name for s in samples] == ["cat.png", "coffee.png"]
    told = sorted((Path(r.getMessage().partition(":")[0]).name, r.getMessage().split(", ")[1]) for r in caplog.records)
    undecodable = "can be decoded neither as a picture nor as a film"
    assert told == [
        ("empty.jpg", undecodable),
        ("gone.png", undecodable),
        ("gray.png", "has no color to compare with"),
        ("notes.txt", undecodable),
        ("torn.png", undecodable),
    ]


def test_the_colorizer_is_given_luma_alone(folder: Path) -> None:
    given: list[UIntArray] = []

    def color(luma: UIntArray) -> UIntArray:
        given.append(luma)
        return gray(luma)

    list(evaluate([folder / "cat.png"], [color]))
    picture = cv2.imread(str(folder / "cat.png"), cv2.IMREAD_COLOR_RGB)
    assert picture is not None
    np.testing.assert_array_equal(given[0], luma_of(np.asarray(picture, np.uint8)))


def test_leaving_pictures_gray_gains_nothing(folder: Path) -> None:
    samples = list(evaluate([folder / "cat.png", folder / "deep" / "coffee.png"], [gray]))
    assert len(samples) == 2
    for sample in samples:
        (scores,) = sample.scores
        assert scores.gain_percent == 0
        assert scores.ciede2000 == scores.ciede2000_gray > 3
        assert scores.psnr_db == scores.psnr_gray_db
        assert scores.colorfulness == 0
        assert scores.colorfulness_ratio == 0


def test_colorizers_are_scored_on_the_same_pictures_and_shown_beside_each_other(folder: Path) -> None:
    (both,) = evaluate([folder / "cat.png"], [gray, Colorizer(FakeEngine()).color])
    (first,) = evaluate([folder / "cat.png"], [gray])
    (second,) = evaluate([folder / "cat.png"], [Colorizer(FakeEngine()).color])
    assert both.scores == (*first.scores, *second.scores)
    assert both.tile.shape[1] == 4 * 224
    np.testing.assert_array_equal(both.tile[:, 448:], second.tile[:, 224:])


def test_the_true_colors_gain_everything(color_photographs: dict[str, Picture]) -> None:
    truth = color_photographs["astronaut"]
    scores = score(truth, luma_of(truth), truth)
    assert scores.gain_percent == pytest.approx(100)
    assert scores.colorfulness_ratio == pytest.approx(1)
    assert (scores.mae, scores.accuracy_2, scores.accuracy_5, scores.psnr_db) == (0, 1, 1, math.inf)


def test_figures_agree_with_scikit_image(color_photographs: dict[str, Picture]) -> None:
    truth = color_photographs["rocket"]
    colored = Colorizer(FakeEngine(by_luma)).color(truth)
    scores = score(colored, luma_of(truth), truth)
    lab, lab_truth, lab_gray = (color.rgb2lab(x) for x in (colored, truth, gray(luma_of(truth))))
    assert scores.ciede2000 == pytest.approx(deltae_ciede2000(lab, lab_truth).mean(), abs=0.01)
    assert scores.ciede2000_gray == pytest.approx(deltae_ciede2000(lab_gray, lab_truth).mean(), abs=0.01)
    assert scores.mae == pytest.approx(np.abs(lab - lab_truth).mean(), abs=0.01)
    assert scores.psnr_db == pytest.approx(peak_signal_noise_ratio(truth, colored))
    assert scores.psnr_gray_db == pytest.approx(peak_signal_noise_ratio(truth, gray(luma_of(truth))))
    assert scores.accuracy_2 == pytest.approx(metrics.accuracy(lab, lab_truth, 2), abs=0.01)
    assert scores.accuracy_5 == pytest.approx(metrics.accuracy(lab, lab_truth, 5), abs=0.01)
    assert 0 < scores.accuracy_2 < scores.accuracy_5 - 0.02
    assert scores.colorfulness == metrics.colorfulness(colored)
    assert scores.colorfulness_truth == metrics.colorfulness(truth)
    assert scores.colorfulness_difference == abs(scores.colorfulness - scores.colorfulness_truth) > 1


def test_a_picture_without_any_difference_to_gray_has_gain_and_ratio_0() -> None:
    scores = Scores(0, 0, math.inf, math.inf, 0, 1, 1, 0, 0, 0)
    assert scores.gain_percent == 0
    assert scores.colorfulness_ratio == 0


def test_means_are_taken_figure_by_figure() -> None:
    names = [f.name for f in fields(Scores)]
    flat, steep = (Scores(**{n: float(i**power) for i, n in enumerate(names, 2)}) for power in (1, 2))
    expected = {n: (2 * i + i * i) / 3 for i, n in enumerate(names, 2)}
    assert asdict(stills.mean([flat, steep, flat])) == pytest.approx(expected)
    assert stills.mean([steep]) == steep


def test_the_mean_of_nothing_is_an_input_error() -> None:
    with pytest.raises(InputError, match="no color photograph"):
        stills.mean([])


def test_scores_tell_all_figures_as_plain_numbers() -> None:
    told = json.loads(json.dumps(Scores(8, 10, 23.123456, 20, 5, 0.5, 0.75, 20, 40, 20).as_dict()))
    assert told["gain_percent"] == 20
    assert told["colorfulness_ratio"] == 0.5
    assert told["psnr_db"] == 23.1235
    assert len(told) == 12


def test_the_sheet_shows_every_tile_in_rows_of_three(tmp_path: Path, folder: Path) -> None:
    paths = [folder / "cat.png", folder / "deep" / "coffee.png"]
    tiles = [s.tile for s in evaluate(paths, [gray])] * 2
    assert tiles[0].shape[1] == tiles[1].shape[1] == 3 * 224
    write_sheet(tmp_path / "sheet.png", tiles)
    sheet = cv2.imread(str(tmp_path / "sheet.png"), cv2.IMREAD_COLOR_RGB)
    assert sheet is not None
    tallest = max(t.shape[0] for t in tiles)
    assert sheet.shape == (tallest + 4 + tiles[1].shape[0] + 4, 3 * (672 + 8), 3)
    np.testing.assert_array_equal(sheet[: tiles[0].shape[0], :672], tiles[0])
    np.testing.assert_array_equal(sheet[tallest + 4 :][: tiles[3].shape[0], :672], tiles[3])
    assert (sheet[tallest + 4 :, 680:] == 255).all()


def test_a_tile_is_gray_then_model_then_actual(folder: Path, color_photographs: dict[str, Picture]) -> None:
    (sample,) = evaluate([folder / "cat.png"], [Colorizer(FakeEngine()).color])
    height, width = color_photographs["chelsea"].shape[:2]
    assert sample.tile.shape == (round(height * 224 / width), 3 * 224, 3)
    left, middle, right = np.split(sample.tile.astype(int), 3, axis=1)
    assert np.ptp(left, axis=2).max() == 0
    assert np.ptp(middle, axis=2).min() > 0
    assert np.ptp(right, axis=2).mean() > 20
    assert np.abs(right - middle).mean() > 1


def test_a_sheet_that_cannot_be_written_is_an_output_error(tmp_path: Path) -> None:
    tile = np.zeros((5, 672, 3), np.uint8)
    with pytest.raises(OutputError, match="names no picture format"):
        write_sheet(tmp_path / "sheet.txt", [tile])
    (tmp_path / "sheet").touch()
    with pytest.raises(OutputError, match="cannot be written"):
        write_sheet(tmp_path / "sheet" / "sheet.png", [tile])


def test_a_perfect_match_is_still_json(color_photographs: dict[str, Picture]) -> None:
    truth = np.ascontiguousarray(color_photographs["coffee"])
    figures = score(truth, luma_of(truth), truth).as_dict()
    assert figures["psnr_db"] is None
    json.dumps(figures, allow_nan=False)
