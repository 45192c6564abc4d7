"""`cli.progress`: plain lines where there is no terminal, at a pace and a speed that a clock of the test decides."""

from __future__ import annotations

import pytest

from archivecolor.cli import progress as module
from archivecolor.cli.progress import ProgressDisplay
from archivecolor.runs.listener import Progress, Unit


class Clock:
    """Stands still until it is told to go on."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(module, "time", clock)
    return clock


def test_the_rate_counts_the_last_two_minutes(clock: Clock, capsys: pytest.CaptureFixture[str]) -> None:
    with ProgressDisplay(quiet=False) as display:
        for done in range(1, 61):
            clock.now += 1
            display.show(Progress("coloring", done, 100, Unit.ITEMS, failed=done // 30))
        said = capsys.readouterr().err.splitlines()
        assert said == ["31/100 done, 1 failed, 1.03/s, 1 min 07 s left"]
        clock.now += 300
        display.show(Progress("coloring", 61, 100, Unit.ITEMS))
    assert capsys.readouterr().err == f"61/100 done, 0 failed, {1 / 120:.2f}/s, 1 h 18 min left\n"


def test_of_a_film_only_what_this_run_did_counts_as_speed(clock: Clock, capsys: pytest.CaptureFixture[str]) -> None:
    with ProgressDisplay(quiet=False) as display:
        display.show(Progress("coloring", 1000, 2000, Unit.FRAMES, "a.mp4", frames_per_s=25))
        clock.now += 40
        display.show(Progress("coloring", 1100, 2000, Unit.FRAMES, "a.mp4", frames_per_s=25))
    assert capsys.readouterr().err == "coloring 0:00:44.00 of 0:01:20.00, 2.5 fps, 6 min 00 s left\n"


def test_where_nobody_knows_the_end_none_is_told(clock: Clock, capsys: pytest.CaptureFixture[str]) -> None:
    with ProgressDisplay(quiet=False) as display:
        display.show(Progress("checking", 0, None, Unit.ITEMS))
        clock.now += 30
        display.show(Progress("checking", 60, None, Unit.ITEMS))
        display.show(Progress("reading", 0, 1, Unit.SHARE, "a.mp4"))
        clock.now += 30
        display.show(Progress("reading", 0.25, 1, Unit.SHARE, "a.mp4"))
    assert capsys.readouterr().err == "60 done, 0 failed, 2.00/s\nreading 25%, 1 min 30 s left\n"


def test_of_a_cluster_the_workers_are_told_and_that_it_is_still_listing(
    clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    with ProgressDisplay(quiet=False) as display:
        display.show(Progress("coloring", 0, None, Unit.ITEMS, workers=2))
        clock.now += 30
        display.show(Progress("coloring", 60, None, Unit.ITEMS, workers=2))
        clock.now += 30
        display.show(Progress("coloring", 120, 180, Unit.ITEMS, failed=1, workers=1))
    assert capsys.readouterr().err == (
        "60 done, 0 failed, 2.00/s, still listing, 2 workers\n120/180 done, 1 failed, 2.00/s, 30 s left, 1 worker\n"
    )


def test_a_quiet_command_shows_no_progress(clock: Clock, capsys: pytest.CaptureFixture[str]) -> None:
    with ProgressDisplay(quiet=True) as display:
        for done in range(100):
            clock.now += 60
            display.show(Progress("coloring", done, 100, Unit.ITEMS))
    assert capsys.readouterr().err == ""
