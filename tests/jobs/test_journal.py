"""The journal: whatever is cut off, damaged or full, what was recorded is read, and nothing else."""

from __future__ import annotations

import errno
import os
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archivecolor.errors import OutputError
from archivecolor.jobs import journal as journal_module
from archivecolor.jobs import locks
from archivecolor.jobs.atomic import DiskFullError
from archivecolor.jobs.journal import (
    Entry,
    FileState,
    Journal,
    Settings,
    Status,
    journal_path,
    read_journal,
    read_runs,
)
from archivecolor.jobs.journal_index import Index
from archivecolor.jobs.records import TimedConfidence, decode, encode_entry, encode_run, settings_digest
from tests.fakes.disks import tiny_disk
from tests.jobs.recorded import ENGINE, RUN, entries, entry


@given(entries)
def test_every_entry_comes_back_from_its_line_as_it_was(made: Entry) -> None:
    line = encode_entry(made)
    assert line.count(b"\n") == 1
    assert line.isascii()
    assert decode(line, {1: RUN}) == made


def test_a_run_comes_back_from_its_line_as_it_was() -> None:
    assert decode(encode_run(RUN), {}) == RUN


def test_confidence_is_kept_to_four_digits() -> None:
    exact = TimedConfidence(1.23456, 0.123456)
    made = decode(encode_entry(entry("a.png", confidence=0.123456, least_sure=(exact,))), {1: RUN})
    assert made == entry("a.png", confidence=0.1235, least_sure=(TimedConfidence(1.235, 0.1235),))


@pytest.mark.parametrize("state", ['["1",2,null]', '[1,"2",null]', "[1,2,3]", "[1,2]", '{"size":1}'])
def test_an_entry_whose_file_is_none_is_no_entry(state: str, tmp_path: Path) -> None:
    line = encode_entry(entry("a.png", source_file=FileState(1, 2, None)))
    assert line.count(b"[1,2,null]") == 1
    journal_path(tmp_path).parent.mkdir()
    journal_path(tmp_path).write_bytes(line.replace(b"[1,2,null]", state.encode()))
    assert list(read_journal(tmp_path)) == []


def test_fields_of_a_later_version_are_passed_over() -> None:
    line = encode_entry(entry("a.png")).replace(b'"kind"', b'"mood":"blue","kind"')
    assert decode(line, {1: RUN}) == entry("a.png")


def test_a_journal_of_a_later_format_is_refused(tmp_path: Path) -> None:
    with Journal(tmp_path) as journal:
        journal.add_run(replace(RUN, version="9.9", format=RUN.format + 1))
    with pytest.raises(OutputError, match=r"was written by archivecolor 9\.9"):
        list(read_journal(tmp_path))


def test_the_digest_of_settings_does_not_depend_on_their_order_and_changes_with_any_of_them() -> None:
    assert settings_digest({"a": 1, "b": None}) == settings_digest({"b": None, "a": 1})
    assert len({settings_digest(s) for s in ({"a": 1}, {"a": 1.5}, {"a": None}, {"b": 1}, {"a": "1"}, {})}) == 6


def test_a_whole_journal_that_is_opened_again_has_the_new_line_and_no_other(tmp_path: Path) -> None:
    for name in ("a.png", "b.png"):
        with Journal(tmp_path) as journal:
            journal.add(entry(name))
    assert journal_path(tmp_path).read_bytes() == encode_entry(entry("a.png")) + encode_entry(entry("b.png"))


