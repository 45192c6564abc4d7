"""The page of a run by several machines says which of them made what; one that goes to others says nothing of them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from archivecolor.jobs.journal import EngineUsed, Journal, RunRecord
from archivecolor.report import making
from tests.report.runs import colored, failed, picture

ENGINE = EngineUsed("archive", "0" * 64, "onnx on CPU")


@pytest.mark.parametrize(
    ("machines", "paths", "told"),
    [
        (("node1", "node2"), True, ["archive, onnx on CPU, on node1", "archive, onnx on CPU, on node2"]),
        (("node1", "node2"), False, ["archive, onnx on CPU"] * 2),
        (("node1", "node1"), True, ["archive, onnx on CPU"] * 2),
    ],
)
def test_which_machine_made_what_is_told_where_there_are_several(
    machines: tuple[str, ...], paths: bool, told: list[str], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    with Journal(out) as journal:
        for number, machine in enumerate(machines, 1):
            journal.add_run(RunRecord(number, "2026-01-02T03:04:05Z", "0", ENGINE, machine=machine))
            picture(out / f"{number}.png")
            journal.add(replace(colored(f"{number}.png"), run=number))
    assert [item.engine for item in making.plan(out, "0", paths=paths).items] == told


def test_what_no_known_run_computed_is_told_as_it_is(tmp_path: Path) -> None:
    out = tmp_path / "out"
    with Journal(out) as journal:
        for number in (1, 2):
            journal.add_run(RunRecord(number, "2026-01-02T03:04:05Z", "0", ENGINE, machine=f"node{number}"))
            journal.add(replace(failed(f"{number}.png", "is empty"), run=number))
        journal.add(replace(failed("lost.png", "is empty"), run=9))
    items = {item.source: item.engine for item in making.plan(out, "0").items}
    assert items == {
        "1.png": "archive, onnx on CPU, on node1",
        "2.png": "archive, onnx on CPU, on node2",
        "lost.png": None,
    }


def test_of_a_run_on_a_cluster_each_item_says_which_machine_made_it(tmp_path: Path) -> None:
    out = tmp_path / "out"
    with Journal(out) as journal:
        journal.add_run(RunRecord(1, "2026-01-02T03:04:05Z", "0", ENGINE, machine="head"))
        for name, machine in (("a.png", "node1"), ("b.png", None)):
            picture(out / name)
            journal.add(replace(colored(name), run=1, machine=machine))
    assert [item.engine for item in making.plan(out, "0").items] == [
        "archive, onnx on CPU, on node1",
        "archive, onnx on CPU, on head",
    ]
