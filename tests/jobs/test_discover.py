"""`jobs.discover`: the walk finds every file once, in one order, and gives no two of them the same place."""

from __future__ import annotations

import inspect
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archivecolor.errors import InputError, OutputError, UsageError
from archivecolor.jobs.discover import Item, PassedBy, check_folders, compile_patterns, lies_inside, walk
from archivecolor.text import as_people_sort


def make(root: Path, *names: str) -> Path:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
    root.mkdir(exist_ok=True)
    return root


def as_png(name: str) -> str:
    return str(Path(name).with_suffix(".png"))


def items(found: Iterator[Item | PassedBy]) -> list[Item]:
    every = list(found)
    assert not [e for e in every if isinstance(e, PassedBy)]
    return [e for e in every if isinstance(e, Item)]


def passed_by(found: Iterator[Item | PassedBy]) -> list[tuple[str, str, bool]]:
    return [(e.name, e.reason, e.failed) for e in found if isinstance(e, PassedBy)]


def test_files_come_sorted_folder_by_folder_and_mirror_the_tree(tmp_path: Path) -> None:
    source = make(tmp_path / "in", "b/2.jpg", "b/1.jpg", "z.jpg", "a.jpg", "B/1.jpg", "b/c/0.jpg", "a/9.jpg")
    found = items(walk(source, tmp_path / "out"))
    assert [i.name for i in found] == ["a.jpg", "z.jpg", "a/9.jpg", "B/1.jpg", "b/1.jpg", "b/2.jpg", "b/c/0.jpg"]
    for item in found:
        assert item.source == source / item.name
        assert item.target == tmp_path / "out" / item.name
        assert item.source.is_file()


def test_numbers_in_names_go_by_their_value_and_blanks_before_them_do_not_count(tmp_path: Path) -> None:
    wanted = ["box 01", "box 1", "box2", "Box3", "box 9", "box 10", "box 10b", "box a", "boxes 1", "box²", "1"]
    folders = [wanted[-1], *wanted[:-1]]
    names = [f"{folder}/scan{n}.jpg" for folder in folders for n in (1, 2, 10, 100, "_1")]
    source = make(tmp_path / "in", *sorted(names))
    assert [i.name for i in items(walk(source, tmp_path / "out"))] == names


@given(st.lists(st.text(), min_size=2, max_size=2, unique=True))
def test_no_two_names_sort_as_one(names: list[str]) -> None:
    assert as_people_sort(names[0]) != as_people_sort(names[1])


def test_two_walks_of_one_tree_say_the_same(tmp_path: Path) -> None:
    source = make(tmp_path / "in", *(f"{i % 7}/{i * 37 % 100}.jpg" for i in range(60)))
    assert list(walk(source, tmp_path / "out")) == list(walk(source, tmp_path / "out"))


def test_hidden_files_and_folders_are_passed_by_silently(tmp_path: Path) -> None:
    source = make(tmp_path / "in", ".hidden.jpg", ".folder/a.jpg", "._a.jpg", ".a.jpg.part", "a.jpg")
    assert [i.name for i in items(walk(source, tmp_path / "out"))] == ["a.jpg"]


def test_an_empty_folder_holds_nothing(tmp_path: Path) -> None:
    assert list(walk(make(tmp_path / "in"), tmp_path / "out")) == []


def test_links_to_files_are_followed_and_links_to_folders_are_told(tmp_path: Path) -> None:
    source = make(tmp_path / "in", "real/a.jpg")
    (source / "link.jpg").symlink_to(source / "real" / "a.jpg")
    (source / "round").symlink_to(source)
    (source / "real" / "up").symlink_to("..")
    (source / "elsewhere").symlink_to(make(tmp_path / "other", "b.jpg"))
    every = list(walk(source, tmp_path / "out"))
    assert [e.name for e in every if isinstance(e, Item)] == ["link.jpg", "real/a.jpg"]
    reason = "is a link to a folder, not followed"
    told = passed_by(iter(every))
    assert sorted(told) == [(name, reason, False) for name in ("elsewhere", "real/up", "round")]


def test_a_link_that_leads_nowhere_or_to_itself_is_a_failure_and_the_rest_goes_on(tmp_path: Path) -> None:
    source = make(tmp_path / "in", "a.jpg", "z.jpg")
    (source / "gone.jpg").symlink_to(source / "no such file")
    (source / "loop.jpg").symlink_to(source / "loop.jpg")
    (source / "ping").symlink_to(source / "pong")
    (source / "pong").symlink_to(source / "ping")
    every = list(walk(source, tmp_path / "out"))
    assert [e.name for e in every if isinstance(e, Item)] == ["a.jpg", "z.jpg"]
    told = [(name, "is a broken link", True) for name in ("gone.jpg", "loop.jpg", "ping", "pong")]
    assert passed_by(iter(every)) == told


