"""Lists that go into ``archivecolor folder`` and come out of it: ``--only-from`` and ``--summary``."""

from __future__ import annotations

import csv
import json
import os
from pathlib import Path

from tests.cli.conftest import Run, remade, tree, write


def test_a_list_names_what_is_done_and_later_runs_keep_its_settings(
    run: Run, done: Path, out: Path, tmp_path: Path
) -> None:
    listed = tmp_path / "rejected.txt"
    listed.write_bytes(b"\xef\xbb\xbfsub/c.png\r\n\r\n./a.png\r\n")
    options = ("--only-from", str(listed), "--strength", "0.5")
    assert remade(run, done, out, *options) == ["a.png", "sub/c.png"]
    assert remade(run, done, out, *options) == []
    assert remade(run, done, out) == []
    assert "2 of those already there: was chosen with settings of its own" in run("folder", done, out).err
    write(done / "a.png", seed=9)
    assert remade(run, done, out) == ["a.png"]


def test_a_list_of_any_names_is_understood(run: Run, tmp_path: Path, out: Path) -> None:
    names = ["春.png", "a b.png", os.fsdecode(b"latin1-\xe9.png"), "#1 100%.png"]
    for i, name in enumerate([*names, "other.png"]):
        write(tmp_path / "in" / name, seed=i)
    listed = tmp_path / "list.txt"
    listed.write_bytes(b"\n".join(map(os.fsencode, names)))
    assert run("folder", tmp_path / "in", out, "--only-from", listed).code == 0
    assert sorted(tree(out)) == sorted(names)


def test_names_that_are_not_there_are_failures_and_names_outside_are_refused(
    run: Run, done: Path, out: Path, tmp_path: Path
) -> None:
    listed = tmp_path / "list.txt"
    listed.write_text("a.png\nmoved/b.png\n")
    ended = run("folder", done, out, "--only-from", listed)
    assert ended.code == 7
    assert ended.lines_about("moved/b.png") == ["moved/b.png: there is no such file (the list names it)"]
    for name in ("../a.png", "/a.png"):
        listed.write_text(name)
        ended = run("folder", done, out, "--only-from", listed)
        assert (ended.code, ended.out) == (3, "")
        assert "is not a path below SRC" in ended.err
    assert run("folder", done, out, "--only-from", tmp_path / "nowhere").code == 3


def test_json_has_counts_and_a_record_for_every_file(run: Run, done: Path, out: Path, tmp_path: Path) -> None:
    (done / "empty.jpg").touch()
    write(done / "new.png")
    path = tmp_path / "run.json"
    run("folder", done, out, "--summary", path)
    said = json.loads(path.read_text())
    assert said["counts"] == {"colored": 1, "already there": 3, "failed": 1, "not begun": 0}
    assert (said["source"], said["out"]) == (str(done), str(out))
    items = {Path(item["source"]).name: item for item in said["items"]}
    assert {name: item["status"] for name, item in items.items()} == {
        "a.png": "exists",
        "b.jpg": "exists",
        "c.png": "exists",
        "empty.jpg": "failed",
        "new.png": "colored",
    }
    assert items["empty.jpg"]["hint"]
    assert items["new.png"]["target"] == str(out / "new.png")
    run("folder", done, out, "--summary", path)  # replaces it
    assert json.loads(path.read_text())["counts"]["already there"] == 4


def test_csv_has_a_row_for_every_file_of_any_name(run: Run, done: Path, out: Path, tmp_path: Path) -> None:
    names = ["春, 1904.png", 'a "quoted".png', "two\nlines.png", os.fsdecode(b"latin1-\xe9.png")]
    for name in names:
        write(done / name)
    path = tmp_path / "run.csv"
    assert run("folder", done, out, "--summary", path).code == 0
    with path.open(newline="", encoding="utf-8") as f:
        rows = list(csv.DictReader(f))
    assert len(rows) == 7
    colored = {Path(row["source"]).name for row in rows if row["status"] == "colored"}
    assert colored == {*names[:3], "latin1-\\udce9.png"}


def test_other_formats_and_places_among_the_sources_are_refused(run: Run, done: Path, out: Path) -> None:
    assert run("folder", done, out, "--summary", "run.txt").code == 2
    assert run("folder", done, out, "--summary", done / "run.json").code == 2
    assert not (done / "run.json").exists()


def test_a_dry_run_has_one_too(run: Run, done: Path, out: Path, tmp_path: Path) -> None:
    path = tmp_path / "plan.json"
    run("folder", done, out, "--dry-run", "--strength", "0.5", "--summary", path)
    assert json.loads(path.read_text())["counts"]["to color"] == 3
