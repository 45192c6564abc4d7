"""CPU time of coloring 1080p film against a plain transcode, and the memory that long and large film takes.

``python -m tests.bench.film``. The floor is PyAV decoding the clip and encoding it with the same encoder and settings,
in a process of its own like the command itself, so start-up counts for both; rounds alternate, so a noisy machine moves
both together. Clips are pans over a sample photograph with grain, made on the spot.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from statistics import median

import av
import numpy as np

from archivecolor.film.form import make_frame
from tests.bench.stills import photograph

ROOT = Path(__file__).resolve().parents[2]
RATE = 24
SHOT_FRAMES = 80
PAN_PX = 3
SETTINGS = ("--for", "share", "-q", "--overwrite")
"""x264 medium, crf 18, 8 bit 4:2:0: what `transcode` does, too."""


@dataclass(frozen=True, slots=True)
class Used:
    """What a process took."""

    cpu_s: float
    peak_mb: float


def make_clip(path: Path, count: int, width: int, height: int) -> Path:
    """Write ``count`` frames of pans, with cuts; gives ``path``."""
    rng = np.random.default_rng(1)
    wide = photograph(width + PAN_PX * SHOT_FRAMES, height + 64)
    grain = rng.normal(0, 3, (height + 64, width + 64)).astype(np.int16)
    neutral = np.full((height // 2, width // 2), 128, np.uint8)
    with av.open(path, "w") as film:
        stream = film.add_stream("libx264", rate=RATE, options={"crf": "20", "preset": "veryfast"})
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for i in range(count):
            shot, step = divmod(i, SHOT_FRAMES)
            view = wide[:: -1 if shot % 2 else 1][:height, PAN_PX * step : PAN_PX * step + width]
            top, left = rng.integers(0, 64, 2)
            luma = view * (219 / 255) + 16 + grain[top : top + height, left : left + width]
            frame = make_frame("yuv420p", (np.clip(luma, 16, 235).astype(np.uint8), neutral, neutral))
            frame.pts, frame.time_base = i, Fraction(1, RATE)
            film.mux(stream.encode(frame))
        film.mux(stream.encode())
    return path


def transcode(source: Path, target: Path) -> None:
    """Decode and encode a film with PyAV, and nothing else."""
    with av.open(source) as old, av.open(target, "w") as new:
        was = old.streams.video[0]
        was.thread_type = "AUTO"
        stream = new.add_stream("libx264", rate=was.average_rate, options={"crf": "18", "preset": "medium"})
        stream.width, stream.height, stream.pix_fmt = was.width, was.height, "yuv420p"
        stream.codec_context.thread_type = "AUTO"
        for frame in old.decode(was):
            frame.pict_type = av.video.frame.PictureType.NONE
            new.mux(stream.encode(frame))
        new.mux(stream.encode())


def measured(command: Sequence[str]) -> Used:
    """Run a command; raises where it fails."""
    process = subprocess.Popen(command, cwd=ROOT)
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise RuntimeError(f"{command} ended with status {status}")
    return Used(usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


def colored(source: Path, target: Path, *options: str) -> Used:
    """Color a film with the command."""
    return measured([sys.executable, "-m", "archivecolor", "video", str(source), str(target), *SETTINGS, *options])


def speed(folder: Path, frames: int, rounds: int) -> dict[str, float]:
    """Median CPU seconds of both, and their ratio."""
    clip = make_clip(folder / "clip.mp4", frames, 1920, 1080)
    plain = [sys.executable, "-m", "tests.bench.film", "--transcode", str(clip), str(folder / "plain.mp4")]
    runs: dict[str, Callable[[], Used]] = {
        "transcode": lambda: measured(plain),
        "film": lambda: colored(clip, folder / "color.mp4"),
    }
    times: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(rounds):
        for name, run in runs.items():
            times[name].append(run().cpu_s)
    result = {f"{name}_cpu_s": round(median(values), 2) for name, values in times.items()}
    return {"frames": frames, **result, "ratio": round(result["film_cpu_s"] / result["transcode_cpu_s"], 3)}


def growth(folder: Path, minutes: tuple[int, int]) -> dict[str, float]:
    """Peak resident size after a short film and after a longer one."""
    peaks = {}
    for length in minutes:
        clip = make_clip(folder / f"{length}.mp4", length * 60 * RATE, 320, 180)
        peaks[length] = colored(clip, folder / "color.mp4", "--preset", "ultrafast", "--network-px", "64").peak_mb
    short, long = (round(peaks[m]) for m in minutes)
    return {f"{minutes[0]}_min_mb": short, f"{minutes[1]}_min_mb": long, "growth_mb": long - short}


def large(folder: Path, frames: int) -> dict[str, float]:
    """Peak resident size of a 4K clip, and of a plain transcode of it."""
    clip = make_clip(folder / "4k.mp4", frames, 3840, 2160)
    plain = [sys.executable, "-m", "tests.bench.film", "--transcode", str(clip), str(folder / "plain.mp4")]
    return {
        "frames": frames,
        "4k_mb": round(colored(clip, folder / "color.mp4").peak_mb),
        "4k_transcode_mb": round(measured(plain).peak_mb),
    }


def main() -> None:
    """Print one JSON line for each measurement."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.film", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--frames", type=int, default=480)
    parser.add_argument("--only", choices=("speed", "growth", "large"))
    parser.add_argument("--transcode", nargs=2, type=Path, metavar=("FILM", "OUT"), help="used by the bench itself")
    options = parser.parse_args()
    if options.transcode:
        transcode(*options.transcode)
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        parts: dict[str, Callable[[], dict[str, float]]] = {
            "speed": lambda: speed(folder, options.frames, options.rounds),
            "growth": lambda: growth(folder, (1, 5)),
            "large": lambda: large(folder, 72),
        }
        for part, run in parts.items():
            if options.only in (None, part):
                sys.stdout.write(json.dumps(run()) + "\n")
                sys.stdout.flush()


if __name__ == "__main__":
    main()
