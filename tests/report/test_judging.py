"""Judging many at once, and marks that travel: what one reviewer saves, another loads; and the next commands."""

from __future__ import annotations

import csv
import json
import os
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from archivecolor.jobs.journal import EngineUsed, Journal, RunRecord
from archivecolor.jobs.mark_book import add_marks
from archivecolor.jobs.marks import Mark, Verdict, now
from tests.report.browsing import Page, looking_at
from tests.report.conftest import make
from tests.report.runs import HOSTILE, colored, failed, picture, write_journal
from tests.test_docs import parse

if TYPE_CHECKING:
    from selenium.webdriver import Chrome

pytest.importorskip("selenium", reason="needs selenium")
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.keys import Keys

NAMES = "return [...document.querySelectorAll('.cell.chosen .cell-name')].map((n) => n.textContent)"


def cell(on: Page, name: str) -> Any:
    return on.browser.find_element("xpath", f"//div[@role='option'][.//bdi[@title='{name}']]")


def press_on(on: Page, name: str, *held: str) -> None:
    """Click a picture with keys held down."""
    actions = ActionChains(on.browser)
    for key in held:
        actions.key_down(key)
    actions.click(cell(on, name))
    for key in held:
        actions.key_up(key)
    actions.perform()


def label(on: Page) -> str:
    return on.find("reviewed-label").text


def saved(on: Page, downloads: Path, id: str, button: str, name: str) -> Path:
    """A file that the page hands out."""
    on.find("next-step").click()
    on.step(id, button).click()
    path = downloads / name
    on.wait(path.exists)
    on.press(Keys.ESCAPE)
    return path


def test_shift_takes_what_lies_between_and_marks_go_to_all(on: Page) -> None:
    on.choose("folder", "=docks/plates")
    press_on(on, "docks/plates/01.png", Keys.CONTROL)
    press_on(on, "docks/plates/07.png", Keys.SHIFT)
    assert sorted(on.run(NAMES)) == ["01.png", "04.png", "07.png"]
    assert on.find("selected-count").text == "3 selected"
    on.find("all-accept").click()
    on.wait(lambda: "3 accepted" in label(on))
    press_on(on, "docks/plates/04.png", Keys.CONTROL)
    assert sorted(on.run(NAMES)) == ["01.png", "07.png"]
    on.press("r")
    on.wait(lambda: "1 accepted, 2 rejected" in label(on))
    on.press("u")
    on.wait(lambda: "3 accepted, 0 rejected" in label(on))
    on.press("u")
    on.wait(lambda: label(on) == "0 of 21 reviewed")
    on.press("u")
    on.wait_for_word("nothing to undo")
    on.press(Keys.ESCAPE)
    assert not on.find("selected").is_displayed()


def test_a_folder_is_taken_by_its_heading_and_what_has_no_result_gets_no_mark(on: Page) -> None:
    heads = on.run("return [...document.querySelectorAll('.heading-name')].map((h) => h.textContent)")
    assert heads[0] == "At the top"
    on.choose("folder", "=docks")
    on.run("[...document.querySelectorAll('.heading')].find((h) => h.textContent.startsWith('docks5'))"
           ".querySelector('button').click()")  # fmt: skip
    assert on.find("selected-count").text == "5 selected"
    on.press("a")
    on.wait(lambda: "4 accepted" in label(on))
    on.wait_for_word("4 pictures: accepted")
    on.press(Keys.ESCAPE)


def test_the_keyboard_selects_too_and_taps_do_once_they_may(on: Page) -> None:
    on.choose("folder", "=docks/plates")
    on.run("document.getElementById('grid').focus()")
    on.press("x")
    ActionChains(on.browser).key_down(Keys.SHIFT).send_keys(Keys.ARROW_RIGHT, Keys.ARROW_RIGHT).key_up(
        Keys.SHIFT
    ).perform()
    assert len(on.run(NAMES)) == 3
    chosen = on.run("return [...document.querySelectorAll('[role=option][aria-selected=true]')].length")
    assert chosen == 3
    ActionChains(on.browser).key_down(Keys.CONTROL).send_keys("a").key_up(Keys.CONTROL).perform()
    assert len(on.run(NAMES)) == 4
    on.press(Keys.ESCAPE)
    on.find("choose").click()
    cell(on, "docks/plates/04.png").click()
    assert on.run(NAMES) == ["04.png"]
    assert not on.is_open
    on.press(Keys.ESCAPE)
    cell(on, "docks/plates/04.png").click()
    on.wait(lambda: on.is_open)
    on.press(Keys.ESCAPE)


