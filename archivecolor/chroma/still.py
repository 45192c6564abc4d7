"""The story on one page: a photograph's luma goes to the engine, and the chroma that comes back is laid beside it.

::

    open_still -> luma -> network_y (small, upright, leveled) -> Engine.estimate -> a*, b* and where it was guessing
               -> again, with what references say of it -> painted strokes -> grade
               -> Cb, Cr at that size -> guided upsampling, strip by strip -> merge_rows -> write_still

Only strips of the picture exist in float. Beyond decoder and encoder, a picture of n pixels of b bytes takes n b for
the luma and 3 n b for the RGB.
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self, TypeAlias

import cv2
import numpy as np

from archivecolor.chroma.confidence import confidence_of
from archivecolor.chroma.control.advice import fitted
from archivecolor.chroma.control.alike import laid
from archivecolor.chroma.control.grade import graded
from archivecolor.chroma.control.hints import Hints, read_strokes
from archivecolor.chroma.control.paint import Painted, Strokes, laid_over, spread
from archivecolor.chroma.control.references import NOT_ALIKE, estimate_with, references_of
from archivecolor.chroma.loaded import InColorError, LoadedStill, Prediction, Written, write_map
from archivecolor.chroma.network_input import network_y, shrink, shrunk
from archivecolor.chroma.planes import ChromaGrid, chroma_beside
from archivecolor.chroma.recording import record_of, recorded
from archivecolor.chroma.upsample import ChromaUpsampler
from archivecolor.color import KB, KR, FloatArray, UIntArray, chroma_to_cbcr, luma_of, merge_rows
from archivecolor.errors import ArchiveColorError, InputError, OutputError
from archivecolor.frames import Orientation
from archivecolor.inference import select
from archivecolor.inference.engine import Engine, check_chroma
from archivecolor.inference.thorough import thorough
from archivecolor.jobs.atomic import atomic_write
from archivecolor.jobs.files import is_same_file
from archivecolor.provenance.xmp import Record
from archivecolor.settings import (
    DEFAULT_GENERATOR,
    ColorSettings,
    EngineSettings,
    OutputSettings,
)
from archivecolor.stills import Planes, Still, chroma_shift, for_target, open_still, probe, write_pages, write_still
from archivecolor.stills.still import Picture
from archivecolor.toning import tone_of

_STRIP_PIXELS = 1 << 16
_ANY = 1 << 40

Lay: TypeAlias = Callable[[FloatArray, FloatArray], Painted]
"""Luma and the generator's chroma to what paint makes of them."""


