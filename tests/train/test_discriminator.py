"""The discriminator: one logit a patch, of the size that its docstring tells."""

from __future__ import annotations

import re

import pytest
import torch

from archivecolor.inference.torch_generator import CHROMA_STRIDE
from train.discriminator import PaperDiscriminator, PatchDiscriminator, make_discriminator
from train.recipe import Adversary, AdversaryKind


@pytest.fixture
def discriminator() -> PatchDiscriminator:
    torch.manual_seed(2)
    return PatchDiscriminator(width=8)


@pytest.mark.parametrize("side", [64, 128, 160, 192])
def test_every_crop_of_the_recipes_gets_a_map_of_logits(discriminator: PatchDiscriminator, side: int) -> None:
    chroma = torch.randn(2, 2, side // CHROMA_STRIDE, side // CHROMA_STRIDE)
    logits = discriminator(torch.rand(2, 1, side, side), chroma)
    assert logits.shape == (2, 1, side // 16 - 1, side // 16 - 1)


def test_a_logit_sees_a_patch_of_the_size_that_is_told(discriminator: PatchDiscriminator) -> None:
    chroma = torch.randn(1, 2, 64, 64, requires_grad=True)
    discriminator(torch.rand(1, 1, 256, 256), chroma)[0, 0, 7, 7].backward()
    assert chroma.grad is not None
    seen = chroma.grad.abs().sum(dim=(0, 1))
    told = re.search(r"a patch of (\d+) chroma pixels, which is (\d+) pixels", PatchDiscriminator.__doc__ or "")
    assert told is not None
    assert (seen.sum(dim=0) > 0).sum() == (seen.sum(dim=1) > 0).sum() == int(told[1])
    assert int(told[2]) == CHROMA_STRIDE * int(told[1])


def test_it_judges_chroma_together_with_luma(discriminator: PatchDiscriminator) -> None:
    luma, chroma = torch.rand(1, 1, 64, 64), torch.randn(1, 2, 16, 16) * 20
    discriminator.eval()
    logits = discriminator(luma, chroma)
    assert (discriminator(1 - luma, chroma) != logits).any()
    assert (discriminator(luma, -chroma) != logits).any()


def test_its_layers_never_stretch_their_input(discriminator: PatchDiscriminator) -> None:
    with torch.no_grad():
        for _ in range(60):  # the power iteration goes one step each time
            discriminator(torch.rand(1, 1, 64, 64), torch.randn(1, 2, 16, 16))
    discriminator.eval()
    weights = [layer.weight for layer in discriminator.layers if isinstance(layer, torch.nn.Conv2d)]
    assert len(weights) == 4
    for weight in weights:
        assert torch.linalg.matrix_norm(weight.flatten(1), ord=2).item() == pytest.approx(1, abs=0.02)


@pytest.mark.parametrize(("side", "map_side"), [(32, 4), (256, 32)])
def test_the_papers_discriminator_halves_thrice_and_keeps_its_size_from_there(side: int, map_side: int) -> None:
    discriminator = PaperDiscriminator(width=4)
    logits = discriminator(torch.rand(2, 1, side, side), torch.randn(2, 2, side, side))
    assert logits.shape == (2, 1, map_side, map_side)
    convolutions = [m for m in discriminator.modules() if isinstance(m, torch.nn.Conv2d)]
    assert [(m.out_channels, m.stride[0]) for m in convolutions] == [(4, 2), (8, 2), (16, 2), (32, 1), (1, 1)]
    assert {m.kernel_size for m in convolutions} == {(4, 4)}


def test_the_papers_discriminator_judges_chroma_together_with_luma() -> None:
    torch.manual_seed(1)
    discriminator = PaperDiscriminator(width=4).eval()
    luma, chroma = torch.rand(1, 1, 32, 32), torch.randn(1, 2, 32, 32) * 20
    logits = discriminator(luma, chroma)
    assert (discriminator(1 - luma, chroma) != logits).any()
    assert (discriminator(luma, -chroma) != logits).any()


def test_the_recipe_chooses_the_discriminator() -> None:
    assert isinstance(make_discriminator(Adversary()), PatchDiscriminator)
    assert isinstance(make_discriminator(Adversary(AdversaryKind.PAPER)), PaperDiscriminator)
