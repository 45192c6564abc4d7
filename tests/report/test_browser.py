"""The page in a real browser: what a reviewer sees, does, and gets out of it."""

from __future__ import annotations

import io
import os
import urllib.parse
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from archivecolor.jobs.item_list import ItemList
from archivecolor.jobs.journal import Kind
from archivecolor.report.coding import Facts
from archivecolor.report.items import ReviewItem, State
from archivecolor.report.page import write_page
from archivecolor.report.previews import Preview
from tests.report.browsing import Page, looking_at
from tests.report.runs import HOSTILE

pytest.importorskip("selenium", reason="needs selenium")
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.keys import Keys

PICTURES = 21 + 4
"""Items of `run_of`."""


def test_everything_of_the_run_is_there_and_thumbnails_load_from_disk(on: Page) -> None:
    assert on.find("title").text == "harbour"
    assert "21 colored · 3 with warnings · 2 left as they were · 2 failed" in on.find("summary").text
    assert on.shown == f"{PICTURES} pictures"
    loaded = "return [...document.querySelectorAll('.cell img')].filter(i => i.complete && i.naturalWidth > 0).length"
    images = on.run("return document.querySelectorAll('.cell img').length")
    on.wait(lambda: on.run(loaded) == images >= 12)
    assert on.run("return document.querySelector('.failed .cell-reason').textContent") == "is damaged: ends early"


def test_cells_are_not_made_anew_under_the_pointer(on: Page, page: Path) -> None:
    on.open(page)
    kept = on.browser.execute_async_script("""
        const [done] = arguments, cell = document.querySelector('.cell');
        const frames = (left) => (left ? requestAnimationFrame(() => frames(left - 1)) : done(cell.isConnected));
        frames(5);""")
    assert kept


def test_the_picture_as_scanned_is_the_luma_of_the_colored_one(on: Page) -> None:
    with looking_at(on, "people/02"):
        on.wait(lambda: on.find("compare").size["width"] > 100)
        on.run("document.querySelectorAll('.tag').forEach(tag => tag.hidden = true)")
        on.press("b")
        seen = Image.open(io.BytesIO(on.find("compare").screenshot_as_png)).convert("RGB")
        path = Path(urllib.parse.unquote(urllib.parse.urlsplit(on.find("after").get_attribute("src")).path))
    rgb = np.asarray(Image.open(path), np.float64)
    gray = np.asarray(seen.resize((rgb.shape[1], rgb.shape[0]), Image.Resampling.BOX), np.float64)
    assert np.ptp(gray, axis=2).max() <= 1
    off_601, off_709 = (
        np.abs(gray[..., 0] - rgb @ weights).mean() for weights in ((0.299, 0.587, 0.114), (0.2126, 0.7152, 0.0722))
    )
    assert off_601 < min(2, off_709 / 2)


def test_the_divider_follows_the_pointer_and_the_keys(on: Page) -> None:
    with looking_at(on, "docks/00"):
        assert on.split == 50
        compare = on.find("compare")
        on.wait(lambda: compare.size["width"] > 100)
        quarter = compare.size["width"] // 4
        ActionChains(on.browser).move_to_element(compare).click_and_hold().move_by_offset(
            quarter, 0
        ).release().perform()
        assert 73 <= on.split <= 77
        assert on.run("return document.getElementById('before-half').getBoundingClientRect().width") > 100
        clip = on.run("return getComputedStyle(document.getElementById('before-half')).clipPath")
        assert "calc(100% - 7" in clip or "2" in clip
        on.press("b")
        assert (on.split, on.find("flip").get_attribute("aria-pressed")) == (100, "true")
        on.press("b")
        assert 73 <= on.split <= 77
        on.run("document.getElementById('divider').focus()")
        on.press(Keys.HOME)
        assert on.split == 0
        on.press(Keys.ARROW_RIGHT)
        assert on.split == 2
        assert on.find("divider").get_attribute("aria-valuetext") == "2 % as scanned"


def test_a_confidence_map_is_laid_over_its_picture_where_there_is_one(on: Page) -> None:
    on.choose("folder", "=docks")
    on.press(Keys.ENTER)
    on.wait(lambda: on.is_open)
    assert on.find("name").text == "00.jpg"
    assert not on.find("map").is_displayed()
    on.press("c")
    on.wait(lambda: on.run("return document.getElementById('map').naturalWidth") == 24)
    assert on.find("map").size == on.find("after").size
    assert on.find("doubt-legend").is_displayed()
    assert on.find("doubt").get_attribute("aria-pressed") == "true"
    on.press("j")
    assert not on.find("doubt").is_displayed()
    assert not on.find("map").is_displayed()
    on.press("k")
    assert on.find("map").is_displayed(), "what was asked for stays asked for"
    on.press(Keys.ESCAPE)