class Colorizer:
    """Colors pictures with one engine. Safe to use from several threads."""

    def __init__(
        self,
        engine: Engine,
        settings: ColorSettings | None = None,
        *,
        max_megapixels: int | None = None,
        stop: threading.Event | None = None,
    ) -> None:
        """``max_megapixels`` of files; None takes what fits into memory.

        Raises `UsageError` when there are no such hints, and what `References` does; ``stop`` ends looking at them.
        """
        self.max_megapixels = max_megapixels
        self._engine_lock = threading.Lock()
        self._choosing = threading.Lock()
        self._others: dict[ColorSettings, Colorizer] = {}
        self._unchanged = engine
        self.settings = settings or ColorSettings()
        self.engine = thorough(engine, wanted=self.settings.thorough)
        self.hints = Hints(self.settings.hints) if self.settings.hints else None
        self.references = references_of(self.settings, self.engine, stop)

    @classmethod
    def load(
        cls,
        engine: str | EngineSettings = "auto",
        generator: str = DEFAULT_GENERATOR,
        settings: ColorSettings | None = None,
        *,
        max_megapixels: int | None = None,
        stop: threading.Event | None = None,
    ) -> Self:
        """Load a trained generator into the engine that suits this machine, or into the one that is named."""
        return cls(select.open_engine(engine, generator), settings, max_megapixels=max_megapixels, stop=stop)

    def with_settings(self, settings: ColorSettings) -> Colorizer:
        """A colorizer with other settings and this one's engine, which stays its own. Hints make no difference.

        Raises `InputError` when the reference cannot be taken.
        """
        settings = replace(settings, hints=None)
        if settings == replace(self.settings, hints=None):
            return self
        with self._choosing:
            if settings not in self._others:
                other = Colorizer(self._unchanged, settings, max_megapixels=self.max_megapixels)
                other._engine_lock = self._engine_lock
                self._others[settings] = other
            return self._others[settings]

    def close(self) -> None:
        """Free the engine."""
        self.engine.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def color(self, picture: UIntArray, hints: Path | str | None = None) -> UIntArray:
        """Color an array.

        ``picture`` is ``[h, w]`` luma or ``[h, w, 3]`` RGB, uint8 or uint16; of RGB only the luma is used. ``hints`` is
        a PNG of strokes for it. Returns ``[h, w, 3]`` RGB of the same type whose luma is ``picture``'s in every pixel.
        """
        flat = picture.ndim == 2 or (picture.ndim == 3 and picture.shape[2] == 3)
        if picture.dtype not in (np.uint8, np.uint16) or not flat or 0 in picture.shape:
            raise InputError(f"a picture is uint8 or uint16, [h, w] or [h, w, 3]; got {picture.dtype} {picture.shape}")
        luma = picture if picture.ndim == 2 else luma_of(picture)
        seen = self.network_y(luma)
        strokes = read_strokes(Path(hints), luma.shape, seen.shape) if hints else None
        if strokes and self.engine.folder.hints:
            strokes, _ = fitted(strokes, shrink(luma, seen.shape))
        return self.merge(luma, self.painted(self.estimate([seen], [strokes])[0], seen, strokes).ab)

    def color_file(
        self,
        source: Path | str,
        target: Path | str,
        output: OutputSettings | None = None,
        *,
        overwrite: bool = False,
        hints: Path | str | None = None,
        confidence: Path | str | None = None,
    ) -> tuple[str, ...]:
        """Color a photograph from file to file; returns warnings.

        ``target`` takes its name once it is whole, and never replaces ``source``. ``hints`` is a PNG of strokes, of the
        first page, in place of those of the settings' hints that have the photograph's name; ``confidence`` is where
        the map of the generator's confidence is written to, as a PNG. Raises `InputError` or `OutputError`.
        """
        source, target = Path(source), Path(target)
        output = output or OutputSettings()
        loaded = self.load_still(source, hints={0: Path(hints)} if hints else self.layers_of(source.name))
        if is_same_file(target, source):
            raise OutputError(f"{target}: is the source itself", hint="give the result another name")
        made = self.painted(self.estimate([loaded.network_y], [loaded.strokes])[0], loaded.network_y, loaded.strokes)
        with atomic_write(target, overwrite=overwrite) as file:
            warnings = self.write_still(file, loaded, made, output).warnings
        if confidence and made.confidence is None:
            return (*warnings, f"generator '{self.engine.folder.name}' does not report its confidence")
        if confidence:
            write_map(Path(confidence), made)
        return warnings

    def layers_of(self, name: str) -> dict[int, Path]:
        """The painted layers of the photograph of that name, relative to its folder, by its pages from 0."""
        return self.hints.of_still(name) if self.hints else {}

    def load_still(self, path: Path, *, recolor: bool = True, hints: Mapping[int, Path] | None = None) -> LoadedStill:
        """Decode a photograph and the strokes painted on it, and make the small picture that the engine sees.

        Without ``recolor``, raises `InColorError` when the photograph is in color already.
        """
        still = open_still(path, max_megapixels=self.max_megapixels)
        if not recolor and still.thumbnail is not None:
            tone = tone_of(still.thumbnail)
            if not tone.is_monochrome:
                raise InColorError(f"{path}: is {tone} already", hint="--already-color recolor colors it all the same")
        layers = hints or {}
        for page, layer in layers.items():
            if page >= still.info.pages:
                raise InputError(f"{layer}: names no page of {path.name}", hint=f"it has {still.info.pages}")
        if still.info.pages > 1 and list(layers) == [0]:
            still = replace(still, warnings=(*still.warnings, "the hints color only its first page"))
        seen = self.network_y(still.luma, still.orientation)
        strokes, said = self._strokes(layers.get(0), still, seen)
        return LoadedStill(replace(still, warnings=still.warnings + said), seen, strokes, layers)

    def write_still(self, file: BinaryIO, loaded: LoadedStill, made: Prediction, output: OutputSettings) -> Written:
        """Merge a prediction, painted where it is to be, and encode into an open file.

        The further pages of a TIFF are decoded, colored and written here one by one, so that memory holds one page.
        """
        still = self._recorded(
            for_target(self._heard(loaded.still, made), output), output, made, painted=loaded.is_painted
        )
        if still.info.pages == 1:
            shift = chroma_shift(still, output)
            picture: Picture
            if shift is None:
                picture = self.merge(still.luma, made.ab, still.orientation)
            else:
                picture = self._planes(still.luma, made.ab, still.orientation, shift)
            told = write_still(file, picture, still, output)
            return Written(still.warnings + told.warnings, made.mean_confidence, told.luma)
        rgb = self.merge(still.luma, made.ab, still.orientation)
        sure = [made.mean_confidence]
        pages = itertools.chain([(rgb, still)], self._further_pages(loaded, output, sure))
        told = write_pages(file, pages, output)
        known = [x for x in sure if x is not None]
        return Written(told.warnings, sum(known) / len(known) if known else None, told.luma)

    def _further_pages(
        self, first: LoadedStill, output: OutputSettings, sure: list[float | None]
    ) -> Iterator[tuple[UIntArray, Still]]:
        """The pages after the first; ``sure`` collects the confidence in each."""
        for page in range(1, first.still.info.pages):
            still = open_still(first.still.path, page, max_megapixels=self.max_megapixels)
            seen = self.network_y(still.luma, still.orientation)
            strokes, said = self._strokes(first.layers.get(page), still, seen)
            made = self.painted(self.estimate([seen], [strokes])[0], seen, strokes)
            sure.append(made.mean_confidence)
            still = replace(self._heard(still, made), warnings=still.warnings + said)
            recorded = self._recorded(still, output, made, painted=strokes is not None)
            yield self.merge(still.luma, made.ab, still.orientation), recorded

    def record(self, *, painted: bool = False, references: Sequence[str] = ()) -> Record:
        """What results say about how they were colored; of files only the name, for privacy.

        ``references`` are the names of those that were heard.
        """
        return record_of(self.engine.folder, self.settings, painted=painted, references=references)

    def _heard(self, still: Still, made: Prediction) -> Still:
        """``still``, with a warning where no reference is like it."""
        if self.references is None or made.advice:
            return still
        return replace(still, warnings=(*still.warnings, NOT_ALIKE))

    def _recorded(self, still: Still, output: OutputSettings, made: Prediction, *, painted: bool) -> Still:
        """``still`` with the record in its XMP, where its target has a place for XMP."""
        record = self.record(painted=painted, references=made.references)
        return recorded(still, output.format or still.info.format, record if output.embed_record else None)

    def network_y(self, luma: UIntArray, orientation: Orientation = Orientation.UPRIGHT) -> FloatArray:
        """Make what the network sees, ``[h, w]`` in 0..1, of ``[H, W]`` luma, rows as stored."""
        folder = self.engine.folder
        return network_y(luma, orientation, self.settings.network_px or folder.short_px, folder.multiple)

    def _strokes(
        self, layer: Path | None, still: Still, network_y: FloatArray
    ) -> tuple[Strokes | None, tuple[str, ...]]:
        """What a layer holds for a picture that the network sees as ``network_y``, and the warnings about it."""
        if layer is None:
            return None, ()
        height, width = still.luma.shape
        shown = (width, height) if still.orientation.swaps_sides else (height, width)
        strokes = read_strokes(layer, shown, (network_y.shape[0], network_y.shape[1]))
        if not self.engine.folder.hints:
            return strokes, ()
        small = still.orientation.to_upright(shrink(still.luma, still.orientation.to_stored(network_y).shape))
        strokes, too_vivid = fitted(strokes, np.ascontiguousarray(small))
        said = f"some hints are more vivid than what they lie on can be, and were brought in: {layer.name}"
        return strokes, (said,) if too_vivid else ()

    def predict(self, inputs: list[FloatArray]) -> list[FloatArray]:
        """Chroma ``[h, w, 2]`` (a*, b*) of each input."""
        return [made.ab for made in self.estimate(inputs)]

    def estimate(self, inputs: list[FloatArray], strokes: Sequence[Strokes | None] | None = None) -> list[Prediction]:
        """`predict`, and how sure the generator is; inputs of one size are computed together.

        A generator that takes hints is told the ``strokes`` on each; from others they are kept until `painted`.
        """
        strokes = strokes or [None] * len(inputs)
        if len({x.shape for x in inputs}) > 1:
            return [self.estimate([x], [s])[0] for x, s in zip(inputs, strokes, strict=True)]
        folder = self.engine.folder
        with self._engine_lock:
            found, advice = estimate_with(self.references, self.engine, inputs, strokes)
        chroma = list(check_chroma(found.chroma, folder).transpose(0, 2, 3, 1))
        sure = [None] * len(inputs) if found.spread is None else list(confidence_of(found.spread[:, 0]))
        return [Prediction(*made) for made in zip(chroma, sure, advice, strict=True)]

    def painted(self, made: Prediction, network_y: FloatArray, strokes: Strokes | None) -> Prediction:
        """Lay ``strokes`` over a prediction; where there are some, its chroma is of ``network_y``'s size.

        Where paint rules nothing is guessed, so confidence is 1 there.
        """
        told = self.engine.folder.hints
        if made.advice:
            made = _laid(made, network_y, partial(laid, made.advice, strokes, told=told), made.advice.likeness)
        if strokes is None:
            return made
        return _laid(made, network_y, partial(laid_over if told else spread, strokes))

    def merge(self, luma: UIntArray, chroma: FloatArray, orientation: Orientation = Orientation.UPRIGHT) -> UIntArray:
        """Lay ``[h, w, 2]`` upright chroma beside ``[H, W]`` stored luma: ``[H, W, 3]`` RGB of luma's type."""
        ab = np.ascontiguousarray(orientation.to_stored(chroma))
        top = np.float32(np.iinfo(luma.dtype).max)
        small = shrink(luma, ab.shape[:2])
        ab = graded(ab, small, self.settings)
        height, width = luma.shape
        upsampler = ChromaUpsampler(small, chroma_to_cbcr(small, ab), height, width)
        rgb = np.empty((height, width, 3), luma.dtype)
        step = max(1, _STRIP_PIXELS // width)
        for first in range(0, height, step):
            strip = luma[first : first + step]
            cb, cr = upsampler.rows(strip.astype(np.float32) / top, first)
            rgb[first : first + step] = merge_rows(strip, cb, cr)
        return rgb

    def _planes(self, luma: UIntArray, chroma: FloatArray, orientation: Orientation, shift: tuple[int, int]) -> Planes:
        """Luma, and chroma laid beside it as JPEG stores it. As `merge`, without RGB."""
        ab = np.ascontiguousarray(orientation.to_stored(chroma))
        ab = graded(ab, shrink(luma, ab.shape[:2]), self.settings)
        grid = ChromaGrid(8, full_range=True, shift=shift, weights=(KR, KB), centered=True)
        return Planes(luma, *chroma_beside(luma, ab, grid, interlaced=False))


def cost_bytes(path: Path) -> int:
    """Memory that coloring a photograph takes; 0 where its header cannot be read, for it will not get far."""
    try:
        return probe(path, max_megapixels=_ANY).working_bytes
    except ArchiveColorError:
        return 0


def _laid(made: Prediction, network_y: FloatArray, lay: Lay, sure: float = 1.0) -> Prediction:
    """A prediction with what ``lay`` puts over its chroma, of which it is ``sure``."""
    wide = cv2.resize(np.ascontiguousarray(made.ab), network_y.shape[::-1], interpolation=cv2.INTER_CUBIC)
    painted = lay(network_y, np.asarray(wide, dtype=np.float32))
    confidence = made.confidence
    if confidence is not None:
        confidence = np.maximum(confidence, np.float32(sure) * shrunk(painted.rule, confidence.shape))
    return replace(made, ab=painted.ab, confidence=confidence)
