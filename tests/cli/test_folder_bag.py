"""``archivecolor folder --bag``: what is written is a bag to the reference implementation, too."""

from __future__ import annotations

import os
import unicodedata
from pathlib import Path

import bagit
import pytest

from archivecolor.jobs.bag import seal
from archivecolor.jobs.digests import read_state
from archivecolor.jobs.records import FileState
from tests.cli.conftest import Run, assert_whole, photograph, tree, write


def assert_valid(out: Path) -> bagit.Bag:
    """Every file is listed, with its digest, and every one listed is there."""
    bag = bagit.Bag(str(out))
    bag.validate()
    return bag


def test_a_bag_around_the_results_is_valid(run: Run, source: Path, out: Path) -> None:
    done = run("folder", source, out, "--bag")
    assert done.code == 0, done.err
    assert "the bag holds 3 files" in done.err
    bag = assert_valid(out)
    assert sorted(bag.payload_files()) == ["data/a.png", "data/m.tif", "data/sub/z.bmp"]
    assert bag.info["Payload-Oxum"] == f"{sum(p.stat().st_size for p in (out / 'data').rglob('*.*'))}.3"
    assert bag.info["Bag-Software-Agent"].startswith("archivecolor ")
    assert_whole(out / "data/a.png", photograph(0))


def test_damage_and_additions_are_found_by_the_reference(run: Run, source: Path, out: Path) -> None:
    run("folder", source, out, "--bag")
    whole = (out / "data/a.png").read_bytes()
    (out / "data/a.png").write_bytes(whole[:-1] + b"!")
    with pytest.raises(bagit.BagValidationError, match=r"a\.png"):
        assert_valid(out)


def test_a_later_run_keeps_the_bag_valid_without_being_told_that_it_is_one(run: Run, source: Path, out: Path) -> None:
    run("folder", source, out, "--bag")
    write(source / "new.png", seed=7)
    (source / "a.png").unlink()  # its result stays
    done = run("folder", source, out, "--strength", "0.5")
    assert "3 colored" in done.err
    assert sorted(assert_valid(out).payload_files()) == [
        f"data/{n}" for n in ("a.png", "m.tif", "new.png", "sub/z.bmp")
    ]
    assert "3 already there" in run("folder", source, out, "--strength", "0.5").err


def test_digests_come_from_the_journal_where_nothing_was_touched(
    run: Run, source: Path, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from archivecolor.jobs import bag

    run("folder", source, out, "--bag")
    before = (out / "manifest-sha256.txt").read_bytes()
    (out / "data/m.tif").write_bytes(b"somebody's")
    (out / "data/note.txt").write_text("somebody's, too")
    read: list[str] = []

    def reading(path: Path) -> FileState:
        read.append(path.name)
        return read_state(path)

    monkeypatch.setattr(bag, "read_state", reading)
    assert seal(out, "a test") == 4
    assert read == ["m.tif", "note.txt", "bagit.txt", "bag-info.txt", "manifest-sha256.txt"]
    assert (out / "manifest-sha256.txt").read_bytes() != before
    assert_valid(out)


def test_names_of_any_unicode_form_are_held_and_others_are_failures(run: Run, tmp_path: Path, out: Path) -> None:
    names = [
        unicodedata.normalize("NFC", "Café.png"),
        unicodedata.normalize("NFD", "Übung.png"),
        "春.png",
        "two\nlines\r.png",
        os.fsdecode(b"latin1-\xe9.png"),
    ]
    for i, name in enumerate(names):
        write(tmp_path / "in" / name, seed=i)
    done = run("folder", tmp_path / "in", out, "--bag")
    assert done.code == 7
    assert "its name is not Unicode text" in done.err
    assert sorted(tree(out / "data")) == sorted(names[:4])
    assert_valid(out)
    assert b"data/two%0Alines%0D.png\n" in (out / "manifest-sha256.txt").read_bytes()


def test_percent_signs_are_written_as_the_standard_has_it(run: Run, tmp_path: Path, out: Path) -> None:
    """RFC 8493 encodes them; the reference (1.9) does not decode them, and so is no oracle for these names."""
    for name in ("100%.png", "%0A.png"):
        write(tmp_path / "in" / name)
    assert run("folder", tmp_path / "in", out, "--bag").code == 0
    lines = (out / "manifest-sha256.txt").read_text().splitlines()
    assert sorted(line.split("  ")[1] for line in lines) == ["data/%250A.png", "data/100%25.png"]


def test_a_folder_that_holds_results_already_does_not_become_a_bag(run: Run, source: Path, out: Path) -> None:
    run("folder", source, out)
    before = tree(out)
    done = run("folder", source, out, "--bag")
    assert done.code == 5
    assert "already holds results and is not a bag" in done.err
    assert tree(out) == before


def test_a_run_that_was_stopped_leaves_sealing_to_the_one_that_finishes(
    run: Run, source: Path, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "link", full)
        assert run("folder", source, out).code == 5
    assert not (out / "manifest-sha256.txt").exists()
    assert run("folder", source, out / "bag", "--bag").code == 0
    assert_valid(out / "bag")


def test_a_bag_can_be_a_source(run: Run, source: Path, out: Path, tmp_path: Path) -> None:
    run("folder", source, out, "--bag")
    done = run("folder", out, tmp_path / "again", "--already-color", "recolor")
    assert (done.code, sorted(tree(tmp_path / "again"))) == (0, ["data/a.png", "data/m.tif", "data/sub/z.bmp"])
