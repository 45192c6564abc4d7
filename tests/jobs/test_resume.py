"""The rules of going on, one by one: what is made again, what is left, and whose file is never touched."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from archivecolor.errors import InputError, OutputError
from archivecolor.jobs import resume
from archivecolor.jobs.digests import read_state
from archivecolor.jobs.journal import EngineUsed, Entry, FileState, Kind, Status
from archivecolor.jobs.resume import Decision, Reason, Rules, Wanted, decide

NOW, OTHER = "0123456789abcdef", "fedcba9876543210"
WEIGHTS = "5" * 64
ENGINE = EngineUsed("archive", WEIGHTS, "ONNX Runtime, CPU")


@pytest.fixture
def wanted(tmp_path: Path) -> Wanted:
    """A source that is there, and a result that is not."""
    (tmp_path / "in").mkdir()
    (tmp_path / "out").mkdir()
    (tmp_path / "in" / "a.png").write_bytes(b"gray")
    source, out = tmp_path / "in/a.png", tmp_path / "out"
    return Wanted(source, out, out / "a.png", "a.png", frozenset({NOW}), WEIGHTS)


@pytest.fixture
def colored(wanted: Wanted) -> Entry:
    """The entry of a result that is there, and of the source as it is."""
    wanted.target.write_bytes(b"color")
    return Entry(
        "a.png",
        Kind.STILL,
        Status.COLORED,
        1,
        NOW,
        "2026-01-31T20:15:00+00:00",
        0.5,
        source_file=read_state(wanted.source),
        result="a.png",
        result_file=read_state(wanted.target),
        engine=ENGINE,
    )


@pytest.fixture
def skipped(wanted: Wanted) -> Entry:
    """The entry of a picture that needs no color."""
    state = read_state(wanted.source)
    return Entry("a.png", Kind.STILL, Status.SKIPPED, 1, NOW, "2026-01-31T20:15:00+00:00", 0.5, state, engine=ENGINE)


def failed(wanted: Wanted, kept: str | None = None) -> Entry:
    state = FileState(wanted.source.stat().st_size, wanted.source.stat().st_mtime_ns)
    return Entry("a.png", Kind.STILL, Status.FAILED, 1, "", "2026-01-31", 0.0, state, replaces_sha256=kept)


def touch(path: Path) -> None:
    """Give a file another time of change."""
    os.utime(path, ns=(0, path.stat().st_mtime_ns + 1_000_000_000))


def change(path: Path, content: bytes = b"something else") -> None:
    path.write_bytes(content)
    touch(path)


def made(reason: Reason, replaces: str | None = None) -> Decision:
    return Decision(make=True, reason=reason, replaces_sha256=replaces)


def left(reason: Reason) -> Decision:
    return Decision(make=False, reason=reason)


def test_what_was_never_met_is_made(wanted: Wanted) -> None:
    assert decide(wanted, None, Rules()) == made(Reason.NEW)


def test_a_result_that_no_run_made_is_left(wanted: Wanted) -> None:
    wanted.target.write_bytes(b"somebody's")
    assert decide(wanted, None, Rules()) == left(Reason.FOREIGN)


def test_what_is_done_and_unchanged_is_left_without_reading_anything(
    wanted: Wanted, colored: Entry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resume, "read_state", None)
    assert decide(wanted, colored, Rules()) == left(Reason.DONE)


def test_a_missing_result_is_made_again(wanted: Wanted, colored: Entry) -> None:
    wanted.target.unlink()
    assert decide(wanted, colored, Rules()) == made(Reason.MISSING)


def test_a_changed_source_is_made_again_in_place_of_its_own_result(wanted: Wanted, colored: Entry) -> None:
    change(wanted.source)
    assert colored.result_file
    assert decide(wanted, colored, Rules()) == made(Reason.SOURCE, colored.result_file.sha256)


def test_a_source_changed_without_changing_its_size_is_made_again(wanted: Wanted, colored: Entry) -> None:
    change(wanted.source, b"Gray")
    assert decide(wanted, colored, Rules()).reason is Reason.SOURCE


def test_a_source_that_was_only_touched_is_left_and_its_new_time_noted(wanted: Wanted, colored: Entry) -> None:
    touch(wanted.source)
    decision = decide(wanted, colored, Rules())
    assert (decision.make, decision.reason) == (False, Reason.DONE)
    assert decision.noted == replace(colored, source_file=read_state(wanted.source))
    assert decide(wanted, decision.noted, Rules()) == left(Reason.DONE)


def test_other_settings_make_it_again(wanted: Wanted, colored: Entry) -> None:
    assert colored.result_file
    again = decide(replace(wanted, settings=frozenset({OTHER})), colored, Rules())
    assert again == made(Reason.SETTINGS, colored.result_file.sha256)
    assert decide(replace(wanted, settings=frozenset({OTHER, NOW})), colored, Rules()) == left(Reason.DONE)


def test_another_generator_makes_it_again_and_another_runtime_does_not(wanted: Wanted, colored: Entry) -> None:
    elsewhere = replace(colored, engine=replace(ENGINE, runtime="TensorRT"))
    assert decide(wanted, elsewhere, Rules()) == left(Reason.DONE)
    assert decide(replace(wanted, weights_sha256="6" * 64), colored, Rules()).reason is Reason.GENERATOR


def test_an_entry_whose_run_was_lost_is_taken_for_one_of_the_same_generator(wanted: Wanted, colored: Entry) -> None:
    assert decide(wanted, replace(colored, engine=None), Rules()) == left(Reason.DONE)


def test_a_result_that_somebody_altered_is_left_whatever_changed(wanted: Wanted, colored: Entry) -> None:
    change(wanted.target, b"retouched by hand")
    assert decide(wanted, colored, Rules()) == left(Reason.DONE)
    assert decide(replace(wanted, settings=frozenset({OTHER})), colored, Rules()) == left(Reason.ALTERED)
    change(wanted.source)
    assert decide(wanted, colored, Rules()) == left(Reason.ALTERED)


def test_a_result_that_was_only_touched_is_still_ours(wanted: Wanted, colored: Entry) -> None:
    touch(wanted.target)
    assert decide(replace(wanted, settings=frozenset({OTHER})), colored, Rules()).make


def test_overwrite_makes_everything(wanted: Wanted, colored: Entry, skipped: Entry) -> None:
    rules = Rules(overwrite=True)
    assert colored.result_file
    assert decide(wanted, colored, rules) == made(Reason.OVERWRITE, colored.result_file.sha256)
    assert decide(wanted, None, rules) == made(Reason.OVERWRITE)
    wanted.target.unlink()
    for entry in (None, colored, skipped):
        assert decide(wanted, entry, rules) == made(Reason.NEW)


def test_a_result_in_another_format_is_made_beside_the_first(wanted: Wanted, colored: Entry) -> None:
    beside = replace(wanted, target=wanted.out / "a.tif", result="a.tif")
    assert decide(beside, colored, Rules()) == made(Reason.SETTINGS)
    beside.target.write_bytes(b"somebody's")
    assert decide(beside, colored, Rules()) == left(Reason.FOREIGN)


def test_a_copy_lies_under_its_own_name_whatever_the_format(wanted: Wanted, colored: Entry) -> None:
    copied = replace(colored, status=Status.COPIED)
    beside = replace(
        wanted, target=wanted.out / "a.tif", result="a.tif", weights_sha256="another generator has no part in it"
    )
    assert decide(beside, copied, Rules()) == left(Reason.DONE)


def test_what_needs_no_color_is_looked_at_again_only_when_something_changed(wanted: Wanted, skipped: Entry) -> None:
    assert decide(wanted, skipped, Rules()) == left(Reason.SKIPPED)
    assert decide(replace(wanted, weights_sha256="6" * 64), skipped, Rules()) == left(Reason.SKIPPED)
    assert decide(replace(wanted, settings=frozenset({OTHER})), skipped, Rules()) == made(Reason.SETTINGS)
    change(wanted.source)
    assert decide(wanted, skipped, Rules()) == made(Reason.SOURCE)


def test_what_failed_is_tried_again(wanted: Wanted) -> None:
    assert decide(wanted, failed(wanted), Rules()) == made(Reason.FAILED)
    assert decide(wanted, replace(failed(wanted), source_file=None), Rules()) == made(Reason.FAILED)


def test_what_failed_does_not_replace_what_somebody_put_there(wanted: Wanted) -> None:
    wanted.target.write_bytes(b"somebody's")
    assert decide(wanted, failed(wanted), Rules()) == left(Reason.FOREIGN)
    assert decide(wanted, failed(wanted, kept="0" * 64), Rules()) == left(Reason.FOREIGN)


def test_what_failed_replaces_the_earlier_result_that_it_had(wanted: Wanted, colored: Entry) -> None:
    assert colored.result_file
    ours = colored.result_file.sha256
    assert decide(wanted, failed(wanted, kept=ours), Rules()) == made(Reason.FAILED, ours)


def test_a_result_noted_but_never_named_is_made_again(wanted: Wanted, colored: Entry) -> None:
    """The power went between the journal's line and the result's name: the earlier result still lies there."""
    assert colored.result_file
    earlier = colored.result_file.sha256
    noted = replace(colored, result_file=FileState(99, 1, "7" * 64), replaces_sha256=earlier)
    assert decide(wanted, noted, Rules()) == made(Reason.MISSING, earlier)


def test_a_result_that_replaced_another_and_was_touched_is_done(wanted: Wanted, colored: Entry) -> None:
    touch(wanted.target)
    replaced = replace(colored, replaces_sha256="7" * 64)
    decision = decide(wanted, replaced, Rules())
    assert (decision.make, decision.reason) == (False, Reason.DONE)
    assert decision.noted == replace(colored, result_file=read_state(wanted.target))
    change(wanted.target)
    assert decide(wanted, replaced, Rules()) == left(Reason.DONE)


def test_chosen_items_keep_their_settings_until_they_are_chosen_again(wanted: Wanted, colored: Entry) -> None:
    chosen, elsewise = replace(colored, chosen=True), replace(wanted, settings=frozenset({OTHER}))
    assert decide(elsewise, chosen, Rules()) == left(Reason.CHOSEN)
    assert decide(replace(wanted, weights_sha256="6" * 64), chosen, Rules()) == left(Reason.CHOSEN)
    assert decide(elsewise, chosen, Rules(chosen=True)).reason is Reason.SETTINGS
    assert decide(wanted, chosen, Rules()) == left(Reason.DONE)
    change(wanted.source)
    assert decide(elsewise, chosen, Rules()).reason is Reason.SOURCE


def test_a_source_that_vanished_is_told(wanted: Wanted, colored: Entry) -> None:
    wanted.source.unlink()
    with pytest.raises(InputError, match="there is no such file"):
        decide(wanted, colored, Rules())


@pytest.mark.parametrize("make", [Path.touch, Path.mkdir, lambda p: p.symlink_to("nowhere")])
def test_what_can_be_no_result_is_told_unless_it_may_be_overwritten(wanted: Wanted, make: object) -> None:
    assert callable(make)
    make(wanted.target)
    with pytest.raises(OutputError, match="exists and is not a picture"):
        decide(wanted, None, Rules())
    assert decide(wanted, None, Rules(overwrite=True)) == made(Reason.OVERWRITE)
