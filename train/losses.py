"""What the generator and the discriminator are trained to make small. Chroma is in a*b* units throughout."""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from archivecolor.inference.torch_generator import Prediction
from train.recipe import Adversary, AdversaryKind, Loss


class ColorLoss(nn.Module):
    """Rebalanced cross-entropy over the palette (Zhang et al. 2016, section 2.2) plus a chroma-weighted pixel error.

    A network that regresses chroma has an empty palette, and the recipe weighs its cross-entropy with 0.
    """

    palette: Tensor
    rarity: Tensor

    def __init__(self, palette: Tensor, prior: Tensor, settings: Loss) -> None:
        super().__init__()
        self.settings = settings
        self.register_buffer("palette", palette)
        # rebalance is 1 - lambda of the paper's equation 4
        smooth = settings.rebalance * prior + (1 - settings.rebalance) / max(1, len(prior))
        rarity = 1 / smooth.clamp_min(1e-6)
        self.register_buffer("rarity", rarity / (prior * rarity).sum())

    def soft_encode(self, chroma: Tensor) -> Tensor:
        """Spread ``[n, 2, h, w]`` chroma over the palette entries near it: ``[n, k, h, w]``, adding up to 1."""
        # |x - c|^2 without |x|^2, which softmax does not see
        far = (self.palette**2).sum(dim=1)[:, None, None] - 2 * F.conv2d(chroma, self.palette[:, :, None, None])
        return torch.softmax(-far / (2 * self.settings.palette_sigma**2), dim=1)

    def forward(self, prediction: Prediction, chroma: Tensor) -> tuple[Tensor, Tensor]:
        """Return the distribution term and the pixel term, each weighted as the recipe says."""
        emphasis = 1 + self.settings.chroma_emphasis / 100 * chroma.norm(dim=1, keepdim=True)
        pixel = (emphasis * (prediction.chroma.float() - chroma).abs()).mean()
        return self._distribution(prediction.logits, chroma), self.settings.pixel * pixel

    def _distribution(self, logits: Tensor, chroma: Tensor) -> Tensor:
        if not self.settings.distribution:
            return chroma.new_zeros(())
        truth = self.soft_encode(chroma)
        weight = F.conv2d(truth, self.rarity[None, :, None, None])
        log_p = torch.log_softmax(logits.float(), dim=1)
        return self.settings.distribution * -(weight * truth * log_p).sum(dim=1).mean()


class AdversarialLoss(Protocol):
    """The two sides of a game over logits; each returns a scalar to make small."""

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        """Tell real from fake."""

    def generator(self, fake: Tensor) -> Tensor:
        """Make the discriminator say 'real'."""


class Hinge:
    """Hinge loss (Lim & Ye 2017, equation 3)."""

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        """Raise real logits above 1 and lower fake ones below -1."""
        return F.relu(1 - real).mean() + F.relu(1 + fake).mean()

    def generator(self, fake: Tensor) -> Tensor:
        """Raise fake logits."""
        return -fake.mean()


class NonSaturating:
    """Goodfellow et al. (2014) with the generator maximizing log D; ``real`` below 1 smooths one side's labels."""

    def __init__(self, real: float) -> None:
        self.real = real

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        """Cross-entropy with ``real`` for the truth and 0 for the generator's."""
        bce = F.binary_cross_entropy_with_logits
        return bce(real, torch.full_like(real, self.real)) + bce(fake, torch.zeros_like(fake))

    def generator(self, fake: Tensor) -> Tensor:
        """Cross-entropy with 1, never smoothed."""
        return F.binary_cross_entropy_with_logits(fake, torch.ones_like(fake))


def adversarial_loss(adversary: Adversary) -> AdversarialLoss:
    """The recipe's game."""
    return NonSaturating(adversary.real) if adversary.kind is AdversaryKind.PAPER else Hinge()
