"""The paper's networks in the same loop: exact resume with dropout and a falling rate, and runs changed by hand."""

from __future__ import annotations

import csv
import dataclasses
import logging
import math
import os
import signal
import time
from pathlib import Path
from typing import Any

import pytest
import torch

from archivecolor.errors import ArchiveColorError, ConfigurationError
from tests.train.test_fit import EVERY_STEP, NEVER, assert_same_bits, stop_at
from train.checkpoint import Checkpoint
from train.dataset import Photographs
from train.export import export
from train.fit import add_row, fit, stopped_by_interrupt
from train.losses import ColorLoss, NonSaturating
from train.networks import freeze, trained_network
from train.recipe import Adversary, AdversaryKind, Data, Loss, Phase, Plateau, Recipe
from train.trainer import Trainer
from train.unet import UNet, UNetShape
from train.validate import ValidationSet


def paper_recipe(corpus: Path) -> Recipe:
    """Eight steps of a small U-Net; the rate is lowered whenever two steps bring next to nothing."""
    plateau = Plateau(pictures=2, patience=2, least_gain=0.9)
    phase = Phase("all", 16, 32, 2, 1e-3, 1e-5, smallest_crop=1, adversarial=1, plateau=plateau)
    return Recipe(
        "paper",
        Data(str(corpus)),
        (phase,),
        weight_decay=0,
        beta1=0.5,
        gradient_clip=0,
        ema=0,
        unet=UNetShape((8, 8, 8), (0.5,)),
        loss=Loss(distribution=0, pixel=0.9, chroma_emphasis=0),
        adversary=Adversary(AdversaryKind.PAPER, 0.9),
    )


@pytest.fixture
def paper(corpus: Path) -> Recipe:
    return paper_recipe(corpus)


