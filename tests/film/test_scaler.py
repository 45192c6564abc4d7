"""Frames in another form are the same each time."""

from __future__ import annotations

import re
from pathlib import Path

import av
import numpy as np
import pytest

import archivecolor
from archivecolor.film.form import luma_plane, make_frame
from archivecolor.film.scaler import reformatted


@pytest.mark.parametrize("pixel_format", ["yuva420p9le", "yuva444p16le", "yuv420p10le"])
def test_lines_of_any_length_come_out_alike_each_time(pixel_format: str, rng: np.random.Generator) -> None:
    """On several threads about one frame in ten of the first had other samples."""
    wide = rng.integers(0, 1 << 16, (24, 70, 4)).astype(np.uint16)
    frame = av.VideoFrame.from_ndarray(wide, format="rgba64le")
    seen = {
        b"".join(
            np.frombuffer(plane, np.uint16)  # type: ignore[call-overload]
            .reshape(plane.height, -1)[:, : plane.width]
            .tobytes()
            for plane in reformatted(frame, pixel_format=pixel_format).planes
        )
        for _ in range(60)
    }
    assert len(seen) == 1


@pytest.mark.parametrize("other", ["p010le", "yuv420p10be"])
def test_samples_in_another_order_are_the_same(other: str, rng: np.random.Generator) -> None:
    luma = rng.integers(0, 1 << 10, (270, 962)).astype(np.uint16)
    chroma = rng.integers(0, 1 << 10, (135, 481)).astype(np.uint16)
    frame = reformatted(make_frame("yuv420p10le", (luma, chroma, chroma)), pixel_format=other)
    for _ in range(20):
        assert np.array_equal(luma_plane(reformatted(frame, pixel_format="yuv420p10le")), luma)


def test_nothing_else_asks_the_scaler() -> None:
    """`VideoFrame.to_image` and `to_ndarray` with a format do, on all threads."""
    package = Path(archivecolor.__file__).parent
    calls = re.compile(r"\.reformat\(|\.to_ndarray\([^)\n]|\.to_image\(|VideoReformatter")
    askers = [path.relative_to(package).as_posix() for path in package.rglob("*.py") if calls.search(path.read_text())]
    assert askers == ["film/scaler.py"]
