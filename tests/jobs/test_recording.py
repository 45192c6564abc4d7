"""Of two runs that planned at the same time, one writes."""

from __future__ import annotations

from pathlib import Path

import pytest

from archivecolor.errors import InputError, OutputError
from archivecolor.jobs.journal import journal_path, read_journal
from archivecolor.jobs.recording import Recorder
from archivecolor.jobs.records import Kind


def recorder(out: Path) -> Recorder:
    return Recorder(out, "0", chosen=False)


def test_a_run_that_has_nothing_to_say_makes_no_journal(tmp_path: Path) -> None:
    with recorder(tmp_path) as run:
        assert not run.holds_journal
    assert not journal_path(tmp_path).exists()


def test_a_run_that_planned_while_another_began_is_refused(tmp_path: Path) -> None:
    with recorder(tmp_path) as first, recorder(tmp_path) as second:
        first.claim()
        first.claim()
        assert first.holds_journal
        with pytest.raises(OutputError, match="another run is writing into it"):
            second.claim()
        assert not second.holds_journal
        with pytest.raises(OutputError, match="another run is writing into it"):
            recorder(tmp_path)


def test_a_run_that_planned_before_another_wrote_is_refused(tmp_path: Path) -> None:
    source = tmp_path / "a.png"
    with recorder(tmp_path) as late:
        with recorder(tmp_path) as first:
            first.claim()
            first.failed("a.png", source, Kind.STILL, InputError(f"{source}: is no picture"))
        with pytest.raises(OutputError, match="another run has written into it"):
            late.claim()
    assert [entry.run for entry in read_journal(tmp_path)] == [1]


def test_a_run_that_claimed_and_died_leaves_nothing_in_the_way(tmp_path: Path) -> None:
    with recorder(tmp_path) as died:
        died.claim()
    with recorder(tmp_path) as following:
        assert following.holds_journal
        assert following.run.number == 1
