"""What a file is, by its first bytes. Suffixes are believed only to word the refusal."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from archivecolor.errors import InputError
from archivecolor.jobs.files import open_regular
from archivecolor.settings import StillFormat
from archivecolor.stills.traits import TRAITS
from archivecolor.stills.unread import RAW_SUFFIXES, unread, unread_by_pillow

_PICTURE_SUFFIXES: Final = {suffix for traits in TRAITS.values() for suffix in traits.suffixes}

_OF_COLOR: Final = {".pgm": ".ppm", ".pbm": ".ppm", ".j2k": ".jp2", ".j2c": ".jp2"}
_BMP_HEADER_BYTES: Final = 26


class NotAPictureError(InputError):
    """The content is no picture of a format that archivecolor reads.

    ``expected`` is False where nobody would expect one, as in ``notes.txt``: a folder run passes those by.
    """

    def __init__(self, message: str, *, expected: bool, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.expected = expected


def names_a_picture(name: str) -> bool:
    """Whether a file name has the suffix of a format that archivecolor reads."""
    return Path(name).suffix.lower() in _PICTURE_SUFFIXES


def color_name(name: str) -> str:
    """What a colored file of its source's format is called.

    A PGM has no place for color and becomes a PPM, a bare codestream none for what is said of it and becomes a JP2.
    """
    path = Path(name)
    suffix = _OF_COLOR.get(path.suffix.lower())
    return str(path.with_suffix(suffix)) if suffix else name


def suffix_of(format: StillFormat) -> str:
    """The usual file name suffix, with its dot."""
    return TRAITS[format].suffixes[0]


def sniff(path: Path) -> StillFormat:
    """Tell the format; raises `NotAPictureError` or, when the file cannot be read, `InputError`."""
    try:
        with os.fdopen(open_regular(path), "rb") as f:
            head = f.read(32)
    except FileNotFoundError as e:
        raise InputError(f"{path}: there is no such file") from e
    except OSError as e:
        raise InputError(f"{path}: cannot be read: {e.strerror}", hint="check its permissions") from e
    for kind, traits in TRAITS.items():
        if kind is StillFormat.TIFF and _is_raw(head, path):
            continue
        if any(head[offset:].startswith(signature) for offset, signature in traits.signatures) and _is(kind, head):
            return kind
    what = unread(head, path.name) or unread_by_pillow(path)
    if what is not None:
        raise NotAPictureError(f"{path}: {what[0]}", expected=True, hint=what[1])
    named_like_a_picture = names_a_picture(path.name)
    if not head:
        raise NotAPictureError(f"{path}: is empty", expected=named_like_a_picture, hint="restore it from a copy")
    hint = "its name says otherwise; restore it from a copy" if named_like_a_picture else None
    raise NotAPictureError(f"{path}: is no picture", expected=named_like_a_picture, hint=hint)


def is_a_picture(path: Path) -> bool:
    """Whether a file begins as a picture does that archivecolor reads. Raises `InputError` where it cannot be read."""
    try:
        sniff(path)
    except NotAPictureError:
        return False
    return True


def _is_raw(head: bytes, path: Path) -> bool:
    """Whether what begins like a TIFF is a camera's raw: those that nothing but their content tells, `tiff` refuses."""
    return head[8:11] == b"CR\x02" or path.suffix.lower() in RAW_SUFFIXES


def _is(kind: StillFormat, head: bytes) -> bool:
    """Tell what begins alike apart: short signatures are not enough."""
    if kind is StillFormat.BMP:
        return len(head) >= _BMP_HEADER_BYTES
    if kind is StillFormat.PNM:
        return head[2:3].isspace()
    return kind is not StillFormat.WEBP or head[:4] == b"RIFF"
