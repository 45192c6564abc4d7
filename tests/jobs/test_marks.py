"""Marks: files of them, whoever wrote these, and what comes of those of several reviewers."""

from __future__ import annotations

import itertools
import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from archivecolor.errors import InputError
from archivecolor.jobs.journal import FOLDER
from archivecolor.jobs.mark_book import Judged, applied, keep_marks, kept_marks
from archivecolor.jobs.marks import BadMarkError, Mark, Verdict, instant, read_marks

ODD = os.fsdecode(b"box/bytes \xff.png")


def mark(path: str, verdict: str = "accepted", day: int = 1, by: str = "anna", note: str = "") -> Mark:
    return Mark(f"2026-05-{day:02d}T10:00:00.000Z", by, Verdict(verdict), note, path)


def written(path: Path, *marks: dict[str, object]) -> Path:
    path.write_text(json.dumps({"format": "archivecolor-marks", "version": 1, "out": "/out", "marks": marks}))
    return path


def row(path: str, **more: object) -> dict[str, object]:
    return {"path": path, "mark": "accepted", "note": "", "at": "2026-05-01T10:00:00.000Z", "by": "anna", **more}


def test_a_json_of_the_page_is_read_as_it_was_written(tmp_path: Path) -> None:
    path = written(tmp_path / "m", row(ODD), row("b.png", mark="rejected", note="two\nlines, \"and\" '='", by=""))
    read = read_marks(path)
    assert read.problems == ()
    assert read.marks == (mark(ODD), mark("b.png", "rejected", by="", note="two\nlines, \"and\" '='"))


def test_a_csv_of_the_page_is_read_as_it_was_written(tmp_path: Path) -> None:
    path = tmp_path / "marks"
    path.write_bytes(
        b"path,mark,note,at,by\r\n"
        b"box/bytes \xff.png,accepted,,2026-05-01T10:00:00.000Z,anna\r\n"
        b'"a, b.png",later,"two\nlines ""so""",2026-05-01T12:00:00.000+02:00,=anna\r\n'
    )
    read = read_marks(path)
    assert read.problems == ()
    assert read.marks == (mark(ODD), mark("a, b.png", "later", by="=anna", note='two\nlines "so"'))


@pytest.mark.parametrize("divider", [",", ";", "\t"])
def test_a_spreadsheet_may_divide_as_it_likes_and_leave_columns_out(tmp_path: Path, divider: str) -> None:
    path = tmp_path / "marks.csv"
    path.write_text(f"\ufeffMark{divider}Path\r\naccepted{divider}a.png\r\n{divider}\r\n", encoding="utf-8")
    os.utime(path, (1_767_225_600, 1_767_225_600))
    assert read_marks(path).marks == (Mark("2026-01-01T00:00:00.000Z", "", Verdict.ACCEPTED, "", "a.png"),)


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"path": "../a.png"}, "no path below OUT"),
        ({"path": "/etc/passwd"}, "no path below OUT"),
        ({"path": "a/.archivecolor/x"}, "no path below OUT"),
        ({"path": 3}, "no path below OUT"),
        ({"path": "a\0.png"}, "no path below OUT"),
        ({"mark": "maybe"}, "'maybe' is no mark"),
        ({"mark": ["accepted"]}, "is no mark"),
        ({"at": "yesterday"}, "'yesterday' is no time"),
        ({"at": 12}, "is no time"),
        ({"at": (datetime.now(UTC) + timedelta(days=3)).isoformat()}, "yet to come"),
        ({"note": "x" * 10_001}, "too long"),
        ({"by": {"a": 1}}, "no text"),
        ({"note": "\ud800"}, "no text"),
    ],
)
def test_a_row_that_is_no_mark_is_left_out_and_named(tmp_path: Path, wrong: dict[str, object], why: str) -> None:
    read = read_marks(written(tmp_path / "m.json", row("a.png"), row("b.png") | wrong, row("c.png")))
    assert [m.path for m in read.marks] == ["a.png", "c.png"]
    (problem,) = read.problems
    assert problem.startswith(f"{tmp_path / 'm.json'}: mark 2 is left out: ")
    assert why in problem


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"a,b\r\n1,2\r\n",
        b"{",
        b"{}",
        b'{"format": "archivecolor-marks", "version": 1}',
        b'{"format": "archivecolor-marks", "version": 2, "marks": []}',
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b'path,mark\r\n"a,accepted\r\n',
        os.urandom(2000),
    ],
)
def test_what_holds_no_marks_is_one_clear_error(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "marks.json"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"marks\.json: "):
        read_marks(path)
    with pytest.raises(InputError, match="cannot be read"):
        read_marks(tmp_path / "none.json")


