"""Looking at one picture: at 100 % and beyond, beside what was scanned and in turn, and at what was left alone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
import tifffile
from PIL import Image

from archivecolor.jobs.journal import Journal, RunRecord
from archivecolor.report import tiles
from tests.report.browsing import Page, looking_at
from tests.report.conftest import make
from tests.report.runs import ENGINE, colored, failed, picture, skipped, write_journal

if TYPE_CHECKING:
    from selenium.webdriver import Chrome

pytest.importorskip("selenium", reason="needs selenium")
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.actions.wheel_input import ScrollOrigin
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement

LARGE, WIDE = (3000, 2000), (6000, 800)
BOXES = "return arguments[0].map((id) => document.getElementById(id).getBoundingClientRect().toJSON())"
TILES = "return [...document.querySelectorAll('#after-tiles img')].filter((t) => t.naturalWidth).map((t) => t.src)"
FLIPPED = "return document.getElementById('compare').classList.contains('flipped')"


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A page of results larger than a screen, of which browsers show one; a picture in color; and what failed."""
    folder = tmp_path_factory.mktemp("large")
    out, source = folder / "out", folder / "in"
    for path in (out / "a.jpg", out / "b.tif", source / "painted.jpg"):
        picture(path, 3, {"a.jpg": LARGE, "b.tif": WIDE}.get(path.name, (96, 64)))
    write_journal(out, colored("a.jpg"), colored("b.tif"), failed("c.jpg", "c.jpg: is empty"),
                  skipped("painted.jpg", "is in color already"))  # fmt: skip
    return make(out, source).path


@pytest.fixture
def on(browser: Chrome, large: Path) -> Iterator[Page]:
    """That page with its first picture open."""
    on = Page(browser)
    on.screen(1200, 800)
    on.open(large)
    on.run("localStorage.clear()")
    browser.get_log("browser")  # type: ignore[no-untyped-call]
    on.open(large)
    on.press(Keys.ENTER)
    on.wait(lambda: on.run("return document.getElementById('after').naturalWidth") == 1280)
    yield on
    on.press(Keys.ESCAPE, Keys.ESCAPE)
    assert browser.get_log("browser") == []  # type: ignore[no-untyped-call]


def scale(on: Page) -> int:
    return int(on.find("zoom-scale").text.split()[0])


def source_of(on: Page, id: str) -> str:
    return on.find(id).get_attribute("src") or ""


def plane(on: Page) -> dict[str, float]:
    """Where all of the picture lies, in sight or not."""
    box: dict[str, float] = on.run("return document.getElementById('after-plane').getBoundingClientRect().toJSON()")
    return box


def test_zoom_shows_the_result_itself_where_it_lies(on: Page, large: Path) -> None:
    fitting = scale(on)
    assert fitting < 40
    assert "pictures/" in source_of(on, "after")
    on.press("1")
    on.wait(lambda: source_of(on, "after").endswith("/out/a.jpg"))
    assert scale(on) == 100
    assert (plane(on)["width"], plane(on)["height"]) == pytest.approx(LARGE)
    assert source_of(on, "before") == source_of(on, "after")
    on.press("+", "+")
    assert scale(on) == 225
    on.press("0")
    assert scale(on) == fitting
    assert on.find("zoom-fit").get_attribute("aria-pressed") == "true"


def test_of_a_small_picture_that_browsers_do_not_know_the_page_has_all_pixels_and_says_nothing(
    browser: Chrome, tmp_path: Path
) -> None:
    picture(tmp_path / "out" / "a.tif", 3, (96, 64))
    write_journal(tmp_path / "out", colored("a.tif"))
    on = Page(browser)
    on.screen(1200, 800)
    (tmp_path / "in").mkdir()
    on.open(make(tmp_path / "out", tmp_path / "in").path)
    on.run(
        "window.tried = 0; const decode = HTMLImageElement.prototype.decode;"
        "HTMLImageElement.prototype.decode = function () {"
        "  return decode.call(this).catch((error) => { setTimeout(() => { tried += 1 }); throw error }) }"
    )
    on.press(Keys.ENTER)
    on.wait(lambda: scale(on) > 100 and on.run("return window.tried"))
    assert on.find("toast").text == ""
    on.press(Keys.ESCAPE)