def test_there_is_nothing_to_read_where_there_is_no_journal(tmp_path: Path) -> None:
    assert list(read_journal(tmp_path)) == []
    assert not read_runs(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_the_newest_entry_of_each_item_is_read_with_its_run(tmp_path: Path) -> None:
    with Journal(tmp_path) as journal:
        journal.add_run(RUN)
        journal.add(entry("a.png", status=Status.FAILED, error="is damaged"))
        journal.add(entry("b.png"))
        journal.add(entry("a.png", result="a.png"))
    assert list(read_journal(tmp_path)) == [entry("b.png"), entry("a.png", result="a.png")]
    assert read_runs(tmp_path) == {1: RUN}


def test_settings_that_a_run_comes_to_later_are_added_to_those_that_it_had(tmp_path: Path) -> None:
    later: dict[str, Settings] = {"fedcba9876543210": {"strength": 0.5}}
    with Journal(tmp_path) as journal:
        journal.add_run(RUN)
        journal.add(entry("a.png"))
        journal.add_run(replace(RUN, settings=later))
    assert read_runs(tmp_path) == {1: replace(RUN, settings={**RUN.settings, **later})}


@given(st.lists(entries, min_size=1, max_size=4), st.data())
def test_a_journal_cut_at_any_byte_tells_what_was_whole_and_goes_on(
    tmp_path_factory: pytest.TempPathFactory, made: list[Entry], data: st.DataObject
) -> None:
    lines = [encode_run(RUN), *map(encode_entry, made)]
    whole = b"".join(lines)
    cut = data.draw(st.integers(0, len(whole)))
    out = tmp_path_factory.mktemp("cut")
    journal_path(out).parent.mkdir()
    journal_path(out).write_bytes(whole[:cut])
    kept, used = [], len(lines[0])
    engine = ENGINE if cut >= used - 1 else None  # a line is whole without its line break
    for item, line in zip(made, lines[1:], strict=True):
        used += len(line)
        if cut >= used - 1:
            kept.append(item)
    assert list(read_journal(out)) == newest(kept)
    later = entry("later", engine=engine)
    with Journal(out) as journal:
        journal.add(later)
    assert list(read_journal(out)) == newest([*kept, later])


def newest(made: list[Entry]) -> list[Entry]:
    last = {item.source: number for number, item in enumerate(made)}
    return [made[number] for number in sorted(last.values())]


def test_damaged_lines_in_the_middle_cost_nothing_but_themselves(tmp_path: Path) -> None:
    garbage = [
        b"\0" * 50,
        b"{}",
        b'{"item":{}}',
        b'{"item":[1]}',
        b'{"run":{"number":1}}',
        b"[]",
        b"null",
        b"\xff\xfe",
        b"",
    ]
    good = [encode_entry(entry(f"{i}.png")) for i in range(len(garbage))]
    journal_path(tmp_path).parent.mkdir()
    mixed = [
        encode_run(RUN),
        *(part for pair in zip(garbage, good, strict=True) for part in (pair[0] + b"\n", pair[1])),
    ]
    journal_path(tmp_path).write_bytes(b"".join(mixed))
    assert [e.source for e in read_journal(tmp_path)] == [f"{i}.png" for i in range(len(garbage))]


def test_an_entry_whose_run_was_lost_says_of_no_engine(tmp_path: Path) -> None:
    with Journal(tmp_path) as journal:
        journal.add(entry("a.png", run=7))
    assert [e.engine for e in read_journal(tmp_path)] == [None]
    index = Index(journal_path(tmp_path))
    assert index.last_run == 7  # the next run takes no number that is taken
    index.close()


def test_an_index_finds_each_source_and_what_is_appended_later(tmp_path: Path) -> None:
    with Journal(tmp_path) as journal:
        for i in range(50):
            journal.add(entry(f"{i}.png"), wait=False)
        index = Index(journal_path(tmp_path))
        assert index.lookup("7.png") == entry("7.png", engine=None)
        assert index.lookup("50.png") is None
        journal.add_run(RUN)
        journal.add(entry("7.png", seconds=9.0))
        journal.add(entry("50.png"))
        index.refresh()
    assert index.lookup("7.png") == entry("7.png", seconds=9.0)
    assert index.lookup("50.png") == entry("50.png")
    assert [e.source for e in index.newest()] == [*(f"{i}.png" for i in range(50) if i != 7), "7.png", "50.png"]
    index.close()


def test_names_whose_hashes_collide_are_told_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from archivecolor.jobs import journal_index

    monkeypatch.setattr(journal_index, "hash", lambda _: 1, raising=False)
    with Journal(tmp_path) as journal:
        journal.add(entry("a.png"))
        journal.add(entry("b.png"))
    index = Index(journal_path(tmp_path))
    assert index.lookup("a.png") is None  # not known any more, rather than taken for another
    assert index.lookup("b.png") is not None
    index.close()


def test_a_second_run_is_refused_while_the_first_one_lives(tmp_path: Path) -> None:
    with Journal(tmp_path), pytest.raises(OutputError, match="another run is writing to it"):
        Journal(tmp_path)
    Journal(tmp_path).close()


def test_a_file_system_without_locks_has_a_journal_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(locks, "lock_descriptor", refuse)
    with Journal(tmp_path) as journal:
        journal.add(entry("a.png"))
    assert len(list(read_journal(tmp_path))) == 1


def test_an_entry_is_on_the_disk_before_add_returns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Journal(tmp_path) as journal:
        synced: list[int] = []
        monkeypatch.setattr(os, "fsync", lambda _: synced.append(journal_path(tmp_path).stat().st_size))
        journal.add_run(RUN)
        journal.add(entry("a.png"))
        journal.add(entry("b.png"), wait=False)
        run, line = len(encode_run(RUN)), len(encode_entry(entry("a.png")))
        assert synced == [run, run + line]
        journal.add(entry("c.png"))
        assert synced[2:] == [run + 3 * line]


def test_threads_that_wait_together_share_a_sync_and_each_line_stays_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = {f"{i}.png" for i in range(16)}
    size = sum(len(encode_entry(entry(name))) for name in names)
    syncs = 0
    fsync = os.fsync

    def slow(descriptor: int) -> None:
        """The first sync lasts until every thread has written its line."""
        nonlocal syncs
        syncs += 1
        deadline = time.monotonic() + 60
        while os.fstat(descriptor).st_size < size and time.monotonic() < deadline:
            time.sleep(0.001)
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", slow)
    with Journal(tmp_path) as journal:
        threads = [threading.Thread(target=journal.add, args=(entry(name),)) for name in names]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        # One for the line that came first, one for all that were written meanwhile
        assert syncs <= 2
    assert {e.source for e in read_journal(tmp_path)} == names


def add_many(journal: Journal, count: int) -> None:
    for i in range(count):
        journal.add(entry(f"{i}.png"), wait=False)


def test_a_full_disk_is_told_and_the_line_that_did_not_fit_harms_no_other(tmp_path: Path) -> None:
    with tiny_disk(tmp_path / "disk", 64) as disk:
        with Journal(disk) as journal, pytest.raises(DiskFullError, match="the disk is full"):
            add_many(journal, 10_000)
        written = len(list(read_journal(disk)))
        assert written > 100
        whole = journal_path(disk).read_bytes()
        journal_path(disk).write_bytes(whole[: -len(whole) // 2])  # room, and a line that ends nowhere
        before = [e.source for e in read_journal(disk)]
        with Journal(disk) as journal:
            journal.add(entry("after"))
        assert [e.source for e in read_journal(disk)] == [*before, "after"]


def test_a_write_that_ends_early_is_closed_by_the_next_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Flaky:
        """Writes half a line, and then once fails."""

        def __init__(self, file: Any) -> None:
            self.file, self.left = file, 2

        def write(self, data: memoryview) -> int:
            self.left -= 1
            if self.left == 1:
                return int(self.file.write(data[:10]))
            if self.left == 0:
                raise OSError(errno.ENOSPC, "No space left on device")
            return int(self.file.write(data))

        def __getattr__(self, name: str) -> Any:
            return getattr(self.file, name)

    with Journal(tmp_path) as journal:
        journal.add(entry("a.png"))
        monkeypatch.setattr(journal, "_file", Flaky(journal._file))
        with pytest.raises(DiskFullError):
            journal.add(entry("b.png"))
        journal.add(entry("c.png"))
    assert [e.source for e in read_journal(tmp_path)] == ["a.png", "c.png"]


def test_a_journal_that_cannot_be_made_or_read_is_told(tmp_path: Path) -> None:
    (tmp_path / journal_module.FOLDER).touch()
    with pytest.raises(OutputError, match="cannot be written"):
        Journal(tmp_path)
    (tmp_path / journal_module.FOLDER).unlink()
    journal_path(tmp_path).mkdir(parents=True)
    with pytest.raises(OutputError, match="cannot be read"):
        list(read_journal(tmp_path))
