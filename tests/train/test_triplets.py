"""Triplets on training and on test pictures, drawn beside the checkpoint."""

from __future__ import annotations

import logging
from pathlib import Path

import cv2
import pytest

from archivecolor.errors import InputError
from tests.train.test_paper_recipes import paper_recipe
from train import triplets
from train.trainer import Trainer


@pytest.fixture
def checkpoint(corpus: Path, tmp_path: Path) -> Path:
    path = tmp_path / "last.pt"
    Trainer(paper_recipe(corpus)).checkpoint("unknown", "0").save(path)
    return path


def call(monkeypatch: pytest.MonkeyPatch, *arguments: object) -> int:
    monkeypatch.setattr("sys.argv", ["triplets", *(str(a) for a in arguments)])
    return triplets.main()


def test_a_sheet_of_either_kind_lies_beside_the_checkpoint(
    checkpoint: Path, corpus: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        assert call(monkeypatch, checkpoint, "--test", corpus / "more", "--count", 2, "--side", 32) == 0
    for name, count in (("training", 2), ("test", 1)):
        sheet = checkpoint.parent / f"triplets-{name}.png"
        assert cv2.imread(str(sheet)) is not None
        assert any(m.startswith(f"{name}: {count} pictures, CIEDE2000 ") for m in caplog.messages)


def test_a_missing_test_folder_is_told(
    checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR):
        assert call(monkeypatch, checkpoint, "--test", tmp_path / "nowhere") == InputError.exit_code
    assert "nowhere: there is no such folder" in caplog.text
