"""``python -m tests.bench.cluster``: what workers of a Ray cluster on this machine add up to, and what they cost.

The engine of the workers only sleeps, so that eight of them find room on two cores. Five things are measured:

* the throughput of eight workers as a multiple of one's, from the first item begun to the last one done;
* what an item takes more than with a run that needs no cluster, in time of the clock;
* what a segment of a film takes more where shards or workers share it: all that claims, looks and letting go take;
* the driver's memory, and when the first item is made, while ten million items are planned;
* what one process makes of a folder of small photographs with its threads, and two, each a share with one thread, with
  the generator itself. This alone wants cores that are idle.
"""

from __future__ import annotations

import argparse
import multiprocessing
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import psutil

from archivecolor.film import segments
from archivecolor.inference import select
from archivecolor.jobs.records import Kind
from archivecolor.jobs.resume import Reason
from archivecolor.jobs.shards import Shard
from archivecolor.jobs.tasks import Task
from archivecolor.runs.film.job import color_film
from archivecolor.runs.film.sharing import Sharing
from archivecolor.runs.folder.job import color_folder
from archivecolor.runs.folder.plan import Planner
from archivecolor.runs.listener import ItemOutcome, Listener, Progress
from archivecolor.runs.settings import ClusterSettings, FilmSettings, FolderSettings
from archivecolor.settings import EngineSettings
from tests.fakes.engines import SlowEngine, by_luma
from tests.fakes.machines import Machines
from tests.film.sources import FilmSource, moving

MANY = 8
SHOTS, SEGMENT_S = 40, 1.92
SLEEPS_S = 6.0
"""The engine, for each picture, while the plan is made: the few that are there last until it is."""


class Clock(Listener):
    """When results came."""

    def __init__(self, ready: Any = None) -> None:
        """``ready`` is a barrier before the first item."""
        self.began = self.began_cpu = 0.0
        self._ready = ready
        self.times: list[float] = []
        self.listed = threading.Event()

    def item_done(self, outcome: ItemOutcome) -> None:
        self.times.append(time.monotonic())

    def progress(self, progress: Progress) -> None:
        if progress.total is not None:
            self.listed.set()

    def message(self, level: int, text: str) -> None:
        if " with 'archive' on " in text:  # the engines are loaded
            if self._ready:
                self._ready.wait()
            self.began, self.began_cpu = time.monotonic(), time.process_time()

    @property
    def rate(self) -> float:
        """Items a second, from the first one begun to the last one done."""
        return len(self.times) / (self.times[-1] - self.began)


def pictures(folder: Path, count: int) -> Path:
    """Small ones, all different."""
    folder.mkdir()
    rng = np.random.default_rng(1)
    for number in range(count):
        cv2.imwrite(str(folder / f"{number:07d}.png"), rng.integers(0, 255, (48, 64), np.uint8))
    return folder


def rate_of(address: str | None, workers: int, count: int, *, jobs: int = 0) -> float:
    """Items a second of so many workers, or of a run without a cluster."""
    with tempfile.TemporaryDirectory() as place:
        source, clock = pictures(Path(place) / "in", count), Clock()
        cluster = ClusterSettings(address=address, workers=workers, cores=1) if address else None
        color_folder(source, Path(place) / "out", FolderSettings(cluster=cluster, jobs=jobs), listener=clock)
    return clock.rate


def plan_many(address: str, items: int) -> None:
    """Plan so many items, of which the first ones are there."""
    begun, stop, process = time.monotonic(), threading.Event(), psutil.Process()
    most = 0
    with tempfile.TemporaryDirectory() as place:
        source, out = pictures(Path(place) / "in", 100), Path(place) / "out"

        def tasks(_: Planner) -> Iterator[Task]:
            for number in range(items):
                name = f"{number:07d}.png"
                yield Task(source / name, out / name, name, Kind.STILL, Reason.NEW)

        Planner.tasks = tasks  # type: ignore[assignment, method-assign]
        clock = Clock()

        def watch() -> None:
            nonlocal most
            while not stop.wait(0.2):
                most = max(most, process.memory_info().rss)
                if clock.listed.is_set():
                    stop.set()

        watching = threading.Thread(target=watch)
        watching.start()
        before = process.memory_info().rss
        settings = FolderSettings(cluster=ClusterSettings(address=address, workers=2, cores=1))
        color_folder(source, out, settings, listener=clock, stop=stop)
        watching.join()
    tell(f"first of {items:,} items at work after {clock.times[0] - begun - SLEEPS_S:.1f} s")
    tell(f"the driver took {most / 1e6:.0f} MB, {before / 1e6:.0f} of them before it planned anything")


