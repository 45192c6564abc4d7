"""Hints inside the network: nothing before they are trained, and then color that goes to what is alike."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from archivecolor.color import HINT_PLANES
from archivecolor.inference.torch_generator import Generator, GeneratorShape
from archivecolor.inference.torch_hints import HintAttention, HintEncoder

PLAIN = GeneratorShape(context=32, decoder=(16, 16, 8), palette=16, heads=2)
SHAPE = replace(PLAIN, hints=True)


@pytest.fixture(scope="module", autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


def dot(y: int, x: int, ab: tuple[float, float], h: int = 32, w: int = 48) -> Tensor:
    hints = torch.zeros(1, HINT_PLANES, h, w)
    hints[0, :, y, x] = torch.tensor((*ab, 1.0))
    return hints


def trained() -> Generator:
    """With random weights where a fresh generator has zeros."""
    torch.manual_seed(4)
    generator = Generator(SHAPE).eval()
    assert generator.hints is not None
    for layer in (*generator.hints.leave, generator.alike.leave):
        nn.init.normal_(layer.weight, std=1.0)
    return generator


@torch.inference_mode()
def test_untrained_layers_for_hints_leave_a_generator_as_it_was() -> None:
    torch.manual_seed(1)
    plain, hinted = Generator(PLAIN).eval(), Generator(SHAPE).eval()
    hinted.load_state_dict({**hinted.state_dict(), **plain.state_dict()})
    luma = torch.rand(1, 1, 128, 192)
    torch.testing.assert_close(hinted(luma, dot(3, 5, (60, -20))).logits, plain(luma).logits)


@torch.inference_mode()
def test_no_hints_and_an_empty_mask_are_the_same() -> None:
    generator, luma = trained(), torch.rand(1, 1, 128, 192)
    empty = torch.zeros(1, HINT_PLANES, 32, 48)
    empty[:, :2] = 70  # what lies outside the mask is not read
    torch.testing.assert_close(generator(luma).logits, generator(luma, empty).logits, rtol=0, atol=0)


@torch.inference_mode()
def test_a_dot_reaches_the_far_corner_of_the_picture() -> None:
    generator, luma = trained(), torch.rand(1, 1, 128, 192)
    change = (generator(luma, dot(1, 1, (60, 40))).logits - generator(luma).logits).abs().amax(dim=1)[0]
    assert change[1, 1] > change[-1, -1] > 1e-4


@torch.inference_mode()
def test_hints_of_one_picture_do_not_touch_the_next() -> None:
    generator, luma = trained(), torch.rand(2, 1, 128, 192)
    both = generator(luma, torch.cat((dot(1, 1, (60, 40)), torch.zeros(1, HINT_PLANES, 32, 48)))).logits
    torch.testing.assert_close(both[1:], generator(luma[1:]).logits, atol=1e-4, rtol=1e-4)


def test_a_generator_without_hints_refuses_them() -> None:
    with pytest.raises(ValueError, match="takes no hints"):
        Generator(PLAIN)(torch.rand(1, 1, 32, 32), torch.zeros(1, HINT_PLANES, 8, 8))


@torch.inference_mode()
def test_a_place_tells_the_mean_color_of_its_hints_at_every_scale() -> None:
    hints = dot(8, 8, (50, 0)) + dot(9, 9, (0, -25))
    planes = HintEncoder((4, 4, 4, 4))(hints).planes16
    assert planes.shape == (1, HINT_PLANES, 8, 12)
    torch.testing.assert_close(planes[0, :, 2, 2], torch.tensor((0.5, -0.25, 1.0)), atol=0.02, rtol=0)
    assert planes[0, :, 2, 3].abs().max() == 0


@torch.inference_mode()
def test_places_find_the_hints_of_their_like_and_nothing_where_there_are_none() -> None:
    torch.manual_seed(2)
    attention = HintAttention(24)
    coat, street = torch.randn(24, 1, 1), torch.randn(24, 1, 1)
    x = street.expand(24, 8, 8).clone()
    x[:, :, :4] = coat
    x = (x + 0.1 * torch.randn(24, 8, 8))[None]
    planes = torch.zeros(1, HINT_PLANES, 8, 8)
    planes[0, :, 1, 1] = torch.tensor((0.8, -0.4, 1.0))
    found = attention.find(x, planes).reshape(-1, HINT_PLANES, 8, 8)
    assert found[:, 2, 6, 2].mean() > 4 * found[:, 2, 1, 6].mean()  # far on the coat, and near on the street
    torch.testing.assert_close(found[:, 0] * -0.5, found[:, 1], atol=1e-5, rtol=1e-4)  # never another color
    assert attention.find(x, torch.zeros_like(planes)).abs().max() == 0
