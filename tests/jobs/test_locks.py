"""Locks between processes and within one, and what becomes of them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from archivecolor.jobs import locks
from archivecolor.jobs.locks import BusyError, LockFile, lock

HOLDER = """
import sys
from pathlib import Path
from archivecolor.jobs.locks import LockFile
held = LockFile(Path(sys.argv[1]), Path(sys.argv[2]))
print("held", flush=True)
sys.stdin.readline()
held.release()
"""


@pytest.fixture
def other(tmp_path: Path) -> subprocess.Popen[str]:
    """Another process that holds the lock."""
    command = [sys.executable, "-c", HOLDER, str(tmp_path / "lock"), str(tmp_path)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout
    assert process.stdout.readline() == "held\n"
    return process


def test_what_another_process_holds_is_refused_until_it_lets_go(tmp_path: Path, other: subprocess.Popen[str]) -> None:
    with pytest.raises(BusyError, match="another run is writing to it") as caught:
        LockFile(tmp_path / "lock", tmp_path)
    assert caught.value.hint == "let that run finish"
    other.communicate("\n", timeout=60)
    assert other.returncode == 0
    assert not (tmp_path / "lock").exists()
    LockFile(tmp_path / "lock", tmp_path).release()


def test_a_killed_process_holds_nothing(tmp_path: Path, other: subprocess.Popen[str]) -> None:
    other.kill()
    other.communicate(timeout=60)
    assert (tmp_path / "lock").exists()
    LockFile(tmp_path / "lock", tmp_path).release()
    assert not (tmp_path / "lock").exists()


def test_within_a_process_too_one_holds_it_and_letting_go_twice_is_fine(tmp_path: Path) -> None:
    held = LockFile(tmp_path / "lock", tmp_path)
    with pytest.raises(BusyError):
        LockFile(tmp_path / "lock", tmp_path)
    held.release()
    following = LockFile(tmp_path / "lock", tmp_path)
    held.release()
    with pytest.raises(BusyError):
        LockFile(tmp_path / "lock", tmp_path)
    following.release()


@pytest.mark.parametrize("fate", ["deleted", "deleted and made anew"])
def test_a_file_that_was_deleted_since_it_was_opened_locks_nothing(fate: str, tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with path.open("ab") as late:
        path.unlink()
        if fate != "deleted":
            (tmp_path / "new").touch()
            (tmp_path / "new").rename(path)
        with pytest.raises(BusyError, match="busy"):
            lock(late, path, "busy")


@pytest.mark.parametrize("error", [NotImplementedError(), OSError(38, "Function not implemented")])
def test_where_there_are_no_locks_work_goes_on(
    error: Exception, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> bool:
        raise error

    monkeypatch.setattr(locks, "lock_descriptor", refuse)
    first, second = (LockFile(tmp_path / "lock", tmp_path) for _ in range(2))
    first.release()
    second.release()
    assert not (tmp_path / "lock").exists()
