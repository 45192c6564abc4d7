"""The engine that asks thrice: its chroma has no side, what is sure counts more, and every picture gets its own."""

from __future__ import annotations

import numpy as np
import pytest

from archivecolor.chroma.film import FilmColorizer
from archivecolor.chroma.still import Colorizer
from archivecolor.color import FloatArray
from archivecolor.errors import EngineError
from archivecolor.frames import LONGEST_NETWORK_SIDE
from archivecolor.inference.engine import Estimate
from archivecolor.inference.thorough import ThoroughEngine, thorough
from archivecolor.settings import ColorSettings
from tests.fakes.engines import FakeEngine, NanEngine, by_luma


class Watched(FakeEngine):
    """Remembers what it was shown; where widths have spreads of their own, says an eighth of the width."""

    def __init__(self, spreads: dict[int, float] | None = None) -> None:
        super().__init__(by_luma)
        self.shown: list[FloatArray] = []
        self._spreads = spreads

    def estimate(self, luma: FloatArray, hints: FloatArray | None = None, *, features: bool = False) -> Estimate:
        self.shown.append(luma.copy())
        found = super().estimate(luma, features=features)
        if self._spreads is None:
            return found
        chroma = np.full_like(found.chroma, luma.shape[3] / 8)
        return Estimate(chroma, np.full_like(chroma[:, :1], self._spreads[luma.shape[3]]))


@pytest.fixture
def luma(rng: np.random.Generator) -> FloatArray:
    """Two smooth pictures."""
    coarse = rng.random((2, 1, 4, 8), np.float32)
    return np.asarray(np.kron(coarse, np.ones((1, 1, 16, 16), np.float32)), np.float32)


def test_the_generator_sees_the_picture_mirrored_smaller_and_larger(luma: FloatArray) -> None:
    inner = Watched()
    ThoroughEngine(inner).colorize(luma)
    assert [x.shape for x in inner.shown] == [(2, 1, 64, 128), (2, 1, 64, 96), (2, 1, 96, 192)]
    np.testing.assert_array_equal(inner.shown[0], luma[..., ::-1])
    for shown in inner.shown[1:]:
        np.testing.assert_allclose(shown.mean(axis=(2, 3)), luma.mean(axis=(2, 3)), atol=0.02)
        assert 0 <= shown.min() <= shown.max() <= 1


def test_every_view_comes_back_to_its_place(luma: FloatArray) -> None:
    once, thrice = FakeEngine(by_luma).colorize(luma), ThoroughEngine(FakeEngine(by_luma)).colorize(luma)
    assert thrice.shape == once.shape
    assert np.abs(thrice - once).mean() < 0.1 * np.abs(once - once.mean()).mean()


def test_a_picture_smaller_than_the_least_is_still_shown(rng: np.random.Generator) -> None:
    inner = Watched()
    made = ThoroughEngine(inner).colorize(rng.random((1, 1, 32, 32), np.float32))
    assert [x.shape[2:] for x in inner.shown] == [(32, 32), (32, 32), (32, 32)]
    assert made.shape == FakeEngine().colorize(inner.shown[0]).shape


def test_a_panorama_is_not_shown_larger_than_any_engine_takes(rng: np.random.Generator) -> None:
    inner = Watched()
    most = LONGEST_NETWORK_SIDE * inner.folder.short_px
    ThoroughEngine(inner).colorize(rng.random((1, 1, 64, most - 32), np.float32))
    assert max(x.shape[3] for x in inner.shown) == most
    inner.shown.clear()
    ThoroughEngine(inner).colorize(rng.random((1, 1, 128, 2 * most), np.float32))  # by --network-px
    assert inner.shown[-1].shape[2:] == (128, 2 * most)


def test_the_surer_answer_counts_more(luma: FloatArray) -> None:
    made = ThoroughEngine(Watched(spreads={128: 2.0, 96: 6.0, 192: 6.0})).estimate(luma)
    weights = np.array([4.0, 8.0, 8.0]) ** -4
    np.testing.assert_allclose(made.chroma, np.average([16, 12, 24], weights=weights), rtol=1e-4)
    assert made.spread is not None
    np.testing.assert_allclose(made.spread, np.average([2, 6, 6], weights=weights), rtol=1e-4)


def test_an_engine_that_does_not_tell_its_spread_gives_the_plain_mean(luma: FloatArray) -> None:
    inner = FakeEngine(by_luma)
    inner.spread = None
    made = ThoroughEngine(inner).estimate(luma)
    assert made.spread is None
    np.testing.assert_allclose(made.chroma, ThoroughEngine(FakeEngine(by_luma)).colorize(luma), atol=1e-4)


def test_what_is_wrong_with_the_engine_is_still_told(luma: FloatArray) -> None:
    with pytest.raises(EngineError, match="no numbers"):
        ThoroughEngine(NanEngine()).colorize(luma)
    with pytest.raises(EngineError, match="multiples of 32"):
        ThoroughEngine(FakeEngine()).colorize(luma[..., :40])


def test_closing_it_closes_the_engine() -> None:
    inner = FakeEngine()
    with ThoroughEngine(inner) as engine:
        assert engine.description == "FakeEngine, asked thrice"
        assert engine.batch == inner.batch
    assert inner.closed


def test_the_setting_chooses_it(rng: np.random.Generator) -> None:
    picture = rng.integers(0, 256, (64, 96), np.uint8)
    for wanted in (False, True):
        engine = FakeEngine(by_luma)
        Colorizer(engine, ColorSettings(thorough=wanted, network_px=64)).color(picture)
        assert engine.pictures == (3 if wanted else 1)


def test_no_picture_is_asked_about_nine_times() -> None:
    engine = FakeEngine()
    thrice = thorough(engine, wanted=True)
    assert thorough(thrice, wanted=True) is thrice
    assert thorough(engine, wanted=False) is engine
    film = FilmColorizer(engine, ColorSettings(thorough=True))
    assert isinstance(film.engine, ThoroughEngine)