def share_film() -> None:
    """Measure what sharing a film costs: the time in each call of `Sharing`, on its thread and by the clock."""
    count, cpu_s, clock_s = 0, 0.0, 0.0

    def timed(call: Callable[..., Any]) -> Callable[..., Any]:
        def replacement(*given: Any, **named: Any) -> Any:
            nonlocal count, cpu_s, clock_s
            began = time.thread_time(), time.perf_counter()
            try:
                return call(*given, **named)
            finally:
                count += call.__name__ == "let_go"
                cpu_s, clock_s = cpu_s + time.thread_time() - began[0], clock_s + time.perf_counter() - began[1]

        return replacement

    for name in ("__init__", "take", "let_go", "check", "close"):
        setattr(Sharing, name, timed(getattr(Sharing, name)))
    segments.LONGEST_S = SEGMENT_S  # type: ignore[misc]
    select.open_engine = lambda *_, **__: SlowEngine(0.0, by_luma)
    with tempfile.TemporaryDirectory() as name:
        source = Path(name) / "film.mov"
        lumas = [luma for seed in range(SHOTS) for luma in moving(24, 96, 128, seed=seed)]
        FilmSource(lumas, "libx264", audio=1).write(source)
        began = time.perf_counter()
        color_film(source, Path(name) / "color.mov", FilmSettings(shard=Shard(1, 1)))
        each_s = (time.perf_counter() - began) / count
    tell(
        f"{count} segments of {SEGMENT_S:g} s of film: sharing takes {1e3 * cpu_s / count:.1f} ms of CPU time and "
        f"{1e3 * clock_s / count:.1f} ms each, of {1e3 * each_s:.0f} ms"
    )


def made_by(processes: int, source: Path) -> tuple[float, float]:
    """Photographs a second, once engines are loaded, and CPU seconds for each, of so many processes."""
    context = multiprocessing.get_context("spawn")
    told, ready = context.Queue(), context.Barrier(processes)
    with tempfile.TemporaryDirectory() as place:
        shares = [(source, Path(place) / "out", Shard(k, processes), told, ready) for k in range(1, processes + 1)]
        started = [context.Process(target=make_share, args=share) for share in shares]
        for process in started:
            process.start()
        found = [told.get() for _ in started]
        for process in started:
            process.join()
    items, begun, ended, cpu_s = zip(*found, strict=True)
    return sum(items) / (max(ended) - min(begun)), sum(cpu_s) / sum(items)


def make_share(source: Path, out: Path, shard: Shard, told: Any, ready: Any) -> None:
    """In a process of its own: with all cores where it is the only one, else with one."""
    alone = shard.count == 1
    clock = Clock(ready)
    engine = EngineSettings(threads=0 if alone else 1)
    settings = FolderSettings(shard=None if alone else shard, jobs=0 if alone else 1, engine=engine, sequences=False)
    color_folder(source, out, settings, listener=clock)
    told.put((len(clock.times), clock.began, clock.times[-1], time.process_time() - clock.began_cpu))


def compare_processes() -> None:
    """Threads against processes."""
    for height, width, count in ((480, 640, 48), (1000, 1000, 24)):
        with tempfile.TemporaryDirectory() as place:
            source = photographs(Path(place) / "in", count, height, width)
            for processes in (1, 2, 1, 2):
                rate, cpu_s = made_by(processes, source)
                tell(
                    f"{height * width / 1e6:.1f} MP: {rate:.1f}/s, {1e3 * cpu_s:.0f} CPU-ms each, {processes} processes"
                )


def photographs(folder: Path, count: int, height: int, width: int) -> Path:
    """JPEGs with some grain, all different."""
    folder.mkdir()
    rng = np.random.default_rng(1)
    slope = np.add.outer(np.linspace(30, 200, height), np.linspace(-30, 50, width))
    for number in range(count):
        grainy = np.roll(slope, number * 9, axis=1) + rng.normal(0, 4, slope.shape)
        cv2.imwrite(str(folder / f"{number:03}.jpg"), np.clip(grainy, 0, 255).astype(np.uint8))
    return folder


def tell(text: str) -> None:
    """One line, at once."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.cluster", description=__doc__)
    parser.add_argument("--seconds", type=float, default=0.4, help="that the engine sleeps for a picture")
    parser.add_argument("--each", type=int, default=60, help="pictures for each worker")
    parser.add_argument("--planned", type=int, default=10_000_000)
    parser.add_argument("--only", choices=("rate", "overhead", "film", "plan", "processes"))
    options = parser.parse_args()
    if options.only in (None, "rate"):
        machines = Machines(options.seconds)
        machines.add(MANY)
        one, many = (rate_of(machines.address, n, n * options.each) for n in (1, MANY))
        machines.close()
        tell(f"{many:.2f} items a second of {MANY} workers, {one:.2f} of one: {many / one:.2f} times")
    if options.only in (None, "overhead"):
        machines = Machines(0.01)
        machines.add(1)
        there = rate_of(machines.address, 1, 600, jobs=1)
        machines.close()
        select.open_engine = lambda *_, **__: SlowEngine(0.01, by_luma)
        here = rate_of(None, 1, 600, jobs=1)
        tell(
            f"{1e3 / there:.1f} ms an item of one worker, {1e3 / here:.1f} without a cluster: "
            f"{1e3 * (1 / there - 1 / here):.1f} more"
        )
    if options.only in (None, "film"):
        share_film()
    if options.only in (None, "processes"):
        compare_processes()
    if options.only in (None, "plan"):
        machines = Machines(SLEEPS_S)
        machines.add(2)
        plan_many(machines.address, options.planned)
        machines.close()


if __name__ == "__main__":
    main()
