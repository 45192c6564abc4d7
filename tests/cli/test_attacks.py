"""What a hostile file, a strange folder or a broken disk can do to a run: nothing is lost, nothing hangs."""

from __future__ import annotations

import json
import os
import shutil
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from archivecolor.jobs.journal import journal_path
from tests.cli.conftest import Run, assert_whole, photograph, tree, write
from tests.fakes.disks import tiny_disk
from tests.fakes.engines import FakeEngine
from tests.film.sources import FilmSource, moving

HANGS_S = 20


@pytest.fixture(autouse=True)
def alarm() -> Iterator[None]:
    """End a test that hangs: SIGALRM's default is to kill, here it raises."""

    def hung(*_: object) -> None:
        raise TimeoutError

    before = signal.signal(signal.SIGALRM, hung)
    signal.alarm(HANGS_S)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


def test_a_pipe_in_the_place_of_any_input_is_refused_at_once(run: Run, source: Path, out: Path, tmp_path: Path) -> None:
    pipe = tmp_path / "pipe.png"
    os.mkfifo(pipe)
    listed = tmp_path / "pipe.csv"
    os.mkfifo(listed)
    film = FilmSource(moving(6), "libx264").write(tmp_path / "film.mp4")
    for code, command in (
        (3, ("strip", pipe, tmp_path / "gray.png")),
        (3, ("folder", source, out, "--only-from", pipe)),
        (2, ("folder", source, out, "--hints-dir", pipe)),
        (3, ("video", pipe, tmp_path / "film.mkv")),
        (3, ("video", film, tmp_path / "film.mkv", "--cuts", listed)),
        (3, ("shots", film, "--cuts", listed)),
    ):
        done = run(*command)
        assert done.code == code, done.err
        assert f"{listed if listed in command else pipe}: " in done.err
    done = run("folder", source, out, "--reference", pipe)
    assert done.code in (3, 7)
    assert "is no regular file" in done.err


@pytest.mark.parametrize("kind", ["pipe", "folder", "link"])
def test_a_journal_that_is_no_file_is_refused_and_nothing_else_is_touched(
    kind: str, run: Run, done: Path, out: Path, tmp_path: Path
) -> None:
    journal, victim = journal_path(out), tmp_path / "victim"
    victim.write_bytes(b"somebody's\n")
    journal.unlink()
    if kind == "pipe":
        os.mkfifo(journal)
    elif kind == "folder":
        journal.mkdir()
    else:
        journal.symlink_to(victim)
    ended = run("folder", done, out)
    assert ended.code == 5
    assert ("Is a directory" if kind == "folder" else "is no regular file") in ended.err
    assert victim.read_bytes() == b"somebody's\n"
    if kind == "pipe":
        assert run("verify", out, "--source", done).code == 5
        assert run("report", out, "--to", tmp_path / "page").code == 5


def changed(**fields: Any) -> Callable[[dict[str, Any], dict[str, Any]], bytes]:
    return lambda run, item: json.dumps({"item": {**item, **fields}}).encode()


LINES: dict[str, Callable[[dict[str, Any], dict[str, Any]], bytes]] = {
    "run is infinite": lambda run, item: b'{"item":{"source":"a.png","run":Infinity}}',
    "run is beyond all numbers": lambda run, item: b'{"item":{"source":"a.png","run":1e999}}',
    "number of a run": lambda run, item: json.dumps({"run": {**run, "number": float("inf")}}).encode(),
    "seconds": changed(seconds=10**400),
    "seconds that are none": changed(seconds=float("nan")),
    "confidence": changed(confidence=10**400),
    "confidence that is none": changed(confidence=float("nan")),
    "shots": changed(least_sure=[[1]]),
    "deep": lambda run, item: b"[" * 100_000,
    "NUL": changed(result="a\0b"),
    "half a pair": changed(source="\ud800"),
    "half a pair in a warning": changed(warnings=["\ud800"]),
    "above OUT": changed(result="../outside.png"),
    "an absolute place": changed(result="/etc/hostname"),
    "the journal's folder": changed(result=".archivecolor"),
    "a long name": changed(result="x" * 5000),
    "no name": changed(result=""),
    "above SRC": changed(source="../outside.png"),
    "sizes": changed(file=[10**30, -1, 5]),
    "settings": lambda run, item: json.dumps({"run": {**run, "settings": {"a": 5}}}).encode(),
    "scalars": lambda run, item: b'5\nnull\ntrue\n"x"\n[]\n{}\n{"item":[]}\n{"item":5}\n{"run":5}',
    "17 MB": lambda run, item: b'{"item":"' + b"x" * (17 << 20),
}


