"""Train a generator: ``python -m train.fit train/recipes/archive.toml --run runs/archive``.

The whole of training is the loop in `fit`: draw the step's batch, learn from it (`Trainer.train_on`: predict, compare,
and where the phase asks for it play one round against the discriminator), save and tell now and then. The same command
goes on where the run folder's ``last.pt`` stopped, to the bit; Ctrl-C finishes the step and saves it.
``--set phase.learning_rate=2e-5`` changes a value of the recipe for this run, at its start or on going on.

``--device cuda`` trains on a GPU, with batches made by as many processes as there are cores; `train.shards` packs
photographs to be carried to one, and ``mean.pt``, written beside each ``last.pt``, is what to carry back.
"""

from __future__ import annotations

import argparse
import csv
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

import torch

from archivecolor.errors import ArchiveColorError, ConfigurationError
from train import recipe_file
from train.batches import batches, batches_of_workers
from train.checkpoint import Checkpoint, current_commit
from train.dataset import Photographs
from train.device import training_device
from train.losses import ColorLoss
from train.networks import freeze
from train.parent import load_parent
from train.recipe import Layout, Phase, Recipe
from train.schedule import Pace, PlateauWatch, Schedule
from train.trainer import Trainer
from train.validate import ValidationSet

log = logging.getLogger("train.fit")

ROOT = Path(__file__).resolve().parents[1]


def begin_or_go_on(
    trainer: Trainer, photographs: Photographs, last: Path, start_from: Path | None, *, in_place: bool
) -> None:
    """Restore the run's last checkpoint and tell what the recipe has otherwise since, or begin if there is none."""
    if last.exists():
        checkpoint = Checkpoint.load(last)
        checkpoint.check_same_run(last, trainer.recipe, photographs.digest)
        trainer.restore(checkpoint)
        log.info("going on at step %d", trainer.step)
        for line in recipe_file.differences(checkpoint.recipe, trainer.recipe):
            log.info("the recipe has changed: %s", line)
        return
    if start_from and in_place:
        go_on_in_place(trainer, photographs, start_from)
        return
    parent = load_parent(start_from, trainer.recipe.network) if start_from else None
    trainer.begin(photographs, parent)
    if parent:
        log.info("starting from %s, trained for %.1f h", start_from, parent.seconds / 3600)


def go_on_in_place(trainer: Trainer, photographs: Photographs, start_from: Path) -> None:
    """Take weights and where they were in the recipe, in pictures, as batches may differ; of a checkpoint, all else."""
    parent = load_parent(start_from, trainer.recipe.network)
    if parent.recipe != trainer.recipe.name:
        raise ConfigurationError(
            f"{start_from}: was trained by recipe '{parent.recipe}', so it has no place in '{trainer.recipe.name}'",
            hint="leave --in-place out: the recipe's schedule then begins with these weights",
        )
    step = Schedule(trainer.recipe.phase).step_after(parent.pictures)
    checkpoint = None if start_from.is_dir() else Checkpoint.load(start_from)
    if checkpoint and checkpoint.optimizer:
        trainer.restore(checkpoint)
    else:
        trainer.begin(photographs, parent)
        trainer.warm_from = step
    trainer.step = step
    log.info("going on from %s at step %d, trained for %.1f h", start_from, trainer.step, parent.seconds / 3600)


def fit(
    recipe: Recipe,
    run: Path,
    validation: ValidationSet | None,
    every_s: float,
    start_from: Path | None = None,
    stop: threading.Event | None = None,
    *,
    in_place: bool = False,
    device: torch.device | None = None,
    workers: int = 0,
    seconds: float | None = None,
) -> Path:
    """Train until the recipe's schedule ends, or ``stop`` is set; returns the path of the last checkpoint.

    ``start_from`` takes the weights of another run's checkpoint, or of an engine folder, and begins this recipe's
    schedule with them; ``in_place`` goes on in it where they were, as on another machine or with more photographs.
    Batches are made by ``workers`` processes; 0 is a thread. With ``seconds``, see `Pace`.
    """
    stop = stop or threading.Event()
    run.mkdir(parents=True, exist_ok=True)
    last = run / "last.pt"
    photographs = Photographs.load(ROOT, recipe.data)
    trainer = Trainer(recipe, device)
    begin_or_go_on(trainer, photographs, last, start_from, in_place=in_place)
    schedule = Schedule(recipe.phase)
    color_loss = ColorLoss(trainer.generator.palette.cpu(), trainer.prior, recipe.loss).to(trainer.device)
    commit = current_commit(ROOT)
    saved = clock = time.monotonic()
    means: dict[str, float] = {}
    current: Phase | None = None
    drawn = photographs, recipe, schedule, trainer.step
    made = batches_of_workers(*drawn, workers) if workers else batches(*drawn)
    pace = Pace(schedule, trainer.step, seconds) if seconds else None
    for batch in made:
        phase, done = schedule.at(trainer.step)
        if phase is not current:
            freeze(trainer.generator, phase)
            if not done:
                trainer.plateau = PlateauWatch()
            current = phase
        terms = trainer.train_on(batch, phase, trainer.learning_rate(phase, done), color_loss)
        trainer.step = pace.step(trainer.step) if pace else trainer.step
        for term, value in terms.items():
            means[term] = 0.98 * means.get(term, value) + 0.02 * value
        if trainer.plateau.see(terms["pixel"], phase):
            log.info("step %d: the loss has come to a standstill, the learning rate is lowered", trainer.step)
        now = time.monotonic()
        trainer.seconds, clock = trainer.seconds + now - clock, now
        ended = trainer.step == schedule.steps or schedule.at(trainer.step)[0] is not phase
        if now - saved > every_s or ended or stop.is_set():
            checkpoint = trainer.checkpoint(commit, photographs.digest)
            checkpoint.save(last)
            checkpoint.mean().save(run / "mean.pt")
            if ended:
                checkpoint.save(run / f"after-{phase.name}.pt")
            epoch = trainer.shown / len(photographs)
            report(trainer, phase, epoch, means, validation, run)
            saved = clock = time.monotonic()
        if stop.is_set() or trainer.step == schedule.steps:
            break
    return last


