"""The table of Nazeri et al. (2018) on CIFAR-10's test pictures: ``python -m train.paper_table runs/a/last.pt ...``.

Mean absolute error over L*, a*, b* and the share of pixels within eps 2 and 5 (`archivecolor.metrics`), of pictures as
a user gets them: 8-bit RGB with the truth's own luma. Each argument is a checkpoint, whose network colors pictures of
32 px as such, or an engine folder, whose network sees them enlarged to the size that it was trained for.
"""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from archivecolor import metrics
from archivecolor.chroma.still import Colorizer
from archivecolor.color import chroma_to_cbcr, luma_of, merge_rows, rgb_to_lab
from archivecolor.errors import ArchiveColorError, InputError
from train import cifar10
from train.checkpoint import Checkpoint
from train.networks import Network, trained_network
from train.recipe import Layout
from train.schedule import Schedule
from train.validate import evenly

log = logging.getLogger("train.paper_table")

Pictures = npt.NDArray[np.uint8]
Coloring = Callable[[Pictures], Pictures]
"""Maps luma ``[n, h, w]`` to RGB ``[n, h, w, 3]``."""

_BATCH = 250
_CIFAR10 = Path(__file__).resolve().parents[1] / "runs" / "cifar10"

_PAPER = """| U-Net, in the paper | 7.9 | 13.7 | 37.2 | | |
| GAN, in the paper | 5.1 | 24.1 | 65.5 | | |"""
_HEAD = """| | MAE | accuracy, eps 2, % | eps 5, % | PSNR, dB | colorfulness, of the truth's |
|---|---|---|---|---|---|"""


@dataclass(frozen=True, slots=True)
class Row:
    """Means over pictures."""

    mae: float
    accuracy_2: float
    accuracy_5: float
    psnr_db: float
    colorfulness_ratio: float

    def __str__(self) -> str:
        percent = f"{100 * self.accuracy_2:.1f} | {100 * self.accuracy_5:.1f}"
        return f"{self.mae:.2f} | {percent} | {self.psnr_db:.2f} | {self.colorfulness_ratio:.2f}"


def measure(color: Coloring, truth: Pictures) -> Row:
    """Gray ``[n, h, w, 3]`` pictures of one size, color them and compare."""
    rows: list[tuple[float, ...]] = []
    for first in range(0, len(truth), _BATCH):
        actual = truth[first : first + _BATCH]
        made = color(luma_of(actual).astype(np.uint8))
        lab, lab_actual = (rgb_to_lab(x.astype(np.float32) / 255) for x in (made, actual))
        pairs = list(zip(made, actual, strict=True))
        # A picture that comes out exactly right, as a gray one can, has no finite ratio
        finite = [p for p in (metrics.psnr(m, a) for m, a in pairs) if np.isfinite(p)]
        figures = (
            metrics.mae(lab, lab_actual),
            metrics.accuracy(lab, lab_actual, 2),
            metrics.accuracy(lab, lab_actual, 5),
            float(np.mean(finite)) if finite else float("nan"),
            float(np.mean([metrics.colorfulness(m) for m, _ in pairs])),
            float(np.mean([metrics.colorfulness(a) for _, a in pairs])),
        )
        rows.append(figures)
    weights = [len(truth[first : first + _BATCH]) for first in range(0, len(truth), _BATCH)]
    mae, accuracy_2, accuracy_5, psnr, ours, actuals = np.average(rows, axis=0, weights=weights)
    return Row(float(mae), float(accuracy_2), float(accuracy_5), float(psnr), float(ours / actuals))


def gray(luma: Pictures) -> Pictures:
    """Leave pictures as they are: what any coloring has to beat."""
    return np.repeat(luma[..., None], 3, axis=-1)


def network_coloring(network: Network, stride: int) -> Coloring:
    """Color with a network, whose chroma of one pixel to ``stride`` pixels of luma comes at the pictures' own size."""

    def color(luma: Pictures) -> Pictures:
        y = luma.astype(np.float32) / np.float32(255)
        seen = torch.from_numpy(y if stride == 1 else np.stack([cifar10.enlarged(one, stride) for one in y]))
        with torch.inference_mode():
            chroma = network(seen[:, None]).chroma.float().numpy().transpose(0, 2, 3, 1)
        cbcr = chroma_to_cbcr(y, chroma)
        laid = [merge_rows(one, *np.moveaxis(beside, -1, 0)) for one, beside in zip(luma, cbcr, strict=True)]
        return np.stack(laid).astype(np.uint8)

    return color


def engine_coloring(colorizer: Colorizer) -> Coloring:
    """Color with a shipped engine, picture by picture."""
    return lambda luma: np.stack([colorizer.color(one) for one in luma]).astype(np.uint8)


def _row(path: Path, truth: Pictures) -> str:
    if path.is_dir():
        with Colorizer.load("onnx", str(path)) as colorizer:
            return f"| {path.name} | {measure(engine_coloring(colorizer), truth)} |"
    checkpoint = Checkpoint.load(path)
    recipe = checkpoint.recipe
    shown = Schedule(recipe.phase).pictures(checkpoint.step)
    epochs = f", {shown / 50_000:.1f} epochs" if recipe.data.layout is Layout.CIFAR10 else ""
    against = "" if any(phase.adversarial for phase in recipe.phase) else ", no adversary"
    name = f"{recipe.name}{against}{epochs}, {checkpoint.seconds / 3600:.1f} h"
    color = network_coloring(trained_network(checkpoint), recipe.chroma_stride)
    return f"| {name} | {measure(color, truth)} |"


def main() -> int:
    """Command line of ``python -m train.paper_table``."""
    parser = argparse.ArgumentParser(
        prog="python -m train.paper_table", description="The paper's figures on CIFAR-10's test pictures."
    )
    parser.add_argument("model", type=Path, nargs="*", help="checkpoints and engine folders")
    parser.add_argument("--count", type=int, default=10_000, help="how many test pictures, chosen evenly")
    parser.add_argument("--cifar10", type=Path, default=_CIFAR10, help="folder of the sheets; fetched when missing")
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    try:
        cifar10.fetch(options.cifar10)
        pictures = [p for name in cifar10.TEST_SHEETS for p in cifar10.read_sheet(options.cifar10 / name)]
        if not 1 <= options.count <= len(pictures):
            raise InputError(f"there are {len(pictures)} test pictures, not {options.count}")
        truth = np.stack(evenly(pictures, options.count))
        sys.stdout.write(f"{_HEAD}\n{_PAPER}\n| gray | {measure(gray, truth)} |\n")
        for path in options.model:
            sys.stdout.write(_row(path, truth) + "\n")
            sys.stdout.flush()
    except ArchiveColorError as e:
        log.error("%s", e)
        return e.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