@pytest.fixture(scope="module")
def whole(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Checkpoint:
    """The end of a run in one go."""
    return Checkpoint.load(fit(paper_recipe(corpus), tmp_path_factory.mktemp("paper"), None, NEVER))


def test_a_run_taken_up_again_drops_the_same_features_and_lowers_the_same_rates(
    paper: Recipe, whole: Checkpoint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for step in (2, 3, 6):
        with monkeypatch.context() as patch:
            stop_at(step, patch)
            with pytest.raises(KeyboardInterrupt):
                fit(paper, tmp_path, None, EVERY_STEP)
        torch.rand(7)  # whatever else draws random numbers
    resumed = Checkpoint.load(fit(paper, tmp_path, None, NEVER))
    assert resumed.step == whole.step == 8
    assert whole.plateau["factor"] == pytest.approx(1e-2)
    for name in ("generator", "ema", "discriminator", "optimizer", "discriminator_optimizer", "plateau"):
        assert_same_bits(getattr(resumed, name), getattr(whole, name), name)


def test_both_networks_rates_fall_together(whole: Checkpoint) -> None:
    assert [g["lr"] for g in whole.optimizer["param_groups"]] == pytest.approx([1e-5, 1e-5])
    assert whole.discriminator_optimizer["param_groups"][0]["lr"] == pytest.approx(2e-6)
    assert whole.optimizer["param_groups"][0]["betas"] == (0.5, 0.999)


def test_without_a_running_mean_the_weights_themselves_are_kept(whole: Checkpoint) -> None:
    assert_same_bits(whole.ema, whole.generator)
    assert whole.prior.shape == (0,)
    network = trained_network(whole)
    assert isinstance(network, UNet)
    assert not network.training


def test_switching_the_adversary_off_leaves_it_untrained(paper: Recipe, tmp_path: Path) -> None:
    baseline = dataclasses.replace(paper, phase=(dataclasses.replace(paper.phase[0], adversarial=0.0),))
    made = Checkpoint.load(fit(baseline, tmp_path, None, NEVER))
    assert made.discriminator_optimizer["state"] == {}
    assert made.optimizer["state"]


def test_training_on_one_batch_lowers_the_papers_pixel_loss(paper: Recipe, corpus: Path) -> None:
    trainer = Trainer(paper)
    photographs = Photographs.load(corpus.parent, Data(corpus.name))
    trainer.begin(photographs)
    phase = dataclasses.replace(paper.phase[0], adversarial=0)
    freeze(trainer.generator, phase)
    batch = photographs.batch((1, 1), 4, 32, 1.0, paper.degrade, paper.chroma_stride)
    loss = ColorLoss(trainer.generator.palette, trainer.prior, paper.loss)
    losses = [trainer.train_on(batch, phase, 3e-3, loss)["pixel"] for _ in range(60)]
    assert losses[-1] < 0.8 * losses[0]


def test_a_rate_can_be_lowered_by_hand_in_a_resumed_run(
    paper: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    plain = dataclasses.replace(paper, phase=(dataclasses.replace(paper.phase[0], plateau=None),))
    with monkeypatch.context() as patch:
        stop_at(4, patch)
        with pytest.raises(KeyboardInterrupt):
            fit(plain, tmp_path, None, EVERY_STEP)
    lowered = dataclasses.replace(plain.phase[0], learning_rate=1e-7, final_learning_rate=1e-7)
    with caplog.at_level(logging.INFO):
        made = Checkpoint.load(fit(dataclasses.replace(plain, phase=(lowered,)), tmp_path, None, NEVER))
    assert "the recipe has changed: phase.all.learning_rate: 0.001, now 1e-07" in caplog.messages
    assert made.optimizer["param_groups"][-1]["lr"] == pytest.approx(1e-7)
    assert made.recipe.phase == (lowered,)


def test_another_unet_is_refused(paper: Recipe, tmp_path: Path) -> None:
    fit(dataclasses.replace(paper, phase=(dataclasses.replace(paper.phase[0], pictures=2),)), tmp_path, None, NEVER)
    with pytest.raises(ConfigurationError, match="holds another network"):
        fit(dataclasses.replace(paper, unet=UNetShape((8, 8, 8), ())), tmp_path, None, NEVER)


def test_a_discriminator_that_fails_stops_the_run_before_it_learns_from_it(
    paper: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    judge = NonSaturating.discriminator
    calls: list[int] = []

    def failing(self: NonSaturating, *arguments: torch.Tensor) -> torch.Tensor:
        calls.append(1)
        return judge(self, *arguments) * (math.nan if len(calls) == 4 else 1)

    monkeypatch.setattr(NonSaturating, "discriminator", failing)
    with pytest.raises(ArchiveColorError, match="the discriminator's loss became nan at step 3"):
        fit(paper, tmp_path, None, EVERY_STEP)
    last = Checkpoint.load(tmp_path / "last.pt")
    assert last.step == 3
    assert all(torch.isfinite(v).all() for v in last.discriminator.values())


def test_the_curve_tells_epochs_and_the_rate(paper: Recipe, corpus: Path, tmp_path: Path) -> None:
    fit(paper, tmp_path, ValidationSet.of_folder(corpus / "more", 1, 32), EVERY_STEP)
    with (tmp_path / "curve.csv").open(encoding="utf-8") as f:
        rows = list(csv.DictReader(f))
    assert [float(r["epoch"]) for r in rows] == pytest.approx([2 * n / 6 for n in range(1, 9)], abs=1e-3)
    assert float(rows[0]["learning_rate"]) == pytest.approx(1e-3)
    assert float(rows[-1]["learning_rate"]) == pytest.approx(1e-5)
    assert math.isfinite(float(rows[-1]["ciede2000"]))


def test_a_row_goes_under_the_columns_that_a_curve_has(tmp_path: Path) -> None:
    curve = tmp_path / "curve.csv"
    curve.write_text("step,pixel\n1,2.5\n", encoding="utf-8")
    row: dict[str, Any] = {"step": 2, "epoch": 0.5}
    add_row(curve, row)
    assert curve.read_text(encoding="utf-8").splitlines() == ["step,pixel", "1,2.5", "2,"]


def test_the_papers_network_is_not_exported(whole: Checkpoint, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="recipe 'paper' trains the paper's U-Net, which no engine runs"):
        export(whole, tmp_path / "engine", summary="", short_px=32, temperature=None)
    assert not (tmp_path / "engine").exists()


def test_an_interrupt_finishes_the_step_saves_it_and_the_run_goes_on(
    paper: Recipe, whole: Checkpoint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    train_on = Trainer.train_on

    def interrupted(self: Trainer, *arguments: Any) -> dict[str, float]:
        if self.step == 2:
            os.kill(os.getpid(), signal.SIGINT)
        return train_on(self, *arguments)

    with monkeypatch.context() as patch, stopped_by_interrupt() as stop:
        patch.setattr(Trainer, "train_on", interrupted)
        assert Checkpoint.load(fit(paper, tmp_path, None, NEVER, stop=stop)).step == 3
    assert_same_bits(Checkpoint.load(fit(paper, tmp_path, None, NEVER)).generator, whole.generator)


def interrupt_twice() -> None:
    with stopped_by_interrupt() as stop:
        os.kill(os.getpid(), signal.SIGINT)
        assert stop.wait(5)
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(5)


def test_a_second_interrupt_stops_at_once() -> None:
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        interrupt_twice()
    assert signal.getsignal(signal.SIGINT) is before
