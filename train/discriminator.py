"""The adversaries: patch discriminators that see luma and chroma together, at the chroma's own resolution."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.parametrizations import spectral_norm

from train.recipe import Adversary, AdversaryKind

_CHROMA_SCALE = 60.0
_PAPER_CHROMA_SCALE = 110.0
_SAME = (1, 2, 1, 2)
"""What a 4x4 convolution needs around a picture to keep its size."""


class PatchDiscriminator(nn.Module):
    """Conditional PatchGAN (Isola et al. 2017) with spectral normalization instead of batch norm.

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
        logits: Tensor = self.layers(_seen(luma, chroma, _CHROMA_SCALE))
        return logits


class PaperDiscriminator(nn.Module):
    """The discriminator of Nazeri et al. (2018, section 2.3): 4x4 convolutions with batch norm and leaky ReLU.

    Three halve the picture, the fourth keeps its size, and one more maps to logits.
    """

    def __init__(self, width: int = 64) -> None:
        super().__init__()
        sizes = [(3, width, 2), (width, 2 * width, 2), (2 * width, 4 * width, 2), (4 * width, 8 * width, 1)]
        layers: list[nn.Module] = []
        for channels_in, channels_out, stride in sizes:
            if stride == 1:
                layers.append(nn.ZeroPad2d(_SAME))
            layers += [
                nn.Conv2d(channels_in, channels_out, 4, stride, padding=1 if stride > 1 else 0),
                nn.BatchNorm2d(channels_out),
                nn.LeakyReLU(0.2, inplace=True),
            ]
        layers += [nn.ZeroPad2d(_SAME), nn.Conv2d(8 * width, 1, 4)]
        self.layers = nn.Sequential(*layers)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.normal_(module.weight, std=0.02)

    def forward(self, luma: Tensor, chroma: Tensor) -> Tensor:
        """Judge luma in 0..1 with chroma of the same or a smaller size; one logit for each 8x8 chroma pixels."""
        logits: Tensor = self.layers(_seen(luma, chroma, _PAPER_CHROMA_SCALE))
        return logits


def _seen(luma: Tensor, chroma: Tensor, scale: float) -> Tensor:
    small = F.adaptive_avg_pool2d(luma, (chroma.shape[-2], chroma.shape[-1]))
    return torch.cat((small * 2 - 1, chroma / scale), dim=1)


def make_discriminator(adversary: Adversary) -> PatchDiscriminator | PaperDiscriminator:
    """The recipe's discriminator, untrained."""
    return PaperDiscriminator() if adversary.kind is AdversaryKind.PAPER else PatchDiscriminator()
