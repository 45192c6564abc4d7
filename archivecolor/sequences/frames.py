"""One frame of a sequence <-> its luma and its form. DPX, OpenEXR, and what is read as stills are: TIFF, PNG, JPEG."""

from __future__ import annotations

import os
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
from archivecolor.stills.still import luma_of_picture
from archivecolor.toning import thumbnail

_BT601: Final = 6
"""The matrix of stills' luma."""
_PROGRESSIVE: Final = 1
_DPX_BYTES: Final = 1 << 31

Origin: TypeAlias = Still | exr.ExrFrame | dpx.Header


@dataclass(frozen=True, slots=True)
class Frame:
    """A decoded frame."""

    luma: UIntArray
    """``[h, w]``, the file's own codes."""
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


def read_frame(path: Path, *, look: bool = False) -> Frame:
    """Decode a frame, with a small picture of its colors if it is to be looked at.

    Raises `InputError` where it cannot be read, `DependencyError` where a package is missing.
    """
    suffix = path.suffix.lower()
    if suffix == ".dpx":
        return _of_dpx(path, look=look)
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
        samples = dpx.read_file(_bytes(path), str(path))[1]
    elif frame.origin.rgb is not None:
        samples = frame.origin.rgb.view(np.uint16)
    shown, depth = frame.form.as_shown(samples[..., :3])
    shown = shown if depth == 8 else np.right_shift(shown, depth - 8).astype(np.uint8)
    return frame, shown if shown.shape[2] == 3 else np.repeat(shown[..., :1], 3, axis=2)


def _bytes(path: Path) -> bytes:
    try:
        with os.fdopen(open_regular(path), "rb") as file:
            return file.read(_DPX_BYTES)
    except OSError as e:
        raise InputError(f"{path}: cannot be read: {e.strerror}", hint="check its permissions") from e


def _of_dpx(path: Path, *, look: bool) -> Frame:
    header, samples = dpx.read_file(_bytes(path), str(path))
    rgb = samples[..., :3] if header.channels > 2 else None
    luma = np.ascontiguousarray(samples[..., 0])
    if rgb is not None and not all(np.array_equal(luma, rgb[..., i]) for i in (1, 2)):
        luma = luma_of_picture(rgb)
    form = _form(
        *(header.width, header.height, header.bits),
        gray=rgb is None,
        scale=header.scale,
        orientation=header.orientation,
        aspect=header.aspect,
    )
    alpha = np.ascontiguousarray(samples[..., 3]) if header.channels == 4 else None
    return Frame(luma, form, header, alpha, _look(rgb, form) if look and rgb is not None else None)


def _of_exr(path: Path, *, look: bool) -> Frame:
    frame = exr.read(path)
    height, width = frame.luma.shape
    form = _form(width, height, 16, gray=frame.rgb is None, scale=Scale.LINEAR)
    shown = None if frame.rgb is None or not look else _look(frame.rgb.view(np.uint16), form)
    return Frame(frame.luma, form, frame, look=shown)


def _look(rgb: UIntArray, form: PictureForm) -> UIntArray:
    """A small 8-bit picture of RGB codes, as a display shows them."""
    step = max(1, min(rgb.shape[:2]) // 512)
    shown = displayed(rgb[::step, ::step], form.depth, form.scale)
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
