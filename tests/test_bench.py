"""The benchmark command: what it makes of figures, and that it still runs what it measures."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.bench import __main__ as bench
from tests.bench import growth
from tests.bench.child import Stages
from tests.bench.measuring import Spread, Used, in_turns, ratio


def options(*only: str) -> argparse.Namespace:
    return argparse.Namespace(quick=True, rounds=1, only=list(only), minutes=1, files=100, png=None)


def test_a_ratio_is_taken_round_by_round() -> None:
    whole, floor = ([Used(cpu, 1, 1) for cpu in times] for times in ((3, 8, 5), (2, 4, 5)))
    assert ratio(whole, floor) == Spread(1.5, 1, 2)


def test_what_is_compared_takes_turns() -> None:
    told: list[str] = []

    def run(name: str) -> Used:
        told.append(name)
        return Used(len(told), 1, 1)

    used = in_turns({name: lambda name=name: run(name) for name in ("floor", "whole")}, 2)  # type: ignore[misc]
    assert told == ["floor", "whole", "whole", "floor"]
    assert [u.cpu_s for u in used["floor"]] == [1, 4]


def test_a_stage_does_not_count_the_stages_inside_it() -> None:
    stages = Stages()

    def work() -> None:
        sum(range(200_000))

    def outer() -> None:
        for _ in range(3):
            stages.measure("inner", work)

    stages.measure("outer", outer)
    assert stages.cpu_s["inner"] > 10 * stages.cpu_s["outer"] >= 0


def test_curves_are_drawn_as_text_and_as_a_picture(tmp_path: Path) -> None:
    curve = growth.Curve("film", (10, 100), (2.0, 1.0), (50.0, 50.0))
    lines = curve.as_text().splitlines()
    assert [line.split(" ms ")[1].split()[0].count("#") for line in lines[1:]] == [24, 12]
    growth.draw([curve, curve], tmp_path / "growth.png")
    drawn = np.asarray(Image.open(tmp_path / "growth.png"))
    assert drawn.shape[1] > drawn.shape[0]
    assert (drawn < 100).any()


def test_the_film_benchmark_gives_a_ratio_and_stages(tmp_path: Path) -> None:
    (work,) = bench.chosen(options("film 360p")).values()
    figures, stages = work(tmp_path)
    assert figures["ratio"].median > 1
    assert {name.split(":")[0] for name in stages["stages"]} >= {"survey", "segments", "start", "join"}
    assert json.loads(bench.as_json(figures))["ratio"]["median"] == figures["ratio"].median
    assert "segments: motion" in bench.as_text(stages)


def test_the_benchmark_of_scans_gives_a_ratio(tmp_path: Path) -> None:
    (work,) = bench.chosen(options("scans DPX")).values()
    (figures,) = work(tmp_path)
    assert figures["ratio"].median > 0
    assert {p.name for p in (tmp_path / "plain").iterdir()} == {p.name for p in (tmp_path / "color").iterdir()}


def test_only_takes_the_cases_whose_names_hold_a_word() -> None:
    assert set(bench.chosen(options("JPEG 0", "grow"))) == {"JPEG 0.1 MP, quick", "growth"}


@pytest.mark.parametrize("count", [1, 3])
def test_a_folder_of_links_has_as_many_pictures_as_it_says(tmp_path: Path, count: int) -> None:
    growth._link(tmp_path, count)
    assert len(list(tmp_path.rglob("*.png"))) == count
