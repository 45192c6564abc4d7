"""One step of training: what learns, at which rate, and what a phase holds still."""

from __future__ import annotations

import dataclasses

import pytest
import torch

from archivecolor.inference.torch_generator import Generator
from tests.fakes.generators import SHAPE
from train.dataset import Photographs
from train.losses import ColorLoss
from train.networks import freeze
from train.recipe import Freeze, Recipe
from train.trainer import Trainer


def test_training_on_one_batch_lowers_its_loss(recipe: Recipe, photographs: Photographs) -> None:
    trainer = Trainer(recipe)
    trainer.begin(photographs)
    phase = recipe.phase[0]
    freeze(trainer.generator, phase)
    batch = photographs.batch((1, 1), 2, 64, 0.5, recipe.degrade)
    loss = ColorLoss(trainer.generator.palette, trainer.prior, recipe.loss)
    losses = [trainer.train_on(batch, phase, 3e-3, loss)["distribution"] for _ in range(15)]
    assert losses[-1] < 0.9 * losses[0]


def test_the_encoder_learns_at_its_share_of_the_rate(recipe: Recipe, photographs: Photographs) -> None:
    moved = []
    for share in (1.0, 0.0):
        trainer = Trainer(dataclasses.replace(recipe, weight_decay=0.0))
        trainer.begin(photographs)
        phase = dataclasses.replace(recipe.phase[1], freeze=Freeze.NOTHING, encoder_share=share)
        freeze(trainer.generator, phase)
        before = {k: v.detach().clone() for k, v in trainer.generator.named_parameters()}
        loss = ColorLoss(trainer.generator.palette, trainer.prior, recipe.loss)
        trainer.train_on(photographs.batch((1, 1), 2, 64, 0.5, recipe.degrade), phase, 1e-3, loss)
        after = dict(trainer.generator.named_parameters())
        moved.append({k.split(".")[0] for k, v in before.items() if not torch.equal(v, after[k])})
    assert moved[0] >= {"encoder", "head"}
    assert "encoder" not in moved[1]
    assert "head" in moved[1]


@pytest.mark.parametrize(
    ("what", "trained", "still"),
    [
        (Freeze.NOTHING, {"stem", "stages.0", "stages.6"}, set()),
        (Freeze.SHALLOW, {"stages.2", "stages.6"}, {"stem", "stages.0", "stages.1"}),
        (Freeze.ENCODER, set(), {"stem", *(f"stages.{i}" for i in range(7))}),
    ],
)
def test_a_freeze_holds_weights_and_batch_statistics_still(
    what: Freeze, trained: set[str], still: set[str], recipe: Recipe
) -> None:
    generator = Generator(SHAPE)
    phase = recipe.phase[0]
    freeze(generator, dataclasses.replace(phase, freeze=Freeze.ENCODER))  # what an earlier phase left
    freeze(generator, dataclasses.replace(phase, freeze=what))
    for part in trained:
        module = generator.encoder.get_submodule(part)
        assert module.training
        assert any(p.requires_grad for p in module.parameters())
    for part in still:
        module = generator.encoder.get_submodule(part)
        assert not any(m.training for m in module.modules())
        assert not any(p.requires_grad for p in module.parameters())
    assert generator.head.weight.requires_grad
    assert generator.up16.training


def test_new_blocks_can_be_trained_alone(recipe: Recipe) -> None:
    generator = Generator(SHAPE)
    freeze(generator, dataclasses.replace(recipe.phase[0], freeze=Freeze.ALL_BUT_BLOCKS))
    learning = {name.split(".")[0] for name, p in generator.named_parameters() if p.requires_grad}
    assert learning == {"transformer32", "transformer16"}
    assert not generator.up16.training
    freeze(generator, dataclasses.replace(recipe.phase[0], freeze=Freeze.NOTHING))
    assert all(p.requires_grad for p in generator.parameters())


@pytest.mark.parametrize("held", [True, False])
def test_batch_statistics_move_unless_the_phase_holds_them(
    held: bool, recipe: Recipe, photographs: Photographs
) -> None:
    trainer = Trainer(recipe)
    trainer.begin(photographs)
    phase = dataclasses.replace(recipe.phase[1], freeze=Freeze.NOTHING, hold_statistics=held)
    freeze(trainer.generator, phase)
    before = {k: v.clone() for k, v in trainer.generator.named_buffers() if "running" in k}
    loss = ColorLoss(trainer.generator.palette, trainer.prior, recipe.loss)
    trainer.train_on(photographs.batch((1, 1), 2, 64, 0.5, recipe.degrade), phase, 1e-3, loss)
    after = dict(trainer.generator.named_buffers())
    moved = [k for k in before if not torch.equal(before[k], after[k])]
    assert moved == ([] if held else list(before))
    assert trainer.generator.head.weight.grad is not None
    assert trainer.generator.encoder.stem[0].weight.grad is not None


def test_a_phase_can_hold_the_batch_statistics_still_while_weights_learn(
    recipe: Recipe, photographs: Photographs
) -> None:
    trainer = Trainer(recipe)
    trainer.begin(photographs)
    phase = dataclasses.replace(recipe.phase[0], freeze=Freeze.NOTHING, hold_statistics=True)
    freeze(trainer.generator, phase)
    before = {k: v.detach().clone() for k, v in trainer.generator.state_dict().items()}
    loss = ColorLoss(trainer.generator.palette, trainer.prior, recipe.loss)
    trainer.train_on(photographs.batch((1, 1), 2, 64, 0.5, recipe.degrade), phase, 1e-3, loss)
    moved = {k for k, v in trainer.generator.state_dict().items() if not torch.equal(v, before[k])}
    assert "head.weight" in moved
    assert not {k for k in moved if "running" in k}
