"""Film of several sizes: the whole tool against decoding and encoding alone, by the same library and settings.

The floor encodes gray. Color is more for an encoder to do, whoever made it: ``in_color_ratio`` is the same film with
the same chroma, made beforehand, against the floor, and nothing that colors can cost less.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.bench.material import RATE, make_clip
from tests.bench.measuring import Spread, archivecolor, in_turns, measured, ratio
from tests.conftest import ROOT

_CHILD = (sys.executable, "-m", "tests.bench.child")


@dataclass(frozen=True, slots=True)
class FilmCase:
    """A film to be colored."""

    name: str
    width: int
    height: int
    frames: int
    grainy: bool = True
    preset: str = "medium"


CASES = (
    FilmCase("film 1080p, 480 frames", 1920, 1080, 480),
    FilmCase("film 1080p, 150 frames", 1920, 1080, 150),
    FilmCase("film 1080p clean", 1920, 1080, 150, grainy=False),
    FilmCase("film 1080p veryfast", 1920, 1080, 480, preset="veryfast"),
    FilmCase("film 4K", 3840, 2160, 72),
    FilmCase("film 480p", 720, 480, 480),
)
QUICK = (FilmCase("film 360p, quick", 640, 360, 48),)


def run(case: FilmCase, folder: Path, rounds: int) -> Iterator[dict[str, Any]]:
    """Give the case's figures, then those of its stages."""
    clip = make_clip(folder / "clip.mp4", case.frames, case.width, case.height, grainy=case.grainy)
    plain, colored, chroma = folder / "plain.mp4", folder / "color.mp4", folder / "chroma.yuv"
    options = ("--for", "share", "--overwrite", "--preset", case.preset)
    archivecolor("video", clip, folder / "exact.mkv", "--codec", "ffv1")
    measured((*_CHILD, "chroma", folder / "exact.mkv", chroma))
    (folder / "exact.mkv").unlink()
    used = in_turns(
        {
            "floor": lambda: measured((*_CHILD, "transcode", clip, plain, case.preset)),
            "in color": lambda: measured((*_CHILD, "transcode", clip, plain, case.preset, chroma)),
            "whole": lambda: archivecolor("video", clip, colored, *options),
        },
        rounds,
    )
    floor, whole = used["floor"], used["whole"]
    cpu_s = Spread.of(u.cpu_s for u in whole)
    yield {
        "case": case.name,
        "ratio": ratio(whole, floor),
        "in_color_ratio": ratio(used["in color"], floor),
        "beside_in_color": ratio(whole, used["in color"]),
        "floor_cpu_s": Spread.of(u.cpu_s for u in floor),
        "whole_cpu_s": cpu_s,
        "cpu_s_a_minute": Spread.of(u.cpu_s / case.frames * RATE * 60 for u in whole),
        "frames_per_s": Spread.of(case.frames / u.clock_s for u in whole),
        "busy": Spread.of(u.busy for u in whole),
        "floor_peak_mb": Spread.of(u.peak_mb for u in floor),
        "peak_mb": Spread.of(u.peak_mb for u in whole),
    }
    told = subprocess.check_output([*_CHILD, "stages", str(clip), str(colored), case.preset], cwd=ROOT)
    yield {"case": case.name, "stages": json.loads(told)}
