"""Photographs that go into JPEGs as luma and chroma planes, fine ones with chroma of half the size."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from archivecolor.chroma import planes
from archivecolor.chroma.planes import ChromaGrid
from archivecolor.chroma.still import Colorizer
from archivecolor.color import KB, KR, UIntArray
from archivecolor.frames import Orientation
from archivecolor.settings import OutputSettings, StillFormat
from archivecolor.stills import jpeg, jpeg_scans, open_still
from tests.chroma.test_still import by_place
from tests.fakes.engines import FakeEngine, wild


@pytest.fixture
def fine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have all photographs count as fine."""
    monkeypatch.setattr(jpeg, "_FINE_PIXELS", 0)


def texture(height: int, width: int) -> UIntArray:
    down, across = np.mgrid[:height, :width]
    waves = 120 + 50 * np.sin(across / 11) * np.cos(down / 7)
    return np.asarray(waves + np.random.default_rng(1).normal(0, 4, waves.shape), np.uint8)


def colored(source: Path, target: Path, engine: FakeEngine, *, lossy: bool = False) -> Image.Image:
    with Colorizer(engine) as colorizer:
        output = OutputSettings(format=StillFormat.JPEG, quality=95) if lossy else OutputSettings()
        colorizer.color_file(source, target, output)
    image = Image.open(io.BytesIO(target.read_bytes()))
    image.load()
    return image


def gray_jpeg(path: Path, luma: UIntArray, orientation: Orientation = Orientation.UPRIGHT) -> Path:
    exif = Image.Exif()
    exif[0x0112] = int(orientation)
    Image.fromarray(luma).save(path, quality=92, exif=exif)
    return path


@pytest.mark.parametrize("size", [(120, 160), (121, 163), (2, 90), (90, 3)])
def test_a_fine_jpeg_has_chroma_of_half_the_size_and_its_luma_to_the_bit(
    tmp_path: Path, fine: None, size: tuple[int, int]
) -> None:
    source = gray_jpeg(tmp_path / "a.jpg", texture(*size))
    image = colored(source, tmp_path / "b.jpg", FakeEngine(wild))
    assert image.layer == [(1, 2, 2, 0), (2, 1, 1, 1), (3, 1, 1, 1)]  # type: ignore[attr-defined]
    luma = jpeg_scans.y_plane((tmp_path / "b.jpg").read_bytes())
    np.testing.assert_array_equal(luma, open_still(source).luma)


@pytest.mark.parametrize("size", [(120, 160), (121, 163)])
@pytest.mark.parametrize("orientation", [Orientation.UPRIGHT, Orientation(6)])
def test_chroma_of_half_the_size_is_that_of_the_full_size_where_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: tuple[int, int], orientation: Orientation
) -> None:
    source = gray_jpeg(tmp_path / "a.jpg", texture(*size), orientation)
    full = np.asarray(colored(source, tmp_path / "full.jpg", FakeEngine(by_place)).convert("YCbCr")).astype(int)
    monkeypatch.setattr(jpeg, "_FINE_PIXELS", 0)
    half = np.asarray(colored(source, tmp_path / "half.jpg", FakeEngine(by_place)).convert("YCbCr")).astype(int)
    assert np.ptp(full[..., 1:], axis=(0, 1)).min() > 30
    off = (half - full)[..., 1:]
    assert np.percentile(np.abs(off), 98) <= 4  # where grain is strong, color follows it less
    # A shift by half a sample makes .2 here; of an odd side the last column stands half outside of the picture
    assert np.abs(off.mean(axis=(0, 1))).max() < (0.4 if size[0] % 2 else 0.1)


def test_planes_of_half_the_size_go_into_a_lossy_jpeg_as_they_are(tmp_path: Path, fine: None) -> None:
    Image.fromarray(texture(121, 163)).save(tmp_path / "a.png")
    lossy = colored(tmp_path / "a.png", tmp_path / "b.jpg", FakeEngine(by_place), lossy=True)
    assert [factors[1:3] for factors in lossy.layer] == [(2, 2), (1, 1), (1, 1)]  # type: ignore[attr-defined]
    kept = colored(gray_jpeg(tmp_path / "a.jpg", texture(121, 163)), tmp_path / "c.jpg", FakeEngine(by_place))
    off = np.asarray(lossy.convert("YCbCr")).astype(int) - np.asarray(kept.convert("YCbCr"))
    assert np.abs(off[..., 1:]).max() <= 5


@pytest.mark.parametrize(("centered", "first"), [(True, 0.5), (False, 0.25)])
def test_the_luma_that_guides_chroma_of_half_the_size_is_that_around_its_samples(centered: bool, first: float) -> None:
    ramp = np.arange(40, dtype=np.uint8)[None].repeat(6, 0)
    grid = ChromaGrid(8, full_range=True, shift=(1, 1), weights=(KR, KB), centered=centered)
    guide = planes._guide(ramp, grid.size(*ramp.shape), grid) * 255
    # An encoder's box of two is rounded; a left-sited sample lies on the even one, blurred by its neighbors
    np.testing.assert_allclose(guide[:, 1:], (2 * np.arange(20) + first).round(2)[None, 1:].repeat(3, 0), atol=0.51)
    assert (guide[:, 5] > 10.7).all() == centered
