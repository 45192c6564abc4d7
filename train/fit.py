"""Train a generator: ``python -m train.fit train/recipes/archive.toml --run runs/archive``.

The whole of training is the loop in `fit`: draw the step's batch, predict, compare, and where the phase asks for it
play one round against the discriminator. The same command goes on where the run folder's ``last.pt`` stopped, to the
bit. ``--set phase.learning_rate=2e-5`` changes a value of the recipe for this run, at its start or on going on.
"""

from __future__ import annotations

import argparse
import copy
import csv
import logging
import math
import queue
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from archivecolor.errors import ArchiveColorError, InputError
from archivecolor.generator import Generator
from train import recipe_file
from train.checkpoint import Checkpoint, current_commit
from train.dataset import Batch, Photographs
from train.discriminator import make_discriminator
from train.losses import ColourLoss, adversarial_loss
from train.networks import freeze, imagenet_weights, make_network
from train.palette import fit_palette, palette_prior
from train.parent import Parent, load_parent
from train.recipe import Layout, Phase, Recipe
from train.schedule import PlateauWatch, Schedule
from train.validate import ValidationSet

log = logging.getLogger("train.fit")

ROOT = Path(__file__).resolve().parents[1]


def batches(photographs: Photographs, recipe: Recipe, schedule: Schedule, first: int) -> Iterator[Batch]:
    """Prepare each step's batch in a thread, a few ahead of the one in training."""
    ready: queue.Queue[Batch | Exception] = queue.Queue(maxsize=3)

    def prepare() -> None:
        try:
            for step in range(first, schedule.steps):
                phase, _ = schedule.at(step)
                key = (recipe.seed, step + 1)
                ready.put(
                    photographs.batch(
                        key, phase.batch, phase.crop, phase.smallest_crop, recipe.degrade, recipe.chroma_stride
                    )
                )
        except Exception as e:  # noqa: BLE001  # handed to the training thread, which raises it
            ready.put(e)

    threading.Thread(target=prepare, daemon=True).start()
    for _ in range(first, schedule.steps):
        batch = ready.get()
        if isinstance(batch, Exception):
            raise batch
        yield batch


