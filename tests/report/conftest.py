"""A page made of a run, and a browser to look at it with."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from archivecolor.report import making
from tests.report.browsing import Page
from tests.report.runs import run_of

if TYPE_CHECKING:
    from selenium.webdriver import Chrome


def make(out: Path, source: Path | None = None, folder: Path | None = None, *, copies: bool = True) -> making.MadePage:
    """Make a page as the command does."""
    plan = making.plan(out, "0.0", source, folder)
    made = plan.make(threads=2, stop=lambda: False, advance=lambda: None, copies=copies)
    assert made is not None
    return made


Make = Callable[..., making.MadePage]


@pytest.fixture(scope="session")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of `run_of`."""
    return make(run_of(tmp_path_factory.mktemp("review") / "harbour")).path


@pytest.fixture(scope="session")
def downloads(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the browser puts exported lists."""
    return tmp_path_factory.mktemp("downloads")


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory, downloads: Path) -> Iterator[Chrome]:
    """One headless Chromium for all tests."""
    webdriver = pytest.importorskip("selenium.webdriver")
    chromium, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if chromium is None or driver is None:
        pytest.skip("needs Debian's chromium and chromium-driver")
    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    profile = tmp_path_factory.mktemp("profile")
    quiet = ("no-first-run", "disable-background-networking", "disable-component-update", "disable-sync")
    for switch in ("headless", "no-sandbox", "disable-gpu", "disable-quic", *quiet, f"user-data-dir={profile}"):
        options.add_argument(f"--{switch}")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    found: Chrome = webdriver.Chrome(
        options=options, service=webdriver.ChromeService(driver, env=os.environ | {"HOME": str(profile)})
    )
    found.execute_cdp_cmd("Browser.setDownloadBehavior", {"behavior": "allow", "downloadPath": str(downloads)})
    found.implicitly_wait(0)
    yield found
    found.quit()


@pytest.fixture
def on(browser: Chrome, page: Path) -> Iterator[Page]:
    """The page, freshly opened on a desk, without marks; nothing may be complained of on the console."""
    on = Page(browser)
    on.screen(1200, 800)
    browser.get(page.as_uri())
    on.run("localStorage.clear()")
    browser.get_log("browser")  # type: ignore[no-untyped-call]
    on.open(page)
    yield on
    assert browser.get_log("browser") == []  # type: ignore[no-untyped-call]
