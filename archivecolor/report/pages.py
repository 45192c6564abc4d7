"""A file of several pages as a sheet of them, and each by itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

from PIL import Image

from archivecolor.report.pictures import SmallPicture, small_picture
from archivecolor.report.sheet import Box, Tile, lay, tile_px

MOST: Final = 48
"""Pages on a sheet; of a file of more the others are not shown."""


@dataclass(frozen=True, slots=True)
class PageSheet:
    """The pages of a file."""

    sheet: Image.Image
    pages: tuple[SheetPage, ...]
    """Those on the sheet, in its order."""


class SheetPage(NamedTuple):
    """A page on a sheet."""

    number: int
    """From 1."""
    picture: Image.Image
    box: Box
    size: tuple[int, int]
    """Width and height that it has in the file."""


def page_sheet(
    path: Path, width_px: int, first: SmallPicture, take: Callable[[int], SmallPicture] | None = None
) -> PageSheet:
    """The pages of ``path`` on a sheet of that width, and each at most ``width_px`` on its long side.

    ``first`` is the first of them, of that size already; ``take`` gives the others by their numbers from 0. Memory: the
    decoded page at hand, and all of them at theirs. Raises `InputError`.
    """
    take = take or (lambda page: small_picture(path, width_px, page))
    smalls = [first, *(take(page) for page in range(1, min(MOST, first.pages)))]
    pictures = [small.image for small in smalls]
    small_px = tile_px(width_px)
    tiles = []
    for number, picture in enumerate(pictures, 1):
        small = picture.copy()
        small.thumbnail((small_px, small_px), reducing_gap=2.0)
        tiles.append(Tile(str(number), small))
    sheet, boxes = lay(tiles)
    sizes = [(small.width, small.height) for small in smalls]
    pages = (SheetPage(*page) for page in zip(range(1, len(pictures) + 1), pictures, boxes, sizes, strict=True))
    return PageSheet(sheet, tuple(pages))
