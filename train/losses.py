"""What the generator and the discriminator are trained to make small. Chroma is in a*b* units throughout."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from archivecolor.generator import Prediction
from train.recipe import Loss


class ColourLoss(nn.Module):
    """Rebalanced cross-entropy over the palette (Zhang et al. 2016, section 2.2) plus a chroma-weighted pixel error."""

    palette: Tensor
    rarity: Tensor

    def __init__(self, palette: Tensor, prior: Tensor, settings: Loss) -> None:
        super().__init__()
        self.settings = settings
        self.register_buffer("palette", palette)
        # rebalance is 1 - lambda of the paper's equation 4
        smooth = settings.rebalance * prior + (1 - settings.rebalance) / len(prior)
        rarity = 1 / smooth.clamp_min(1e-6)
        self.register_buffer("rarity", rarity / (prior * rarity).sum())

    def soft_encode(self, chroma: Tensor) -> Tensor:
        """Spread ``[n, 2, h, w]`` chroma over the palette entries near it: ``[n, k, h, w]``, adding up to 1."""
        # |x - c|^2 without |x|^2, which softmax does not see
        far = (self.palette**2).sum(dim=1)[:, None, None] - 2 * F.conv2d(chroma, self.palette[:, :, None, None])
        return torch.softmax(-far / (2 * self.settings.palette_sigma**2), dim=1)

    def forward(self, prediction: Prediction, chroma: Tensor) -> tuple[Tensor, Tensor]:
        """Return the distribution term and the pixel term, each weighted as the recipe says."""
        truth = self.soft_encode(chroma)
        weight = F.conv2d(truth, self.rarity[None, :, None, None])
        log_p = torch.log_softmax(prediction.logits.float(), dim=1)
        distribution = -(weight * truth * log_p).sum(dim=1).mean()
        emphasis = 1 + self.settings.chroma_emphasis / 100 * chroma.norm(dim=1, keepdim=True)
        pixel = (emphasis * (prediction.chroma.float() - chroma).abs()).mean()
        return self.settings.distribution * distribution, self.settings.pixel * pixel


def hinge_discriminator(real: Tensor, fake: Tensor) -> Tensor:
    """Hinge loss of the discriminator (Lim & Ye 2017, equation 3)."""
    return F.relu(1 - real).mean() + F.relu(1 + fake).mean()


def hinge_generator(fake: Tensor) -> Tensor:
    """Hinge loss of the generator: make the discriminator say 'real'."""
    return -fake.mean()
