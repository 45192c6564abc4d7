"""Marks that travel: taken in by ``report --marks``, and what they accept copied out by ``accepted``."""

from __future__ import annotations

import json
import os
import time
import zipfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from archivecolor.jobs.journal import FOLDER
from tests.cli.conftest import Run, remade, tree
from tests.cli.test_color_control import stroke
from tests.report.test_page import data_of


def marks_file(path: Path, marks: dict[str, str], *, by: str = "anna", ago_s: float = 0) -> Path:
    """Verdicts by path, as the page exports them."""
    at = (datetime.now(UTC) - timedelta(seconds=ago_s)).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    rows = [{"path": p, "mark": verdict, "note": "", "at": at, "by": by} for p, verdict in marks.items()]
    path.write_text(json.dumps({"format": "archivecolor-marks", "version": 1, "out": "", "marks": rows}))
    return path


def shown_marks(out: Path) -> dict[str, str]:
    marks = data_of(out.with_name(f"{out.name}-report") / "index.html")["marks"]
    return {path: verdict for path, verdict, *_ in marks}


def test_marks_of_two_reviewers_are_kept_told_of_and_shown(run: Run, done: Path, out: Path, tmp_path: Path) -> None:
    anna = marks_file(tmp_path / "anna.json", {"a.png": "accepted", "b.jpg": "accepted", "gone.png": "rejected"})
    ben = tmp_path / "ben.csv"
    later = (datetime.now(UTC) + timedelta(minutes=1)).isoformat()
    ben.write_text(f"path,mark,note,at,by\nb.jpg,rejected,too red,{later},ben\nsub/c.png,what,,{later},ben\n")
    ended = run("report", out, "--marks", anna, "--marks", ben)
    assert ended.code == 0
    assert f"{ben}: row 3 is left out: 'what' is no mark" in ended.err
    assert "b.jpg: 'rejected' by ben at" in ended.err
    assert "4 marks taken, 0 were known, 1 in conflict" in ended.err
    assert "gone.png: is marked, and no run has made it" in ended.err
    assert shown_marks(out) == {"a.png": "accepted", "b.jpg": "rejected"}
    again = run("report", out, "--marks", anna)
    assert "0 marks taken, 3 were known, 0 in conflict" in again.err
    assert shown_marks(out) == {"a.png": "accepted", "b.jpg": "rejected"}


def test_a_file_without_marks_changes_nothing(run: Run, done: Path, out: Path, tmp_path: Path) -> None:
    good = marks_file(tmp_path / "good.json", {"a.png": "accepted"})
    (tmp_path / "bad.json").write_text("{}")
    ended = run("report", out, "--marks", good, "--marks", tmp_path / "bad.json")
    assert ended.code == 3
    assert "bad.json: holds no marks of archivecolor" in ended.err
    assert not (out / FOLDER / "marks.jsonl").exists()
    assert run("report", tmp_path / "nowhere", "--marks", good).code == 3
    assert not (tmp_path / "nowhere").exists()


def test_what_was_accepted_is_copied_and_nothing_else(run: Run, done: Path, out: Path, tmp_path: Path) -> None:
    run("folder", done, out, "--overwrite", "--sidecar")
    marks = marks_file(tmp_path / "m.json", {"a.png": "accepted", "b.jpg": "rejected", "sub/c.png": "accepted"})
    ended = run("accepted", out, tmp_path / "publish", "--marks", marks)
    assert ended.code == 0
    assert "2 copied, 0 already there, 0 failed" in ended.err
    wanted = ("a.png", "a.png.premis.xml", "sub/c.png", "sub/c.png.premis.xml")
    results = tree(out)
    assert tree(tmp_path / "publish") == {name: results[name] for name in wanted}
    ended = run("accepted", out, tmp_path / "publish", "--json")
    assert "0 copied, 2 already there" in ended.err
    assert [record["status"] for record in ended.records] == ["exists", "exists"]
    assert tree(out) == results


