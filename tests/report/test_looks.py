"""How the page looks and reads: axe-core finds nothing serious, at the widths of phones and of large screens."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.report.axe import axe as axe
from tests.report.axe import problems
from tests.report.browsing import Page

pytest.importorskip("selenium", reason="needs selenium")
from selenium.webdriver.common.keys import Keys

SIZES = {390: 844, 768: 1024, 1440: 900, 2560: 1440}


@pytest.mark.parametrize("width", SIZES)
def test_axe_finds_nothing_serious_in_any_state(on: Page, page: Path, axe: str, width: int) -> None:
    found: dict[str, list[str]] = {}

    def look(state: str) -> None:
        if serious := problems(on, axe):
            found[state] = serious
        assert on.run("return document.documentElement.scrollWidth") <= width, state

    scheme = "dark" if width in (768, 2560) else "light"
    on.screen(width, SIZES[width], phone=width < 500, scheme=scheme)
    on.open(page)
    on.press("a", "r", "l")
    look("grid")
    on.press("x", "x", Keys.HOME, "x")
    look("selected")
    on.press(Keys.ESCAPE, "e")
    look("next step")
    on.press(Keys.ESCAPE, "?")
    look("help")
    on.press(Keys.ESCAPE, Keys.ENTER)
    on.wait(lambda: on.is_open)
    on.wait(lambda: on.run("return document.getElementById('after').naturalWidth"))
    look("picture")
    on.press("v")
    look("side by side")
    on.press("p")
    on.wait(lambda: on.find("paint").is_displayed())
    look("painting")
    on.press(Keys.ESCAPE, Keys.END)
    look("left alone")
    on.press(Keys.ESCAPE)
    assert found == {}


@pytest.mark.parametrize("width", SIZES)
def test_no_panel_opens_scrolled_away(on: Page, page: Path, width: int) -> None:
    on.screen(width, SIZES[width], phone=width < 500)
    on.open(page)
    on.press(Keys.ENTER)
    on.wait(lambda: on.is_open)
    top = "return document.getElementById('panel').scrollTop"
    for keys in ("j", "p", "p", Keys.END):
        on.run("document.getElementById('panel').scrollTop = 10000")
        on.press(keys)
        if keys != "p" or on.find("paint").is_displayed():
            on.wait(lambda: on.run(top) == 0)
        name = on.run("return document.getElementById('name').getBoundingClientRect().toJSON()")
        panel = on.run("return document.getElementById('panel').getBoundingClientRect().toJSON()")
        if keys != "p":
            assert panel["top"] <= name["top"]
            assert name["bottom"] <= panel["bottom"]
    on.press(Keys.ESCAPE)


def test_with_the_keyboard_alone_everything_is_reached(on: Page) -> None:
    """Every control that is on screen takes the focus by Tab, in the grid, the viewer and while painting."""
    reached: set[str] = set()

    def tab_through() -> None:
        for _ in range(60):
            on.press(Keys.TAB)
            reached.add(str(on.run("return document.activeElement.id || document.activeElement.value")))

    tab_through()
    assert {"text", "folder", "state", "mark", "confidence", "order", "next-step", "keys", "small", "gray", "choose",
            "grid"} <= reached  # fmt: skip
    on.run("document.getElementById('grid').focus()")
    on.press(Keys.ENTER)
    on.wait(lambda: on.is_open)
    reached.clear()
    tab_through()
    assert {"divider", "next", "close", "accept", "reject", "later", "slider", "both", "blink", "flip",
            "zoom-in", "zoom-out", "zoom-fit", "zoom-full", "paint-start", "note"} <= reached  # fmt: skip
    on.run("document.getElementById('paint-start').focus()")
    on.press(Keys.ENTER)
    on.wait(lambda: on.find("paint").is_displayed())
    reached.clear()
    tab_through()
    assert {"brush", "eraser", "picker", "paint-width", "paint-other", "reference-file", "paint-done",
            "paint-preview"} <= reached  # fmt: skip
    on.press(Keys.ESCAPE, Keys.ESCAPE)
