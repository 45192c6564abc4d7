"""Draw the README's pictures: samples before and after, colored by archivecolor itself.

``python samples/make_before_after.py`` writes ``samples/before_after.jpg`` of the photographs and
``samples/reel_before_after.jpg`` of the film.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import av
import cv2
import numpy as np
from PIL import Image

from archivecolor import Colorizer
from archivecolor.color import UIntArray
from archivecolor.runs.film.job import make_film
from archivecolor.runs.film.plan import FilmRequest, plan_film
from archivecolor.runs.settings import FilmSettings
from archivecolor.settings import ColorSettings, EncodeSettings, Purpose
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
CHOSEN_FRAMES = (20, 64, 100, 170)
FRAME_PX = 456


def cell(picture: UIntArray) -> UIntArray:
    """Cut the middle square and scale it."""
    h, w = picture.shape[:2]
    side = min(h, w)
    top, left = (h - side) // 2, (w - side) // 2
    square = np.ascontiguousarray(picture[top : top + side, left : left + side])
    return np.asarray(cv2.resize(square, (CELL_PX, CELL_PX), interpolation=cv2.INTER_AREA), dtype=np.uint8)


def photographs(colorizer: Colorizer) -> UIntArray:
    """The chosen samples: before above after."""
    columns = []
    for name in CHOSEN:
        still = open_still(SAMPLES / "stills" / name)
        luma = to_8_bit(np.ascontiguousarray(still.orientation.to_upright(still.luma)))
        before, after = np.repeat(luma[..., None], 3, axis=2), colorizer.color(luma)
        columns.append((cell(before), cell(after)))
    return _laid_out(columns)


def film(colorizer: Colorizer) -> UIntArray:
    """The chosen frames of the sample reel: before above after."""
    source = SAMPLES / "reel.mp4"
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "reel.mp4"
        plan = plan_film(FilmRequest(source, target, FilmSettings(encode=EncodeSettings(Purpose.SHARE))))
        make_film(plan, colorizer.engine, ColorSettings())
        return _laid_out(list(zip(_frames(source), _frames(target), strict=True)))


def _frames(path: Path) -> list[UIntArray]:
    with av.open(str(path)) as container:
        shown = list(container.decode(video=0))
    pictures = [shown[i].to_ndarray(format="rgb24") for i in CHOSEN_FRAMES]
    size = (FRAME_PX, round(FRAME_PX * pictures[0].shape[0] / pictures[0].shape[1]))
    return [np.asarray(cv2.resize(p, size, interpolation=cv2.INTER_AREA), dtype=np.uint8) for p in pictures]


def _laid_out(columns: list[tuple[UIntArray, UIntArray]]) -> UIntArray:
    gap = np.full((GAP_PX, columns[0][0].shape[1], 3), 255, np.uint8)
    stacks = [np.vstack((before, gap, after)) for before, after in columns]
    between = np.full((stacks[0].shape[0], GAP_PX, 3), 255, np.uint8)
    return np.hstack([x for stack in stacks for x in (stack, between)][:-1])


def main() -> None:
    """Color the samples and draw both pictures."""
    with Colorizer.load() as colorizer:
        Image.fromarray(photographs(colorizer)).save(SAMPLES / "before_after.jpg", quality=88)
        Image.fromarray(film(colorizer)).save(SAMPLES / "reel_before_after.jpg", quality=85)


if __name__ == "__main__":
    main()
