"""What the generator says of single frames becomes the steady color of a shot."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from archivecolor.chroma.film import FilmColorizer
from archivecolor.chroma.picture import Picture
from archivecolor.chroma.scan import scan
from archivecolor.color import FloatArray
from archivecolor.film.form import luma_plane
from archivecolor.film.reading import frames
from archivecolor.inference.engine import Estimate
from archivecolor.settings import Smoothing, SmoothingSettings
from tests.fakes.engines import FakeEngine, ListeningEngine
from tests.film.sources import FilmSource, moving


class Wavering(FakeEngine):
    """Says red and blue in turn, with a spread of its own for each."""

    def __init__(self, red_spread: float, blue_spread: float) -> None:
        super().__init__()
        self._answers = (((30, 20), red_spread), ((10, -30), blue_spread))

    def estimate(self, luma: FloatArray, hints: FloatArray | None = None, *, features: bool = False) -> Estimate:
        """The next answer, everywhere."""
        made = self.colorize(luma)
        ab, spread = self._answers[self.pictures % 2]
        made[:] = np.array(ab, np.float32)[:, None, None]
        return Estimate(made, np.full_like(made[:, :1], spread))


def colored(path: Path, engine: FakeEngine, smoothing: Smoothing, every: int = 1) -> FloatArray:
    """Mean chroma of each frame, ``[n, 2]``."""
    found = scan(path)
    pictures = (Picture(i, luma_plane(f), None) for i, f in frames(path, found.film, 0, len(found.film.times)))
    colorizer = FilmColorizer(engine, smoothing=SmoothingSettings(smoothing, every))
    return np.array([ab.mean(axis=(0, 1)) for _, ab in colorizer.chroma(pictures, found.film.form, (0,))])


@pytest.mark.parametrize(("sure", "nearer"), [((2, 60), (30, 20)), ((60, 2), (10, -30))])
@pytest.mark.parametrize("smoothing", [Smoothing.CAUSAL, Smoothing.FULL])
def test_a_shot_takes_the_color_that_the_generator_was_sure_of(
    sure: tuple[float, float], nearer: tuple[float, float], smoothing: Smoothing, tmp_path: Path
) -> None:
    path = FilmSource(moving(16)).write(tmp_path / "film.mkv")
    made = colored(path, Wavering(*sure), smoothing)
    np.testing.assert_allclose(made[4:], np.broadcast_to(nearer, made[4:].shape), atol=6)


@pytest.mark.parametrize(("smoothing", "asked"), [(Smoothing.FULL, 3 + 3), (Smoothing.CAUSAL, 3)])
def test_more_is_asked_between_answers_that_contradict_each_other(
    smoothing: Smoothing, asked: int, tmp_path: Path
) -> None:
    path = FilmSource(moving(17)).write(tmp_path / "film.mkv")
    steady, wavering = FakeEngine(), Wavering(10, 10)  # of frames 0, 8, 16: blue, red and, after three more, red
    for engine, expected in ((steady, 3), (wavering, asked)):
        colored(path, engine, smoothing, every=8)
        assert engine.pictures == expected


def test_without_smoothing_every_frame_keeps_its_own_answer(tmp_path: Path) -> None:
    path = FilmSource(moving(6)).write(tmp_path / "film.mkv")
    made = colored(path, Wavering(2, 60), Smoothing.OFF)
    np.testing.assert_allclose(np.abs(np.diff(made[:, 1])), 50, atol=1)


def test_paint_on_a_frame_goes_through_a_generator_that_takes_hints(tmp_path: Path) -> None:
    path = FilmSource(moving(5)).write(tmp_path / "film.mkv")
    found = scan(path)
    pictures = [Picture(i, luma_plane(f), None) for i, f in frames(path, found.film, 0, 5)]
    layer = np.zeros((*found.film.form.shown, 4), np.uint8)
    layer[40:50, 40:60] = (60, 200, 60, 255)
    Image.fromarray(layer).save(tmp_path / "2.png")
    engine = ListeningEngine()
    colorizer = FilmColorizer(engine)
    colorizer.paint_shot(pictures, found.film.form, {2: tmp_path / "2.png"})
    made = [ab for _, ab in colorizer.chroma(pictures, found.film.form, (0,))]
    assert all(ab[4, -4, 0] < -10 for ab in made)  # green, where no stroke is, in every frame
    plain, told = engine.told[0] if engine.told[0] is not None else ((), ())
    assert not np.any(plain)
    assert np.any(told)