class Trainer:
    """The generator, its running mean, the discriminator and their optimisers."""

    def __init__(self, recipe: Recipe) -> None:
        torch.manual_seed(recipe.seed)
        self.recipe = recipe
        self.generator = make_network(recipe).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        discriminator = make_discriminator(recipe.adversary)
        self.discriminator = discriminator.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.game = adversarial_loss(recipe.adversary)
        self.ema = copy.deepcopy(self.generator).eval().requires_grad_(False)
        encoder = list(self.generator.encoder.parameters())
        rest = [p for name, p in self.generator.named_parameters() if not name.startswith("encoder.")]
        groups: list[dict[str, Any]] = [{"params": encoder}, {"params": rest}]
        self.optimizer = torch.optim.AdamW(
            groups, betas=(recipe.beta1, 0.999), weight_decay=recipe.weight_decay, fused=True
        )
        self.discriminator_optimizer = torch.optim.Adam(self.discriminator.parameters(), betas=(0.5, 0.999), fused=True)
        self.prior = torch.zeros(recipe.network.palette)
        self.plateau = PlateauWatch()
        self.step = 0
        self.seconds = 0.0

    def begin(self, photographs: Photographs, parent: Parent | None = None) -> None:
        """Start from ``parent``'s weights, or from ImageNet's encoder and a palette fitted to the photographs."""
        entries = self.recipe.network.palette
        if parent:
            self.generator.load_state_dict(parent.weights)
            self.seconds = parent.seconds
        elif isinstance(self.generator, Generator):
            self.generator.encoder.load_imagenet(imagenet_weights(self.generator.shape.encoder))
        if entries and parent:
            prior = palette_prior(photographs, self.generator.palette.numpy(), self.recipe.seed)
            self.prior = torch.from_numpy(prior)
        elif entries:
            palette = fit_palette(photographs, entries, self.recipe.seed)
            self.generator.palette.copy_(torch.from_numpy(palette.ab))
            self.prior = torch.from_numpy(palette.prior)
        self.generator.temperature.fill_(self.recipe.temperature)
        self.ema.load_state_dict(self.generator.state_dict())

    def restore(self, c: Checkpoint) -> None:
        """Go on from a checkpoint; raises `InputError` when its tensors do not fit."""
        try:
            self.generator.load_state_dict(c.generator)
            self.ema.load_state_dict(c.ema)
            self.optimizer.load_state_dict(c.optimizer)
            self.discriminator.load_state_dict(c.discriminator)
            self.discriminator_optimizer.load_state_dict(c.discriminator_optimizer)
            self.plateau = PlateauWatch(**c.plateau)  # type: ignore[arg-type]
        except (KeyError, RuntimeError, TypeError, ValueError) as e:
            raise InputError(
                f"the checkpoint's tensors do not fit: {e}", hint="was it written by another version? begin with --from"
            ) from e
        self.prior, self.step, self.seconds = c.prior, c.step, c.seconds

    def checkpoint(self, commit: str, digest: str) -> Checkpoint:
        """The present state, to be saved before the next step."""
        return Checkpoint(
            self.recipe,
            commit,
            digest,
            self.step,
            self.seconds,
            self.generator.state_dict(),
            self.ema.state_dict(),
            self.optimizer.state_dict(),
            self.discriminator.state_dict(),
            self.discriminator_optimizer.state_dict(),
            self.prior,
            asdict(self.plateau),
        )

    def learning_rate(self, phase: Phase, done: float) -> float:
        """The generator's rate for the next step."""
        return self.plateau.rate(phase) if phase.plateau else Schedule.learning_rate(phase, done)

    def train_on(self, batch: Batch, phase: Phase, rate: float, colour_loss: ColourLoss) -> dict[str, float]:
        """One step; returns the value of each loss term."""
        torch.manual_seed((self.recipe.seed << 32) + self.step)  # what is dropped out depends on nothing else
        luma, chroma = torch.from_numpy(batch.luma), torch.from_numpy(batch.chroma)
        encoder, rest = self.optimizer.param_groups
        encoder["lr"], rest["lr"] = rate * phase.encoder_share, rate
        with torch.autocast("cpu", dtype=torch.bfloat16):
            prediction = self.generator(luma)
        distribution, pixel = colour_loss(prediction, chroma)
        terms = {"distribution": distribution, "pixel": pixel}
        if phase.adversarial:
            terms["discriminator"] = self._train_discriminator(luma, chroma, prediction.chroma.detach().float(), phase)
            self.discriminator.requires_grad_(False)
            judged = self.discriminator(luma, prediction.chroma.float())
            terms["adversarial"] = phase.adversarial * self.game.generator(judged)
            self.discriminator.requires_grad_(True)
        total = sum((v for k, v in terms.items() if k != "discriminator"), torch.zeros(()))
        self._check_finite("loss", total)
        self.optimizer.zero_grad(set_to_none=True)
        torch.autograd.backward(total)
        norm = torch.nn.utils.clip_grad_norm_(self.generator.parameters(), self.recipe.gradient_clip or math.inf)
        self._check_finite("gradient", norm)  # or the next step's checkpoint would hold weights that are no numbers
        self.optimizer.step()
        self._update_ema()
        self.step += 1
        return {k: v.item() for k, v in terms.items()}

    def _check_finite(self, what: str, value: Tensor) -> None:
        if not math.isfinite(value.item()):
            raise ArchiveColorError(
                f"the {what} became {value.item()} at step {self.step}",
                hint="the last checkpoint is good; lower the learning rate and start again",
            )

    def _train_discriminator(self, luma: Tensor, real: Tensor, fake: Tensor, phase: Phase) -> Tensor:
        for group in self.discriminator_optimizer.param_groups:
            group["lr"] = phase.discriminator_learning_rate * self.plateau.factor
        loss = self.game.discriminator(self.discriminator(luma, real), self.discriminator(luma, fake))
        self._check_finite("discriminator's loss", loss)
        self.discriminator_optimizer.zero_grad(set_to_none=True)
        torch.autograd.backward(loss)
        self.discriminator_optimizer.step()
        return loss.detach()

    @torch.no_grad()
    def _update_ema(self) -> None:
        decay = min(self.recipe.ema, (self.step + 1) / (self.step + 10))
        ours, theirs = list(self.ema.parameters()), list(self.generator.parameters())
        torch._foreach_lerp_(ours, theirs, 1 - decay)
        for mean, value in zip(self.ema.buffers(), self.generator.buffers(), strict=True):
            if mean.is_floating_point():
                mean.lerp_(value, 1 - decay)
            else:
                mean.copy_(value)


def go_on(trainer: Trainer, last: Path, digest: str) -> None:
    """Restore the run's last checkpoint, and tell what the recipe has otherwise since."""
    checkpoint = Checkpoint.load(last)
    checkpoint.check_same_run(last, trainer.recipe, digest)
    trainer.restore(checkpoint)
    log.info("going on at step %d", trainer.step)
    for line in recipe_file.differences(checkpoint.recipe, trainer.recipe):
        log.info("the recipe has changed: %s", line)


