"""Time and memory of planning a large archive, new and all done; and what the journal costs a run.

``python -m tests.bench.planning --files 1000000``. Sources and results are hard links, so a million of them take two
minutes to make and little room. Each figure comes from a process of its own, the command line as users start it; the
journal's share is the CPU time of its lines, digests included, against that of whole stills, in one process.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from pathlib import Path

from PIL import Image

from archivecolor.chroma.still import Colorizer
from archivecolor.inference import catalog
from archivecolor.jobs.digests import read_state
from archivecolor.jobs.journal import EngineUsed, Entry, Journal, Kind, RunRecord, Status
from archivecolor.jobs.recording import Recorder, begin, now_utc
from archivecolor.jobs.records import settings_digest
from archivecolor.jobs.resume import Reason
from archivecolor.jobs.tasks import Task
from archivecolor.runs.folder.item_settings import ItemSettings
from archivecolor.runs.settings import FolderSettings
from tests.bench.material import photograph
from tests.bench.measuring import archivecolor

_LINKS = 50_000
"""Of one file: ext4 allows 65,000."""


def make_archive(source: Path, out: Path, files: int, a_folder: int) -> None:
    """Sources, results, ``a_folder`` in a folder, and a journal that knows them all."""
    items = ItemSettings(FolderSettings(), catalog.find())
    settings = items.colored(Kind.STILL, Path("a.png"), {})
    digest = settings_digest(settings)
    engine = EngineUsed(items.generator.name, items.weights_sha256, "none")
    with Journal(out) as journal:
        journal.add_run(RunRecord(1, now_utc(), "0", engine, {digest: settings}))
        for number in range(files):
            folder, i = f"{number // a_folder:05d}", number % a_folder
            name = f"{folder}/scan_{i:07d}.png"
            if not i:
                (source / folder).mkdir(parents=True)
                (out / folder).mkdir(parents=True)
            if not number % _LINKS:
                old, new = source / name, out / name
                for path in (old, new):
                    Image.new("L", (8, 8)).save(path)
                states = read_state(old), read_state(new)
            else:
                os.link(old, source / name)
                os.link(new, out / name)
            journal.add(
                Entry(name, Kind.STILL, Status.COLORED, 1, digest, now_utc(), 0.1, states[0], name, states[1]),
                wait=False,
            )


def measure(*arguments: str | Path) -> dict[str, float]:
    """Wall time, CPU time and peak resident size of a command."""
    used = archivecolor("folder", *arguments)
    return {"seconds": round(used.clock_s, 1), "cpu_seconds": round(used.cpu_s, 1), "peak_mb": round(used.peak_mb)}


def journal_share(rounds: int) -> dict[str, float]:
    """CPU milliseconds that a one-megapixel JPEG takes, and those that noting it takes."""
    with tempfile.TemporaryDirectory() as folder, Colorizer.load() as colorizer:
        path, out = Path(folder) / "in.jpg", Path(folder) / "out"
        Image.fromarray(photograph(1152, 864)).save(path, quality=92)
        task = Task(path, out / "in.jpg", "in.jpg", Kind.STILL, Reason.OVERWRITE)
        whole, noting = [], []
        with Recorder(out, "0", chosen=False) as recorder:
            for _ in range(rounds + 2):
                began = time.process_time()
                colorizer.color_file(path, out / "in.jpg", overwrite=True)
                done = time.process_time()
                with (out / "in.jpg").open("rb") as file:
                    recorder.made(begin(task), Status.COLORED, {}, out / "new.jpg", file)
                whole.append(1000 * (done - began))
                noting.append(1000 * (time.process_time() - done))
        total, noted = (sum(times[2:]) / rounds for times in (whole, noting))
    return {"still_cpu_ms": round(total, 2), "noting_cpu_ms": round(noted, 2), "share": round(noted / total, 4)}


def main() -> None:
    """Print one JSON line for each measurement."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.planning", description=__doc__)
    parser.add_argument("--files", type=int, default=100_000)
    parser.add_argument("--folder", type=int, default=1000, help="files in a folder")
    parser.add_argument("--rounds", type=int, default=20)
    options = parser.parse_args()
    sys.stdout.write(json.dumps({"what": "journal", **journal_share(options.rounds)}) + "\n")
    with tempfile.TemporaryDirectory() as folder:
        source, out, empty = (Path(folder) / name for name in ("in", "out", "empty"))
        make_archive(source, out, options.files, options.folder)
        for what, arguments in {
            "plan, new": (source, empty, "--dry-run"),
            "plan, done": (source, out, "--dry-run"),
            "resume, done": (source, out),
        }.items():
            sys.stdout.write(json.dumps({"what": what, "files": options.files, **measure(*arguments)}) + "\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