def test_thumbnails_come_in_three_sizes_and_the_choice_is_kept(on: Page, page: Path) -> None:
    widths = {}
    for size in ("small", "medium", "large"):
        on.browser.find_element("css selector", f"#sizes [value={size}]").click()
        widths[size] = on.run("return document.querySelector('.cell').getBoundingClientRect().width")
        on.wait(lambda: on.run("return [...document.querySelectorAll('.cell img')].every((i) => i.naturalWidth)"))
        # No more pixels than a screen of this kind can show, for browsers keep those of a thousand pictures
        files = on.run("return [...document.querySelectorAll('.cell img')].map((i) => i.src)")
        assert {file.endswith(".small.jpg") for file in files} == {size != "large"}
    assert widths["small"] * 1.3 < widths["medium"] < widths["large"] / 1.3
    on.open(page)
    assert on.run("return document.querySelector('.cell').getBoundingClientRect().width") == widths["large"]


def test_marks_of_two_reviewers_come_together_by_json_and_by_csv(on: Page, page: Path, downloads: Path) -> None:
    on.choose("folder", "=")
    on.run("document.getElementById('grid').focus()")
    on.press("a", "r", "l")
    on.choose("folder", "")
    with looking_at(on, "bytes"):
        on.find("note").send_keys('He said "blue",\nnot green')
        on.press(Keys.TAB)
        on.wait(lambda: "Note" in on.find("marked-by").text)
    on.find("next-step").click()
    on.find("reviewer").send_keys("Ada", Keys.TAB)
    on.press(Keys.ESCAPE)
    with looking_at(on, "docks/03"):
        on.find("accept").click()
    files = [
        saved(on, downloads, "marks", f"Save as {kind}", f"harbour-marks.{kind.lower()}") for kind in ("JSON", "CSV")
    ]
    written = json.loads(files[0].read_text())
    assert (written["format"], written["version"], written["out"]) == (
        "archivecolor-marks", 1, str(page.parent.parent / "harbour"))  # fmt: skip
    rows = {row["path"]: row for row in written["marks"]}
    assert len(rows) == 5
    assert {row["mark"] for row in rows.values()} == {"accepted", "rejected", "later", ""}
    assert (rows["docks/03.jpg"]["mark"], rows["docks/03.jpg"]["by"]) == ("accepted", "Ada")
    noted = os.fsdecode(b"bytes \xff\xfe \xc3.png")
    assert rows[noted]["note"] == 'He said "blue",\nnot green'
    text = files[1].read_bytes().decode("utf-8", "surrogateescape")
    assert list(csv.DictReader(text.splitlines(keepends=True))) == list(written["marks"])

    for file in files:
        on.run("localStorage.clear()")
        on.open(page)
        assert label(on) == "0 of 21 reviewed"
        with looking_at(on, "docks/03"):
            on.find("reject").click()  # newer than what is loaded
        on.find("next-step").click()
        on.find("marks-file").send_keys(str(file))
        on.wait(lambda: "4 marks taken" in on.find("toast").text)
        assert "1 known or older than yours" in on.find("toast").text
        on.press(Keys.ESCAPE)
        assert label(on).startswith("3 of 21 reviewed: 1 accepted, 2 rejected, 1 later")
        with looking_at(on, "bytes"):
            assert on.find("note").get_property("value") == 'He said "blue",\nnot green'
        file.unlink()


