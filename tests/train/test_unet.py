"""The paper's network: its stages, pictures of any size, and what the published code got wrong."""

from __future__ import annotations

import pytest
import torch

from train.halving import Doubling, Halving
from train.unet import UNet, UNetShape

SMALL = UNetShape(widths=(4, 8, 8), dropout=(0.5,))


def small(shape: UNetShape = SMALL) -> UNet:
    """With batch statistics that suit its weights."""
    torch.manual_seed(4)
    network = UNet(shape).train()
    for _ in range(20):
        network(torch.rand(4, 1, 16, 16))
    return network.eval()


@pytest.mark.parametrize(
    ("widths", "side", "decoder"),
    [
        ((64, 128, 256, 512, 512), 32, [512, 256, 128, 64]),
        ((64, 64, 128, 256, 512, 512, 512, 512), 256, [512, 512, 512, 256, 128, 64, 64]),
    ],
)
def test_the_papers_networks_halve_to_2x2_and_mirror_their_encoder(
    widths: tuple[int, ...], side: int, decoder: list[int]
) -> None:
    network = UNet(UNetShape(widths))
    seen: list[torch.Size] = []
    for stage in network.encoder:
        stage.register_forward_hook(lambda _m, _i, out: seen.append(out.shape))
    with torch.inference_mode():
        network.eval()(torch.rand(1, 1, side, side))
    assert [s[1] for s in seen] == list(widths)
    assert [s[2] for s in seen] == [side >> i for i in range(len(widths))]
    assert seen[-1][2] == 2
    up = [m for m in network.decoder.modules() if isinstance(m, torch.nn.ConvTranspose2d)]
    assert [m.out_channels for m in up] == decoder
    convolutions = [m for m in network.modules() if isinstance(m, torch.nn.Conv2d | torch.nn.ConvTranspose2d)]
    assert {m.kernel_size for m in convolutions[:-1]} == {(4, 4)}
    assert network.head.kernel_size == (1, 1)


@pytest.mark.parametrize("size", [(16, 16), (17, 23), (1, 1), (5, 64)])
def test_a_picture_of_any_size_gets_chroma_of_that_size(size: tuple[int, int]) -> None:
    with torch.inference_mode():
        prediction = small()(torch.rand(2, 1, *size))
    assert prediction.chroma.shape == (2, 2, *size)
    assert prediction.logits.shape == (2, 0, *size)
    assert prediction.chroma.abs().max() < 110


def test_a_picture_is_colored_alike_alone_and_among_others() -> None:
    network = small()
    luma = torch.rand(3, 1, 16, 16)
    with torch.inference_mode():
        together, alone = network(luma).chroma[1], network(luma[1:2]).chroma[0]
    torch.testing.assert_close(together, alone, atol=1e-4, rtol=1e-4)


def test_features_are_dropped_in_training_and_only_there() -> None:
    network = small()
    luma = torch.rand(1, 1, 16, 16)
    with torch.inference_mode():
        assert torch.equal(network(luma).chroma, network(luma).chroma)
        network.decoder[0].train()
        assert not torch.equal(network(luma).chroma, network(luma).chroma)
    assert [any(isinstance(m, torch.nn.Dropout) for m in stage.modules()) for stage in network.decoder] == [True, False]


def test_every_pixel_of_the_luma_reaches_its_chroma() -> None:
    network = small()
    luma = torch.rand(1, 1, 9, 9, requires_grad=True)
    network(luma).chroma[0, :, 8, 8].sum().backward()
    assert luma.grad is not None
    assert luma.grad[0, 0, 8, 8] != 0


def test_with_a_palette_the_chroma_is_a_mean_of_its_entries() -> None:
    network = small(UNetShape((4, 8), (), palette=3))
    network.palette.copy_(torch.tensor([[0.0, 0.0], [60.0, 0.0], [0.0, 60.0]]))
    with torch.inference_mode():
        prediction = network(torch.rand(1, 1, 8, 8))
    assert prediction.logits.shape == (1, 3, 8, 8)
    assert (prediction.chroma > 0).all()
    assert (prediction.chroma.sum(dim=1) < 60).all()


@pytest.mark.parametrize(
    ("made", "reference", "size"),
    [
        (Halving(6, 10), torch.nn.Conv2d(6, 10, 4, 2, 1, bias=False), (3, 6, 8, 4)),
        (Doubling(6, 10), torch.nn.ConvTranspose2d(6, 10, 4, 2, 1, bias=False), (3, 6, 3, 4)),
    ],
)
def test_small_pictures_and_their_gradients_are_those_of_the_convolution(
    made: torch.nn.Module, reference: torch.nn.Module, size: tuple[int, ...]
) -> None:
    reference.load_state_dict(made.state_dict())
    one = torch.randn(size, requires_grad=True)
    other = one.detach().clone().requires_grad_()
    results = made(one), reference(other)
    weighted = torch.randn_like(results[1])
    for result in results:
        result.backward(weighted)
    torch.testing.assert_close(*results)
    torch.testing.assert_close(one.grad, other.grad)
    torch.testing.assert_close(made.weight.grad, reference.weight.grad)
    torch.testing.assert_close(made.eval()(one), reference.eval()(one))
