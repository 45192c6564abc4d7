"""The page in Debian's firefox-esr: what is most likely to differ there, from opening to the archive of hints."""

from __future__ import annotations

import zipfile
from pathlib import Path

from tests.report.firefox import Firefox
from tests.report.firefox import fox as fox


def test_the_page_is_looked_through_marked_painted_and_saved(fox: tuple[Firefox, Path], page: Path) -> None:
    on, downloads = fox
    on.open(page)
    on.run("localStorage.clear()")
    on.open(page)
    assert "21 colored" in on.run("document.getElementById('summary').textContent")
    on.wait("[...document.querySelectorAll('.cell img')].filter((i) => i.naturalWidth).length >= 12")

    # Marks are kept, and the address says what is looked at
    on.run("document.getElementById('grid').focus()")
    on.press("a", "r")
    assert "1 accepted, 1 rejected" in on.run("document.getElementById('reviewed-label').textContent")
    on.run("(document.getElementById('text').value = 'docks/03', document.getElementById('text')"
           ".dispatchEvent(new Event('input', {bubbles: true})), true)")  # fmt: skip
    on.wait("location.hash === '#text=docks%2F03'")
    on.press("\ue007")
    on.wait("document.getElementById('viewer').open && document.getElementById('after').naturalWidth")

    # The picture as scanned has no color, and zoom brings the result itself
    on.press("v", "v", "v")
    on.press("1")
    on.wait("document.getElementById('after').src.includes('harbour/docks/03.jpg')")
    on.press("0")
    on.drag("compare", (0.5, 0.5), (0.8, 0.5))
    assert 78 <= int(on.run("document.getElementById('divider').ariaValueNow")) <= 82

    # What the generator saw is read from disk, strokes are spread over it, and one archive has their paths
    on.press("p")
    on.wait("document.getElementById('viewer').classList.contains('painting')")
    on.wait("document.getElementById('seen-sheet').dataset.of")
    on.drag("paint", (0.4, 0.4), (0.6, 0.4))
    on.wait("document.getElementById('preview-state').textContent.startsWith('A guess')")
    assert on.run("getComputedStyle(document.getElementById('preview')).mixBlendMode") == "color"
    on.press("s")
    path = downloads / "hints.zip"
    on.wait("document.getElementById('toast').textContent.includes('1 layer in hints.zip')")
    while not path.exists():
        on.run("new Promise((resolve) => setTimeout(resolve, 50))")
    with zipfile.ZipFile(path) as file:
        assert file.namelist() == ["docks/03.jpg.png"]
    assert on.complaints == []


def test_on_a_phone_nothing_is_wider_than_the_window(fox: tuple[Firefox, Path], page: Path) -> None:
    on, _ = fox
    on.open(page, 390, 844)
    assert on.run("document.documentElement.scrollWidth") <= 390
    assert on.complaints == []
