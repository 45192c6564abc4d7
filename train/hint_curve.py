"""What hints are worth: the error with 0, 1, 2, 5 ... random dots of the true color on each picture.

    python -m train.hint_curve runs/archive-hinted/last.pt --test PHOTOGRAPHS [--count 60] [--sheet DOTS.png]

Takes a checkpoint or an engine folder. A dot is one pixel of the network's chroma, 1/64 of the short side at 256 px.
The dots of a picture are the same for every generator, and fewer dots are the first of more.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import torch

from archivecolor.color import FloatArray, lab_to_rgb, rgb_to_lab, rgb_to_luma
from archivecolor.errors import ArchiveColorError, OutputError, UsageError
from archivecolor.inference import catalog
from archivecolor.inference.torch import load_generator
from archivecolor.inference.torch_generator import Generator
from train.checkpoint import Checkpoint
from train.dataset import small_chroma
from train.networks import trained_network
from train.validate import ValidationSet, error_of, shrink

NUMBERS = (0, 1, 2, 5, 10, 20, 50, 100)


def random_dots(chroma: FloatArray, count: int, seed: int) -> FloatArray:
    """Hints ``[3, h, w]`` that tell the true chroma ``[2, h, w]`` of ``count`` pixels."""
    _, height, width = chroma.shape
    places = np.random.default_rng(seed).permutation(height * width)[:count]
    hints = np.zeros((3, height * width), np.float32)
    hints[:2, places] = chroma.reshape(2, -1)[:, places]
    hints[2, places] = 1
    return hints.reshape(3, height, width)


def chroma_with(generator: Generator, luma: FloatArray, hints: FloatArray) -> FloatArray:
    """The chroma ``[h, w, 2]`` of luma ``[H, W]`` and hints ``[3, h, w]``."""
    with torch.inference_mode():
        made = generator(torch.from_numpy(luma)[None, None], torch.from_numpy(hints)[None]).chroma[0]
    return np.asarray(made.float().numpy().transpose(1, 2, 0), np.float32)


def curve(generator: Generator, pictures: Sequence[FloatArray], numbers: Sequence[int] = NUMBERS) -> list[float]:
    """Mean CIEDE2000 over pictures ``[h, w, 3]`` for each number of dots."""
    errors = np.empty((len(pictures), len(numbers)))
    for i, rgb in enumerate(pictures):
        luma, truth = rgb_to_luma(rgb), small_chroma(rgb)
        small = shrink(rgb, truth.shape[2], truth.shape[1])
        for j, count in enumerate(numbers):
            errors[i, j] = error_of(chroma_with(generator, luma, random_dots(truth, count, i)), small)[0]
    return [float(v) for v in errors.mean(axis=0)]


def draw_sheet(generator: Generator, pictures: Sequence[FloatArray], numbers: Sequence[int], path: Path) -> None:
    """A row a picture: with each number of dots, and the truth last."""
    rows = []
    for i, rgb in enumerate(pictures):
        luma, truth = rgb_to_luma(rgb), small_chroma(rgb)
        lightness = rgb_to_lab(np.repeat(luma[..., None], 3, axis=-1))[..., :1]
        cells = []
        for count in numbers:
            ab = chroma_with(generator, luma, random_dots(truth, count, i))
            wide = cv2.resize(ab, (luma.shape[1], luma.shape[0]), interpolation=cv2.INTER_LINEAR)
            cells.append(np.clip(lab_to_rgb(np.concatenate((lightness, wide), axis=-1)), 0, 1))
        rows.append(np.concatenate([cv2.resize(cell, (192, 160)) for cell in (*cells, rgb)], axis=1))
    if not cv2.imwrite(str(path), np.rint(np.concatenate(rows)[..., ::-1] * 255).astype(np.uint8)):
        raise OutputError(f"{path}: cannot be written")


def load(path: Path) -> Generator:
    """The generator of a checkpoint or an engine folder; raises `UsageError` for one that takes no hints."""
    network = load_generator(catalog.read(path)) if path.is_dir() else trained_network(Checkpoint.load(path))
    if not isinstance(network, Generator) or network.hints is None:
        raise UsageError(f"{path}: this generator takes no hints")
    return network


def main() -> int:
    """Command line of ``python -m train.hint_curve``."""
    parser = argparse.ArgumentParser(prog="python -m train.hint_curve", description="What random dots are worth.")
    parser.add_argument("generator", type=Path, help="a checkpoint, or an engine folder")
    parser.add_argument("--test", type=Path, required=True, help="folder of color photographs")
    parser.add_argument("--count", type=int, default=60)
    parser.add_argument("--side", type=int, default=256, help="short side, in pixels, to measure at")
    parser.add_argument("--sheet", type=Path, help="draw the first twelve with 0, 1, 5, 20 dots, and the truth, here")
    options = parser.parse_args()
    try:
        generator = load(options.generator)
        pictures = ValidationSet.of_folder(options.test, options.count, options.side).pictures
        errors = curve(generator, pictures)
        for count, error in zip(NUMBERS, errors, strict=True):
            sys.stdout.write(f"{count:4d} dots  CIEDE2000 {error:6.3f}  {100 * (1 - error / errors[0]):5.1f} % less\n")
        if options.sheet:
            draw_sheet(generator, pictures[:12], (0, 1, 5, 20), options.sheet)
    except ArchiveColorError as e:
        sys.stderr.write(f"{e}\n")
        return e.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
