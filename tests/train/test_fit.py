"""Training: a run that is stopped and taken up again ends in the same bits as one that was not."""

from __future__ import annotations

import csv
import dataclasses
import functools
import logging
import math
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from archivecolor.errors import ArchiveColorError, ConfigurationError, DependencyError, InputError, UsageError
from archivecolor.inference.torch_encoder import EncoderKind
from archivecolor.inference.torch_generator import Generator
from tests.fakes.generators import SHAPE, tiny_checkpoint
from tests.train.conftest import tiny_recipe
from train import fit as fitting
from train import trainer as training
from train.batches import batches, batches_of_workers
from train.checkpoint import Checkpoint
from train.dataset import Batch, Photographs
from train.device import training_device
from train.fit import fit
from train.hints import HintDraws
from train.losses import ColorLoss
from train.networks import freeze, imagenet_weights
from train.palette import fit_palette, palette_prior
from train.recipe import Data, Recipe
from train.schedule import Schedule
from train.trainer import Trainer
from train.validate import ValidationSet

EVERY_STEP, NEVER = -1.0, math.inf


@pytest.fixture(autouse=True)
def _quick_palette(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training, "fit_palette", functools.partial(fit_palette, samples=60))
    monkeypatch.setattr(training, "palette_prior", functools.partial(palette_prior, samples=60))


