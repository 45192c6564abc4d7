"""Of two runs that planned at the same time, one writes; and what it writes of each item."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from archivecolor.errors import InputError, OutputError
from archivecolor.jobs.atomic import AlreadyExistsError
from archivecolor.jobs.journal import journal_path, read_journal
from archivecolor.jobs.recording import Recorder, begin
from archivecolor.jobs.records import Entry, FileState, Kind, Status
from archivecolor.jobs.resume import Reason
from archivecolor.jobs.tasks import Task


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
        with pytest.raises(OutputError, match="another run is writing to it"):
            second.claim()
        assert not second.holds_journal
        with pytest.raises(OutputError, match="another run is writing to it"):
            recorder(tmp_path)


def test_a_run_that_planned_before_another_wrote_is_refused(tmp_path: Path) -> None:
    source = tmp_path / "a.png"
    with recorder(tmp_path) as late:
        with recorder(tmp_path) as first:
            first.claim()
            first.failed("a.png", source, Kind.STILL, InputError(f"{source}: is no picture"))
        with pytest.raises(OutputError, match="another run has written to it"):
            late.claim()
    assert [entry.run for entry in read_journal(tmp_path)] == [1]


def test_a_run_that_claimed_and_died_leaves_nothing_in_the_way(tmp_path: Path) -> None:
    with recorder(tmp_path) as died:
        died.claim()
    with recorder(tmp_path) as following:
        assert following.holds_journal
        assert following.run.number == 1


@pytest.fixture
def task(tmp_path: Path) -> Task:
    """A scan that is to be colored."""
    source = tmp_path / "in" / "a.png"
    source.parent.mkdir()
    source.write_bytes(b"a scan")
    (tmp_path / "out").mkdir()
    return Task(source, tmp_path / "out" / "a.png", "a.png", Kind.STILL, Reason.NEW)


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def state(path: Path) -> FileState:
    """What a file is, by the system and by hashlib."""
    status = path.stat()
    return FileState(status.st_size, status.st_mtime_ns, sha256(path.read_bytes()))


def note(task: Task, tmp_path: Path) -> Entry:
    """Make the result, not yet under its name, and give what the journal says of it."""
    part = tmp_path / "out" / "part"
    part.write_bytes(b"a result")
    with recorder(task.target.parent) as run, part.open("rb") as file:
        run.claim()
        run.made(begin(task), Status.COLORED, {"strength": 1.0}, task.target, file, ("a warning",), 0.5)
    (entry,) = read_journal(task.target.parent)
    assert entry.result_file == state(part)
    return entry


def test_a_result_is_noted_with_what_it_was_made_of(task: Task, tmp_path: Path) -> None:
    entry = note(task, tmp_path)
    assert (entry.source, entry.status, entry.result) == ("a.png", Status.COLORED, "a.png")
    assert entry.source_file == state(task.source)
    assert (entry.warnings, entry.confidence, entry.replaces_sha256) == (("a warning",), 0.5, None)


@pytest.mark.parametrize("reason", Reason)
def test_what_is_there_is_replaced_if_it_is_the_known_result_or_that_is_wished(
    reason: Reason, task: Task, tmp_path: Path
) -> None:
    task.target.write_bytes(b"older")
    known = Task(task.source, task.target, task.name, task.kind, reason, sha256(b"older"))
    assert note(known, tmp_path).replaces_sha256 == sha256(b"older")
    theirs = Task(task.source, task.target, task.name, task.kind, reason, sha256(b"another"))
    if reason is Reason.OVERWRITE:
        assert note(theirs, tmp_path).replaces_sha256 == sha256(b"older")
    else:
        with pytest.raises(AlreadyExistsError, match=r"a\.png: already exists"):
            note(theirs, tmp_path)


def test_a_source_that_changed_meanwhile_makes_no_result(task: Task, tmp_path: Path) -> None:
    begun = begin(task)
    os.utime(task.source, ns=(0, 0))
    with recorder(task.target.parent) as run, task.source.open("rb") as file:
        run.claim()
        with pytest.raises(InputError, match=r"a\.png: changed while it was read"):
            run.made(begun, Status.COLORED, {}, task.target, file)
    assert list(read_journal(task.target.parent)) == []


def test_what_needs_no_color_and_what_fails_is_noted_with_its_reason(task: Task, tmp_path: Path) -> None:
    earlier = sha256(b"older")
    known = Task(task.source, task.target, task.name, task.kind, Reason.NEW, earlier)
    with recorder(task.target.parent) as run:
        run.claim()
        run.skipped(begin(known), {}, "is in color already")
        gone = tmp_path / "in" / "gone.png"
        run.failed("gone.png", gone, Kind.STILL, InputError(f"{gone}: is damaged", hint="scan it again"), earlier)
    skipped, failed = read_journal(task.target.parent)
    assert (skipped.status, skipped.warnings) == (Status.SKIPPED, ("is in color already",))
    assert (skipped.source_file, skipped.replaces_sha256) == (state(task.source), earlier)
    assert (failed.status, failed.error, failed.hint) == (Status.FAILED, "is damaged", "scan it again")
    assert (failed.source_file, failed.replaces_sha256, failed.seconds) == (None, earlier, 0)
