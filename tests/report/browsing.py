"""The review page under test, driven in a browser."""

from __future__ import annotations

import os
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from selenium.webdriver import Chrome
    from selenium.webdriver.remote.webelement import WebElement


class Page:
    """The page under test, by its ids."""

    def __init__(self, browser: Chrome) -> None:
        self.browser = browser

    def open(self, path: Path, hash: str = "") -> None:
        self.browser.get("about:blank")  # going to another hash alone would not load the page anew
        self.browser.get(path.as_uri() + hash)
        self.wait(lambda: self.find("grid").get_attribute("aria-busy") == "false")

    def run(self, script: str, *arguments: object) -> Any:
        return self.browser.execute_script(script, *arguments)

    def find(self, id: str) -> WebElement:
        return self.browser.find_element("id", id)

    def press(self, *keys: str) -> None:
        """Type, wherever the focus is."""
        from selenium.webdriver.common.action_chains import ActionChains

        for key in keys:
            ActionChains(self.browser).send_keys(key).perform()

    def wait(self, condition: Callable[[], Any]) -> Any:
        end = time.monotonic() + 30
        while not (found := condition()):
            assert time.monotonic() < end, "what was waited for did not come"
            time.sleep(0.02)
        return found

    def wait_for_word(self, text: str) -> None:
        """Until the page says it in passing, or has said it last."""
        self.wait(lambda: text in self.run("return document.getElementById('toast').textContent"))

    def choose(self, id: str, value: str) -> None:
        script = "const s = document.getElementById(arguments[0]); s.value = arguments[1]; return s.value"
        assert self.run(script, id, value) == value, "there is no such choice"
        self.run("document.getElementById(arguments[0]).dispatchEvent(new Event('input', {bubbles: true}))", id)

    def choices(self, id: str) -> list[str]:
        return list(self.run("return [...document.querySelectorAll(`#${arguments[0]} option`)].map(o => o.value)", id))

    def saved_hints(self, downloads: Path, folder: Path) -> Path:
        """The ZIP of layers that the page has just handed out, unpacked as another program does it."""
        path = downloads / "hints.zip"
        self.wait(path.exists)
        with zipfile.ZipFile(path) as file:
            assert file.testzip() is None
            for info in file.infolist():
                raw = info.filename.encode("utf-8" if info.flag_bits & 0x800 else "cp437")
                place = folder / os.fsdecode(raw)
                place.parent.mkdir(parents=True, exist_ok=True)
                place.write_bytes(file.read(info))
        path.unlink()
        return folder

    def step(self, id: str, label: str) -> WebElement:
        """A button of one of the next steps."""
        step = self.browser.find_element("css selector", f"[data-step='{id}']")
        (found,) = (button for button in step.find_elements("tag name", "button") if button.text == label)
        return found

    @property
    def shown(self) -> str:
        return self.find("shown").text

    @property
    def active(self) -> str:
        return str(self.run("return document.querySelector('.cell.active .cell-name').textContent"))

    @property
    def is_open(self) -> bool:
        return bool(self.run("return document.getElementById('viewer').open"))

    @property
    def split(self) -> int:
        return int(self.find("divider").get_attribute("aria-valuenow") or -1)

    def screen(self, width: int, height: int, *, phone: bool = False, scheme: str = "light") -> None:
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": phone}
        scheme_feature = {"name": "prefers-color-scheme", "value": scheme}
        self.browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
        self.browser.execute_cdp_cmd("Emulation.setTouchEmulationEnabled", {"enabled": phone})
        self.browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme_feature]})


@contextmanager
def looking_at(on: Page, text: str) -> Iterator[None]:
    """Find one item by its name and open it."""
    from selenium.webdriver.common.keys import Keys

    on.choose("text", "")
    on.find("text").send_keys(text)
    on.wait(lambda: on.shown.startswith(("1 of", "1 picture")))
    on.press(Keys.ESCAPE, Keys.ENTER)
    on.wait(lambda: on.is_open)
    yield
    on.press(Keys.ESCAPE)
