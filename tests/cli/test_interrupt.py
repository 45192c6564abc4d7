"""Ctrl-C, SIGTERM and kill -9 in a process of its own: what bears a name is whole, the next run finishes the rest."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from archivecolor.cli.interrupt import Interruption, interruptible
from archivecolor.jobs.atomic import part_path
from tests.cli.conftest import Run, assert_whole, photograph, tree
from tests.fakes.command import ROOT, command

PATIENCE_S = 120.0
COUNT = 30
Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def start() -> Iterator[Start]:
    """Start the command; whatever still runs at the end of the test is killed."""
    running: list[subprocess.Popen[str]] = []

    def begin(seconds: float, *arguments: str | Path, dies: str = "never") -> subprocess.Popen[str]:
        process = subprocess.Popen(
            command(seconds, dies, *arguments), cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        running.append(process)
        return process

    yield begin
    for process in running:
        if process.poll() is None:
            process.kill()
        process.communicate()


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Thirty pictures in three formats; some large enough that writing them takes a moment."""
    for i in range(COUNT):
        path = tmp_path / "in" / f"{i:02d}.{('png', 'tif', 'bmp')[i % 3]}"
        path.parent.mkdir(exist_ok=True)
        Image.fromarray(luma(i)).save(path)
    return tmp_path / "in"


def luma(i: int) -> npt.NDArray[np.uint8]:
    return photograph(i, *((300, 400) if i % 5 == 0 else (40, 60)))


def results(out: Path) -> list[str]:
    return sorted(p.name for p in out.iterdir() if not p.name.startswith(".")) if out.exists() else []


def assert_all_whole(out: Path) -> None:
    for name in results(out):
        assert_whole(out / name, luma(int(name[:2])))


def wait_for(process: subprocess.Popen[str], out: Path, count: int) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while len(results(out)) < count:
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.005)


def finish(run: Run, source: Path, out: Path) -> str:
    """Run the same command to its end; it finds nothing wrong and leaves nothing but results."""
    done = run("folder", source, out)
    assert (done.code, done.out) == (0, ""), done.err
    assert sorted(tree(out)) == sorted(p.name for p in source.iterdir())
    assert_all_whole(out)
    return done.err


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_one_signal_finishes_the_pictures_under_way_and_the_next_run_the_rest(
    number: signal.Signals, code: int, start: Start, run: Run, source: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    process = start(0.1, "folder", source, out, "--jobs", "1")
    wait_for(process, out, 3)
    process.send_signal(number)
    stdout, stderr = process.communicate(timeout=PATIENCE_S)
    assert (process.returncode, stdout) == (code, "")
    assert "finishing the pictures under way; press again to stop at once" in stderr
    assert "Traceback" not in stderr
    made = results(out)
    assert sorted(tree(out)) == made
    assert 3 <= len(made) < COUNT
    assert f"{len(made)} colored" in stderr
    assert f"{COUNT - len(made)} not begun" in stderr
    assert_all_whole(out)
    times = {name: (out / name).stat().st_mtime_ns for name in made}
    stderr = finish(run, source, out)
    assert f"{COUNT - len(made)} colored" in stderr
    assert {name: (out / name).stat().st_mtime_ns for name in made} == times


def test_a_second_signal_stops_at_once_and_leaves_no_half_written_file(
    start: Start, source: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    process = start(10 * PATIENCE_S, "folder", source, out, "--jobs", "1")  # longer than anybody waits for a picture
    assert process.stderr
    assert any("to color with" in line for line in iter(process.stderr.readline, "")), "it ended before it began"
    time.sleep(0.2)
    process.send_signal(signal.SIGINT)
    assert "finishing" in process.stderr.readline() + process.stderr.readline()
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 130
    assert "Traceback" not in stderr
    assert [name for name in tree(out) if name.startswith(".")] == []
    assert_all_whole(out)


def test_ctrl_c_while_the_tree_is_searched_ends_with_130(start: Start, tmp_path: Path) -> None:
    source = tmp_path / "in"
    source.mkdir()
    os.mkfifo(tmp_path / "log")
    # Nobody reads the log, so the command waits to open it, before it listens for signals itself
    process = start(0, "folder", source, tmp_path / "out", "--log-file", tmp_path / "log")
    wait_until_blocked(process)
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 130
    assert "Traceback" not in stderr
    assert not (tmp_path / "out").exists()


def wait_until_blocked(process: subprocess.Popen[str]) -> None:
    """Wait until the process sleeps in opening a pipe."""
    deadline = time.monotonic() + PATIENCE_S
    waits = Path(f"/proc/{process.pid}/wchan")
    while "wait_for_partner" not in waits.read_text() and "fifo_open" not in waits.read_text():
        assert process.poll() is None, process.communicate()
        if time.monotonic() > deadline:
            pytest.skip("this system does not tell what a process waits for")
        time.sleep(0.01)


@pytest.mark.parametrize("dies", ["fsync", "link"])
def test_a_process_killed_while_it_writes_leaves_a_part_that_the_next_run_clears(
    dies: str, start: Start, run: Run, source: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    process = start(0, "folder", source, out, "--jobs", "1", dies=dies)
    process.communicate(timeout=PATIENCE_S)
    assert process.returncode == -signal.SIGKILL
    left = [name for name in tree(out) if name.startswith(".")]
    assert left
    if dies == "link":  # its name is given: the picture is there, and so is its other name
        assert any(part_path(out / name).name in left for name in results(out))
    assert_all_whole(out)
    finish(run, source, out)


def test_killed_at_any_moment_files_are_whole_and_the_last_run_leaves_nothing_else(
    start: Start, run: Run, source: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    moments = random.Random(12)
    for wanted in (1, 9, 17):
        process = start(0.02, "folder", source, out)
        wait_for(process, out, wanted)
        time.sleep(moments.uniform(0, 0.08))
        process.kill()
        process.communicate()
        assert_all_whole(out)
    finish(run, source, out)


def test_of_two_runs_at_once_one_is_refused_and_harms_nothing(
    start: Start, run: Run, source: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    runs = [start(0.01, "folder", source, out) for _ in range(2)]
    said = [process.communicate(timeout=PATIENCE_S)[1] for process in runs]
    for process, stderr in zip(runs, said, strict=True):
        assert process.returncode in (0, 5), stderr
        if process.returncode == 5:
            assert "another run is writing to it" in stderr
        assert "Traceback" not in stderr
    assert sorted(p.returncode for p in runs) in ([0, 5], [0, 0])  # both went through if one came after the other
    assert_all_whole(out)
    finish(run, source, out)


def test_the_first_signal_asks_the_second_interrupts_and_the_old_handlers_come_back(
    capfd: pytest.CaptureFixture[str],
) -> None:
    before = [signal.getsignal(s) for s in (signal.SIGINT, signal.SIGTERM)]
    with interruptible() as interruption:
        assert not interruption.stop.is_set()
        interruption.raise_if_interrupted()
        signal.raise_signal(signal.SIGTERM)
        assert interruption.stop.is_set()
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    assert [signal.getsignal(s) for s in (signal.SIGINT, signal.SIGTERM)] == before
    assert capfd.readouterr().err.count("finishing the pictures under way") == 1
    with pytest.raises(SystemExit) as caught:
        interruption.raise_if_interrupted()
    assert caught.value.code == 143


def test_nothing_happened_until_a_signal_came() -> None:
    interruption = Interruption()
    interruption.raise_if_interrupted()
    assert not interruption.stop.is_set()
