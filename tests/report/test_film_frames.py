"""A film on the page: its frames by themselves, and paint on them that the film's run takes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from archivecolor.chroma.control.hints import Hints, read_strokes
from archivecolor.jobs.journal import Kind
from archivecolor.jobs.records import TimedConfidence
from tests.film.sources import FilmSource, moving
from tests.report.browsing import Page, looking_at
from tests.report.conftest import make
from tests.report.runs import colored, failed, write_journal
from tests.report.test_paint import start, stroke

if TYPE_CHECKING:
    from selenium.webdriver import Chrome

pytest.importorskip("selenium", reason="needs selenium")
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.keys import Keys

SECOND_FRAME_S = 6 / 25
"""48 frames are one key frame and eleven a sixth of two seconds apart, from a twelfth on."""


@pytest.fixture(scope="module")
def reel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A film of two seconds, of whose colors at 1.2 seconds the generator was not sure, and what came to nothing."""
    out = tmp_path_factory.mktemp("films") / "out"
    out.mkdir()
    FilmSource(moving(48), "libx264", options={"g": "1"}).write(out / "reel.mp4")
    film = replace(colored("reel.mp4", kind=Kind.FILM), least_sure=(TimedConfidence(1.2, 0.25),))
    write_journal(out, film, failed("torn.jpg", "/scans/torn.jpg: is damaged: ends early"))
    return make(out).path


@pytest.fixture
def on(browser: Chrome, reel: Path) -> Iterator[Page]:
    """That page with the film open."""
    on = Page(browser)
    on.screen(1200, 800)
    on.open(reel)
    on.run("localStorage.clear()")
    browser.get_log("browser")  # type: ignore[no-untyped-call]
    with looking_at(on, "reel.mp4"):
        yield on
    assert browser.get_log("browser") == []  # type: ignore[no-untyped-call]


def shown_size(on: Page) -> list[int]:
    """Pixels of what is shown, once it is."""
    size = "const a = document.getElementById('after'); return [a.complete, a.naturalWidth, a.naturalHeight]"
    return list(on.wait(lambda: on.run(size)[0] and on.run(size))[1:])


def frames(on: Page) -> list[str]:
    return [button.text for button in on.find("frames").find_elements("tag name", "button")]


def chosen(on: Page) -> str:
    return str(on.run("return document.querySelector('#frames [aria-pressed=true]').textContent"))


def press_on_sheet(on: Page, across: float, down: float, *, drag: float = 0) -> None:
    """Press at a place in shares of the sheet's sides, and let go to the right of it."""
    sheet = on.find("compare")
    width, height = sheet.size["width"], sheet.size["height"]
    x, y = round((across - 0.5) * width), round((down - 0.5) * height)
    press = ActionChains(on.browser).move_to_element_with_offset(sheet, x, y).click_and_hold()
    press.move_by_offset(round(drag * width), 0).release().perform()


def test_frames_are_offered_by_their_times_and_doubts(on: Page) -> None:
    assert frames(on)[:4] == ["All", "Play", "0:00.0", "0:00.2"]
    assert len(frames(on)) == 2 + 12 + 1
    assert frames(on)[-1] == "0:01.2, 25 % sure"
    assert chosen(on) == "All"
    assert shown_size(on)[0] == 1280


def test_a_frame_that_is_pressed_on_is_shown_by_itself_and_escape_shows_all(on: Page) -> None:
    shown_size(on)
    press_on_sheet(on, 0.3, 0.12)
    assert chosen(on) == frames(on)[3]
    assert shown_size(on) == [128, 96]
    assert "reel.mp4, 0:00.2, colored" in (on.find("after").get_attribute("alt") or "")
    assert on.find("before-half").is_displayed(), "a frame is compared as a photograph is"
    press_on_sheet(on, 0.3, 0.5)
    assert chosen(on) == frames(on)[3], "the divider moved"
    assert on.split == 30
    on.press(Keys.ESCAPE)
    assert on.is_open
    assert chosen(on) == "All"
    assert shown_size(on)[0] == 1280


