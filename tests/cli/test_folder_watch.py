"""``archivecolor folder --watch``: what arrives is colored when it is whole, until somebody interrupts."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from archivecolor.jobs import watching
from archivecolor.jobs.journal import read_journal
from archivecolor.jobs.watching import Watch
from tests.cli.conftest import Run, assert_whole, photograph, write
from tests.fakes.command import ROOT, command

PATIENCE_S = 60.0


class Visitor(threading.Thread):
    """Does things to a folder while it is watched, and then interrupts the watching."""

    def __init__(self, visit: Callable[[], None]) -> None:
        super().__init__()
        self._visit = visit
        self.error: BaseException | None = None

    def run(self) -> None:
        try:
            self._visit()
        except BaseException as e:  # noqa: BLE001 - told by the test
            self.error = e
        os.kill(os.getpid(), signal.SIGINT)


@pytest.fixture
def watch(run: Run, source: Path, out: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """Watch while somebody visits; gives what was said."""
    monkeypatch.setattr(watching, "SHORTEST_S", 0.05)

    def watched(visit: Callable[[], None], *options: str, code: int = 0) -> str:
        visitor = Visitor(visit)
        visitor.start()
        done = run("folder", source, out, "--watch", *options)
        visitor.join()
        if visitor.error:
            raise visitor.error
        assert done.code == code, done.err
        return done.err

    return watched


def results(out: Path) -> list[str]:
    """Names of what is there, whatever is going on."""
    found = (p.relative_to(out).as_posix() for p in out.rglob("[!.]*.*"))
    return sorted(name for name in found if not name.startswith("."))


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_what_is_there_and_what_arrives_is_colored_until_ctrl_c(
    watch: Callable[..., str], source: Path, out: Path
) -> None:
    def visit() -> None:
        wait_for(lambda: len(results(out)) == 3)
        write(source / "later/b.png", seed=7)
        wait_for(lambda: "later/b.png" in results(out))

    said = watch(visit)
    assert_whole(out / "later/b.png", photograph(7))
    assert said.count("to color with") == 1  # one engine for all rounds
    assert "4 colored" in said
    assert "0 already there" in said
    assert len(list(read_journal(out))) == 4


def test_a_file_that_is_still_being_written_is_left_until_it_is_whole(
    watch: Callable[..., str], source: Path, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watching, "SHORTEST_S", 1.0)  # longer than the writer ever pauses
    whole = write(source.parent / "whole.png", seed=7).read_bytes()

    def visit() -> None:
        for end in range(0, len(whole), max(1, len(whole) // 20)):
            (source / "slow.png").write_bytes(whole[:end])
            time.sleep(0.02)
        (source / "slow.png").write_bytes(whole)
        wait_for(lambda: "slow.png" in results(out))

    said = watch(visit)
    assert_whole(out / "slow.png", photograph(7))
    assert "slow.png" not in said
    assert "0 failed" in said


def test_a_bad_file_is_told_once_and_made_when_it_is_mended(watch: Callable[..., str], source: Path, out: Path) -> None:
    (source / "bad.png").write_bytes(write(source.parent / "whole.png").read_bytes()[:200])

    def visit() -> None:
        wait_for(lambda: any(e.error for e in read_journal(out)))
        time.sleep(0.4)
        write(source / "bad.png", seed=7)
        wait_for(lambda: "bad.png" in results(out))

    said = watch(visit, code=7)
    assert sum(line.startswith("bad.png: ") for line in said.splitlines()) == 1
    assert_whole(out / "bad.png", photograph(7))


def test_a_changed_source_is_made_again(watch: Callable[..., str], source: Path, out: Path) -> None:
    def visit() -> None:
        wait_for(lambda: len(results(out)) == 3)
        before = (out / "a.png").read_bytes()
        write(source / "a.png", seed=9)
        wait_for(lambda: (out / "a.png").read_bytes() != before)

    watch(visit)
    assert_whole(out / "a.png", photograph(9))


def test_watching_makes_a_valid_bag_when_it_ends(watch: Callable[..., str], out: Path) -> None:
    import bagit

    watch(lambda: wait_for(lambda: len(results(out / "data")) == 3), "--bag")
    bagit.Bag(str(out)).validate()


def test_a_dry_run_cannot_watch(run: Run, source: Path, out: Path) -> None:
    assert run("folder", source, out, "--watch", "--dry-run").code == 2


def test_ctrl_c_and_sigterm_end_a_watching_process_with_code_0(source: Path, out: Path) -> None:
    for number in (signal.SIGINT, signal.SIGTERM):
        process = subprocess.Popen(
            command(0, "never", "folder", source, out, "--watch"), cwd=ROOT, stderr=subprocess.PIPE, text=True
        )
        try:
            assert process.stderr
            wait_for(lambda process=process: "watching" in process.stderr.readline())  # type: ignore[misc]
            process.send_signal(number)
            _, said = process.communicate(timeout=PATIENCE_S)
        finally:
            process.kill()
        assert process.returncode == 0, said
        assert "Traceback" not in said


@pytest.fixture
def rounds(tmp_path: Path) -> Iterator[tuple[Watch, Iterator[int], threading.Event]]:
    stop = threading.Event()
    watch = Watch(stop, shortest_s=0.0)
    yield watch, watch.rounds(), stop
    stop.set()


def test_a_file_is_taken_when_two_rounds_found_it_the_same_and_then_not_again(
    rounds: tuple[Watch, Iterator[int], threading.Event], tmp_path: Path
) -> None:
    watch, numbers, stop = rounds
    path = tmp_path / "a"
    found = []
    for content in (b"1", b"12", b"12", b"12", b"123", b"123", b"123"):
        next(numbers)
        path.write_bytes(content)
        os.utime(path, ns=(0, len(content)))
        found.append(watch.is_ready(path, "a"))
    assert found == [False, False, True, False, False, True, False]
    stop.set()
    assert list(numbers) == []


def test_a_file_that_went_away_is_told_once_too(
    rounds: tuple[Watch, Iterator[int], threading.Event], tmp_path: Path
) -> None:
    watch, numbers, _ = rounds
    ready = []
    for _ in range(4):
        next(numbers)
        ready.append(watch.is_ready(tmp_path / "gone", "gone"))
    assert ready == [False, True, False, False]
