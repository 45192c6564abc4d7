"""Writing a colored film as a sequence of frames.

Frames are made in the work folder under their own names, each whole or not there, and a segment's are listed in a file
beside them when all of them are. Once there are all they are given their places, which takes no time; a run that is
killed meanwhile goes on with it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from archivecolor.chroma.frame_merge import Lay
from archivecolor.chroma.picture import Picture
from archivecolor.chroma.recording import recorded
from archivecolor.chroma.scan import Scan
from archivecolor.errors import OutputError
from archivecolor.film.changes import luma_in
from archivecolor.film.segments import MadeSegment, Segment, SegmentJournal
from archivecolor.film.writing import Part
from archivecolor.jobs.atomic import AlreadyExistsError, atomic_write, copy_whole, publish
from archivecolor.jobs.digests import read_open, read_state
from archivecolor.jobs.file_sets import Numbering, digest_of
from archivecolor.jobs.files import read_regular
from archivecolor.jobs.records import FileState
from archivecolor.provenance.xmp import Noted, Record
from archivecolor.sequences.coding import FrameCoding, write_frame
from archivecolor.settings import Luma
from archivecolor.stills import Still


@dataclass(frozen=True, slots=True)
class WrittenFrame:
    """A frame in a work folder."""

    number: int
    size_bytes: int
    mtime_ns: int
    sha256: str
    folder: Path
    """Which it is."""
    luma: Luma = Luma.SAME
    said: tuple[str, ...] = ()
    """What could not be kept."""


@dataclass(frozen=True, slots=True)
class Drawn:
    """A frame that is to be written."""

    picture: Picture
    lay: Lay
    """What is laid beside its luma."""
    record: Record | Noted | None = None
    """What it says of how it was colored."""


@dataclass(frozen=True, slots=True)
class FrameWriter:
    """Writes one film's frames."""

    scan: Scan
    coding: FrameCoding
    target: Path
    """The set of the results."""
    folder: Path
    """Where they lie until all are there."""
    chroma_only: bool = False
    """Frames that cannot be read have no chroma: they are left out."""

    @property
    def names(self) -> Numbering:
        """How the results are named."""
        names = Numbering.of(self.target.name)
        if names is None:
            raise OutputError(f"{self.target}: names no numbered files")
        return names

    def number(self, index: int) -> int:
        """That of a frame: its source's or, of a film's, its place."""
        return self.scan.frames.numbers[index] if self.scan.frames else index

    def segment(self, path: Path, segment: Segment, drawn: Iterable[Drawn]) -> MadeSegment:
        """Write a segment's frames, and their list at ``path``. Raises `OutputError`."""
        made = [self._frame(frame) for frame in drawn]
        if len(made) != segment.last - segment.first:
            raise OutputError(f"{path}: has {len(made)} of {segment.last - segment.first} frames")
        with atomic_write(path, overwrite=True) as file:
            for frame in made:
                file.write(json.dumps([*_fields(frame)]).encode() + b"\n")
        return MadeSegment(segment.number, len(made), 0, path.stat().st_size)

    def _frame(self, drawn: Drawn) -> WrittenFrame:
        picture, film, number = drawn.picture, self.scan.film, self.number(drawn.picture.index)
        form = self.coding.form(film.form)
        luma = luma_in(picture.luma, film.form, form)
        strips = drawn.lay(luma, form)
        frame = picture.frame if self.coding.same else None
        if frame and isinstance(frame.origin, Still):
            frame = replace(frame, origin=recorded(frame.origin, frame.origin.info.format, drawn.record))
        path = self.folder / self.names.file_name(number)
        state: list[FileState] = []
        with atomic_write(path, overwrite=True, before_naming=lambda f: state.append(read_open(f))) as file:
            told = write_frame(file, path, strips, luma, frame, self.coding, film.rate, None, drawn.record)
        status = state[0]
        sha256 = status.sha256 or ""
        return WrittenFrame(number, status.size_bytes, path.stat().st_mtime_ns, sha256, self.folder, told[1], told[0])

    def gather(self, segments: list[Segment], journal: SegmentJournal, part: Part) -> list[WrittenFrame]:
        """Every frame of the result; those that are left as they are get copied. Raises `OutputError`."""
        made = [frame for s in segments for frame in _listed(journal.segment_path(s.number))]
        if len(made) != part.last - part.first:
            raise OutputError(f"{self.target}: has {len(made)} frames, should have {part.last - part.first}")
        frames = self.scan.frames
        kept = self.coding.same and not self.chroma_only
        left = frames.between(part.first, part.last) if frames and kept else {}
        for number, source in left.items():
            copy = self.folder / self.names.file_name(number)
            copy_whole(source, copy, overwrite=True)
            state = read_state(copy)
            made.append(WrittenFrame(number, state.size_bytes, state.mtime_ns, state.sha256 or "", self.folder))
        return sorted(made, key=lambda frame: frame.number)

    def publish(self, made: list[WrittenFrame], *, overwrite: bool) -> None:
        """Give all frames their places. Raises `AlreadyExistsError` or `OutputError`; the same call continues."""
        names, place = self.names, self.target.parent
        try:
            place.mkdir(parents=True, exist_ok=True)
            for frame in made:
                name = names.file_name(frame.number)
                try:
                    publish(frame.folder / name, place / name, overwrite=overwrite)
                except (FileNotFoundError, AlreadyExistsError):
                    if not (place / name).is_file() or read_state(place / name).sha256 != frame.sha256:
                        raise
        except OSError as e:
            raise OutputError(f"{place}: cannot be written: {e.strerror}", hint="check its permissions") from e


def state_of(made: list[WrittenFrame]) -> FileState:
    """What `jobs.digests` will say of the set."""
    digest = digest_of((frame.number, frame.sha256) for frame in made)
    return FileState(sum(f.size_bytes for f in made), max(f.mtime_ns for f in made), digest)


def told_of(made: list[WrittenFrame]) -> tuple[str, ...]:
    """What frames could not keep, each thing once, with how many it is said of."""
    said = [text for frame in made for text in frame.said]
    counts = {text: said.count(text) for text in dict.fromkeys(said)}
    return tuple(text if n == len(made) else f"{text} (of {n} frames)" for text, n in counts.items())


def luma_of_all(made: list[WrittenFrame]) -> Luma:
    """What became of the luma, of the frame that lost most."""
    return next((luma for luma in (Luma.LOSSY, Luma.RECODED) if any(f.luma is luma for f in made)), Luma.SAME)


def _fields(frame: WrittenFrame) -> tuple[Any, ...]:
    return frame.number, frame.size_bytes, frame.mtime_ns, frame.sha256, str(frame.luma), frame.said


def _listed(path: Path) -> Iterator[WrittenFrame]:
    """The frames of a segment's list. Raises `OutputError`."""
    try:
        for line in read_regular(path).splitlines():
            number, size, mtime_ns, sha256, luma, said = json.loads(line)
            yield WrittenFrame(number, size, mtime_ns, sha256, path.parent, Luma(luma), tuple(said))
    except (OSError, ValueError, TypeError) as e:
        raise OutputError(f"{path}: cannot be read: {e}", hint="delete its folder; it is made anew") from e
