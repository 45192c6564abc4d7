"""Painted hints on disk: strokes on a transparent layer, as any picture editor writes them into a PNG.

A layer belongs to the picture of its name: ``portrait.png`` or ``portrait.jpg.png`` to ``portrait.jpg``, in a folder of
hints at the same place as the picture in its own. Of a file of several pages that is the first; ``album.tif/2.png``
belongs to the second page of ``album.tif``. In a film, a layer belongs to the frame that its name counts or times.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeAlias

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image

from archivecolor.chroma.control.paint import Strokes
from archivecolor.color import FloatArray, rgb_to_lab
from archivecolor.errors import InputError, UsageError
from archivecolor.jobs.files import open_regular

SUFFIX: Final = ".png"
_ASPECT_TOLERANCE: Final = 0.02
_LARGEST: Final = 40_000_000
"""Pixels of a layer that is larger than its picture."""
_THINNEST: Final = 0.02
"""Share of a small pixel that a stroke must cover to count there."""
_PAGE: Final = re.compile(r"(?:page[-_ ]?)?0*([1-9]\d*)", re.IGNORECASE)
_CODE: Final = re.compile(r"(\d{1,2})[-_:](\d{2})[-_:](\d{2})[-_:;](\d{2,3})", re.ASCII)
_TIME: Final = re.compile(r"(?:(\d+)[-_:h])?(\d+)[-_:m](\d+(?:[.,]\d+)?)s?|(\d+(?:[.,]\d+)?)s")

Moment: TypeAlias = int | float | str
"""A frame of a film: its number (its file's, or from 0), its time in seconds, or its time code, as '01:02:03:04'."""


@dataclass(frozen=True, slots=True)
class Hints:
    """Layers for the pictures of a folder, or one layer for one picture."""

    path: Path

    def __post_init__(self) -> None:
        if not self.path.exists():
            raise UsageError(f"{self.path}: there are no such hints", hint="give a PNG, or a folder of them")
        if not self.path.is_dir() and not self.path.is_file():
            raise UsageError(f"{self.path}: is no regular file", hint="give a PNG, or a folder of them")
        if self.path.is_file() and self.path.suffix.lower() != SUFFIX:
            raise UsageError(
                f"{self.path}: hints are PNG files", hint="a PNG, a folder of them, or for a run their ZIP"
            )

    def of_still(self, name: str) -> dict[int, Path]:
        """The layers of the picture whose name, relative to its folder, is ``name``, by its pages, from 0.

        Raises `UsageError` where one in the folder of its pages names none.
        """
        if self.path.is_file():
            return {0: self.path} if _belongs(self.path.name, Path(name).name) else {}
        layers: dict[int, Path] = {}
        for candidate in (self.path / (name + SUFFIX), (self.path / name).with_suffix(SUFFIX)):
            if os.path.isfile(candidate):  # noqa: PTH113 - a name that is too long is no file
                layers[0] = candidate
                break
        if (self.path / name).is_dir():
            layers |= {_page(layer): layer for layer in sorted((self.path / name).glob(f"*{SUFFIX}"))}
        return layers

    def below(self, name: str) -> Path | None:
        """The folder of layers of the film of that name; None where there is none."""
        for candidate in (self.path / name, (self.path / name).with_suffix("")):
            if candidate.is_dir():
                return candidate
        return None

    def strangers(self, source: Path) -> Iterator[Path]:
        """Layers that belong to no file of a folder of pictures."""
        if self.path.is_file():
            if not any(_belongs(self.path.name, p.name) for p in source.rglob("*")):
                yield self.path
            return
        for layer in sorted(self.path.rglob(f"*{SUFFIX}")):
            name = layer.relative_to(self.path)
            of_part = name.parent != Path() and _named(source / name.parent)  # in a folder named like a film or a file
            if not _named(source / name.with_suffix("")) and not of_part:
                yield layer

    def of_film(self, prefix: str = "") -> Iterator[tuple[Moment, Path]]:
        """Each layer with its frame: see `moment_of`. Raises `UsageError` for other names."""
        layers = [self.path] if self.path.is_file() else sorted(self.path.glob(f"*{SUFFIX}"))
        for layer in layers:
            yield moment_of(layer, prefix), layer


def _belongs(layer: str, picture: str) -> bool:
    stem = layer[: -len(SUFFIX)]
    return stem in (picture, Path(picture).stem)


def _named(path: Path) -> bool:
    """Whether there is a file of that name, with a suffix or as it stands."""
    return path.parent.is_dir() and any(p.is_file() and path.name in (p.name, p.stem) for p in path.parent.iterdir())


def _page(layer: Path) -> int:
    """The page, from 0, that a layer's name counts from 1."""
    found = _PAGE.fullmatch(layer.stem)
    if found is None:
        raise UsageError(f"{layer}: names no page", hint="name it after its page, 2.png")
    return int(found[1]) - 1


def moment_of(path: Path, prefix: str = "") -> Moment:
    """The frame that a file is named after; its name may begin with ``prefix``, as those of a sequence's frames do.

    ``120.png`` or ``frame_120.png`` is frame 120; ``1-02-03.5.png`` is at 1 h 2 min 3.5 s, ``63.5s.png`` after 63.5
    seconds; ``01-02-03-04.png`` has the time code 01:02:03:04. Raises `UsageError` for other names.
    """
    before = f"frame[-_ ]?|{re.escape(prefix)}"
    if counted := re.fullmatch(rf"(?:{before})?(\d{{1,12}})", path.stem, re.IGNORECASE | re.ASCII):
        return int(counted[1])
    if coded := _CODE.fullmatch(path.stem):
        return ":".join(coded.groups())
    if timed := _TIME.fullmatch(path.stem):
        hours, minutes, seconds, alone = (float((part or "0").replace(",", ".")) for part in timed.groups())
        return 3600 * hours + 60 * minutes + seconds + alone
    example = f"0-01-02.5{path.suffix}"
    raise UsageError(
        f"{path}: names no frame", hint=f"name it after its frame, 120{path.suffix}, or its time, {example}"
    )


def read_strokes(path: Path, shown: tuple[int, int], size: tuple[int, int]) -> Strokes:
    """Read a layer for a picture whose upright height and width are ``shown``, at ``size``.

    It may have any size of the picture's shape. Raises `InputError` when it is no PNG with transparency, has another
    shape, or is no layer of strokes because nothing of it is transparent.
    """
    paint = _reduced(_decode(path, shown), size)
    small = cv2.resize(paint, (size[1], size[0]), interpolation=cv2.INTER_AREA)
    cover = small[..., 3]
    rgb = np.asarray(small[..., :3] / np.maximum(cover, np.float32(1e-6))[..., None], dtype=np.float32)
    on = cover > _THINNEST
    lab = np.where(on[..., None], rgb_to_lab(rgb), 0).astype(np.float32)
    return Strokes(lab[..., 1:], on.astype(np.float32), lab[..., 0])


def check_layer(path: Path, shown: tuple[int, int] | None) -> None:
    """Raise `InputError` where a file is no layer for a picture whose upright height and width are ``shown``.

    None is for a picture of which they are not known, and so for any.
    """
    _decode(path, shown)


def _decode(path: Path, shown: tuple[int, int] | None) -> npt.NDArray[np.uint8]:
    """``[h, w, 4]``, not premultiplied."""
    try:
        with os.fdopen(open_regular(path), "rb") as file, Image.open(file) as layer:
            if layer.format != "PNG":
                raise InputError(f"{path}: is not a PNG", hint="export the layer of strokes as PNG")
            if "A" not in layer.getbands() and "transparency" not in layer.info:
                raise InputError(
                    f"{path}: has no transparency", hint="paint on a transparent layer and export it alone"
                )
            width, height = layer.size
            shown = shown or (height, width)
            fits = abs(np.log((width / height) / (shown[1] / shown[0]))) <= _ASPECT_TOLERANCE
            if not fits or width * height > max(_LARGEST, 1.1 * shown[0] * shown[1]):
                raise InputError(
                    f"{path}: is {width} x {height}, its picture {shown[1]} x {shown[0]}",
                    hint="paint on a layer of the picture's own size, or smaller in the same shape",
                )
            rgba = np.asarray(layer.convert("RGBA"))
    except (OSError, SyntaxError, ValueError) as e:
        raise InputError(f"{path}: cannot be read: {e}", hint="export the layer of strokes as PNG again") from e
    if rgba[..., 3].min() == 255:
        raise InputError(f"{path}: has no transparent part", hint="paint on a transparent layer and export it alone")
    return rgba


def _reduced(rgba: npt.NDArray[np.uint8], size: tuple[int, int]) -> FloatArray:
    """Premultiplied, 0..1, averaged over squares as large as leave at least ``size``; in strips, to save memory."""
    step = max(1, min(rgba.shape[0] // size[0], rgba.shape[1] // size[1]))
    height, width = rgba.shape[0] // step, rgba.shape[1] // step
    paint = np.empty((height, width, 4), np.float32)
    for row in range(height):
        strip = rgba[row * step : (row + 1) * step, : width * step].astype(np.float32) / np.float32(255)
        strip[..., :3] *= strip[..., 3:]
        paint[row] = strip.reshape(step, width, step, 4).mean(axis=(0, 2))
    return paint