def fit(
    recipe: Recipe, run: Path, validation: ValidationSet | None, every_s: float, start_from: Path | None = None
) -> Path:
    """Train until the recipe's schedule ends; returns the path of the last checkpoint.

    ``start_from`` takes the weights of another run's checkpoint, or of an engine folder, and begins this recipe's
    schedule with them.
    """
    run.mkdir(parents=True, exist_ok=True)
    last = run / "last.pt"
    photographs = Photographs.load(ROOT, recipe.data)
    trainer = Trainer(recipe)
    if last.exists():
        go_on(trainer, last, photographs.digest)
    else:
        parent = load_parent(start_from, recipe.network) if start_from else None
        trainer.begin(photographs, parent)
        if parent:
            log.info("starting from %s, trained for %.1f h", start_from, parent.seconds / 3600)
    schedule = Schedule(recipe.phase)
    colour_loss = ColourLoss(trainer.generator.palette, trainer.prior, recipe.loss)
    commit = current_commit(ROOT)
    saved = clock = time.monotonic()
    means: dict[str, float] = {}
    current: Phase | None = None
    for batch in batches(photographs, recipe, schedule, trainer.step):
        phase, done = schedule.at(trainer.step)
        if phase is not current:
            freeze(trainer.generator, phase)
            if not done:
                trainer.plateau = PlateauWatch()
            current = phase
        terms = trainer.train_on(batch, phase, trainer.learning_rate(phase, done), colour_loss)
        for term, value in terms.items():
            means[term] = 0.98 * means.get(term, value) + 0.02 * value
        if trainer.plateau.see(terms["pixel"], phase):
            log.info("step %d: the loss has come to a standstill, the learning rate is lowered", trainer.step)
        now = time.monotonic()
        trainer.seconds, clock = trainer.seconds + now - clock, now
        ended = trainer.step == schedule.steps or schedule.at(trainer.step)[0] is not phase
        if now - saved > every_s or ended:
            trainer.checkpoint(commit, photographs.digest).save(last)
            if ended:
                trainer.checkpoint(commit, photographs.digest).save(run / f"after-{phase.name}.pt")
            epoch = schedule.pictures(trainer.step) / len(photographs.pictures)
            report(trainer, phase, epoch, means, validation, run)
            saved = clock = time.monotonic()
    return last


def report(
    trainer: Trainer, phase: Phase, epoch: float, means: dict[str, float], validation: ValidationSet | None, run: Path
) -> None:
    """Log the run's figures, add a row to ``curve.csv`` and draw the validation sheet."""
    row: dict[str, float | str] = {"step": trainer.step, "hours": round(trainer.seconds / 3600, 4), "phase": phase.name}
    row |= {k: round(means.get(k, 0.0), 4) for k in ("distribution", "pixel", "adversarial", "discriminator")}
    row |= {"epoch": round(epoch, 3), "learning_rate": trainer.optimizer.param_groups[-1]["lr"]}
    if validation:
        measured = validation.measure(trainer.ema, run / "sheet.png")
        row |= {"ciede2000": round(measured.ciede2000, 4), "gain_percent": round(measured.gain, 3)}
        row |= {"colourfulness_ratio": round(measured.colourfulness_ratio, 4)}
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
        "--set", action="append", default=[], metavar="KEY=VALUE", help="change a value of the recipe: phase.batch=8"
    )
    parser.add_argument(
        "--validate", type=Path, help="folder of colour photographs to measure on; CIFAR-10 brings its own"
    )
    parser.add_argument("--validate-count", type=int, default=60)
    parser.add_argument("--validate-side", type=int, default=192, help="short side, in pixels, to measure at")
    parser.add_argument("--every", type=float, default=300, help="seconds between checkpoints")
    parser.add_argument("--threads", type=int, default=0, help="0: as many as there are cores")
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S")
    if options.threads:
        torch.set_num_threads(options.threads)
    try:
        recipe = recipe_file.load(options.recipe, options.set)
        validation = None
        if options.validate:
            validation = ValidationSet.of_folder(options.validate, options.validate_count, options.validate_side)
        elif recipe.data.layout is Layout.CIFAR10:
            validation = ValidationSet.of_cifar10(ROOT / recipe.data.corpus, options.validate_count)
        fit(recipe, options.run, validation, options.every, options.start_from)
    except ArchiveColorError as e:
        log.error("%s", e)
        return e.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
