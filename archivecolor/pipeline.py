"""The story on one page: a photograph's luma goes to the engine, and the chroma that comes back is laid beside it.

::

    open_still -> luma -> look (small, upright, levelled) -> Engine.colorize -> a*, b*
               -> Cb, Cr at that size -> guided upsampling, strip by strip -> merge_rows -> write_still

Only strips of the picture exist in float. Beyond decoder and encoder, a picture of n pixels of b bytes takes n b for
the luma and 3 n b for the RGB.
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

import numpy as np

from archivecolor import __version__
from archivecolor.color import FloatArray, UIntArray, chroma_to_cbcr, luma_of, merge_rows
from archivecolor.errors import ArchiveColorError, InputError, OutputError
from archivecolor.frames import Orientation
from archivecolor.grade import graded
from archivecolor.inference import select
from archivecolor.inference.catalog import WEIGHTS
from archivecolor.inference.engine import Engine, check_chroma
from archivecolor.inference.mirrored import MirroredEngine
from archivecolor.jobs.atomic import atomic_write
from archivecolor.look import look, shrink
from archivecolor.provenance import DamagedXmpError, Record, with_record
from archivecolor.settings import ColorSettings, EngineSettings, OutputSettings, StillFormat
from archivecolor.stills import Still, for_target, holds_xmp, open_still, probe, write_pages, write_still
from archivecolor.stills.metadata import fits_jpeg
from archivecolor.toning import tone_of
from archivecolor.upsample import ChromaUpsampler

_STRIP_PIXELS = 1 << 16
_ANY = 1 << 40


class InColorError(ArchiveColorError):
    """The photograph is in colour already, throughout or in places. Nothing is wrong with it."""


@dataclass(frozen=True, slots=True)
class LoadedStill:
    """A photograph ready for the engine."""

    still: Still
    look: FloatArray
    """What the network sees: ``[h, w]`` in 0..1, upright."""


class Colorizer:
    """Colours pictures with one engine. Safe to use from several threads."""

    def __init__(
        self, engine: Engine, settings: ColorSettings | None = None, *, max_megapixels: int | None = None
    ) -> None:
        """``max_megapixels`` of files; None takes what fits into memory."""
        self.max_megapixels = max_megapixels
        self._engine_lock = threading.Lock()
        self.settings = settings or ColorSettings()
        self.engine = MirroredEngine(engine) if self.settings.flip else engine

    @classmethod
    def load(
        cls,
        engine: str | EngineSettings = "auto",
        generator: str = "archive",
        settings: ColorSettings | None = None,
        *,
        max_megapixels: int | None = None,
    ) -> Self:
        """Load a trained generator into the engine that suits this machine, or into the one that is named."""
        return cls(select.open_engine(engine, generator), settings, max_megapixels=max_megapixels)

    def close(self) -> None:
        """Free the engine."""
        self.engine.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def color(self, picture: UIntArray) -> UIntArray:
        """Colour an array.

        ``picture`` is ``[h, w]`` luma or ``[h, w, 3]`` RGB, uint8 or uint16; of RGB only the luma is used. Returns
        ``[h, w, 3]`` RGB of the same type whose luma is that of ``picture`` in every pixel.
        """
        flat = picture.ndim == 2 or (picture.ndim == 3 and picture.shape[2] == 3)
        if picture.dtype not in (np.uint8, np.uint16) or not flat or 0 in picture.shape:
            raise InputError(f"a picture is uint8 or uint16, [h, w] or [h, w, 3]; got {picture.dtype} {picture.shape}")
        luma = picture if picture.ndim == 2 else luma_of(picture)
        return self.merge(luma, self.predict([self.look(luma)])[0])

    def color_file(
        self, source: Path | str, target: Path | str, output: OutputSettings | None = None
    ) -> tuple[str, ...]:
        """Colour a photograph from file to file; returns warnings.

        ``target`` takes its name once it is whole, and never replaces ``source``. Raises `InputError` or
        `OutputError`.
        """
        source, target = Path(source), Path(target)
        output = output or OutputSettings()
        loaded = self.load_still(source)
        if target.exists() and target.samefile(source):
            raise OutputError(f"{target}: is the source itself", hint="give the result another name")
        chroma = self.predict([loaded.look])[0]
        with atomic_write(target, overwrite=output.overwrite) as file:
            return self.write_still(file, loaded, chroma, output)

    def load_still(self, path: Path, *, recolor: bool = True) -> LoadedStill:
        """Decode a photograph and make the small picture that the engine sees.

        Without ``recolor``, raises `InColorError` when the photograph is in colour already.
        """
        still = open_still(path, max_megapixels=self.max_megapixels)
        if not recolor and still.thumbnail is not None:
            tone = tone_of(still.thumbnail)
            if not tone.is_monochrome:
                raise InColorError(f"{path}: is {tone} already", hint="--already-color recolor colours it all the same")
        return LoadedStill(still, self.look(still.luma, still.orientation))

    def write_still(
        self, file: BinaryIO, loaded: LoadedStill, chroma: FloatArray, output: OutputSettings
    ) -> tuple[str, ...]:
        """Merge and encode into an open file; returns warnings.

        The further pages of a TIFF are decoded, coloured and written here one by one, so that memory holds one page.
        """
        still = self._recorded(for_target(loaded.still, output), output)
        rgb = self.merge(still.luma, chroma, still.orientation)
        if still.info.pages == 1:
            return still.warnings + write_still(file, rgb, still, output)
        return write_pages(file, itertools.chain([(rgb, still)], self._further_pages(still, output)), output)

    def _further_pages(self, first: Still, output: OutputSettings) -> Iterator[tuple[UIntArray, Still]]:
        for page in range(1, first.info.pages):
            still = open_still(first.path, page, max_megapixels=self.max_megapixels)
            chroma = self.predict([self.look(still.luma, still.orientation)])[0]
            yield self.merge(still.luma, chroma, still.orientation), self._recorded(still, output)

    @property
    def record(self) -> Record:
        """What results say of how they were coloured."""
        folder = self.engine.folder
        defaults, values = asdict(ColorSettings()), asdict(self.settings)
        chosen = [f"{name} {value}" for name, value in values.items() if value != defaults[name]]
        settings = f"settings: {', '.join(chosen) or 'default'}"
        return Record(f"archivecolor {__version__}", folder.name, folder.digests.get(WEIGHTS, "unknown"), settings)

    def _recorded(self, still: Still, output: OutputSettings) -> Still:
        """``still`` with the record in its XMP, where its target has a place for XMP."""
        target = output.format or still.info.format
        if not output.embed_record or not holds_xmp(target):
            return still
        try:
            xmp = with_record(still.metadata.xmp, self.record)
        except DamagedXmpError as e:
            said = f"its XMP is damaged ({e}): copied as it is, without a record of the colouring"
            return replace(still, warnings=(*still.warnings, said))
        if target is StillFormat.JPEG and not fits_jpeg(xmp):
            said = "its XMP is too long to add a record of the colouring: --format tiff or --sidecar"
            return replace(still, warnings=(*still.warnings, said))
        return replace(still, metadata=replace(still.metadata, xmp=xmp))

    def look(self, luma: UIntArray, orientation: Orientation = Orientation.UPRIGHT) -> FloatArray:
        """Make what the network sees, ``[h, w]`` in 0..1, of ``[H, W]`` luma, rows as stored."""
        folder = self.engine.folder
        return look(luma, orientation, self.settings.network_px or folder.short_px, folder.multiple)

    def predict(self, looks: list[FloatArray]) -> list[FloatArray]:
        """Chroma ``[h, w, 2]`` (a*, b*) of each look; looks of one size are computed together."""
        if len({x.shape for x in looks}) > 1:
            return [self.predict([x])[0] for x in looks]
        with self._engine_lock:
            chroma = check_chroma(self.engine.colorize(np.stack(looks)[:, None]), self.engine.folder)
        return list(chroma.transpose(0, 2, 3, 1))

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


def cost_bytes(path: Path) -> int:
    """Memory that colouring a photograph takes; 0 where its header cannot be read, for it will not get far."""
    try:
        return probe(path, max_megapixels=_ANY).working_bytes
    except InputError:
        return 0
