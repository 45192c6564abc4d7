"""``archivecolor doctor``, as its users run it."""

from __future__ import annotations

import functools
import re
import tomllib
from pathlib import Path

import pytest

from archivecolor.inference import select
from archivecolor.installation import install_line
from archivecolor.machine import comparison
from tests.cli.conftest import Run
from tests.conftest import ROOT

genuine = select.open_engine


@pytest.fixture
def doctor(run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    """The command on a machine without GPUs, with real engines and an empty cache."""
    monkeypatch.setattr(select, "open_engine", genuine)
    for name, value in {"ARCHIVECOLOR_CACHE": str(tmp_path), "CUDA_VISIBLE_DEVICES": "", "COLUMNS": "200"}.items():
        monkeypatch.setenv(name, value)
    return functools.partial(run, "doctor")


def test_it_tells_of_machine_engines_extras_plans_encoders_and_settings(doctor: Run, tmp_path: Path) -> None:
    done = doctor()
    assert done.code == 0, done.err
    for heading in ("machine", "engines", "extras", "generators", "plans in", "film encoders", "settings"):
        assert f"\n{heading}" in f"\n{done.out}"
    assert "ONNX Runtime" in done.out
    assert str(tmp_path) in done.out


def test_every_missing_extra_comes_with_its_install_line(doctor: Run) -> None:
    extras = doctor("--json").records[0]["extras"]
    assert {e["name"] for e in extras} == set(optional_dependencies()) - {"lint", "test", "train"}
    for extra in extras:
        assert extra["install"] == install_line(extra["name"])
        named = {re.split(r"[^\w-]", r)[0] for r in needed(extra["name"])}
        assert {*extra["installed"], *extra["missing"]} == named


def optional_dependencies() -> dict[str, list[str]]:
    """The extras, as the project states them."""
    table = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    return dict(table["project"]["optional-dependencies"])


def needed(extra: str) -> list[str]:
    """What an extra brings, those that it includes too."""
    brought: list[str] = []
    for requirement in optional_dependencies()[extra]:
        inner = re.fullmatch(r"archivecolor\[(\w+)\]", requirement)
        brought += needed(inner[1]) if inner else [requirement]
    return brought


def test_encoders_are_told_with_whether_they_work(doctor: Run) -> None:
    encoders = {e["name"]: e for e in doctor("--json").records[0]["encoders"]}
    assert encoders["libx264"]["works"]
    for name, encoder in encoders.items():
        assert encoder["works"] == (not encoder["detail"]), name


def test_settings_say_who_set_them(doctor: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ARCHIVECOLOR_ENGINE", "onnx")
    monkeypatch.setenv("ARCHIVECOLOR_PRECISION", "fp32")
    done = doctor("--json", "--batch", "3")
    settings = {s["name"]: (s["value"], s["source"]) for s in done.records[0]["settings"]}
    assert settings["engine"] == ("onnx", "environment")
    assert settings["precision"] == ("fp32", "environment")
    assert settings["batch"] == ("3", "command line")
    assert settings["device"] == ("auto", "default")


def test_comparing_gives_speed_memory_and_colors_of_each_engine_that_works(
    doctor: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(comparison.measure, "__defaults__", (0.1,))  # seconds for each
    done = doctor("--json", "--compare", "--device", "cpu", "-q")
    assert done.code == 0, done.err
    measured = {m["engine"]: m for m in done.records[0]["comparison"]}
    reference = measured["onnx on cpu"]
    assert reference["pictures_per_s"] > 0
    assert reference["memory_bytes"] is None or reference["memory_bytes"] > 50e6
    assert reference["difference"] == {"mean": 0.0, "largest": 0.0}
    if not measured["torch on cpu"]["failure"]:
        assert measured["torch on cpu"]["difference"]["largest"] < 0.1


def test_where_no_engine_works_the_exit_code_is_4(doctor: Run) -> None:
    done = doctor("--device", "directml")
    assert done.code == 4
    assert "no engine works here" in done.err
    assert "pip install onnxruntime-directml" in done.out


def test_a_bad_setting_is_a_usage_error(doctor: Run) -> None:
    done = doctor("--device", "quantum")
    assert done.code == 2
    assert "there is no device 'quantum'" in done.err
