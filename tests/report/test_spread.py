"""Strokes spread in the browser: what the package makes of them, before anything is run again.

Tolerances: of the algorithm, on the same numbers, 0.05 in a*, b* at worst and 0.002 in the mean (measured: 0.006 and
0.0001); of the whole preview against the result that `Colorizer` makes, 2.5 in the mean of a*, b* where paint rules,
for the page has but a JPEG of what the generator saw.
"""

from __future__ import annotations

import base64
import io
import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import pytest
from PIL import Image

from archivecolor.chroma.control.paint import Strokes, spread
from archivecolor.chroma.network_input import ends, level
from archivecolor.chroma.still import Colorizer
from archivecolor.color import FloatArray, rgb_to_lab, rgb_to_luma
from tests.conftest import ROOT
from tests.report.browsing import Page, looking_at
from tests.report.conftest import make
from tests.report.lint import ASSETS
from tests.report.runs import colored, write_journal
from tests.report.test_paint import choose_color, start, stroke

if TYPE_CHECKING:
    from selenium.webdriver import Chrome

pytest.importorskip("selenium", reason="needs selenium")
from selenium.webdriver.common.keys import Keys

_SPREAD = """
    const [w, h, raw, on, sa, sb, a, b, done] = arguments;
    const filled = (v) => plane(w, h, Float32Array.from(v));
    const luma = leveled(filled(raw));
    const strokes = { on: filled(on), a: filled(sa), b: filled(sb) };
    const told = (r) => done({ luma: [...luma.v], a: [...r.a.v], b: [...r.b.v], rule: [...r.rule.v] });
    inSlices(spreading(strokes, luma, { a: filled(a), b: filled(b) }), () => false).then(told);
"""


def strokes_on(height: int, width: int, seed: int, count: int) -> Strokes:
    """Short strokes of several colors."""
    random = np.random.default_rng(seed)
    on, ab = np.zeros((height, width), np.float32), np.zeros((height, width, 2), np.float32)
    for _ in range(count):
        y, x = (int(random.integers(8, side - 8)) for side in (height, width))
        drawn = np.zeros_like(on)
        cv2.line(drawn, (x, y), (min(width - 1, x + width // 8), y + 3), 1, 3)
        ab[drawn > 0] = random.uniform(-50, 50, 2)
        on = np.maximum(on, drawn)
    return Strokes(ab, on)


def in_browser(browser: Chrome, rgb: FloatArray, strokes: Strokes) -> dict[str, FloatArray]:
    """The page's own scripts, on the same numbers."""
    height, width = rgb.shape[:2]
    lab = rgb_to_lab(rgb)
    planes = (rgb_to_luma(rgb), strokes.weight, strokes.ab[..., 0], strokes.ab[..., 1], lab[..., 1], lab[..., 2])
    script = "\n".join((ASSETS / name).read_text("utf-8") for name in ("color.js", "planes.js", "spread.js"))
    browser.get("about:blank")
    browser.set_script_timeout(60)
    found: dict[str, Any] = browser.execute_async_script(
        script + _SPREAD, width, height, *(np.ravel(x).astype(float).tolist() for x in planes)
    )
    return {name: np.reshape(np.asarray(v, np.float32), (height, width)) for name, v in found.items()}


@pytest.mark.parametrize(
    ("name", "size", "count"),
    [("coffee.jpg", (160, 224), 3), ("cat.png", (96, 64), 1), ("people/cameraman.png", (64, 65), 2)],
)
def test_the_browser_spreads_strokes_as_the_package_does(
    browser: Chrome, name: str, size: tuple[int, int], count: int
) -> None:
    picture = Image.open(ROOT / "samples" / "stills" / name).convert("RGB").resize(size[::-1])
    rgb = np.asarray(np.asarray(picture) / 255, np.float32)
    raw, strokes = rgb_to_luma(rgb), strokes_on(*size, seed=len(name), count=count)
    luma = level(raw, *ends(raw))
    wanted = spread(strokes, luma, rgb_to_lab(rgb)[..., 1:])
    found = in_browser(browser, rgb, strokes)
    np.testing.assert_allclose(found["luma"], luma, atol=1e-5)
    np.testing.assert_allclose(found["rule"], wanted.rule, atol=2e-3)
    off = np.abs(np.stack((found["a"], found["b"]), axis=-1) - wanted.ab)
    assert off.max() < 0.05
    assert off.mean() < 0.002
    assert np.abs(wanted.ab - rgb_to_lab(rgb)[..., 1:]).max() > 20, "the strokes do something"


def test_the_preview_is_what_the_next_run_makes(browser: Chrome, tmp_path: Path, downloads: Path) -> None:
    """Where no generator hears the hints."""
    out, on = tmp_path / "out", Page(browser)
    out.mkdir()
    source = ROOT / "samples" / "stills" / "coffee.jpg"
    generator = shutil.copytree(ROOT / "engines" / "archive", tmp_path / "archive")
    told = (generator / "engine.toml").read_text()
    (generator / "engine.toml").write_text(re.sub("hints_by.*", "", told))
    with Colorizer.load("onnx", str(generator)) as colorizer:
        colorizer.color_file(source, out / "coffee.jpg")
        write_journal(out, colored("coffee.jpg"), generator=str(generator))
        on.screen(1200, 800)
        on.open(make(out).path)
        on.run("delete Window.prototype.showDirectoryPicker; delete window.showDirectoryPicker; localStorage.clear()")
        with looking_at(on, "coffee"):
            start(on)
            choose_color(on, "Grass")
            stroke(on, 0.3, 0.86, 0.3)
            on.wait(lambda: on.find("preview-state").text == "Preview of the strokes")
            script = "return document.getElementById('preview').toDataURL()"
            shown = Image.open(io.BytesIO(base64.b64decode(str(on.run(script)).partition(",")[2])))
            on.press("s")
            hints = on.saved_hints(downloads, tmp_path / "hints")
            on.press(Keys.ESCAPE)
        on.run("localStorage.clear()")
        colorizer.color_file(source, tmp_path / "again.jpg", hints=hints / "coffee.jpg.png")
    before, after = (
        np.asarray(Image.open(p).convert("RGB").resize(shown.size, Image.Resampling.BOX), np.float32) / 255
        for p in (out / "coffee.jpg", tmp_path / "again.jpg")
    )
    rgba = np.asarray(shown.convert("RGBA"), np.float32) / 255
    cover = rgba[..., 3:]
    changed = np.abs(rgb_to_lab(after) - rgb_to_lab(before))[..., 1:].max(axis=2) > 8
    assert changed.mean() > 0.01
    # As the browser lays it: the chroma of the preview beside the luma below it
    laid = rgba[..., :3] - rgb_to_luma(rgba[..., :3])[..., None] + rgb_to_luma(before)[..., None]
    made = before * (1 - cover) + laid * cover
    off = np.abs(rgb_to_lab(np.asarray(made, np.float32)) - rgb_to_lab(after))[..., 1:].max(axis=2)
    assert off[changed].mean() < 2.5
    assert off.mean() < 1.5