def test_each_frame_of_a_sheet_is_split_by_its_own_divider(on: Page) -> None:
    shown_size(on)
    press_on_sheet(on, 0.3, 0.12, drag=0.1)
    assert chosen(on) == "All", "it was dragged over, not pressed on"
    first = on.run("return document.querySelectorAll('#splits i')[1].getBoundingClientRect().toJSON()")
    sheet = on.run("return document.getElementById('compare').getBoundingClientRect().toJSON()")
    share = (sheet["x"] + 0.4 * sheet["width"] - first["x"]) / first["width"]
    assert on.split == pytest.approx(100 * share, abs=1), "in shares of the frame that was dragged over"
    clip = on.run("return getComputedStyle(document.getElementById('before-plane')).clipPath")
    lefts = [float(part) for part in re.findall(r"M ?([\d.]+)", clip)]
    assert len(lefts) == 12 + 1, "each frame is cut by itself"
    assert len(set(np.round(lefts[:4]))) == 4
    for mode in ("slider", "both"):
        on.run("document.querySelector(`#modes [value=${arguments[0]}]`).click()", mode)
        whole = on.run("return getComputedStyle(document.getElementById('after')).clipPath")
        assert len(re.findall("M", whole)) == 12 + 1, "between them the stage is seen"
    assert on.run("return getComputedStyle(document.getElementById('before-plane')).clipPath") == whole
    on.run("document.querySelector('#modes [value=slider]').click()")
    on.press("f")
    assert on.run("return getComputedStyle(document.getElementById('after')).clipPath") == "none"


def test_the_place_between_frames_is_none(on: Page) -> None:
    shown_size(on)
    press_on_sheet(on, 0.25, 0.3)
    assert chosen(on) == "All"


def test_keys_go_through_the_frames(on: Page) -> None:
    seen = []
    for _ in range(14):
        on.press("f")
        seen.append(on.run("return [...document.querySelectorAll('#frames button')].map(b => b.ariaPressed)"))
    assert [row.index("true") for row in seen] == [*range(2, 15), 0]


def test_paint_on_a_frame_is_a_layer_of_that_frame_of_the_film(on: Page, tmp_path: Path, downloads: Path) -> None:
    on.run("delete Window.prototype.showDirectoryPicker; delete window.showDirectoryPicker")
    on.press("p")
    on.wait_for_word("Choose one of them")
    on.find("frames").find_elements("tag name", "button")[3].click()
    shown_size(on)
    start(on)
    assert on.find("paint-where").text == "reel.mp4/0-00-00.240.png"
    stroke(on, 0.3, 0.5)
    on.press("s")
    hints = on.saved_hints(downloads, tmp_path)
    on.press(Keys.ESCAPE)
    assert chosen(on) == frames(on)[3], "Escape ends the painting first"
    on.press("f", "p")
    assert not on.find("paint-undo").is_enabled(), "another frame has strokes of its own"
    on.press("p", Keys.ESCAPE, "f", "f", "p")
    assert on.find("paint-undo").is_enabled()
    on.press(Keys.ESCAPE, Keys.ESCAPE)

    layer = hints / "reel.mp4" / "0-00-00.240.png"
    below = Hints(hints).below("reel.mp4")
    assert below is not None
    ((moment, found),) = Hints(below).of_film()
    assert (moment, found) == (SECOND_FRAME_S, layer)
    strokes = read_strokes(layer, (96, 128), (96, 128))
    rows, columns = np.nonzero(strokes.weight)
    assert (rows.mean(), columns.mean()) == pytest.approx((48, 51), abs=3)


def test_another_film_begins_with_its_sheet(on: Page) -> None:
    on.press("f", Keys.HOME)
    assert chosen(on) == "All"


def play(on: Page) -> None:
    on.find("frames").find_elements("tag name", "button")[1].click()
    if on.run("return document.getElementById('film').canPlayType('video/mp4; codecs=avc1.42E01E')") == "":
        pytest.skip("this browser plays no H.264")
    on.wait(lambda: on.run("return document.getElementById('film').readyState") >= 2)


def test_a_film_plays_and_its_luma_can_be_seen(on: Page) -> None:
    play(on)
    assert chosen(on) == "Play"
    assert on.find("film").is_displayed()
    assert not on.find("after").is_displayed()
    assert on.run("return document.activeElement.id") == "film", "its own keys work"
    on.press(" ")
    on.wait(lambda: on.run("const f = document.getElementById('film'); return f.currentTime > 0.1"))
    seen = "return getComputedStyle(document.getElementById('film')).filter"
    assert on.run(seen) == "none"
    on.press("b")
    assert "luma-" in on.run(seen)
    on.press("b", "f")
    assert chosen(on) == frames(on)[2]
    assert not on.find("film").is_displayed()
    has_film = "return document.getElementById('film').hasAttribute('src')"
    assert on.run(has_film) is False, "it does not play on unseen"
    play(on)
    on.find("close").click()
    on.wait(lambda: not on.run(has_film))
    on.press(Keys.ENTER)
    on.wait(lambda: on.is_open)


