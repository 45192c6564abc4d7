"""The colors of frames, to be laid beside the luma of other frames: chroma that came back from a grading suite."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
import numpy.typing as npt
import tifffile
from PIL import Image

from archivecolor.color import UIntArray, luma_of
from archivecolor.errors import InputError, Stopped
from archivecolor.film.form import PictureForm
from archivecolor.film.laid import FrameColors
from archivecolor.film.scale import Scale
from archivecolor.provenance.xmp import DamagedXmpError, Noted, noted_in
from archivecolor.sequences import dpx, exr
from archivecolor.sequences.finding import Sequence
from archivecolor.sequences.frames import read_bytes
from archivecolor.sequences.survey import Surveyed
from archivecolor.stills import Still, open_still

_DEPTH: Final = 16
_DAMAGE: Final = (OSError, ValueError, SyntaxError, TypeError, LookupError, cv2.error, tifffile.TiffFileError)


@dataclass(frozen=True, slots=True)
class FileColors(FrameColors):
    """The colors of a file."""

    record: Noted | None = None
    """What it says of how it was colored."""


def read_colors(path: Path) -> FileColors:
    """Decode a frame's colors. Raises `InputError` where it cannot be read."""
    suffix = path.suffix.lower()
    if suffix == ".dpx":
        data = read_bytes(path)
        with dpx.explained(str(path)):
            header = dpx.read_header(data)
            samples = dpx.read_samples(data, header)
        return FileColors(_three(samples), header.bits, header.scale, noted(dpx.record_in(header)))
    if suffix == ".exr":
        light, xmp = exr.read_light(path)
        return FileColors(_three(light), _DEPTH, Scale.LINEAR, noted(xmp))
    still = open_still(path)
    rgb = _three(still.luma[..., None]) if still.thumbnail is None else _rgb(path, still)
    return FileColors(rgb, 8 * rgb.itemsize, Scale.DISPLAY, noted(still.metadata.xmp))


@dataclass(frozen=True, slots=True)
class LaidFrames:
    """A sequence of frames whose colors are taken."""

    path: Path
    sequence: Sequence
    numbers: tuple[int, ...]
    """Of its frames, those that belong to the master's, by the master's index."""
    form: PictureForm
    """The master's."""

    @classmethod
    def of(
        cls,
        sequence: Sequence,
        master: Path,
        form: PictureForm,
        frames: Surveyed | None,
        count: int,
        advance: Callable[[float], None],
        stop: threading.Event | None = None,
    ) -> LaidFrames:
        """Look at all frames: whether they belong to a master of ``count`` frames, its numbers in ``frames``.

        ``advance`` is given the share done. Raises `InputError` where one does not or cannot be read, and `Stopped`
        once ``stop`` is set.
        """
        wanted = frames.numbers if frames else tuple(range(count))
        extra = sequence.files.keys() - set(wanted) - (frames.left.keys() if frames else set())
        lacking = [number for number in wanted if number not in sequence.files]
        if extra or lacking:
            first, last = next(iter(sequence.files)), next(reversed(sequence.files))
            differs = min([*extra, *lacking])
            raise InputError(
                f"{sequence.path}: has {len(sequence.files)} frames, {first} to {last}, its master {master.name} "
                f"{len(wanted)}, {wanted[0]} to {wanted[-1]}; the first that only one of them has is {differs}",
                hint="the chroma of a sequence has the numbers of its master's frames, of a film's it counts from 0",
            )
        found = cls(sequence.path, sequence, wanted, form)
        gray = True
        for index in range(len(wanted)):
            advance(index / len(wanted))
            if stop and stop.is_set():
                raise Stopped
            gray &= found._read(index).is_gray
        if gray:
            raise InputError(f"{sequence.path}: stores no chroma: every frame is gray", hint="give frames in color")
        return found

    @property
    def record(self) -> Noted | None:
        """What the first frame says of how it was colored. Raises `InputError` where it is not what it was."""
        return self._read(0).record

    def chroma(self, first: int, last: int) -> Iterator[FileColors]:
        """The colors of frames ``first`` to ``last`` (exclusive). Raises `InputError` where one is not what it was."""
        return (self._read(index) for index in range(first, last))

    def _read(self, index: int) -> FileColors:
        path = self.path.with_name(self.sequence.files[self.numbers[index]])
        colors = read_colors(path)
        height, width = colors.rgb.shape[:2]
        if (height, width) != (self.form.height, self.form.width):
            raise InputError(
                f"{path}: is {width} x {height}, its master {self.form.width} x {self.form.height}",
                hint="the chroma of frames has the frames' own size",
            )
        return colors


def noted(xmp: bytes | None) -> Noted | None:
    """What a packet says of how its picture was colored; None where that is nothing, or the packet is damaged."""
    try:
        return noted_in(xmp) if xmp else None
    except DamagedXmpError:
        return None


def _three(samples: npt.NDArray[Any]) -> npt.NDArray[Any]:
    return np.repeat(samples[..., :1], 3, axis=2) if samples.shape[2] < 3 else samples[..., :3]


def _rgb(path: Path, still: Still) -> UIntArray:
    """The samples that a still's luma is of, at their depth: by the first library that reads these."""
    for decode in (_by_tifffile, _by_opencv, _by_pillow):
        try:
            rgb = decode(path)
        except _DAMAGE:
            continue
        same = rgb is not None and rgb.shape == (*still.luma.shape, 3) and rgb.dtype == still.luma.dtype
        if same and np.array_equal(luma_of(rgb), still.luma):
            return np.asarray(rgb, still.luma.dtype)
    raise InputError(f"{path}: its colors cannot be read", hint="save it as RGB, of 8 or 16 bit, without a palette")


def _by_tifffile(path: Path) -> Any:
    if path.suffix.lower() not in (".tif", ".tiff"):
        return None
    with tifffile.TiffFile(path) as tif:
        page = tif.pages.first
        samples = page.asarray()
        return np.moveaxis(samples, 0, -1) if page.planarconfig == tifffile.PLANARCONFIG.SEPARATE else samples[..., :3]


def _by_opencv(path: Path) -> Any:
    decoded = cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_UNCHANGED)
    return None if decoded is None or decoded.ndim < 3 else np.ascontiguousarray(decoded[..., 2::-1])


def _by_pillow(path: Path) -> Any:
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB"))
