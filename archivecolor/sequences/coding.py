"""How frames are written: as their sources are or, of another kind of file, as a display shows them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, Final

import numpy as np
import numpy.typing as npt

from archivecolor.color import UIntArray
from archivecolor.errors import OutputError, UsageError
from archivecolor.film.form import PictureForm
from archivecolor.film.scale import DISPLAY_DEPTH, Scale
from archivecolor.jobs.atomic import part_path
from archivecolor.provenance.xmp import DamagedXmpError, Noted, Record, with_record
from archivecolor.sequences import dpx, exr
from archivecolor.sequences.frames import Frame
from archivecolor.settings import Luma, OutputSettings, StillFormat
from archivecolor.stills import Still, write_still
from archivecolor.stills.still import Metadata, Pixels, StillInfo

DPX, EXR = "DPX", "OpenEXR"
_KINDS: Final = {
    ".dpx": DPX,
    ".exr": EXR,
    **dict.fromkeys((".tif", ".tiff"), "TIFF"),
    **dict.fromkeys((".jpg", ".jpeg"), "JPEG"),
    ".png": "PNG",
}
_STILLS: Final = {"TIFF": StillFormat.TIFF, "PNG": StillFormat.PNG, "JPEG": StillFormat.JPEG}
_DPX_DEPTHS: Final = (10, 12, 16)


@dataclass(frozen=True, slots=True)
class FrameCoding:
    """One way of writing the frames of one film."""

    kind: str
    """'DPX', 'OpenEXR', 'TIFF', 'PNG' or 'JPEG'."""
    depth: int
    scale: Scale
    same: bool
    """Whether the source's frames are of this kind, so that what their files say goes along."""
    notes: tuple[str, ...] = ()

    @property
    def codec(self) -> str:
        """For people."""
        return self.kind

    @property
    def summary(self) -> str:
        """For people: 'DPX, 10 bit RGB, printing density'."""
        scale = "" if self.scale is Scale.DISPLAY else f", {self.scale}"
        return f"{self.kind}, {self.depth} bit{' half' if self.scale is Scale.LINEAR else ''} RGB{scale}"

    def form(self, film: PictureForm) -> PictureForm:
        """That of what is merged, of a film of that form."""
        return replace(film, depth=self.depth, full_range=True, scale=self.scale)


def kind_of(path: Path) -> str:
    """What the frames of a sequence are, by their suffix. Raises `UsageError` for what is not written."""
    try:
        return _KINDS[path.suffix.lower()]
    except KeyError:
        raise UsageError(
            f"frames are written as {', '.join(_KINDS)}, not '{path.suffix}'", hint="end the pattern in .dpx or .tif"
        ) from None


def plan_coding(form: PictureForm, source: Path | None, target: Path, *, chroma_only: bool = False) -> FrameCoding:
    """How to write frames of ``form`` at ``target``; ``source`` is a sequence or, of a film, None.

    Raises `UsageError` or `OutputError` where it cannot be done.
    """
    kind = kind_of(target)
    if chroma_only and kind == "JPEG":
        raise UsageError(
            f"{target}: JPEG is lossy, and chroma alone is to come back as it is",
            hint="end the pattern in .png, .tif or .dpx, chroma.%06d.png",
        )
    if source and kind_of(source) == kind:
        return FrameCoding(kind, form.depth, form.scale, same=True)
    if kind == EXR:
        raise OutputError(f"{target}: OpenEXR is written of OpenEXR alone", hint="give .dpx or .tif")
    deep = DISPLAY_DEPTH if form.scale is not Scale.DISPLAY else form.depth
    depth = 8 if deep == 8 or kind == "JPEG" else 16
    if kind == DPX:
        depth = min(d for d in _DPX_DEPTHS if d >= deep)
    notes = []
    if source:
        notes.append(f"what {kind_of(source)} says besides the picture and the time code is not kept in {kind}")
    if form.scale is not Scale.DISPLAY:
        notes.append(f"{kind} is written as a display shows it: the source is {form.scale}")
    if not form.full_range:
        notes.append(f"luma is rescaled from limited range to the full range of {kind}")
    if depth < deep:
        notes.append(f"luma is rounded from {deep} to {depth} bit")
    if kind == "JPEG":
        notes.append("JPEG is lossy: luma is coded again")
    return FrameCoding(kind, depth, Scale.DISPLAY, same=False, notes=tuple(notes))


def write_frame(
    file: BinaryIO,
    target: Path,
    strips: Iterable[npt.NDArray[Any]],
    luma: UIntArray,
    frame: Frame | None,
    coding: FrameCoding,
    rate: Fraction,
    timecode: str | None,
    record: Record | Noted | None = None,
) -> tuple[tuple[str, ...], Luma]:
    """Encode strips of ``[n, w, 3]`` samples, a frame together, into the open file that will be ``target``.

    Gives what could not be kept. ``frame`` is the source's, of one of the same kind with what is to go along; ``rate``
    and ``timecode`` are for headers that are made anew; ``record`` says how they were colored, but for stills with what
    goes along, which has it. Raises `OutputError`.
    """
    origin = frame.origin if frame else None
    if coding.kind == DPX:
        header = origin if isinstance(origin, dpx.Header) else None
        if header is None:
            height, width = luma.shape
            header = dpx.new_header(width, height, bits=coding.depth, rate=rate, timecode=timecode)
        header, told = _recorded(header, record)
        alpha = frame.alpha if frame else None
        if alpha is not None:
            strips = _with_alpha(strips, alpha)
        for part in dpx.encode(strips, header, 3 if alpha is None else 4):
            file.write(part)
        return told, Luma.SAME
    rgb = np.ascontiguousarray(np.concatenate([*strips]))
    if coding.kind == EXR and isinstance(origin, exr.ExrFrame):
        add = partial(with_record, record=record) if record else None
        place = part_path(target)
        try:
            return exr.write(place, target, rgb, origin, add), Luma.SAME
        except DamagedXmpError as e:
            said = f"its XMP is damaged ({e}): copied as it is, without a record of the coloring"
            return (*exr.write(place, target, rgb, origin), said), Luma.SAME
    if not isinstance(origin, Still):
        info = StillInfo(_STILLS[coding.kind], rgb.shape[1], rgb.shape[0], coding.depth)
        metadata = Metadata(xmp=with_record(None, record) if record else None)
        origin = Still(target, info, Pixels(luma), metadata=metadata)
    written = write_still(file, rgb, origin, OutputSettings(format=_STILLS[coding.kind]))
    return written.warnings, written.luma


def _recorded(header: dpx.Header, record: Record | Noted | None) -> tuple[dpx.Header, tuple[str, ...]]:
    if record is None:
        return header, ()
    found = dpx.with_record(header, with_record(None, record))
    if found is None:
        return header, ("has no room for a record of the coloring: its user data, or a short header, is in the way",)
    return found, ()


def _with_alpha(strips: Iterable[npt.NDArray[Any]], alpha: UIntArray) -> Iterator[npt.NDArray[Any]]:
    first = 0
    for strip in strips:
        yield np.concatenate((strip, alpha[first : first + len(strip), :, None]), axis=2)
        first += len(strip)
