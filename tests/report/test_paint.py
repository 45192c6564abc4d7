"""Painting hints on the page: what is drawn is what the folder command reads."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from archivecolor.chroma.control.hints import Hints, read_strokes
from archivecolor.color import chroma_to_cbcr, merge_rows, rgb_to_lab
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
    on.browser.find_element("xpath", f"//*[@id='paint-colors']//label[span='{name}']").click()


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
    kept = "Object.keys(localStorage).filter((k) => k.includes(':strokes:')).map((k) => localStorage.getItem(k))"
    return int(on.run(f"return {kept}.flatMap((k) => JSON.parse(k).strokes).length"))


def test_a_saved_layer_is_what_the_folder_command_reads(on: Page, downloads: Path, tmp_path: Path) -> None:
    on.run("delete Window.prototype.showDirectoryPicker; delete window.showDirectoryPicker")
    with looking_at(on, "docks/03"):
        start(on)
        choose_color(on, "Sky")
        stroke(on, 0.2, 0.25)
        choose_color(on, "No color")
        stroke(on, 0.6, 0.75)
        on.press("s")
        hints = on.saved_hints(downloads, tmp_path)
        assert "1 layer in hints.zip" in on.find("toast").text
        on.press("p")
    path = hints / "docks" / "03.jpg.png"
    assert Hints(hints).of_still("docks/03.jpg") == {0: path}
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
            on.wait(lambda: "written into hints" in on.find("toast").text)
            on.press(Keys.ESCAPE)
        on.choose("text", "")
    saved = on.run("return window.saved")
    assert sorted(saved) == ["docks/03.jpg.png", "people/02.tif.png"]
    assert bytes(saved["docks/03.jpg.png"]).startswith(b"\x89PNG")
    assert on.run("return window.asked") == 1


def test_painting_is_undone_left_and_goes_before_everything_else(on: Page) -> None:
    with looking_at(on, "docks/03"):
        assert not on.find("paint").is_displayed()
        start(on)
        assert not on.find("before-half").is_displayed()
        assert not on.find("paint-undo").is_enabled()
        stroke(on, 0.3, 0.3)
        stroke(on, 0.3, 0.6)
        assert strokes_of(on) == 2
        on.press("z")
        assert strokes_of(on) == 1
        on.press("z")
        assert strokes_of(on) == 0
        assert not on.find("paint-undo").is_enabled()
        drawn = "c.getContext('2d').getImageData(0, 0, c.width, c.height).data.some((v) => v)"
        assert on.run(f"const c = document.getElementById('paint'); return {drawn}") is False
        on.press(Keys.ESCAPE)
        assert on.is_open, "Escape leaves the painting, and then the picture"
        assert not on.find("paint").is_displayed()
        assert on.find("before-half").is_displayed()


def test_two_windows_paint_on_one_picture_and_no_stroke_is_lost(on: Page, page: Path) -> None:
    undo = "return !document.getElementById('paint-undo').disabled"
    on.press(Keys.ENTER)
    start(on)
    first = on.browser.current_window_handle
    on.browser.switch_to.new_window("tab")
    try:
        on.open(page)
        on.press(Keys.ENTER)
        start(on)
        stroke(on, 0.2, 0.3)
        on.wait(lambda: strokes_of(on) == 1)
        on.browser.close()
    finally:
        on.browser.switch_to.window(first)
    on.wait(lambda: on.run(undo))
    stroke(on, 0.6, 0.7)
    on.wait(lambda: strokes_of(on) == 2)
    on.press("z", "z")
    on.wait(lambda: strokes_of(on) == 0)
    on.press(Keys.ESCAPE, Keys.ESCAPE)


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
        on.wait_for_word("Hints are painted on what was colored")
        assert not on.find("paint").is_displayed()


def test_the_archive_of_layers_holds_every_name_to_the_byte(on: Page, downloads: Path, tmp_path: Path) -> None:
    on.run(PICKED)
    for name in ("bytes", "smile", "leading"):
        with looking_at(on, name):
            start(on)
            stroke(on, 0.4, 0.4)
            on.press(Keys.ESCAPE)
        on.choose("text", "")
    on.find("next-step").click()
    on.step("hints", "Save hints.zip").click()
    hints = on.saved_hints(downloads, tmp_path)  # no folder picker takes names that are no text
    on.press(Keys.ESCAPE)
    names = (os.fsdecode(b"bytes \xff\xfe \xc3.png"), "smile \U0001f600\U00010480.png", " leading and trailing .png ")
    assert sorted(p.name for p in hints.iterdir()) == sorted(f"{name}.png" for name in names)
    assert all(Hints(hints).of_still(name) for name in names)


def test_what_is_rubbed_out_is_no_paint_and_no_hint(on: Page, downloads: Path, tmp_path: Path) -> None:
    on.run("delete Window.prototype.showDirectoryPicker; delete window.showDirectoryPicker")
    with looking_at(on, "docks/03"):
        start(on)
        for _ in range(8):
            on.press("]")
        stroke(on, 0.3, 0.5, 0.4)
        on.press("[", "[", "e")
        assert on.find("paint-tools").find_element("css selector", "[aria-pressed=true]").text == "Eraser"
        stroke(on, 0.3, 0.5, 0.2)
        on.press("s")
        hints = on.saved_hints(downloads, tmp_path)
        on.press("p")
    strokes = read_strokes(hints / "docks" / "03.jpg.png", (640, 960), (64, 96))
    assert strokes.weight[32, 60:65].min() > 0
    assert strokes.weight[32, 32:44].max() == 0, "the eraser took it away"


def test_colors_are_shown_as_they_come_out_at_the_lightness_below_the_pointer(on: Page) -> None:
    with looking_at(on, "docks/03"):
        start(on)
        on.wait(lambda: on.run("return document.getElementById('seen-sheet')?.dataset.of") not in (None, ""))
        mark = "return parseFloat(document.getElementById('paint-ramp').style.getPropertyValue('--at')) / 100"
        seen = []
        for across, down in ((0.1, 0.2), (0.5, 0.5), (0.9, 0.8)):
            canvas = on.find("paint")
            x, y = round((across - 0.5) * canvas.size["width"]), round((down - 0.5) * canvas.size["height"])
            ActionChains(on.browser).move_to_element_with_offset(canvas, x, y).perform()
            luma = float(on.run(mark))
            script = (
                "const c = [...document.querySelectorAll('#paint-colors input')].find((i) => i.value === '#8fb3d3');"
            )
            color = on.run(script + "return c.style.getPropertyValue('--shown')").lstrip("#")
            shown_rgb = np.array([int(color[i : i + 2], 16) for i in (0, 2, 4)])
            ab = rgb_to_lab(np.array([[[0x8F, 0xB3, 0xD3]]], np.float32) / 255)[..., 1:]
            y8 = np.full((1, 1), luma * 65535, np.uint16)
            cbcr = chroma_to_cbcr(np.full((1, 1), luma, np.float32), ab)
            wanted = merge_rows(y8, cbcr[..., 0], cbcr[..., 1])[0, 0] / 257
            np.testing.assert_allclose(shown_rgb, wanted, atol=1)
            seen.append(luma)
        assert len(set(seen)) == 3
        on.press(Keys.ESCAPE)


def test_a_color_is_picked_from_the_picture_and_from_a_photograph(on: Page, tmp_path: Path) -> None:
    reference = tmp_path / "reference.png"
    pixels = np.zeros((40, 80, 3), np.uint8)
    pixels[:, :40], pixels[:, 40:] = (200, 30, 40), (20, 60, 180)
    Image.fromarray(pixels).save(reference)
    color = "return document.getElementById('paint-other').value"
    with looking_at(on, "docks/03"):
        start(on)
        on.wait(lambda: on.run("return document.getElementById('seen-sheet')?.dataset.of") not in (None, ""))
        on.wait(lambda: on.run("return document.getElementById('preview-state').textContent") == "")
        before = on.run(color)
        on.press("i")
        canvas = on.find("paint")
        ActionChains(on.browser).move_to_element_with_offset(canvas, -60, -30).click().perform()
        assert on.run(color) != before
        assert strokes_of(on) == 0, "picking does not paint"
        on.find("reference-file").send_keys(str(reference))
        picture = on.find("reference")
        on.wait(lambda: on.run("return arguments[0].naturalWidth", picture) == 80)
        on.run("arguments[0].scrollIntoView({block: 'center'})", picture)
        ActionChains(on.browser).move_to_element_with_offset(picture, 60, 0).click().perform()
        assert on.run(color) == "#143cb4"
        on.press(Keys.ESCAPE)