def test_what_changed_since_is_not_what_was_accepted(run: Run, done: Path, out: Path, tmp_path: Path) -> None:
    run("report", out, "--marks", marks_file(tmp_path / "m.json", {"a.png": "accepted", "b.jpg": "accepted"}))
    time.sleep(1.1)
    assert remade(run, done, out, "--only", "a.png", "--strength", ".5") == ["a.png"]
    with (out / "b.jpg").open("ab") as file:
        file.write(b"\0")
    os.utime(out / "b.jpg", (time.time() + 5,) * 2)
    ended = run("accepted", out, tmp_path / "publish")
    assert ended.code == 7
    assert "1 marks are on results that were made again since" in ended.err
    assert "b.jpg: was written after it was accepted" in ended.err
    assert not list((tmp_path / "publish").rglob("*"))
    run("report", out)
    assert shown_marks(out) == {"b.jpg": "accepted"}


def test_another_file_of_the_name_is_not_replaced_unasked(run: Run, done: Path, out: Path, tmp_path: Path) -> None:
    run("report", out, "--marks", marks_file(tmp_path / "m.json", {"a.png": "accepted", "b.jpg": "accepted"}))
    (tmp_path / "publish").mkdir()
    (tmp_path / "publish" / "a.png").write_bytes(b"mine")
    ended = run("accepted", out, tmp_path / "publish")
    assert ended.code == 7
    assert "a.png: " in ended.err
    assert "exists, and is another file (--overwrite replaces it" in ended.err
    assert (tmp_path / "publish" / "a.png").read_bytes() == b"mine"
    assert (tmp_path / "publish" / "b.jpg").read_bytes() == (out / "b.jpg").read_bytes()
    assert run("accepted", out, tmp_path / "publish", "--overwrite").code == 0
    assert (tmp_path / "publish" / "a.png").read_bytes() == (out / "a.png").read_bytes()


@pytest.mark.parametrize(("place", "why"), [("out", "is"), ("out/inside", "lies inside")])
def test_there_is_nothing_to_copy_or_nowhere(
    run: Run, done: Path, out: Path, tmp_path: Path, place: str, why: str
) -> None:
    ended = run("accepted", out, tmp_path / "publish")
    assert ended.code == 3
    assert "none of its results is accepted" in ended.err
    run("report", out, "--marks", marks_file(tmp_path / "m.json", {"a.png": "accepted"}))
    ended = run("accepted", out, tmp_path / place)
    assert ended.code == 5
    assert why in ended.err


def test_hints_come_as_a_zip_which_later_runs_remember(run: Run, done: Path, out: Path, tmp_path: Path) -> None:
    stroke(tmp_path / "c.png")
    path = tmp_path / "hints.zip"
    with zipfile.ZipFile(path, "w") as packed:
        packed.write(tmp_path / "c.png", "sub/c.png.png")
    assert remade(run, done, out, "--hints", str(path)) == ["sub/c.png"]
    assert remade(run, done, out, "--hints", str(path)) == []
    assert remade(run, done, out) == []
    painted = (out / "sub/c.png").read_bytes()
    (out / "sub/c.png").unlink()
    assert remade(run, done, out) == ["sub/c.png"], "and painted as before"
    assert (out / "sub/c.png").read_bytes() == painted
    stroke(tmp_path / "c.png", (200, 30, 30))
    with zipfile.ZipFile(path, "w") as packed:
        packed.write(tmp_path / "c.png", "sub/c.png.png")
    assert remade(run, done, out) == ["sub/c.png"], "for it holds other strokes now"
    path.write_bytes(b"PK damaged")
    assert "1 of those already there were left: the hints" in run("folder", done, out).err
    path.unlink()
    assert "1 of those already there were left: the hints" in run("folder", done, out).err
    with zipfile.ZipFile(path, "w") as packed:
        packed.write(tmp_path / "c.png", "../c.png")
    before = tree(tmp_path)
    ended = run("folder", done, out, "--hints", path)
    assert ended.code == 3
    assert f"{path}: holds '../c.png', which names no place in a folder of hints" in ended.err
    assert tree(tmp_path) == before


def test_layers_that_a_review_left_in_out_are_hints_unless_others_are_given(
    run: Run, done: Path, out: Path, tmp_path: Path
) -> None:
    stroke(out / FOLDER / "hints" / "a.png.png")
    assert remade(run, done, out) == ["a.png"]
    assert remade(run, done, out) == []
    (out / "a.png").unlink()
    assert remade(run, done, out) == ["a.png"], "and painted as before"
    assert remade(run, done, out, "--hints", str(stroke(tmp_path / "b.png"))) == ["b.jpg"]
    assert remade(run, done, out, "--forget-hints") == ["a.png", "b.jpg"]
