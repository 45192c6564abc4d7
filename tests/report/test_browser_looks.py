"""The page in a real browser, as the eye has it: gray surroundings, a phone, a name for every control."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.report.browsing import Page

pytest.importorskip("selenium", reason="needs selenium")


def test_dark_and_light_are_neutral_grays_with_readable_text(on: Page) -> None:
    def colors() -> tuple[list[float], list[float]]:
        script = """
            const style = getComputedStyle(arguments[0]);
            return [style.backgroundColor, style.color].map(c => c.match(/[\\d.]+/g).map(Number))"""
        ground = on.run(script, on.browser.find_element("css selector", ".bar"))
        return ground[0], on.run(script, on.find("summary"))[1]

    grounds = []
    for scheme in ("light", "dark"):
        on.screen(1200, 800, scheme=scheme)
        ground, quiet = colors()
        assert len(set(ground[:3])) == 1, "nothing beside the pictures has a color"
        assert contrast(ground, quiet) >= 4.5
        grounds.append(ground[0])
    assert grounds[0] > 128 > grounds[1]


def contrast(a: list[float], b: list[float]) -> float:
    """WCAG 2.2's contrast ratio."""

    def light(color: list[float]) -> float:
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in (v / 255 for v in color[:3])]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2] + 0.05

    return max(light(a), light(b)) / min(light(a), light(b))


def test_on_a_phone_everything_fits_and_the_divider_follows_a_finger(on: Page, page: Path) -> None:
    on.screen(390, 844, phone=True)
    on.open(page)
    assert on.run("return document.documentElement.scrollWidth") <= 390
    assert not on.find("folder").is_displayed()
    on.find("more").click()
    assert on.find("folder").is_displayed()
    on.find("more").click()
    on.browser.find_element("css selector", ".cell").click()
    on.wait(lambda: on.is_open)
    compare = on.find("compare")
    on.wait(lambda: compare.size["width"] > 100)
    box = on.run("return arguments[0].getBoundingClientRect().toJSON()", compare)
    y = box["y"] + box["height"] / 2
    for kind, share in (("touchStart", 0.5), ("touchMove", 0.3), ("touchMove", 0.2), ("touchEnd", None)):
        points = [] if share is None else [{"x": box["x"] + share * box["width"], "y": y}]
        on.browser.execute_cdp_cmd("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
    assert 18 <= on.split <= 22
    for name in ("accept", "reject", "close", "next"):
        button = on.run("return document.getElementById(arguments[0]).getBoundingClientRect().toJSON()", name)
        assert min(button["width"], button["height"]) >= 40, name
        assert button["right"] <= 390, name
        assert button["bottom"] <= 844, name


def test_every_control_has_a_name(on: Page) -> None:
    nameless = on.run("""
        return [...document.querySelectorAll('button, input, select, a, [role]')].filter(node =>
          !(node.getAttribute('aria-label') || node.labels?.length || node.textContent.trim() ||
            node.getAttribute('role') === 'status')).map(node => node.outerHTML)""")
    assert nameless == []
