"""Files of several pages on the page: a sheet of them, each by itself, and paint on any."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
import tifffile
from PIL import Image

from archivecolor.chroma.control.hints import Hints
from archivecolor.report import pages
from archivecolor.report.pages import page_sheet
from archivecolor.report.pictures import small_picture
from tests.report.browsing import Page, looking_at
from tests.report.conftest import make
from tests.report.runs import colored, skipped, write_journal, write_map
from tests.report.test_page import data_of
from tests.report.test_paint import start, stroke

if TYPE_CHECKING:
    from selenium.webdriver import Chrome

COLORS = ((200, 60, 60), (60, 160, 60), (60, 60, 200))


def album(path: Path, *, deep: bool = False) -> Path:
    """A red landscape, a green portrait and a blue landscape, 8 or 16 bit deep."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tifffile.TiffWriter(path) as writer:
        for color, (width, height) in zip(COLORS, ((120, 80), (60, 90), (120, 80)), strict=True):
            page = np.broadcast_to(np.array(color, np.uint8), (height, width, 3))
            writer.write(page.astype(np.uint16) * 257 if deep else page, photometric="rgb", metadata=None)
    return path


@pytest.mark.parametrize("deep", [False, True], ids=["8 bit", "16 bit"])
def test_each_page_of_a_sheet_lies_in_its_place_and_comes_by_itself(tmp_path: Path, *, deep: bool) -> None:
    path = album(tmp_path / "album.tif", deep=deep)
    made = page_sheet(path, 536, small_picture(path, 536))
    assert [page.number for page in made.pages] == [1, 2, 3]
    assert [page.picture.size for page in made.pages] == [(120, 80), (60, 90), (120, 80)]
    sheet = np.asarray(made.sheet, np.int16)
    for (_, picture, box, _), color in zip(made.pages, COLORS, strict=True):
        np.testing.assert_allclose(np.asarray(picture)[40, 30], color, atol=2)
        x, y = (box.left + box.width / 2) * sheet.shape[1], (box.top + 0.8 * box.height) * sheet.shape[0]
        np.testing.assert_allclose(sheet[int(y), int(x)], color, atol=2)
    assert made.pages[1].box.width * sheet.shape[1] == pytest.approx(60), "no larger than it is"


def test_of_a_file_of_very_many_pages_as_many_are_shown_as_a_sheet_holds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages, "MOST", 2)
    path = album(tmp_path / "album.tif")
    assert len(page_sheet(path, 536, small_picture(path, 536)).pages) == 2


def test_pages_are_told_of_what_was_colored_and_not_of_what_was_only_copied(tmp_path: Path) -> None:
    out = tmp_path / "out"
    for name in ("album.tif", "copied.tif"):
        album(out / name)
    copied = replace(skipped("copied.tif", "is in color already"), result="copied.tif")
    write_journal(out, colored("album.tif"), copied)
    made = make(out)
    first, other = data_of(made.path)["items"]
    assert [frame[:2] for frame in first["frames"]] == [[1, None], [2, None], [3, None]]
    assert (other["frames"], other["pages"]) == ([], 3)
    folder = made.path.parent / "pictures" / first["id"][:2]
    assert sorted(p.name[16:] for p in folder.iterdir()) == [".0.jpg", ".1.jpg", ".2.jpg", ".css", ".jpg"]
    with Image.open(folder / f"{first['id']}.1.jpg") as image:
        assert image.size == (60, 90)


def test_a_page_is_looked_at_painted_on_and_has_a_layer_of_its_number(
    browser: Chrome, tmp_path: Path, downloads: Path
) -> None:
    from selenium.webdriver.common.keys import Keys

    out, on = tmp_path / "out", Page(browser)
    album(out / "box" / "album.tif")
    write_map(out, "box/album.tif")
    write_journal(out, colored("box/album.tif"))
    on.open(make(out).path)
    with looking_at(on, "album"):
        assert [b.text for b in on.find("frames").find_elements("tag name", "button")] == [
            "All",
            "page 1",
            "page 2",
            "page 3",
        ]
        assert not on.find("doubt").is_displayed(), "the map is that of the first page"
        on.press("f")
        assert on.find("doubt").is_displayed()
        on.press("f")
        assert not on.find("doubt").is_displayed()
        on.run("delete Window.prototype.showDirectoryPicker; delete window.showDirectoryPicker")
        on.wait(lambda: on.run("return document.getElementById('after').naturalWidth") == 60)
        start(on)
        stroke(on, 0.3, 0.5)
        on.press("s")
        hints = on.saved_hints(downloads, tmp_path / "paged")
        on.press(Keys.ESCAPE, Keys.ESCAPE)
    on.run("localStorage.clear()")
    assert Hints(hints).of_still("box/album.tif") == {1: hints / "box" / "album.tif" / "2.png"}