def test_paint_on_a_film_is_a_layer_of_the_frame_that_it_stands_at(on: Page) -> None:
    play(on)
    on.run("document.getElementById('film').currentTime = 0.5")
    shown = "return document.getElementById('film').seeking"
    on.wait(lambda: not on.run(shown))

    def layer() -> str:
        on.press("p")
        where = on.find("paint-where").text
        on.press("p")
        return where

    on.wait(lambda: layer() == "reel.mp4/0-00-00.480.png")  # word of the frame comes when it is drawn
    on.press("p")
    canvas = on.find("paint")
    assert (canvas.get_attribute("width"), canvas.get_attribute("height")) == ("128", "96")
    assert canvas.size == on.find("film").size
    controls = "return document.getElementById('film').controls"
    assert on.run(controls) is False, "nothing lies over what is painted on"
    stroke(on, 0.3, 0.5)
    assert on.find("paint-undo").is_enabled()
    on.wait(lambda: "no preview here" in on.find("preview-state").text)
    on.press(Keys.ESCAPE)
    assert chosen(on) == "Play"
    assert on.run(controls) is True
    on.press(Keys.ESCAPE)
    assert chosen(on) == "All"


def test_a_film_does_not_play_on_behind_what_has_no_picture(browser: Chrome, reel: Path) -> None:
    on = Page(browser)
    on.screen(1200, 800)
    on.open(reel)
    on.press(Keys.ENTER)
    on.wait(lambda: on.is_open)
    play(on)
    on.press("j")
    assert on.find("name").text == "torn.jpg"
    assert on.run("return document.getElementById('film').hasAttribute('src')") is False
    on.press(Keys.ESCAPE)


@pytest.mark.parametrize("sounds", [0, 1], ids=["silent", "with sound"])
def test_a_film_that_no_browser_plays_is_played_as_a_copy(browser: Chrome, tmp_path: Path, sounds: int) -> None:
    out, on = tmp_path / "out", Page(browser)
    out.mkdir()
    FilmSource(moving(50), "ffv1", audio=sounds).write(out / "master.mkv")
    write_journal(out, colored("master.mkv", kind=Kind.FILM))
    page = make(out).path
    on.open(page)
    with looking_at(on, "master"):
        play(on)
        sizes = "const f = document.getElementById('film'); return [f.videoWidth, f.videoHeight]"
        assert on.run(sizes) == [128, 96]
        assert on.run("return document.getElementById('film').duration") >= 1.9
        on.press(Keys.ESCAPE)
    (copy,) = (page.parent / "films").glob("*/*.mp4")
    copy.write_bytes(b"no film")
    with looking_at(on, "master"):
        on.find("frames").find_elements("tag name", "button")[1].click()
        on.wait(lambda: "This browser cannot play it" in on.find("toast").text)
        assert chosen(on) == "All"
        assert on.find("after").is_displayed()


def test_play_is_not_offered_without_the_copy(browser: Chrome, tmp_path: Path) -> None:
    out, on = tmp_path / "out", Page(browser)
    out.mkdir()
    FilmSource(moving(8), "ffv1").write(out / "master.mkv")
    write_journal(out, colored("master.mkv", kind=Kind.FILM))
    on.open(make(out, copies=False).path)
    with looking_at(on, "master"):
        assert "Play" not in frames(on)
    on.open(make(out).path)
    with looking_at(on, "master"):
        assert "Play" in frames(on), "it is made when it is wanted"


def test_frames_of_a_film_with_time_codes_are_offered_by_these(browser: Chrome, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    source = FilmSource(moving(48), "libx264", options={"g": "1"}, metadata={"timecode": "10:00:59:20"})
    source.write(out / "reel.mkv")
    write_journal(out, replace(colored("reel.mkv", kind=Kind.FILM), least_sure=(TimedConfidence(1.2, 0.25),)))
    on = Page(browser)
    on.open(make(out).path)
    with looking_at(on, "reel.mkv"):
        offered = frames(on)
    assert [text for text in offered if text[0].isdigit()][:2] == ["10:00:59:22", "10:01:00:01"]
    assert offered[-1] == "10:01:01:00, 25 % sure"
