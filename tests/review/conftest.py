"""A review of a small OUT, opened as the command opens it, and a client that asks as its page does."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image

from archivecolor import FolderSettings, color_folder
from archivecolor.jobs.journal import read_journal, read_runs
from archivecolor.report import making
from archivecolor.report.previews import Preview
from tests.cli.conftest import write
from tests.fakes.engines import FakeEngine, for_all

pytest.importorskip("starlette", reason="needs starlette")
pytest.importorskip("uvicorn", reason="needs uvicorn")
pytest.importorskip("httpx", reason="needs httpx")
import httpx

from archivecolor.review.app import Review
from archivecolor.review.kept import Kept
from archivecolor.review.server import Server
from archivecolor.review.session import ReviewSettings, open_review

if TYPE_CHECKING:
    from httpx import Client, Response

PAINTED = {
    "source": "a.png",
    "width": 60,
    "height": 40,
    "strokes": [{"color": "#2832dc", "width": 6, "points": [5, 20, 55, 20]}],
}
"""As the page keeps it."""
NAMES = ("a.png", "b.jpg", "sub/c.png")


@dataclass
class Reviewed:
    """A review that is open."""

    source: Path
    out: Path
    review: Review
    server: Server
    client: Client

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.server.port}"

    @property
    def ids(self) -> dict[str, str]:
        """By source, as a page that is loaded now has them."""
        return {item["source"]: item["id"] for item in self.data["items"]}

    @property
    def data(self) -> dict[str, Any]:
        found = re.search(r'<script type="application/json" id="data">(.*?)</script>', self.client.get("").text, re.S)
        assert found
        data: dict[str, Any] = json.loads(found[1])
        data["items"] = [dict(zip(data["fields"], row, strict=True)) for row in data["items"]]
        return data

    def post(self, path: str, value: object, **headers: str) -> Response:
        told = {"Origin": self.origin, "Content-Type": "application/json"} | headers
        return self.client.post(path, content=json.dumps(value), headers=told)

    def put(self, path: str, content: bytes, **headers: str) -> Response:
        told = {"Origin": self.origin, "Content-Type": "image/png"} | headers
        return self.client.put(path, content=content, headers=told)

    def paint(self, name: str, color: tuple[int, int, int] = (40, 60, 220), layer: str = "") -> None:
        """What the page does when somebody paints."""
        layer = layer or f"{name}.png"
        assert self.post("api/strokes", {"layer": layer, "painted": PAINTED}).is_success
        assert self.put(f"api/layers/{layer}", layer_png(color)).is_success

    @contextmanager
    def events(self) -> Iterator[Iterator[dict[str, Any]]]:
        with self.client.stream("GET", "api/events", timeout=60) as response:
            lines = (line.removeprefix("data: ") for line in response.iter_lines() if line.startswith("data: "))
            yield map(json.loads, lines)

    def again(self, *names: str) -> list[dict[str, Any]]:
        """Have items made again; what the page hears until all of them are through."""
        ids, heard, left = self.ids, [], set(names)
        with self.events() as events:
            assert self.post("api/again", [ids[name] for name in names]).is_success
            for event in events:
                heard.append(event)
                if event["type"] == "item":
                    left.discard(dict(zip(event["fields"], event["row"], strict=True))["source"])
                if not left and event.get("jobs") == []:
                    return heard
        raise AssertionError("the stream ended")


def painted_in(out: Path) -> set[str]:
    """The sources of results that were made with hints, as the journal has it."""
    runs = read_runs(out)
    return {e.source for e in read_journal(out) if "hints" in runs[e.run].settings.get(e.settings_digest, {})}


def layer_png(color: tuple[int, int, int] = (40, 60, 220), size: tuple[int, int] = (60, 40)) -> bytes:
    """A stroke over the middle of a picture."""
    rgba = np.zeros((size[1], size[0], 4), np.uint8)
    rgba[size[1] // 2 - 3 : size[1] // 2 + 3, 5:-5] = (*color, 255)
    coded = io.BytesIO()
    Image.fromarray(rgba).save(coded, "PNG")
    return coded.getvalue()


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> FakeEngine:
    """The engine that everything gets."""
    return for_all(monkeypatch)


@pytest.fixture
def colored(tmp_path: Path, engine: FakeEngine) -> tuple[Path, Path]:
    """SRC and OUT of a run over three photographs."""
    source, out = tmp_path / "in", tmp_path / "out"
    for i, name in enumerate(NAMES):
        write(source / name, seed=i)
    assert color_folder(source, out, FolderSettings(jobs=1)).colored == 3
    return source, out


def made_page(out: Path) -> tuple[making.PagePlan, tuple[Preview, ...]]:
    """As ``report`` makes it."""
    plan = making.plan(out, "0.0")
    made = plan.make(threads=1, stop=lambda: False, advance=lambda: None)
    assert made
    return plan, made.previews


@contextmanager
def review_of(scans: Path, out: Path, **settings: Any) -> Iterator[Reviewed]:
    """Open a review, and end it as Ctrl-C does."""
    with closing(Kept(out)) as kept:
        plan, previews = made_page(out)
        with open_review(plan, previews, kept, ReviewSettings(jobs=1, **settings)) as review:
            server = Server(review.app())
            server.start()
            try:
                with httpx.Client(base_url=server.url, timeout=30) as client:
                    yield Reviewed(scans, out, review, server, client)
            finally:
                review.events.close()
                server.stop()


@pytest.fixture
def reviewed(colored: tuple[Path, Path]) -> Iterator[Reviewed]:
    """A review of what `colored` made."""
    with review_of(*colored) as opened:
        yield opened


def middle(path: Path) -> tuple[int, int, int]:
    with Image.open(path) as image:
        red, green, blue = np.asarray(image.convert("RGB"))[20, 30].astype(int)
    return int(red), int(green), int(blue)


def items_of(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    rows = [dict(zip(e["fields"], e["row"], strict=True)) | {"was": e["id"]} for e in events if e["type"] == "item"]
    wrongs = [e["wrong"] for e in events if e["type"] == "item"]
    return [row | {"wrong": wrong} for row, wrong in zip(rows, wrongs, strict=True)]
