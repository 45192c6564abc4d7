"""Debian's Firefox, driven over WebDriver BiDi: it speaks that itself, and Debian has no geckodriver."""

from __future__ import annotations

import itertools
import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import pytest

_PATIENCE_S: Final = 60
_READY: Final = "document.getElementById('grid').ariaBusy === 'false'"
_PREFERENCES: Final = {
    "app.update.disabledForTesting": True,
    "browser.download.folderList": 2,
    "browser.shell.checkDefaultBrowser": False,
    "datareporting.policy.dataSubmissionEnabled": False,
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
    "remote.active-protocols": 1,
    "toolkit.telemetry.reportingpolicy.firstRun": False,
}


class Firefox:
    """A tab of it."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self._numbers = itertools.count(1)
        self.complaints: list[str] = []
        """What was logged as an error since the page was opened."""
        self.call("session.new", capabilities={})
        self.call("session.subscribe", events=["log.entryAdded"])
        self._tab = self.call("browsingContext.getTree")["contexts"][0]["context"]

    def call(self, method: str, **params: Any) -> Any:
        """Send a command, and give what it gives."""
        number = next(self._numbers)
        self._connection.send(json.dumps({"id": number, "method": method, "params": params}))
        while True:
            said = json.loads(self._connection.recv())
            if said.get("method") == "log.entryAdded" and said["params"]["level"] == "error":
                self.complaints.append(said["params"]["text"])
            if said.get("id") == number:
                assert said["type"] == "success", said
                return said["result"]

    def open(self, page: Path | str, width: int = 1200, height: int = 800, ready: str = _READY) -> None:
        """A page from disk, or the address of one."""
        self.complaints.clear()
        self.call("browsingContext.setViewport", context=self._tab, viewport={"width": width, "height": height})
        self.call(
            "browsingContext.navigate",
            context=self._tab,
            url=page if isinstance(page, str) else page.as_uri(),
            wait="complete",
        )
        self.wait(ready)

    def run(self, expression: str) -> Any:
        """The value of an expression, as JSON has it."""
        told = self.call(
            "script.evaluate",
            expression=f"(async () => JSON.stringify(await ({expression})))()",
            target={"context": self._tab},
            awaitPromise=True,
        )
        assert told["type"] == "success", told
        return json.loads(told["result"].get("value", "null"))

    def wait(self, expression: str) -> Any:
        end = time.monotonic() + _PATIENCE_S
        while not (found := self.run(expression)):
            assert time.monotonic() < end, f"did not come: {expression}"
            time.sleep(0.05)
        return found

    def press(self, *keys: str) -> None:
        """Type, wherever the focus is."""
        actions = [{"type": kind, "value": key} for key in keys for kind in ("keyDown", "keyUp")]
        self.call(
            "input.performActions", context=self._tab, actions=[{"type": "key", "id": "keys", "actions": actions}]
        )

    def drag(self, id: str, begin: tuple[float, float], end: tuple[float, float]) -> None:
        """Press on an element at a place in shares of its sides, and let go at another."""
        box = self.run(f"document.getElementById('{id}').getBoundingClientRect().toJSON()")

        def at(shares: tuple[float, float]) -> dict[str, Any]:
            x, y = (
                round(box[side] + share * box[length])
                for side, length, share in zip("xy", ("width", "height"), shares, strict=True)
            )
            return {"type": "pointerMove", "x": x, "y": y}

        actions = [at(begin), {"type": "pointerDown", "button": 0}, at(end), {"type": "pointerUp", "button": 0}]
        source = {"type": "pointer", "id": "mouse", "parameters": {"pointerType": "mouse"}, "actions": actions}
        self.call("input.performActions", context=self._tab, actions=[source])


@contextmanager
def firefox(profile: Path, downloads: Path) -> Iterator[Firefox | None]:
    """Start it without a screen; None where it is not installed."""
    program = shutil.which("firefox-esr")
    if program is None:
        yield None
        return
    websocket = pytest.importorskip("websocket", reason="needs websocket-client")
    preferences = _PREFERENCES | {"browser.download.dir": str(downloads)}
    lines = (f"user_pref({json.dumps(name)}, {json.dumps(value)});\n" for name, value in preferences.items())
    (profile / "user.js").write_text("".join(lines))
    arguments = [program, "--headless", "--no-remote", "--remote-debugging-port=0", "--profile", str(profile)]
    environment = os.environ | {"HOME": str(profile), "MOZ_HEADLESS": "1"}
    process = subprocess.Popen(arguments, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    connection = None
    try:
        told = profile / "WebDriverBiDiServer.json"
        end = time.monotonic() + _PATIENCE_S
        while not told.exists() or not told.read_text().strip():
            assert process.poll() is None, "Firefox ended at once"
            assert time.monotonic() < end, "Firefox does not listen"
            time.sleep(0.1)
        port = json.loads(told.read_text())["ws_port"]
        connection = websocket.create_connection(
            f"ws://127.0.0.1:{port}/session", timeout=_PATIENCE_S, suppress_origin=True
        )
        yield Firefox(connection)
    finally:
        if connection:
            connection.close()
        process.terminate()
        process.wait(30)


@pytest.fixture(scope="module")
def fox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Firefox, Path]]:
    """A Firefox and the folder of its downloads."""
    downloads = tmp_path_factory.mktemp("firefox-downloads")
    with firefox(tmp_path_factory.mktemp("firefox"), downloads) as found:
        if found is None:
            pytest.skip("needs Debian's firefox-esr")
        yield found, downloads
