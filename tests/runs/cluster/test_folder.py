"""A folder on a Ray cluster, and what may go wrong there."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import cv2
import numpy as np
import pytest

from archivecolor.film import segments
from archivecolor.jobs.journal import read_journal
from archivecolor.jobs.records import Status
from archivecolor.runs.film.sharing import shared_folder
from archivecolor.runs.folder.job import color_folder
from archivecolor.version import __version__
from tests.cli.conftest import tree
from tests.cli.test_folder_shards import lines, timeless
from tests.fakes.engines import for_all
from tests.fakes.machines import Machines, assert_refused, ended, once
from tests.fakes.moody import HANGS, KILLS
from tests.film.sources import FilmSource, moving
from tests.needs import needs_ray
from tests.runs.cluster.conftest import NAMES, SEGMENT_S, archive

pytestmark = needs_ray

COUNT = 40


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An archive."""
    return archive(tmp_path_factory.mktemp("archive") / "in", COUNT, 2, "box 1/film.mp4")


def made(out: Path) -> int:
    return sum(1 for path in out.rglob("*.png") if not path.name.startswith("."))


def flat(path: Path, gray: int) -> None:
    assert cv2.imwrite(str(path), np.full((32, 40), gray, np.uint8))


def test_a_cluster_makes_what_one_machine_makes_and_says_the_same(
    machines: Machines, source: Path, whole: Path, out: Path
) -> None:
    code, told, err = ended(machines.drive(source, out, "--json", "--summary", str(out.with_suffix(".csv"))))
    assert code == 7, err
    assert "coloring with 'archive' on MoodyEngine: 2 workers on 2 machines" in err
    assert f"{COUNT + 1} colored" in err
    assert "1 failed" in err
    assert tree(out) == tree(whole)
    assert lines(out) == lines(whole)
    assert timeless(read_journal(out)) == timeless(read_journal(whole))
    records = [json.loads(line) for line in told.splitlines()]
    assert {record["source"] for record in records} == {str(path) for path in source.rglob("*") if path.is_file()}
    assert {record["machine"] for record in records if record["status"] == "colored"} == set(NAMES)
    assert [line.split()[0] for line in err.splitlines() if line.startswith(NAMES)] == list(NAMES)
    assert out.with_suffix(".csv").read_text().splitlines()[0].endswith(",machine")
    assert not list((out / ".archivecolor").glob("seen-*"))
    code, _, err = ended(machines.drive(source, out))
    assert "0 colored" in err
    assert f"{COUNT + 1} already there" in err
    assert tree(out) == tree(whole)


def test_what_will_not_do_is_told_before_the_first_item(machines: Machines, source: Path, out: Path) -> None:
    older = "import ray; ray.__version__ = '2.59.0'; from archivecolor.__main__ import main; main()"
    for code, told, more in (
        (2, "no machine of the cluster has the 4 CPUs and 1 GPUs of a worker", ["--gpus-per-worker", "1"]),
        (2, "no machine of the cluster has the 64 CPUs of a worker; they have up to 1", ["--cpus-per-worker", "64"]),
    ):
        assert_refused(ended(machines.drive(source, out, *more)), code, told)
    other = machines.drive(source, out, python=("-c", older))
    assert_refused(ended(other), 4, "has other versions than this machine: Ray 2.60.0 is not 2.59.0 and Python 3.")
    node = machines.add(version="0.0.9")
    try:
        refused = ended(machines.drive(source, out))
    finally:
        machines.remove(node)
    assert_refused(refused, 4, f"a worker on {os.uname().nodename} has archivecolor 0.0.9, not {__version__}")


def test_an_item_that_kills_its_worker_and_one_that_hangs_are_set_aside_and_all_others_made(
    machines: Machines, source: Path, whole: Path, out: Path, tmp_path: Path
) -> None:
    bad = tmp_path / "in"
    bad.mkdir()
    for path in (source / "box 0").iterdir():
        (bad / path.name).write_bytes(path.read_bytes())
    flat(bad / "05 kills.png", KILLS)
    flat(bad / "17 hangs.png", HANGS)
    code, _, err = ended(machines.drive(bad, out, "--item-timeout", "3"))
    assert code == 7, err
    assert "05 kills.png: its worker died" in err
    assert ", 3 times" in err
    assert "17 hangs.png: its worker gave no sign of life for 3 seconds" in err
    assert "20 colored" in err
    assert "2 failed" in err
    assert tree(out) == {
        Path(name).relative_to("box 0").as_posix(): content
        for name, content in tree(whole).items()
        if name.startswith("box 0")
    }
    entries = {entry.source: entry for entry in read_journal(out)}
    assert {name for name, entry in entries.items() if entry.status is Status.FAILED} == {
        "05 kills.png",
        "17 hangs.png",
    }


def test_workers_and_a_machine_that_are_killed_cost_nothing_but_time(
    machines: Machines, source: Path, whole: Path, out: Path
) -> None:
    third = machines.add()
    try:
        run = machines.drive(source, out)
        once(lambda: made(out) >= 5 and bool(machines.workers(but=third)))
        machines.workers(but=third)[0].kill()
        once(lambda: made(out) >= 15)
    finally:
        machines.remove(third)
    code, _, err = ended(run)
    assert code == 7, err
    assert f"{COUNT + 1} colored" in err
    assert "1 failed" in err
    assert ": its worker died: " in err
    assert ": the machine is gone; another worker takes over" in err
    assert tree(out) == tree(whole)
    assert timeless(read_journal(out)) == timeless(read_journal(whole))


def test_a_driver_that_was_killed_or_interrupted_goes_on_from_its_journal(
    machines: Machines, source: Path, whole: Path, out: Path
) -> None:
    killed = machines.drive(source, out)
    once(lambda: made(out) >= 5)
    killed.kill()
    ended(killed)
    interrupted = machines.drive(source, out)
    once(lambda: made(out) >= 20)
    interrupted.send_signal(signal.SIGINT)
    code, _, err = ended(interrupted)
    assert code == 130, err
    assert "finishing the pictures under way" in err
    assert "not begun" in err
    assert set(tree(out)) < set(tree(whole))
    code, _, err = ended(machines.drive(source, out))
    assert code == 7, err
    assert tree(out) == tree(whole)
    assert timeless(read_journal(out)) == timeless(read_journal(whole))


def test_workers_share_the_segments_of_a_film_and_take_over_those_of_one_that_is_killed(
    machines: Machines, out: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lumas = [luma for shot in range(6) for luma in moving(12, 64, 96, seed=shot)]
    (tmp_path / "in").mkdir()
    FilmSource(lumas, "libx264", audio=1).write(tmp_path / "in" / "film.mp4")
    for_all(monkeypatch)
    monkeypatch.setattr(segments, "LONGEST_S", SEGMENT_S)
    color_folder(tmp_path / "in", tmp_path / "whole")
    run = machines.drive(tmp_path / "in", out)
    parts = shared_folder(out / "film.mp4")
    once(lambda: len(list(parts.glob("*-of-*/*.mkv"))) >= 1 and len(list(parts.glob("*-of-*/"))) >= 2)
    machines.workers()[0].kill()
    code, _, err = ended(run)
    assert code == 0, err
    assert "1 colored" in err
    assert tree(out) == tree(tmp_path / "whole")
    assert timeless(read_journal(out)) == timeless(read_journal(tmp_path / "whole"))