@pytest.mark.parametrize("line", LINES)
def test_a_damaged_line_of_the_journal_is_passed_over_and_what_was_before_counts(
    line: str, run: Run, done: Path, out: Path, tmp_path: Path
) -> None:
    journal = journal_path(out)
    records = [json.loads(told) for told in journal.read_bytes().splitlines()]
    item = next(r["item"] for r in records if r.get("item", {}).get("source") == "a.png")
    head = next(r["run"] for r in records if "run" in r)
    (tmp_path / "outside.png").write_bytes((out / "a.png").read_bytes())
    with journal.open("ab") as file:
        file.write(LINES[line](head, item) + b"\n")
    before = tree(out)
    for command in (
        ("folder", done, out, "--dry-run"),
        ("verify", out, "--source", done),
        ("report", out, "--to", tmp_path / "page"),
        ("strip", out, tmp_path / "gray"),
        ("folder", done, out),
    ):
        ended = run(*command)
        assert ended.code == 0, (command, ended.err)
    assert "3 already there" in ended.err
    assert "foreign" not in ended.err
    assert tree(out) == before


def test_settings_of_many_lines_of_a_run_are_put_together_in_linear_time(run: Run, done: Path, out: Path) -> None:
    lines = journal_path(out).read_bytes().splitlines()
    head = next(json.loads(line)["run"] for line in lines if b'"run":{' in line)
    with journal_path(out).open("ab") as file:
        for i in range(20_000):
            file.write(json.dumps({"run": {**head, "settings": {f"{i:016x}": {}}}}).encode() + b"\n")
    assert run("folder", done, out).code == 0


def test_a_source_of_the_same_name_from_another_folder_does_not_replace_a_result(
    run: Run, source: Path, out: Path, tmp_path: Path
) -> None:
    assert run("folder", source, out).code == 0
    before, other = tree(out), tmp_path / "other"
    write(other / "a.png", seed=9)
    write(other / "b.png", seed=10)
    done = run("folder", other, out, "--json")
    assert done.code == 0
    told = {Path(r["source"]).name: (r["status"], r["reason"]) for r in done.records}
    assert told == {"a.png": ("exists", "belongs to another SRC"), "b.png": ("colored", "new")}
    assert "1 of those already there belong to another SRC" in done.err
    assert {name: tree(out)[name] for name in before} == before
    assert run("folder", other, out, "--overwrite").code == 0
    assert_whole(out / "a.png", photograph(9))
    moved = tmp_path / "moved"
    shutil.copytree(other, moved)
    assert "2 already there" in run("folder", moved, out).err


def test_a_source_that_changed_in_its_own_folder_is_made_again_by_whatever_way_it_is_reached(
    run: Run, source: Path, out: Path, tmp_path: Path
) -> None:
    assert run("folder", source, out).code == 0
    (tmp_path / "link").symlink_to(source)
    write(source / "a.png", seed=9)
    assert "1 colored" in run("folder", tmp_path / "link", out).err
    assert_whole(out / "a.png", photograph(9))


