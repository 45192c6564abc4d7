"""Whether a stroke colors the thing it lies on: ``python -m tests.bench.strokes [--generator NAME] [--sheet PNG]``.

Twelve things on the sample photographs, outlined by hand, each with one short stroke of a color that the generator
would not have thought of. *Takes*: the share of the thing whose chroma goes at least half of the way to the paint's.
*Leaks*: the share of all else that visibly goes there, too, but for a band along the outline and its like.
"""

from __future__ import annotations

import argparse
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps

from archivecolor.chroma.control.advice import fitted
from archivecolor.chroma.control.paint import Strokes
from archivecolor.chroma.still import Colorizer
from archivecolor.color import FloatArray, rgb_to_lab
from archivecolor.settings import EngineSettings

log = logging.getLogger("tests.bench.strokes")

ROOT: Final = Path(__file__).resolve().parents[2]
_BAND: Final = 0.03
"""Of the short side, on either side of an outline: drawn by hand, it is no nearer to the truth than that."""
_VISIBLE: Final = 8.0
"""Change of a*, b*."""

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Thing:
    """One thing to be colored."""

    name: str
    picture: str
    outline: str
    """Points x,y in hundredths of width and height, as are the others."""
    stroke: str
    rgb: tuple[int, int, int]
    apart: tuple[str, ...] = ()
    """Neither the thing nor what is to stay as it is: holes, badges, the other sleeve."""


_COFFEE, _HOPPER, _CAMERA = "coffee.jpg", "people/grace_hopper_sepia.jpg", "people/cameraman.png"
_JACKET: Final = "7,66 18,60 39,53 40,66 44,73 45,80 50,88 56,76 62,70 64,56 88,63 95,68 100,78 100,100 4,100"
_COAT: Final = "13,29 26,23 31,21 32,30 37,39 44,41 50,44 58,53 50,61 42,57 34,67 29,76 4,72 0,66 0,50 7,36"
THINGS: Final = (
    Thing(
        "saucer",
        _COFFEE,
        "13,52 16,35 23,24 29,21 29.5,34 33,50 36,56 32,68 35,77 54,76 56,82 64,81 68,70 64,59 68,39 "
        "69.5,26 76,38 80,55 76,74 66,88 50,96 35,93 21,80",
        "22,60 25,72",
        (170, 40, 40),
        ("36,48 64,56 56,80 32,78",),
    ),
    Thing(
        "dahlia",
        "dahlia.webp",
        "27,53 29,34 38,24 50,20 61,24 68,35 70,50 68,66 62,77 50,84 38,81 30,70",
        "35,42 39,50",
        (90, 80, 200),
        ("44,87 76,87 76,100 44,100",),
    ),
    Thing(
        "eye",
        "cat.png",
        "31,39 33,32 38,29.5 43,33 46,40 45,47 40,48.5 34,46",
        "41,35 43,43",
        (60, 110, 200),
        ("65,36 77,36 77,55 65,55",),
    ),
    Thing(
        "suit",
        "people/astronaut.jpg",
        "13,52 23,42 28,51 36,56 46,58 47.5,65 47,94 40,99 39,92 33,89 25,93 17,99 4,99 5,86 5,75 9,58",
        "42,66 44,76",
        (210, 110, 40),
        (
            "46,57 72,47 73,72 58,86 52,100 46,100",
            "26,68 42,68 42,84 26,84",
            "18,88 40,88 40,100 18,100",
        ),
    ),
    Thing(
        "coat",
        _CAMERA,
        _COAT,
        "15,45 22,55",
        (110, 60, 40),
        (
            "0,64 32,64 30,100 0,100",
            "36,38 66,32 60,52 44,46",
        ),
    ),
    Thing(
        "lawn",
        _CAMERA,
        "31,72 43,59 55,56 100,48 100,100 30,100 29,80",
        "75,70 85,72",
        (190, 150, 90),
    ),
    Thing(
        "sky",
        _CAMERA,
        "0,0 100,0 100,30 66,30 62,26 53,26 53,20 45,13 36,14 31,20 16,26 9,33 0,34",
        "70,10 85,10",
        (230, 170, 130),
    ),
    Thing(
        "jacket",
        _HOPPER,
        _JACKET,
        "22,72 30,76",
        (30, 80, 50),
        (
            "62,81 90,81 90,89 62,89",
            "14,79 34,79 34,88 14,88",
            "44,67 56,67 56,90 44,90",
        ),
    ),
    Thing(
        "hat",
        _HOPPER,
        "30,26 31,16 35,14 45,16.5 58,16 69,15 73,17 72,26 66,23.5 50,22 37,24",
        "40,19.5 60,19.5",
        (120, 30, 50),
        (
            _JACKET,
            "30,4 72,4 72,17 30,17",
        ),
    ),
    Thing(
        "wall",
        _HOPPER,
        "72,0 100,0 100,65 88,61 72,55 71,46 73,25",
        "85,20 87,30",
        (130, 130, 70),
        ("24,0 40,0 34,50 24,50",),
    ),
    Thing(
        "bricks",
        "tower_1904.bmp",
        "16,70 86,70 86,88 16,88",
        "24,72 40,72",
        (190, 110, 80),
    ),
    Thing(
        "trees",
        "pagoda_16bit.tif",
        "53,83 65,72 85,65 90,40 100,36 100,100 50,100",
        "80,85 90,88",
        (190, 110, 40),
        ("0,36 14,40 50,80 54,100 0,100",),
    ),
)