def test_what_was_not_colored_is_shown_without_a_divider(on: Page) -> None:
    with looking_at(on, "poster"):
        on.wait(lambda: on.find("after").size["width"] > 100)
        assert not on.find("divider").is_displayed()
        assert not on.find("flip").is_displayed()
        assert "is in color already" in on.find("facts").text


def test_the_keyboard_goes_everywhere(on: Page) -> None:
    on.choose("folder", "=")
    on.run("document.getElementById('grid').focus()")
    names = on.run("return [...document.querySelectorAll('.cell')].map(c => c.querySelector('.cell-name').textContent)")
    on.press(Keys.ARROW_RIGHT)
    assert on.active == names[1]
    columns = on.run(
        "return new Set([...document.querySelectorAll('.cell')].map(c => c.getBoundingClientRect().x)).size"
    )
    on.press(Keys.ARROW_DOWN)
    assert on.active == names[1 + columns]
    on.press(Keys.ENTER)
    on.wait(lambda: on.is_open)
    assert on.find("name").text == names[1 + columns].strip()
    on.press("j")
    assert on.find("name").text == names[2 + columns].strip()
    on.press(Keys.ARROW_LEFT, "k")
    assert on.find("position").text == f"{1 + columns} of {len(HOSTILE) + 1}"
    on.press(Keys.ESCAPE)
    on.wait(lambda: not on.is_open)
    assert on.run("return document.activeElement.id") == "grid"
    assert on.active == names[columns]
    on.press("/")
    assert on.run("return document.activeElement.id") == "text"
    on.press("a", Keys.ESCAPE)
    assert "0 of" in on.find("reviewed-label").text, "a letter in a field is only a letter"


def test_filters_leave_what_they_say(on: Page) -> None:
    def shown_after(id: str, value: str) -> int:
        on.run("document.getElementById('filters').reset()")
        on.choose(id, value)
        return int(on.shown.split()[0])

    assert shown_after("folder", "=docks") == 4 + 4 + 1, "with what lies below it"
    assert shown_after("folder", "=docks/plates") == 4
    assert shown_after("folder", "=") == len(HOSTILE) + 1
    assert shown_after("state", "sfailed") == 2
    assert shown_after("state", "w") == 2 + 1
    assert shown_after("state", "w… bit reduced to … for jpeg") == 2, "warnings are grouped by what they are about"
    assert shown_after("state", "ris empty") == 1
    assert shown_after("confidence", "30") == 3
    assert shown_after("order", "unsure") == PICTURES
    assert on.active == "00.jpg"
    assert shown_after("order", "sure") == PICTURES
    assert on.active == "11.tif"
    assert shown_after("text", "plates 0 4") == 1
    assert shown_after("text", "no such name") == 0
    assert on.find("nothing").is_displayed()
    on.find("clear").click()
    assert on.shown == f"{PICTURES} pictures"


def test_marks_stay_and_export_exactly_the_list(on: Page, page: Path, downloads: Path) -> None:
    on.choose("folder", "=")
    on.run("document.getElementById('grid').focus()")
    on.press(*("r" for _ in range(len(HOSTILE) + 1)))
    on.press(Keys.HOME, "a")
    assert "1 accepted" in on.find("reviewed-label").text
    on.press("u")
    assert f"0 accepted, {len(HOSTILE) + 1} rejected" in on.find("reviewed-label").text
    on.open(page)
    assert f"{len(HOSTILE) + 1} rejected" in on.find("reviewed-label").text, "marks are kept"
    on.choose("mark", "rejected")
    assert on.shown == f"{len(HOSTILE) + 1} of {PICTURES} pictures"
    assert len(on.browser.find_elements("css selector", ".cell.rejected")) == len(HOSTILE) + 1
    on.find("next-step").click()
    on.step("rejected", "Save rejected.txt").click()
    written = downloads / "rejected.txt"
    on.wait(written.exists)
    assert sorted(written.read_bytes().split(b"\n")) == [b"", *sorted(map(os.fsencode, HOSTILE))]
    assert ItemList.read(written).names == set(HOSTILE), "and folder --only-from takes it up"
    written.unlink()
    on.wait(lambda: "1 name left out" in on.find("toast").text)  # that of `TWO_LINES`
    on.press(Keys.ESCAPE)


