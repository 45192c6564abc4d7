"""What there is to review: from the journal, from folders, and from what is missing."""

from __future__ import annotations

from pathlib import Path

import pytest

from archivecolor.errors import InputError
from archivecolor.jobs.journal import Entry, Kind, Status
from archivecolor.report.items import ReviewItem, State, find_items
from tests.film.sources import FilmSource, moving
from tests.report.runs import HOSTILE, TWO_LINES, colored, failed, picture, run_of, skipped, write_journal


def by_source(items: list[ReviewItem]) -> dict[str, ReviewItem]:
    return {item.source: item for item in items}


def test_the_journal_s_newest_word_on_each_source_is_shown_in_the_order_of_the_folders(tmp_path: Path) -> None:
    for name in ("b/z.png", "b/a.png", "a.png"):
        picture(tmp_path / name)
    write_journal(tmp_path, failed("b/z.png", "x: is empty"), colored("b/a.png"), colored("a.png"))
    write_journal(tmp_path, colored("b/z.png", confidence=0.25, warnings=("w",)))
    items = find_items(tmp_path, None)
    assert [item.source for item in items] == ["a.png", "b/a.png", "b/z.png"]
    last = items[-1]
    assert (last.state, last.confidence, last.warnings, last.result) == (State.COLORED, 0.25, ("w",), "b/z.png")
    assert last.engine == "archive, onnx on CPU"


def test_numbers_in_names_are_in_their_order(tmp_path: Path) -> None:
    names = ["box 2/9.png", "box 2/10.png", "box 10/1.png", "box 10/1b.png", "box 10/02.png", "x²/a.png"]
    write_journal(tmp_path, *(colored(name) for name in reversed(names)))
    assert [item.source for item in find_items(tmp_path, None)] == names


def test_a_failure_s_reason_is_told_without_the_path_that_is_told_anyway(tmp_path: Path) -> None:
    write_journal(
        tmp_path, failed("a/b.jpg", "/mnt/scans/a/b.jpg: is damaged: a/b.jpg: ends", "hint"), failed("c", "no")
    )
    items = by_source(find_items(tmp_path, None))
    assert (items["a/b.jpg"].reason, items["a/b.jpg"].hint) == ("is damaged: a/b.jpg: ends", "hint")
    assert items["c"].reason == "no"


def test_a_result_that_has_gone_away_is_missing_and_not_colored(tmp_path: Path) -> None:
    write_journal(tmp_path, colored("gone.png"), skipped("kept.png", "is in color already"))
    items = by_source(find_items(tmp_path, None))
    assert items["gone.png"].state is State.MISSING
    assert items["gone.png"].reason == "its result is not there"
    kept = items["kept.png"]
    assert (kept.state, kept.result, kept.reason, kept.warnings) == (State.SKIPPED, None, "is in color already", ())


def test_a_copy_of_a_picture_that_was_in_color_is_shown(tmp_path: Path) -> None:
    picture(tmp_path / "a.png")
    entry = Entry("a.png", Kind.STILL, Status.SKIPPED, 1, "s", "", 0.1, result="a.png")
    write_journal(tmp_path, entry)
    (item,) = find_items(tmp_path, None)
    assert (item.state, item.result) == (State.SKIPPED, "a.png")


def test_with_the_sources_what_no_run_has_come_to_is_missing(tmp_path: Path) -> None:
    source, out = tmp_path / "in", tmp_path / "out"
    for name in ("a.png", "new/b.jpg"):
        picture(source / name)
    (source / "notes.txt").write_text("no picture")
    picture(out / "a.png")
    write_journal(out, colored("a.png"))
    items = by_source(find_items(out, source))
    assert {name: item.state for name, item in items.items()} == {"a.png": State.COLORED, "new/b.jpg": State.MISSING}
    assert items["new/b.jpg"].reason == "no run has reached it yet"


def test_without_a_journal_every_picture_and_film_is_taken_for_a_result(tmp_path: Path) -> None:
    for name in ("a.png", "deep/er/b.tif", "no suffix"):
        picture(tmp_path / name)
    (tmp_path / "film.mkv").write_bytes(b"\x1a\x45\xdf\xa3")
    (tmp_path / "notes.txt").write_text("no picture")
    items = by_source(find_items(tmp_path, None))
    assert sorted(items) == ["a.png", "deep/er/b.tif", "film.mkv", "no suffix"]
    assert {item.state for item in items.values()} == {State.COLORED}
    assert [name for name, item in items.items() if item.kind is Kind.FILM] == ["film.mkv"]


def test_without_a_journal_sources_are_paired_with_results_of_their_name_or_stem(tmp_path: Path) -> None:
    source, out = tmp_path / "in", tmp_path / "out"
    for name in ("a.png", "b.tif", "c.png", "d.jpg", "d.png"):
        picture(source / name)
    for name in ("a.png", "b.jpg", "d.jpg.png", "d.png.png"):
        picture(out / name)
    found = {item.source: item.result for item in find_items(out, source)}
    expected = {"a.png": "a.png", "b.tif": "b.jpg", "c.png": None, "d.jpg": "d.jpg.png", "d.png": "d.png.png"}
    assert found == expected


def test_without_a_journal_films_are_told_as_a_run_tells_them(tmp_path: Path) -> None:
    """By the run's names, and where other files bear them by content: ``main.ts`` is TypeScript."""
    source, out = tmp_path / "in", tmp_path / "out"
    source.mkdir()
    out.mkdir()
    for name in ("clip.ts", "reel.vob", "reel.avi", "later.vob"):
        FilmSource(moving(6), encoder="mpeg2video", muxer="mpegts").write(source / name)
    (source / "main.ts").write_text("export const GRAY = 1;\n" * 40)
    (source / "empty.mp4").touch()
    for name in ("clip.mkv", "reel.vob.mkv", "reel.avi.mkv", "main.mkv"):
        FilmSource(moving(6)).write(out / name)
    picture(out / "later.png")
    items = find_items(out, source)
    assert {item.kind for item in items} == {Kind.FILM}
    results = {"clip.ts": "clip.mkv", "reel.avi": "reel.avi.mkv", "reel.vob": "reel.vob.mkv"}
    assert {item.source: item.result for item in items} == {**results, "later.vob": None, "empty.mp4": None}
    assert {item.source for item in find_items(source, None)} == {"empty.mp4", "later.vob", *results}


def test_names_come_through_as_the_file_system_has_them(tmp_path: Path) -> None:
    names = {item.source for item in find_items(run_of(tmp_path), None)}
    assert {*HOSTILE, TWO_LINES} <= names


@pytest.mark.parametrize("exists", [True, False])
def test_nothing_to_review_is_an_error_that_says_what_to_give(tmp_path: Path, *, exists: bool) -> None:
    out = tmp_path / "out"
    if exists:
        out.mkdir()
    with pytest.raises(InputError) as caught:
        find_items(out, None)
    assert str(out) in caught.value.message
    assert caught.value.hint