def test_a_pipe_is_no_regular_file_and_is_not_opened(tmp_path: Path) -> None:
    source = make(tmp_path / "in", "a.jpg")
    os.mkfifo(source / "pipe.jpg")
    assert passed_by(walk(source, tmp_path / "out")) == [("pipe.jpg", "is not a regular file", False)]


@pytest.mark.parametrize(
    "name",
    [
        "a photograph of 1904.jpg",
        "🖼️ Straße.jpg",
        "-rf.jpg",
        "--help",
        "two\nlines.jpg",
        "tab\tand 'quotes' \"too\".jpg",
        "[abc]*?.jpg",
        "é.jpg",
        "e\u0301.jpg",
        " .jpg",
        "no suffix",
        "n" * 255,
        os.fsdecode(b"latin1-\xe9.jpg"),
    ],
)
def test_any_name_is_found_as_it_is(name: str, tmp_path: Path) -> None:
    source = make(tmp_path / "in", name, f"{name[:100]} folder/{name}")
    found = items(walk(source, tmp_path / "out"))
    assert sorted(i.name for i in found) == sorted([name, f"{name[:100]} folder/{name}"])
    assert all(i.source.is_file() for i in found)
    assert {i.target.name for i in found} == {name}


def test_only_matches_names_and_paths_and_cares_for_case(tmp_path: Path) -> None:
    source = make(tmp_path / "in", "a.jpg", "a.JPG", "b/a.jpg", "b/c.tif", "d/b/e.jpg")

    def matched(*patterns: str) -> list[str]:
        return [i.name for i in items(walk(source, tmp_path / "out", only=compile_patterns(list(patterns))))]

    assert matched("*.jpg") == ["a.jpg", "b/a.jpg", "d/b/e.jpg"]
    assert matched("b/*") == ["b/a.jpg", "b/c.tif"]
    assert matched("a.*") == ["a.JPG", "a.jpg", "b/a.jpg"]
    assert matched("*.tif", "a.JPG") == ["a.JPG", "b/c.tif"]
    assert matched("nothing") == []


def test_only_leaves_out_broken_links_that_do_not_match(tmp_path: Path) -> None:
    source = make(tmp_path / "in", "a.jpg")
    (source / "gone.tif").symlink_to("nowhere")
    assert len(items(walk(source, tmp_path / "out", only=("*.jpg",)))) == 1


def test_only_does_not_change_the_names_that_results_get(tmp_path: Path) -> None:
    source = make(tmp_path / "in", "a.jpg", "a.tif", "b.jpg")
    whole = {i.name: i.target for i in items(walk(source, tmp_path / "out", rename=as_png))}
    part = {i.name: i.target for i in items(walk(source, tmp_path / "out", rename=as_png, only=("*.jpg",)))}
    assert part == {name: whole[name] for name in ("a.jpg", "b.jpg")}


def test_an_empty_pattern_is_refused() -> None:
    with pytest.raises(UsageError, match="empty --only"):
        compile_patterns(["*.jpg", ""])


def test_results_that_would_share_a_name_keep_their_own_suffix(tmp_path: Path) -> None:
    source = make(tmp_path / "in", "a.jpg", "a.tif", "b.jpg", "c/a.jpg")
    found = {i.name: i.target.name for i in items(walk(source, tmp_path / "out", rename=as_png))}
    assert found == {"a.jpg": "a.jpg.png", "a.tif": "a.tif.png", "b.jpg": "b.png", "c/a.jpg": "a.png"}


def test_a_name_that_another_takes_already_is_a_failure_not_a_lost_file(tmp_path: Path) -> None:
    source = make(tmp_path / "in", "a.jpg", "a.tif", "a.jpg.png")
    every = list(walk(source, tmp_path / "out", rename=as_png))
    targets = [e.target for e in every if isinstance(e, Item)]
    assert len(set(targets)) == len(targets)
    assert passed_by(iter(every)) == [("a.jpg", "its result would be named a.jpg.png, and so would another's", True)]
    assert len(every) == 3


