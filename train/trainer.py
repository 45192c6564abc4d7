"""Everything that training changes, and one step of it: generator, running mean, discriminator, optimizers."""

from __future__ import annotations

import copy
import math
from dataclasses import asdict
from typing import Any

import torch
from torch import Tensor

from archivecolor.color import FloatArray
from archivecolor.errors import ArchiveColorError, InputError
from archivecolor.inference.torch_generator import Generator
from train.checkpoint import Checkpoint
from train.dataset import Batch, Photographs
from train.discriminator import make_discriminator
from train.losses import ColorLoss, adversarial_loss
from train.networks import imagenet_weights, make_network
from train.palette import fit_palette, palette_prior
from train.parent import Parent
from train.recipe import Phase, Recipe
from train.schedule import PlateauWatch, Schedule

_WARM_UP_STEPS = 200


class Trainer:
    """The generator, its running mean, the discriminator and their optimizers."""

    def __init__(self, recipe: Recipe, device: torch.device | None = None) -> None:
        torch.manual_seed(recipe.seed)
        self.recipe = recipe
        self.device = device or torch.device("cpu")
        self.generator = make_network(recipe).to(self.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        discriminator = make_discriminator(recipe.adversary)
        self.discriminator = discriminator.to(self.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
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
        self.warm_from = -_WARM_UP_STEPS
        """The step at which optimizers began that know nothing of the steps before."""
        self.seconds = 0.0
        self.shown = 0

    def begin(self, photographs: Photographs, parent: Parent | None = None) -> None:
        """Start from ``parent``'s weights, or from ImageNet's encoder and a palette fitted to the photographs."""
        entries = self.recipe.network.palette
        if parent:
            self.generator.load_state_dict({**self.generator.state_dict(), **parent.weights})
            self.seconds, self.shown = parent.seconds, parent.shown
        elif isinstance(self.generator, Generator):
            self.generator.encoder.load_imagenet(imagenet_weights(self.generator.shape.encoder))
        if entries and parent:
            prior = palette_prior(photographs, self.generator.palette.cpu().numpy(), self.recipe.seed)
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
        self.prior, self.step, self.seconds, self.shown = c.prior, c.step, c.seconds, c.shown

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
            self.shown,
        )

    def learning_rate(self, phase: Phase, done: float) -> float:
        """The generator's rate for the next step; it rises after optimizers began in mid-schedule."""
        rate = self.plateau.rate(phase) if phase.plateau else Schedule.learning_rate(phase, done)
        return rate * min(1.0, (self.step - self.warm_from + 1) / _WARM_UP_STEPS)

    def train_on(self, batch: Batch, phase: Phase, rate: float, color_loss: ColorLoss) -> dict[str, float]:
        """One step; returns the value of each loss term."""
        torch.manual_seed((self.recipe.seed << 32) + self.step)  # what is dropped out depends on nothing else
        luma, chroma = self._moved(batch.luma), self._moved(batch.chroma)
        encoder, rest = self.optimizer.param_groups
        encoder["lr"], rest["lr"] = rate * phase.encoder_share, rate
        hints = () if batch.hints is None else (self._moved(batch.hints),)
        with torch.autocast(self.device.type, dtype=torch.bfloat16):
            prediction = self.generator(luma, *hints)
        distribution, pixel = color_loss(prediction, chroma)
        terms = {"distribution": distribution, "pixel": pixel}
        if phase.adversarial:
            terms["discriminator"] = self._train_discriminator(luma, chroma, prediction.chroma.detach().float(), phase)
            self.discriminator.requires_grad_(False)
            judged = self.discriminator(luma, prediction.chroma.float())
            terms["adversarial"] = phase.adversarial * self.game.generator(judged)
            self.discriminator.requires_grad_(True)
        total = sum((v for k, v in terms.items() if k != "discriminator"), chroma.new_zeros(()))
        self.optimizer.zero_grad(set_to_none=True)
        torch.autograd.backward(total)
        norm = torch.nn.utils.clip_grad_norm_(self.generator.parameters(), self.recipe.gradient_clip or math.inf)
        # The one place where a step waits for a GPU, before weights that are no numbers could reach a checkpoint
        loss, gradient, *values = torch.stack([total.detach(), norm, *(v.detach() for v in terms.values())]).tolist()
        self._check_finite("loss", loss)
        self._check_finite("gradient", gradient)
        self.optimizer.step()
        self._update_ema()
        self.step += 1
        self.shown += len(luma)
        return dict(zip(terms, values, strict=True))

    def _moved(self, planes: FloatArray) -> Tensor:
        host = torch.from_numpy(planes)
        return host.to(self.device, non_blocking=True)

    def _check_finite(self, what: str, value: float) -> None:
        if not math.isfinite(value):
            raise ArchiveColorError(
                f"the {what} became {value} at step {self.step}",
                hint="the last checkpoint is good; lower the learning rate and start again",
            )

    def _train_discriminator(self, luma: Tensor, real: Tensor, fake: Tensor, phase: Phase) -> Tensor:
        for group in self.discriminator_optimizer.param_groups:
            group["lr"] = phase.discriminator_learning_rate * self.plateau.factor
        loss = self.game.discriminator(self.discriminator(luma, real), self.discriminator(luma, fake))
        self._check_finite("discriminator's loss", loss.item())
        self.discriminator_optimizer.zero_grad(set_to_none=True)
        torch.autograd.backward(loss)
        self.discriminator_optimizer.step()
        return loss.detach()

    @torch.no_grad()
    def _update_ema(self) -> None:
        decay = min(self.recipe.ema, (self.step + 1) / (self.step + 10))
        ours, theirs = list(self.ema.parameters()), list(self.generator.parameters())
        torch._foreach_lerp_(ours, theirs, 1 - decay)
        buffers = list(zip(self.ema.buffers(), self.generator.buffers(), strict=True))
        floats = [(mean, value) for mean, value in buffers if mean.is_floating_point()]
        counts = [(mean, value) for mean, value in buffers if not mean.is_floating_point()]
        torch._foreach_lerp_([m for m, _ in floats], [v for _, v in floats], 1 - decay)
        torch._foreach_copy_([m for m, _ in counts], [v for _, v in counts])
