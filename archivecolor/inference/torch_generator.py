"""The network: luma in, chroma out.

A U-Net whose encoder is an EfficientNet-Lite (pretrained on ImageNet) and whose decoder ends at a quarter of the input.
The head does not regress chroma, for the average of all plausible colors is brown: it predicts, for every
pixel, a distribution over a fixed palette of chroma values. The chroma is the distribution's *annealed mean* (Zhang,
Isola, Efros 2016, section 2.3), or its geometric median, which a few unlikely colors do not pull off gray.

This module imports torch. Only ``inference/torch.py`` and ``train/`` load it; coloring with ONNX Runtime
never does.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from archivecolor.color import FEATURE_STRIDE, HINT_PLANES
from archivecolor.inference.torch_encoder import Encoder, EncoderKind, norm
from archivecolor.inference.torch_hints import Advice, HintAttention, HintEncoder

CHROMA_STRIDE = 4
"""Input pixels per chroma pixel, in each direction."""

INPUT_MULTIPLE = 32
"""Height and width of the input must be multiples of this."""

_NEAR_AB = 4.0
_EXPANSION = 4


@dataclass(frozen=True, slots=True)
class GeneratorShape:
    """The hyper-parameters that decide the shapes of the generator's tensors."""

    context: int = 224
    """Channels at 1/32, where every pixel sees the whole picture."""
    decoder: tuple[int, int, int] = (192, 128, 80)
    """Channels of the decoder at 1/16, 1/8 and 1/4."""
    palette: int = 96
    """Entries of the chroma palette."""
    heads: int = 4
    """Attention heads of the context block."""
    encoder: EncoderKind = EncoderKind.LITE0
    classifier_features: bool = False
    """Whether the context block sees the encoder's 1,280 classifier features instead of what they are made from."""
    blocks: tuple[int, int] = (0, 0)
    """Transformer blocks at 1/32 and at 1/16, whose every position sees the whole picture."""
    hints: bool = False
    """Whether chroma that is known in some places can be given beside the luma."""
    median_steps: int = field(default=0, compare=False)
    """Steps from the annealed mean towards the geometric median; no shape, but as much a part of what comes out."""


class Prediction(NamedTuple):
    """What the generator says about a batch of pictures."""

    chroma: Tensor
    """``[n, 2, h/4, w/4]``: a* and b* of CIE L*a*b* (D65)."""
    logits: Tensor
    """``[n, palette, h/4, w/4]``: unnormalized log-probability of each palette entry."""