def test_a_folder_of_results_that_goes_away_ends_the_run_as_what_it_is(
    run: Run, source: Path, out: Path, tmp_path: Path, engine: FakeEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    estimate, asked = engine.estimate, []

    def unmounting(luma: Any, hints: Any = None) -> Any:
        asked.append(luma)
        if len(asked) == 2:
            out.rename(tmp_path / "unmounted")
        return estimate(luma, hints)

    monkeypatch.setattr(engine, "estimate", unmounting)
    done = run("folder", source, out, "--jobs", "1")
    assert done.code == 5
    assert "is not the folder any more" in done.err
    assert not any(p.suffix in (".png", ".tif", ".bmp") for p in out.rglob("*"))
    (tmp_path / "back").mkdir()
    shutil.rmtree(out, ignore_errors=True)
    (tmp_path / "unmounted").rename(out)
    assert run("folder", source, out).code == 0


def test_a_folder_that_is_gone_at_the_end_is_told(
    run: Run, source: Path, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from archivecolor.runs.folder.run import FolderRun

    color = FolderRun.films

    def then_gone(self: FolderRun, *arguments: Any) -> None:
        color(self, *arguments)
        shutil.rmtree(out)

    monkeypatch.setattr(FolderRun, "films", then_gone)
    assert run("folder", source, out).code == 5


def test_somebody_elses_file_in_the_place_of_a_sidecar_is_kept(run: Run, source: Path, out: Path) -> None:
    theirs = out / "a.png.premis.xml"
    theirs.parent.mkdir()
    theirs.write_text("<premis>theirs</premis>")
    done = run("folder", source, out, "--sidecar")
    assert done.code == 7
    assert "archivecolor did not write it" in done.err
    assert theirs.read_text() == "<premis>theirs</premis>"
    assert not (out / "a.png").exists()
    theirs.rename(out / "theirs.xml")
    assert run("folder", source, out, "--sidecar").code == 0
    ours = theirs.read_bytes()
    assert run("folder", source, out, "--sidecar", "--strength", "0.5").code == 0  # its own it replaces
    assert theirs.read_bytes() != ours
    theirs.write_text("theirs")
    assert run("folder", source, out, "--sidecar", "--overwrite").code == 0
    assert theirs.read_text() != "theirs"


@pytest.mark.parametrize("length", [240, 250, 251, 255])
def test_names_of_any_length_are_colored_with_all_that_belongs_to_them(
    length: int, run: Run, source: Path, out: Path, tmp_path: Path
) -> None:
    name = "n" * (length - 4)
    write(source / f"{name}.png", seed=5)
    FilmSource(moving(4)).write(source / f"{name}.mkv")
    hints = tmp_path / "hints"
    hints.mkdir()
    options = ("--sidecar", "--confidence", "--keep-work", "--hints-dir", hints)
    done = run("folder", source, out, *options)
    assert done.code == 0, done.err
    assert_whole(out / f"{name}.png", photograph(5))
    assert (out / f"{name}.mkv").exists()
    assert "5 already there" in run("folder", source, out, *options).err
    assert run("report", out, "--source", source, "--to", tmp_path / "page").code == 0
    assert run("strip", out / f"{name}.png", tmp_path / f"{name}.png").code == 0


def test_a_result_whose_name_is_too_long_is_a_failed_item(run: Run, source: Path, out: Path, tmp_path: Path) -> None:
    name = "n" * 251
    for suffix in (".png", ".bmp"):  # both would be NAME.tiff, so each keeps its suffix
        write(source / f"{name}{suffix}", seed=5)
    done = run("folder", source, out, "--format", "tiff")
    assert done.code == 7
    assert "3 colored" in done.err
    assert "2 failed" in done.err
    FilmSource(moving(4)).write(tmp_path / "a.mkv")
    assert run("video", tmp_path / "a.mkv", tmp_path / f"{'n' * 252}.mkv").code == 5
    assert run("strip", source / "a.png", tmp_path / f"{'n' * 252}.png").code == 5


def test_a_preview_is_whole_or_not_there(run: Run, tmp_path: Path) -> None:
    film = FilmSource(moving(12)).write(tmp_path / "a.mkv")
    with tiny_disk(tmp_path / "disk", 24) as disk:
        assert run("video", film, disk / "sheet.png", "--preview").code == 5
        assert not any(disk.iterdir())
