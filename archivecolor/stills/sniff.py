"""What a file is, by its first bytes. Suffixes are believed only to word the refusal."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from archivecolor.errors import InputError
from archivecolor.settings import StillFormat

_SUFFIXES: Final = {
    StillFormat.JPEG: ".jpg",
    StillFormat.PNG: ".png",
    StillFormat.TIFF: ".tif",
    StillFormat.WEBP: ".webp",
    StillFormat.BMP: ".bmp",
}
_PICTURE_SUFFIXES: Final = {".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".tif", ".tiff", ".webp", ".bmp", ".dib"}

_SIGNATURES: Final = (
    (b"\xff\xd8\xff", StillFormat.JPEG),
    (b"\x89PNG\r\n\x1a\n", StillFormat.PNG),
    (b"II*\0", StillFormat.TIFF),
    (b"MM\0*", StillFormat.TIFF),
    (b"II+\0", StillFormat.TIFF),
    (b"MM\0+", StillFormat.TIFF),
    (b"BM", StillFormat.BMP),
)
_UNREAD_PICTURES: Final = (
    (0, b"GIF8", "GIF"),
    (0, b"8BPS", "Photoshop"),
    (0, b"\0\0\0\x0cjP  ", "JPEG 2000"),
    (0, b"\xff\x4f\xff\x51", "JPEG 2000"),
    (0, b"\xff\x0a", "JPEG XL"),
    (0, b"\0\0\0\x0cJXL ", "JPEG XL"),
    (4, b"ftypheic", "HEIC"),
    (4, b"ftypmif1", "HEIC"),
    (4, b"ftypavif", "AVIF"),
)
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


def suffix_of(format: StillFormat) -> str:
    """The usual file name suffix, with its dot."""
    return _SUFFIXES[format]


def sniff(path: Path) -> StillFormat:
    """Tell the format; raises `NotAPictureError` or, when the file cannot be read, `InputError`."""
    try:
        with path.open("rb") as f:
            head = f.read(32)
    except FileNotFoundError as e:
        raise InputError(f"{path}: there is no such file") from e
    except OSError as e:
        raise InputError(f"{path}: cannot be read: {e.strerror}", hint="check its permissions") from e
    for signature, kind in _SIGNATURES:
        if head.startswith(signature) and (kind is not StillFormat.BMP or len(head) >= _BMP_HEADER_BYTES):
            return kind
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return StillFormat.WEBP
    for offset, signature, name in _UNREAD_PICTURES:
        if head[offset:].startswith(signature):
            raise NotAPictureError(
                f"{path}: is {name}, which archivecolor does not read", expected=True, hint="convert it to TIFF or PNG"
            )
    named_like_a_picture = names_a_picture(path.name)
    if not head:
        raise NotAPictureError(f"{path}: is empty", expected=named_like_a_picture, hint="restore it from a copy")
    hint = "its name says otherwise; restore it from a copy" if named_like_a_picture else None
    raise NotAPictureError(f"{path}: is no picture", expected=named_like_a_picture, hint=hint)
