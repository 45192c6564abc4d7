"""The U-Net of Nazeri, Ng, Ebrahimi (2018), 'Image Colorization with Generative Adversarial Networks', section 2.

4x4 convolutions with batch norm and leaky ReLU halve the picture stage by stage, transposed ones with batch norm and
ReLU double it again, each joined by the encoder's features of its size; chroma comes at the picture's own size.

Other than the published code: it predicts chroma alone (luma is the picture's), normalizes by running statistics once
trained, drops features out while it is trained, and takes pictures of any size.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from archivecolor.inference.torch_generator import Prediction
from train.halving import Doubling, Halving

_REACH = 110.0
"""a* and b* of sRGB lie within this, but for a few blues."""


@dataclass(frozen=True, slots=True)
class UNetShape:
    """The hyper-parameters that decide the shapes of the network's tensors, and its dropout."""

    widths: tuple[int, ...] = (64, 128, 256, 512, 512)
    """Channels of the encoder: the first stage at full resolution, each later one at half of that before."""
    dropout: tuple[float, ...] = (0.5,)
    """Share of features dropped after the first stages of the decoder, from the bottom up."""
    palette: int = 0
    """Entries of the chroma palette to choose from, as `Generator` does; 0 regresses chroma through tanh."""


class UNet(nn.Module):
    """Predicts chroma from luma; ``palette`` and ``temperature`` are those of `Generator`, the palette often empty."""

    palette: Tensor
    temperature: Tensor

    def __init__(self, shape: UNetShape) -> None:
        super().__init__()
        self.shape = shape
        widths = shape.widths
        first = _stage(nn.Conv2d(1, widths[0], 4, bias=False), nn.LeakyReLU(0.2))
        self.encoder = nn.ModuleList([nn.Sequential(nn.ZeroPad2d((1, 2, 1, 2)), first)])
        for above, below in pairwise(widths):
            self.encoder.append(_stage(Halving(above, below), nn.LeakyReLU(0.2)))
        self.decoder = nn.ModuleList()
        channels = widths[-1]
        for i, width in enumerate(reversed(widths[:-1])):
            stage = _stage(Doubling(channels, width), nn.ReLU())
            if i < len(shape.dropout):
                stage.append(nn.Dropout(shape.dropout[i]))
            self.decoder.append(stage)
            channels = 2 * width
        self.head = nn.Conv2d(channels, shape.palette or 2, 1)
        self.register_buffer("palette", torch.zeros(shape.palette, 2))
        self.register_buffer("temperature", torch.tensor(0.5))
        for module in self.modules():
            if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
                nn.init.normal_(module.weight, std=0.02)

    def forward(self, luma: Tensor) -> Prediction:
        """Predict from ``[n, 1, h, w]`` luma in 0..1: chroma ``[n, 2, h, w]`` and logits ``[n, palette, h, w]``."""
        h, w = luma.shape[-2:]
        multiple = 2 ** (len(self.encoder) - 1)
        x = F.pad(2 * luma - 1, (0, -w % multiple, 0, -h % multiple), mode="replicate")
        skips: list[Tensor] = []
        for stage in self.encoder:
            x = stage(x)
            skips.append(x)
        for stage, skip in zip(self.decoder, reversed(skips[:-1]), strict=True):
            x = torch.cat((stage(x), skip), dim=1)
        scores = self.head(x)[..., :h, :w]
        if not self.shape.palette:
            return Prediction(_REACH * torch.tanh(scores.float()), scores[:, :0])
        p = torch.softmax(scores / self.temperature, dim=1)
        return Prediction(F.conv2d(p, self.palette.t()[:, :, None, None].to(p.dtype)), scores)


def _stage(convolution: nn.Conv2d | nn.ConvTranspose2d, activation: nn.Module) -> nn.Sequential:
    return nn.Sequential(convolution, nn.BatchNorm2d(convolution.out_channels), activation)
