"""``archivecolor folder --watch`` over a store."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest

from archivecolor.jobs import watching
from archivecolor.runs.folder.job import color_folder
from archivecolor.runs.listener import ItemOutcome, ItemStatus, Listener
from archivecolor.runs.settings import FolderSettings
from tests.cli.conftest import Run, write
from tests.needs import needs_s3
from tests.storage.conftest import Bucket
from tests.storage.test_folder import entries

pytestmark = needs_s3


@pytest.fixture
def source(tmp_path: Path) -> Path:
    source = tmp_path / "in"
    for i, name in enumerate(("z/e.png", "box/b.tif", "box/c.bmp", "box/scan", "box/deep/d.png")):
        write(source / name, seed=i)
    return source


def test_watching_colors_what_arrives_once_and_makes_what_changes_again(
    bucket: Bucket, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run: Run
) -> None:
    run("engines")  # has the fake stand in the place of engines
    monkeypatch.setattr(watching, "SHORTEST_AT_STORE_S", 0.1)
    bucket.fill(source / "z", "scans")
    stop, came = threading.Event(), Outcomes()
    settings = FolderSettings(watch=True)

    def arrive() -> None:
        came.wait_for(1)
        bucket.fill(source / "box", "scans")
        came.wait_for(5)
        bucket.fs.pipe_file(f"{bucket.name}/scans/e.png", write(tmp_path / "other.png", seed=9).read_bytes())
        came.wait_for(6)
        stop.set()

    arriving = threading.Thread(target=arrive)
    arriving.start()
    record = color_folder(f"{bucket.url}/scans", f"{bucket.url}/color", settings, listener=came, stop=stop)
    arriving.join()
    assert (record.colored, record.failed) == (6, 0)
    assert [outcome.name for outcome in came.colored].count("e.png") == 2
    assert set(bucket.tree("color")) == {"e.png", "b.tif", "c.bmp", "scan", "deep/d.png"}
    assert len(entries(bucket, tmp_path / "read")) == 5


class Outcomes(Listener):
    """Keeps what was colored."""

    def __init__(self) -> None:
        self.colored: list[ItemOutcome] = []

    def item_done(self, outcome: ItemOutcome) -> None:
        if outcome.status is ItemStatus.COLORED:
            self.colored.append(outcome)

    def wait_for(self, count: int) -> None:
        until = time.monotonic() + 60
        while len(self.colored) < count and time.monotonic() < until:
            time.sleep(0.02)
