"""Losses: soft encoding, rebalancing as the paper has it, and the two sides of the hinge."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from archivecolor.inference.torch_generator import Prediction
from train.losses import ColorLoss, Hinge, NonSaturating, adversarial_loss
from train.recipe import Adversary, AdversaryKind, Loss

PALETTE = torch.tensor([[0.0, 0.0], [40.0, 20.0], [-30.0, 30.0], [10.0, -50.0], [60.0, -40.0]])
PRIOR = torch.tensor([0.6, 0.2, 0.1, 0.07, 0.03])

coordinates = st.floats(-100, 100, width=32)


def plane(a: float, b: float, side: int = 3) -> torch.Tensor:
    """``[1, 2, side, side]`` of one chroma."""
    return torch.tensor([float(a), float(b)])[None, :, None, None].expand(1, 2, side, side).contiguous()


@given(coordinates, coordinates)
def test_a_soft_encoding_adds_up_to_1_and_peaks_at_the_nearest_entry(a: float, b: float) -> None:
    encoded = ColorLoss(PALETTE, PRIOR, Loss()).soft_encode(plane(a, b))
    assert encoded.shape == (1, 5, 3, 3)
    torch.testing.assert_close(encoded.sum(dim=1), torch.ones(1, 3, 3))
    distance = (PALETTE - torch.tensor([a, b])).norm(dim=1)
    peak = encoded[0, :, 1, 1].argmax()
    assert distance[peak] <= distance.min() + 1e-3


def test_a_soft_encoding_is_the_gaussian_of_the_distance() -> None:
    sigma = 25.0
    encoded = ColorLoss(PALETTE, PRIOR, Loss(palette_sigma=sigma)).soft_encode(plane(12, -7))[0, :, 0, 0]
    gaussian = torch.exp(-((PALETTE - torch.tensor([12.0, -7.0])) ** 2).sum(dim=1) / (2 * sigma**2))
    torch.testing.assert_close(encoded, gaussian / gaussian.sum())


@pytest.mark.parametrize("rebalance", [0.0, 0.3, 0.5, 1.0])
def test_rebalancing_keeps_the_mean_weight_of_a_pixel_at_1(rebalance: float) -> None:
    rarity = ColorLoss(PALETTE, PRIOR, Loss(rebalance=rebalance)).rarity
    assert (PRIOR * rarity).sum().item() == pytest.approx(1, abs=1e-5)


def test_without_rebalancing_every_pixel_counts_alike() -> None:
    torch.testing.assert_close(ColorLoss(PALETTE, PRIOR, Loss(rebalance=0)).rarity, torch.ones(5))


def test_with_full_rebalancing_every_palette_entry_counts_alike() -> None:
    rarity = ColorLoss(PALETTE, PRIOR, Loss(rebalance=1)).rarity
    torch.testing.assert_close(PRIOR * rarity, torch.full((5,), 0.2))


def test_palette_entries_that_no_pixel_has_do_not_make_the_loss_infinite() -> None:
    prior = torch.tensor([0.7, 0.3, 0.0, 0.0, 0.0])
    for rebalance in (0.0, 0.5, 1.0):
        loss = ColorLoss(PALETTE, prior, Loss(rebalance=rebalance))
        terms = loss(Prediction(plane(0, 0), torch.zeros(1, 5, 3, 3)), plane(5, 5))
        assert all(math.isfinite(t.item()) for t in terms)


def test_the_distribution_term_is_least_at_the_true_distribution() -> None:
    loss = ColorLoss(PALETTE, PRIOR, Loss(palette_sigma=30))
    truth = plane(20, 5)
    logits = loss.soft_encode(truth).log()
    best, _ = loss(Prediction(truth, logits), truth)
    for seed in range(5):
        noise = torch.randn(logits.shape, generator=torch.Generator().manual_seed(seed))
        worse, _ = loss(Prediction(truth, logits + 0.3 * noise), truth)
        assert worse > best


def test_the_pixel_term_is_the_weighted_mean_error() -> None:
    loss = ColorLoss(PALETTE, PRIOR, Loss(pixel=0.5, chroma_emphasis=2))
    _, pixel = loss(Prediction(plane(33, 34), torch.zeros(1, 5, 3, 3)), plane(30, 40))
    # errors 3 and 6, chroma 50: weight 1 + 2 x .5
    assert pixel.item() == pytest.approx(0.5 * 2 * 4.5)
    _, nothing = loss(Prediction(plane(30, 40), torch.zeros(1, 5, 3, 3)), plane(30, 40))
    assert nothing.item() == 0


def test_both_terms_follow_their_weights() -> None:
    prediction = Prediction(plane(1, 2), torch.randn(1, 5, 3, 3, generator=torch.Generator().manual_seed(1)))
    one = ColorLoss(PALETTE, PRIOR, Loss(distribution=1, pixel=1))(prediction, plane(30, 30))
    other = ColorLoss(PALETTE, PRIOR, Loss(distribution=3, pixel=0.25))(prediction, plane(30, 30))
    assert other[0].item() == pytest.approx(3 * one[0].item())
    assert other[1].item() == pytest.approx(0.25 * one[1].item())


def test_the_discriminator_gains_nothing_beyond_the_hinge() -> None:
    assert Hinge().discriminator(torch.tensor([1.0, 5.0]), torch.tensor([-1.0, -7.0])).item() == 0
    assert Hinge().discriminator(torch.tensor([0.0]), torch.tensor([0.0])).item() == 2
    assert Hinge().discriminator(torch.tensor([-1.0]), torch.tensor([2.0])).item() == 5


def test_the_generator_wants_to_be_called_real() -> None:
    assert Hinge().generator(torch.tensor([3.0, -1.0])).item() == -1


def logit(p: float) -> torch.Tensor:
    return torch.logit(torch.tensor([p]))


def test_the_papers_discriminator_maximises_the_log_likelihood_of_its_labels() -> None:
    loss = NonSaturating(real=1.0).discriminator(logit(0.8), logit(0.3)).item()
    assert loss == pytest.approx(-math.log(0.8) - math.log(0.7), rel=1e-5)


def test_smoothing_is_one_sided_and_best_met_at_its_label() -> None:
    smooth = NonSaturating(real=0.9)
    fake = logit(0.01)
    best = smooth.discriminator(logit(0.9), fake)
    assert all(smooth.discriminator(logit(p), fake) > best for p in (0.8, 0.85, 0.95, 0.99))
    assert smooth.discriminator(logit(0.9), logit(0.001)) < best  # fakes are never smoothed
    assert smooth.generator(logit(0.99)) < smooth.generator(logit(0.9))


def test_the_non_saturating_generator_learns_most_where_it_is_caught() -> None:
    slopes = []
    for p in (0.01, 0.5, 0.99):
        judged = logit(p).requires_grad_()
        torch.autograd.backward(NonSaturating(real=0.9).generator(judged))
        assert judged.grad is not None
        slopes.append(-judged.grad.item())
    assert slopes == pytest.approx([0.99, 0.5, 0.01], abs=1e-4)


def test_the_recipe_chooses_the_game() -> None:
    assert isinstance(adversarial_loss(Adversary()), Hinge)
    paper = adversarial_loss(Adversary(AdversaryKind.PAPER, real=0.9))
    assert isinstance(paper, NonSaturating)
    assert paper.real == 0.9


def test_a_network_without_a_palette_is_trained_on_the_pixel_term_alone() -> None:
    loss = ColorLoss(torch.zeros(0, 2), torch.zeros(0), Loss(distribution=0, pixel=2, chroma_emphasis=0))
    distribution, pixel = loss(Prediction(plane(3, 4), torch.zeros(1, 0, 3, 3)), plane(0, 0))
    assert distribution.item() == 0
    assert pixel.item() == pytest.approx(2 * 3.5)
