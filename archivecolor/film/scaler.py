"""FFmpeg's scaler, for frames of any matrix and always the same."""

from __future__ import annotations

from typing import Any, Final

from av.video.frame import VideoFrame

_UNSPECIFIED: Final = 2
_CONVERTED: Final = {0, 1, 2, 4, 5, 6, 7, 9}
"""Matrices of ITU-T H.273 that the scaler has; of others, YCgCo among them, it converts nothing."""


def reformatted(
    frame: VideoFrame, width: int | None = None, height: int | None = None, pixel_format: str | None = None, **how: Any
) -> VideoFrame:
    """The frame in another size or pixel format; ``how`` goes to `VideoFrame.reformat`.

    On one thread: with several, a line whose length is no multiple of the vectors' is written beyond its end into what
    another thread has written there, now and then. Where the scaler lacks the frame's matrix, the frame loses its tag:
    not to be called before its form is known.
    """
    if frame.colorspace not in _CONVERTED:
        frame.colorspace = _UNSPECIFIED
    return frame.reformat(width, height, pixel_format, threads=1, **how)
