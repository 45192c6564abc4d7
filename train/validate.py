"""How a run is doing: figures and a contact sheet on pictures that it never trains on."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch

from archivecolor.color import FloatArray, lab_to_rgb, rgb_to_lab, rgb_to_luma
from archivecolor.errors import InputError, OutputError
from archivecolor.generator import CHROMA_STRIDE, INPUT_MULTIPLE, Generator
from archivecolor.metrics import ciede2000, colourfulness


@dataclass(frozen=True, slots=True)
class Validation:
    """Means over the validation pictures, at the network's own resolution."""

    ciede2000: float
    ciede2000_grey: float
    colourfulness_ratio: float

    @property
    def gain(self) -> float:
        """By how much the error is below that of leaving the pictures grey, in percent."""
        return 100 * (1 - self.ciede2000 / self.ciede2000_grey)


class ValidationSet:
    """Pictures of a folder, scaled once."""

    def __init__(self, folder: Path, count: int, side: int) -> None:
        paths = sorted(p for p in folder.iterdir() if p.suffix.lower() in {".jpg", ".png", ".webp"})
        if not paths:
            raise InputError(f"{folder}: holds no pictures to validate on")
        chosen = paths[:: max(1, len(paths) // count)][:count]
        self.pictures = [_load(path, side) for path in chosen]

    def measure(self, generator: Generator, sheet: Path | None = None) -> Validation:
        """Colour every picture with ``generator`` (in evaluation mode) and compare; draw grey | model | actual."""
        errors, grey_errors, ratios = [], [], []
        triplets: list[FloatArray] = []
        for rgb in self.pictures:
            luma = rgb_to_luma(rgb)
            with torch.inference_mode():
                ab = generator(torch.from_numpy(luma)[None, None]).chroma[0].float().numpy().transpose(1, 2, 0)
            h, w = luma.shape
            small = _shrink(rgb, w // CHROMA_STRIDE, h // CHROMA_STRIDE)
            truth = rgb_to_lab(small)
            predicted = np.concatenate((truth[..., :1], ab), axis=-1)
            coloured = np.clip(lab_to_rgb(predicted), 0, 1)
            grey = truth * np.array([1, 0, 0], np.float32)
            errors.append(float(ciede2000(rgb_to_lab(coloured), truth).mean()))
            grey_errors.append(float(ciede2000(grey, truth).mean()))
            ratios.append((colourfulness(coloured * 255), colourfulness(small * 255)))
            if sheet and len(triplets) < 40:
                triplets.append(_triplet(rgb, luma, ab))
        if sheet:
            _write_sheet(sheet, triplets)
        ours, actual = np.mean(ratios, axis=0)
        return Validation(float(np.mean(errors)), float(np.mean(grey_errors)), float(ours / actual))


def _load(path: Path, side: int) -> FloatArray:
    picture = cv2.imread(str(path), cv2.IMREAD_COLOR_RGB)
    if picture is None:
        raise InputError(f"{path}: cannot be decoded")
    h, w = picture.shape[:2]
    scale = side / min(h, w)
    size = [max(INPUT_MULTIPLE, round(v * scale / INPUT_MULTIPLE) * INPUT_MULTIPLE) for v in (w, h)]
    return cv2.resize(picture, size, interpolation=cv2.INTER_AREA).astype(np.float32) / np.float32(255)


def _shrink(rgb: FloatArray, width: int, height: int) -> FloatArray:
    return np.asarray(cv2.resize(rgb, (width, height), interpolation=cv2.INTER_AREA), dtype=np.float32)


def _triplet(rgb: FloatArray, luma: FloatArray, ab: FloatArray) -> FloatArray:
    h, w = luma.shape
    lab = rgb_to_lab(np.repeat(luma[..., None], 3, axis=-1))
    lab[..., 1:] = cv2.resize(ab, (w, h), interpolation=cv2.INTER_LINEAR)
    row = np.concatenate((np.repeat(luma[..., None], 3, axis=-1), np.clip(lab_to_rgb(lab), 0, 1), rgb), axis=1)
    return _shrink(row, 3 * 192, 160)


def _write_sheet(path: Path, triplets: list[FloatArray]) -> None:
    columns = 4
    cells = triplets + [np.ones_like(triplets[0])] * (-len(triplets) % columns)
    rows = [np.concatenate(cells[i : i + columns], axis=1) for i in range(0, len(cells), columns)]
    sheet = np.rint(np.concatenate(rows, axis=0)[..., ::-1] * 255).astype(np.uint8)
    if not cv2.imwrite(str(path), sheet):
        raise OutputError(f"{path}: cannot be written")
