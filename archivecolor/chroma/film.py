"""Steady chroma for consecutive frames of film.

::

    luma -> network_y (small, upright, leveled) -> motion to the frame before
         -> Engine.estimate on every n-th frame, where new things come into sight, and between answers that
            contradict each other
         -> again, with what references say of it -> paint that hints brought here
         -> smooth (forwards and backwards) -> a*, b*, small, rows as stored

Memory: at most `temporal.LOOKAHEAD` + 2 `_GATHER` frames of luma and as many small pictures, of about 2 MB each at
256 px short side, are under way, however long the film is.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path
from typing import Final

import cv2
import numpy as np

from archivecolor.chroma.confidence import confidence_of
from archivecolor.chroma.control.advice import painted_by, widened
from archivecolor.chroma.control.alike import laid
from archivecolor.chroma.control.colored_frames import ColoredFrame, likeness, read_colored
from archivecolor.chroma.control.film_paint import FilmPaint, over
from archivecolor.chroma.control.grade import graded, is_neutral
from archivecolor.chroma.control.hints import read_strokes
from archivecolor.chroma.control.paint import Painted
from archivecolor.chroma.control.per_shot import PerShot
from archivecolor.chroma.control.references import References, estimate_with, references_of
from archivecolor.chroma.network_input import ends, level, shrink_codes
from archivecolor.chroma.picture import Picture
from archivecolor.chroma.temporal import Expectation, Moment, Motion, MotionEstimator, UInt8, smooth
from archivecolor.color import FloatArray, UIntArray
from archivecolor.film.codes import unit_luma
from archivecolor.film.form import PictureForm
from archivecolor.film.shot_list import ListedShot
from archivecolor.frames import network_size
from archivecolor.inference.engine import Engine
from archivecolor.inference.thorough import thorough
from archivecolor.settings import ColorSettings, Smoothing, SmoothingSettings

_GATHER: Final = 32
"""Frames that may wait until a batch for the engine is full, and frames that may wait for the next answer."""
_UNSEEN: Final = 0.3
"""Carried share below which a pixel counts as not seen by the generator yet."""
_UNSEEN_SHARE: Final = 0.1
"""Share of such pixels at which the generator is asked again."""
_REST_FRAMES: Final = 2
"""Frames at least between two questions."""
_CONTRADICTION_AB: Final = 3.0
"""Root mean square by which an answer differs from the one before, carried there, at which more are asked for. Of seven
clips one differs so in most answers, two in a tenth of theirs, the others never."""
_LEVEL_PACE: Final = 0.1
_LEAST_MOTION_PX: Final = 64
"""Short side below which too little is left to find motion in."""


@dataclass(frozen=True, slots=True)
class _View:
    """A frame, and what the generator sees of it if it is asked."""

    moment: Moment[Picture]
    network_y: FloatArray
    """`FilmColorizer._network_y`"""
    reach: tuple[float, float]
    """The luma that is leveled to black and to white."""
    ask: bool


class FilmColorizer:
    """Colors the frames of films with one engine. Safe to use from several threads, as long as the engine is."""

    def __init__(
        self,
        engine: Engine,
        color: ColorSettings | None = None,
        smoothing: SmoothingSettings | None = None,
        stop: threading.Event | None = None,
        shots: Sequence[ListedShot] = (),
        colored: Mapping[int, Sequence[Path]] | None = None,
    ) -> None:
        """Raises what `References` does; ``stop`` ends the looking at them.

        ``shots`` have settings of their own; ``colored`` are their frames that somebody colored, by their first frames.
        """
        self.color = color or ColorSettings()
        self.engine = thorough(engine, wanted=self.color.thorough)
        self.smoothing = smoothing or SmoothingSettings()
        self.references = references_of(self.color, self.engine, stop)
        self._shots = PerShot(self.color, self.engine, self.references, shots, colored or {}, stop)
        self.paint = FilmPaint()
        """What was painted on frames; filled by `paint_shot`."""

    @property
    def all_references(self) -> list[References]:
        """Those of the film, and those of single shots."""
        return self._shots.all_references

    def chroma(
        self, pictures: Iterable[Picture], form: PictureForm, starts: Iterable[int]
    ) -> Iterator[tuple[Picture, FloatArray]]:
        """Finished chroma of consecutive pictures: each with its ``[h', w', 2]`` a*, b*, small, rows as stored.

        ``starts`` are the indices at which shots begin; that of the first picture's shot may lie before it.
        """
        for picture, ab in self.steady(pictures, form, starts):
            yield picture, self.graded(picture, ab, form)

    def steady(
        self, pictures: Iterable[Picture], form: PictureForm, starts: Iterable[int]
    ) -> Iterator[tuple[Picture, FloatArray]]:
        """As `chroma`, before it is graded: what depends on generator and smoothing alone."""
        views = self._asked(self._views(pictures, form, frozenset(starts)))
        steady: Iterable[tuple[Moment[Picture], FloatArray]]
        if self.smoothing.smoothing is Smoothing.OFF:
            steady = ((v.moment, v.moment.ab) for v in views if v.moment.ab is not None)
        elif self.smoothing.smoothing is Smoothing.CAUSAL:
            steady = smooth(self._painted(v.moment for v in views), causal=True)
        else:
            steady = smooth(self._painted(self._asked_again(views)))
        for moment, ab in steady:
            yield moment.source, np.ascontiguousarray(form.orientation.to_stored(ab))

    def graded(self, picture: Picture, ab: FloatArray, form: PictureForm) -> FloatArray:
        """What `steady` gave of a picture, graded."""
        color = self._shots.color(picture.index)
        if is_neutral(color):
            return ab
        shown, depth = form.as_shown(picture.luma)
        luma = unit_luma(shrink_codes(shown, ab.shape[:2]), depth, full=form.full_range)
        return graded(ab, luma, color)

    def paint_shot(
        self,
        pictures: Iterable[Picture],
        form: PictureForm,
        layers: Mapping[int, Path],
        colored: Mapping[int, Path] | None = None,
    ) -> None:
        """Carry ``layers``, strokes by the index of their frame, through the shot that consists of ``pictures``.

        So are ``colored`` frames; strokes on one are laid over it. Raises `InputError` when a file cannot be read or
        has another shape than the film.
        """
        colored = colored or {}
        lumas: list[UInt8] = []
        painted: dict[int, Painted] = {}
        first = 0
        for picture in pictures:
            network_y = self._network_y(picture.luma, form)
            first = first if lumas else picture.index
            lumas.append(_for_motion(network_y))
            here = []
            if picture.index in layers:
                strokes = read_strokes(layers[picture.index], form.shown, network_y.shape)
                here.append(painted_by(self.engine, network_y, strokes))
            if picture.index in colored:
                frame = read_colored(colored[picture.index], form, network_y.shape)
                here.append(Painted(frame.ab, np.ones(network_y.shape, np.float32)))
            if here:
                painted[picture.index] = over(*here)
        self.paint.carry(first, lumas, painted)

    def likeness(self, path: Path, pictures: Iterable[Picture], form: PictureForm) -> dict[int, float]:
        """How like each of ``pictures``, by its index, a colored frame is: `colored_frames.likeness`.

        Raises `InputError` where it is none, or has another shape than the film.
        """
        frame: ColoredFrame | None = None
        alike: dict[int, float] = {}
        for picture in pictures:
            seen = self._network_y(picture.luma, form)
            frame = frame or read_colored(path, form, seen.shape)
            alike[picture.index] = likeness(frame, seen)
        return alike

    def _views(self, pictures: Iterable[Picture], form: PictureForm, starts: frozenset[int]) -> Iterator[_View]:
        """Each picture with its motion, what the generator would see of it, and whether to ask."""
        estimate = MotionEstimator()
        every = 1 if self.smoothing.smoothing is Smoothing.OFF else self.smoothing.every
        shot = max((s for s in starts), default=0)
        before: np.ndarray | None = None
        seen: FloatArray | None = None
        asked = -_REST_FRAMES
        reach: FloatArray | None = None
        for picture in pictures:
            network_y = self._network_y(picture.luma, form)
            small = _for_motion(network_y)
            motion: Motion | None = None
            if before is None:
                shot = max((s for s in starts if s <= picture.index), default=picture.index)
            elif picture.index in starts:
                shot = picture.index
            elif every > 1 or self.smoothing.smoothing is not Smoothing.OFF:
                motion = estimate(before, small)
            before = small
            # Black and white are found slowly: leveling frame by frame would make the color flicker
            own = np.array(ends(network_y[::2, ::2]), np.float32)
            reach = own if reach is None or motion is None else reach + np.float32(_LEVEL_PACE) * (own - reach)
            ask = motion is None or (picture.index - shot) % every == 0
            if not ask and motion is not None and seen is not None:
                seen = _follow(seen, motion)
                unseen = float((seen < _UNSEEN).mean())
                ask = picture.index - asked >= _REST_FRAMES and unseen > _UNSEEN_SHARE
            if ask:
                seen, asked = np.ones(small.shape, np.float32), picture.index
            yield _View(Moment(picture, small, motion), network_y, (float(reach[0]), float(reach[1])), ask)

    def _network_y(self, luma: UIntArray, form: PictureForm) -> FloatArray:
        """What the generator sees of a picture: ``[h, w]`` in 0..1, upright, at the network's size."""
        folder = self.engine.folder
        height, width = luma.shape
        across, down = form.sample_aspect.as_integer_ratio() if form.sample_aspect else (1, 1)
        shown = network_size(height * down, width * across, self.color.network_px or folder.short_px, folder.multiple)
        as_shown, depth = form.as_shown(luma)
        small = shrink_codes(as_shown, shown)
        unit = unit_luma(small, depth, full=form.full_range)
        return np.ascontiguousarray(form.orientation.to_upright(unit))

    def _asked(self, views: Iterable[_View]) -> Iterator[_View]:
        """Show views to the engine, as many at a time as it likes, and pass all on in order."""
        waiting: list[_View] = []
        for view in views:
            waiting.append(view)
            questions = sum(v.ask for v in waiting)
            if not questions or questions >= self.engine.batch or len(waiting) >= _GATHER:
                self._answer([v for v in waiting if v.ask])
                yield from waiting
                waiting = []
        self._answer([v for v in waiting if v.ask])
        yield from waiting

    def _asked_again(self, views: Iterable[_View]) -> Iterator[Moment[Picture]]:
        """Where an answer contradicts the one before it, have some of the frames between them answered, too."""
        waiting: list[_View] = []
        expectation = Expectation()
        for view in views:
            off = expectation.off(view.moment)
            if off is not None and off > _CONTRADICTION_AB:
                self._answer(waiting[_REST_FRAMES::_REST_FRAMES])
            if view.ask or len(waiting) >= _GATHER:
                yield from (v.moment for v in waiting)
                waiting = []
            waiting.append(view)
        yield from (v.moment for v in waiting)

    def _painted(self, moments: Iterable[Moment[Picture]]) -> Iterator[Moment[Picture]]:
        """Paint on frames that the generator was not asked about, too.

        What is carried from those that it was asked about moves otherwise than paint, and would flicker between them.
        """
        for moment in moments:
            if moment.ab is None and (paint := self.paint.alone(moment.source.index, moment.luma.shape)):
                moment.ab, moment.weight = paint
            yield moment

    def _answer(self, views: list[_View]) -> None:
        """Ask the generator and put its answers into the moments."""
        for references, group in groupby(views, lambda view: self._shots.references(view.moment.source.index)):
            self._answer_with(references, list(group))

    def _answer_with(self, references: References | None, views: list[_View]) -> None:
        inputs = [level(view.network_y, *view.reach) for view in views]
        found, advice = estimate_with(references, self.engine, inputs)
        spreads = np.zeros_like(found.chroma[:, :1]) if found.spread is None else found.spread
        answers = zip(found.chroma.transpose(0, 2, 3, 1), confidence_of(spreads[:, 0]), advice, strict=True)
        for view, network_y, (chroma, confidence, said) in zip(views, inputs, answers, strict=True):
            moment = view.moment
            ab = np.ascontiguousarray(chroma)
            if said:
                ab = laid(said, None, network_y, widened(chroma.transpose(2, 0, 1), network_y.shape)).ab
            size = moment.luma.shape[::-1]
            wide = np.asarray(cv2.resize(ab, size, interpolation=cv2.INTER_CUBIC), dtype=np.float32)
            sure = np.asarray(cv2.resize(confidence, size, interpolation=cv2.INTER_LINEAR), dtype=np.float32)
            moment.ab, moment.weight = self.paint.over(moment.source.index, wide, sure)
            if found.spread is not None:
                moment.source = replace(moment.source, confidence=float(moment.weight.mean()))


def _for_motion(network_y: FloatArray) -> UInt8:
    """The luma that motion is found in: twice as fine as the generator's chroma, a quarter of its input's pixels."""
    if min(network_y.shape) >= 2 * _LEAST_MOTION_PX:
        size = (network_y.shape[1] // 2, network_y.shape[0] // 2)
        network_y = np.asarray(cv2.resize(network_y, size, interpolation=cv2.INTER_AREA))
    return np.rint(network_y * 255).astype(np.uint8)


def _follow(seen: FloatArray, motion: Motion) -> FloatArray:
    carried = cv2.remap(seen, motion.to_earlier, None, cv2.INTER_LINEAR)  # type: ignore[call-overload]
    return np.asarray(carried * motion.from_earlier, dtype=np.float32)
