"""4x4 convolutions that halve a picture or double it, small ones of which are trained as matrix products on a CPU.

Of few pixels and many channels PyTorch computes such a convolution's gradients in bfloat16 at a tenth to a quarter of
what a core's matrix product does. Weights and results are those of the modules that are replaced.
"""

from __future__ import annotations

from itertools import product
from typing import Any, Final

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

_KERNEL: Final = 4
_SMALL: Final = 8
"""Pixels on a side of the larger picture up to which the product is faster (batch 128, 256 to 1,024 channels)."""


class Halving(nn.Conv2d):
    """``[n, channels_in, 2h, 2w]`` to ``[n, channels_out, h, w]``: 4x4, stride 2, padding 1, no bias."""

    def __init__(self, channels_in: int, channels_out: int) -> None:
        super().__init__(channels_in, channels_out, _KERNEL, stride=2, padding=1, bias=False)

    def forward(self, x: Tensor) -> Tensor:  # noqa: D102 (nn.Module's)
        n, channels, h, w = x.shape
        if not (self.training and x.device.type == "cpu" and max(h, w) <= _SMALL):
            return super().forward(x)
        kernel = self.weight.view(-1, channels, 2, 2, 2, 2).permute(0, 2, 4, 3, 5, 1)  # in the order of the patches
        patches: Tensor = _Patches.apply(x)  # type: ignore[no-untyped-call]
        made = F.linear(patches, kernel.reshape(len(self.weight), -1))
        return made.view(n, h // 2, w // 2, -1).permute(0, 3, 1, 2)


class Doubling(nn.ConvTranspose2d):
    """``[n, channels_in, h, w]`` to ``[n, channels_out, 2h, 2w]``: 4x4, stride 2, padding 1, no bias."""

    def __init__(self, channels_in: int, channels_out: int) -> None:
        super().__init__(channels_in, channels_out, _KERNEL, stride=2, padding=1, bias=False)

    def forward(self, x: Tensor, output_size: list[int] | None = None) -> Tensor:  # noqa: D102 (nn.Module's)
        n, channels, h, w = x.shape
        if not (self.training and x.device.type == "cpu" and 2 * max(h, w) <= _SMALL):
            return super().forward(x, output_size)
        kernel = self.weight.view(channels, -1, 2, 2, 2, 2).permute(2, 4, 3, 5, 1, 0)
        patches = F.linear(x.permute(0, 2, 3, 1).reshape(n * h * w, channels), kernel.reshape(-1, channels))
        made: Tensor = _Laid.apply(patches, n, h, w)  # type: ignore[no-untyped-call]
        return made


class _Patches(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        n, _, height, width = x.shape
        ctx.size = n, height // 2, width // 2
        return _patches(x)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        return _laid(gradients[0], *ctx.size)


class _Laid(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, patches: Tensor, n: int, h: int, w: int) -> Tensor:
        return _laid(patches, n, h, w)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None, None]:
        return _patches(gradients[0]), None, None, None


def _patches(x: Tensor) -> Tensor:
    """``[n, channels, 2h, 2w]`` to its 4x4 patches ``[n * h * w, 16 * channels]``, each in four quarters of 2x2."""
    n, channels, height, width = x.shape
    h, w = height // 2, width // 2
    pairs = F.pad(x.permute(0, 2, 3, 1), (0, 0, 1, 1, 1, 1)).view(n, h + 1, 2, w + 1, 2, channels)
    quarters = [pairs[:, i : i + h, :, j : j + w].transpose(2, 3) for i, j in product((0, 1), repeat=2)]
    return torch.stack(quarters, dim=3).view(n * h * w, -1)


def _laid(patches: Tensor, n: int, h: int, w: int) -> Tensor:
    """The sum of `_patches` of a picture ``[n, channels, 2h, 2w]``, each laid where it is from."""
    quarters = patches.view(n, h, w, 4, 2, 2, -1)
    pairs = patches.new_zeros(n, h + 1, 2, w + 1, 2, quarters.shape[-1])
    for k, (i, j) in enumerate(product((0, 1), repeat=2)):
        pairs[:, i : i + h, :, j : j + w] += quarters[:, :, :, k].transpose(2, 3)
    return pairs.view(n, 2 * h + 2, 2 * w + 2, -1)[:, 1:-1, 1:-1].permute(0, 3, 1, 2)
