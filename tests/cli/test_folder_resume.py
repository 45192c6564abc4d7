"""``archivecolor folder`` a second time: what changed is made again, and nothing else."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from PIL import Image

from archivecolor.inference import select
from archivecolor.jobs.journal import FOLDER, Status, journal_path, read_journal, read_runs
from tests.cli.conftest import Run, assert_whole, no_engine, photograph, remade, tree, write
from tests.fakes.disks import remount, tiny_disk
from tests.fakes.engines import FakeEngine


def test_the_journal_tells_of_each_item_what_it_was_made_of_and_with(run: Run, done: Path, out: Path) -> None:
    import hashlib

    entries = {e.source: e for e in read_journal(out)}
    assert sorted(entries) == ["a.png", "b.jpg", "sub/c.png"]
    entry = entries["sub/c.png"]
    assert (entry.status, entry.kind, entry.result, entry.warnings) == (Status.COLORED, "still", "sub/c.png", ())
    for state, path in ((entry.source_file, done / "sub/c.png"), (entry.result_file, out / "sub/c.png")):
        assert state
        assert state.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
        assert (state.size_bytes, state.mtime_ns) == (path.stat().st_size, path.stat().st_mtime_ns)
    assert entry.engine
    assert (entry.engine.generator, entry.engine.runtime) == ("archive", "FakeEngine")
    assert len(entry.engine.weights_sha256) == 64
    assert entry.began_at.endswith("+00:00")
    assert read_runs(out)[entry.run].settings[entry.settings_digest] == {"kind": "still"}


def test_nothing_is_made_again_when_nothing_changed(run: Run, done: Path, out: Path) -> None:
    journal = journal_path(out).read_bytes()
    assert remade(run, done, out) == []
    assert journal_path(out).read_bytes() == journal


def test_a_changed_source_is_made_again_alone(run: Run, done: Path, out: Path) -> None:
    write(done / "a.png", seed=9)
    assert remade(run, done, out) == ["a.png"]
    assert_whole(out / "a.png", photograph(9))
    assert remade(run, done, out) == []


def test_a_touched_source_is_read_once_and_left(run: Run, done: Path, out: Path) -> None:
    for name in tree(done):
        os.utime(done / name)
    assert remade(run, done, out) == []
    lines = len(journal_path(out).read_bytes().splitlines())
    assert remade(run, done, out) == []
    assert len(journal_path(out).read_bytes().splitlines()) == lines


def test_a_setting_redoes_what_it_affects_and_nothing_else(run: Run, done: Path, out: Path) -> None:
    assert remade(run, done, out, "--quality", "60") == ["b.jpg"]
    assert remade(run, done, out, "--quality", "60") == []
    assert remade(run, done, out, "--quality", "60", "--strength", "0.5") == ["a.png", "b.jpg", "sub/c.png"]
    assert remade(run, done, out, "--smoothing", "off", "--strength", "0.5", "--quality", "60") == []


def test_another_generator_redoes_everything(
    run: Run, done: Path, out: Path, tmp_path: Path, engine: FakeEngine
) -> None:
    from archivecolor.inference import catalog

    other = tmp_path / "other"
    other.mkdir()
    described = (catalog.find().path / "engine.toml").read_text()
    for digest in catalog.find().digests.values():
        described = described.replace(digest, "6" * 64)
    (other / "engine.toml").write_text(described)
    assert len(remade(run, done, out, "--generator", str(other))) == 3
    assert remade(run, done, out, "--generator", str(other)) == []


def test_what_somebody_put_there_or_altered_is_never_replaced(run: Run, done: Path, out: Path) -> None:
    (out / "a.png").write_bytes(b"retouched by hand")
    write(done / "new.png")
    write(out / "new.png", seed=5)
    before = {name: (out / name).read_bytes() for name in ("a.png", "new.png")}
    assert remade(run, done, out, "--strength", "0.5") == ["b.jpg", "sub/c.png"]
    assert {name: (out / name).read_bytes() for name in before} == before
    said = run("folder", done, out, "--strength", "0.4")
    assert "1 of those already there: was altered since it was made" in said.err
    assert "1 of those already there were not made by a known run" in said.err
    assert len(remade(run, done, out, "--overwrite")) == 4


def test_a_result_altered_while_the_run_goes_on_is_left(
    run: Run, done: Path, out: Path, engine: FakeEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    colorize = engine.colorize

    def slowly(luma: object, hints: object = None) -> object:
        (out / "sub/c.png").write_bytes(b"retouched meanwhile")
        return colorize(luma, hints)  # type: ignore[arg-type]

    monkeypatch.setattr(engine, "colorize", slowly)
    ended = run("folder", done, out, "--strength", "0.5")
    assert ended.code == 0
    assert (out / "sub/c.png").read_bytes() == b"retouched meanwhile"
    assert "2 colored" in ended.err
    assert remade(run, done, out, "--strength", "0.5") == []


def test_a_source_that_changes_while_it_is_read_fails_and_is_made_by_the_next_run(
    run: Run, done: Path, out: Path, engine: FakeEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    colorize = engine.colorize

    def change(luma: object, hints: object = None) -> object:
        write(done / "new.png", seed=7)
        return colorize(luma, hints)  # type: ignore[arg-type]

    write(done / "new.png", seed=6)
    with monkeypatch.context() as patch:
        patch.setattr(engine, "colorize", change)
        ended = run("folder", done, out)
    assert ended.code == 7
    assert "changed while it was read" in ended.lines_about("new.png")[0]
    assert not (out / "new.png").exists()
    assert remade(run, done, out) == ["new.png"]
    assert_whole(out / "new.png", photograph(7))


def test_a_source_that_vanishes_in_the_middle_is_told_and_the_rest_is_made(
    run: Run, done: Path, out: Path, engine: FakeEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    colorize = engine.colorize

    def vanish(luma: object, hints: object = None) -> object:
        (done / "z.png").unlink(missing_ok=True)
        return colorize(luma, hints)  # type: ignore[arg-type]

    for i in range(20):
        write(done / f"new {i:02d}.png", seed=i)
    write(done / "z.png")
    monkeypatch.setattr(engine, "colorize", vanish)
    ended = run("folder", done, out, "--jobs", "1")
    assert ended.code == 7
    assert "there is no such file" in ended.lines_about("z.png")[0]
    assert "20 colored" in ended.err
    assert {e.source for e in read_journal(out) if e.status is Status.FAILED} == {"z.png"}
    assert remade(run, done, out) == []


def test_permission_lost_in_the_middle_loses_nothing_and_the_next_run_finishes(
    run: Run, done: Path, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    link, times = os.link, 0

    def refuse(*names: object) -> None:
        nonlocal times
        times += 1
        if times > 2:
            raise PermissionError(13, "Permission denied")
        link(*names)  # type: ignore[arg-type]

    for i in range(6):
        write(done / f"new {i}.png", seed=i)
    before = tree(out)
    with monkeypatch.context() as patch:
        patch.setattr(os, "link", refuse)
        ended = run("folder", done, out, "--jobs", "1")
    assert ended.code == 7
    assert "cannot be written: Permission denied" in ended.err
    assert "2 colored" in ended.err
    assert len(tree(out)) == len(before) + 2
    assert len(remade(run, done, out)) == 4


def test_a_full_disk_loses_nothing_and_the_next_run_finishes_when_there_is_room(run: Run, tmp_path: Path) -> None:
    for i in range(12):
        path = tmp_path / "in" / f"{i:02d}.{('png', 'bmp', 'tif')[i % 3]}"
        path.parent.mkdir(exist_ok=True)
        Image.fromarray(photograph(i, 120, 160)).save(path)
    assert run("folder", tmp_path / "in", tmp_path / "whole").code == 0
    with tiny_disk(tmp_path / "disk", 200) as disk:
        ended = run("folder", tmp_path / "in", disk, "--jobs", "1")
        assert ended.code == 5
        assert "the disk is full" in ended.err
        made = tree(disk)
        assert 0 < len(made) < 12
        assert made.items() <= tree(tmp_path / "whole").items()
        remount(disk, "size=2000k")
        inodes = {name: (disk / name).stat().st_ino for name in made}
        assert run("folder", tmp_path / "in", disk).code == 0
        assert tree(disk) == tree(tmp_path / "whole")
        assert {name: (disk / name).stat().st_ino for name in made} == inodes


def test_a_read_only_target_is_told_before_anything_is_colored_and_can_be_looked_at(
    run: Run, done: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with tiny_disk(tmp_path / "disk", 900) as disk:
        run("folder", done, disk / "out")
        write(done / "new.png")
        remount(disk, "ro")
        monkeypatch.setattr(select, "open_engine", no_engine)
        for out in (disk / "out", disk / "another"):
            ended = run("folder", done, out)
            assert ended.code == 5
            assert "Read-only file system" in ended.err
        assert "1 to color, 3 already there" in run("folder", done, disk / "out", "--dry-run").err
        remount(disk, "rw")


def test_unicode_forms_of_one_name_are_two_items(run: Run, tmp_path: Path, out: Path) -> None:
    import unicodedata

    names = [unicodedata.normalize(form, "Café.png") for form in ("NFC", "NFD")]
    for i, name in enumerate(names):
        write(tmp_path / "in" / name, seed=i)
    if len(list((tmp_path / "in").iterdir())) < 2:
        pytest.skip("this file system takes both forms for one name")
    assert run("folder", tmp_path / "in", out).code == 0
    for i, name in enumerate(names):
        assert_whole(out / name, photograph(i))
    write(tmp_path / "in" / names[1], seed=9)
    assert remade(run, tmp_path / "in", out) == [names[1]]


def test_links_out_of_the_tree_are_followed_to_files_and_known_again(
    run: Run, done: Path, out: Path, tmp_path: Path
) -> None:
    write(tmp_path / "elsewhere/d.png", seed=4)
    (done / "linked.png").symlink_to(tmp_path / "elsewhere/d.png")
    (done / "linked").symlink_to(tmp_path / "elsewhere")
    (done / "round").symlink_to(done)
    assert remade(run, done, out) == ["linked.png"]
    assert_whole(out / "linked.png", photograph(4))
    write(tmp_path / "elsewhere/d.png", seed=5)
    assert remade(run, done, out) == ["linked.png"]


def test_a_torn_journal_costs_nothing_but_what_it_lost(run: Run, done: Path, out: Path) -> None:
    whole = journal_path(out).read_bytes()
    journal_path(out).write_bytes(whole[:-20])  # the last line is cut off, as in a power cut
    ended = run("folder", done, out, "--strength", "0.5")
    assert ended.code == 0
    assert "2 colored" in ended.err
    assert "1 of those already there were not made by a known run" in ended.err


def test_dry_run_tells_the_reason_for_each_item(
    run: Run, done: Path, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(done / "new.png")
    write(done / "a.png", seed=9)
    (out / "sub/c.png").unlink()
    monkeypatch.setattr(select, "open_engine", no_engine)
    before = tree(out), journal_path(out).read_bytes()
    records = run("folder", done, out, "--dry-run", "--json").records
    assert {Path(r["source"]).name: (r["status"], r["reason"]) for r in records} == {
        "a.png": ("planned", "its source changed"),
        "b.jpg": ("exists", "done"),
        "c.png": ("planned", "its result is missing"),
        "new.png": ("planned", "new"),
    }
    plain = run("folder", done, out, "--dry-run").out.splitlines()
    assert plain[0] == f"{done / 'a.png'} -> {out / 'a.png'} (its source changed)"
    assert plain[1] == f"{done / 'new.png'} -> {out / 'new.png'}"
    assert (tree(out), journal_path(out).read_bytes()) == before


def test_results_that_become_sources_bring_no_journal_with_them(
    run: Run, done: Path, out: Path, tmp_path: Path
) -> None:
    ended = run("folder", out, tmp_path / "again", "--already-color", "recolor", "--json")
    assert ended.code == 0
    assert sorted(Path(r["source"]).name for r in ended.records) == ["a.png", "b.jpg", "c.png"]
    assert not list((tmp_path / "again").rglob(f"{FOLDER}/{FOLDER}"))


def test_results_that_were_moved_with_their_sources_are_known_again(
    run: Run, done: Path, out: Path, tmp_path: Path
) -> None:
    shutil.copytree(done, tmp_path / "new in")  # keeps times
    shutil.copytree(out, tmp_path / "new out", copy_function=shutil.copyfile)  # does not
    ended = run("folder", tmp_path / "new in", tmp_path / "new out")
    assert "0 colored" in ended.err
    ended = run("folder", tmp_path / "new in", tmp_path / "new out", "--strength", "0.5")
    assert "3 colored" in ended.err


def test_what_is_in_color_already_is_looked_at_once(
    run: Run, done: Path, out: Path, color_photographs: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    Image.fromarray(color_photographs["coffee"]).save(done / "coffee.png")  # type: ignore[arg-type]
    assert "1 in color already" in run("folder", done, out).err
    with monkeypatch.context() as patch:
        patch.setattr(select, "open_engine", no_engine)
        ended = run("folder", done, out, "--json")
    assert "1 in color already" in ended.err
    assert {"source": str(done / "coffee.png"), "status": "skipped", "kind": "still"}.items() <= ended.records[
        2
    ].items()
    assert remade(run, done, out, "--already-color", "recolor") == ["coffee.png"]
    assert remade(run, done, out) == []  # a gray picture does not care what becomes of colored ones


def test_copies_become_colored_results_and_take_no_other_place(
    run: Run, done: Path, out: Path, color_photographs: dict[str, object]
) -> None:
    Image.fromarray(color_photographs["coffee"]).save(done / "coffee.png")  # type: ignore[arg-type]
    run("folder", done, out, "--already-color", "copy")
    assert {e.source: e.status for e in read_journal(out)}["coffee.png"] is Status.COPIED
    assert remade(run, done, out, "--already-color", "copy") == []
    assert remade(run, done, out, "--already-color", "recolor") == ["coffee.png"]


def test_ctrl_c_while_a_large_tree_is_planned_ends_the_planning(
    run: Run, done: Path, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import signal

    from archivecolor.jobs.journal_index import Index

    looked_up: list[str] = []

    def interrupt(self: Index, name: str) -> None:
        looked_up.append(name)
        signal.raise_signal(signal.SIGINT)

    before = tree(out)
    monkeypatch.setattr(Index, "lookup", interrupt)
    assert run("folder", done, out).code == 130
    assert (looked_up, tree(out)) == (["a.png"], before)
