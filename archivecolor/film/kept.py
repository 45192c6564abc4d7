"""Chroma kept in files, small and nearly lossless, so that a film can be encoded or graded anew without the generator.

A segment's a* and b* lie above each other in one 10-bit gray picture of H.264, in steps of a quarter. With the shipped
generator an hour of film takes 60 to 160 MB and the error is 0.26 rms, of which nothing is seen; whoever keeps chroma
colors the film with what was kept, the first time too, so that every later run gives the same.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Final

import av
import numpy as np

from archivecolor.color import FloatArray, UIntArray
from archivecolor.errors import InputError
from archivecolor.film.form import luma_plane, make_gray
from archivecolor.film.reading import opened
from archivecolor.film.segments import MadeSegment, Segment, SegmentJournal, ShotConfidence, by_shot
from archivecolor.film.writing import explained
from archivecolor.jobs.atomic import atomic_write, part_path

_STEPS: Final = 4.0
"""Codes per unit of a* and b*."""
_NEUTRAL: Final = 512
_FORMAT: Final = "gray10le"
_OPTIONS: Final = {"crf": "6", "preset": "veryfast", "threads": "1"}
_RATE: Final = 25


class KeptChroma:
    """The chroma of a film's segments in a folder of its own. Thread-safe."""

    def __init__(self, folder: Path, fingerprint: str) -> None:
        """Open ``folder``; chroma of another ``fingerprint`` is deleted. Raises `BusyError` or `OutputError`."""
        self._journal = SegmentJournal(folder, fingerprint)
        self._lock = threading.Lock()

    def holds(self, segment: Segment, paint: str) -> bool:
        """Whether a segment's chroma is there, as it was made with that ``paint`` on its shots."""
        made = self._journal.made.get(segment.number)
        return made is not None and made.paint == paint

    def close(self) -> None:
        """Let other runs use the folder."""
        self._journal.close()

    def of(
        self, segment: Segment, paint: str, make: Callable[[], Iterable[FloatArray]], heard: list[ShotConfidence]
    ) -> Iterator[FloatArray]:
        """Chroma ``[h, w, 2]`` of a segment's frames in turn; where it is not there, it is made and kept first.

        So it is where the segment's shots were painted on otherwise than with ``paint``.

        ``heard`` is what the generator says of its confidence while ``make`` runs; that is kept, too, and given back.
        """
        path = self._journal.segment_path(segment.number)
        if self.holds(segment, paint):
            heard.extend(self._journal.made[segment.number].confidence)
            return read_chroma(path)
        path.unlink(missing_ok=True)  # of other paint: what the journal says of it must not be said of this
        count, size = write_chroma(path, make())
        with self._lock:
            self._journal.add(MadeSegment(segment.number, count, 0, size, by_shot(heard), paint))
        return read_chroma(path)


def write_chroma(path: Path, planes: Iterable[FloatArray]) -> tuple[int, int]:
    """Write ``[h, w, 2]`` a*, b* of consecutive frames; gives their number and the file's bytes. Raises `OutputError`.

    The file is whole or not there.
    """
    count = 0
    part = f"file:{part_path(path)}"
    with atomic_write(path, overwrite=True), explained(path), av.open(part, "w", format="matroska") as container:
        stream = container.add_stream("libx264", rate=_RATE, options=_OPTIONS)
        for ab in planes:
            picture = _picture(ab)
            if not count:
                (stream.height, stream.width), stream.pix_fmt = picture.shape, _FORMAT
            frame = make_gray(_FORMAT, picture)
            frame.pts, frame.time_base = count, Fraction(1, _RATE)
            container.mux(stream.encode(frame))
            count += 1
        container.mux(stream.encode(None))
    return count, path.stat().st_size


def read_chroma(path: Path) -> Iterator[FloatArray]:
    """Read what `write_chroma` wrote. Raises `InputError`."""
    with opened(path) as container:
        try:
            for frame in container.decode(video=0):
                codes = (luma_plane(frame).astype(np.float32) - _NEUTRAL) / np.float32(_STEPS)
                yield np.stack(np.split(codes, 2), axis=-1)
        except av.error.FFmpegError as e:
            raise InputError(f"{path}: kept chroma is damaged", hint="delete its folder; it is made anew") from e


def _picture(ab: FloatArray) -> UIntArray:
    """``[2 h, w]``: codes of a* above those of b*."""
    codes = np.rint(np.concatenate((ab[..., 0], ab[..., 1])) * _STEPS) + _NEUTRAL
    return np.asarray(np.clip(codes, 0, 2 * _NEUTRAL - 1), dtype=np.uint16)