def report(
    trainer: Trainer, phase: Phase, epoch: float, means: dict[str, float], validation: ValidationSet | None, run: Path
) -> None:
    """Log the run's figures, add a row to ``curve.csv`` and draw the validation sheet."""
    row: dict[str, float | str] = {"step": trainer.step, "hours": round(trainer.seconds / 3600, 4), "phase": phase.name}
    row |= {k: round(means.get(k, 0.0), 4) for k in ("distribution", "pixel", "adversarial", "discriminator")}
    row |= {
        "epoch": round(epoch, 3),
        "pictures": trainer.shown,
        "learning_rate": trainer.optimizer.param_groups[-1]["lr"],
    }
    if validation:
        measured = validation.measure(trainer.ema, run / "sheet.png")
        row |= {"ciede2000": round(measured.ciede2000, 4), "gain_percent": round(measured.gain, 3)}
        row |= {"colorfulness_ratio": round(measured.colorfulness_ratio, 4)}
    log.info("%s", ", ".join(f"{k} {v}" for k, v in row.items()))
    add_row(run / "curve.csv", row)


def add_row(path: Path, row: dict[str, float | str]) -> None:
    """Add a row to a CSV file under the columns that it has; a new file gets the row's."""
    columns = list(row)
    if path.exists():
        with path.open(newline="", encoding="utf-8") as f:
            columns = next(csv.reader(f), columns)
    with path.open("a", newline="", encoding="utf-8") as f:
        writer = csv.DictWriter(f, columns, restval="", extrasaction="ignore")
        if not f.tell():
            writer.writeheader()
        writer.writerow(row)


@contextmanager
def stopped_by_interrupt() -> Iterator[threading.Event]:
    """An event that the first Ctrl-C sets, so that the step is finished and saved; the second stops at once."""
    stop = threading.Event()

    def ask(_signal: int, _frame: FrameType | None) -> None:
        stop.set()
        signal.signal(signal.SIGINT, signal.default_int_handler)

    before = signal.signal(signal.SIGINT, ask)
    try:
        yield stop
    finally:
        signal.signal(signal.SIGINT, before)


def main() -> int:
    """Command line of ``python -m train.fit``."""
    parser = argparse.ArgumentParser(prog="python -m train.fit", description="Train a generator from a recipe.")
    parser.add_argument("recipe", type=Path)
    parser.add_argument(
        "--run", type=Path, required=True, help="folder of checkpoints and curves; git-ignored runs/NAME"
    )
    parser.add_argument(
        "--from", type=Path, dest="start_from", help="begin with the weights of this checkpoint or engine folder"
    )
    parser.add_argument(
        "--in-place", action="store_true", help="go on in the recipe's schedule where those weights were"
    )
    parser.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", help="change a value of the recipe: phase.batch=8"
    )
    parser.add_argument(
        "--validate", type=Path, help="folder of color photographs to measure on; CIFAR-10 brings its own"
    )
    parser.add_argument("--validate-count", type=int, default=60)
    parser.add_argument("--validate-side", type=int, default=192, help="short side, in pixels, to measure at")
    parser.add_argument("--every", type=float, help="seconds between checkpoints: 300, or 120 on a GPU")
    parser.add_argument("--device", default="cpu", help="cpu, cuda or cuda:1; all compute in bfloat16")
    parser.add_argument("--workers", type=int, help="processes that make batches; all cores on a GPU, else a thread")
    parser.add_argument("--minutes", type=float, help="go through the schedule in this time, skipping steps as needed")
    parser.add_argument("--threads", type=int, default=0, help="0: as many as there are cores")
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S")
    if options.threads:
        torch.set_num_threads(options.threads)
    try:
        recipe = recipe_file.load(options.recipe, options.set)
        device = training_device(options.device)
        gpu = device.type == "cuda"
        every_s = (120 if gpu else 300) if options.every is None else options.every
        workers = (os.cpu_count() or 1 if gpu else 0) if options.workers is None else options.workers
        validation = None
        if options.validate:
            validation = ValidationSet.of_folder(options.validate, options.validate_count, options.validate_side)
        elif recipe.data.layout is Layout.CIFAR10:
            folder = ROOT / recipe.data.corpus
            validation = ValidationSet.of_cifar10(folder, options.validate_count, recipe.chroma_stride)
        with stopped_by_interrupt() as stop:
            fit(
                recipe,
                options.run,
                validation,
                every_s,
                options.start_from,
                stop,
                in_place=options.in_place,
                device=device,
                workers=workers,
                seconds=60 * options.minutes if options.minutes else None,
            )
    except ArchiveColorError as e:
        log.error("%s", e)
        return e.exit_code
    except KeyboardInterrupt:
        return 130
    if stop.is_set():
        log.info("stopped; the same command goes on from here")
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