def filled(outlines: tuple[str, ...], shape: tuple[int, ...]) -> Mask:
    mask = np.zeros(shape, np.uint8)
    for outline in outlines:
        cv2.fillPoly(mask, [_pixels(outline, shape)], 1)
    return mask > 0


def _pixels(outline: str, shape: tuple[int, ...]) -> npt.NDArray[np.int32]:
    points = np.array([point.split(",") for point in outline.split()], np.float64)
    return np.rint(points * (shape[1] - 1, shape[0] - 1) / 100).astype(np.int32)


def painted(thing: Thing, shape: tuple[int, ...]) -> Strokes:
    """The thing's stroke, at a picture's size."""
    on = np.zeros(shape, np.float32)
    cv2.polylines(on, [_pixels(thing.stroke, shape)], False, 1.0, max(2, min(shape) // 50))
    lab = rgb_to_lab(np.array(thing.rgb, np.float32) / 255).astype(np.float32)
    return Strokes(lab[1:] * on[..., None], on, lab[0] * on)


def measure(colorizer: Colorizer, thing: Thing) -> tuple[float, float, FloatArray]:
    """The shares that take the paint and that leak, and the picture."""
    with Image.open(ROOT / "samples" / "stills" / thing.picture) as image:
        gray = ImageOps.exif_transpose(image)
        luma = np.asarray(gray if gray.mode.startswith("I") else gray.convert("L"))
    luma = (luma >> 8).astype(np.uint8) if luma.dtype != np.uint8 else luma
    seen = colorizer.network_y(luma)
    strokes = painted(thing, seen.shape)
    if colorizer.engine.folder.hints:
        strokes, _ = fitted(strokes, seen)
    before = cv2.resize(colorizer.estimate([seen])[0].ab, seen.shape[::-1], interpolation=cv2.INTER_CUBIC)
    made = colorizer.painted(colorizer.estimate([seen], [strokes])[0], seen, strokes)
    paint = strokes.ab[strokes.weight > 0].mean(axis=0)
    way = paint - before
    change = made.ab - before
    share = (change * way).sum(axis=-1) / np.maximum((way**2).sum(axis=-1), 1)
    inside, apart = filled((thing.outline,), seen.shape), filled(thing.apart, seen.shape)
    band = np.ones((2 * round(_BAND * min(seen.shape)) + 1,) * 2, np.uint8)
    core = (cv2.erode(inside.astype(np.uint8), band) > 0) & ~apart
    outside = ~(cv2.dilate((inside | apart).astype(np.uint8), band) > 0)
    leaks = (np.linalg.norm(change, axis=-1) > _VISIBLE) & (share > 0.2)
    rgb = colorizer.merge(luma, made.ab).astype(np.float32)
    rgb[cv2.resize(strokes.weight, luma.shape[::-1]) > 0.5] = thing.rgb
    return float((share[core] >= 0.5).mean()), float(leaks[outside].mean()), rgb


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--generator", action="append", help="name or folder; several are set side by side")
    parser.add_argument("--sheet", type=Path, help="draw the pictures here")
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    columns = []
    for generator in options.generator or ["archive"]:
        with Colorizer.load(EngineSettings(threads=1), generator) as colorizer:
            rows = [measure(colorizer, thing) for thing in THINGS]
        for thing, (takes, leaks, _) in zip(THINGS, rows, strict=True):
            log.info("%-12s %-8s takes %5.1f %%  leaks %5.1f %%", generator[-12:], thing.name, 100 * takes, 100 * leaks)
        good = sum(takes >= 0.9 and leaks <= 0.05 for takes, leaks, _ in rows)
        means = [100 * float(np.mean([row[i] for row in rows])) for i in range(2)]
        log.info(
            "%-12s all      takes %5.1f %%  leaks %5.1f %%; %d of %d as wanted",
            generator[-12:],
            *means,
            good,
            len(rows),
        )
        columns.append(np.concatenate([cv2.resize(rgb, (300, 220)) for _, _, rgb in rows]))
    if options.sheet:
        sheet = np.concatenate([np.vsplit(c, 2)[i] for i in range(2) for c in columns], axis=1)
        cv2.imwrite(str(options.sheet), sheet[..., ::-1])


if __name__ == "__main__":
    main()
