"""The engine that asks twice: its chroma has no side, and every picture of a batch gets its own."""

from __future__ import annotations

import numpy as np
import pytest

from archivecolor.color import FloatArray
from archivecolor.errors import EngineError
from archivecolor.inference.engine import Estimate
from archivecolor.inference.mirrored import MirroredEngine, mirrored
from archivecolor.pipeline import Colorizer
from archivecolor.reel.colorizer import FilmColorizer
from archivecolor.settings import ColorSettings
from tests.fakes.engines import FakeEngine, NanEngine


def lopsided(luma: FloatArray) -> FloatArray:
    """Chroma that depends on luma and on the distance from the left edge."""
    x = np.broadcast_to(np.arange(luma.shape[1], dtype=np.float32), luma.shape)
    return np.stack((40 * luma, x), axis=-1)


class TellingEngine(FakeEngine):
    """Says that it is the less sure the further right; or nothing at all."""

    def __init__(self, *, tells: bool) -> None:
        super().__init__(lopsided)
        self._tells = tells

    def estimate(self, luma: FloatArray) -> Estimate:
        chroma = self.colorize(luma)
        return Estimate(chroma, chroma[:, 1:] if self._tells else None)


@pytest.fixture
def luma(rng: np.random.Generator) -> FloatArray:
    return rng.random((3, 1, 32, 64), np.float32)


def test_chroma_is_the_mean_of_both_answers(luma: FloatArray) -> None:
    plain, mirrored = FakeEngine(lopsided), MirroredEngine(FakeEngine(lopsided))
    made = mirrored.colorize(luma)
    expected = (plain.colorize(luma) + plain.colorize(np.ascontiguousarray(luma[..., ::-1]))[..., ::-1]) / 2
    np.testing.assert_allclose(made, expected, atol=1e-5)
    np.testing.assert_allclose(made[:, 1], 7.5)  # 16 columns: left and right cancel


def test_a_picture_and_its_mirror_image_get_mirrored_colours(luma: FloatArray) -> None:
    engine = MirroredEngine(FakeEngine(lopsided))
    there, back = engine.colorize(luma), engine.colorize(np.ascontiguousarray(luma[..., ::-1]))
    np.testing.assert_allclose(there, back[..., ::-1], atol=1e-5)


def test_the_spread_is_averaged_where_there_is_one(luma: FloatArray) -> None:
    told = MirroredEngine(TellingEngine(tells=True)).estimate(luma)
    assert told.spread is not None
    np.testing.assert_allclose(told.spread, 7.5)
    assert MirroredEngine(TellingEngine(tells=False)).estimate(luma).spread is None


def test_what_is_wrong_with_the_engine_is_still_told(luma: FloatArray) -> None:
    with pytest.raises(EngineError, match="no numbers"):
        MirroredEngine(NanEngine()).colorize(luma)
    with pytest.raises(EngineError, match="multiples of 32"):
        MirroredEngine(FakeEngine()).colorize(luma[..., :40])


def test_closing_it_closes_the_engine() -> None:
    inner = FakeEngine()
    with MirroredEngine(inner) as engine:
        assert engine.description == "FakeEngine, with mirror images"
        assert engine.batch == 1
    assert inner.closed


def test_the_setting_chooses_it(rng: np.random.Generator) -> None:
    picture = rng.integers(0, 256, (64, 96), np.uint8)
    flipped = Colorizer(FakeEngine(lopsided), ColorSettings(flip=True, network_px=64))
    made, mirrored = flipped.color(picture), flipped.color(np.ascontiguousarray(picture[:, ::-1]))
    assert np.abs(made.astype(int) - mirrored[:, ::-1]).max() <= 1
    plain = Colorizer(FakeEngine(lopsided), ColorSettings(network_px=64)).color(picture)
    assert np.abs(made.astype(int) - plain).max() > 3


def test_no_picture_is_mirrored_twice() -> None:
    engine = FakeEngine()
    once = mirrored(engine, wanted=True)
    assert mirrored(once, wanted=True) is once
    assert mirrored(engine, wanted=False) is engine
    film = FilmColorizer(engine, ColorSettings(flip=True))
    assert isinstance(film.engine, MirroredEngine)
