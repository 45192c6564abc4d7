"""`installation.install_line`: advice that works for the installation that gives it."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from archivecolor import installation


@pytest.fixture(autouse=True)
def fresh() -> Iterator[None]:
    installation._what.cache_clear()
    yield
    installation._what.cache_clear()


def came_from(monkeypatch: pytest.MonkeyPatch, origin: str | None) -> None:
    monkeypatch.setattr(installation, "distribution", lambda _: SimpleNamespace(read_text=lambda _: origin))


def test_of_what_came_from_an_index_the_name_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    came_from(monkeypatch, None)
    assert installation.install_line("heif") == "pip install 'archivecolor[heif]'"


@pytest.mark.parametrize("editable", [True, False])
def test_of_what_came_from_a_folder_the_folder_is_named(
    editable: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "a clone"
    folder.mkdir()
    came_from(monkeypatch, json.dumps({"url": folder.as_uri(), "dir_info": {"editable": True} if editable else {}}))
    words = shlex.split(installation.install_line("heif"))
    assert words == ["pip", "install", *(["-e"] if editable else []), f"{folder}[heif]"]


def test_of_a_folder_that_is_gone_and_of_a_record_that_is_damaged_the_name_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for origin in (json.dumps({"url": (tmp_path / "gone").as_uri(), "dir_info": {}}), "{", "[]"):
        installation._what.cache_clear()
        came_from(monkeypatch, origin)
        assert installation.install_line("tiff") == "pip install 'archivecolor[tiff]'"
