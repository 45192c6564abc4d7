"""Films read back by Debian's ffprobe: an oracle that shares no code with what wrote them."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

from tests.needs import FFMPEG, FFPROBE


def ffmpeg(*arguments: str | Path) -> None:
    """Run ffmpeg quietly, overwriting."""
    subprocess.run([FFMPEG or "", "-v", "error", "-y", *map(str, arguments)], check=True, stdin=subprocess.DEVNULL)


def probe(path: Path, *what: str) -> dict[str, Any]:
    """What ffprobe shows of a file: ``probe(path, "streams", "frames")``."""
    shown = [f"-show_{name}" for name in what or ("streams", "format")]
    command = [FFPROBE or "", "-v", "error", *shown, "-of", "json", str(path)]
    found: dict[str, Any] = json.loads(subprocess.check_output(command))
    return found


def picture(path: Path) -> dict[str, Any]:
    """The first video stream as ffprobe shows it."""
    return next(s for s in probe(path, "streams")["streams"] if s["codec_type"] == "video")


def video_frames(path: Path) -> list[dict[str, Any]]:
    """The frames of the first video stream as ffprobe shows them."""
    shown = probe(path, "frames", "streams")
    index = next(s["index"] for s in shown["streams"] if s["codec_type"] == "video")
    return [f for f in shown["frames"] if f["media_type"] == "video" and f["stream_index"] == index]
