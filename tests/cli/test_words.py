"""Settings as words: a command line of them gives the same settings again."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import NoReturn

import pytest

from archivecolor.errors import UsageError
from archivecolor.jobs.journal import read_runs
from archivecolor.runs.folder import job
from archivecolor.runs.settings import FolderSettings
from archivecolor.runs.words import words_of
from archivecolor.settings import (
    AlreadyColor,
    ColorSettings,
    EncoderKind,
    EncodeSettings,
    EngineSettings,
    FilmCodec,
    Kinds,
    OutputSettings,
    Precision,
    Purpose,
    Smoothing,
    SmoothingSettings,
    StillFormat,
)
from tests.cli.conftest import Run


def everything(folder: Path) -> FolderSettings:
    """Settings of which each differs from its default."""
    (folder / "hints").mkdir()
    for name in ("palette.jpg", "key.pem", "chain.pem"):
        (folder / name).touch()
    return FolderSettings(
        generator="hinted",
        engine=EngineSettings("onnx", "cpu", Precision.FP32, 4),
        color=ColorSettings(0.7, 1.25, -0.1, (folder / "palette.jpg",), folder / "hints", 192, thorough=True),
        already_color=AlreadyColor.COPY,
        smoothing=SmoothingSettings(Smoothing.CAUSAL, 4),
        encode=EncodeSettings(Purpose.SHARE, FilmCodec.H264, 21, "slow", EncoderKind.AUTO, side_by_side=True, depth=8),
        start_s=1.5,
        end_s=90,
        leave_out=True,
        keep_work=True,
        jobs=3,
        output=OutputSettings(StillFormat.PNG, 80, embed_record=False, sidecar=True),
        confidence=True,
        kinds=Kinds.STILLS,
        only=("*.tif", "box 3/*"),
        bag=True,
        sign_key=folder / "key.pem",
        sign_certificates=folder / "chain.pem",
        max_megapixels=200,
    )


@pytest.mark.parametrize("which", ["none", "all"])
def test_the_command_line_of_the_words_gives_the_settings_again(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, which: str
) -> None:
    settings = everything(tmp_path) if which == "all" else FolderSettings()
    given: list[FolderSettings] = []

    def color_folder(source: Path, out: Path, settings: FolderSettings, **more: object) -> NoReturn:
        given.append(settings)
        raise UsageError("this is far enough")

    monkeypatch.setattr(job, "color_folder", color_folder)
    (tmp_path / "scans").mkdir()
    words = words_of(settings)
    assert run("folder", tmp_path / "scans", tmp_path / "out", *words).code == 2
    assert [replace(one, given=frozenset()) for one in given] == [settings]
    assert (which == "none") is (words == ())


def test_what_belongs_to_one_run_alone_is_no_word(tmp_path: Path) -> None:
    (tmp_path / "list").write_text("a.png\n")
    listed = replace(FolderSettings(), only_from=tmp_path / "list", summary=tmp_path / "s.csv")
    once = replace(listed, overwrite=True, watch=True, fail_fast=True, forget_hints=True)
    assert words_of(once) == ()


def test_a_run_notes_its_words(run: Run, source: Path, out: Path) -> None:
    assert run("folder", source, out, "--strength", "0.5", "--only", "*.png").code == 0
    assert [record.words for record in read_runs(out).values()] == [("--only", "*.png", "--strength", "0.5")]
