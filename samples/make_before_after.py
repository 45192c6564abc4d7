"""Draw the README's picture: sample photographs before and after, coloured by archivecolor itself.

``python samples/make_before_after.py`` writes ``samples/before_after.jpg``.
"""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from archivecolor import Colorizer
from archivecolor.color import UIntArray
from archivecolor.stills import open_still
from archivecolor.stills.still import to_8_bit

SAMPLES = Path(__file__).resolve().parent
CHOSEN = (
    "people/astronaut.jpg",
    "people/cameraman.png",
    "people/grace_hopper_sepia.jpg",
    "raccoon_sideways.jpg",
    "pagoda_16bit.tif",
    "ruin_worn.jpg",
)
CELL_PX = 300
GAP_PX = 6


def cell(picture: UIntArray) -> UIntArray:
    """Cut the middle square and scale it."""
    h, w = picture.shape[:2]
    side = min(h, w)
    top, left = (h - side) // 2, (w - side) // 2
    square = np.ascontiguousarray(picture[top : top + side, left : left + side])
    return np.asarray(cv2.resize(square, (CELL_PX, CELL_PX), interpolation=cv2.INTER_AREA), dtype=np.uint8)


def main() -> None:
    """Colour the chosen samples and lay them out: before above after."""
    columns = []
    with Colorizer.load() as colorizer:
        for name in CHOSEN:
            still = open_still(SAMPLES / "stills" / name)
            luma = to_8_bit(np.ascontiguousarray(still.orientation.to_upright(still.luma)))
            before, after = np.repeat(luma[..., None], 3, axis=2), colorizer.color(luma)
            gap = np.full((GAP_PX, CELL_PX, 3), 255, np.uint8)
            columns.append(np.vstack((cell(before), gap, cell(after))))
            columns.append(np.full((columns[0].shape[0], GAP_PX, 3), 255, np.uint8))
    Image.fromarray(np.hstack(columns[:-1])).save(SAMPLES / "before_after.jpg", quality=88)


if __name__ == "__main__":
    main()
