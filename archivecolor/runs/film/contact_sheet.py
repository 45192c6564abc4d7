"""A sheet of one picture of each shot: what a film will be like."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from archivecolor.chroma.scan import Scan
from archivecolor.errors import OutputError
from archivecolor.film.form import PictureForm
from archivecolor.film.writing import Part
from archivecolor.jobs.atomic import atomic_write

_SHEET_PICTURES: Final = 24
_SHEET_WIDTH_PX: Final = 360


def looks(scan: Scan, part: Part) -> list[int]:
    """The middle frame of each shot, or as many frames evenly as make a sheet worth looking at."""
    edges = [part.first, *(c for c in scan.cuts if part.first < c < part.last), part.last]
    middles = [(a + b) // 2 for a, b in pairwise(edges)]
    if len(middles) < _SHEET_PICTURES // 4:
        count = min(_SHEET_PICTURES // 2, part.last - part.first)
        middles = [part.first + (part.last - part.first) * (2 * i + 1) // (2 * count) for i in range(count)]
    if len(middles) > _SHEET_PICTURES:
        middles = [middles[i * len(middles) // _SHEET_PICTURES] for i in range(_SHEET_PICTURES)]
    return middles


def tile_of(rgb: npt.NDArray[np.uint8], form: PictureForm) -> npt.NDArray[np.uint8]:
    """A stored frame upright, with square pixels, as wide as a sheet's pictures are."""
    upright = form.orientation.to_upright(rgb)
    aspect = form.sample_aspect or 1
    width = upright.shape[1] * float(1 / aspect if form.orientation.swaps_sides else aspect)
    size = (_SHEET_WIDTH_PX, max(1, round(upright.shape[0] * _SHEET_WIDTH_PX / width)))
    return np.asarray(cv2.resize(np.ascontiguousarray(upright), size, interpolation=cv2.INTER_AREA), dtype=np.uint8)


def write_sheet(path: Path, tiles: list[npt.NDArray[np.uint8]], *, overwrite: bool) -> None:
    """Write the pictures in rows of up to four into a PNG or JPEG. Raises `OutputError`."""
    columns = min(4, len(tiles))
    blank = [np.zeros_like(tiles[0])] * (-len(tiles) % columns)
    cells = [*tiles, *blank]
    sheet = np.vstack([np.hstack(cells[i : i + columns]) for i in range(0, len(cells), columns)])
    ok, coded = cv2.imencode(path.suffix, np.ascontiguousarray(sheet[..., ::-1]))
    if not ok:
        raise OutputError(f"{path}: cannot be encoded", hint="end it in .png or .jpg")
    with atomic_write(path, overwrite=overwrite) as file:
        file.write(coded.data)
