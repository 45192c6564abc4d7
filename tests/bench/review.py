"""From a painted stroke to the new result, in a review of one-megapixel JPEGs.

``python -m tests.bench.review [--times 10] [--others 0] [--folder FOLDER]``. Printed are, in seconds, the median and
the worst of: the floor, which is coloring such a picture with its hints from file to file by a generator that is
loaded; what a program sees of the server, from sending the strokes to having the new picture; and, where chromium is,
what a person sees, from letting go of the mouse to the new picture on the screen. ``--others`` is how many more items
OUT has.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

import cv2
import httpx
import numpy as np
import psutil
from PIL import Image

from archivecolor import Colorizer, FolderSettings, color_folder
from archivecolor.jobs.journal import Entry, Journal, Kind, Status
from tests.bench.browser import chromium
from tests.conftest import ROOT

_WIDTH, _HEIGHT = 1152, 864


def make_archive(source: Path, out: Path, others: int) -> None:
    """One photograph, colored, and entries of others that failed."""
    sample = next((ROOT / "samples" / "stills").rglob("*.jpg"))
    gray = cv2.resize(np.asarray(Image.open(sample).convert("L")), (_WIDTH, _HEIGHT), interpolation=cv2.INTER_CUBIC)
    source.mkdir()
    Image.fromarray(gray).save(source / "a.jpg", quality=92)
    color_folder(source, out, FolderSettings()).raise_for_failures()
    with Journal(out) as journal:
        for i in range(others):
            name = f"box {i // 200:03d}/{i:06d}.jpg"
            journal.add(Entry(name, Kind.STILL, Status.FAILED, 1, "", "", 0.1, error="is damaged"), wait=False)


def layer(number: int) -> bytes:
    """A stroke, another for each number."""
    rgba = np.zeros((_HEIGHT, _WIDTH, 4), np.uint8)
    left = 200 + 20 * number
    rgba[400:430, left : left + 300] = (60 + number, 60, 200, 255)
    coded = io.BytesIO()
    Image.fromarray(rgba).save(coded, "PNG")
    return coded.getvalue()


def measured(what: str, do: Callable[[int], None], times: int, process: psutil.Process) -> dict[str, object]:
    """Time something, the first time left out; and the processor's time in ``process``."""
    took, worked = [], []
    for number in range(times + 1):
        began, cpu = time.monotonic(), sum(process.cpu_times()[:2])
        do(number)
        took.append(time.monotonic() - began)
        worked.append(sum(process.cpu_times()[:2]) - cpu)
    told = {"median_s": median(took[1:]), "worst_s": max(took[1:]), "cpu_s": median(worked[1:])}
    return {"what": what, **{name: round(value, 3) for name, value in told.items()}}


def floor(folder: Path, source: Path, times: int) -> dict[str, object]:
    """Coloring with hints by a generator that is loaded."""
    with Colorizer.load() as colorizer:

        def do(number: int) -> None:
            (folder / "layer.png").write_bytes(layer(number))
            colorizer.color_file(source / "a.jpg", folder / "a.jpg", overwrite=True, hints=folder / "layer.png")

        return measured("floor", do, times, psutil.Process())


@contextmanager
def server(out: Path) -> Iterator[tuple[str, psutil.Process]]:
    """A review that runs, by its address."""
    words = [sys.executable, "-m", "archivecolor", "review", str(out), "--no-browser", "-q"]
    process = subprocess.Popen(
        words, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, start_new_session=True
    )
    try:
        assert process.stdout
        yield process.stdout.readline().strip(), psutil.Process(process.pid)
    finally:
        os.killpg(process.pid, signal.SIGINT)
        process.wait(30)


def by_program(url: str, times: int, process: psutil.Process) -> dict[str, object]:
    """As the page asks, without a browser."""
    origin = url[: url.index("/", 8)]
    headers = {"Origin": origin, "Content-Type": "application/json"}
    with httpx.Client(base_url=url, timeout=60) as client, client.stream("GET", "api/events") as stream:
        events = (json.loads(line[6:]) for line in stream.iter_lines() if line.startswith("data: "))
        found = re.search(r'id="data">(.*?)</script>', client.get("").text, re.S)
        assert found
        rows: list[list[Any]] = json.loads(found[1])["items"]
        name = next(row[0] for row in rows if row[1] == "a.jpg")

        def do(number: int) -> None:
            nonlocal name
            stroke = {"color": "#3c3cc8", "width": 30, "points": [200 + 20 * number, 415, 500, 415]}
            painted = {"source": "a.jpg", "width": _WIDTH, "height": _HEIGHT, "strokes": [stroke]}
            strokes = {"layer": "a.jpg.png", "painted": painted}
            client.post("api/strokes", content=json.dumps(strokes), headers=headers).raise_for_status()
            told = {**headers, "Content-Type": "image/png"}
            client.put("api/layers/a.jpg.png", content=layer(number), headers=told).raise_for_status()
            client.post("api/again", content=json.dumps([name]), headers=headers).raise_for_status()
            made = next(event for event in events if event["type"] == "item")
            if made["wrong"]:
                raise RuntimeError(made["wrong"])
            name = made["row"][0]
            client.get(f"pictures/{name[:2]}/{name}.jpg").raise_for_status()

        return measured("server", do, times, process)


def by_person(url: str, times: int) -> dict[str, object] | None:
    """With the mouse, in a browser; None without one."""
    from tests.report.browsing import Page
    from tests.review.painting import open_painting, paint_and_wait

    with chromium() as browser:
        if browser is None:
            return None
        on = Page(browser)
        browser.get(url)
        open_painting(on, "a.jpg")
        took = [paint_and_wait(on, number) for number in range(times + 1)][1:]
    return {"what": "person", "median_s": round(median(took), 3), "worst_s": round(max(took), 3)}


def main() -> None:
    """Print one JSON line for each measurement."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.review", description=__doc__)
    parser.add_argument("--times", type=int, default=10)
    parser.add_argument("--others", type=int, default=0)
    parser.add_argument("--folder", type=Path, help="where to work; default: a temporary folder")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.folder) as temporary:
        folder = Path(temporary)
        make_archive(folder / "in", folder / "out", options.others)
        lines = [floor(folder, folder / "in", options.times)]
        with server(folder / "out") as (url, process):
            lines.append(by_program(url, options.times, process))
            seen = by_person(url, options.times)
            lines += [seen] if seen else []
        for line in lines:
            sys.stdout.write(json.dumps(line) + "\n")


if __name__ == "__main__":
    main()
