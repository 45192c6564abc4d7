"""What each still format is called, how its files begin, and what it can hold.

To add a format: a member of `settings.StillFormat`, a row here, and a module with `probe`, `read` and `encode` that
`families` names.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from archivecolor.settings import StillFormat


@dataclass(frozen=True, slots=True)
class Traits:
    """One format."""

    suffixes: tuple[str, ...]
    """Of its files, lower case. The first is given to results."""
    signatures: tuple[tuple[int, bytes], ...]
    """Bytes, and where in the file they stand."""
    holds: frozenset[str]
    """Which of the things that `metadata.left_out` tells of it has a place for."""
    deep: bool = False
    """Whether it is written at 16 bit as well as at 8."""
    alpha: bool = True
    turned: bool = True
    """Whether it can say that its rows are not upright; where it cannot, results are turned."""
    paged: bool = False
    longest_px: int | None = None


_JPEG2000_BOX: Final = b"\0\0\0\x0cjP  \r\n\x87\n"
_HEIF_BRANDS: Final = (b"heic", b"heix", b"mif1", b"heim", b"heis")

TRAITS: Final = {
    StillFormat.JPEG: Traits(
        (".jpg", ".jpeg", ".jpe", ".jfif"),
        ((0, b"\xff\xd8\xff"),),
        frozenset({"EXIF", "XMP", "second part of the XMP", "ICC profile", "resolution", "comment", "IPTC", "tags"}),
        alpha=False,
        longest_px=65500,
    ),
    StillFormat.PNG: Traits(
        (".png",),
        ((0, b"\x89PNG\r\n\x1a\n"),),
        frozenset({"EXIF", "XMP", "ICC profile", "resolution", "comment", "text", "tags"}),
        deep=True,
    ),
    StillFormat.TIFF: Traits(
        (".tif", ".tiff"),
        ((0, b"II*\0"), (0, b"MM\0*"), (0, b"II+\0"), (0, b"MM\0+")),
        frozenset({"EXIF", "XMP", "ICC profile", "resolution", "IPTC", "tags"}),
        deep=True,
        paged=True,
    ),
    StillFormat.WEBP: Traits(
        (".webp",),
        ((8, b"WEBP"),),
        frozenset({"EXIF", "XMP", "ICC profile", "tags"}),
        longest_px=16383,
    ),
    StillFormat.BMP: Traits((".bmp", ".dib"), ((0, b"BM"),), frozenset({"resolution"}), alpha=False, turned=False),
    StillFormat.JPEG2000: Traits(
        (".jp2", ".j2k", ".jpf", ".jpx", ".j2c"),
        ((0, _JPEG2000_BOX), (0, b"\xff\x4f\xff\x51")),
        frozenset({"EXIF", "XMP", "ICC profile", "resolution", "tags", "boxes"}),
        deep=True,
        turned=False,
    ),
    StillFormat.PNM: Traits(
        (".ppm", ".pgm", ".pnm", ".pbm"),
        tuple((0, b"P%d" % kind) for kind in range(1, 7)),
        frozenset({"comment"}),
        deep=True,
        alpha=False,
        turned=False,
    ),
    StillFormat.HEIF: Traits(
        (".heic", ".heif", ".hif"),
        tuple((4, b"ftyp" + brand) for brand in _HEIF_BRANDS),
        frozenset({"EXIF", "XMP", "ICC profile", "tags"}),
        turned=False,
        longest_px=16384,
    ),
}
