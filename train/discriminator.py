"""The adversary: a patch discriminator that sees luma and chroma together, at the chroma's own resolution."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.parametrizations import spectral_norm

_CHROMA_SCALE = 60.0


class PatchDiscriminator(nn.Module):
    """Conditional PatchGAN (Isola et al. 2017) with spectral normalisation instead of batch norm.

    One logit a patch of 30 chroma pixels, which is 120 pixels of the picture.
    """

    def __init__(self, width: int = 64) -> None:
        super().__init__()
        sizes = [(3, width, 2), (width, 2 * width, 2), (2 * width, 4 * width, 1)]
        layers: list[nn.Module] = []
        for channels_in, channels_out, stride in sizes:
            layers += [
                spectral_norm(nn.Conv2d(channels_in, channels_out, 4, stride, padding=1)),
                nn.LeakyReLU(0.2, inplace=True),
            ]
        layers.append(spectral_norm(nn.Conv2d(4 * width, 1, 3, padding=1)))
        self.layers = nn.Sequential(*layers)

    def forward(self, luma: Tensor, chroma: Tensor) -> Tensor:
        """Judge ``[n, 1, 4h, 4w]`` luma in 0..1 with ``[n, 2, h, w]`` chroma."""
        small = F.adaptive_avg_pool2d(luma, (chroma.shape[-2], chroma.shape[-1]))
        logits: Tensor = self.layers(torch.cat((small * 2 - 1, chroma / _CHROMA_SCALE), dim=1))
        return logits
