"""A reference photograph, opened and made into a palette for one generator."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from archivecolor.chroma.control.palette import Palette
from archivecolor.chroma.network_input import network_y, shrunk
from archivecolor.color import rgb_to_lab
from archivecolor.errors import InputError
from archivecolor.inference.engine import Engine, check_chroma
from archivecolor.stills import open_still
from archivecolor.toning import tone_of


def palette_of(engine: Engine, reference: Path, network_px: int | None = None) -> Palette:
    """Fit the palette of ``reference`` to what ``engine``'s generator says of it.

    Raises `InputError` when it cannot be read, or is not in color.
    """
    still = open_still(reference)
    if still.thumbnail is None or tone_of(still.thumbnail).is_monochrome:
        raise InputError(f"{reference}: is not in color", hint="--reference takes a photograph in color")
    folder = engine.folder
    seen = network_y(still.luma, still.orientation, network_px or folder.short_px, folder.multiple)
    predicted = check_chroma(engine.colorize(seen[None, None]), folder)[0].transpose(1, 2, 0)
    height, width = predicted.shape[:2]
    rgb = np.ascontiguousarray(still.orientation.to_upright(still.thumbnail))
    small = cv2.resize(rgb, (width, height), interpolation=cv2.INTER_AREA)
    truth = rgb_to_lab(np.asarray(small, dtype=np.float32) / np.float32(255))[..., 1:]
    return Palette.fit(shrunk(seen, (height, width)), predicted, truth)
