"""``archivecolor report``: where the page goes, what is said, and how it ends."""

from __future__ import annotations

from pathlib import Path

from tests.cli.conftest import Run
from tests.fakes.disks import remount, tiny_disk
from tests.report.runs import colored, failed, picture, write_journal
from tests.report.test_page import data_of


def test_a_page_of_a_folder_run_is_made_and_its_path_is_all_of_stdout(run: Run, source: Path, out: Path) -> None:
    assert run("folder", source, out).code == 0
    done = run("report", out)
    page = out.parent / "out-report" / "index.html"
    assert (done.code, done.out) == (0, f"{page}\n")
    assert page.is_file()
    assert "3 items on the page, 3 pictures made" in done.err
    assert "no journal" not in done.err


def test_json_tells_what_was_made(run: Run, tmp_path: Path) -> None:
    out = tmp_path / "out"
    for name in ("a.png", "b.png"):
        picture(out / name)
    write_journal(out, colored("a.png"), colored("b.png"), failed("c.png", "c.png: is empty"))
    done = run("report", out, "--to", tmp_path / "page", "--json", "-q")
    assert (done.code, done.err) == (0, "")
    (record,) = done.records
    assert record == {
        "page": str(tmp_path / "page" / "index.html"),
        "items": 3,
        "colored": 2,
        "failed": 1,
        "pictures_made": 2,
        "not_shown": 0,
    }
    assert run("report", out, "--to", tmp_path / "page", "--json").records[0]["pictures_made"] == 0


def test_without_a_journal_the_page_is_made_and_what_is_not_known_is_said(run: Run, tmp_path: Path) -> None:
    picture(tmp_path / "out" / "a.png")
    picture(tmp_path / "in" / "b.png")
    done = run("report", tmp_path / "out", "--source", tmp_path / "in", "--json")
    assert done.code == 0
    assert "has no journal, so failures, warnings and confidence are not known" in done.err
    assert (done.records[0]["items"], done.records[0]["missing"]) == (1, 1)


def test_results_that_cannot_be_shown_are_named_and_end_with_7(run: Run, tmp_path: Path) -> None:
    picture(tmp_path / "out" / "good.png")
    (tmp_path / "out" / "bad.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    done = run("report", tmp_path / "out")
    assert done.code == 7
    assert done.lines_about("bad.png")[0].startswith("bad.png: its result cannot be shown: ")
    assert Path(done.out.strip()).is_file()


def test_nothing_to_review_ends_with_3_and_a_place_that_is_taken_with_5(run: Run, tmp_path: Path) -> None:
    assert run("report", tmp_path / "none").code == 3
    out = tmp_path / "out"
    picture(out / "a.png")
    nowhere = run("report", out, "--source", tmp_path / "none")
    assert (nowhere.code, nowhere.out) == (3, "")
    assert f"{tmp_path / 'none'}: there is no such folder" in nowhere.err
    inside = run("report", out, "--to", out / "page")
    assert (inside.code, inside.out) == (5, "")
    assert "lies inside" in inside.err
    (tmp_path / "out-report").mkdir()
    (tmp_path / "out-report" / "index.html").write_text("theirs")
    taken = run("report", out)
    assert taken.code == 5
    assert "exists and is not a review page" in taken.err


def test_results_are_only_read(run: Run, tmp_path: Path) -> None:
    out = tmp_path / "out"
    picture(out / "a.png")

    def found() -> list[tuple[Path, int, bytes]]:
        return sorted((p, p.stat().st_mtime_ns, p.read_bytes() if p.is_file() else b"") for p in [out, *out.rglob("*")])

    before = found()
    assert run("report", out).code == 0
    assert found() == before


def test_results_on_a_read_only_disk_have_a_page_elsewhere(run: Run, tmp_path: Path) -> None:
    with tiny_disk(tmp_path / "disk", 256) as disk:
        picture(disk / "out" / "a.png")
        remount(disk, "ro")
        done = run("report", disk / "out", "--to", tmp_path / "page", "--json")
    assert done.code == 0, done.err
    assert (done.records[0]["items"], done.records[0]["pictures_made"]) == (1, 1)


def test_a_folder_run_makes_the_page_itself_and_shows_its_failures(run: Run, source: Path, out: Path) -> None:
    (source / "torn.jpg").write_bytes(b"\xff\xd8\xff\xe0 and no more")
    done = run("folder", source, out, "--report")
    page = out.parent / "out-report" / "index.html"
    assert (done.code, done.out) == (7, f"{page}\n")
    text = page.read_text()
    assert '"torn.jpg"' in text
    assert '"failed"' in text


def test_a_page_for_others_tells_nothing_of_this_machine(run: Run, source: Path, out: Path) -> None:
    assert run("folder", source, out, "--strength", "0.7", "--report").code == 0
    page = out.parent / "out-report" / "index.html"
    data = data_of(page)
    assert (data["source"], data["out"], data["words"]) == (str(source), str(out), "--strength 0.7")
    assert run("report", out, "--no-paths").code == 0
    assert str(source.parent) not in page.read_text()
    assert data_of(page)["quoted"] == {"out": "OUT", "source": "SRC"}


def test_confidence_and_its_maps_come_from_the_run_onto_the_page(run: Run, source: Path, out: Path) -> None:
    assert run("folder", source, out, "--confidence", "--report").code == 0
    items = data_of(out.parent / "out-report" / "index.html")["items"]
    assert [item["map"] for item in items] == [True] * 3
    assert all(0 < item["confidence"] < 1 for item in items)
    assert len(list((out.parent / "out-report").rglob("*.map.png"))) == 3


def test_a_place_for_the_page_that_is_taken_is_told_before_the_run(run: Run, source: Path, out: Path) -> None:
    (out.parent / "out-report").write_text("a file")
    done = run("folder", source, out, "--report")
    assert done.code == 5
    assert not out.exists()


def test_a_run_that_finds_nothing_makes_no_fuss_about_the_page(run: Run, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert run("folder", tmp_path / "empty", tmp_path / "out", "--report").code == 0
