"""Digests of files, and how seldom they are computed."""

from __future__ import annotations

import hashlib
import os
import time
from pathlib import Path

import pytest

from archivecolor.errors import InputError
from archivecolor.jobs import digests
from archivecolor.jobs.digests import content_sha256, look_at, read_state
from archivecolor.jobs.records import FileState

LONG_AGO_NS = time.time_ns() - 3600 * 10**9


@pytest.fixture
def readings(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The files that were read, in order."""
    seen: list[Path] = []

    def noted(path: Path) -> FileState:
        seen.append(path)
        return read_state(path)

    monkeypatch.setattr(digests, "read_state", noted)
    return seen


def written(path: Path, content: bytes, mtime_ns: int) -> str:
    path.write_bytes(content)
    os.utime(path, ns=(mtime_ns, mtime_ns))
    return hashlib.sha256(content).hexdigest()


def test_a_state_is_what_the_file_has(tmp_path: Path) -> None:
    content = bytes(range(256)) * 9000
    digest = written(tmp_path / "a", content, LONG_AGO_NS)
    assert read_state(tmp_path / "a") == FileState(len(content), LONG_AGO_NS, digest)
    assert look_at(tmp_path / "a") == FileState(len(content), LONG_AGO_NS)


def test_a_file_that_stays_as_it_is_is_read_once(tmp_path: Path, readings: list[Path]) -> None:
    digest = written(tmp_path / "a", b"first", LONG_AGO_NS)
    assert [content_sha256(tmp_path / "a") for _ in range(3)] == [digest] * 3
    assert readings == [tmp_path / "a"]


@pytest.mark.parametrize("change", ["size", "time", "another file"])
def test_a_file_that_changes_is_read_again(change: str, tmp_path: Path, readings: list[Path]) -> None:
    path = tmp_path / "a"
    before = written(path, b"first", LONG_AGO_NS)
    assert content_sha256(path) == before
    if change == "another file":
        (tmp_path / "b").write_bytes(b"in the way of the inode")
        after = written(tmp_path / "c", b"other", LONG_AGO_NS)
        (tmp_path / "c").replace(path)
    else:
        after = written(path, b"longer" if change == "size" else b"other", LONG_AGO_NS + (change == "time"))
    assert content_sha256(path) == after != before
    assert len(readings) == 2


def test_a_file_that_was_written_just_now_may_still_change_and_is_not_remembered(tmp_path: Path) -> None:
    now_ns = time.time_ns()
    for content in (b"one", b"two"):  # of one size, at one tick of a coarse clock
        digest = written(tmp_path / "a", content, now_ns)
        assert content_sha256(tmp_path / "a") == digest


@pytest.mark.parametrize("ask", [look_at, read_state, content_sha256])
def test_what_cannot_be_read_is_told(ask: object, tmp_path: Path) -> None:
    assert callable(ask)
    with pytest.raises(InputError, match=r"a\.png: there is no such file"):
        ask(tmp_path / "a.png")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    with pytest.raises(InputError, match="loop: cannot be read"):
        ask(tmp_path / "loop")
