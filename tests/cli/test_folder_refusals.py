"""``archivecolor folder`` refuses what makes no sense or could lose a file, before anything is written."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, NoReturn

import pytest

from archivecolor.errors import EngineError
from archivecolor.inference import select
from tests.cli.conftest import Run, assert_whole, no_engine, photograph, tree


@pytest.mark.parametrize(
    ("out_name", "said"),
    [
        ("in", "itself"),
        ("in/out", "lies inside"),
        (".", "lies inside"),
        ("link", "itself"),
        ("link/out", "lies inside"),
    ],
)
def test_sources_and_results_in_one_another_are_refused_before_anything_is_written(
    out_name: str, said: str, run: Run, source: Path, tmp_path: Path
) -> None:
    (tmp_path / "link").symlink_to(source)
    before = tree(tmp_path)
    done = run("folder", source, tmp_path / out_name)
    assert (done.code, done.out) == (5, "")
    assert said in done.err
    assert str(tmp_path / out_name) in done.err
    assert tree(tmp_path) == before


def test_a_source_that_is_missing_or_a_file_and_a_target_that_is_a_file(run: Run, source: Path, tmp_path: Path) -> None:
    missing = run("folder", tmp_path / "nowhere", tmp_path / "out")
    assert missing.code == 3
    assert f"archivecolor: {tmp_path / 'nowhere'}: there is no such folder" in missing.err
    file = run("folder", source / "a.png", tmp_path / "out")
    assert file.code == 3
    assert "is not a folder" in file.err
    assert "--only" in file.err
    target = run("folder", source, source / "a.png")
    assert target.code == 5
    assert "is not a folder" in target.err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--strength", "1.5"], "strength is 1.5"),
        (["--strength", "-0.1"], "strength is -0.1"),
        (["--strength", "much"], "--strength"),
        (["--quality", "0"], "quality is 0"),
        (["--quality", "101"], "quality is 101"),
        (["--quality", "best"], "--quality"),
        (["--format", "gif"], "there is no format 'gif'"),
        (["--network-px", "7"], "7 px"),
        (["--jobs", "-1"], "--jobs"),
        (["--only", ""], "empty --only pattern"),
        (["--color"], "--color"),
    ],
)
def test_options_that_make_no_sense_are_usage_errors_before_anything_is_written(
    arguments: list[str], said: str, run: Run, source: Path, out: Path
) -> None:
    done = run("folder", source, out, *arguments)
    assert (done.code, done.out) == (2, "")
    assert said in done.err
    assert not out.exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--generator", "archiv"], "there is no generator 'archiv'"),
        (["--generator", "/nowhere"], "there is no generator '/nowhere'"),
        (["--engine", "magic"], "magic"),
    ],
)
def test_engines_and_generators_that_are_not_there_are_usage_errors(
    arguments: list[str], said: str, source: Path, out: Path, monkeypatch: pytest.MonkeyPatch, request: Any
) -> None:
    real = select.open_engine
    run: Run = request.getfixturevalue("run")
    monkeypatch.setattr(select, "open_engine", real)
    done = run("folder", source, out, *arguments)
    assert done.code == 2
    assert said in done.err
    assert not tree(out) if out.exists() else True


def test_an_engine_that_cannot_be_loaded_ends_the_run_with_its_own_code(
    run: Run, source: Path, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> NoReturn:
        raise EngineError("generator.onnx: is damaged", hint="reinstall archivecolor")

    monkeypatch.setattr(select, "open_engine", broken)
    done = run("folder", source, out)
    assert done.code == 6
    assert done.err == "archivecolor: generator.onnx: is damaged\n  hint: reinstall archivecolor\n"


def test_an_output_folder_that_cannot_be_made_is_told_before_the_engine_is_loaded(
    run: Run, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(select, "open_engine", no_engine)
    done = run("folder", source, source.parent / "in2" / ("n" * 300))
    assert done.code == 5
    assert "cannot be created: File name too long" in done.err
    access = os.access
    monkeypatch.setattr(os, "access", lambda path, mode: "read-only" not in str(path) and access(path, mode))
    done = run("folder", source, tmp_path / "read-only")
    assert done.code == 5
    assert "cannot be written to" in done.err


def test_a_result_that_is_empty_or_a_folder_is_no_result(run: Run, source: Path, out: Path) -> None:
    out.mkdir()
    (out / "a.png").touch()
    (out / "m.tif").mkdir()
    done = run("folder", source, out)
    assert done.code == 7
    for name in ("a.png", "m.tif"):
        assert "exists and is not a picture" in done.lines_about(name)[0]
    assert sorted(tree(out)) == ["a.png", "sub/z.bmp"]
    (out / "m.tif").rmdir()
    assert run("folder", source, out, "--overwrite").code == 0
    assert_whole(out / "a.png", photograph(0))


def test_a_result_that_would_replace_a_source_through_a_link_is_refused(run: Run, source: Path, out: Path) -> None:
    out.mkdir()
    (out / "sub").symlink_to(source / "sub")
    before = tree(source)
    done = run("folder", source, out, "--overwrite")
    assert done.code == 7
    assert tree(source) == before
    assert "would go among the sources" in done.lines_about("sub")[0]


def test_a_link_among_the_results_is_replaced_and_what_it_leads_to_is_not(run: Run, source: Path, out: Path) -> None:
    out.mkdir()
    (out / "a.png").symlink_to(source / "a.png")
    before = tree(source)
    assert run("folder", source, out, "--overwrite").code == 0
    assert tree(source) == before
    assert not (out / "a.png").is_symlink()
    assert_whole(out / "a.png", photograph(0))
