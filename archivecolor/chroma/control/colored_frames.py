"""Frames of a film that somebody colored: pictures that are named after their frames, as layers of hints are.

What counts is their color. It is taken as it is, rules its own frame wholly, and is carried from there through the shot
as paint is (`film_paint`). Where the motion loses it, places that look the same take it by the likeness of what the
generator sees of them (`references`). A frame may have any size of the film's shape.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from PIL import Image

from archivecolor.chroma.control.hints import Moment, moment_of
from archivecolor.chroma.network_input import shrink
from archivecolor.color import FloatArray, UIntArray, rgb_to_lab
from archivecolor.errors import InputError, UsageError
from archivecolor.film.form import PictureForm
from archivecolor.jobs.file_sets import Numbering
from archivecolor.settings import ColorSettings
from archivecolor.stills import Still, open_still
from archivecolor.stills.profiles import in_srgb
from archivecolor.stills.sniff import names_a_picture
from archivecolor.toning import Tone, tone_of

_ASPECT_TOLERANCE: Final = 0.02
_ALIKE: Final = 0.72
"""Correlation of a frame's luma with the film's below which they are not the same picture. Of seven clips frames of
different shots have up to 0.69, one in a hundred more than 0.62, and neighbors at least 0.76."""
_BETTER: Final = 0.5
"""A neighbor fits better if it lacks at most so much of what the frame lacks."""
_SURELY: Final = 0.002
"""What a frame may lack in any case: grain, and what JPEG does to it."""

OTHER_PHOTOGRAPHS: Final = "are these photographs of other things? then give the folder above theirs"
"""What to do about numbers that are no frames: only what lies in the very folder is taken for frames."""


@dataclass(frozen=True, slots=True)
class ColoredFrame:
    """A colored frame at the size that the network sees, upright."""

    ab: FloatArray
    """``[h, w, 2]``"""
    luma: FloatArray
    """``[h, w]`` in 0..1"""


def holds_frames(folder: Path, prefix: str = "") -> bool:
    """Whether a picture in a folder, not in its folders, is named after a frame."""
    return any(_names_a_frame(path, prefix) for path in _pictures(folder))


def frames_in(folder: Path, prefix: str = "") -> list[tuple[Moment, Path]]:
    """The pictures of a folder, each with its frame. Raises `UsageError` where one names none, or there is none."""
    found = []
    for path in _pictures(folder):
        try:
            found.append((moment_of(path, prefix), path))
        except UsageError as e:
            hint = (
                "name it after its frame, 120.png, or time code, 01-02-03-04.png; --reference takes other photographs"
            )
            raise UsageError(e.message, hint=hint) from e
    if not found:
        raise UsageError(f"{folder}: holds no frames", hint="name the colored frames after theirs: 120.png")
    return found


def with_frames(color: ColorSettings, film: Path, *, everywhere: bool = False) -> ColorSettings:
    """``color``, for one film: references in a folder that are named after frames are that film's frames.

    ``everywhere`` keeps them among the references of the whole film. Raises `UsageError` where there are none.
    """
    way = Numbering.of(film.name)
    prefix = way.before if way else ""
    folders = [path for path in color.references if path.is_dir() and holds_frames(path, prefix)]
    if not folders:
        if everywhere:
            raise UsageError(
                "--everywhere is for frames of the film",
                hint="give their folder as --references: 120.png is frame 120",
            )
        return color
    others = color.references if everywhere else tuple(path for path in color.references if path not in folders)
    return replace(color, references=others, frames=folders[0])


def read_colored(path: Path, form: PictureForm, size: tuple[int, int]) -> ColoredFrame:
    """Read a colored frame of a film at ``size``. It has the film's shape as it is shown, or as it is stored.

    Raises `InputError` where it cannot be read, is not in color, or has another shape.
    """
    still = open_still(path)
    turn = still.orientation.to_upright
    luma = np.ascontiguousarray(turn(still.luma))
    height, width = luma.shape
    shown, stored = form.shown, (form.height, form.width)[:: -1 if form.orientation.swaps_sides else 1]
    if min(abs(np.log(width / height * h / w)) for h, w in (shown, stored)) > _ASPECT_TOLERANCE:
        raise InputError(
            f"{path}: is {width} x {height}, its frame {shown[1]} x {shown[0]}",
            hint="color the whole frame, at its own size or any other of the same shape",
        )
    if still.thumbnail is None or tone_of(still.thumbnail) is Tone.GRAY:
        raise InputError(f"{path}: is not in color", hint="leave frames out that nobody has colored")
    rgb = np.ascontiguousarray(turn(_rgb(path, still)))
    small = cv2.resize(rgb, size[::-1], interpolation=cv2.INTER_AREA)
    return ColoredFrame(rgb_to_lab(np.asarray(small, np.float32) / np.float32(255))[..., 1:], shrink(luma, size))


def likeness(frame: ColoredFrame, luma: FloatArray) -> float:
    """Correlation of a colored frame's luma with that ``[h, w]`` of a frame of the film, -1..1."""
    one, other = (x - x.mean() for x in (frame.luma, luma))
    spread = float(np.sqrt(np.square(one).sum() * np.square(other).sum()))
    return float((one * other).sum()) / spread if spread > 0 else 0.0


def check_likeness(path: Path, number: int, alike: dict[int, float], named: str) -> str | None:
    """Judge how like the film's frame ``number`` and its neighbors, by theirs, a colored frame is.

    ``named`` says how frames are counted.

    Gives a warning where a neighbor fits much better; raises `UsageError` where the frame shows something else.
    """
    own, best = alike[number], max(alike, key=lambda frame: alike[frame])
    if max(alike.values()) < _ALIKE:
        raise UsageError(
            f"{path}: does not show what frame {number} of the film does (likeness {max(0, own):.2f} of 1)",
            hint=f"name it after its own frame; {named}; {OTHER_PHOTOGRAPHS}",
        )
    if best != number and 1 - own > _SURELY and 1 - alike[best] < _BETTER * (1 - own):
        return f"{path}: looks more like frame {best} than frame {number}: {named}"
    return None


def _pictures(folder: Path) -> list[Path]:
    try:
        return sorted(p for p in folder.iterdir() if not p.name.startswith(".") and names_a_picture(p.name))
    except OSError as e:
        raise InputError(f"{folder}: cannot be listed: {e.strerror}", hint="check its permissions") from e


def _names_a_frame(path: Path, prefix: str) -> bool:
    try:
        moment_of(path, prefix)
    except UsageError:
        return False
    return True


def _rgb(path: Path, still: Still) -> UIntArray:
    """8-bit sRGB ``[h, w, 3]``, rows as stored: whole where Pillow reads it so, else small."""
    found = None
    with suppress(OSError, SyntaxError, ValueError, Image.DecompressionBombError), Image.open(path) as image:
        if image.size == (still.info.width, still.info.height):
            image.load()
            found = image.copy()
    if found is None and still.thumbnail is not None:
        found = Image.fromarray(still.thumbnail)
    if found is None:
        raise InputError(f"{path}: is not in color")
    try:
        return np.asarray(in_srgb(found, still.metadata.icc), np.uint8)
    except ValueError as e:
        raise InputError(f"{path}: {e}", hint="save it as sRGB") from e
