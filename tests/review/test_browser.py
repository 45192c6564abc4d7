"""The page of a review in a real browser: painted, made again, and seen."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from archivecolor import color_folder
from archivecolor.jobs.journal import FOLDER
from archivecolor.jobs.mark_book import kept_marks
from tests.fakes.engines import FakeEngine
from tests.report.axe import axe as axe
from tests.report.axe import problems
from tests.report.browsing import Page
from tests.report.conftest import browser as browser
from tests.report.conftest import downloads as downloads
from tests.review.conftest import Reviewed, painted_in, review_of
from tests.stills.sources import luma_of

pytest.importorskip("selenium", reason="needs selenium")
from selenium.webdriver.common.keys import Keys

from tests.review.painting import open_painting, paint_and_wait

if TYPE_CHECKING:
    from selenium.webdriver import Chrome

SIZE = (480, 320)


@pytest.fixture
def archive(tmp_path: Path, engine: FakeEngine) -> tuple[Path, Path]:
    """SRC and OUT of two photographs that are large enough to paint on."""
    source, out = tmp_path / "in", tmp_path / "out"
    (source / "box").mkdir(parents=True)
    for seed, name in enumerate(("box/a.png", "b.jpg")):
        slope = np.add.outer(np.linspace(40, 180, SIZE[1]), np.linspace(-20, 40, SIZE[0]))
        grain = np.random.default_rng(seed).normal(0, 4, slope.shape)
        Image.fromarray(np.clip(slope + grain, 0, 255).astype(np.uint8)).save(source / name)
    assert color_folder(source, out).colored == 2
    return source, out


@pytest.fixture
def live(browser: Chrome, archive: tuple[Path, Path]) -> Iterator[tuple[Page, Reviewed]]:
    """The page, opened from the server; nothing may be complained of on the console."""
    on = Page(browser)
    on.screen(1200, 800)
    with review_of(*archive) as reviewed:
        browser.get_log("browser")  # type: ignore[no-untyped-call]
        browser.get(reviewed.server.url)
        yield on, reviewed
        said = browser.get_log("browser")  # type: ignore[no-untyped-call]
        browser.get("about:blank")
    assert said == []


def test_a_stroke_is_seen_in_the_result_while_one_looks(live: tuple[Page, Reviewed]) -> None:
    on, reviewed = live
    plain = np.asarray(Image.open(reviewed.out / "box/a.png").convert("RGB")).astype(int)
    open_painting(on, "a.png")
    on.run("document.querySelector('#paint-colors input[value=\"#35538c\"]').click()")
    for number in range(2):
        assert paint_and_wait(on, number) < 60
    layer = reviewed.out / FOLDER / "hints" / "box/a.png.png"
    assert layer.read_bytes().startswith(b"\x89PNG")
    painted = np.asarray(Image.open(reviewed.out / "box/a.png").convert("RGB")).astype(int)
    assert np.abs(painted - plain).max() > 20
    np.testing.assert_array_equal(luma_of(painted.astype(np.uint8)), luma_of(plain.astype(np.uint8)))
    assert painted_in(reviewed.out) == {"box/a.png"}
    shown = on.run("return document.getElementById('after').src")
    assert reviewed.ids["box/a.png"] in shown, "what is seen is the newest result"
    assert on.find("paint").is_displayed(), "and one goes on painting"
    on.browser.refresh()
    on.wait(lambda: on.find("grid").get_attribute("aria-busy") == "false")
    assert (on.is_open, on.find("name").text) == (True, "a.png"), "its address outlives its result"


def test_a_mark_that_is_refused_is_none_and_is_not_said_to_be_one(live: tuple[Page, Reviewed]) -> None:
    on, reviewed = live
    on.wait(lambda: on.find("grid").get_attribute("aria-busy") == "false")
    away = reviewed.out.with_name("away")
    reviewed.out.rename(away)
    on.press("a")
    on.wait_for_word("is not where it was when the review began")
    assert on.find("reviewed-label").text == "0 of 2 reviewed"
    on.press("u")
    on.wait_for_word("nothing to undo")
    away.rename(reviewed.out)
    on.press("a")
    on.wait_for_word("accepted")
    assert len(kept_marks(reviewed.out)) == 1
    on.press("u")
    on.wait(lambda: on.find("reviewed-label").text == "0 of 2 reviewed")
    (refused,) = on.browser.get_log("browser")  # type: ignore[no-untyped-call]
    assert "409" in refused["message"]


def test_marks_and_strokes_are_there_again_when_the_page_was_closed(live: tuple[Page, Reviewed]) -> None:
    on, reviewed = live
    on.find("text").send_keys("b.jpg")
    on.wait(lambda: on.shown.startswith("1 of"))
    on.press(Keys.ESCAPE, Keys.ENTER)
    on.wait(lambda: on.is_open)
    on.press("r")
    on.wait(lambda: "b.jpg" in kept_marks(reviewed.out))
    on.press(Keys.ESCAPE)
    on.find("text").clear()
    open_painting(on, "a.png")
    paint_and_wait(on, 3)
    on.browser.get("about:blank")
    on.browser.get(reviewed.server.url)
    on.wait(lambda: "1 rejected" in on.find("reviewed-label").text)
    open_painting(on, "a.png")
    drawn = (
        "const c = document.getElementById('paint'); return c.getContext('2d').getImageData(0, 0, c.width, c.height)"
    )
    on.wait(lambda: on.run(f"{drawn}.data.some((v) => v)"))


def test_another_window_hears_of_marks(live: tuple[Page, Reviewed]) -> None:
    on, reviewed = live
    on.wait(lambda: on.run("return document.querySelectorAll('.cell').length") == 2)
    on.wait(lambda: reviewed.review.events.listening == 1)
    reviewed.post("api/marks", {reviewed.ids["b.jpg"]: ["accepted", None, "ben", ""]})
    on.wait(lambda: "1 accepted" in on.find("reviewed-label").text)


@pytest.mark.parametrize("width", [390, 1440])
def test_axe_finds_nothing_serious_while_pictures_are_made_again(
    live: tuple[Page, Reviewed], axe: str, width: int
) -> None:
    on, reviewed = live
    on.screen(width, 900, phone=width < 500, scheme="dark" if width < 500 else "light")
    on.browser.get(reviewed.server.url)
    on.wait(lambda: reviewed.review.events.listening == 1)
    jobs = [
        {"name": "reel.mkv", "kind": "film", "state": "working", "share": 0.4},
        {"name": "box/a.png", "kind": "still", "state": "working", "share": 0},
        {"name": "b.jpg", "kind": "still", "state": "busy", "share": 0},
    ]
    reviewed.review.events.tell({"type": "jobs", "jobs": jobs, "total": 6})
    on.wait(lambda: on.run("return document.querySelectorAll('#jobs .job').length") == 3)
    assert problems(on, axe) == []
    assert on.run("return document.documentElement.scrollWidth") <= width
    open_painting(on, "a.png")
    reviewed.review.events.tell({"type": "jobs", "jobs": jobs, "total": 6})
    on.wait(lambda: on.run("return document.querySelector('#viewer #jobs') !== null"))
    assert problems(on, axe) == []


def test_no_script_but_its_own_runs_and_nobody_may_frame_it(live: tuple[Page, Reviewed], tmp_path: Path) -> None:
    on, reviewed = live
    frame = tmp_path / "evil.html"
    frame.write_text(f'<iframe src="{reviewed.server.url}"></iframe><img src="{reviewed.server.url}out/b.jpg">')
    on.browser.get(frame.as_uri())
    on.wait(lambda: on.run("return document.querySelector('img').complete"))
    assert on.run("return document.querySelector('img').naturalWidth") == 0
    on.browser.switch_to.frame(0)
    assert on.run("return document.getElementById('grid')") is None
    on.browser.switch_to.default_content()
    on.browser.get_log("browser")  # type: ignore[no-untyped-call]
