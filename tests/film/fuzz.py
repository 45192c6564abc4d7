"""``python -m tests.film.fuzz [--files N] [--seed S]``: color damaged films and see that nothing gives way.

Each film is damaged in its own way and colored in a process of its own. Whatever the damage: no crash, no exception but
our own, no more than 10 s of processor time, no more than 3 GB, no output for what could not be read, and no 'done'
without a warning whose frames are not what a plain decoder gives. Exit code 1 if anything was found, whose files stay.
"""

from __future__ import annotations

import argparse
import os
import random
import resource
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections import Counter
from fractions import Fraction
from pathlib import Path

os.environ["OMP_NUM_THREADS"] = "1"

import av
import cv2
import numpy as np

from archivecolor.errors import ArchiveColorError
from archivecolor.film.form import luma_plane
from archivecolor.film.reading import decoded, opened, picture_stream
from archivecolor.runs.film.job import FilmRecord, make_film
from archivecolor.runs.film.plan import FilmRequest, plan_film
from archivecolor.runs.settings import FilmSettings
from archivecolor.settings import AlreadyColor, ColorSettings, EncodeSettings, Purpose
from tests.fakes.engines import FakeEngine, by_luma
from tests.film.sources import FilmSource, moving
from tests.stills.fuzz import damaged

LONGEST_S = 10
"""Of processor time: other work on the machine is no fault of the film's."""
WAITED_S = 90
MOST_BYTES = 3 << 30
FRAMES = 12
_FINE, _FOUND, _REFUSED, _WARNED, _FEWER = 0, 1, 3, 4, 5
_VERDICTS = {_FINE: "fine", _REFUSED: "refused", _WARNED: "done, with warnings", _FEWER: "done, fewer frames untold"}
"""The last is no fault: where a stream without an index ends, nothing tells."""


def sound_films(folder: Path) -> list[tuple[str, bytes]]:
    """Good films of every container, small ones; each with its suffix."""
    lumas = moving(FRAMES, 48, 64)
    x264 = {"g": "6", "bf": "2", "preset": "ultrafast"}
    kinds = {
        "a.mkv": FilmSource(lumas, "libx264", options=x264, audio=1, chapters=True, attachment=b"font" * 20),
        "b.mkv": FilmSource(lumas, "ffv1", pixel_format="yuv420p10le", sample_aspect=Fraction(16, 15)),
        "a.mp4": FilmSource(lumas, "libx264", options=x264, audio=1, metadata={"title": "x"}),
        "a.mov": FilmSource(lumas, "prores_ks", pixel_format="yuv422p10le", audio=1),
        "a.avi": FilmSource(lumas, "mpeg4", options={"g": "6"}, audio=1, audio_codec="mp3"),
        "a.ts": FilmSource(lumas, "libx264", options=x264, muxer="mpegts", audio=1),
        "b.ts": FilmSource(lumas, "mpeg2video", options={"g": "6"}, muxer="mpegts", field_order=2),
        "a.mxf": FilmSource(lumas, "mpeg2video", options={"g": "6"}),
        "a.dv": FilmSource(moving(2, 576, 720), "dvvideo", muxer="dv"),
    }
    return [(Path(name).suffix, source.write(folder / name).read_bytes()) for name, source in kinds.items()]


def plain(path: Path) -> list[bytes]:
    """The luma of every frame that decodes."""
    with opened(path) as container:
        stream = picture_stream(container, path)
        return [luma_plane(frame).tobytes() for frame in decoded(container, stream, None)]


def color(path: Path, target: Path) -> int:
    """In a process of its own: the exit code."""
    resource.setrlimit(resource.RLIMIT_AS, (MOST_BYTES + (1 << 30), MOST_BYTES + (1 << 30)))
    resource.setrlimit(resource.RLIMIT_CPU, (LONGEST_S, LONGEST_S + 1))
    encode = EncodeSettings(Purpose.MASTER)
    settings = FilmSettings(encode=encode, already_color=AlreadyColor.RECOLOR, leave_out=True)
    try:
        plan = plan_film(FilmRequest(path, target, settings))
        record = make_film(plan, FakeEngine(by_luma), ColorSettings())
        return _judged(path, record)
    except ArchiveColorError:
        return _FOUND if target.exists() else _REFUSED
    except BaseException:  # noqa: BLE001 - whatever it is, it is a finding
        traceback.print_exc()
        return _FOUND


def _judged(path: Path, record: FilmRecord) -> int:
    if record.warnings:
        return _WARNED
    before, after = plain(path), plain(record.target)
    if len(before) != len(after):
        print(f"{path}: {len(after)} frames of {len(before)}, and no warning", flush=True)  # noqa: T201
        return _FOUND
    widened = {len(a) == len(b) for a, b in zip(before, after, strict=True)} != {True}
    if not widened and before != after:
        print(f"{path}: luma is not the source's", flush=True)  # noqa: T201
        return _FOUND
    usual = 2 if path.suffix == ".dv" else FRAMES
    return _FEWER if len(after) < usual else _FINE


def trial(path: Path, target: Path) -> str:
    """What became of one film."""
    sys.stdout.flush()
    child = os.fork()
    if not child:
        os._exit(color(path, target))
    began = time.monotonic()
    while True:
        pid, status, used = os.wait4(child, os.WNOHANG)
        if pid:
            break
        if time.monotonic() - began > WAITED_S:
            os.kill(child, 9)
            os.wait4(child, 0)
            return f"hung for {WAITED_S} s"
        time.sleep(0.01)
    if os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGXCPU:
        return f"took longer than {LONGEST_S} s"
    if os.WIFSIGNALED(status):
        return f"died of signal {os.WTERMSIG(status)}"
    if used.ru_maxrss * 1024 > MOST_BYTES:
        return f"took {used.ru_maxrss / 1e6:.1f} GB"
    return _VERDICTS.get(os.WEXITSTATUS(status), "gave way")


def main(files: int = 1000, seed: int = 1) -> int:
    """Run the campaign; returns the exit code."""
    cv2.setNumThreads(0)
    np.seterr(all="ignore")
    av.logging.set_level(None)
    folder = Path(tempfile.mkdtemp(prefix="archivecolor-film-fuzz-"))
    rng = random.Random(seed)
    sound = sound_films(folder)
    others = [data for _, data in sound]
    counts: Counter[str] = Counter()
    longest = 0.0
    for number in range(files):
        suffix, data = sound[number % len(sound)]
        path, target = folder / f"{number:05d}{suffix}", folder / "out" / f"{number:05d}.mkv"
        target.parent.mkdir(exist_ok=True)
        path.write_bytes(damaged(data, others, rng))
        began = time.monotonic()
        verdict = trial(path, target)
        longest = max(longest, time.monotonic() - began)
        counts[verdict] += 1
        if verdict in _VERDICTS.values():
            path.unlink()
        else:
            print(f"{path}: {verdict}", flush=True)  # noqa: T201
        shutil.rmtree(target.parent, ignore_errors=True)
    print(dict(counts), f"longest {longest:.1f} s")  # noqa: T201
    found = counts.total() - sum(counts[verdict] for verdict in _VERDICTS.values())
    if not found:
        shutil.rmtree(folder)
    return int(found > 0)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    told = parser.parse_args()
    sys.exit(main(told.files, told.seed))