def test_marks_of_several_come_to_the_same_in_any_order(tmp_path: Path) -> None:
    anna = [mark("a.png"), mark("b.png", "rejected", 3), mark("c.png")]
    ben = [mark("a.png", "rejected", 2, "ben"), mark("b.png", "accepted", 2, "ben"), mark("c.png", day=4, by="ben")]
    anna_again = [mark("a.png", "later", 1), mark("c.png", "rejected", 2)]
    results = []
    for number, order in enumerate(itertools.permutations((anna, ben, anna_again))):
        out = tmp_path / str(number)
        conflicts = set()
        for marks in order:
            conflicts |= {frozenset((a.by, b.by)) for a, b in keep_marks(out, marks).conflicts}
        assert frozenset(("anna", "ben")) in conflicts
        assert frozenset(("anna",)) not in conflicts, "who thinks better of it contradicts nobody"
        results.append(kept_marks(out))
    assert all(result == results[0] for result in results)
    assert {path: m.verdict for path, m in results[0].items()} == {
        "a.png": Verdict.REJECTED,
        "b.png": Verdict.REJECTED,
        "c.png": Verdict.ACCEPTED,
    }


def test_a_disagreement_is_told_once_with_the_newer_mark_first(tmp_path: Path) -> None:
    first = keep_marks(tmp_path, [mark("a.png", day=2)])
    assert (first.new, first.known, first.conflicts) == (1, 0, ())
    second = keep_marks(tmp_path, [mark("a.png", "rejected", 1, "ben"), mark("a.png", day=2)])
    assert (second.new, second.known) == (1, 1)
    assert second.conflicts == ((mark("a.png", day=2), mark("a.png", "rejected", 1, "ben")),)
    assert keep_marks(tmp_path, [mark("a.png", "rejected", 1, "ben")]).conflicts == ()


def test_what_a_dying_process_left_of_a_line_loses_no_other(tmp_path: Path) -> None:
    keep_marks(tmp_path, [mark("a.png")])
    book = tmp_path / FOLDER / "marks.jsonl"
    whole = book.read_bytes()
    for cut in range(len(whole)):
        book.write_bytes(whole + whole[:cut])
        assert set(kept_marks(tmp_path)) == {"a.png"}
        keep_marks(tmp_path, [mark("b.png")])
        assert set(kept_marks(tmp_path)) == {"a.png", "b.png"}


def test_marks_on_earlier_results_and_on_nothing_do_not_count() -> None:
    marks = {path: mark(path, day=day) for path, day in (("out/a.png", 3), ("b.png", 1), ("gone.png", 2))}
    judged = [
        Judged.of("a.tif", "out/a.png", "2026-05-02T10:00:00+00:00"),
        Judged.of("b.png", None, "2026-05-02T10:00:00+00:00"),
        Judged.of("c.png", "c.png", None),
    ]
    found = applied(marks, judged)
    assert found.marks == {"a.tif": marks["out/a.png"]}
    assert (found.stale, found.strange) == (1, ("gone.png",))


def test_times_are_of_one_form_whatever_zone_they_came_with() -> None:
    assert instant("2026-05-01T12:00:00+02:00") == instant("2026-05-01T10:00:00") == "2026-05-01T10:00:00.000Z"
    with pytest.raises(BadMarkError):
        instant(None)
