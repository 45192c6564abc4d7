"""One frame of a sequence <-> its luma and its form. DPX, OpenEXR, and what is read as stills are: TIFF, PNG, JPEG."""

from __future__ import annotations

import os
import threading
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Final, TypeAlias

import numpy as np

from archivecolor.color import UIntArray
from archivecolor.errors import InputError
from archivecolor.film.display_matrix import matrix_of
from archivecolor.film.form import UNSPECIFIED, PictureForm
from archivecolor.film.scale import Scale, displayed
from archivecolor.frames import Orientation
from archivecolor.jobs.files import open_regular
from archivecolor.sequences import dpx, exr
from archivecolor.stills import Still, open_still
from archivecolor.toning import thumbnail

_BT601: Final = 6
"""The matrix of stills' luma."""
_PROGRESSIVE: Final = 1
_DPX_BYTES: Final = 1 << 31
_GLANCED, _LOOKED_AT = 192, 512
"""Lines that a glance takes at least, if there are as many, and pixels of a small picture."""

Origin: TypeAlias = Still | exr.ExrFrame | dpx.Header


@dataclass(frozen=True, slots=True)
class Frame:
    """A decoded frame."""

    luma: UIntArray
    """``[h, w]``, the file's own codes; at a glance of some lines."""
    form: PictureForm
    origin: Origin
    """What the result takes over."""
    alpha: UIntArray | None = None
    """``[h, w]`` of DPX; stills and EXR keep theirs in `origin`."""
    look: UIntArray | None = None
    """A small ``[h, w, 3]`` 8-bit picture, where there may be color and it was asked for."""

    @property
    def timecode(self) -> str | None:
        """The frame's, as its header says."""
        return self.origin.timecode if isinstance(self.origin, dpx.Header) else None

    @property
    def rate(self) -> Fraction | None:
        """Frames a second, as its header says."""
        return self.origin.rate if isinstance(self.origin, dpx.Header) else None


def read_frame(path: Path, *, look: bool = False, glance: bool = False) -> Frame:
    """Decode a frame, with a small picture of its colors if it is to be looked at.

    At a ``glance`` of large DPX only some of the lines become luma; that the file is whole is seen all the same.

    Raises `InputError` where it cannot be read, `DependencyError` where a package is missing.
    """
    suffix = path.suffix.lower()
    if suffix == ".dpx":
        return _of_dpx(path, look=look, glance=glance)
    if suffix == ".exr":
        return _of_exr(path, look=look)
    still = open_still(path)
    if still.info.pages > 1:
        raise InputError(f"{path}: has {still.info.pages} pages", hint="a frame is one picture")
    height, width = still.luma.shape
    form = _form(width, height, 8 * still.luma.itemsize, gray=still.thumbnail is None, orientation=still.orientation)
    return Frame(still.luma, form, still, look=still.thumbnail if look else None)


def read_shown(path: Path) -> tuple[Frame, UIntArray | None]:
    """A frame and what a display shows of it: ``[h, w, 3]`` 8-bit RGB, rows as stored; None of stills.

    Raises what `read_frame` does.
    """
    frame = read_frame(path)
    if isinstance(frame.origin, Still):
        return frame, None
    samples: UIntArray = frame.luma[..., None]
    if isinstance(frame.origin, dpx.Header):
        with dpx.explained(str(path)):
            samples = dpx.read_samples(read_bytes(path), frame.origin)
    elif frame.origin.rgb is not None:
        samples = frame.origin.rgb.view(np.uint16)
    shown, depth = frame.form.as_shown(samples[..., :3])
    shown = shown if depth == 8 else np.right_shift(shown, depth - 8).astype(np.uint8)
    return frame, shown if shown.shape[2] == 3 else np.repeat(shown[..., :1], 3, axis=2)


class _Buffer(threading.local):
    """What a thread reads its files into: memory that is new each time costs as much as what is read."""

    data = bytearray()


_buffer = _Buffer()


def read_bytes(path: Path) -> memoryview:
    """A file, until the same thread reads another one."""
    try:
        with os.fdopen(open_regular(path), "rb", buffering=0) as file:
            size = min(os.fstat(file.fileno()).st_size, _DPX_BYTES)
            if len(_buffer.data) < size:
                _buffer.data = bytearray(size)
            view, read = memoryview(_buffer.data)[:size], 0
            while count := file.readinto(view[read:]):
                read += count
            return view[:read]
    except OSError as e:
        raise InputError(f"{path}: cannot be read: {e.strerror}", hint="check its permissions") from e


def _of_dpx(path: Path, *, look: bool, glance: bool) -> Frame:
    data = read_bytes(path)
    with dpx.explained(str(path)):
        header = dpx.read_header(data)
        luma = dpx.read_luma(data, header, max(1, header.height // _GLANCED) if glance else 1)
        gray = header.channels == 1
        form = _form(
            *(header.width, header.height, header.bits),
            gray=gray,
            scale=header.scale,
            orientation=header.orientation,
            aspect=header.aspect,
        )
        shown = None
        if look and not gray:
            step = max(1, min(header.height, header.width) // _LOOKED_AT)
            shown = _look(dpx.read_samples(data, header, step)[:, ::step, :3], form)
        alpha = None
        if header.channels == 4 and not glance:
            alpha = np.ascontiguousarray(dpx.read_samples(data, header)[..., 3])
    return Frame(luma, form, header, alpha, shown)


def _of_exr(path: Path, *, look: bool) -> Frame:
    frame = exr.read(path)
    height, width = frame.luma.shape
    form = _form(width, height, 16, gray=frame.rgb is None, scale=Scale.LINEAR)
    shown = None
    if look and frame.rgb is not None:
        step = max(1, min(height, width) // _LOOKED_AT)
        shown = _look(frame.rgb.view(np.uint16)[::step, ::step], form)
    return Frame(frame.luma, form, frame, look=shown)


def _look(rgb: UIntArray, form: PictureForm) -> UIntArray:
    """An 8-bit picture of RGB codes, as a display shows them."""
    shown = displayed(rgb, form.depth, form.scale)
    if form.scale is Scale.DISPLAY and 8 < form.depth < 16:
        shown = np.left_shift(shown, 16 - form.depth)
    return thumbnail(shown)


def _form(
    width: int,
    height: int,
    depth: int,
    *,
    gray: bool,
    scale: Scale = Scale.DISPLAY,
    orientation: Orientation = Orientation.UPRIGHT,
    aspect: Fraction | None = None,
) -> PictureForm:
    deep = "" if depth == 8 else f"{depth}le"
    return PictureForm(
        width=width,
        height=height,
        depth=depth,
        full_range=True,
        matrix=_BT601,
        primaries=UNSPECIFIED,
        transfer=UNSPECIFIED,
        chroma_shift=(0, 0),
        sample_aspect=aspect,
        field_order=_PROGRESSIVE,
        display_matrix=matrix_of(orientation),
        pixel_format=f"gray{deep}" if gray else f"gbrp{deep}",
        converted=not gray,
        scale=scale,
    )