def test_what_browsers_cannot_show_comes_as_tiles_of_the_level_that_is_looked_at(on: Page, large: Path) -> None:
    on.press("j", "1")
    loaded = (
        "return [...document.querySelectorAll('#after-tiles img')].map(t => [t.getAttribute('src'), t.naturalWidth])"
    )
    on.wait(lambda: on.run(loaded) and all("/0-" in address and n for address, n in on.run(loaded)))
    on.press("-", "-")
    on.wait(lambda: on.run(loaded) and all("/1-" in address and n for address, n in on.run(loaded)))
    # They lie where the picture has them
    whole = np.asarray(Image.open(large.parent.parent / "out" / "b.tif").convert("RGB"), np.int16)
    folder = next((large.parent / "tiles").glob("*/*"))
    with Image.open(folder / "0-1-0.jpg") as tile:
        assert tile.size == (1024, 800)
        np.testing.assert_allclose(np.asarray(tile, np.int16)[400, 500], whole[400, 1024 + 500], atol=6)
    with Image.open(folder / "1-2-0.jpg") as tile:
        assert tile.size == (3000 - 2048, 400)
    assert not list((large.parent / "tiles").glob("*/*/3-*"))


def test_the_wheel_zooms_at_the_pointer_and_a_drag_moves_the_picture(on: Page) -> None:
    stage, compare = on.find("stage"), on.find("compare")
    before = plane(on)
    middle = on.run(
        "const b = arguments[0].getBoundingClientRect(); return [b.x + b.width / 2, b.y + b.height / 2]", compare
    )
    point = (round(middle[0]) + 150, round(middle[1]) - 60)
    ActionChains(on.browser).scroll_from_origin(origin(stage, on, point), 0, -600).perform()
    on.wait(lambda: plane(on)["width"] > 2.5 * before["width"])
    after = plane(on)
    for start, length, at in (("x", "width", point[0]), ("y", "height", point[1])):
        shares = [(at - box[start]) / box[length] for box in (before, after)]
        assert shares[0] == pytest.approx(shares[1], abs=0.01), "what was below the pointer still is"
    split = on.split
    ActionChains(on.browser).move_to_element_with_offset(compare, -200, -200).click_and_hold().move_by_offset(
        60, 40
    ).release().perform()
    moved = plane(on)
    assert (moved["x"] - after["x"], moved["y"] - after["y"]) == pytest.approx((60, 40), abs=1)
    assert on.split == split, "the divider stays where it was"
    on.press(Keys.ARROW_RIGHT, Keys.ARROW_DOWN)
    assert plane(on)["x"] == pytest.approx(moved["x"] - 80, abs=1)
    on.press(Keys.ESCAPE)
    assert on.is_open
    assert plane(on) == pytest.approx(before)


def origin(stage: WebElement, on: Page, point: tuple[int, int]) -> ScrollOrigin:
    box = on.run(
        "const b = arguments[0].getBoundingClientRect(); return [b.x + b.width / 2, b.y + b.height / 2]", stage
    )
    found: ScrollOrigin = ScrollOrigin.from_element(stage, round(point[0] - box[0]), round(point[1] - box[1]))
    return found


def test_a_double_click_goes_to_100_percent_and_back(on: Page) -> None:
    compare = on.find("compare")
    fitting = scale(on)
    ActionChains(on.browser).move_to_element_with_offset(compare, 100, 50).double_click().perform()
    assert scale(on) == 100
    ActionChains(on.browser).move_to_element_with_offset(compare, 100, 50).double_click().perform()
    assert scale(on) == fitting


