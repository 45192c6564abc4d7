"""What it takes to make a review page, and to look at it.

``python -m tests.bench.report [--pictures 10000] [--look-alone] [--folder FOLDER]``. Results are one-megapixel JPEGs, a
few real photographs under many names. Printed are the time, processor time and memory of the first page, of bringing it
up to date when nothing changed, its size on the disk; and, where chromium is, how long the page takes to open and how
long a frame takes while it scrolls 100,000 pixels, and the memory that it then has. ``--look-alone`` makes the pictures
of four results, links them under all names, and measures opening and scrolling alone.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from statistics import median, quantiles

import cv2
import numpy as np
from PIL import Image

from archivecolor.jobs.journal import EngineUsed, Entry, Journal, Kind, RunRecord, Status
from archivecolor.report import making
from tests.bench.browser import chromium
from tests.bench.measuring import archivecolor
from tests.conftest import ROOT

_PATTERNS = 4
_SCROLL = """
const done = arguments[0], frames = [], height = document.documentElement.scrollHeight;
let at = 0, before = 0;
function step(now) {
  if (before) frames.push(now - before);
  before = now;
  at += 60;
  scrollTo(0, at);
  if (at < height && frames.length < 1700) requestAnimationFrame(step);
  else done([frames, document.querySelectorAll('*').length]);
}
requestAnimationFrame(step);
"""


def make_results(out: Path, count: int) -> None:
    """Results and a journal as a run leaves them."""
    sources = sorted((ROOT / "samples" / "color").glob("*.jpg"))
    patterns = []
    for i, path in enumerate(sources):
        rgb = np.asarray(Image.open(path).convert("RGB"))
        large = cv2.resize(rgb, (1152, 864), interpolation=cv2.INTER_CUBIC)
        grain = np.random.default_rng(i).normal(0, 3, large.shape)
        patterns.append(out / f".pattern{i}.jpg")
        Image.fromarray(np.clip(large + grain, 0, 255).astype(np.uint8)).save(patterns[-1], quality=92)
    engine = EngineUsed("archive", "0" * 64, "onnx on CPU")
    with Journal(out) as journal:
        journal.add_run(RunRecord(1, "2026-01-01T00:00:00Z", "0", engine))
        for i in range(count):
            name = f"box {i // 200:03d}/{i:06d}.jpg"
            (out / name).parent.mkdir(exist_ok=True)
            (out / name).hardlink_to(patterns[i % len(patterns)])
            entry = Entry(name, Kind.STILL, Status.COLORED, 1, "s", "", 0.1, result=name, confidence=i % 97 / 97)
            journal.add(entry, wait=False)


def make_linked_page(out: Path) -> Path:
    """The page of many results, of which only the first of each pattern had its pictures made."""
    plan = making.plan(out, "0")
    gallery = plan.gallery()
    few = plan.items[:_PATTERNS]
    made = list(gallery.previews(few, threads=2, stop=lambda: False, advance=lambda: None))
    previews = []
    for i, item in enumerate(plan.items):
        like = made[i % len(made)]
        name = f"{i:016x}"
        for place in (gallery.thumb, gallery.small_thumb, gallery.picture):
            place(name).parent.mkdir(parents=True, exist_ok=True)
            place(name).hardlink_to(place(like.id))
        previews.append(replace(like, item=item, id=name))
    return plan.write(previews, {})


def page_time(out: Path, label: str) -> dict[str, object]:
    """Run the command once."""
    used = archivecolor("report", out)
    return {
        "what": label,
        "seconds": round(used.clock_s, 1),
        "cpu_s": round(used.cpu_s, 1),
        "peak_mb": round(used.peak_mb),
    }


def size_of(folder: Path) -> dict[str, object]:
    """What the page takes on the disk."""
    sizes = {name: sum(p.stat().st_size for p in (folder / name).rglob("*.*")) for name in ("thumbs", "pictures")}
    html = (folder / "index.html").stat().st_size
    return {"what": "size", "html_mb": round(html / 1e6, 2), **{f"{k}_mb": round(v / 1e6) for k, v in sizes.items()}}


def in_browser(page: Path) -> dict[str, object] | None:
    """Open and scroll; None without a browser."""
    with chromium() as browser:
        if browser is None:
            return None
        began = time.monotonic()
        browser.get(page.as_uri())
        opened = time.monotonic() - began
        browser.set_script_timeout(300)
        paints = "return performance.getEntriesByType('paint').map((paint) => paint.startTime)"
        while not (painted := browser.execute_script(paints)):
            time.sleep(0.05)
        frames, nodes = browser.execute_async_script(_SCROLL)
        heap = browser.execute_cdp_cmd("Runtime.getHeapUsage", {})["usedSize"]
        memory = renderer_mb(browser.service.process.pid)
    return {
        "what": "browser",
        "painted_s": round(min(painted) / 1000, 2),
        "open_s": round(opened, 2),
        "frame_ms": round(median(frames), 1),
        "frame_p95_ms": round(quantiles(frames, n=20)[-1], 1),
        "frames_per_s": round(1000 * len(frames) / sum(frames), 1),
        "nodes": nodes,
        "heap_mb": round(heap / 1e6),
        "memory_mb": memory,
    }


def renderer_mb(driver: int) -> int:
    """The memory of the largest process below the browser's driver that draws a page, its share of what is shared."""
    below, sizes = {str(driver)}, [0]
    for line in subprocess.check_output(["ps", "-eo", "pid,ppid,args", "--sort=start_time"], text=True).splitlines():
        pid, parent, program = line.split(None, 2)
        if parent in below:
            below.add(pid)
            if "--type=renderer" in program:
                shares = Path(f"/proc/{pid}/smaps_rollup").read_text()
                sizes.append(sum(int(row.split()[1]) for row in shares.splitlines() if row.startswith("Pss:")))
    return max(sizes) // 1024


def main() -> None:
    """Print one JSON line for each measurement."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.report", description=__doc__)
    parser.add_argument("--pictures", type=int, default=10_000)
    parser.add_argument("--folder", type=Path, help="where to work; default: a temporary folder")
    parser.add_argument("--look-alone", action="store_true", help="measure nothing but opening and scrolling")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        out = Path(folder) / "out"
        out.mkdir()
        make_results(out, options.pictures)
        page = Path(folder) / "out-report" / "index.html"
        if options.look_alone:
            steps: list[Callable[[], dict[str, object] | None]] = [lambda: in_browser(make_linked_page(out))]
        else:
            steps = [lambda: page_time(out, "first"), lambda: page_time(out, "again"), lambda: size_of(page.parent)]
            steps.append(lambda: in_browser(page))
        for line in (step() for step in steps):
            if line:
                sys.stdout.write(json.dumps(line) + "\n")
                sys.stdout.flush()


if __name__ == "__main__":
    main()
