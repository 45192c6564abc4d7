"""Painting on the page of a review, as a person does."""

from __future__ import annotations

import time

from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.keys import Keys

from tests.report.browsing import Page

_SHOWN = "return document.getElementById('after').src"
_LOADED = """
const picture = document.getElementById('after');
return picture.src !== arguments[0] && picture.complete && picture.naturalWidth > 0;"""


def open_painting(on: Page, name: str) -> None:
    """Find a picture by its name, open it, and take the brush."""
    on.wait(lambda: on.run("return document.querySelectorAll('.cell').length") > 0)
    on.find("text").send_keys(name)
    on.wait(lambda: on.shown.startswith(("1 of", "1 picture")))
    on.press(Keys.ESCAPE, Keys.ENTER)
    on.wait(lambda: on.is_open)
    on.wait(lambda: on.run("return document.getElementById('after').naturalWidth") > 0)
    on.press("p")
    on.wait(lambda: on.find("paint").is_displayed())


def paint_and_wait(on: Page, number: int) -> float:
    """One stroke, another for each number; gives the seconds from letting go to the new picture on the screen."""
    before = on.run(_SHOWN)
    canvas = on.find("paint")
    width, height = canvas.size["width"], canvas.size["height"]
    y = round((-0.35 + 0.05 * (number % 14)) * height)
    hold = ActionChains(on.browser).move_to_element_with_offset(canvas, round(-0.2 * width), y).click_and_hold()
    hold.move_by_offset(round(0.2 * width), 0).perform()
    ActionChains(on.browser).release().perform()
    began = time.monotonic()
    on.wait(lambda: on.run(_LOADED, before))
    return time.monotonic() - began