def test_two_fingers_zoom(on: Page, large: Path) -> None:
    on.screen(390, 844, phone=True)
    on.open(large)
    on.browser.find_element("css selector", ".cell").click()
    on.wait(lambda: on.run("return document.getElementById('after').naturalWidth") == 1280)
    before, box = plane(on), on.run("return document.getElementById('compare').getBoundingClientRect().toJSON()")
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    for kind, apart in (("touchStart", 20), ("touchMove", 40), ("touchMove", 60), ("touchEnd", None)):
        fingers = [] if apart is None else [{"x": x + sign * apart, "y": y, "id": i} for i, sign in enumerate((-1, 1))]
        on.browser.execute_cdp_cmd("Input.dispatchTouchEvent", {"type": kind, "touchPoints": fingers})
    assert plane(on)["width"] == pytest.approx(3 * before["width"], rel=0.1)
    assert on.run("return visualViewport.scale") == 1, "the picture grows, not the page"
    assert on.split == 50


def test_scanned_and_colored_stand_side_by_side_and_show_the_same_place(on: Page) -> None:
    on.press("v")
    halves = (
        "return ['before-half', 'after-half'].map(id => document.getElementById(id).getBoundingClientRect().toJSON())"
    )
    before, after = on.run(halves)
    assert before["right"] < after["left"]
    assert (before["width"], before["height"]) == (after["width"], after["height"])
    assert "luma-601" in on.run("return getComputedStyle(document.getElementById('before-half')).filter")
    assert not on.find("divider").is_displayed()
    on.press("1", Keys.ARROW_RIGHT)
    planes = (
        "return ['before-plane', 'after-plane'].map(id => document.getElementById(id).getBoundingClientRect().toJSON())"
    )
    (before, after), (left, right) = on.run(halves), on.run(planes)
    assert left["x"] - before["x"] == pytest.approx(right["x"] - after["x"], abs=0.1)
    assert left["width"] == pytest.approx(LARGE[0])
    on.press("v", "v")


def test_blinking_shows_one_and_the_other_in_turn_until_it_is_left(on: Page) -> None:
    on.press("v", "v")
    flipped = "return document.getElementById('compare').classList.contains('flipped')"
    on.wait(lambda: on.run(flipped))
    on.wait(lambda: not on.run(flipped))
    clip = "return getComputedStyle(document.getElementById('before-half')).clipPath"
    on.wait(lambda: "100%)" in on.run(clip) or "0px" in on.run(clip))
    on.press("v")
    shown = [on.run("return document.getElementById('compare').classList.contains('flipped')") for _ in range(10)]
    assert shown == [False] * 10
    assert on.run("return getComputedStyle(document.getElementById('divider')).display") == "block"


def test_what_was_left_alone_shows_its_source_and_can_be_colored_anyway(on: Page, large: Path, downloads: Path) -> None:
    on.press(Keys.END)
    assert on.find("name").text == "painted.jpg"
    on.wait(lambda: on.run("return document.getElementById('after').naturalWidth") == 96)
    assert not on.find("accept").is_displayed()
    assert (
        on.run("return document.querySelector('#link a').href") == (large.parent.parent / "in" / "painted.jpg").as_uri()
    )
    on.find("recolor").click()
    assert on.find("recolor").get_attribute("aria-pressed") == "true"
    on.press(Keys.ESCAPE)
    on.find("next-step").click()
    on.step("recolor", "Save recolor.txt").click()
    on.wait((downloads / "recolor.txt").exists)
    assert (downloads / "recolor.txt").read_text() == "painted.jpg\n"
    (downloads / "recolor.txt").unlink()
    command = on.run("return document.querySelector('[data-step=recolor] code').textContent")
    assert command.endswith("--only-from recolor.txt --already-color recolor")


def test_there_is_nothing_to_accept_in_what_failed_and_it_is_not_counted(on: Page) -> None:
    on.press("j", "j")
    assert on.find("name").text == "c.jpg"
    assert not on.find("judge").is_displayed()
    on.press("a")
    on.wait_for_word("no result here to judge")
    assert on.find("reviewed-label").get_attribute("textContent") == "0 of 2 reviewed"


