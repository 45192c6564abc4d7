"""How chroma that is known in some places enters the generator.

Hints are three planes at a quarter of the input: a*, b*, and a mask that is 0 where nothing is known. `HintEncoder`
pools them to every scale of the decoder; `HintAttention` carries them from the places where they lie to all that look
alike, so that a dot colors a coat. Whatever they add to the network's features leaves through layers that begin as
zeros: a trained generator can be given them and colors as before.
"""

from __future__ import annotations

import itertools
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from archivecolor.color import HINT_PLANES

_AB_UNIT = 50.0
_LEAST_MASK = 1e-3  # a mask of one chroma pixel is 1/64 of a pixel at 1/32, and fp16 still holds this
_CHANNELS = (24, 32, 48, 64)
_DIMENSIONS = 16
_REACHES = (1.0, 2.0, 4.0, 8.0)


class Advice(NamedTuple):
    """What hints say at each scale, ready to be added to the features there, and the planes that they say it by."""

    at4: Tensor
    at8: Tensor
    at16: Tensor
    at32: Tensor
    planes16: Tensor
    """``[n, 3, h/16, w/16]``: the mean chroma of the hints in each place, in units of 50, and whether there are any."""


def zeroed(layer: nn.Conv2d) -> nn.Conv2d:
    """The layer with nothing in it."""
    nn.init.zeros_(layer.weight)
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
    return layer


class HintEncoder(nn.Module):
    """Hints ``[n, 3, h/4, w/4]`` to `Advice` of the given channels at 1/4, 1/8, 1/16 and 1/32."""

    def __init__(self, channels: tuple[int, int, int, int]) -> None:
        super().__init__()
        self.own = nn.ModuleList(nn.Conv2d(HINT_PLANES, c, 3, padding=1) for c in _CHANNELS)
        finer = itertools.pairwise(_CHANNELS)
        self.down = nn.ModuleList(nn.Conv2d(a, b, 3, stride=2, padding=1, bias=False) for a, b in finer)
        self.leave = nn.ModuleList(zeroed(nn.Conv2d(a, b, 1)) for a, b in zip(_CHANNELS, channels, strict=True))

    def forward(self, hints: Tensor) -> Advice:
        """Tell at each scale what the hints say there."""
        mask = hints[:, 2:]
        sums = torch.cat((hints[:, :2] * mask / _AB_UNIT, mask), dim=1)
        said: list[Tensor] = []
        planes: list[Tensor] = []
        x: Tensor | None = None
        for i, (own, leave) in enumerate(zip(self.own, self.leave, strict=True)):
            if i:
                sums = F.avg_pool2d(sums, 2)
            planes.append(sums / (sums[:, 2:] + _LEAST_MASK))
            x = F.relu(own(planes[-1]) if x is None else own(planes[-1]) + self.down[i - 1](x))
            said.append(leave(x))
        return Advice(said[0], said[1], said[2], said[3], planes[2])


class HintAttention(nn.Module):
    """Each place looks for hints in places that are like it, near ones first; what it finds joins its features.

    Likeness is the cosine between projected features, once the picture's mean is taken off them. Every head has a reach
    of its own, and may find nothing: with no hints, it does.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        heads = 2 * len(_REACHES)
        self.project = nn.Conv2d(channels, heads * _DIMENSIONS, 1, bias=False)
        self.sharpness = nn.Parameter(torch.full((heads,), 8.0))
        self.nothing = nn.Parameter(torch.full((heads,), 2.0))
        reaches = torch.tensor(_REACHES * 2)
        self.nearness = nn.Parameter(-torch.log(2 * reaches**2))
        self.found = nn.Conv2d(heads * HINT_PLANES, 64, 1)
        self.leave = zeroed(nn.Conv2d(64, channels, 1))

    def forward(self, x: Tensor, planes: Tensor) -> Tensor:
        """Add to features ``[n, c, h, w]`` what hints ``[n, 3, h, w]`` say of places like each."""
        y: Tensor = x + self.leave(F.relu(self.found(self.find(x, planes))))
        return y

    def find(self, x: Tensor, planes: Tensor) -> Tensor:
        """The mean of the hints that each place finds, a mean a head: ``[n, heads 3, h, w]``."""
        n, _, h, w = x.shape
        heads = len(self.sharpness)
        features = self.project(x - x.mean(dim=(2, 3), keepdim=True)).reshape(n, heads, _DIMENSIONS, h * w)
        features = F.normalize(features, dim=2, eps=1e-4).transpose(2, 3)
        alike = (features @ features.transpose(2, 3)) * self.sharpness[:, None, None]
        far = _squared_distances(h, w, x.device)
        known = torch.log(planes[:, 2].clamp(min=0) + _LEAST_MASK).reshape(n, 1, 1, h * w)
        scores = alike - torch.exp(self.nearness)[:, None, None] * far + known
        nothing = self.nothing[:, None, None].expand(n, heads, h * w, 1)
        shares = torch.softmax(torch.cat((scores, nothing.to(scores.dtype)), dim=3), dim=3)[..., :-1]
        values = planes.reshape(n, 1, HINT_PLANES, h * w).transpose(2, 3)
        return (shares @ values.to(shares.dtype)).transpose(2, 3).reshape(n, heads * HINT_PLANES, h, w)


def _squared_distances(h: int, w: int, device: torch.device) -> Tensor:
    """Between any two of ``h`` times ``w`` places, in places: ``[h w, h w]``."""
    # Counted in integers: ONNX has no Range of fp16
    y = torch.arange(h, device=device).to(torch.float32)[:, None].expand(h, w).reshape(-1)
    x = torch.arange(w, device=device).to(torch.float32)[None].expand(h, w).reshape(-1)
    return (y[:, None] - y) ** 2 + (x[:, None] - x) ** 2
