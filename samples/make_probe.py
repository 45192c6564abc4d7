"""Make ``archivecolor/machine/probe.jpg``: six gray photographs, 256 x 256 each, in a column, to compare engines on.

``python samples/make_probe.py``. All six are in the public domain or CC0: see ``README.md`` here for the sources.
"""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageOps

_HERE = Path(__file__).resolve().parent
_SIDE_PX = 256
_STILLS = (
    "people/astronaut.jpg",
    "people/cameraman.png",
    "cat.png",
    "coffee.jpg",
    "raccoon_sideways.jpg",
    "tower_1904.bmp",
)


def main() -> None:
    """Write the strip."""
    tiles = []
    for name in _STILLS:
        gray = np.asarray(ImageOps.exif_transpose(Image.open(_HERE / "stills" / name)).convert("L"))
        side = min(gray.shape)
        top, left = ((n - side) // 2 for n in gray.shape)
        square = gray[top : top + side, left : left + side]
        tiles.append(cv2.resize(square, (_SIDE_PX, _SIDE_PX), interpolation=cv2.INTER_AREA))
    strip = Image.fromarray(np.vstack(tiles).astype(np.uint8))
    strip.save(_HERE.parent / "archivecolor" / "machine" / "probe.jpg", quality=85, optimize=True)


if __name__ == "__main__":
    main()
