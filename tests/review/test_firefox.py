"""The page of a review in Debian's firefox-esr: marks, strokes and results that are made while one looks."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from archivecolor import color_folder
from archivecolor.jobs.mark_book import kept_marks
from archivecolor.jobs.marks import Verdict
from tests.fakes.engines import FakeEngine
from tests.report.firefox import Firefox
from tests.report.firefox import fox as fox
from tests.review.conftest import painted_in, review_of


def test_what_is_marked_and_painted_acts_at_once(fox: tuple[Firefox, Path], tmp_path: Path, engine: FakeEngine) -> None:
    on, _ = fox
    source, out = tmp_path / "in", tmp_path / "out"
    source.mkdir()
    slope = np.add.outer(np.linspace(40, 180, 320), np.linspace(-20, 40, 480))
    Image.fromarray(np.clip(slope, 0, 255).astype(np.uint8)).save(source / "a.png")
    assert color_folder(source, out).colored == 1
    with review_of(source, out) as reviewed:
        on.open(reviewed.server.url)
        on.wait("document.querySelector('.cell img')?.naturalWidth")
        on.run("document.getElementById('grid').focus()")
        on.press("r")
        on.wait("document.getElementById('reviewed-label').textContent.includes('1 rejected')")
        assert kept_marks(out)["a.png"].verdict is Verdict.REJECTED
        on.press("\ue007")
        on.wait("document.getElementById('viewer').open && document.getElementById('after').naturalWidth")
        on.press("p")
        on.wait("document.getElementById('seen-sheet')?.dataset.of")
        before = reviewed.ids["a.png"]
        on.drag("paint", (0.4, 0.4), (0.6, 0.4))
        on.wait(f"!document.getElementById('after').src.includes('{before}')")
        assert painted_in(out) == {"a.png"}
        assert reviewed.ids["a.png"] in on.run("document.getElementById('after').src")
        on.open("about:blank", ready="true")
    assert on.complaints == []
