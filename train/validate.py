"""How a run is doing: figures and a contact sheet on pictures that it never trains on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import cv2
import numpy as np
import numpy.typing as npt
import torch

from archivecolor.color import FloatArray, lab_to_rgb, rgb_to_lab, rgb_to_luma
from archivecolor.errors import InputError, OutputError
from archivecolor.inference.torch_generator import INPUT_MULTIPLE
from archivecolor.metrics import ciede2000, colorfulness
from train import cifar10
from train.dataset import Photographs
from train.networks import Network

_Item = TypeVar("_Item")


@dataclass(frozen=True, slots=True)
class Validation:
    """Means over the validation pictures, at the network's own resolution."""

    ciede2000: float
    ciede2000_gray: float
    colorfulness_ratio: float

    @property
    def gain(self) -> float:
        """By how much the error is below that of leaving the pictures gray, in percent."""
        return 100 * (1 - self.ciede2000 / self.ciede2000_gray)


class ValidationSet:
    """Pictures ``[h, w, 3]`` of sRGB in 0..1, with sides that the network takes."""

    def __init__(self, pictures: list[FloatArray]) -> None:
        self.pictures = pictures

    @classmethod
    def of_folder(cls, folder: Path, count: int, side: int) -> ValidationSet:
        """Up to ``count`` pictures of a folder, chosen evenly, with a short side of about ``side`` pixels."""
        if not folder.is_dir():
            raise InputError(f"{folder}: there is no such folder of pictures to validate on")
        paths = sorted(p for p in folder.iterdir() if p.suffix.lower() in {".jpg", ".png", ".webp"})
        if not paths:
            raise InputError(f"{folder}: holds no pictures to validate on")
        return cls([_scaled(_load(path), side) for path in evenly(paths, count)])

    @classmethod
    def of_cifar10(cls, folder: Path, count: int, stride: int) -> ValidationSet:
        """``count`` of CIFAR-10's test pictures, so large that ``stride`` pixels of luma make one of them."""
        cifar10.fetch(folder)
        test = [picture for name in cifar10.TEST_SHEETS for picture in cifar10.read_sheet(folder / name)]
        floats = [picture.astype(np.float32) / np.float32(255) for picture in evenly(test, count)]
        return cls(floats if stride == 1 else [cifar10.enlarged(picture, stride) for picture in floats])

    @classmethod
    def of_photographs(cls, photographs: Photographs, count: int, side: int) -> ValidationSet:
        """Up to ``count`` of a corpus's pictures, chosen evenly."""
        return cls([_scaled(photographs[i], side) for i in evenly(range(len(photographs)), count)])

    def measure(self, generator: Network, sheet: Path | None = None) -> Validation:
        """Color every picture with ``generator`` (in evaluation mode) and compare; draw gray | model | actual."""
        errors, gray_errors, ratios = [], [], []
        triplets: list[FloatArray] = []
        for rgb in self.pictures:
            luma = rgb_to_luma(rgb)
            with torch.inference_mode():
                seen = torch.from_numpy(luma)[None, None].to(generator.palette.device)
                ab = generator(seen).chroma[0].float().cpu().numpy().transpose(1, 2, 0)
            small = shrink(rgb, ab.shape[1], ab.shape[0])
            error, colored = error_of(ab, small)
            errors.append(error)
            gray_errors.append(error_of(np.zeros_like(ab), small)[0])
            ratios.append((colorfulness(colored * 255), colorfulness(small * 255)))
            if sheet and len(triplets) < 40:
                triplets.append(_triplet(rgb, luma, ab))
        if sheet:
            _write_sheet(sheet, triplets)
        ours, actual = np.mean(ratios, axis=0)
        return Validation(float(np.mean(errors)), float(np.mean(gray_errors)), float(ours / actual))


def error_of(ab: FloatArray, small: FloatArray) -> tuple[float, FloatArray]:
    """Mean CIEDE2000 of chroma ``[h, w, 2]`` to a picture's ``[h, w, 3]``, on its lightness; and how that looks."""
    truth = rgb_to_lab(small)
    colored = np.clip(lab_to_rgb(np.concatenate((truth[..., :1], ab), axis=-1)), 0, 1)
    return float(ciede2000(rgb_to_lab(colored), truth).mean()), colored


def evenly(items: Sequence[_Item], count: int) -> Sequence[_Item]:
    """``count`` of the items, or all, the same distance apart."""
    return items[:: max(1, len(items) // count)][:count]


def _load(path: Path) -> npt.NDArray[np.uint8]:
    picture = cv2.imread(str(path), cv2.IMREAD_COLOR_RGB)
    if picture is None:
        raise InputError(f"{path}: cannot be decoded")
    return np.asarray(picture, np.uint8)


def _scaled(picture: npt.NDArray[np.uint8], side: int) -> FloatArray:
    h, w = picture.shape[:2]
    scale = side / min(h, w)
    size = [max(INPUT_MULTIPLE, round(v * scale / INPUT_MULTIPLE) * INPUT_MULTIPLE) for v in (w, h)]
    return cv2.resize(picture, size, interpolation=cv2.INTER_AREA).astype(np.float32) / np.float32(255)


def shrink(rgb: FloatArray, width: int, height: int) -> FloatArray:
    """A smaller picture: each pixel the mean of those that it stands for."""
    return np.asarray(cv2.resize(rgb, (width, height), interpolation=cv2.INTER_AREA), dtype=np.float32)


def _triplet(rgb: FloatArray, luma: FloatArray, ab: FloatArray) -> FloatArray:
    h, w = luma.shape
    lab = rgb_to_lab(np.repeat(luma[..., None], 3, axis=-1))
    lab[..., 1:] = cv2.resize(ab, (w, h), interpolation=cv2.INTER_LINEAR)
    row = np.concatenate((np.repeat(luma[..., None], 3, axis=-1), np.clip(lab_to_rgb(lab), 0, 1), rgb), axis=1)
    return shrink(row, 3 * 192, 160)


def _write_sheet(path: Path, triplets: list[FloatArray]) -> None:
    columns = 4
    cells = triplets + [np.ones_like(triplets[0])] * (-len(triplets) % columns)
    rows = [np.concatenate(cells[i : i + columns], axis=1) for i in range(0, len(cells), columns)]
    sheet = np.rint(np.concatenate(rows, axis=0)[..., ::-1] * 255).astype(np.uint8)
    if not cv2.imwrite(str(path), sheet):
        raise OutputError(f"{path}: cannot be written")
