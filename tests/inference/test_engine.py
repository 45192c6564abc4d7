"""The contract that every engine keeps, run against those that work on any machine."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.torch import load_file, save_file

from archivecolor.color import FloatArray
from archivecolor.errors import EngineError
from archivecolor.inference import catalog
from archivecolor.inference.catalog import EngineFolder
from archivecolor.inference.engine import Engine, check_chroma, check_luma
from archivecolor.inference.onnx import OnnxEngine
from archivecolor.inference.torch import TorchEngine
from archivecolor.settings import EngineSettings
from tests.fakes.engines import FakeEngine, fake_folder
from tests.inference.conftest import drop_spread, flip_a_byte, record_digests

Open = Callable[[EngineFolder], Engine]

ON_CPU = EngineSettings(device="cpu", threads=1)


@pytest.fixture(params=["onnx", "torch"])
def opened(request: pytest.FixtureRequest) -> Open:
    """Opens an engine of each kind."""
    return (lambda f: OnnxEngine(f, ON_CPU)) if request.param == "onnx" else (lambda f: TorchEngine(f, ON_CPU))


def test_chroma_has_the_promised_shape_and_type(opened: Open, tiny: EngineFolder, real_lumas: list[FloatArray]) -> None:
    with opened(tiny) as engine:
        for luma in real_lumas:
            n, _, h, w = luma.shape
            chroma = engine.colorize(luma)
            assert chroma.shape == (n, 2, h // 4, w // 4)
            assert chroma.dtype == np.float32
            assert np.ptp(chroma) > 10


def test_a_picture_gets_the_same_chroma_alone_and_among_others(
    opened: Open, tiny: EngineFolder, real_lumas: list[FloatArray]
) -> None:
    with opened(tiny) as engine:
        together = engine.colorize(real_lumas[1])
        for i in range(len(together)):
            np.testing.assert_allclose(engine.colorize(real_lumas[1][i : i + 1])[0], together[i], atol=1e-3)


def test_the_array_that_was_given_stays_as_it_was_however_it_lies_in_memory(
    opened: Open, tiny: EngineFolder, real_lumas: list[FloatArray]
) -> None:
    plain = real_lumas[1]
    frozen = plain.copy()
    frozen.flags.writeable = False
    mirrored = plain[..., ::-1].copy()[..., ::-1]
    strided = np.repeat(plain, 2, axis=3)[..., ::2]
    with opened(tiny) as engine:
        expected = engine.colorize(plain.copy())
        for luma in (frozen, mirrored, strided):
            np.testing.assert_allclose(engine.colorize(luma), expected, atol=1e-4)
    np.testing.assert_array_equal(frozen, plain)


def test_an_estimate_is_the_chroma_and_its_spread(
    opened: Open, tiny: EngineFolder, real_lumas: list[FloatArray]
) -> None:
    with opened(tiny) as engine:
        for luma in real_lumas:
            n, _, h, w = luma.shape
            estimate = engine.estimate(luma)
            np.testing.assert_allclose(estimate.chroma, engine.colorize(luma), atol=1e-4)
            assert estimate.spread is not None
            assert estimate.spread.shape == (n, 1, h // 4, w // 4)
            assert estimate.spread.dtype == np.float32
            assert 0 < estimate.spread.min() < estimate.spread.max() < 100


def test_engines_agree_on_the_spread(tiny: EngineFolder, real_lumas: list[FloatArray]) -> None:
    with OnnxEngine(tiny, ON_CPU) as one, TorchEngine(tiny, ON_CPU) as other:
        for luma in real_lumas:
            first, second = one.estimate(luma).spread, other.estimate(luma).spread
            assert first is not None
            assert second is not None
            np.testing.assert_allclose(first, second, atol=1e-3)


def test_a_graph_from_before_there_was_a_spread_still_colors(
    copied_engine: Path, tiny: EngineFolder, real_lumas: list[FloatArray]
) -> None:
    drop_spread(copied_engine)
    with OnnxEngine(catalog.read(copied_engine), ON_CPU) as old, OnnxEngine(tiny, ON_CPU) as new:
        estimate = old.estimate(real_lumas[1])
        assert estimate.spread is None
        np.testing.assert_array_equal(estimate.chroma, new.colorize(real_lumas[1]))


@pytest.mark.parametrize(
    ("luma", "message"),
    [
        (np.zeros((1, 1, 64, 64), np.float64), r"float32 \[n, 1, h, w\], got float64 \[1, 1, 64, 64\]"),
        (np.zeros((1, 1, 64, 64), np.uint8), r"float32 \[n, 1, h, w\], got uint8"),
        (np.zeros((64, 64), np.float32), r"got float32 \[64, 64\]"),
        (np.zeros((1, 64, 64), np.float32), r"got float32 \[1, 64, 64\]"),
        (np.zeros((1, 3, 64, 64), np.float32), r"got float32 \[1, 3, 64, 64\]"),
        (np.zeros((1, 1, 64, 60), np.float32), r"multiples of 32, got \[1, 1, 64, 60\]"),
        (np.zeros((1, 1, 33, 64), np.float32), r"multiples of 32, got \[1, 1, 33, 64\]"),
        (np.zeros((0, 1, 64, 64), np.float32), r"at least one picture with pixels, got \[0, 1, 64, 64\]"),
        (np.zeros((1, 1, 0, 64), np.float32), r"at least one picture with pixels, got \[1, 1, 0, 64\]"),
    ],
    ids=lambda x: f"{x.dtype}{list(x.shape)}" if isinstance(x, np.ndarray) else "",
)
def test_what_is_no_batch_of_luma_is_refused(opened: Open, tiny: EngineFolder, luma: Any, message: str) -> None:
    with opened(tiny) as engine, pytest.raises(EngineError, match=f"engine 'tiny' takes .*{message}"):
        engine.colorize(luma)


@pytest.mark.parametrize("name", [catalog.GRAPH, catalog.WEIGHTS])
def test_a_flipped_byte_is_noticed_before_anything_is_loaded(opened: Open, copied_engine: Path, name: str) -> None:
    flip_a_byte(copied_engine / name)
    with pytest.raises(EngineError, match=rf"{name}: is damaged, its sha256 is not the recorded one"):
        opened(catalog.read(copied_engine))


@pytest.mark.parametrize("name", [catalog.GRAPH, catalog.WEIGHTS])
def test_a_missing_file_is_told_by_name(opened: Open, copied_engine: Path, name: str) -> None:
    (copied_engine / name).unlink()
    with pytest.raises(EngineError, match=rf"{name}: cannot be read: No such file.*reinstall"):
        opened(catalog.read(copied_engine))


def test_weights_that_make_no_numbers_are_an_engine_error(
    opened: Open, copied_engine: Path, real_lumas: list[FloatArray]
) -> None:
    weights = load_file(copied_engine / catalog.WEIGHTS)
    weights["head.bias"][3] = float("nan")
    save_file(weights, copied_engine / catalog.WEIGHTS)
    record_digests(copied_engine)
    with opened(catalog.read(copied_engine)) as engine, pytest.raises(EngineError, match="values that are no numbers"):
        engine.colorize(real_lumas[0])


def test_luma_that_is_no_number_is_an_engine_error(opened: Open, tiny: EngineFolder) -> None:
    with opened(tiny) as engine, pytest.raises(EngineError, match="no numbers"):
        engine.colorize(np.full((1, 1, 32, 32), np.nan, np.float32))


def test_a_closed_engine_says_so_and_can_be_closed_again(
    opened: Open, tiny: EngineFolder, real_lumas: list[FloatArray]
) -> None:
    engine = opened(tiny)
    engine.close()
    engine.close()
    with pytest.raises(EngineError, match="engine 'tiny' is closed"):
        engine.colorize(real_lumas[0])


def test_an_engine_tells_what_it_runs(opened: Open, tiny: EngineFolder) -> None:
    with opened(tiny) as engine:
        assert engine.folder == tiny
        assert "CPU" in engine.description
        assert engine.batch >= 1


def test_several_threads_get_the_same_chroma_as_one(
    opened: Open, tiny: EngineFolder, real_lumas: list[FloatArray]
) -> None:
    with opened(tiny) as engine, ThreadPoolExecutor(3) as pool:
        expected = [engine.colorize(luma) for luma in real_lumas]
        made = list(pool.map(engine.colorize, real_lumas * 2))
    for one, other in zip(made, expected * 2, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-4)


def test_the_fake_engines_keep_the_contract_too(real_lumas: list[FloatArray]) -> None:
    engine: Engine = FakeEngine()
    for luma in real_lumas:
        n, _, h, w = luma.shape
        chroma = engine.colorize(luma)
        assert chroma.shape == (n, 2, h // 4, w // 4)
        assert chroma.dtype == np.float32
        estimate = engine.estimate(luma)
        np.testing.assert_array_equal(estimate.chroma, chroma)
        assert estimate.spread is not None
        assert estimate.spread.shape == (n, 1, h // 4, w // 4)


def test_good_luma_and_chroma_pass_the_checks() -> None:
    check_luma(np.zeros((2, 1, 32, 96), np.float32), fake_folder())
    chroma = np.zeros((1, 2, 8, 8), np.float32)
    assert check_chroma(chroma, fake_folder()) is chroma


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_chroma_that_is_no_number_fails_the_check(bad: float) -> None:
    chroma = np.zeros((1, 2, 8, 8), np.float32)
    chroma[0, 1, 7, 7] = bad
    with pytest.raises(EngineError, match="engine 'fake' returned values that are no numbers"):
        check_chroma(chroma, fake_folder())
