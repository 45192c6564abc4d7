"""Beginning with weights that exist: another run's, or a shipped engine's."""

from __future__ import annotations

import csv
import dataclasses
import functools
import math
import re
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from archivecolor.errors import ConfigurationError
from archivecolor.inference import catalog
from archivecolor.inference.torch_generator import GeneratorShape
from tests.fakes.generators import SHAPE, tiny_checkpoint, tiny_generator
from train import trainer as training
from train.checkpoint import Checkpoint
from train.dataset import Photographs
from train.fit import fit, go_on_in_place
from train.palette import palette_prior
from train.parent import load_parent
from train.recipe import Recipe

NEVER = math.inf


@pytest.fixture(autouse=True)
def _quick_prior(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training, "palette_prior", functools.partial(palette_prior, samples=60))


def test_another_runs_weights_can_be_the_beginning(recipe: Recipe, tmp_path: Path) -> None:
    parent = tiny_checkpoint()
    parent.save(tmp_path / "parent.pt")
    recipe = dataclasses.replace(recipe, phase=(recipe.phase[1],))
    made = Checkpoint.load(fit(recipe, tmp_path / "run", None, NEVER, start_from=tmp_path / "parent.pt"))
    assert made.step == 1
    assert made.seconds > parent.seconds
    assert torch.equal(made.generator["palette"], parent.ema["palette"])
    drift = (made.generator["head.weight"] - parent.ema["head.weight"]).abs().max()
    assert 0 < drift < 0.01


def test_weights_go_on_in_the_schedule_where_they_were(recipe: Recipe, tmp_path: Path) -> None:
    short = dataclasses.replace(recipe, phase=recipe.phase[:2])
    parent = fit(short, tmp_path / "short", None, NEVER)
    more = dataclasses.replace(recipe, data=dataclasses.replace(recipe.data, source_weights={"cat": 0.0}))
    made = Checkpoint.load(fit(more, tmp_path / "run", None, NEVER, parent, in_place=True))
    assert made.step == 6
    assert max(state["step"] for state in made.optimizer["state"].values()) == 6
    with (tmp_path / "run" / "curve.csv").open(encoding="utf-8") as f:
        assert [row["phase"] for row in csv.DictReader(f)] == ["adversarial"]
    other = dataclasses.replace(recipe, name="other")
    with pytest.raises(ConfigurationError, match="trained by recipe 'tiny', so it has no place in 'other'"):
        fit(other, tmp_path / "other", None, NEVER, parent, in_place=True)


def test_mean_weights_alone_go_on_in_the_schedule_at_a_rate_that_rises(recipe: Recipe, tmp_path: Path) -> None:
    short = dataclasses.replace(recipe, phase=recipe.phase[:2])
    whole = Checkpoint.load(fit(short, tmp_path / "short", None, NEVER))
    mean = tmp_path / "short" / "mean.pt"
    carried = Checkpoint.load(mean)
    assert mean.stat().st_size < (tmp_path / "short" / "last.pt").stat().st_size / 3
    assert not carried.optimizer
    for name, value in whole.ema.items():
        torch.testing.assert_close(carried.ema[name], value, rtol=1e-3, atol=1e-4)
    trainer = training.Trainer(recipe)
    go_on_in_place(trainer, Photographs.load(tmp_path, recipe.data), mean)
    assert (trainer.step, trainer.warm_from) == (whole.step, whole.step)
    assert torch.equal(trainer.ema.state_dict()["head.weight"], carried.ema["head.weight"])


def test_an_engine_s_weights_go_on_in_the_schedule_at_a_rate_that_rises(
    recipe: Recipe, tiny_engine: Path, tmp_path: Path
) -> None:
    trainer = training.Trainer(recipe)
    folder = Path(shutil.copytree(tiny_engine, tmp_path / "tiny"))
    toml = folder / "engine.toml"
    toml.write_text(re.sub("in_schedule = 0", "in_schedule = 8", toml.read_text(encoding="utf-8")), encoding="utf-8")
    go_on_in_place(trainer, Photographs.load(tmp_path, recipe.data), folder)
    assert trainer.step == 4  # 4 + 2 pictures in batches of 2, then 2 more
    first = trainer.learning_rate(recipe.phase[2], 0.5)
    trainer.step += 400
    assert trainer.learning_rate(recipe.phase[2], 0.5) > 100 * first > 0


def test_a_network_that_grows_begins_by_coloring_as_the_smaller_one(recipe: Recipe, tmp_path: Path) -> None:
    parent = tiny_checkpoint()
    parent.save(tmp_path / "parent.pt")
    larger = dataclasses.replace(recipe, generator=dataclasses.replace(SHAPE, blocks=(3, 2), hints=True))
    trainer = training.Trainer(larger)
    trainer.begin(Photographs.load(tmp_path, recipe.data), load_parent(tmp_path / "parent.pt", larger.network))
    luma = torch.rand(1, 1, 64, 96, generator=torch.Generator().manual_seed(2))
    with torch.inference_mode():
        torch.testing.assert_close(trainer.ema(luma).logits, tiny_generator()(luma).logits)
    blocks = trainer.generator.transformer32.blocks
    assert len(blocks) == 3
    assert torch.equal(blocks[0].qkv.weight, parent.ema["transformer32.blocks.0.qkv.weight"])


def test_a_network_never_shrinks(recipe: Recipe, tmp_path: Path) -> None:
    tiny_checkpoint().save(tmp_path / "parent.pt")
    smaller = dataclasses.replace(recipe, generator=dataclasses.replace(SHAPE, blocks=(0, 1)))
    with pytest.raises(ConfigurationError, match=r"parent\.pt: holds another network"):
        fit(smaller, tmp_path / "run", None, NEVER, start_from=tmp_path / "parent.pt")


def test_the_weights_of_another_network_cannot_be_the_beginning(recipe: Recipe, tmp_path: Path) -> None:
    tiny_checkpoint().save(tmp_path / "parent.pt")
    other = dataclasses.replace(recipe, generator=GeneratorShape(32, (16, 16, 8), 8, 2))
    with pytest.raises(ConfigurationError, match=r"parent\.pt: holds another network"):
        fit(other, tmp_path / "run", None, NEVER, start_from=tmp_path / "parent.pt")


def test_a_run_can_begin_with_the_weights_of_a_shipped_engine(
    recipe: Recipe, tiny_engine: Path, tmp_path: Path
) -> None:
    still = dataclasses.replace(recipe.phase[0], learning_rate=0.0, final_learning_rate=0.0, pictures=2, batch=2)
    run = fit(dataclasses.replace(recipe, phase=(still,)), tmp_path / "run", None, NEVER, start_from=tiny_engine)
    made = Checkpoint.load(run)
    shipped = {k: v.float() for k, v in load_file(tiny_engine / catalog.WEIGHTS).items() if v.dim() > 1}
    assert all(torch.equal(v, made.generator[k]) for k, v in shipped.items())
    assert made.prior.sum().item() == pytest.approx(1)


def test_an_engine_folder_of_another_network_is_refused(recipe: Recipe, tiny_engine: Path, tmp_path: Path) -> None:
    other = dataclasses.replace(recipe, generator=GeneratorShape(32, (16, 16, 8), 8, 2))
    with pytest.raises(ConfigurationError, match="holds another network"):
        fit(other, tmp_path / "run", None, NEVER, start_from=tiny_engine)
