"""``archivecolor folder`` between stores: what one makes on a disk, with faults, kills and secrets."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from archivecolor.inference import select
from archivecolor.jobs.journal import journal_path, read_journal
from archivecolor.jobs.records import Entry
from archivecolor.jobs.shards import Shard
from archivecolor.runs.folder import store_journal
from archivecolor.runs.folder.job import color_folder
from archivecolor.runs.settings import FolderSettings
from tests.cli.conftest import Run, no_engine, tree, write
from tests.cli.test_folder_shards import timeless
from tests.cli.test_shared_films import at_once
from tests.fakes.command import ROOT, command
from tests.fakes.listeners import Heard
from tests.film.sources import FilmSource, moving
from tests.needs import needs_fsspec, needs_s3
from tests.storage.conftest import SECRET, Bucket

pytestmark = needs_s3


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Pictures in three folders, one whose name does not say so, a text, a damaged one, and a film."""
    source = tmp_path / "in"
    for i, name in enumerate(("a.png", "box/b.tif", "box/c.bmp", "box/scan", "box/deep/d.png", "z/e.png")):
        write(source / name, seed=i)
    (source / "box" / "notes.txt").write_text("no picture")
    (source / "torn.png").write_bytes((source / "a.png").read_bytes()[:60])
    FilmSource(moving(8, 64, 96), "libx264", audio=1).write(source / "film.mov")
    return source


@pytest.fixture
def whole(source: Path, tmp_path: Path, run: Run) -> Path:
    """What a run on the disk makes of it."""
    assert run("folder", source, tmp_path / "whole").code == 7
    return tmp_path / "whole"


def entries(bucket: Bucket, folder: Path, below: str = "color") -> list[Entry]:
    """What the journal in a bucket says."""
    for path in bucket.fs.find(f"{bucket.name}/{below}/.archivecolor"):
        name = str(path).removeprefix(f"{bucket.name}/{below}/")
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(bucket.fs.cat_file(path))
    return list(read_journal(folder))


def of_store(found: list[Entry]) -> dict[str, Entry]:
    """Without times of files and the name of SRC, which differ between a store and a disk."""
    plain = [
        replace(e, root=None, source_file=e.source_file and replace(e.source_file, mtime_ns=0))
        for e in timeless(found).values()
    ]
    return {entry.source: entry for entry in plain}


def got(bucket: Bucket, below: str) -> list[str]:
    """The objects that were asked for whole."""
    paths = [path for method, path in bucket.proxy.asked if method == "GET" and "?" not in path]
    return [path for path in paths if f"/{below}/" in path]


