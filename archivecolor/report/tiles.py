"""A picture at its full size for browsers that cannot show the result itself: a pyramid of JPEG tiles.

Level 0 is the whole picture, each further one half of the one before, down to what the page's own picture can stand in
for. Tiles are `TILE_PX` squares, those at the right and lower edges smaller, named ``LEVEL-COLUMN-ROW.jpg``. They take
about a twentieth of an uncompressed result.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import PurePath
from typing import Final

from PIL import Image

TILE_PX: Final = 1024
_QUALITY: Final = 82
_SHOWN_BY_BROWSERS: Final = {".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".bmp"}
_MOST_PIXELS: Final = 40_000_000
"""That a browser may decode at once: four bytes each."""
_MOST_SIDE: Final = 16_384
"""What browsers draw in one piece."""


def is_shown_by_browsers(name: str, width: int, height: int) -> bool:
    """Whether a browser can show a result of that name and size as it is."""
    known = PurePath(name).suffix.lower() in _SHOWN_BY_BROWSERS
    return known and width * height <= _MOST_PIXELS and max(width, height) <= _MOST_SIDE


def levels_of(width: int, height: int, small_px: int) -> int:
    """How many levels a picture has, of which one of ``small_px`` on its long side is there already."""
    levels = 0
    while max(width, height) >> levels > small_px:
        levels += 1
    return levels


def cut(picture: Image.Image, levels: int) -> Iterator[tuple[str, bytes]]:
    """Every tile's name and JPEG, level by level. Memory: the next level and a tile."""
    for level in range(levels):
        if level:
            picture = picture.reduce(2)
        for y in range(0, picture.height, TILE_PX):
            for x in range(0, picture.width, TILE_PX):
                right, below = min(x + TILE_PX, picture.width), min(y + TILE_PX, picture.height)
                coded = io.BytesIO()
                picture.crop((x, y, right, below)).save(coded, "JPEG", quality=_QUALITY)
                yield f"{level}-{x // TILE_PX}-{y // TILE_PX}.jpg", coded.getvalue()
