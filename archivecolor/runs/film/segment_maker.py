"""Making a colored film: its segments, side by side or one after the other, and a picture of what it will be like.

::

    scan (all frames once: timestamps, cuts) -> segments of whole shots, each:
        decode -> luma -> `FilmColorizer.steady` (or what was kept of it) -> graded -> Cb, Cr beside the luma,
        guided by it -> encode into a file
    -> `film.writing.join`: the segments by packet copy, with every other stream of the source

Segments do not depend on each other: they are made in any order, and again after an interruption. Memory is that of
`chroma.film` times ``jobs``.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Final, TypeAlias

import numpy as np

from archivecolor.chroma.control.colored_frames import check_likeness
from archivecolor.chroma.control.hints import check_layer
from archivecolor.chroma.film import FilmColorizer
from archivecolor.chroma.frame_merge import evened, laid, merged
from archivecolor.chroma.picture import Picture
from archivecolor.chroma.scan import Scan
from archivecolor.color import FloatArray
from archivecolor.errors import InputError, Stopped
from archivecolor.film.alpha import alpha_as, alpha_depth, alpha_plane
from archivecolor.film.changes import luma_in
from archivecolor.film.encoder import mark
from archivecolor.film.encoding import CAPTIONED, Encoding, written_size
from archivecolor.film.fields import parity_of
from archivecolor.film.form import luma_plane
from archivecolor.film.kept import KeptChroma
from archivecolor.film.laid import ChromaPlanes, FrameColors, LaidChroma
from archivecolor.film.reading import frames
from archivecolor.film.scaler import reformatted
from archivecolor.film.segments import MadeSegment, Segment, SegmentJournal, ShotConfidence, by_shot
from archivecolor.film.side_data import carrier
from archivecolor.film.writing import Part, write_segment
from archivecolor.provenance.xmp import Noted, Record
from archivecolor.runs.film.composing import Composer
from archivecolor.runs.film.contact_sheet import looks, tile_of, write_sheet
from archivecolor.runs.film.frame_advice import FrameAdvice
from archivecolor.runs.film.frame_writer import Drawn, FrameWriter
from archivecolor.runs.film.segment_pool import Alone, run_all
from archivecolor.runs.film.sharing import Sharing
from archivecolor.runs.listener import WARNING, Listener
from archivecolor.sequences.coding import FrameCoding
from archivecolor.sequences.colors import FileColors, LaidFrames
from archivecolor.sequences.frames import read_frame
from archivecolor.sequences.survey import Surveyed

log = logging.getLogger(__name__)
Told: TypeAlias = Callable[[float], None]

_NEAR: Final = 1
"""Frames before and after a colored one that it is compared with."""


@dataclass(frozen=True, slots=True)
class SegmentMaker:
    """Makes one film's segments."""

    path: Path
    scan: Scan
    colorizer: FilmColorizer | None
    """None where chroma is ``laid``."""
    encoding: Encoding | FrameCoding
    side_by_side: bool = False
    kept: KeptChroma | None = None
    """Where chroma is taken from and kept."""
    writer: FrameWriter | None = None
    """Writes the film as a sequence of frames."""
    laid: LaidChroma | LaidFrames | None = None
    """Chroma that is there already."""
    chroma_only: bool = False
    """Write the chroma beside luma of an even gray."""
    given: FrameAdvice | None = None
    """What users say about single frames and shots."""
    record: Record | Noted | None = None
    """What the film, or each of its frames, says of how it was colored."""
    _carrying: threading.Lock = field(default_factory=threading.Lock)
    _lasting: set[int] = field(default_factory=set)
    """Takes of several segments through which paint was carried."""

    @property
    def _color(self) -> FilmColorizer:
        if self.colorizer is None:
            raise TypeError("there is nothing to color with")
        return self.colorizer

    @property
    def advice(self) -> FrameAdvice:
        """What users say about single frames and shots."""
        return self.given or FrameAdvice(self.scan)

    def make_all(
        self,
        segments: list[Segment],
        journal: SegmentJournal,
        *,
        jobs: int = 1,
        stop: threading.Event | None = None,
        advance: Callable[[float], None] | None = None,
        sharing: Sharing | None = None,
    ) -> None:
        """Make the segments that ``journal`` lacks, ``jobs`` at a time; ``advance`` is given the frames done.

        A frame whose chroma is kept first is done by halves. Where shards share the film, this makes those that it
        gets, and returns when all are made.

        Raises the first error, after the segments under way ended; raises `Stopped` once ``stop`` is set.
        """
        stop, abandon, lock = stop or threading.Event(), threading.Event(), threading.Lock()
        todo = sharing or Alone([s for s in segments if s.number not in journal.made])

        def told(frames: float) -> None:
            with lock:
                if advance:
                    advance(frames)

        def make(segment: Segment) -> None:
            path = journal.segment_path(segment.number)
            heard: list[ShotConfidence] = []
            made = self._write(path, segment, told, abandon, heard)
            with lock:
                journal.add(replace(made, confidence=by_shot(heard), paint=self.advice.told(segment, graded=True)))

        if sharing:
            sharing.told = told
        run_all(todo, make, jobs=jobs, stop=stop, abandon=abandon)

    def check_frames(self, listener: Listener, stop: threading.Event | None = None) -> None:
        """Look at everything that is given for single frames, before any segment is made.

        Raises `InputError` where a file cannot be used, `UsageError` where a colored frame is not of the frame that it
        is named after, and `Stopped` once ``stop`` is set. Where it looks like the next one, that is told.
        """
        film, form, count = self.scan.film, self.scan.film.form, len(self.scan.film.times)
        for path in self.advice.layers.values():
            check_layer(path, form.shown)
        for frame, path in self.advice.colored.items():
            near = self.pictures(max(0, frame - _NEAR), min(count, frame + _NEAR + 1))
            found = self._color.likeness(path, self._until(stop, near), form)
            alike = {film.number(index): value for index, value in found.items()}
            if warning := check_likeness(path, film.number(frame), alike, film.named):
                listener.message(WARNING, warning)

    def holds_chroma(self, segment: Segment) -> bool:
        """Whether the chroma of a segment was kept, with what is said of its shots now."""
        return self.kept is not None and self.kept.holds(segment, self.advice.told(segment, graded=False))

    @contextmanager
    def _carried(self, first: int, last: int, stop: threading.Event | None = None) -> Iterator[None]:
        """Have paint and colored frames carried through the shots of frames ``first`` to ``last`` while the block runs.

        Those of a take that goes on beyond them are kept for its other segments.
        """
        for begin, end, layers, colored in self.advice.on(first, last):
            with self._carrying:
                if begin not in self._lasting:
                    shot = self.scan.film.number(begin), self.scan.film.number(end - 1)
                    log.info("carrying colors through the shot of frames %d to %d", *shot)
                    pictures = self._until(stop, self.pictures(begin, end))
                    self._color.paint_shot(pictures, self.scan.film.form, layers, colored)
                    if begin < first or end > last:
                        self._lasting.add(begin)
        yield
        for begin, end, _, _ in self.advice.on(first, last):
            if begin not in self._lasting:
                self._color.paint.drop(begin, end)

    def _until(self, stop: threading.Event | None, pictures: Iterator[Picture]) -> Iterator[Picture]:
        for picture in pictures:
            if stop and stop.is_set():
                raise Stopped
            yield picture

    @property
    def size(self) -> tuple[int, int]:
        """Stored width and height of what is written."""
        return written_size(self.scan.film.form, self._encoding, side_by_side=self.side_by_side)

    def _write(
        self, path: Path, segment: Segment, told: Told, abandon: threading.Event, heard: list[ShotConfidence]
    ) -> MadeSegment:
        if self.writer:
            return self.writer.segment(path, segment, self._drawn(segment, told, abandon, heard))
        composer = self._composer
        if self.laid:
            found = self._matched(self.laid, segment, told, abandon)
            shown = ((picture.index, composer.laid(picture, chroma), picture.parity) for picture, chroma in found)
        else:
            graded = self._graded(segment, told, abandon, heard)
            shown = ((picture.index, composer.composed(picture, ab), picture.parity) for picture, ab in graded)
        return write_segment(path, segment, shown, self._encoding, self.scan.film, self.size)

    def _drawn(
        self, segment: Segment, told: Told, abandon: threading.Event, heard: list[ShotConfidence]
    ) -> Iterator[Drawn]:
        if self.laid:
            for picture, chroma in self._matched(self.laid, segment, told, abandon):
                yield Drawn(picture, laid(chroma), chroma.record if isinstance(chroma, FileColors) else self.record)
            return
        for picture, ab in self._graded(segment, told, abandon, heard):
            yield Drawn(picture, evened(merged(ab)) if self.chroma_only else merged(ab), self.record)

    def _matched(
        self, other: LaidChroma | LaidFrames, segment: Segment, told: Told, abandon: threading.Event
    ) -> Iterator[tuple[Picture, FrameColors | ChromaPlanes]]:
        """The segment's pictures, each with the chroma that is to be laid beside it."""
        found: Iterator[FrameColors | ChromaPlanes] = other.chroma(segment.first, segment.last)
        pictures = self._until(abandon, self.pictures(segment.first, segment.last))
        for picture, chroma in zip(pictures, found, strict=True):
            yield picture, chroma
            told(1)

    @property
    def _encoding(self) -> Encoding:
        if isinstance(self.encoding, FrameCoding):
            raise TypeError("frames are not encoded")
        return self.encoding

    def _graded(
        self, segment: Segment, told: Told, abandon: threading.Event, heard: list[ShotConfidence]
    ) -> Iterator[tuple[Picture, FloatArray]]:
        kept_first = self.kept is not None and not self.holds_chroma(segment)
        step = partial(told, 0.5 if kept_first else 1)
        for picture, ab in self._steady(segment, step if kept_first else None, abandon, heard):
            yield picture, self._color.graded(picture, ab, self.scan.film.form)
            step()

    def _steady(
        self,
        segment: Segment,
        chroma_made: Callable[[], None] | None,
        abandon: threading.Event,
        heard: list[ShotConfidence],
    ) -> Iterator[tuple[Picture, FloatArray]]:
        """The segment's pictures, each with its chroma before grading; ``heard`` collects how sure the generator is."""

        def anew() -> Iterator[tuple[Picture, FloatArray]]:
            shown = self._until(abandon, self.pictures(segment.read_first, segment.read_last))
            with self._carried(segment.first, segment.last, abandon):
                for picture, ab in self._color.steady(shown, self.scan.film.form, segment.starts):
                    if segment.first <= picture.index < segment.last:
                        if picture.confidence is not None:
                            heard.append(ShotConfidence(segment.shot_of(picture.index), 1, picture.confidence))
                        if chroma_made:
                            chroma_made()
                        yield picture, ab

        if self.kept is None:
            return anew()
        kept = self.kept.of(segment, self.advice.told(segment, graded=False), lambda: (ab for _, ab in anew()), heard)
        return zip(self._until(abandon, self.pictures(segment.first, segment.last)), kept, strict=True)

    @property
    def _composer(self) -> Composer:
        return Composer(self.scan.film.form, self._encoding, self.side_by_side, self.chroma_only)

    def pictures(self, first: int, last: int) -> Iterator[Picture]:
        """Frames ``first`` to ``last`` (exclusive), decoded. Raises `InputError`."""
        film = self.scan.film
        if self.scan.frames:
            yield from self._scanned(self.scan.frames, first, last)
            return
        for index, frame in frames(self.path, film, first, last):
            own = film.form_at(index)
            luma = luma_in(luma_plane(frame), own, film.form)
            depth = (
                alpha_depth(own.pixel_format) if isinstance(self.encoding, Encoding) and self.encoding.alpha else None
            )
            alpha = alpha_as(alpha_plane(frame), depth, self.encoding.depth) if depth else None
            beside = carrier(frame) if self._captioned else None
            yield Picture(index, luma, parity_of(frame), beside=beside, alpha=alpha)

    def _scanned(self, sequence: Surveyed, first: int, last: int) -> Iterator[Picture]:
        """Frames of a sequence. Raises `InputError` where one is not what it was."""
        film = self.scan.film
        for index in range(first, last):
            path = sequence.path(index)
            frame = read_frame(path)
            if frame.form != sequence.form:
                raise InputError(f"{path}: changed while it was read", hint="run the same command again")
            yield Picture(index, luma_in(frame.luma, frame.form, film.form), None, frame=frame)

    @property
    def _captioned(self) -> bool:
        """Whether frames have captions inside that the codec has a place for."""
        return self.encoding.codec in CAPTIONED and "A53_CC" in self.scan.film.inventory.beside

    def contact_sheet(self, path: Path, part: Part, *, overwrite: bool) -> int:
        """Write one colored picture of each shot, or of a short film some, into a PNG or JPEG; gives their number.

        Pictures are colored singly, so colors may differ a little from the steadied film's. Raises `OutputError`.
        """
        composer = self._composer
        tiles = []
        for index in looks(self.scan, part):
            picture = next(self.pictures(index, index + 1))
            with self._carried(index, index + 1):
                _, ab = next(self._color.chroma([picture], self.scan.film.form, [index]))
            frame = composer.composed(picture, ab)
            mark(frame, self._encoding, self.scan.film.form)
            rgb = reformatted(
                frame, pixel_format="rgb24", src_color_range=2 if self._encoding.full_range else 1
            ).to_ndarray()
            tiles.append(tile_of(np.asarray(rgb, dtype=np.uint8), self.scan.film.form))
        write_sheet(path, tiles, overwrite=overwrite)
        return len(tiles)