def test_marks_of_other_results_are_left_out_and_told(on: Page, tmp_path: Path) -> None:
    def row(path: str, at: str, mark: str = "accepted") -> dict[str, str]:
        return {"path": path, "mark": mark, "note": "", "at": at, "by": ""}

    later, before = "2999-01-01T00:00:00.000Z", "1999-01-01T00:00:00Z"
    marks = [row("docks/03.jpg", later), row("docks/06.jpg", before), row("not/here.jpg", later),
             row("docks/torn.jpg", later), row("people/poster.jpg", later)]  # fmt: skip
    path = tmp_path / "marks.json"
    path.write_text(json.dumps({"format": "archivecolor-marks", "version": 1, "out": "", "marks": marks}))
    on.find("next-step").click()
    on.find("marks-file").send_keys(str(path))
    on.wait(lambda: "1 mark taken" in on.find("toast").text)
    told = on.find("toast").text
    assert "1 of earlier results left out" in told or "known" in told
    assert "3 of what is not on this page" in told
    of_later = '{"format": "archivecolor-marks", "version": 9, "marks": []}'
    for content, said in (
        ("{", "damaged"),
        ("{}", "holds no marks"),
        ("a,b\r\n1,2", "no columns"),
        (of_later, "later archivecolor"),
    ):
        path.write_text(content)
        on.find("marks-file").send_keys(str(path))
        on.wait_for_word(said)
    on.press(Keys.ESCAPE)


def test_the_next_commands_have_the_run_s_own_paths_and_options(on: Page, tmp_path: Path) -> None:
    out, source = tmp_path / "in color", tmp_path / "Max's scans"
    with Journal(out) as journal:
        words = ("--saturation", "1.3", "--reference", "/pictures/a b.jpg", "--confidence")
        engine = EngineUsed("archive", "0" * 64, "onnx on CPU")
        journal.add_run(RunRecord(1, "2026-03-04T05:06:07Z", "0", engine, source=str(source), words=words))
        picture(out / "a.png")
        journal.add(colored("a.png"), wait=False)
        journal.add(failed("b.png", "b.png: is empty"), wait=False)
    on.open(make(out).path)
    assert on.find("title").text == "Max's scans"
    assert "March 4, 2026" in on.find("origin").text
    assert f"{source} → {out}" in on.find("origin").text
    on.press("r")
    on.find("next-step").click()
    commands = dict(on.run("return [...document.querySelectorAll('[data-step]')].map((s) => "
                           "[s.dataset.step, s.querySelector('code')?.textContent])"))  # fmt: skip
    begin = ["archivecolor", "folder", str(source), str(out), *words]
    assert shlex.split(commands["rejected"]) == [*begin, "--only-from", "rejected.txt", "--thorough"]
    assert shlex.split(commands["failed"]) == begin
    assert shlex.split(commands["marks"])[:3] == ["archivecolor", "report", str(out)]
    for step in ("rejected", "failed", "shown"):
        parse(shlex.split(commands[step])[1:])
    code = on.browser.find_element("css selector", "[data-step=shown] code")
    parts = code.find_elements("tag name", "span")
    assert [word.text.strip() for word in parts] == commands["shown"].split(), "no word is broken at its hyphen"
    assert all(word.size["height"] < 30 for word in parts if word.text.startswith("--"))
    on.run("window.copied = ''; navigator.clipboard.writeText = async (text) => (window.copied = text)")
    copy = on.browser.find_element("css selector", "[data-step=rejected] .command button")
    copy.click()
    on.wait(lambda: on.run("return window.copied") == commands["rejected"])
    assert copy.text == "Copied"
    on.press(Keys.ESCAPE)


def test_lists_hold_names_to_the_byte(on: Page, downloads: Path) -> None:
    on.choose("folder", "=")
    path = saved(on, downloads, "shown", "Save shown.txt", "shown.txt")
    assert set(path.read_bytes().split(b"\n")) == {b"", *map(os.fsencode, HOSTILE)}
    path.unlink()


def test_marks_that_out_keeps_are_on_the_page_and_nothing_to_undo(browser: Chrome, tmp_path: Path) -> None:
    out = tmp_path / "out"
    picture(out / "a.png")
    write_journal(out, colored("a.png"))
    add_marks(out, [Mark(now(), "Ada", Verdict.ACCEPTED, "", "a.png")])
    on = Page(browser)
    on.screen(1200, 800)
    on.open(make(out).path)
    assert label(on).startswith("1 of 1 reviewed: 1 accepted")
    on.press("u")
    on.wait_for_word("nothing to undo")
    on.press("r", "u")
    on.wait(lambda: label(on).startswith("1 of 1 reviewed: 1 accepted"))