def test_filters_and_the_picture_are_in_the_address(on: Page, large: Path) -> None:
    on.press(Keys.ESCAPE)
    on.choose("state", "scolored")
    on.choose("order", "warnings")
    assert on.shown == "2 of 4 pictures"
    on.press(Keys.HOME, Keys.ARROW_RIGHT)
    on.run("document.getElementById('grid').focus()")
    on.press(Keys.ENTER)
    on.wait(lambda: on.is_open)
    name, address = on.find("name").text, on.browser.current_url
    on.open(large, f"#{address.partition('#')[2]}")
    assert on.find("name").text == name
    assert on.find("position").text.endswith("of 2")
    on.press(Keys.ESCAPE)
    on.wait(lambda: not on.is_open)
    assert on.shown == "2 of 4 pictures"
    assert on.run("return document.getElementById('order').value") == "warnings"
    on.open(large, "#state=no-such-choice&text=%22%5Cud")
    assert on.shown == "4 pictures", "an address may hold anything"


def test_a_deep_tiff_has_tiles_of_its_colors(tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    rgb = np.zeros((1500, 2100, 3), np.uint16)
    rgb[:, :1050], rgb[:, 1050:] = np.array((200, 40, 30)) * 257, np.array((30, 160, 60)) * 257
    tifffile.imwrite(out / "deep.tif", rgb, photometric="rgb")
    write_journal(out, colored("deep.tif"))
    folder = make(out).path.parent / "tiles"
    with Image.open(next(folder.glob("*/*/0-0-0.jpg"))) as tile:
        np.testing.assert_allclose(np.asarray(tile)[500, 500], (200, 40, 30), atol=6)
    with Image.open(next(folder.glob("*/*/0-2-1.jpg"))) as tile:
        assert tile.size == (2100 - 2048, 1500 - 1024)
        np.testing.assert_allclose(np.asarray(tile)[200, 20], (30, 160, 60), atol=6)


def test_tiles_go_with_their_result(tmp_path: Path) -> None:
    out = tmp_path / "out"
    picture(out / "a.tif", 1, (1400, 60))
    write_journal(out, colored("a.tif"))
    folder = make(out).path.parent / "tiles"
    (first,) = folder.glob("*/*")
    picture(out / "a.tif", 2, (1401, 60))
    make(out)
    (second,) = folder.glob("*/*")
    assert first != second


@pytest.mark.parametrize(
    ("name", "size", "shown"),
    [("a.jpg", (4000, 3000), True), ("a.PNG", (10, 10), True), ("a.tif", (10, 10), False), ("a.jp2", (9, 9), False),
     ("a.jpg", (9000, 9000), False), ("a.jpg", (20_000, 100), False)],
)  # fmt: skip
def test_browsers_show_what_they_know_and_can_hold(name: str, size: tuple[int, int], *, shown: bool) -> None:
    assert tiles.is_shown_by_browsers(name, *size) is shown


def test_pages_keep_tiles_of_their_own(browser: Chrome, tmp_path: Path) -> None:
    out, on = tmp_path / "out", Page(browser)
    out.mkdir()
    with tifffile.TiffWriter(out / "album.tif") as writer:
        for shade in (60, 200):
            writer.write(np.full((900, 1500, 3), shade, np.uint8), photometric="rgb", metadata=None)
    with Journal(out) as journal:
        settings = {"s": {"hints": "1.png 0123456789abcdef"}}
        journal.add_run(RunRecord(1, "2026-01-02T03:04:05Z", "0", ENGINE, settings))
        journal.add(colored("album.tif"), wait=False)
    on.screen(1200, 800)
    on.open(make(out).path)
    assert "2 pages" in on.run("return document.querySelector('.badges').textContent")
    assert "Painted" in on.run("return document.querySelector('.badges').textContent")
    with looking_at(on, "album"):
        on.press("f", "f", "1")
        tiles_of = (
            "return [...document.querySelectorAll('#after-tiles img')].filter(t => t.naturalWidth).map(t => t.src)"
        )
        found = on.wait(lambda: on.run(tiles_of))
        assert all(".1/0-" in address for address in found)
        on.press(Keys.ESCAPE, Keys.ESCAPE)