def test_a_run_between_buckets_makes_what_one_on_a_disk_makes_and_the_next_one_fetches_nothing(
    bucket: Bucket, source: Path, whole: Path, tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    bucket.fill(source, "scans")
    done = run("folder", f"{bucket.url}/scans", f"{bucket.url}/color", "--json")
    assert done.code == 7
    assert bucket.tree("color") == tree(whole)
    assert {r["source"] for r in done.records} == {f"{bucket.url}/scans/{name}" for name in tree(source)}
    assert "archivecolor-" not in done.out + done.err
    assert of_store(entries(bucket, tmp_path / "read")) == of_store(list(read_journal(whole)))
    assert len(bucket.journals("color")) == 1
    for places in (
        (f"{bucket.url}/color", "--source", f"{bucket.url}/scans"),
        (f"{bucket.url}/color", "--source", source),
    ):
        done = run("verify", *places)
        assert (done.code, "6 of 7 results proved" in done.err) == (10, True)  # the film was coded with loss
    bucket.proxy.asked.clear()
    bucket.fs.rm_file(f"{bucket.name}/scans/torn.png")
    monkeypatch.setattr(select, "open_engine", no_engine)
    done = run("folder", f"{bucket.url}/scans", f"{bucket.url}/color")
    assert (done.code, "7 already there" in done.err) == (0, True)
    assert {path.rpartition("/")[2] for path in got(bucket, "scans")} <= {"notes.txt", "scan"}
    assert not [path for path in got(bucket, "color") if ".archivecolor" not in path]


def test_what_changed_is_made_again_and_what_somebody_altered_is_left(
    bucket: Bucket, source: Path, run: Run, tmp_path: Path
) -> None:
    bucket.fill(source / "box", "scans")
    assert run("folder", f"{bucket.url}/scans", f"{bucket.url}/color").code == 0
    bucket.fs.pipe_file(f"{bucket.name}/scans/b.tif", write(tmp_path / "other.tif", seed=9).read_bytes())
    bucket.fs.pipe_file(f"{bucket.name}/color/c.bmp", b"somebody's")
    verified = run("verify", f"{bucket.url}/color", "--json")
    assert (verified.code, [r["result"] for r in verified.records if r["status"] == "wrong"]) == (8, ["c.bmp"])
    before = bucket.tree("color")
    done = run("folder", f"{bucket.url}/scans", f"{bucket.url}/color", "--strength", "0.5", "--json")
    assert {r["status"] for r in done.records if r["source"].endswith(("b.tif", "d.png", "scan"))} == {"colored"}
    assert [r["status"] for r in done.records if r["source"].endswith("c.bmp")] == ["exists"]
    after = bucket.tree("color")
    assert {name for name in after if after[name] != before[name]} == {"b.tif", "scan", "deep/d.png"}
    done = run("folder", f"{bucket.url}/scans", f"{bucket.url}/color", "--overwrite", "--dry-run")
    assert f"{bucket.url}/scans/c.bmp -> {bucket.url}/color/c.bmp" in done.out
    assert run("folder", f"{bucket.url}/scans", f"{bucket.url}/color", "--overwrite").code == 0
    assert bucket.tree("color")["c.bmp"] != b"somebody's"


def test_an_item_that_does_not_get_through_fails_by_its_name_and_the_rest_is_made(
    bucket: Bucket, source: Path, whole: Path, run: Run
) -> None:
    bucket.fill(source, "scans")

    def fault(method: str, path: str) -> str | None:
        if method == "PUT" and path.endswith("color/box/c.bmp"):
            return "503"
        if method == "GET" and path.endswith("scans/z/e.png"):
            return "drop"
        return "slow" if path.endswith("a.png") else None

    bucket.proxy.fault = fault
    done = run("folder", f"{bucket.url}/scans", f"{bucket.url}/color", "-v")
    assert done.code == 7
    assert "5 colored" in done.err
    assert "3 failed" in done.err
    assert f"box/c.bmp: {bucket.url}/color/box/c.bmp: cannot be written" in done.err
    assert f"z/e.png: {bucket.url}/scans/z/e.png: cannot be read" in done.err
    made = bucket.tree("color")
    assert made == {name: content for name, content in tree(whole).items() if name not in ("box/c.bmp", "z/e.png")}
    bucket.proxy.fault = lambda _method, _path: None
    done = run("folder", f"{bucket.url}/scans", f"{bucket.url}/color")
    assert "2 colored" in done.err
    assert bucket.tree("color") == tree(whole)


@pytest.mark.parametrize("dies", ["fsync", "put", "announced"])
def test_a_run_that_is_killed_leaves_no_line_without_its_object_and_the_next_one_makes_the_rest(
    dies: str, bucket: Bucket, source: Path, whole: Path, tmp_path: Path, run: Run
) -> None:
    bucket.fill(source, "scans")
    places = (f"{bucket.url}/scans", f"{bucket.url}/color")
    killed = subprocess.run(
        command(0, dies, "folder", *places, "--jobs", "1"),
        cwd=ROOT,
        check=False,
        env={**os.environ, "TMPDIR": str(tmp_path)},
    )
    assert killed.returncode == -signal.SIGKILL
    there = bucket.tree("color")
    for entry in entries(bucket, tmp_path / "read"):
        if entry.result and entry.result_file:
            assert hashlib.sha256(there[entry.result]).hexdigest() == entry.result_file.sha256
    whole_tree = tree(whole)
    assert all(there[name] == whole_tree[name] for name in there)
    assert dies != "put" or len(there) == 3
    bucket.proxy.asked.clear()
    done = run("folder", *places)
    assert (done.code, f"{len(there)} already there" in done.err) == (7, bool(there)), done.err
    assert not [path for method, path in bucket.proxy.asked if method == "PUT" and path.endswith(tuple(there))]
    assert bucket.tree("color") == whole_tree
    assert of_store(entries(bucket, tmp_path / "read")) == of_store(list(read_journal(whole)))
    run("folder", *places)  # now that all are known, what the dead one announced goes
    assert not bucket.announced("color")


def test_what_was_announced_and_is_not_to_the_byte_there_is_somebody_elses(
    bucket: Bucket, source: Path, tmp_path: Path, run: Run
) -> None:
    bucket.fill(source / "box", "scans")
    places = (f"{bucket.url}/scans", f"{bucket.url}/color")
    subprocess.run(command(0, "put", "folder", *places, "--jobs", "1"), cwd=ROOT, check=False)
    made = bucket.tree("color")
    for name, content in made.items():
        bucket.fs.pipe_file(f"{bucket.name}/color/{name}", content[::-1])
    done = run("folder", *places, "--dry-run")
    assert "1 to color" in done.err
    assert bucket.announced("color")  # a dry run writes nothing
    done = run("folder", *places)
    assert (done.code, "of those already there were not made by a known run" in done.err) == (0, True), done.err
    assert {name: content for name, content in bucket.tree("color").items() if name in made} == {
        name: content[::-1] for name, content in made.items()
    }


def test_shards_write_journals_of_their_own_which_are_merged(
    bucket: Bucket, source: Path, whole: Path, tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    bucket.fill(source, "scans")
    monkeypatch.setattr(store_journal, "_FLUSH_S", 0.0)
    monkeypatch.setattr(store_journal, "_MOST_PARTS", 2)
    shards = [FolderSettings(shard=Shard(k, 3)) for k in (1, 2, 3)]
    monkeypatch.setattr("tests.fakes.engines.FakeEngine.close", lambda _: None)
    run("engines")  # has the fake stand in the place of engines
    heard = Heard()
    places = f"{bucket.url}/scans", f"{bucket.url}/color"
    records: list[Any] = at_once(*(lambda one=one: color_folder(*places, one, listener=heard) for one in shards))
    alone = "1 films among them: in a store each shard makes its own alone"
    assert sum(alone in told for told in heard.messages) == 2
    assert sum(record.colored for record in records) == 7
    assert bucket.tree("color") == tree(whole)
    told = of_store(entries(bucket, tmp_path / "read"))
    assert told == of_store(list(read_journal(whole)))
    assert len(bucket.journals("color")) == 3
    assert run("folder", f"{bucket.url}/scans", f"{bucket.url}/color", "--merge-journals").code == 0
    assert bucket.journals("color") == ["journal.jsonl"]
    assert of_store(entries(bucket, tmp_path / "again")) == told


def test_no_secret_reaches_a_message_a_log_or_the_journal(
    bucket: Bucket, source: Path, tmp_path: Path, run: Run
) -> None:
    bucket.fill(source, "scans")
    bucket.proxy.fault = lambda method, path: "503" if method == "PUT" and path.endswith("c.bmp") else None
    log = tmp_path / "log"
    done = run("folder", f"{bucket.url}/scans", f"{bucket.url}/color", "-v", "--json", "--log-file", log)
    refused = run("folder", f"s3://{SECRET}:x@bucket/a", tmp_path / "o", "-v", "--log-file", log)
    journals = [bucket.fs.cat_file(p) for p in bucket.fs.find(f"{bucket.name}/color/.archivecolor")]
    told = "".join((done.out, done.err, refused.out, refused.err, log.read_text(), *(j.decode() for j in journals)))
    assert "c.bmp" in told
    assert SECRET not in told
    assert "AKIAIOSFODNN7EXAMPLE" not in told
    assert "Signature" not in told


def test_what_cannot_be_done_at_a_store_is_one_line_before_the_first_item(
    bucket: Bucket, source: Path, tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    bucket.fill(source / "z", "scans")
    monkeypatch.setattr(select, "open_engine", no_engine)
    scans, color = f"{bucket.url}/scans", f"{bucket.url}/color"
    for code, said, words in (
        (2, "--watch with --cluster is for folders on a disk", (scans, color, "--watch", "--cluster", "auto")),
        (2, "--bag is for folders on a disk", (scans, color, "--bag")),
        (2, "--report is for folders on a disk", (scans, color, "--report")),
        (2, "/hints: is in a store, and must be on a disk here", (scans, color, "--hints-dir", f"{bucket.url}/hints")),
        (5, "lies inside", (scans, f"{scans}/color")),
        (3, "there is no such folder", (f"{bucket.url}/nothing", color)),
        (5, "there is no such bucket", (scans, "s3://no-such-bucket/color")),
        (3, "there is no such folder", (str(tmp_path / "nothing"), color)),
    ):
        done = run("folder", *words)
        assert (done.code, len(done.err.splitlines())) in ((code, 1), (code, 2)), done.err
        assert said in done.err
    for words in (("report", color), ("strip", color, "gray"), ("review", color)):
        done = run(*words)
        assert (done.code, f"{words[1]}: is in a store" in done.err, "aws s3 sync" in done.err) == (2, True, True), (
            words
        )
    bucket.proxy.fault = lambda method, _: "403" if method == "PUT" else None
    done = run("folder", scans, color)
    assert (done.code, "may not be written" in done.err) == (5, True)
    assert bucket.journals("color") == []


def test_a_spool_that_is_full_ends_the_run(
    bucket: Bucket, source: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    bucket.fill(source / "box", "scans")

    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(type(bucket.fs), "get_file", full)
    done = run("folder", f"{bucket.url}/scans", f"{bucket.url}/color", "--jobs", "1")
    assert (done.code, "the disk is full" in done.err, "TMPDIR" in done.err) == (5, True, True)
    assert "1 folders and what is in them were not looked through" in done.err
    assert bucket.tree("color") == {}


def test_frames_of_a_film_are_not_made_in_a_store_and_that_is_said(bucket: Bucket, run: Run) -> None:
    bucket.fs.pipe_file(f"{bucket.name}/scans/reel.000001.dpx", b"SDPX" + bytes(100))
    bucket.fs.pipe_file(f"{bucket.name}/scans/reel.000002.dpx", b"SDPX" + bytes(100))
    done = run("folder", f"{bucket.url}/scans", f"{bucket.url}/color")
    assert (done.code, "is a sequence of frames" in done.err) == (7, True)


@needs_fsspec
def test_one_of_the_two_may_be_on_a_disk(source: Path, whole: Path, tmp_path: Path, run: Run) -> None:
    for place in memory(tmp_path):
        done = run("folder", source, f"{place}/color", "--summary", tmp_path / "s.json", "--sidecar", "--confidence")
        assert (done.code, "7 colored" in done.err) == (7, True)
        assert json.loads((tmp_path / "s.json").read_text())["out"] == f"{place}/color"
        done = run("folder", f"{place}/color", f"file://{tmp_path}/back", "--already-color", "copy")
        assert done.code == 0, done.err
        assert set(tree(tmp_path / "back")) >= set(tree(whole))
        assert journal_path(tmp_path / "back").exists()


def memory(tmp_path: Path) -> Iterator[str]:
    """A place in memory, which is empty again in the end."""
    import fsspec

    yield f"memory://{tmp_path.name}"
    fsspec.filesystem("memory").store.clear()
