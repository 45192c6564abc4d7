"""``archivecolor video`` and ``shots`` with films in a store: read by ranges, made here, put whole."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from archivecolor.film import segments
from archivecolor.film.origin import is_elsewhere
from archivecolor.inference import select
from archivecolor.runs.film.job import color_film
from archivecolor.storage import ranges
from archivecolor.storage.ranges import Ranges
from archivecolor.storage.store import Store
from archivecolor.storage.urls import StoreURL
from tests.cli.conftest import Run, no_engine
from tests.fakes.command import ROOT, command
from tests.fakes.engines import for_all
from tests.film.sources import FilmSource, moving
from tests.needs import needs_s3
from tests.storage.conftest import SECRET, Bucket

pytestmark = needs_s3

BLOCK = 10_000


@pytest.fixture(autouse=True)
def spool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where films are made, with readers that keep little."""
    folder = tmp_path / "tmp"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    monkeypatch.setattr(ranges, "BLOCK_BYTES", BLOCK)
    monkeypatch.setattr(Ranges.__init__, "__defaults__", (BLOCK,))
    yield folder
    assert [path for path in folder.rglob("*") if path.is_file()] == []


def film(folder: Path, suffix: str) -> Path:
    path = folder / f"film{suffix}"
    FilmSource([luma for seed in range(4) for luma in moving(12, 64, 96, seed=seed)], "libx264", audio=1).write(path)
    return path


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".ts"])
def test_a_film_in_a_store_becomes_what_it_becomes_on_a_disk(
    suffix: str, bucket: Bucket, tmp_path: Path, run: Run
) -> None:
    path = film(tmp_path, suffix)
    bucket.fs.pipe_file(f"{bucket.name}/films/{path.name}", path.read_bytes())
    source, target = f"{bucket.url}/films/{path.name}", f"{bucket.url}/color/film.mov"
    on_disk = run("video", path, tmp_path / "color.mov")
    assert on_disk.code == 0, on_disk.err
    bucket.proxy.asked.clear()
    done = run("video", source, target, "--json")
    assert done.code == 0, done.err
    assert bucket.tree("color") == {"film.mov": (tmp_path / "color.mov").read_bytes()}
    assert (done.records[0]["source"], done.records[0]["target"]) == (source, target)
    assert "archivecolor-films" not in done.out + done.err
    assert SECRET not in done.out + done.err
    listed = run("shots", source)
    assert listed.code == 0
    assert listed.out == run("shots", path).out


