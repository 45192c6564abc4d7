"""A frame of a film on its way from the source to the result."""

from __future__ import annotations

from dataclasses import dataclass

from av.video.frame import VideoFrame

from archivecolor.color import UIntArray
from archivecolor.sequences.frames import Frame


@dataclass(frozen=True, slots=True)
class Picture:
    """A decoded frame on its way through."""

    index: int
    luma: UIntArray
    """``[h, w]``, the source's own codes."""
    parity: str | None
    """'tff' or 'bff' of an interlaced frame, None of a progressive one."""
    confidence: float | None = None
    """Mean of the confidence in its chroma, 0..1, where the generator was asked and reports it."""
    beside: VideoFrame | None = None
    """A `side_data.carrier` of what is to be encoded beside it."""
    alpha: UIntArray | None = None
    """``[h, w]``, its opacity as it is to be encoded."""
    frame: Frame | None = None
    """What a frame of a sequence is written anew from."""

    @property
    def interlaced(self) -> bool:
        """Whether its rows are those of two fields."""
        return self.parity is not None
