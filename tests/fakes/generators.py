"""A small untrained generator, so that no test needs trained weights: ImageNet's encoder under a random decoder."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import nn

from archivecolor.inference.torch_generator import Generator, GeneratorShape
from train.checkpoint import Checkpoint
from train.networks import imagenet_weights
from train.recipe import Data, Recipe

SHAPE = GeneratorShape(context=32, decoder=(16, 16, 8), palette=16, heads=2, blocks=(1, 1))


def tiny_generator(*, hints: bool = False) -> Generator:
    """The same every time, in evaluation mode, with batch statistics that suit its weights; its colors vary."""
    torch.manual_seed(3)
    generator = Generator(replace(SHAPE, hints=hints))
    generator.encoder.load_imagenet(imagenet_weights(SHAPE.encoder))
    generator.palette.copy_(torch.randn(SHAPE.palette, 2) * 30)
    nn.init.normal_(generator.head.weight, std=0.3)
    for name, weight in generator.named_parameters():
        if name.endswith(("attended.weight", "perceptron.2.weight")):  # untrained blocks do nothing
            nn.init.normal_(weight, std=0.1)
        if name.startswith(("hints.leave", "alike.leave")):  # nor do untrained hints
            nn.init.normal_(weight, std=0.3)
    generator.train()
    generator.encoder.eval()
    norms = [m for m in generator.modules() if isinstance(m, nn.BatchNorm2d) and m.training]
    for norm in norms:
        norm.momentum = 1
    with torch.no_grad():
        generator(nn.functional.interpolate(torch.rand(4, 1, 16, 16), scale_factor=8.0, mode="bicubic"))
    for norm in norms:
        norm.momentum = 0.01
    return generator.eval()


def tiny_checkpoint(*, hints: bool = False) -> Checkpoint:
    """What a run that ended with `tiny_generator` would have saved."""
    weights = tiny_generator(hints=hints).state_dict()
    recipe = Recipe("tiny", Data("nowhere"), (), generator=replace(SHAPE, hints=hints))
    prior = torch.full((SHAPE.palette,), 1 / SHAPE.palette)
    return Checkpoint(recipe, "unknown", "0" * 64, 1, 1.0, weights, weights, {}, {}, {}, prior)
