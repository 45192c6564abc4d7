"""Photographs out of noise, and repositories of them that are gathered in tests."""

from __future__ import annotations

import subprocess
import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from train.gathering.sources import Source, Standing

Picture = npt.NDArray[np.uint8]


def photograph(seed: int, height: int = 200, width: int = 260) -> Picture:
    """Soft blobs of many colours, lit by soft blobs of light."""
    rng = np.random.default_rng(seed)
    picture = np.zeros((height, width, 3), np.float32)
    for sigma, weight in ((40, 3.0), (12, 1.0), (2, 0.25)):
        for channels in (3, 1):
            noise = rng.normal(size=(height, width, channels)).astype(np.float32)
            noise = np.asarray(cv2.GaussianBlur(noise, (0, 0), sigma), np.float32).reshape(height, width, channels)
            picture += noise / noise.std() * weight
    low, high = picture.min(axis=(0, 1)), picture.max(axis=(0, 1))
    return np.asarray((picture - low) / (high - low) * 255, dtype=np.uint8)


def greyed(picture: Picture) -> Picture:
    return np.asarray(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), dtype=np.uint8)


def jpeg(picture: Picture, quality: int = 95) -> bytes:
    ok, coded = cv2.imencode(".jpg", picture[..., ::-1] if picture.ndim == 3 else picture, [1, quality])
    assert ok
    return coded.tobytes()


def repository(folder: Path, files: Mapping[str, bytes]) -> str:
    """A git repository of one commit; returns the commit."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)

    def git(*arguments: str) -> str:
        identity = ("-c", "user.name=T", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false")
        command = ("git", *identity, "-C", str(folder), *arguments)
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

    git("init", "--quiet", "--initial-branch", "main")
    git("add", "--all")
    git("commit", "--quiet", "--message", "Add pictures")
    return git("rev-parse", "HEAD")


def source(commit: str, **changes: Any) -> Source:
    told = {
        "name": "blobs",
        "where": "github:someone/blobs",
        "standing": Standing.FREE,
        "terms": "CC0",
        "what": "blobs",
        "files": ("*.jpg",),
        "commit": commit,
    }
    return Source(**{**told, **changes})


def members(out: Path) -> list[str]:
    """What lies in the shards of a folder."""
    found = []
    for path in sorted(out.glob("*.tar")):
        with tarfile.open(path) as shard:
            found += shard.getnames()
    return found
