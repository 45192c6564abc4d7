"""What there is to measure on: photographs, films, and folders whose pictures are the frames of a film."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2

from archivecolor.errors import InputError
from archivecolor.film.reading import opened, picture_stream
from archivecolor.stills.sniff import sniff

_FEWEST_FRAMES = 2
_NO_FILMS = ("tty", "image2", "_pipe")
"""What FFmpeg calls texts and single pictures, which it plays as if they were films."""


@dataclass(frozen=True, slots=True)
class Sources:
    """What was found, in order."""

    stills: tuple[Path, ...] = ()
    """Files that are not films; not all of them need to be pictures."""
    clips: tuple[Path, ...] = ()
    """Films, and folders of frames."""


def find(source: Path, *, frames: bool = False) -> Sources:
    """Look through a folder tree, or at one file. With ``frames`` a folder of pictures is a clip.

    Raises `InputError` when there is nothing.
    """
    if source.is_file():
        return _sorted([source])
    if not source.is_dir():
        raise InputError(f"{source}: there is no such file or folder")
    files = sorted(p for p in source.rglob("*") if p.is_file() and not p.name.startswith("."))
    if not files:
        raise InputError(f"{source}: holds no files")
    if not frames:
        return _sorted(files)
    folders = sorted({p.parent for p in files})
    clips = [f for f in folders if len(pictures(f)) >= _FEWEST_FRAMES] + [p for p in files if is_film(p)]
    if not clips:
        raise InputError(f"{source}: holds no folder of frames and no film")
    return Sources(clips=tuple(clips))


def pictures(folder: Path) -> list[Path]:
    """The pictures in a folder, by name."""
    return sorted(p for p in folder.iterdir() if p.is_file() and not p.name.startswith(".") and _is_picture(p))


def is_film(path: Path) -> bool:
    """Whether a file's content is a film that can be opened."""
    if _is_still(path):
        return False
    try:
        with opened(path) as container:
            picture_stream(container, path)
            return not container.format.name.endswith(_NO_FILMS)
    except InputError:
        return False


def _sorted(files: list[Path]) -> Sources:
    films = {p for p in files if is_film(p)}
    return Sources(tuple(p for p in files if p not in films), tuple(p for p in files if p in films))


def _is_still(path: Path) -> bool:
    """Whether `archivecolor folder` takes it for a photograph: also formats that FFmpeg plays, like HEIC."""
    try:
        sniff(path)
    except InputError:
        return False
    return True


def _is_picture(path: Path) -> bool:
    """Whether it can be a frame."""
    return bool(cv2.haveImageReader(str(path)))
