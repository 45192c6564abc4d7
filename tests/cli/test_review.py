"""``archivecolor review`` as a process: its address, its end, and what is left when it is killed."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from archivecolor.jobs.journal import FOLDER
from archivecolor.jobs.mark_book import kept_marks
from tests.cli.conftest import Run, tree
from tests.fakes.command import ROOT, command
from tests.review.conftest import PAINTED, layer_png, painted_in

ADDRESS = re.compile(r"http://127\.0\.0\.1:\d+/[\w-]{40,}/")


class Command:
    """A review that runs."""

    def __init__(self, out: Path, *options: str, seconds: float = 0) -> None:
        words = command(seconds, "never", "review", out, "--no-browser", *options)
        self.process = subprocess.Popen(
            words, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
        )
        assert self.process.stdout
        self.url = self.process.stdout.readline().strip()
        self.origin = self.url[: self.url.index("/", 8)] if self.url else ""
        self.client = httpx.Client(base_url=self.url, timeout=30)

    def post(self, path: str, value: object) -> httpx.Response:
        headers = {"Origin": self.origin, "Content-Type": "application/json"}
        return self.client.post(path, content=json.dumps(value), headers=headers)

    def paint(self, name: str) -> None:
        assert self.post("api/strokes", {"layer": f"{name}.png", "painted": PAINTED}).is_success
        headers = {"Origin": self.origin, "Content-Type": "image/png"}
        assert self.client.put(f"api/layers/{name}.png", content=layer_png(), headers=headers).is_success

    @property
    def ids(self) -> dict[str, str]:
        found = re.search(r'id="data">(.*?)</script>', self.client.get("").text, re.S)
        assert found
        data = json.loads(found[1])
        return {row[data["fields"].index("source")]: row[0] for row in data["items"]}

    def end(self, number: signal.Signals = signal.SIGINT) -> tuple[int, str]:
        self.client.close()
        if self.process.poll() is None:
            os.killpg(self.process.pid, number)
        _, said = self.process.communicate(timeout=60)
        assert "Traceback" not in said
        return self.process.returncode, said


@pytest.fixture
def opened(done: Path, out: Path) -> Iterator[Command]:
    """A review of `done`."""
    on = Command(out)
    yield on
    on.end(signal.SIGKILL)


def test_the_address_is_on_stdout_and_ctrl_c_ends_it_cleanly(opened: Command, out: Path) -> None:
    assert ADDRESS.fullmatch(opened.url)
    with opened.client.stream("GET", "api/events") as events:
        assert next(events.iter_lines()).startswith("data: ")
        code, said = opened.end()
    assert code == 0
    assert "0 made again, 0 failed, 0 still to be made" in said
    assert opened.url.rsplit("/", 2)[1] not in said
    assert not list((out / FOLDER / "review").glob("*.lock"))


def test_a_second_review_is_refused_in_one_line_and_a_folder_run_goes_on(
    opened: Command, run: Run, done: Path, out: Path
) -> None:
    ended = run("review", out, "--no-browser")
    assert ended.code == 5
    assert f"{out}: is being reviewed already, in another window" in ended.err
    assert ended.out == ""
    assert run("folder", done, out, "--strength", ".5").code == 0
    assert run("report", out).code == 0
    assert opened.client.get("").is_success


def test_what_was_confirmed_survives_a_kill_and_what_was_queued_is_made(opened: Command, done: Path, out: Path) -> None:
    ids = opened.ids
    assert opened.post("api/marks", {ids["b.jpg"]: ["accepted", None, "anna", ""]}).is_success
    opened.paint("a.png")
    assert opened.post("api/again", [ids["a.png"]]).is_success
    opened.end(signal.SIGKILL)
    assert kept_marks(out)["b.jpg"].by == "anna"
    assert (out / FOLDER / "hints" / "a.png.png").read_bytes() == layer_png()
    again = Command(out)
    try:
        until = time.monotonic() + 60
        while not painted_in(out):
            assert time.monotonic() < until
            time.sleep(0.05)
        assert [row[0] for row in again.client.get("api/marks").json().values()] == ["accepted"]
        assert list(again.client.get("api/strokes").json()) == ["a.png.png"]
    finally:
        again.end()
    assert not list(out.rglob("*.part"))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_whenever_it_ends_nothing_is_half_made(done: Path, out: Path, number: signal.Signals) -> None:
    before = tree(out)
    on = Command(out, seconds=0.5)
    ids = on.ids
    for name in ids:
        on.paint(name)
    assert on.post("api/again", list(ids.values())).is_success
    time.sleep(0.7)
    code, _ = on.end(number)
    assert code == (-signal.SIGKILL if number is signal.SIGKILL else 0)
    assert {name for name in tree(out) if not name.startswith(".")} == set(before)
    on = Command(out)
    try:
        until = time.monotonic() + 60
        while len(painted_in(out)) < 3:
            assert time.monotonic() < until
            time.sleep(0.05)
    finally:
        code, said = on.end()
    assert code == 0
    assert "pictures were still to be made again" in said
    assert set(tree(out)) == set(before)


def test_what_cannot_be_reviewed_is_one_line(run: Run, done: Path, out: Path, tmp_path: Path) -> None:
    ended = run("review", tmp_path / "nowhere", "--no-browser")
    assert (ended.code, ended.out) == (3, "")
    assert f"{tmp_path / 'nowhere'}: there is no such folder" in ended.err
    assert not (tmp_path / "nowhere").exists()
    (tmp_path / "file").write_bytes(b"")
    assert run("review", tmp_path / "file").code == 3
    ended = run("review", out, "--no-browser", "--hints-dir", tmp_path / "file" / "x")
    assert ended.code == 5
    assert "cannot be made" in ended.err
    ended = run("review", out, "--generator", "nobody")
    assert ended.code == 2
    assert "there is no generator 'nobody'" in ended.err


def test_without_its_packages_the_line_that_adds_them_is_said(
    run: Run, done: Path, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import sys

    for name in [name for name in sys.modules if name.startswith(("starlette", "archivecolor.review"))]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "starlette", None)
    for name in ("starlette.types", "starlette.applications", "uvicorn"):
        monkeypatch.setitem(sys.modules, name, None)
    ended = run("review", out)
    assert ended.code == 4
    assert "a review needs another package" in ended.err
    assert "pip install " in ended.err
    assert "review]" in ended.err
