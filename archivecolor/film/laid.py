"""Chroma from a film of its own, to be laid beside the luma of its master.

Where both are stored alike, its codes are taken as they are. Otherwise they are scaled to the master's range and depth,
and to its subsampling.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
import numpy.typing as npt

from archivecolor.color import FloatArray, UIntArray
from archivecolor.errors import InputError
from archivecolor.film.form import PictureForm, rgb_samples, stored_chroma
from archivecolor.film.reading import frames
from archivecolor.film.scale import Scale, displayed
from archivecolor.film.survey import Survey

_DEPTH: Final = 16


@dataclass(frozen=True, slots=True)
class ChromaPlanes:
    """The chroma of a frame."""

    cb: UIntArray
    """``[h', w']``: codes."""
    cr: UIntArray
    form: PictureForm
    """That they are stored in."""

    def codes(self, size: tuple[int, int], depth: int, *, full: bool) -> tuple[UIntArray, UIntArray]:
        """Cb and Cr as codes of another depth and range, at ``size`` (height, width)."""
        cb, cr = (_laid_in(plane, self.form, size, depth, full=full) for plane in (self.cb, self.cr))
        return cb, cr


@dataclass(frozen=True, slots=True)
class FrameColors:
    """A frame in color."""

    rgb: npt.NDArray[Any]
    """``[h, w, 3]``, rows as stored: codes of ``depth``, or float32 light."""
    depth: int
    scale: Scale

    @property
    def is_gray(self) -> bool:
        """Whether no pixel has a color."""
        return np.array_equal(self.rgb[..., 0], self.rgb[..., 1]) and np.array_equal(self.rgb[..., 1], self.rgb[..., 2])

    def shown(self, rows: slice = slice(None)) -> FloatArray:
        """What a display shows of it, ``[n, w, 3]`` in 0..1."""
        rgb = self.rgb[rows]
        if self.scale is Scale.DISPLAY:
            return np.asarray(rgb / np.float32((1 << self.depth) - 1), np.float32)
        codes = rgb if self.scale is Scale.DENSITY else np.asarray(rgb, np.float16).view(np.uint16)
        return np.asarray(displayed(codes, self.depth, self.scale) / np.float32((1 << _DEPTH) - 1), np.float32)

    def planes(self, form: PictureForm) -> ChromaPlanes:
        """Its chroma as codes, of the matrix of ``form``."""
        kr, kb = form.weights
        rgb = self.shown()
        luma = rgb @ np.array((kr, 1 - kr - kb, kb), np.float32)
        top = np.float32((1 << _DEPTH) - 1)
        cb, cr = (
            np.rint((rgb[..., i] - luma) * (top / np.float32(2 * (1 - own))) + np.float32(1 << (_DEPTH - 1)))
            for i, own in ((2, kb), (0, kr))
        )
        cb, cr = (np.clip(plane, 0, top).astype(np.uint16) for plane in (cb, cr))
        return ChromaPlanes(cb, cr, replace(form, depth=_DEPTH, full_range=True))


@dataclass(frozen=True, slots=True)
class LaidChroma:
    """A film whose chroma is taken."""

    path: Path
    film: Survey

    def check(self, master: Path, film: Survey) -> None:
        """Raise `InputError` where it is not the chroma of ``master``."""
        own, form = self.film.form, film.form
        if (own.converted and not own.is_rgb) or own.has_no_chroma:
            raise InputError(
                f"{self.path}: stores no chroma ({own.pixel_format})",
                hint="give what '--write chroma' made, or any YUV or RGB",
            )
        if (own.width, own.height) != (form.width, form.height):
            raise InputError(
                f"{self.path}: is {own.width} x {own.height}, its master {form.width} x {form.height}",
                hint="the chroma of a film has the film's own size; its subsampling may be another",
            )
        if len(self.film.times) != len(film.times):
            raise InputError(
                f"{self.path}: has {len(self.film.times)} frames, its master {master.name} has {len(film.times)}",
                hint="is it the chroma of another film, or of a part of it?",
            )
        if own.weights != form.weights and not own.is_rgb:
            raise InputError(
                f"{self.path}: is of matrix {own.matrix_name}, its master of {form.matrix_name}",
                hint="export it with the master's color tags",
            )

    def chroma(self, first: int, last: int) -> Iterator[ChromaPlanes | FrameColors]:
        """That of frames ``first`` to ``last`` (exclusive)."""
        for index, frame in frames(self.path, self.film, first, last):
            form = self.film.form_at(index)
            if form.is_rgb:
                yield FrameColors(rgb_samples(frame), form.depth, Scale.DISPLAY)
            else:
                yield ChromaPlanes(*stored_chroma(frame), form)


def unit_chroma(plane: UIntArray, form: PictureForm) -> FloatArray:
    """Codes of Cb or Cr in the unit where luma goes from 0 to 1."""
    off = plane.astype(np.float32) - np.float32(1 << (form.depth - 1))
    return np.asarray(off / np.float32(_swing(form.depth, full=form.full_range)), np.float32)


def _laid_in(plane: UIntArray, own: PictureForm, size: tuple[int, int], depth: int, *, full: bool) -> UIntArray:
    if (plane.shape, own.depth, own.full_range) == (size, depth, full):
        return plane
    dtype = np.uint8 if depth == 8 else np.uint16
    unit = unit_chroma(plane, own)
    if plane.shape != size:
        way = cv2.INTER_AREA if size[0] < plane.shape[0] or size[1] < plane.shape[1] else cv2.INTER_LINEAR
        unit = np.asarray(cv2.resize(unit, size[::-1], interpolation=way), np.float32)
    codes = np.rint(unit * _swing(depth, full=full)) + (1 << (depth - 1))
    return np.asarray(np.clip(codes, 0, (1 << depth) - 1), dtype=dtype)


def _swing(depth: int, *, full: bool) -> int:
    return (1 << depth) - 1 if full else 224 << (depth - 8)
