from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archivecolor.chroma.temporal import LOOKAHEAD
from archivecolor.film.segments import (
    MadeSegment,
    SegmentJournal,
    ShotConfidence,
    clear_finished,
    mean_confidence,
    plan_segments,
)
from archivecolor.jobs.locks import BusyError


@given(
    steps=st.lists(st.floats(0.001, 3), min_size=1, max_size=300),
    cuts=st.sets(st.integers(0, 320), max_size=12),
    longest=st.floats(0.5, 20),
    data=st.data(),
)
def test_every_frame_is_in_exactly_one_segment(
    steps: list[float], cuts: set[int], longest: float, data: st.DataObject
) -> None:
    times = [sum(steps[:i]) for i in range(len(steps))]
    first = data.draw(st.integers(0, len(times) - 1))
    segments = plan_segments(times, sorted(cuts), first, longest)
    assert segments[0].first == first
    assert segments[-1].last == len(times)
    assert all(a.last == b.first for a, b in pairwise(segments))
    for s in segments:
        assert first <= s.read_first <= s.first < s.last <= s.read_last <= len(times)
        inner = {c for c in cuts if s.read_first < c < s.read_last}
        assert inner <= set(s.starts)
        assert not any(s.read_first < c < s.first or s.last <= c < s.read_last for c in cuts)


def test_short_shots_share_a_segment_and_a_long_take_is_split_with_frames_to_warm_up() -> None:
    times = [i / 25 for i in range(25 * 100)]
    segments = plan_segments(times, [100, 200, 300])
    assert segments[0].last == 300
    assert {s.starts[0] for s in segments[1:]} == {300}
    assert all(times[s.last - 1] - times[s.first] <= 30 for s in segments)
    assert segments[1].read_first == 300
    assert segments[2].first - segments[2].read_first == 80
    assert segments[2].read_last - segments[2].last == 40 > LOOKAHEAD


def test_a_journal_survives_being_cut_off_at_any_byte(tmp_path: Path) -> None:
    with SegmentJournal(tmp_path / "work", "film") as journal:
        for number in range(3):
            journal.segment_path(number).write_bytes(b"x" * (number + 5))
            journal.add(MadeSegment(number, 10, 2, number + 5))
    whole = (tmp_path / "work" / "journal.jsonl").read_bytes()
    ends = [i + 1 for i, b in enumerate(whole) if b == ord("\n")]
    for size in range(ends[0], len(whole) + 1):
        (tmp_path / "work" / "journal.jsonl").write_bytes(whole[:size])
        with SegmentJournal(tmp_path / "work", "film") as again:
            assert len(again.made) == sum(end <= size for end in ends[1:])
            again.add(MadeSegment(0, 10, 2, 5))
        with SegmentJournal(tmp_path / "work", "film") as last:
            assert 0 in last.made


def test_a_journal_adds_up_how_sure_the_generator_was_of_shots_that_lie_in_several_segments(tmp_path: Path) -> None:
    parts = [(ShotConfidence(0, 3, 0.2), ShotConfidence(30, 1, 0.9)), (ShotConfidence(30, 3, 0.5),)]
    with SegmentJournal(tmp_path / "work", "film") as journal:
        for number, confidence in enumerate(parts):
            journal.segment_path(number).write_bytes(b"12345")
            journal.add(MadeSegment(number, 10, 2, 5, confidence))
    with SegmentJournal(tmp_path / "work", "film") as again:
        assert again.made == {0: MadeSegment(0, 10, 2, 5, parts[0]), 1: MadeSegment(1, 10, 2, 5, parts[1])}
        first, second = again.confidence
    assert (first.first, first.asked, second.first, second.asked) == (0, 3, 30, 4)
    assert (first.mean, second.mean) == pytest.approx((0.2, 0.6))
    assert mean_confidence(again.confidence) == pytest.approx(3 / 7)
    assert mean_confidence([]) is None


@pytest.mark.parametrize("harm", ["other film", "file gone", "file short"])
def test_a_journal_counts_only_what_is_really_there(tmp_path: Path, harm: str) -> None:
    with SegmentJournal(tmp_path / "work", "film") as journal:
        journal.segment_path(0).write_bytes(b"12345")
        journal.add(MadeSegment(0, 10, 2, 5))
    if harm == "file gone":
        journal.segment_path(0).unlink()
    if harm == "file short":
        journal.segment_path(0).write_bytes(b"123")
    with SegmentJournal(tmp_path / "work", "another" if harm == "other film" else "film") as again:
        assert again.made == {}


def test_while_one_run_has_a_journal_open_another_harms_nothing(tmp_path: Path) -> None:
    with SegmentJournal(tmp_path / "work", "film") as journal:
        journal.segment_path(0).write_bytes(b"12345")
        journal.add(MadeSegment(0, 10, 2, 5))
        for fingerprint in ("film", "another"):
            with pytest.raises(BusyError, match="another run is writing to it"):
                SegmentJournal(tmp_path / "work", fingerprint)
        journal.finish()
        assert not clear_finished(tmp_path / "work")
    with SegmentJournal(tmp_path / "work", "film") as again:
        assert set(again.made) == {0}


def test_only_a_finished_work_folder_is_cleared(tmp_path: Path) -> None:
    work = tmp_path / "work"
    assert not clear_finished(work)
    with SegmentJournal(work, "film") as journal:
        journal.segment_path(0).write_bytes(b"12345")
        journal.add(MadeSegment(0, 10, 2, 5))
    assert not clear_finished(work)
    with SegmentJournal(work, "film") as journal:
        assert set(journal.made) == {0}
        journal.finish()
    assert clear_finished(work)
    assert not work.exists()


def test_a_work_folder_whose_run_was_killed_while_it_deleted_it_is_cleared(tmp_path: Path) -> None:
    work = tmp_path / "work"
    work.mkdir()
    (work / "journal.lock").touch()
    assert clear_finished(work)
    assert not work.exists()


def test_a_lock_that_a_killed_run_left_is_no_other_thing(tmp_path: Path) -> None:
    (tmp_path / "journal.lock").touch()
    with SegmentJournal(tmp_path, "film"):
        assert {path.name for path in tmp_path.iterdir()} == {"journal.lock", "journal.jsonl"}
    assert [path.name for path in tmp_path.iterdir()] == ["journal.jsonl"]


def test_what_was_made_with_other_words_on_its_shots_is_made_anew(tmp_path: Path) -> None:
    with SegmentJournal(tmp_path / "work", "film", said={1: "painted"}) as journal:
        for number, paint in ((0, ""), (1, "painted")):
            journal.segment_path(number).write_bytes(b"1234567890")
            journal.add(MadeSegment(number, 5, 0, 10, paint=paint))
    with SegmentJournal(tmp_path / "work", "film", said={1: "painted otherwise"}) as journal:
        assert set(journal.made) == {0}
        assert not journal.segment_path(1).exists()
        journal.segment_path(1).write_bytes(b"otherwise!")
    with SegmentJournal(tmp_path / "work", "film", said={1: "painted otherwise"}) as journal:
        assert set(journal.made) == {0}, "it has no line yet"