def test_marking_goes_on_to_the_next_and_the_same_mark_takes_it_back(on: Page) -> None:
    on.run("document.getElementById('grid').focus()")
    on.press(Keys.ENTER)
    on.wait(lambda: on.is_open)
    on.press("a")
    assert on.find("position").text.startswith("2 of")
    on.find("reject").click()
    assert on.find("position").text.startswith("3 of")
    on.press(Keys.ARROW_LEFT)
    assert on.find("reject").get_attribute("aria-pressed") == "true"
    on.press("r")
    assert on.find("position").text.startswith("2 of")
    assert on.find("reject").get_attribute("aria-pressed") == "false"
    on.press(Keys.ESCAPE)
    assert "1 accepted, 0 rejected" in on.find("reviewed-label").text


def test_marks_of_two_tabs_come_together(on: Page, page: Path) -> None:
    on.press("a")
    first = on.browser.current_window_handle
    on.browser.switch_to.new_window("tab")
    try:
        on.open(page)
        assert "1 accepted, 0 rejected" in on.find("reviewed-label").text
        on.press(Keys.HOME, Keys.ARROW_RIGHT, "r")
        on.browser.close()
    finally:
        on.browser.switch_to.window(first)
    on.wait(lambda: "1 accepted, 1 rejected" in on.find("reviewed-label").text)
    on.press(Keys.HOME, "a")
    assert "0 accepted, 1 rejected" in on.find("reviewed-label").text, "the other tab's mark is not written over"


def test_hostile_names_are_shown_and_run_nothing(on: Page) -> None:
    on.choose("folder", "=")
    loaded = "const i = document.getElementById('after'); return i.complete && i.naturalWidth"
    for _ in range(len(HOSTILE)):
        on.press("j" if on.is_open else Keys.ENTER)
        on.wait(lambda: on.is_open and on.run(loaded))
    assert on.browser.title == "harbour, colored 2026-01-02"
    names = on.run("return [...document.querySelectorAll('.cell-name')].map(n => n.textContent)")
    assert HOSTILE[0] in names
    assert "\\u202egnp.exe \\u2028\\x07.png" in names
    assert "bytes \\xff\\xfe \\xc3.png" in names
    assert "two\\nlines.png" in names
    on.press(Keys.ESCAPE)


def test_a_result_opens_from_the_page_whatever_it_is_named(on: Page, page: Path) -> None:
    with looking_at(on, "bytes"):
        address = on.run("return document.querySelector('#link a').href")
    out = page.parent.parent / "harbour"
    assert address == (out / os.fsdecode(b"bytes \xff\xfe \xc3.png")).as_uri()


def test_an_address_leads_to_its_item_and_back_closes_it(on: Page, page: Path) -> None:
    with looking_at(on, "people/08"):
        address = on.browser.current_url
        assert "#" in address
    on.choose("text", "")
    on.wait(lambda: "#" not in on.browser.current_url)
    on.open(page, "#" + address.partition("#")[2])
    assert on.is_open
    assert on.find("name").text == "08.tif"
    on.press(Keys.ESCAPE)
    on.browser.find_element("css selector", ".cell.active").click()
    on.wait(lambda: on.is_open)
    on.browser.back()
    on.wait(lambda: not on.is_open)


def test_ten_thousand_pictures_scroll_with_few_nodes(on: Page, tmp_path: Path) -> None:
    # One thumbnail that is there; the page does not mind the others
    many = [
        Preview(ReviewItem(f"box {i // 250}/{i:05d}.jpg", Kind.STILL, State.COLORED, f"{i}.jpg", confidence=i / 10_000),
                f"{i:016x}", 1000, Facts(100, 100))
        for i in range(10_000)
    ]  # fmt: skip
    path = write_page(tmp_path / "report", tmp_path / "out", many, "0")
    on.open(path)
    assert on.shown == "10,000 pictures"
    most = 0
    height = on.run("return document.documentElement.scrollHeight")
    for share in (0.1, 0.5, 0.51, 0.9, 1.0):
        on.run("scrollTo(0, arguments[0])", height * share)
        on.wait(lambda: on.run("return [...document.querySelectorAll('.cell')].some(c => { const b = "
                               "c.getBoundingClientRect(); return b.bottom > 0 && b.top < innerHeight })"))  # fmt: skip
        most = max(most, on.run("return document.querySelectorAll('#grid *').length"))
    assert most < 1000
    on.run("document.getElementById('grid').focus()")
    on.press(Keys.END)
    assert on.active == "09999.jpg"
    cell = on.run("return document.querySelector('.cell.active').getBoundingClientRect().toJSON()")
    assert cell["top"] >= 0
    assert cell["bottom"] <= 801
    assert on.run("return document.querySelector('.cell.active').getAttribute('aria-posinset')") == "10000"
    on.browser.get_log("browser")  # type: ignore[no-untyped-call]  # of the thumbnails that are not there
