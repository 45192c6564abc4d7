"""A file of several pages as a sheet of them, and each by itself."""

from __future__ import annotations

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


def page_sheet(path: Path, width_px: int, first: SmallPicture) -> PageSheet:
    """The pages of ``path`` on a sheet of that width, and each at most ``width_px`` on its long side.

    ``first`` is the first of them, of that size already. Memory: the decoded page at hand, and all of them at theirs.
    Raises `InputError`.
    """
    pictures = [first.image]
    pictures += [small_picture(path, width_px, page).image for page in range(1, min(MOST, first.pages))]
    small_px = tile_px(width_px)
    tiles = []
    for number, picture in enumerate(pictures, 1):
        small = picture.copy()
        small.thumbnail((small_px, small_px), reducing_gap=2.0)
        tiles.append(Tile(str(number), small))
    sheet, boxes = lay(tiles)
    pages = (SheetPage(*page) for page in zip(range(1, len(pictures) + 1), pictures, boxes, strict=True))
    return PageSheet(sheet, tuple(pages))
