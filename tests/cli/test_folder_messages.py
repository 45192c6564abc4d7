"""What ``archivecolor folder`` says to people, to programs and to a log file."""

from __future__ import annotations

import os
import re
from pathlib import Path
from types import SimpleNamespace

import pytest
from PIL import Image

from archivecolor.cli import progress
from tests.cli.conftest import Run, photograph, tree, write


def test_json_has_one_record_for_every_file_and_nothing_else_is_on_stdout(run: Run, source: Path, out: Path) -> None:
    (source / "notes.txt").write_text("Box 7")
    (source / "empty.jpg").touch()
    run("folder", source, out, "--only", "a.png")
    done = run("folder", source, out, "--json")
    said = {Path(r["source"]).relative_to(source).as_posix(): r for r in done.records}
    assert len(said) == len(done.records)
    assert {name: r["status"] for name, r in said.items()} == {
        "a.png": "exists",
        "empty.jpg": "failed",
        "m.tif": "colored",
        "notes.txt": "ignored",
        "sub/z.bmp": "colored",
    }
    assert said["m.tif"]["target"] == str(out / "m.tif")
    assert said["m.tif"]["warnings"] == []
    assert said["m.tif"]["seconds"] >= 0
    assert said["empty.jpg"]["error"] == f"{source / 'empty.jpg'}: is empty"
    assert said["empty.jpg"]["hint"]


def test_warnings_are_told_by_file_and_stand_in_the_json(run: Run, source: Path, out: Path) -> None:
    Image.fromarray(photograph(0)).convert("LA").save(source / "clear.png")
    done = run("folder", source, out, "--format", "jpeg", "--only", "clear.png", "--json")
    assert done.code == 0
    assert done.err.count("1 x transparency left out, jpeg has none [clear.png]\n") == 1
    assert done.records[0]["warnings"] == ["transparency left out, jpeg has none"]


def test_quiet_says_nothing_but_failures(run: Run, source: Path, out: Path) -> None:
    assert run("folder", source, out, "-q").err == ""
    (source / "empty.jpg").touch()
    done = run("folder", source, out, "--quiet")
    assert done.code == 7
    assert done.err.splitlines() == [
        "empty.jpg: is empty (restore it from a copy)",
        "archivecolor: 1 failed",
        "  hint: fix them and run the same command again",
    ]


def test_verbose_has_a_line_for_every_file(run: Run, source: Path, out: Path) -> None:
    done = run("folder", source, out, "-v")
    for name in ("a.png", "m.tif", "sub/z.bmp"):
        assert re.search(rf"^{re.escape(name)}: colored in \d+\.\d\d s$", done.err, re.MULTILINE)
    assert "a.png: result exists" in run("folder", source, out, "-v").err


def test_many_failures_are_listed_up_to_a_point(run: Run, source: Path, out: Path) -> None:
    for i in range(25):
        (source / f"empty {i:02d}.jpg").touch()
    done = run("folder", source, out)
    table = done.err[done.err.index("failed ") :]
    assert "and 5 more; --log-file keeps them all" in table
    assert done.err.count("empty 24.jpg") == 1
    assert "25 failed" in done.err


def test_a_log_file_keeps_every_message_with_its_time_and_is_appended_to(
    run: Run, source: Path, out: Path, tmp_path: Path
) -> None:
    (source / "empty.jpg").touch()
    (source / os.fsdecode(b"latin1-\xe9.jpg")).touch()
    log = tmp_path / "run.log"
    run("folder", source, out, "-q", "--log-file", log)
    text = log.read_text(encoding="utf-8")
    assert re.search(r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} ERROR empty.jpg: is empty", text, re.MULTILINE)
    assert "DEBUG a.png: colored in" in text
    assert "3 colored" in text
    run("folder", source, out, "--log-file", log)
    assert log.read_text(encoding="utf-8").startswith(text)
    assert "3 already there" in log.read_text(encoding="utf-8")[len(text) :]


def test_a_log_file_among_the_sources_or_in_no_folder_is_refused(run: Run, source: Path, out: Path) -> None:
    before = tree(source)
    for name in ("a.png", "sub/new.log"):
        done = run("folder", source, out, "--log-file", source / name)
        assert done.code == 2
        assert "the log would lie among the sources" in done.err
    done = run("folder", source, out, "--log-file", out.parent / "nowhere" / "run.log")
    assert done.code == 5
    assert "cannot be written" in done.err
    assert tree(source) == before
    assert not out.exists()


def test_where_there_is_no_terminal_a_plain_line_tells_how_far_it_is(
    run: Run, source: Path, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "left\n" not in run("folder", source, out).err
    monkeypatch.setattr(progress, "_PLAIN_EVERY_S", 0.0)
    done = run("folder", source, out, "--overwrite")
    lines = [line for line in done.err.splitlines() if re.match(r"\d/3 done", line)]
    assert [line.split(",")[0] for line in lines] == ["0/3 done", "1/3 done", "2/3 done", "3/3 done"]
    assert lines[1].endswith(" left")
    assert re.fullmatch(r"3/3 done, 0 failed, \d+\.\d\d/s, finishing", lines[-1])
    assert "left\n" not in run("folder", source, out, "--overwrite", "-q").err


def test_the_plain_line_comes_no_more_often_than_it_should(
    run: Run, source: Path, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for i in range(4):
        write(source / f"more {i}.png")
    ticks = iter(range(0, 1000, 20))  # it looks at the clock once a picture, and 20 seconds have passed each time
    monkeypatch.setattr(progress, "time", SimpleNamespace(monotonic=lambda: float(next(ticks))))
    done = run("folder", source, out)
    lines = [line for line in done.err.splitlines() if re.match(r"\d/7 done", line)]
    assert [line.split(",")[0] for line in lines] == ["1/7 done", "3/7 done", "5/7 done", "7/7 done"]
