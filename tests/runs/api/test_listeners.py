"""What a listener raises, and what it is told, in whole runs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from archivecolor import (
    EncodeSettings,
    FolderSettings,
    ItemsFailedError,
    ItemStatus,
    OutputError,
    Purpose,
    Stopped,
    UsageError,
    color_film,
    color_folder,
    strip,
    verify,
)
from archivecolor.jobs.journal import Status, read_journal
from archivecolor.runs.listener import Progress, Unit
from tests.cli.conftest import tree, write
from tests.fakes.listeners import Heard
from tests.runs.api.calls import MASTER, ONE_AT_A_TIME, assert_nothing_is_half_written, whole


class Raising(Heard):
    """Raises ``error`` in one of its methods, the ``time``-th time that it is called."""

    def __init__(self, method: str, error: BaseException, time: int = 1) -> None:
        super().__init__()
        self._error, self._left = error, time
        setattr(self, method, self._raise)

    def _raise(self, *_: object) -> None:
        self._left -= 1
        if not self._left:
            raise self._error


@pytest.mark.parametrize("error", [ValueError("mine"), OSError("mine"), UsageError("mine"), Stopped("mine")], ids=repr)
@pytest.mark.parametrize("method", ["progress", "item_done", "message"])
def test_what_a_listener_raises_ends_a_folder_and_the_next_call_goes_on(
    method: str, error: Exception, scans: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    with pytest.raises(type(error), match="mine") as caught:
        color_folder(scans, out, ONE_AT_A_TIME, listener=Raising(method, error))
    assert caught.value is error
    assert_nothing_is_half_written(out)
    assert [e for e in read_journal(out) if e.status is Status.FAILED] == []
    made = len(tree(out)) if out.exists() else 0
    assert color_folder(scans, out, ONE_AT_A_TIME).colored == 12 - made
    assert tree(out) == whole(scans, tmp_path / "whole")


def test_a_listener_that_raises_at_a_failure_ends_the_run(scans: Path, tmp_path: Path) -> None:
    (scans / "0" / "00.png").write_bytes(b"")
    with pytest.raises(KeyError):
        color_folder(scans, tmp_path / "out", ONE_AT_A_TIME, listener=Raising("item_failed", KeyError()))
    assert_nothing_is_half_written(tmp_path / "out")
    record = color_folder(scans, tmp_path / "out", ONE_AT_A_TIME)
    assert (record.failed, len(tree(tmp_path / "out"))) == (1, 11)
    with pytest.raises(ItemsFailedError):
        record.raise_for_failures()


def test_what_a_listener_raises_while_a_dry_run_is_planned_is_no_failed_item(scans: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    color_folder(scans, out)
    with pytest.raises(OutputError, match="mine"):
        color_folder(scans, out, listener=Raising("item_done", OutputError("mine")), dry_run=True)
    with pytest.raises(OutputError, match="mine"):
        color_folder(scans, out, listener=Raising("item_done", OutputError("mine")))
    assert {entry.status for entry in read_journal(out)} == {Status.COLORED}


@pytest.mark.parametrize("error", [ValueError("mine"), OSError("mine"), OutputError("mine")], ids=repr)
def test_what_a_listener_raises_ends_a_film_and_the_next_call_goes_on(
    error: Exception, film: Path, tmp_path: Path
) -> None:
    target = tmp_path / "out" / "a.mkv"
    reading = len(_reading(film, tmp_path))
    with pytest.raises(type(error)) as caught:
        color_film(film, target, MASTER, listener=Raising("progress", error, reading + 50))
    assert caught.value is error
    assert not target.exists()
    record = color_film(film, target, MASTER)
    assert (record.frames, record.resumed) == (90, 45)
    assert [path.name for path in target.parent.iterdir()] == ["a.mkv"]


def _reading(film: Path, tmp_path: Path) -> list[Progress]:
    """What is told while a film is read."""
    heard = Heard()
    color_film(film, tmp_path / "heard.mkv", MASTER, listener=heard)
    return [p for p in heard.done if p.doing == "reading"]


@pytest.mark.parametrize("error", [ValueError("mine"), OSError("mine"), OutputError("mine"), Stopped("mine")], ids=repr)
def test_what_a_listener_raises_ends_a_film_inside_a_folder(error: Exception, film: Path, tmp_path: Path) -> None:
    write(film.parent / "b.png")
    out, settings = tmp_path / "out", FolderSettings(encode=EncodeSettings(Purpose.MASTER))

    def in_the_second_segment(progress: Progress) -> None:
        if progress.unit is Unit.FRAMES and progress.done > 40:
            raise error

    with pytest.raises(type(error)) as caught:
        color_folder(film.parent, out, settings, listener=Heard(in_the_second_segment))
    assert caught.value is error
    assert {"b.png", "a.mkv"} & set(tree(out)) == {"b.png"}
    assert [e.source for e in read_journal(out)] == ["b.png"]
    heard = Heard()
    record = color_folder(film.parent, out, settings, listener=heard)
    assert (record.colored, record.failed) == (1, 0)
    assert any("30 of 90 frames" in text for text in heard.messages)
    assert sorted(tree(out)) == ["a.mkv", "b.png"]


def test_what_a_listener_raises_ends_a_verification(scans: Path, tmp_path: Path) -> None:
    color_folder(scans, tmp_path / "out")
    before = tree(tmp_path / "out")
    with pytest.raises(OSError, match="mine"):
        verify(tmp_path / "out", scans, listener=Raising("item_done", OSError("mine"), 3))
    assert verify(tmp_path / "out", scans).proved == 12
    assert tree(tmp_path / "out") == before


def test_what_a_listener_raises_ends_stripping_and_the_next_call_goes_on(scans: Path, tmp_path: Path) -> None:
    color_folder(scans, tmp_path / "out")
    with pytest.raises(OSError, match="mine"):
        strip(tmp_path / "out", tmp_path / "gray", jobs=1, listener=Raising("item_done", OSError("mine"), 3))
    assert_nothing_is_half_written(tmp_path / "gray")
    there = len(tree(tmp_path / "gray"))
    assert 3 <= there < 12
    record = strip(tmp_path / "out", tmp_path / "gray")
    assert (record.stripped, record.existing, record.failed) == (12 - there, there, 0)
    for name in tree(scans):
        with Image.open(scans / name) as was, Image.open(tmp_path / "gray" / name) as now:
            assert np.array_equal(np.asarray(was), np.asarray(now))


def test_progress_adds_up(scans: Path, tmp_path: Path) -> None:
    (scans / "2" / "11.png").write_bytes(b"")
    (scans / "notes.txt").write_text("no picture")
    heard = Heard()
    record = color_folder(scans, tmp_path / "out", ONE_AT_A_TIME, listener=heard)
    assert (record.colored, record.failed, record.counts[ItemStatus.IGNORED]) == (11, 1, 1)
    assert [(p.doing, p.done, p.total) for p in heard.done] == [
        ("coloring", n, heard.done[0].total) for n in range(len(heard.done))
    ]
    assert heard.done[-1].done == heard.done[-1].total
    assert len(heard.items) + len(heard.failed) == 13
    checking, stripping = Heard(), Heard()
    verify(tmp_path / "out", scans, listener=checking)
    strip(tmp_path / "out", tmp_path / "gray", listener=stripping)
    for told, doing in ((checking, "checking"), (stripping, "stripping")):
        assert [(p.doing, p.done) for p in told.done] == [(doing, n) for n in range(1, 12)]


def test_outcomes_name_files_as_the_record_counts_them(scans: Path, tmp_path: Path) -> None:
    heard = Heard()
    color_folder(str(scans), str(tmp_path / "out"), listener=heard)
    assert sorted(o.name for o in heard.items) == sorted(tree(scans))
    for outcome in heard.items:
        assert outcome.source == scans / outcome.name
        assert outcome.target == tmp_path / "out" / outcome.name
        assert outcome.record()["status"] == "colored"