@settings(max_examples=20)
@given(
    st.sets(
        st.from_regex(r"[ab]{1,2}(\.[jt]){0,2}(\.png)?", fullmatch=True).filter(lambda n: not n.startswith(".")),
        min_size=1,
        max_size=12,
    )
)
def test_no_two_files_ever_get_one_place(names: set[str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        source = make(Path(folder) / "in", *names)
        every = list(walk(source, Path(folder) / "out", rename=as_png))
    targets = [e.target for e in every if isinstance(e, Item)]
    assert len(set(targets)) == len(targets)
    assert {e.name for e in every} == names


def test_a_folder_that_cannot_be_listed_is_a_failure_and_the_rest_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = make(tmp_path / "in", "a/1.jpg", "locked/2.jpg", "z/3.jpg")
    scandir = os.scandir

    def refuse(path: Path) -> Iterator[os.DirEntry[str]]:
        if Path(path).name == "locked":
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    every = list(walk(source, tmp_path / "out"))
    assert [e.name for e in every if isinstance(e, Item)] == ["a/1.jpg", "z/3.jpg"]
    assert passed_by(iter(every)) == [("locked", "cannot be listed: Permission denied", True)]


def test_a_tree_deeper_than_python_may_recurse_is_walked(tmp_path: Path) -> None:
    depth = 150
    source = make(tmp_path / "in", "/".join(["d"] * depth) + "/a.jpg")
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(len(inspect.stack()) + depth // 2)
    try:
        every = list(walk(source, tmp_path / "out"))
    finally:
        sys.setrecursionlimit(limit)
    assert [e.name.count("/") for e in every] == [depth]


def test_results_that_would_go_among_the_sources_through_a_link_are_refused(tmp_path: Path) -> None:
    source = make(tmp_path / "in", "a/1.jpg", "b/2.jpg")
    out = tmp_path / "out"
    out.mkdir()
    (out / "a").symlink_to(source / "b")
    every = list(walk(source, out))
    assert [e.name for e in every if isinstance(e, Item)] == ["b/2.jpg"]
    ((name, reason, failed),) = passed_by(iter(every))
    assert (name, failed) == ("a", True)
    assert "would go among the sources" in reason


def test_results_that_would_come_back_to_the_sources_by_a_detour_are_refused(tmp_path: Path) -> None:
    source = make(tmp_path / "in", "a/in/1.jpg", "a/fine/2.jpg", "in/3.jpg")
    out = tmp_path / "out"
    out.mkdir()
    (out / "a").symlink_to(tmp_path)
    every = list(walk(source, out))
    assert [e.name for e in every if isinstance(e, Item)] == ["a/fine/2.jpg", "in/3.jpg"]
    assert [name for name, _, failed in passed_by(iter(every)) if failed] == ["a/in"]


def test_folders_beside_each_other_are_fine_whether_the_target_exists_or_not(tmp_path: Path) -> None:
    source = make(tmp_path / "in", "a.jpg")
    check_folders(source, tmp_path / "out")
    check_folders(source, tmp_path / "in2")
    check_folders(source, tmp_path / "deep" / "down")
    (tmp_path / "out").mkdir()
    check_folders(source, tmp_path / "out")


@pytest.mark.parametrize(
    ("out", "said"),
    [
        ("in", "is .* itself"),
        ("in/.", "is .* itself"),
        ("in/sub/..", "is .* itself"),
        ("link", "is .* itself"),
        ("in/out", "lies inside"),
        ("in/deep/down", "lies inside"),
        ("in/sub/../out", "lies inside"),
        ("link/out", "lies inside"),
        (".", "lies inside"),
        ("link to the top", "lies inside"),
        ("file", "is not a folder"),
        ("broken", "is not a folder"),
        ("loop", "is not a folder"),
    ],
)
def test_a_target_in_the_source_or_around_it_or_that_is_no_folder_is_refused(
    out: str, said: str, tmp_path: Path
) -> None:
    source = make(tmp_path / "in", "sub/a.jpg")
    (tmp_path / "link").symlink_to(source)
    (tmp_path / "link to the top").symlink_to(tmp_path)
    (tmp_path / "file").touch()
    (tmp_path / "broken").symlink_to("nowhere")
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(OutputError, match=said) as caught:
        check_folders(source, tmp_path / out)
    assert caught.value.exit_code == 5
    assert caught.value.hint


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("nowhere", "there is no such folder"),
        ("file", "is not a folder"),
        ("loop", "there is no such folder"),
        ("file/below", "there is no such folder"),
        ("n" * 300, "there is no such folder"),
    ],
)
def test_a_source_that_is_missing_or_no_folder_is_refused(name: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(InputError, match=said) as caught:
        check_folders(tmp_path / name, tmp_path / "out")
    assert caught.value.exit_code == 3
    assert str(tmp_path / name) in caught.value.message


def test_a_source_that_is_a_link_to_a_folder_is_fine(tmp_path: Path) -> None:
    source = make(tmp_path / "in", "a.jpg")
    (tmp_path / "link").symlink_to(source)
    check_folders(tmp_path / "link", tmp_path / "out")
    assert [i.name for i in items(walk(tmp_path / "link", tmp_path / "out"))] == ["a.jpg"]


def test_a_file_lies_inside_a_folder_by_whatever_name_it_is_reached(tmp_path: Path) -> None:
    source = make(tmp_path / "in", "sub/a.jpg")
    (tmp_path / "link").symlink_to(source / "sub")
    assert lies_inside(source / "sub" / "a.jpg", source)
    assert lies_inside(tmp_path / "link" / "new.log", source)
    assert lies_inside(source / "sub" / "a.jpg", source / "sub" / "a.jpg")
    assert not lies_inside(tmp_path / "in.log", source)
    assert not lies_inside(tmp_path, source)
