"""The script that confirms the GPU engines: that it runs through, passes what is right and fails what is not."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from archivecolor.inference import catalog
from archivecolor.inference.catalog import EngineFolder
from tests.bench import gpu_check
from tests.fakes.nvidia import FakeTensorRT
from tests.inference.conftest import PutGpus, put_tensorrt

ADA = ("NVIDIA GeForce RTX 4090", 8, 9)


@pytest.fixture
def gpu(tiny: EngineFolder, monkeypatch: pytest.MonkeyPatch, put_gpus: PutGpus, host_memory_as_gpu: None) -> None:
    """A machine with a GPU, and the tiny generator as the one that ships."""
    monkeypatch.setattr(catalog, "find", lambda *_: tiny)
    put_gpus(ADA)


def test_plans_that_are_right_pass(gpu: None, monkeypatch: pytest.MonkeyPatch) -> None:
    put_tensorrt(monkeypatch, FakeTensorRT("tensorrt"))
    put_tensorrt(monkeypatch, FakeTensorRT("tensorrt_rtx"))
    checks = {c.what: c for c in gpu_check._plans()}
    for backend in ("tensorrt", "tensorrt-rtx"):
        for precision in ("fp16", "fp32"):
            for what in ("build", "second load", "colors", "spread"):
                check = checks[f"{backend} {precision}: {what}"]
                assert check.passed, check


def test_plans_that_do_not_load_fail_and_what_is_not_installed_is_skipped(
    gpu: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_tensorrt(monkeypatch, FakeTensorRT("tensorrt_rtx", broken=True))
    monkeypatch.setitem(sys.modules, "tensorrt", None)
    found = {c.what: c.passed for c in gpu_check._plans()}
    assert found["tensorrt-rtx fp16"] is False
    assert found["tensorrt fp16"] is None


def test_a_film_is_colored_with_the_command_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gpu_check, "_FILM_FRAMES", 6)
    (film,) = gpu_check._film()
    assert film.passed, film


def test_without_a_gpu_it_says_so(
    put_gpus: PutGpus, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    put_gpus()
    monkeypatch.setattr(sys, "argv", ["gpu_check", "--report", str(tmp_path / "report.json")])
    assert gpu_check.main() == 4
    assert capsys.readouterr().out == "no NVIDIA GPU here: nothing to check\n"
    assert not list(tmp_path.iterdir())
