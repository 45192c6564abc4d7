"""Sheets of gray | model | actual: ``python -m train.triplets runs/NAME/last.pt --test FOLDER``.

On training pictures it shows what the generator has learnt by heart, on test pictures what it has understood. The
figures under both are those of `train.validate`. Sheets go into the run's folder, which git ignores: they show pictures
of the corpus.
"""

from __future__ import annotations

import argparse
import logging
import sys
from pathlib import Path

from archivecolor.errors import ArchiveColorError
from train.checkpoint import Checkpoint
from train.dataset import Photographs
from train.fit import ROOT
from train.networks import trained_network
from train.validate import ValidationSet

log = logging.getLogger("train.triplets")


def draw(checkpoint: Path, test: Path, count: int, side: int) -> tuple[Path, Path]:
    """Write ``triplets-training.png`` and ``triplets-test.png`` beside the checkpoint; returns their paths."""
    state = Checkpoint.load(checkpoint)
    network = trained_network(state)
    sets = {
        "training": ValidationSet.of_photographs(Photographs.load(ROOT, state.recipe.data), count, side),
        "test": ValidationSet.of_folder(test, count, side),
    }
    sheets = []
    for name, pictures in sets.items():
        sheet = checkpoint.parent / f"triplets-{name}.png"
        measured = pictures.measure(network, sheet)
        log.info(
            "%s: %d pictures, CIEDE2000 %.2f, %.1f %% below gray, colorfulness %.2f of the truth's: %s",
            name,
            len(pictures.pictures),
            measured.ciede2000,
            measured.gain,
            measured.colorfulness_ratio,
            sheet,
        )
        sheets.append(sheet)
    return sheets[0], sheets[1]


def main() -> int:
    """Command line of ``python -m train.triplets``."""
    parser = argparse.ArgumentParser(
        prog="python -m train.triplets", description="Draw gray | model | actual on training and on test pictures."
    )
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("--test", type=Path, required=True, help="folder of photographs that it was not trained on")
    parser.add_argument("--count", type=int, default=40, help="pictures a sheet; more are measured than a sheet shows")
    parser.add_argument("--side", type=int, default=128, help="short side, in pixels")
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    try:
        draw(options.checkpoint, options.test, options.count, options.side)
    except ArchiveColorError as e:
        log.error("%s", e)
        return e.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
