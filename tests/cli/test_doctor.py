"""``archivecolor doctor``, as its users run it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

from tests.conftest import ROOT


def doctor(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "archivecolor", "doctor", *arguments],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "CUDA_VISIBLE_DEVICES": "", "COLUMNS": "200", **environment},
    )


def test_it_tells_of_machine_engines_extras_plans_encoders_and_settings(tmp_path: Path) -> None:
    done = doctor(ARCHIVECOLOR_CACHE=str(tmp_path))
    assert done.returncode == 0, done.stderr
    for heading in ("machine", "engines", "extras", "generators", "plans in", "film encoders", "settings"):
        assert f"\n{heading}" in f"\n{done.stdout}"
    assert "ONNX Runtime" in done.stdout
    assert str(tmp_path) in done.stdout


def test_every_missing_extra_comes_with_its_install_line() -> None:
    extras = json.loads(doctor("--json").stdout)["extras"]
    assert {e["name"] for e in extras} == set(optional_dependencies()) - {"lint", "test", "train"}
    for extra in extras:
        assert extra["install"] == f"pip install 'archivecolor[{extra['name']}]'"
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


def test_encoders_are_told_with_whether_they_work() -> None:
    encoders = {e["name"]: e for e in json.loads(doctor("--json").stdout)["encoders"]}
    assert encoders["libx264"]["works"]
    for name, encoder in encoders.items():
        assert encoder["works"] == (not encoder["detail"]), name


def test_settings_say_who_set_them() -> None:
    done = doctor("--json", "--batch", "3", ARCHIVECOLOR_ENGINE="onnx", ARCHIVECOLOR_PRECISION="fp32")
    settings = {s["name"]: (s["value"], s["source"]) for s in json.loads(done.stdout)["settings"]}
    assert settings["engine"] == ("onnx", "environment")
    assert settings["precision"] == ("fp32", "environment")
    assert settings["batch"] == ("3", "command line")
    assert settings["device"] == ("auto", "default")


def test_comparing_gives_speed_memory_and_colors_of_each_engine_that_works(tmp_path: Path) -> None:
    done = doctor("--json", "--compare", "--device", "cpu", "-q", ARCHIVECOLOR_CACHE=str(tmp_path))
    assert done.returncode == 0, done.stderr
    measured = {m["engine"]: m for m in json.loads(done.stdout)["comparison"]}
    reference = measured["onnx on cpu"]
    assert reference["pictures_per_s"] > 0
    assert reference["memory_bytes"] is None or reference["memory_bytes"] > 50e6
    assert reference["difference"] == {"mean": 0.0, "largest": 0.0}
    if not measured["torch on cpu"]["failure"]:
        assert measured["torch on cpu"]["difference"]["largest"] < 0.1


def test_where_no_engine_works_the_exit_code_is_4(tmp_path: Path) -> None:
    done = doctor("--device", "directml")
    assert done.returncode == 4
    assert "no engine works here" in done.stderr
    assert "pip install onnxruntime-directml" in done.stdout


def test_a_bad_setting_is_a_usage_error() -> None:
    done = doctor("--device", "quantum")
    assert done.returncode == 2
    assert "there is no device 'quantum'" in done.stderr
