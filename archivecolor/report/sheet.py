"""Small pictures in rows on a larger one, each with its caption: frames of a film, pages of a file."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from PIL import Image, ImageDraw, ImageFont

_COLUMNS: Final = 4
_GAP_PX: Final = 8
_GROUND: Final = (142, 142, 142)


class Box(NamedTuple):
    """A place on a sheet, in shares of the sheet's sides."""

    left: float
    top: float
    width: float
    height: float


class Tile(NamedTuple):
    """A small picture of a sheet."""

    caption: str
    picture: Image.Image


def tile_px(width_px: int) -> int:
    """How wide a tile is, of those that fill a row of a sheet."""
    return (width_px - (_COLUMNS - 1) * _GAP_PX) // _COLUMNS


def lay(tiles: Sequence[Tile], below: Sequence[Tile] = ()) -> tuple[Image.Image, list[Box]]:
    """Rows of pictures, each with its caption in a corner; those ``below`` in rows of their own, further down.

    The boxes are those of ``tiles``, then those of ``below``. Pictures smaller than the largest stand in the middle of
    their places.
    """
    everything = [*tiles, *below]
    width, height = (max(tile.picture.size[side] for tile in everything) for side in (0, 1))
    columns = min(_COLUMNS, max(len(tiles), len(below)))
    across, down = width + _GAP_PX, height + _GAP_PX
    below_px = -(-len(tiles) // columns) * down + 2 * _GAP_PX
    places = [(i % columns * across, i // columns * down) for i in range(len(tiles))]
    places += [(i % columns * across, below_px + i // columns * down) for i in range(len(below))]
    sheet = Image.new("RGB", (columns * across - _GAP_PX, max(y for _, y in places) + height), _GROUND)
    draw = ImageDraw.Draw(sheet)
    font = ImageFont.load_default(max(10, width // 20))
    boxes = []
    for (left, top), (caption, picture) in zip(places, everything, strict=True):
        x, y = left + (width - picture.width) // 2, top + (height - picture.height) // 2
        sheet.paste(picture, (x, y))
        draw.text((x + 8, y + 7), caption, (255, 255, 255), font, "la", stroke_width=1, stroke_fill=(0, 0, 0))
        boxes.append(Box(x / sheet.width, y / sheet.height, picture.width / sheet.width, picture.height / sheet.height))
    return sheet, boxes
