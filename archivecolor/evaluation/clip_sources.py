"""Clips in color to evaluate on: a film, or a folder of its frames."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

import cv2
import numpy as np

from archivecolor.chroma.picture import Picture
from archivecolor.chroma.scan import Scan, scan
from archivecolor.chroma.shots import CutDetector
from archivecolor.color import FloatArray, UIntArray, luma_of
from archivecolor.errors import InputError
from archivecolor.evaluation.sources import pictures
from archivecolor.film.codes import unit_luma
from archivecolor.film.form import PictureForm, chroma_planes, luma_plane
from archivecolor.film.reading import frames

_BT601: Final = 5


class Clip(Protocol):
    """A film whose colors are known. It can be read several times."""

    @property
    def path(self) -> Path:
        """Film or folder."""
        ...

    @property
    def form(self) -> PictureForm:
        """How `pictures` store their luma."""
        ...

    @property
    def starts(self) -> frozenset[int]:
        """Frames that begin a shot; 0 among them."""
        ...

    @property
    def count(self) -> int:
        """Frames."""
        ...

    def pictures(self) -> Iterator[Picture]:
        """The frames in gray."""
        ...

    def truth(self, size: tuple[int, int]) -> Iterator[FloatArray]:
        """The frames in color: RGB ``[h, w, 3]`` in 0..1 of that height and width, rows as stored."""
        ...


@dataclass(frozen=True, slots=True)
class FilmClip:
    """A film file."""

    path: Path
    scan: Scan

    @classmethod
    def open(cls, path: Path) -> FilmClip:
        """Read a film from end to end. Raises `InputError` when it cannot be read or has no color to compare with."""
        found = scan(path)
        if not found.film.colored:
            raise InputError(f"{path}: has no color to compare with")
        return cls(path, found)

    @property
    def form(self) -> PictureForm:
        """The film's own."""
        return self.scan.film.form

    @property
    def starts(self) -> frozenset[int]:
        """Frames that begin a shot."""
        return frozenset((0, *self.scan.cuts))

    @property
    def count(self) -> int:
        """Frames."""
        return len(self.scan.film.times)

    def pictures(self) -> Iterator[Picture]:
        """The frames in gray."""
        for index, frame in frames(self.path, self.scan.film, 0, self.count):
            yield Picture(index, luma_plane(frame), None)

    def truth(self, size: tuple[int, int]) -> Iterator[FloatArray]:
        """The frames in color, by the film's own matrix and range."""
        form = self.form
        full = form.full_range and not form.converted
        for _, frame in frames(self.path, self.scan.film, 0, self.count):
            y = resized(unit_luma(luma_plane(frame), form.depth, full=form.full_range), size)
            stored = chroma_planes(frame)
            if stored is None:
                yield np.repeat(y[..., None], 3, axis=-1)
                continue
            cb, cr = ((resized(p, size) - np.float32(128)) / np.float32(255 if full else 224) for p in stored)
            yield rgb_of(y, cb, cr, form.weights)


@dataclass(frozen=True, slots=True)
class FrameFolder:
    """A folder of pictures that are a film's frames, in order of their names."""

    path: Path
    files: tuple[Path, ...]
    form: PictureForm
    starts: frozenset[int]

    @classmethod
    def open(cls, path: Path) -> FrameFolder:
        """Read the pictures. Raises `InputError` when one is damaged or of another size, or none has color."""
        files = tuple(pictures(path))
        detector = CutDetector()
        size: tuple[int, ...] = ()
        colored = False
        for file in files:
            rgb = _decoded(file)
            if size and rgb.shape != size:
                raise InputError(
                    f"{file}: is {rgb.shape[1]} x {rgb.shape[0]}, the frames before it {size[1]} x {size[0]}"
                )
            size = rgb.shape
            colored = colored or bool(np.ptp(rgb, axis=2).any())
            detector.push(np.asarray(luma_of(rgb), np.uint8))
        if not colored:
            raise InputError(f"{path}: has no color to compare with")
        form = PictureForm(
            width=size[1],
            height=size[0],
            depth=8,
            full_range=True,
            matrix=_BT601,
            primaries=_BT601,
            transfer=_BT601,
            chroma_shift=(0, 0),
            sample_aspect=None,
            field_order=0,
            display_matrix=None,
            pixel_format="rgb24",
            converted=True,
        )
        return cls(path, files, form, frozenset((0, *detector.cuts())))

    @property
    def count(self) -> int:
        """Frames."""
        return len(self.files)

    def pictures(self) -> Iterator[Picture]:
        """The frames in gray."""
        for index, file in enumerate(self.files):
            yield Picture(index, luma_of(_decoded(file)), parity=None)

    def truth(self, size: tuple[int, int]) -> Iterator[FloatArray]:
        """The frames in color."""
        for file in self.files:
            yield resized(_decoded(file), size) / np.float32(255)


def open_clip(path: Path) -> Clip:
    """A film file, or a folder of frames. Raises `InputError` where there is nothing to compare with, or over time."""
    clip: Clip = FrameFolder.open(path) if path.is_dir() else FilmClip.open(path)
    if clip.count < 2:
        raise InputError(f"{path}: has only one frame, which cannot flicker")
    return clip


def rgb_of(y: FloatArray, cb: FloatArray, cr: FloatArray, weights: tuple[float, float]) -> FloatArray:
    """R, G, B of Y', Cb, Cr (ITU-T H.273, 8.3: non-constant luminance), clipped."""
    kr, kb = weights
    r, b = y + np.float32(2 * (1 - kr)) * cr, y + np.float32(2 * (1 - kb)) * cb
    g = (y - np.float32(kr) * r - np.float32(kb) * b) / np.float32(1 - kr - kb)
    return np.asarray(np.clip(np.stack((r, g, b), axis=-1), 0, 1), np.float32)


def resized(picture: UIntArray | FloatArray, size: tuple[int, int]) -> FloatArray:
    """Average a picture down to ``size`` (height, width), in its own units."""
    made = cv2.resize(picture.astype(np.float32), size[::-1], interpolation=cv2.INTER_AREA)
    return np.asarray(made, np.float32)


def _decoded(path: Path) -> UIntArray:
    rgb = cv2.imread(str(path), cv2.IMREAD_COLOR_RGB)
    if rgb is None:
        raise InputError(f"{path}: is not a picture that can be decoded")
    return np.asarray(rgb, np.uint8)
