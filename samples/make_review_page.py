"""Draw the README's picture of the review page: the samples, colored, as ``archivecolor report`` shows them.

``python samples/make_review_page.py`` writes ``samples/review_page.jpg``. It needs ``selenium`` (with ``.[test]``) and
Debian's ``chromium`` and ``chromium-driver``.
"""

from __future__ import annotations

import io
import shutil
import tempfile
import time
from pathlib import Path

from PIL import Image
from selenium import webdriver

from archivecolor import FolderSettings, color_folder
from archivecolor.report import making
from archivecolor.version import __version__

SAMPLES = Path(__file__).resolve().parent
WIDTH_PX, HEIGHT_PX = 1280, 730


def review_page(out: Path) -> Path:
    """Color the sample photographs and make the page of the results."""
    color_folder(SAMPLES / "stills", out, FolderSettings(confidence=True)).raise_for_failures()
    plan = making.plan(out, __version__, paths=False)
    plan.make(threads=2, stop=lambda: False, advance=lambda: None)
    return plan.folder / "index.html"


def photographed(page: Path, profile: str) -> Image.Image:
    """The page in a browser window, on a desk."""
    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium") or "chromium"
    for switch in ("headless", "hide-scrollbars", "no-sandbox", "disable-gpu", f"user-data-dir={profile}"):
        options.add_argument(f"--{switch}")
    browser = webdriver.Chrome(options=options, service=webdriver.ChromeService(shutil.which("chromedriver")))
    try:
        metrics = {"width": WIDTH_PX, "height": HEIGHT_PX, "deviceScaleFactor": 1, "mobile": False}
        browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
        browser.get(page.as_uri())
        time.sleep(2)  # pictures are loaded as they come into sight
        return Image.open(io.BytesIO(browser.get_screenshot_as_png())).convert("RGB")
    finally:
        browser.quit()


def main() -> None:
    """Color the samples, make their page and take its picture."""
    with tempfile.TemporaryDirectory() as folder:
        page = review_page(Path(folder) / "stills")
        photographed(page, f"{folder}/profile").save(SAMPLES / "review_page.jpg", quality=85)


if __name__ == "__main__":
    main()
