"""``python -m tests.film.fuzz [--files N] [--seed S]``: color damaged films and see that nothing gives way.

Each film is damaged in its own way and colored in a process of its own. Whatever the damage: no crash, no exception but
our own, no more than 10 s of processor time, no more than 3 GB, no output for what could not be read, and no 'done'
without a warning whose frames are not what a plain decoder gives. Exit code 1 if anything was found, whose files stay.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import sys
import tempfile
import time
from collections import Counter
from fractions import Fraction
from functools import partial
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
from archivecolor.runs.luma_check import Verdict, compare_films
from archivecolor.runs.settings import FilmSettings
from archivecolor.settings import AlreadyColor, ColorSettings, EncodeSettings, Purpose
from tests.fakes.engines import FakeEngine, by_luma
from tests.film.sources import FilmSource, moving
from tests.stills.fuzz import damaged
from tests.watching import FOUND, watched

FRAMES = 12
_FINE, _REFUSED, _WARNED, _FEWER = 0, 3, 4, 5
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
        "a.vob": FilmSource(lumas, "mpeg2video", options={"g": "6"}, audio=1, audio_codec="mp2", audio_rate=48000),
        "c.mkv": FilmSource(lumas, "ffv1", pixel_format="yuva422p10le", options={"g": "4", "slices": "4"}),
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
    encode = EncodeSettings(Purpose.MASTER)
    settings = FilmSettings(encode=encode, already_color=AlreadyColor.RECOLOR, leave_out=True)
    try:
        plan = plan_film(FilmRequest(path, target, settings))
        record = make_film(plan, FakeEngine(by_luma), ColorSettings())
    except ArchiveColorError:
        return FOUND if target.exists() else _REFUSED
    return _judged(path, record)


def _judged(path: Path, record: FilmRecord) -> int:
    verified = compare_films(path, record.target, named=record.whole.lost)
    if verified.verdict is Verdict.WRONG:
        print(f"{path}: {verified.reason}", flush=True)  # noqa: T201
        return FOUND
    if record.warnings:
        return _WARNED
    before, after = plain(path), plain(record.target)
    if len(before) != len(after):
        print(f"{path}: {len(after)} frames of {len(before)}, and no warning", flush=True)  # noqa: T201
        return FOUND
    widened = {len(a) == len(b) for a, b in zip(before, after, strict=True)} != {True}
    if not widened and before != after:
        print(f"{path}: luma is not the source's", flush=True)  # noqa: T201
        return FOUND
    usual = 2 if path.suffix == ".dv" else FRAMES
    return _FEWER if len(after) < usual else _FINE


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
        verdict = watched(partial(color, path, target), _VERDICTS)
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