def stop_at(step: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the next run be interrupted when it is about to make step ``step``."""
    train_on = Trainer.train_on

    def interrupted(self: Trainer, *arguments: Any) -> dict[str, float]:
        if self.step == step:
            raise KeyboardInterrupt
        return train_on(self, *arguments)

    monkeypatch.setattr(Trainer, "train_on", interrupted)


def without_phases(recipe: Recipe, *kept: int) -> Recipe:
    return dataclasses.replace(recipe, phase=tuple(recipe.phase[i] for i in kept))


def assert_same_bits(one: Any, other: Any, where: str = "") -> None:
    """Compare nested dicts and lists of tensors and values."""
    assert type(one) is type(other), where
    if isinstance(one, torch.Tensor):
        assert torch.equal(one, other), where
    elif isinstance(one, dict):
        assert one.keys() == other.keys(), where
        for k in one:
            assert_same_bits(one[k], other[k], f"{where}.{k}")
    elif isinstance(one, list):
        for i, (x, y) in enumerate(zip(one, other, strict=True)):
            assert_same_bits(x, y, f"{where}[{i}]")
    else:
        assert one == other, where


@pytest.fixture(scope="module")
def uninterrupted(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Checkpoint:
    """The end of a run in one go."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(training, "fit_palette", functools.partial(fit_palette, samples=60))
        return Checkpoint.load(fit(tiny_recipe(corpus), tmp_path_factory.mktemp("whole"), None, NEVER))


@pytest.mark.parametrize("stops", [(3,), (1, 4, 5)], ids=["once", "often"])
def test_a_run_taken_up_again_ends_in_the_same_bits(
    stops: tuple[int, ...],
    recipe: Recipe,
    uninterrupted: Checkpoint,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for step in stops:
        with monkeypatch.context() as patch:
            stop_at(step, patch)
            with pytest.raises(KeyboardInterrupt):
                fit(recipe, tmp_path, None, EVERY_STEP)
        assert Checkpoint.load(tmp_path / "last.pt").step == step
    resumed = Checkpoint.load(fit(recipe, tmp_path, None, NEVER))
    assert resumed.step == uninterrupted.step == 6
    for name in ("generator", "ema", "discriminator", "optimizer", "discriminator_optimizer", "prior"):
        assert_same_bits(getattr(resumed, name), getattr(uninterrupted, name), name)


def test_every_part_of_the_network_was_trained_and_the_mean_follows(uninterrupted: Checkpoint) -> None:
    beginning = Generator(SHAPE)
    beginning.encoder.load_imagenet(imagenet_weights(EncoderKind.LITE0))
    before = beginning.state_dict()
    trained = [k for k, v in uninterrupted.generator.items() if not torch.equal(v, before[k])]
    assert {k.split(".")[0] for k in trained} >= {"encoder", "context", "up16", "up8", "up4", "head", "palette"}
    assert not torch.equal(uninterrupted.ema["head.weight"], uninterrupted.generator["head.weight"])
    assert torch.equal(uninterrupted.ema["palette"], uninterrupted.generator["palette"])
    assert uninterrupted.prior.sum().item() == pytest.approx(1, abs=1e-5)
    assert uninterrupted.discriminator_optimizer["state"]
    assert all(torch.isfinite(v).all() for v in uninterrupted.ema.values())


def test_a_run_leaves_a_checkpoint_a_phase_and_a_curve(recipe: Recipe, tmp_path: Path) -> None:
    recipe = without_phases(recipe, 0, 2)
    fit(recipe, tmp_path, None, NEVER)
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        "after-adversarial.pt",
        "after-frozen.pt",
        "curve.csv",
        "last.pt",
        "mean.pt",
    ]
    assert Checkpoint.load(tmp_path / "after-frozen.pt").step == 2
    with (tmp_path / "curve.csv").open(encoding="utf-8") as f:
        rows = list(csv.DictReader(f))
    assert [(r["step"], r["phase"]) for r in rows] == [("2", "frozen"), ("5", "adversarial")]
    assert float(rows[0]["adversarial"]) == 0
    assert float(rows[1]["discriminator"]) > 0


def test_a_run_by_the_clock_ends_in_time_with_every_phase_and_tells_what_it_showed(
    recipe: Recipe, tmp_path: Path
) -> None:
    long = tuple(dataclasses.replace(p, pictures=100_000) for p in recipe.phase)
    began = time.monotonic()
    made = Checkpoint.load(fit(dataclasses.replace(recipe, phase=long), tmp_path, None, NEVER, seconds=2.0))
    assert time.monotonic() - began < 60
    assert made.step == Schedule(long).steps
    assert 0 < made.shown < 100_000
    assert all((tmp_path / f"after-{p.name}.pt").exists() for p in long)


def test_a_finished_run_has_nothing_left_to_do(recipe: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recipe = without_phases(recipe, 1)
    content = fit(recipe, tmp_path, None, NEVER).read_bytes()
    stop_at(1, monkeypatch)
    assert fit(recipe, tmp_path, None, NEVER).read_bytes() == content


def test_a_run_folder_of_another_recipe_or_other_pictures_is_refused(
    recipe: Recipe, tmp_path: Path, corpus: Path
) -> None:
    recipe = without_phases(recipe, 1)
    content = fit(recipe, tmp_path, None, NEVER).read_bytes()
    others = [
        (dataclasses.replace(recipe, name="other"), "belongs to recipe 'tiny'"),
        (dataclasses.replace(recipe, generator=dataclasses.replace(SHAPE, palette=8)), "another network"),
        (dataclasses.replace(recipe, data=Data(str(corpus / "more"))), "was trained on other pictures"),
    ]
    for other, message in others:
        with pytest.raises(ConfigurationError, match=message):
            fit(other, tmp_path, None, NEVER)
    assert (tmp_path / "last.pt").read_bytes() == content


def test_a_damaged_checkpoint_is_neither_used_nor_replaced(recipe: Recipe, tmp_path: Path) -> None:
    last = tmp_path / "last.pt"
    tiny_checkpoint().save(last)
    damaged = last.read_bytes()[:-1000]
    last.write_bytes(damaged)
    with pytest.raises(InputError, match=r"last\.pt: is damaged"):
        fit(recipe, tmp_path, None, NEVER)
    assert last.read_bytes() == damaged


def test_a_checkpoint_whose_tensors_do_not_fit_is_refused(recipe: Recipe) -> None:
    checkpoint = tiny_checkpoint()
    del checkpoint.generator["head.bias"]
    with pytest.raises(InputError, match=r"(?s)tensors do not fit: .*head\.bias"):
        Trainer(recipe).restore(checkpoint)


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_a_loss_that_is_no_number_stops_the_run_and_keeps_the_last_good_checkpoint(
    bad: float, recipe: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    draw = Photographs.batch

    def poisoned(self: Photographs, key: tuple[int, int], *arguments: Any) -> Batch:
        batch = draw(self, key, *arguments)
        if key[1] == 3:
            batch.chroma[0, 0, 0, 0] = bad
        return batch

    monkeypatch.setattr(Photographs, "batch", poisoned)
    with pytest.raises(ArchiveColorError, match=r"the loss became (nan|inf) at step 2 \(the last checkpoint is good"):
        fit(recipe, tmp_path, None, EVERY_STEP)
    last = Checkpoint.load(tmp_path / "last.pt")
    assert last.step == 2
    assert all(torch.isfinite(v).all() for v in last.generator.values())


def test_a_gradient_that_is_no_number_stops_the_run_before_it_reaches_the_weights(
    recipe: Recipe, photographs: Photographs
) -> None:
    trainer = Trainer(recipe)
    trainer.begin(photographs)
    trainer.generator.head.weight.register_hook(lambda g: g * math.nan)
    before = {k: v.detach().clone() for k, v in trainer.generator.named_parameters()}
    phase = recipe.phase[0]
    freeze(trainer.generator, phase)
    batch = photographs.batch((1, 1), 2, 64, 0.5, recipe.degrade)
    loss = ColorLoss(trainer.generator.palette, trainer.prior, recipe.loss)
    with pytest.raises(ArchiveColorError, match="the gradient became nan at step 0"):
        trainer.train_on(batch, phase, 1e-3, loss)
    assert_same_bits(before, {k: v.detach() for k, v in trainer.generator.named_parameters()})


def test_the_curve_tells_how_the_validation_pictures_fare(recipe: Recipe, tmp_path: Path, corpus: Path) -> None:
    fit(without_phases(recipe, 1), tmp_path, ValidationSet.of_folder(corpus / "more", count=5, side=64), NEVER)
    with (tmp_path / "curve.csv").open(encoding="utf-8") as f:
        (row,) = csv.DictReader(f)
    assert float(row["ciede2000"]) > 0
    assert math.isfinite(float(row["gain_percent"]))
    assert (tmp_path / "sheet.png").stat().st_size > 1000


def test_what_goes_wrong_while_batches_are_made_ends_the_run(
    recipe: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> Batch:
        raise MemoryError("no room for the batch")

    monkeypatch.setattr(Photographs, "batch", broken)
    with pytest.raises(MemoryError, match="no room"):
        fit(recipe, tmp_path, None, NEVER)
    assert not (tmp_path / "last.pt").exists()


def test_batches_of_a_later_start_are_those_of_the_whole_run(recipe: Recipe, photographs: Photographs) -> None:
    schedule = Schedule(recipe.phase)
    whole = list(batches(photographs, recipe, schedule, 0))
    late = list(batches(photographs, recipe, schedule, 4))
    assert len(whole) == 6
    assert len(late) == 2
    for one, other in zip(whole[4:], late, strict=True):
        np.testing.assert_array_equal(one.luma, other.luma)
        np.testing.assert_array_equal(one.chroma, other.chroma)


def test_processes_make_the_batches_that_a_thread_does(recipe: Recipe, photographs: Photographs) -> None:
    schedule = Schedule(recipe.phase)
    for first in (0, 4):
        ones = batches(photographs, recipe, schedule, first)
        others = batches_of_workers(photographs, recipe, schedule, first, 2)
        for one, other in zip(ones, others, strict=True):
            np.testing.assert_array_equal(one.luma, other.luma)
            np.testing.assert_array_equal(one.chroma, other.chroma)


def test_what_goes_wrong_in_a_process_ends_the_run(recipe: Recipe, photographs: Photographs) -> None:
    gone = Photographs([b"no picture"], np.ones(1), photographs.digest)
    with pytest.raises(ValueError, match="picture 0 can no longer be decoded"):
        next(batches_of_workers(gone, recipe, Schedule(recipe.phase), 0, 1))


def test_a_run_with_processes_ends_in_the_same_bits(recipe: Recipe, uninterrupted: Checkpoint, tmp_path: Path) -> None:
    made = Checkpoint.load(fit(recipe, tmp_path, None, NEVER, device=torch.device("cpu"), workers=2))
    assert_same_bits(made.generator, uninterrupted.generator)
    assert_same_bits(made.ema, uninterrupted.ema)


@pytest.mark.parametrize(("name", "error"), [("gpu", UsageError), ("mps", UsageError), ("cuda:99", DependencyError)])
def test_a_device_that_cannot_train_is_told_before_anything_is_loaded(
    name: str, error: type[ArchiveColorError], tmp_path: Path
) -> None:
    with pytest.raises(error, match="--device cpu"):
        training_device(name)
    assert training_device("cpu").type == "cpu"


def test_a_generator_with_hints_is_trained_on_them(recipe: Recipe, tmp_path: Path) -> None:
    hinted = dataclasses.replace(
        recipe,
        generator=dataclasses.replace(SHAPE, hints=True),
        hints=HintDraws(none=0),
        phase=recipe.phase[:1],
    )
    made = Checkpoint.load(fit(hinted, tmp_path, None, NEVER))
    leaving = [v for k, v in made.generator.items() if k.startswith(("hints.leave", "alike.leave")) and v.dim() > 1]
    assert len(leaving) == 5
    assert all(v.abs().max() > 0 for v in leaving)


def test_the_command_line_trains_and_tells_errors_by_exit_code(
    corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "try.toml"
    path.write_text(
        f"""
        name = "try"
        [data]
        corpus = "{corpus}"
        [generator]
        context = 32
        decoder = [16, 16, 8]
        palette = 16
        heads = 2
        [[phase]]
        name = "only"
        pictures = 2
        crop = 64
        batch = 2
        learning_rate = 1e-3
        final_learning_rate = 1e-4
        """,
        encoding="utf-8",
    )
    run = tmp_path / "run"
    monkeypatch.setattr("sys.argv", ["fit", str(path), "--run", str(run), "--threads", "1"])
    assert fitting.main() == 0
    assert Checkpoint.load(run / "last.pt").step == 1
    path.write_text(path.read_text(encoding="utf-8").replace("crop", "corp"), encoding="utf-8")
    with caplog.at_level(logging.ERROR):
        assert fitting.main() == ConfigurationError.exit_code
    assert "did you mean 'crop'?" in caplog.text
