"""A grade as grading suites take it: a 3D LUT (.cube), which is exact at its points, and an ASC CDL beside it.

The LUT moves chroma alone and keeps luma. A CDL has one factor of saturation and nothing that moves colors and keeps
luma: it is near for muted colors, and has no warmth, which it says.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import numpy as np

from archivecolor.chroma.control.grade import graded, is_neutral
from archivecolor.chroma.planes import ab_to_cbcr
from archivecolor.color import FloatArray, rgb_to_lab
from archivecolor.jobs.atomic import atomic_write
from archivecolor.settings import ColorSettings

_SIDE: Final = 33
_CDL: Final = """<?xml version="1.0" encoding="UTF-8"?>
<ColorCorrectionCollection xmlns="urn:ASC:CDL:v1.01">
  <ColorCorrection id="archivecolor">
    <SOPNode>
      <Description>{note}</Description>
      <Slope>1 1 1</Slope><Offset>0 0 0</Offset><Power>1 1 1</Power>
    </SOPNode>
    <SatNode><Saturation>{saturation:.6g}</Saturation></SatNode>
  </ColorCorrection>
</ColorCorrectionCollection>
"""


def write_grade(path: Path, color: ColorSettings, weights: tuple[float, float], *, overwrite: bool) -> Iterator[Path]:
    """Write ``path`` with .cube and .cdl, and yield their names; nothing where there is no grade.

    ``weights`` are Kr and Kb of the film's matrix. Raises `OutputError`.
    """
    if is_neutral(color):
        return
    note = "strength times saturation; vivid colors are spared in the .cube alone"
    note += f", and so is the warmth of {color.warmth:g}" if color.warmth else ""
    texts = {
        ".cube": cube(color, weights),
        ".cdl": _CDL.format(note=note, saturation=color.strength * color.saturation),
    }
    for suffix, text in texts.items():
        beside = path.with_suffix(suffix)
        with atomic_write(beside, overwrite=overwrite) as file:
            file.write(text.encode())
        yield beside


def cube(color: ColorSettings, weights: tuple[float, float]) -> str:
    """The grade as a 3D LUT of R'G'B' in 0..1, red fastest."""
    steps = np.linspace(0, 1, _SIDE, dtype=np.float32)
    blue, green, red = np.meshgrid(steps, steps, steps, indexing="ij")
    rgb = np.stack((red, green, blue), axis=-1).reshape(-1, _SIDE, 3)
    rows = "\n".join("{:.6f} {:.6f} {:.6f}".format(*row) for row in _regraded(rgb, color, weights).reshape(-1, 3))
    return f'TITLE "archivecolor"\nLUT_3D_SIZE {_SIDE}\n{rows}\n'


def _regraded(rgb: FloatArray, color: ColorSettings, weights: tuple[float, float]) -> FloatArray:
    kr, kb = weights
    luma = np.asarray(rgb @ np.array((kr, 1 - kr - kb, kb), np.float32), np.float32)
    ab = graded(rgb_to_lab(rgb)[..., 1:], luma, color)
    cb, cr = np.moveaxis(ab_to_cbcr(luma, np.asarray(ab, np.float32), weights), -1, 0)
    r, b = luma + 2 * (1 - kr) * cr, luma + 2 * (1 - kb) * cb
    g = (luma - kr * r - kb * b) / (1 - kr - kb)
    return np.asarray(np.clip(np.stack((r, g, b), axis=-1), 0, 1), np.float32)