def test_one_of_the_two_may_be_on_a_disk_and_one_that_is_there_is_refused_at_once(
    bucket: Bucket, tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, target = film(tmp_path, ".mkv"), f"{bucket.url}/color/film.mov"
    for_all(monkeypatch)
    assert color_film(path, target).frames == 48
    bucket.fs.pipe_file(f"{bucket.name}/film.mkv", path.read_bytes())
    assert run("video", f"{bucket.url}/film.mkv", tmp_path / "color.mov").code == 0
    assert bucket.tree("color") == {"film.mov": (tmp_path / "color.mov").read_bytes()}
    assert run("video", path, f"{bucket.url}/color/sheet.png", "--preview").code == 0
    assert bucket.tree("color")["sheet.png"].startswith(b"\x89PNG")
    monkeypatch.setattr(select, "open_engine", no_engine)
    bucket.fs.pipe_file(f"{bucket.name}/notes.mkv", b"no film")
    for code, said, words in (
        (5, f"{target}: already exists", (path, target)),
        (3, f"{bucket.url}/no.mkv: there is no such file", (f"{bucket.url}/no.mkv", tmp_path / "o.mov")),
        (2, "names a bucket and no film", (bucket.url, tmp_path / "o.mov")),
        (2, "--shard needs a disk", (path, f"{bucket.url}/a.mov", "--shard", "1/2")),
        (2, "--keep-work needs a disk", (path, f"{bucket.url}/a.mov", "--keep-work")),
        (2, "--write chroma needs a disk", (path, f"{bucket.url}/a.mkv", "--write", "chroma")),
        (2, "frames are not written into a store", (path, f"{bucket.url}/frames")),
        (3, f"{bucket.url}/notes.mkv: is no film", (f"{bucket.url}/notes.mkv", tmp_path / "o.mov")),
    ):
        done = run("video", *words)
        assert (done.code, said in done.err) == (code, True), done.err
        assert len(done.err.splitlines()) <= 2


def test_a_run_that_is_killed_goes_on_from_its_segments(bucket: Bucket, tmp_path: Path, run: Run) -> None:
    path = film(tmp_path, ".mkv")
    bucket.fs.pipe_file(f"{bucket.name}/film.mkv", path.read_bytes())
    words = ("video", f"{bucket.url}/film.mkv", f"{bucket.url}/color/film.mov")
    killed = subprocess.run(
        command(0, "segment", *words), cwd=ROOT, check=False, env={**os.environ, "ARCHIVECOLOR_SEGMENT_S": "0.4"}
    )
    assert killed.returncode == -signal.SIGKILL
    assert bucket.tree("color") == {}
    goes_on = subprocess.run(
        command(0, "never", *words),
        cwd=ROOT,
        check=False,
        text=True,
        stderr=subprocess.PIPE,
        env={**os.environ, "ARCHIVECOLOR_SEGMENT_S": "0.4"},
    )
    assert (goes_on.returncode, "continuing: " in goes_on.stderr) == (0, True), goes_on.stderr
    assert list(bucket.tree("color")) == ["film.mov"]


def test_shards_elsewhere_share_a_film_of_a_store_whose_result_is_on_a_disk(
    bucket: Bucket, tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    bucket.fs.pipe_file(f"{bucket.name}/film.mkv", film(tmp_path, ".mkv").read_bytes())
    words = ("video", f"{bucket.url}/film.mkv", tmp_path / "color.mov")
    there = {**os.environ, "ARCHIVECOLOR_SEGMENT_S": "0.4", "TMPDIR": str(tmp_path)}  # another machine's
    killed = subprocess.run(command(0, "segment", *words, "--shard", "1/2"), cwd=ROOT, check=False, env=there)
    assert killed.returncode == -signal.SIGKILL
    monkeypatch.setattr(segments, "LONGEST_S", 0.4)
    done = run(*words, "--shard", "2/2")
    assert (done.code, "continuing: " in done.err) == (0, True), done.err


def test_a_source_that_changes_meanwhile_and_one_that_does_not_come_make_no_result(
    bucket: Bucket, tmp_path: Path, run: Run
) -> None:
    content = film(tmp_path, ".mkv").read_bytes()
    key = f"{bucket.name}/film.mkv"
    bucket.fs.pipe_file(key, content)
    reads = 0

    def fault(method: str, path: str) -> str | None:
        nonlocal reads
        reads += method == "GET" and path.endswith("film.mkv")
        if reads == 3:
            bucket.proxy.fault = lambda _method, _path: None
            bucket.fs.pipe_file(key, content + b"more")
        return None

    bucket.proxy.fault = fault
    done = run("video", f"{bucket.url}/film.mkv", f"{bucket.url}/color/film.mov")
    assert (done.code, "changed while it was read" in done.err) == (3, True), done.err
    bucket.proxy.fault = lambda method, path: "drop" if method == "GET" and path.endswith("film.mkv") else None
    done = run("video", f"{bucket.url}/film.mkv", f"{bucket.url}/color/film.mov")
    assert (done.code, f"{bucket.url}/film.mkv: cannot be read" in done.err) == (3, True), done.err
    assert bucket.tree("color") == {}
    for folder in Path(tempfile.gettempdir()).glob("archivecolor-films-*"):  # segments, for another try
        shutil.rmtree(folder)


def test_readers_share_blocks_and_keep_few_of_them(bucket: Bucket) -> None:
    content = os.urandom(BLOCK * 40 + 17)
    bucket.fs.pipe_file(f"{bucket.name}/a", content)
    shared = Ranges(Store(StoreURL("s3", bucket.name)), "a", len(content))
    with shared.open() as one, shared.open() as other:
        assert one.read() == content
        bucket.proxy.asked.clear()
        other.seek(-BLOCK, os.SEEK_END)
        assert other.read(100) == content[-BLOCK:][:100]
        assert not bucket.proxy.asked
        other.seek(5)
        assert other.read(2 * BLOCK) == content[5 : 5 + 2 * BLOCK]
        assert other.tell() == 5 + 2 * BLOCK
    assert [method for method, _ in bucket.proxy.asked] == ["GET"] * 3
    assert not is_elsewhere(Path("a"))
