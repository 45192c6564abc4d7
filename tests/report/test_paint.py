"""Painting hints on the page: what is drawn is what the folder command reads."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from archivecolor.chroma.control.hints import Hints, read_strokes
from archivecolor.color import rgb_to_lab
from tests.report.browsing import Page, looking_at
from tests.report.conftest import make
from tests.report.runs import colored, picture, write_journal

if TYPE_CHECKING:
    from selenium.webdriver import Chrome

pytest.importorskip("selenium", reason="needs selenium")
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.keys import Keys

PICKED = """
    window.saved = {};
    const folder = (path) => ({
      name: path || "hints",
      getDirectoryHandle: async (name) => folder(`${path}${name}/`),
      getFileHandle: async (name) => ({
        createWritable: async () => ({
          write: async (blob) => (window.saved[path + name] = [...new Uint8Array(await blob.arrayBuffer())]),
          close: async () => {},
        }),
      }),
    });
    window.asked = 0;
    window.showDirectoryPicker = async () => ((window.asked += 1), folder(""));"""


def choose_color(on: Page, name: str) -> None:
    on.browser.find_element("css selector", f"#paint-colors [aria-label='{name}']").click()


def stroke(on: Page, across: float, down: float, length: float = 0.2) -> None:
    """Paint to the right, from a place given in shares of the picture's sides."""
    canvas = on.find("paint")
    width, height = canvas.size["width"], canvas.size["height"]
    x, y = round((across - 0.5) * width), round((down - 0.5) * height)
    move = ActionChains(on.browser).move_to_element_with_offset(canvas, x, y).click_and_hold()
    move.move_by_offset(round(length * width / 2), 0).move_by_offset(round(length * width / 2), 0).release().perform()


def start(on: Page) -> None:
    on.wait(lambda: on.run("return document.getElementById('after').naturalWidth") > 0)
    on.press("p")
    on.wait(lambda: on.find("paint").is_displayed())


def strokes_of(on: Page) -> int:
    kept = "Object.keys(localStorage).filter((k) => k.endsWith(':strokes')).map((k) => localStorage.getItem(k))"
    return int(on.run(f"return {kept}.flatMap((k) => Object.values(JSON.parse(k)).flat()).length"))


def test_a_saved_layer_is_what_the_folder_command_reads(on: Page, downloads: Path) -> None:
    on.run("delete Window.prototype.showDirectoryPicker; delete window.showDirectoryPicker")
    with looking_at(on, "docks/03"):
        start(on)
        choose_color(on, "Sky")
        stroke(on, 0.2, 0.25)
        choose_color(on, "No color")
        stroke(on, 0.6, 0.75)
        on.press("s")
        path = downloads / "03.jpg.png"
        on.wait(path.exists)
        assert "Move it to HINTS/docks/03.jpg.png" in on.find("toast").text
        on.press("p")
    assert Hints(downloads).of_still("03.jpg") == {0: path}
    read = read_strokes(path, (640, 960), (64, 96))
    sky = rgb_to_lab(np.array([[[0x8F, 0xB3, 0xD3]]], np.float32) / 255)[0, 0, 1:]
    np.testing.assert_allclose(read.ab[16, 24:34], np.broadcast_to(sky, (10, 2)), atol=1.5)
    np.testing.assert_allclose(read.ab[48, 62:72], 0, atol=1.5)
    assert read.weight[16, 24:34].min() == read.weight[48, 62:72].min() > 0
    assert read.weight[32:40].max() == read.weight[:, :14].max() == 0


def test_layers_are_written_where_they_belong_in_a_folder_that_is_asked_for_once(on: Page) -> None:
    on.run(PICKED)
    for name in ("docks/03", "people/02"):
        with looking_at(on, name):
            start(on)
            stroke(on, 0.4, 0.4)
            on.find("paint-save").click()
            on.wait(lambda: "Written to hints/" in on.find("toast").text)
            on.press(Keys.ESCAPE)
        on.find("text").clear()
    saved = on.run("return window.saved")
    assert sorted(saved) == ["docks/03.jpg.png", "people/02.tif.png"]
    assert bytes(saved["docks/03.jpg.png"]).startswith(b"\x89PNG")
    assert on.run("return window.asked") == 1


def test_painting_is_undone_left_and_goes_before_everything_else(on: Page) -> None:
    with looking_at(on, "docks/03"):
        assert not on.find("paint").is_displayed()
        start(on)
        assert not on.find("before-half").is_displayed()
        assert not on.find("paint-save").is_enabled()
        stroke(on, 0.3, 0.3)
        stroke(on, 0.3, 0.6)
        assert strokes_of(on) == 2
        on.press("z")
        assert strokes_of(on) == 1
        on.press("z")
        assert strokes_of(on) == 0
        assert not on.find("paint-save").is_enabled()
        drawn = "c.getContext('2d').getImageData(0, 0, c.width, c.height).data.some((v) => v)"
        assert on.run(f"const c = document.getElementById('paint'); return {drawn}") is False
        on.press(Keys.ESCAPE)
        assert on.is_open, "Escape leaves the painting, and then the picture"
        assert not on.find("paint").is_displayed()
        assert on.find("before-half").is_displayed()


def test_another_picture_is_looked_at_and_not_painted_on(on: Page) -> None:
    on.choose("folder", "=docks")
    on.press(Keys.ENTER)
    on.wait(lambda: on.is_open)
    start(on)
    on.press("j")
    assert not on.find("paint").is_displayed()
    on.press(Keys.ESCAPE)
    assert not on.is_open


def test_strokes_are_there_again_when_the_picture_was_made_anew(browser: Chrome, tmp_path: Path) -> None:
    out, on = tmp_path / "out", Page(browser)
    for seed in (1, 2):
        picture(out / "a.png", seed)
        write_journal(out, colored("a.png"))
        on.open(make(out).path)
        with looking_at(on, "a.png"):
            start(on)
            assert strokes_of(on) == seed - 1
            stroke(on, 0.4, 0.5)
            on.press(Keys.ESCAPE)
    on.run("localStorage.clear()")


def test_what_is_no_result_is_not_painted_on(on: Page) -> None:
    with looking_at(on, "poster"):
        on.wait(lambda: on.run("return document.getElementById('after').naturalWidth") > 0)
        assert not on.find("paint-start").is_displayed()
        on.press("p")
        assert "Hints are painted on what was colored" in on.find("toast").text
        assert not on.find("paint").is_displayed()


def test_a_name_that_no_browser_can_write_is_said(on: Page) -> None:
    with looking_at(on, "bytes"):
        start(on)
        stroke(on, 0.4, 0.4)
        on.press("s")
        on.wait(lambda: "A browser cannot write this name" in on.find("toast").text)
        on.press(Keys.ESCAPE)
