"""``archivecolor build-engine``, as its users run it."""

from __future__ import annotations

import functools
import json
import sys
import time
from pathlib import Path

import pytest

from archivecolor.cli.interrupt import Interruption
from archivecolor.cli.progress import BuildLine
from tests.cli.conftest import Run
from tests.needs import needs_rtx


@pytest.fixture
def build_engine(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """The command on a machine without GPUs, with an empty cache."""
    for name, value in {"ARCHIVECOLOR_CACHE": str(tmp_path), "CUDA_VISIBLE_DEVICES": "", "COLUMNS": "200"}.items():
        monkeypatch.setenv(name, value)
    return functools.partial(run, "build-engine")


@needs_rtx
def test_a_plan_for_another_machine_is_built_listed_and_not_built_again(build_engine: Run, tmp_path: Path) -> None:
    done = build_engine("--gpu", "rtx-4090", "--gpu", "sm_75")
    assert done.code == 0, done.err
    path = Path(done.out.strip())
    assert path.is_file()
    assert path.parent == tmp_path / "plans"
    assert "sm_75, sm_89, fp16" in done.err
    assert "not compared with ONNX Runtime" in done.err
    listed = json.loads(build_engine("--list", "--json").out)
    assert (listed["path"], listed["targets"], listed["usable"]) == (str(path), ["sm_75", "sm_89"], False)
    again = build_engine("--gpu", "sm_75", "--gpu", "rtx-4090")
    assert "already there; --overwrite builds it again" in again.err
    assert again.out == done.out


def test_an_empty_cache_lists_nothing(build_engine: Run, tmp_path: Path) -> None:
    done = build_engine("--list")
    assert (done.code, done.out) == (0, "")
    assert f"no plans in {tmp_path}" in done.err


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (["--gpu", "rtx-4099"], 2, "did you mean 'rtx-4090'?"),
        (["--gpu", "H100"], 2, "TensorRT-RTX does not build for H100 (sm_90)"),
        (["--gpu", "sm_89", "--all-gpus"], 2, "cannot be used together"),
        (["--gpu", "sm_89", "--batch", "8,4,1"], 2, "the batch is 8,4,1"),
        (["--gpu", "sm_89", "--batch", "lots"], 2, "the batch is 'lots'"),
        (["--gpu", "sm_89", "--network-px", "7"], 2, "the network's short side is 7 px"),
        (["--gpu", "sm_89", "--precision", "fp8"], 2, "fp8"),
        (["--backend", "tensorflow"], 2, "one of tensorrt, tensorrt-rtx"),
        (["archvie", "--gpu", "sm_89"], 2, "did you mean 'archive'?"),
        (["--backend", "tensorrt", "--gpu", "sm_89"], 2, "for the GPU that it runs on"),
        ([], 4, "there is no NVIDIA GPU here to build for"),
        (["--backend", "tensorrt"], 4, "no NVIDIA GPU was found"),
    ],
    ids=lambda v: " ".join(v) or "nothing" if isinstance(v, list) else None,
)
def test_what_cannot_be_built_is_one_clear_line(arguments: list[str], code: int, told: str, build_engine: Run) -> None:
    done = build_engine(*arguments)
    assert done.code == code, done.err
    assert told in done.err
    assert not done.out


@needs_rtx
def test_a_folder_that_cannot_be_written_has_exit_code_5(build_engine: Run, tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file")
    done = build_engine("--gpu", "sm_89", "--output", str(tmp_path / "taken"))
    assert done.code == 5
    assert "cannot be written" in done.err


@pytest.mark.parametrize(
    ("terminal", "shown"),
    [(True, "\r\x1b[Kbuilding engine: 50%, 20 s\r\x1b[K"), (False, "building engine: 50%, 20 s\n")],
)
def test_a_long_build_says_how_far_it_is(
    terminal: bool, shown: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    clock = iter((0.0, 0.1, 20.0))
    monkeypatch.setattr(time, "monotonic", lambda: next(clock, 20.0))
    monkeypatch.setattr(sys.stderr, "isatty", lambda: terminal, raising=False)
    with BuildLine(Interruption(), quiet=False) as speaker:
        speaker("Building engine", 0.1)
        speaker("Building engine", 0.5)
    assert capsys.readouterr().err == shown


def test_a_build_ends_at_the_first_ctrl_c() -> None:
    interruption = Interruption()
    interruption.stop.set()
    with BuildLine(interruption, quiet=True) as speaker, pytest.raises(KeyboardInterrupt):
        speaker("Building engine", 0.1)
