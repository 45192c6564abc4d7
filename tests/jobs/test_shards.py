"""Shares: every name in exactly one, what schedulers say, and who keeps whom out of an OUT."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import pytest

from archivecolor.errors import UsageError
from archivecolor.jobs.locks import BusyError
from archivecolor.jobs.shards import Shard
from archivecolor.jobs.writers import claim_results
from archivecolor.runs.folder.belonging import group_of


def slurm(own: int, first: int, last: int, count: int, step: int = 1) -> dict[str, str]:
    values = {"ID": own, "MIN": first, "MAX": last, "COUNT": count, "STEP": step}
    return {f"SLURM_ARRAY_TASK_{name}": str(value) for name, value in values.items()}


@pytest.mark.parametrize("name", ["", "a", "box 3/plate 7", "\N{SNOWMAN}", "no \udcff text"])
def test_every_name_is_in_one_share(name: str) -> None:
    for count in (1, 2, 7, 64):
        assert sum(Shard(i, count).holds(name) for i in range(1, count + 1)) == 1


def test_shares_are_alike_in_size_and_the_same_everywhere() -> None:
    sizes = Counter(next(i for i in range(1, 9) if Shard(i, 8).holds(f"box {n % 7}/{n}")) for n in range(8000))
    assert max(sizes.values()) < 1.2 * min(sizes.values())
    assert [Shard(i, 3).holds("box 3/plate 7") for i in (1, 2, 3)] == [False, True, False]


@pytest.mark.parametrize(
    ("names", "group"),
    [
        (("a.tif", "a.TIFF", "a.jpg", "a.tif.png", "a.mkv", "a"), "a"),
        (("1921.05.03.tif", "1921.05.03.jpg"), "1921.05.03"),
        (("box.png/a.tif",), "box.png/a"),
        (("box/.mkv",), "box/"),
    ],
)
def test_files_whose_results_share_a_name_stay_together(names: tuple[str, ...], group: str) -> None:
    assert {group_of(name) for name in names} == {group}


@pytest.mark.parametrize(
    ("text", "environment", "shard"),
    [
        ("3/64", {}, "3/64"),
        ("auto", slurm(0, 0, 63, 64), "1/64"),
        ("auto", slurm(64, 1, 64, 64), "64/64"),
        ("auto", slurm(9, 5, 9, 3, step=2), "3/3"),
        ("auto", slurm(7, 7, 7, 1), "1/1"),
        ("auto", {"JOB_COMPLETION_INDEX": "0", "ARCHIVECOLOR_SHARDS": "8"}, "1/8"),
        ("auto", {"JOB_COMPLETION_INDEX": "7", "ARCHIVECOLOR_SHARDS": "8"}, "8/8"),
    ],
)
def test_a_shard_is_what_is_said_or_what_the_scheduler_says(
    text: str, environment: Mapping[str, str], shard: str
) -> None:
    assert str(Shard.parse(text, environment)) == shard


@pytest.mark.parametrize(
    ("text", "environment", "message"),
    [
        ("0/4", {}, "there is no shard 0 of 4"),
        ("5/4", {}, "there is no shard 5 of 4"),
        ("1/0", {}, "0 shards are not 1 to"),
        ("1/999999", {}, "999999 shards are not 1 to"),
        ("-1/4", {}, "'-1/4' is no shard"),
        ("1", {}, "'1' is no shard"),
        ("\u0661/4", {}, "is no shard"),
        ("auto", {}, "neither is set"),
        ("auto", {"JOB_COMPLETION_INDEX": "3"}, "nothing how many there are"),
        ("auto", {"JOB_COMPLETION_INDEX": "8", "ARCHIVECOLOR_SHARDS": "8"}, "there is no shard 9 of 8"),
        ("auto", {"JOB_COMPLETION_INDEX": "x", "ARCHIVECOLOR_SHARDS": "8"}, "JOB_COMPLETION_INDEX is 'x'"),
        ("auto", {"SLURM_ARRAY_TASK_ID": "3"}, "SLURM_ARRAY_TASK_MIN is ''"),
        ("auto", slurm(3, 1, 7, 3), "not evenly from 1 to 7"),
    ],
)
def test_what_is_no_shard_is_one_line(text: str, environment: Mapping[str, str], message: str) -> None:
    with pytest.raises(UsageError, match=message) as raised:
        Shard.parse(text, environment)
    assert raised.value.hint


def test_shards_of_one_number_work_side_by_side_and_keep_all_else_out(tmp_path: Path) -> None:
    first = claim_results(tmp_path / "of", tmp_path, Shard(1, 4))
    second = claim_results(tmp_path / "of", tmp_path, Shard(2, 4))
    for other in (Shard(1, 4), Shard(1, 2), None):
        with pytest.raises(BusyError, match=r"another run is writing to it \(shard [12]/4, process \d+ on "):
            claim_results(tmp_path / "of", tmp_path, other)
    first.release()
    second.release()
    whole = claim_results(tmp_path / "of", tmp_path)
    with pytest.raises(BusyError, match=r"another run is writing to it \(process"):
        claim_results(tmp_path / "of", tmp_path, Shard(1, 4))
    whole.release()
    claim_results(tmp_path / "of", tmp_path, Shard(1, 2)).release()
