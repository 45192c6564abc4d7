"""``archivecolor video --cluster``: one film that workers make together, the same as one machine makes it."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest

from archivecolor.errors import ArchiveColorError, UsageError
from archivecolor.film import segments
from archivecolor.runs.film.job import color_film
from archivecolor.runs.film.sharing import shared_folder
from archivecolor.runs.settings import ClusterSettings, FilmSettings
from tests.cli.conftest import Run, engine, run
from tests.cli.test_shared_films import film, left
from tests.fakes.engines import for_all
from tests.fakes.machines import Machines, ended, once
from tests.fakes.moody import KILLS
from tests.film.sources import FilmSource, moving
from tests.needs import needs_ray
from tests.runs.cluster.conftest import NAMES, SEGMENT_S

__all__ = ["engine", "run"]

pytestmark = needs_ray


@pytest.fixture
def alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> bytes:
    """What one machine makes of ``film.mp4``, which is made here, too."""
    film(tmp_path / "film.mp4", shots=10)
    for_all(monkeypatch)
    monkeypatch.setattr(segments, "LONGEST_S", SEGMENT_S)
    color_film(tmp_path / "film.mp4", tmp_path / "alone.mov")
    return (tmp_path / "alone.mov").read_bytes()


def makers(target: Path) -> int:
    """How many workers have made a segment."""
    return len({path.parent for path in shared_folder(target).glob("*-of-*/*.mkv")})


def test_workers_make_a_film_together_and_those_that_die_and_a_driver_that_is_killed_cost_nothing_but_time(
    machines: Machines, tmp_path: Path, alone: bytes
) -> None:
    target = tmp_path / "out" / "film.mov"
    target.parent.mkdir()
    target.write_bytes(b"an earlier one")
    words = (tmp_path / "film.mp4", target, "--overwrite", "--json")
    killed = machines.drive(*words, command="video")
    once(lambda: makers(target) >= 2)
    killed.kill()
    ended(killed)
    once(lambda: not machines.workers())
    assert target.read_bytes() == b"an earlier one"
    goes_on = machines.drive(*words, command="video")
    once(lambda: bool(machines.workers()))
    machines.workers()[0].kill()
    code, told, err = ended(goes_on)
    assert code == 0, err
    assert "coloring with 'archive' on MoodyEngine: 2 workers on 2 machines" in err
    assert "continuing: " in err
    assert ": its worker died: " in err
    assert target.read_bytes() == alone
    assert [path.name for path in target.parent.iterdir()] == ["film.mov"]
    (record,) = map(json.loads, told.splitlines())
    assert (record["status"], record["target"], record["frames"]) == ("colored", str(target), 120)
    assert sum(record["machines"].values()) == 120
    assert set(record["machines"]) == set(NAMES)
    assert [line.split()[0] for line in err.splitlines() if line.startswith(NAMES)][-2:] == list(NAMES)


def test_a_film_that_kills_its_workers_is_set_aside_and_what_else_is_wrong_is_told(
    machines: Machines, tmp_path: Path
) -> None:
    gray = np.full((64, 96), round(16 + KILLS * 219 / 255), np.uint8)
    FilmSource([*moving(12, 64, 96), *[gray] * 12]).write(tmp_path / "film.mkv")
    code, _, err = ended(machines.drive(tmp_path / "film.mkv", tmp_path / "out.mkv", command="video"))
    assert code == 6, err
    assert f"{tmp_path / 'film.mkv'}: its worker died: " in err
    assert re.search(r", [34] times", err)  # two die at once
    assert "color it by itself, with 'archivecolor video'" in err
    assert not (tmp_path / "out.mkv").exists()
    assert left(tmp_path) == [".out.mkv.shards"]


@pytest.mark.parametrize("more", [{"keep_work": True}, {"jobs": -1}])
def test_settings_that_make_no_sense_for_many_machines_are_refused(more: dict[str, bool]) -> None:
    with pytest.raises(UsageError):
        FilmSettings(cluster=ClusterSettings(), **more)  # type: ignore[arg-type]


def test_what_will_not_do_is_told_before_the_film_is_read(
    tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, there = film(tmp_path / "film.mp4", shots=1), tmp_path / "there.mov"
    there.touch()
    monkeypatch.setattr("archivecolor.runs.film.plan.scan", lambda *_: pytest.fail("the film was read"))
    for code, told, words in (
        (4, "no Ray cluster answers at 127.0.0.1:9", (source, tmp_path / "o.mov")),
        (3, "no.mp4: there is no such file", (tmp_path / "no.mp4", tmp_path / "o.mov")),
        (5, "there.mov: already exists", (source, there)),
        (2, "films are written as .mp4", (source, tmp_path / "o.txt")),
        (2, "share a film on a disk that all of them see", (source, "s3://bucket/o.mov")),
        (2, "--preview and --cluster cannot be used together", (source, tmp_path / "o.png", "--preview")),
        (2, "--keep-work and --cluster cannot be used together", (source, tmp_path / "o.mov", "--keep-work")),
        (2, "--shard and --cluster cannot be used together", (source, tmp_path / "o.mov", "--shard", "1/2")),
    ):
        done = run("video", *words, "--cluster", "127.0.0.1:9")
        assert (done.code, told in done.err) == (code, True), done.err
        assert len(done.err.splitlines()) <= 2
    assert sorted(path.name for path in tmp_path.iterdir()) == ["film.mp4", "there.mov"]
    refused = run("video", source, tmp_path / "o.mov", "--workers", "2")
    assert (refused.code, "--workers is for a cluster" in refused.err) == (2, True)
    with pytest.raises(ArchiveColorError, match="no Ray cluster answers"):
        color_film(source, tmp_path / "o.mov", FilmSettings(cluster=ClusterSettings(address="127.0.0.1:9")))
