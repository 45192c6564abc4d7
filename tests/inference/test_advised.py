"""A generator that takes hints answers where they rule, and nothing else of the picture changes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from archivecolor.chroma.still import Colorizer
from archivecolor.color import FloatArray
from archivecolor.inference import catalog, select
from archivecolor.inference.advised import AdvisedEngine
from archivecolor.inference.engine import Estimate, no_hints
from archivecolor.settings import ColorSettings, EngineSettings
from tests.fakes.engines import FakeEngine, by_luma, fake_folder, warm

LEFT: FloatArray = np.repeat(np.array([1, 0], np.float32), 8)


class Halves(FakeEngine):
    """Takes hints: colors the left half as they say in the mean. ``asked`` counts its pictures."""

    def __init__(self) -> None:
        super().__init__(warm, fake_folder(hints=True))
        self.asked = 0

    def estimate(self, luma: FloatArray, hints: FloatArray | None = None, *, features: bool = False) -> Estimate:
        assert hints is not None
        assert hints[:, 2].any(axis=(1, 2)).all()
        self.asked += len(luma) // 2
        found = super().estimate(luma, features=features)
        said = (hints[:, :2] * hints[:, 2:]).sum(axis=(2, 3)) / hints[:, 2].sum(axis=(1, 2))[:, None]
        chroma = found.chroma + LEFT * (said[:, :, None, None] - found.chroma)
        return Estimate(chroma, np.full_like(chroma[:, :1], 2.0))


@pytest.fixture
def adviser() -> Halves:
    return Halves()


@pytest.fixture
def engine(adviser: Halves) -> AdvisedEngine:
    return AdvisedEngine(FakeEngine(by_luma), lambda: adviser)


@pytest.fixture
def luma(rng: np.random.Generator) -> FloatArray:
    return np.asarray(0.4 + rng.random((3, 1, 64, 64), np.float32) / 5, np.float32)


def test_only_the_picture_with_hints_is_handed_on_and_only_where_they_rule(
    engine: AdvisedEngine, adviser: Halves, luma: FloatArray
) -> None:
    hints = no_hints(luma, engine.folder)
    hints[1, :, 4:6, 2:4] = np.array([40, -20, 1], np.float32)[:, None, None]
    alone, made = FakeEngine(by_luma).estimate(luma), engine.estimate(luma, hints)
    assert adviser.asked == 1
    for picture in (0, 2):
        np.testing.assert_array_equal(made.chroma[picture], alone.chroma[picture])
    np.testing.assert_array_equal(made.chroma[1][..., 8:], alone.chroma[1][..., 8:])
    np.testing.assert_allclose(made.chroma[1][..., :8], np.broadcast_to([[[40]], [[-20]]], (2, 16, 8)), atol=1e-4)
    assert made.spread is not None
    np.testing.assert_allclose(made.spread[1][..., :8], 2, atol=1e-4)


class Turned(Halves):
    """Turns what it is told by a quarter: a place changes with the hints, and to another color than theirs."""

    def estimate(self, luma: FloatArray, hints: FloatArray | None = None, *, features: bool = False) -> Estimate:
        assert hints is not None
        return super().estimate(luma, np.stack((-hints[:, 1], hints[:, 0], hints[:, 2]), axis=1), features=features)


def test_what_changes_with_the_hints_and_away_from_them_is_not_told(luma: FloatArray) -> None:
    engine = AdvisedEngine(FakeEngine(by_luma), Turned)
    hints = no_hints(luma, engine.folder)
    hints[:, :, 4:6, 2:4] = np.array([40, -40, 1], np.float32)[:, None, None]
    alone, made = FakeEngine(by_luma).estimate(luma), engine.estimate(luma, hints)
    away = (made.chroma - alone.chroma).sum(axis=1)  # along the adviser's answer, across the hints' color
    assert np.abs(away).max() < 8


def test_what_does_not_look_like_a_place_with_a_hint_is_not_told(engine: AdvisedEngine) -> None:
    luma = np.full((1, 1, 64, 64), 0.2, np.float32)
    luma[:, :, 32:] = 0.9
    hints = no_hints(luma, engine.folder)
    hints[:, :, 2:4, 2:4] = np.array([40, -20, 1], np.float32)[:, None, None]
    alone, made = FakeEngine(by_luma).colorize(luma), engine.colorize(luma, hints)
    np.testing.assert_allclose(made[0, :, :6, :8], np.broadcast_to([[[40]], [[-20]]], (2, 6, 8)), atol=1e-4)
    np.testing.assert_array_equal(made[0, :, 10:], alone[0, :, 10:])


def test_what_is_far_lighter_than_a_place_with_a_hint_is_not_told(adviser: Halves) -> None:
    engine = AdvisedEngine(FakeEngine(by_luma, fake_folder(features=0)), lambda: adviser)
    luma = np.full((1, 1, 64, 64), 0.3, np.float32)
    luma[:, :, 32:] = 0.65
    hints = no_hints(luma, engine.folder)
    hints[:, :, 2:4, 2:4] = np.array([40, -20, 1], np.float32)[:, None, None]
    alone, made = FakeEngine(by_luma).colorize(luma), engine.colorize(luma, hints)
    np.testing.assert_allclose(made[0, :, :7, :8], np.broadcast_to([[[40]], [[-20]]], (2, 7, 8)), atol=1e-4)
    np.testing.assert_array_equal(made[0, :, 9:], alone[0, :, 9:])


def test_the_adviser_is_not_opened_without_hints(luma: FloatArray) -> None:
    def never() -> FakeEngine:
        raise AssertionError

    engine = AdvisedEngine(FakeEngine(by_luma), never)
    for hints in (None, no_hints(luma, engine.folder)):
        np.testing.assert_array_equal(engine.colorize(luma, hints), FakeEngine(by_luma).colorize(luma))
    engine.close()


def test_both_are_closed(engine: AdvisedEngine, adviser: Halves, luma: FloatArray) -> None:
    hints = no_hints(luma, engine.folder)
    hints[:, 2] = 1
    engine.colorize(luma, hints)
    engine.close()
    assert adviser.closed


def test_what_ships_takes_hints_and_colors_as_ever_without(luma: FloatArray) -> None:
    alone = catalog.find("archive")
    with select.open_engine(EngineSettings(threads=1), "archive") as engine:
        assert isinstance(engine, AdvisedEngine)
        assert (alone.hints, engine.folder.hints) == (False, True)
        hints = no_hints(luma[:1], engine.folder)
        plain = engine.colorize(luma[:1], hints)
        hints[:, :, 6:10, 6:10] = np.array([60, 40, 1], np.float32)[:, None, None]
        told = engine.colorize(luma[:1], hints)
    with select.open_named(alone, EngineSettings("onnx", threads=1)) as bare:
        np.testing.assert_allclose(plain, bare.colorize(luma[:1]), atol=1e-3)
    assert np.linalg.norm(told - plain, axis=1)[0, 7:9, 7:9].min() > 20


@pytest.mark.parametrize(
    ("change", "found"),
    [
        (lambda f: f, "hinted"),
        (lambda f: replace(f, hints_by=""), None),
        (lambda f: replace(f, hints_by="nobody"), None),
        (lambda f: replace(f, hints_by="../engines/hinted"), None),
        (lambda f: replace(f, hints_by="archive"), None),
        (lambda f: replace(f, chroma_stride=2), None),
    ],
)
def test_an_adviser_is_an_installed_generator_that_fits(
    change: Callable[[catalog.EngineFolder], catalog.EngineFolder], found: str | None
) -> None:
    adviser = catalog.adviser_of(change(catalog.find("archive")))
    assert (adviser.name if adviser else None) == found


def test_results_say_who_heard_the_hints() -> None:
    with Colorizer.load(EngineSettings(threads=1), "archive", ColorSettings()) as colorizer:
        adviser = catalog.find("hinted")
        told = f"hints heard by 'hinted' (weights sha256 {adviser.digests[catalog.WEIGHTS]})"
        assert told in colorizer.record(painted=True).settings
        assert "hinted" not in colorizer.record().settings