def _attend(qkv: Tensor, heads: int) -> Tensor:
    """Attention of ``heads`` heads (Vaswani et al. 2017): queries, keys and values ``[n, t, 3 c]`` to ``[n, t, c]``."""
    n, t, c = qkv.shape
    q, k, v = qkv.reshape(n, t, 3, heads, c // (3 * heads)).permute(2, 0, 3, 1, 4).unbind(0)
    return F.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(n, t, c // 3)


class _Context(nn.Module):
    """Self-attention and a pooled branch at 1/32: one look at the whole picture, so that its parts agree."""

    def __init__(self, channels_in: int, channels: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.enter = nn.Conv2d(channels_in, channels, 1)
        self.norm = nn.GroupNorm(1, channels)
        self.qkv = nn.Conv2d(channels, 3 * channels, 1)
        self.leave = nn.Conv2d(channels, channels, 1)
        self.pooled = nn.Sequential(nn.Linear(channels, channels), nn.ReLU(inplace=True), nn.Linear(channels, channels))

    def forward(self, x: Tensor, advice: Tensor | None) -> Tensor:
        x = self.enter(x)
        x = x if advice is None else x + advice
        n, c, h, w = x.shape
        seen = _attend(self.qkv(self.norm(x)).flatten(2).transpose(1, 2), self.heads)
        x = x + self.leave(seen.transpose(1, 2).reshape(n, c, h, w))
        pooled: Tensor = self.pooled(x.mean(dim=(2, 3)))
        return x + pooled[:, :, None, None]


class _TransformerBlock(nn.Module):
    """Attention and a perceptron over tokens ``[n, t, c]``, each behind its normalization (Xiong et al. 2020).

    What it adds begins as nothing, so that a trained generator can be given more of them and colors as before.
    """

    def __init__(self, channels: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.attention_norm = nn.LayerNorm(channels)
        self.qkv = nn.Linear(channels, 3 * channels)
        self.attended = nn.Linear(channels, channels)
        self.perceptron_norm = nn.LayerNorm(channels)
        self.perceptron = nn.Sequential(
            nn.Linear(channels, _EXPANSION * channels), nn.GELU(), nn.Linear(_EXPANSION * channels, channels)
        )
        for last in (self.attended, self.perceptron[-1]):
            nn.init.zeros_(last.weight)  # type: ignore[arg-type]
            nn.init.zeros_(last.bias)  # type: ignore[arg-type]

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.attended(_attend(self.qkv(self.attention_norm(x)), self.heads))
        y: Tensor = x + self.perceptron(self.perceptron_norm(x))
        return y


class _Transformer(nn.Module):
    """Blocks over all positions of a feature map ``[n, c, h, w]``."""

    def __init__(self, channels: int, heads: int, blocks: int) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(_TransformerBlock(channels, heads) for _ in range(blocks))

    def forward(self, x: Tensor) -> Tensor:
        if not len(self.blocks):
            return x
        n, c, h, w = x.shape
        tokens = x.flatten(2).transpose(1, 2)
        for block in self.blocks:
            tokens = block(tokens)
        return tokens.transpose(1, 2).reshape(n, c, h, w)


class _DecoderStage(nn.Module):
    def __init__(self, channels_in: int, skip: int, channels_out: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(channels_in + skip, channels_out, 3, padding=1, bias=False),
            norm(channels_out),
            nn.ReLU(inplace=True),
            nn.Conv2d(channels_out, channels_out, 3, padding=1, bias=False),
            norm(channels_out),
            nn.ReLU(inplace=True),
        )

    def forward(self, x: Tensor, skip: Tensor, advice: Tensor | None) -> Tensor:
        x = F.interpolate(x, scale_factor=2.0, mode="bilinear", align_corners=False)
        y: Tensor = self.layers[0](torch.cat((x, skip), dim=1))
        y = y if advice is None else y + advice
        for i in range(1, len(self.layers)):
            y = self.layers[i](y)
        return y


class Generator(nn.Module):
    """Predicts chroma from luma, and from hints: chroma that is known in some places, if its shape has them.

    ``palette`` is a buffer ``[k, 2]`` of a*, b* values, fitted to the training pictures; ``temperature`` a scalar
    buffer: at 1 the chroma is the distribution's center (safe and dull), towards 0 its mode (vivid and spotty).
    """

    palette: Tensor
    temperature: Tensor

    def __init__(self, shape: GeneratorShape | None = None) -> None:
        super().__init__()
        shape = shape or GeneratorShape()
        self.shape = shape
        self.encoder = Encoder(shape.encoder, classifier_features=shape.classifier_features)
        c4, c8, c16, c32 = self.encoder.channels
        self.context = _Context(c32, shape.context, shape.heads)
        d16, d8, d4 = shape.decoder
        self.transformer32 = _Transformer(shape.context, shape.heads, shape.blocks[0])
        self.up16 = _DecoderStage(shape.context, c16, d16)
        self.transformer16 = _Transformer(d16, shape.heads, shape.blocks[1])
        self.up8 = _DecoderStage(d16, c8, d8)
        self.up4 = _DecoderStage(d8, c4, d4)
        self.hints: HintEncoder | None = None
        if shape.hints:
            self.hints = HintEncoder((d4, d8, d16, shape.context))
            self.alike = HintAttention(d16)
        self.head = nn.Conv2d(d4, shape.palette, 1)
        self.register_buffer("palette", torch.zeros(shape.palette, 2))
        self.register_buffer("temperature", torch.tensor(0.5))

    def forward(self, luma: Tensor, hints: Tensor | None = None) -> Prediction:
        """Predict from ``[n, 1, h, w]`` luma (BT.601 Y' of sRGB-coded values) in 0..1, h and w multiples of 32.

        ``hints`` are ``[n, 3, h/4, w/4]``: a*, b*, and a mask in 0..1 that is 0 where nothing is known; None are none.
        """
        logits = self.scores(luma, hints)
        return Prediction(self.chroma_of(logits), logits)

    def scores(self, luma: Tensor, hints: Tensor | None = None) -> Tensor:
        """The logits ``[n, k, h/4, w/4]`` of `forward`. Raises `ValueError` for hints that it does not take."""
        if hints is not None and self.hints is None:
            raise ValueError("this generator takes no hints")
        return self.scores_of(self.encoder(luma), hints)

    def scores_of(self, encoded: list[Tensor], hints: Tensor | None = None) -> Tensor:
        """`scores`, from what the encoder made of the luma."""
        s4, s8, s16, s32 = encoded
        advice = self._advice(s4, hints)
        at4, at8, at16, at32 = advice[:4] if advice else (None,) * 4
        x = self.transformer32(self.context(s32, at32))
        x = self.transformer16(self.up16(x, s16, at16))
        if advice:
            x = self.alike(x, advice.planes16)
        x = self.up8(x, s8, at8)
        x = self.up4(x, s4, at4)
        logits: Tensor = self.head(x)
        return logits

    @property
    def feature_channels(self) -> int:
        """How many `features_of` makes."""
        return sum(self.encoder.channels[2:])

    def features_of(self, encoded: list[Tensor]) -> Tensor:
        """What the encoder sees in each place of 16 x 16 pixels: ``[n, c, h/16, w/16]``, of length 1.

        The product of two is the mean of two cosines: of the features at 1/16 and of those at 1/32.
        """
        at16, at32 = encoded[2].float(), encoded[3].float()
        wide = F.interpolate(at32, scale_factor=32 / FEATURE_STRIDE, mode="bilinear", align_corners=False)
        lengths = [(x * x).sum(dim=1, keepdim=True).clamp(min=1e-12).sqrt() for x in (at16, wide)]
        features: Tensor = torch.cat((at16 / lengths[0], wide / lengths[1]), dim=1) * 0.5**0.5
        return features

    def _advice(self, at4: Tensor, hints: Tensor | None) -> Advice | None:
        if self.hints is None:
            return None
        if hints is None:
            n, _, h, w = at4.shape
            hints = at4.new_zeros(n, HINT_PLANES, h, w)
        advice: Advice = self.hints(hints)
        return advice

    def chroma_of(self, logits: Tensor) -> Tensor:
        """Reduce ``[n, k, h, w]`` logits to ``[n, 2, h, w]`` chroma."""
        return self._center(torch.softmax(logits / self.temperature, dim=1))[0]

    def moments(self, logits: Tensor) -> tuple[Tensor, Tensor]:
        """Reduce ``[n, k, h, w]`` logits to the chroma of `chroma_of` and its spread ``[n, 1, h, w]``.

        The spread is the root of the mean squared distance from the chroma under the same annealed distribution, in
        units of a* and b*: the error that the generator expects of itself. Of spread, entropy and the likeliest entry's
        probability, each at temperature 1 and at the generator's own, this one ranks true errors best (see the model
        card).
        """
        p = torch.softmax(logits / self.temperature, dim=1)
        chroma, mean = self._center(p)
        squares = (p * self._squares()).sum(dim=1, keepdim=True)
        distance = squares - 2 * (chroma * mean).sum(dim=1, keepdim=True) + (chroma**2).sum(dim=1, keepdim=True)
        return chroma, distance.clamp(min=0).sqrt()

    def _center(self, p: Tensor) -> tuple[Tensor, Tensor]:
        """The center of probabilities ``[n, k, h, w]`` and their mean, each ``[n, 2, h, w]``.

        Weiszfeld's steps (1937) towards the point of the least mean distance; an entry nearer than `_NEAR_AB` pulls no
        more than one at that distance, so that a step onto an entry does not end there.
        """
        mean = center = self._mean(p)
        if self.shape.median_steps:
            # |c - x|^2 + near^2 = (-2 c_a, -2 c_b, 1, |c|^2 + near^2) . (x_a, x_b, |x|^2, 1), for each c of the palette
            ones = torch.ones_like(self.palette[:, :1])
            squares = (self.palette**2).sum(dim=1, keepdim=True)
            distance2 = torch.cat((-2 * self.palette, ones, squares + _NEAR_AB**2), dim=1)[:, :, None, None]
            sums = torch.cat((self.palette, ones), dim=1).t()[:, :, None, None]
        for _ in range(self.shape.median_steps):
            length2 = (center**2).sum(dim=1, keepdim=True)
            given = torch.cat((center, length2, torch.ones_like(length2)), dim=1)
            # Clamped, as the tensor cores of GPUs round squares of vivid colors by a few units
            pulled = F.conv2d(p / F.conv2d(given, distance2).clamp(min=_NEAR_AB**2).sqrt(), sums)
            center = pulled[:, :2] / pulled[:, 2:]
        return center, mean

    def _mean(self, p: Tensor) -> Tensor:
        chroma: Tensor = F.conv2d(p, self.palette.t()[:, :, None, None].to(p.dtype))
        return chroma

    def _squares(self) -> Tensor:
        return (self.palette**2).sum(dim=1)[:, None, None]
