"""Recipes: every key known, every type checked, and a round trip through what a checkpoint carries."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest

from archivecolor.errors import ConfigurationError
from archivecolor.generator import INPUT_MULTIPLE, GeneratorShape
from train import recipe as recipes
from train.recipe import Freeze, Recipe

RECIPES = sorted((Path(recipes.__file__).parent / "recipes").glob("*.toml"))

GOOD = """
name = "try"
[data]
corpus = "pictures"
[[phase]]
name = "one"
pictures = 10
crop = 64
batch = 2
learning_rate = 1e-3
final_learning_rate = 1
"""


def load(tmp_path: Path, text: str) -> Recipe:
    path = tmp_path / "try.toml"
    path.write_text(text, encoding="utf-8")
    return recipes.load(path)


@pytest.mark.parametrize("path", RECIPES, ids=lambda p: p.stem)
def test_every_recipe_that_ships_can_be_read(path: Path) -> None:
    recipe = recipes.load(path)
    assert recipe.name == path.stem
    assert recipe.phase
    assert all(p.crop % INPUT_MULTIPLE == 0 for p in recipe.phase)


def test_defaults_stand_in_for_what_a_recipe_leaves_out(tmp_path: Path) -> None:
    recipe = load(tmp_path, GOOD)
    assert recipe.generator == GeneratorShape()
    (phase,) = recipe.phase
    assert phase.freeze is Freeze.NOTHING
    assert phase.adversarial == 0
    assert type(phase.final_learning_rate) is float  # written as an integer


def test_a_recipe_survives_its_way_through_json(recipe: Recipe) -> None:
    assert recipes.from_dict(json.loads(json.dumps(dataclasses.asdict(recipe)))) == recipe


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (GOOD.replace("crop = 64", "crop = 70"), r"phase 'one': crop is 70, no multiple of 32"),
        (GOOD.replace("pictures = 10", "pictures = 0"), "phase 'one': has no pictures"),
        (GOOD.replace("crop =", "crops ="), r"phase\[0\]: unknown key 'crops' \(did you mean 'crop'\?\)"),
        ("seeds = 2\n" + GOOD, r"try\.toml: unknown key 'seeds' \(did you mean 'seed'\?\)"),
        (GOOD + "[generator]\ncontxt = 3\n", r"generator: unknown key 'contxt' \(did you mean 'context'\?\)"),
        ("zzzz = 2\n" + GOOD, "unknown key 'zzzz' .known keys: name, data, phase"),
        (GOOD.replace("crop = 64", 'crop = "64"'), r"phase\[0\]: crop: is '64', should be int"),
        (GOOD.replace("crop = 64", "crop = 64.0"), r"phase\[0\]: crop: is 64\.0, should be int"),
        (GOOD.replace("crop = 64", "crop = true"), r"phase\[0\]: crop: is True, should be int"),
        (GOOD.replace("1e-3", "true"), r"phase\[0\]: learning_rate: is True, should be float"),
        (GOOD.replace('"one"', "1"), r"phase\[0\]: name: is 1, should be str"),
        (
            GOOD.replace('"one"', '"one"\nfreeze = "all"'),
            "freeze: is 'all', should be one of encoder, shallow, n",
        ),
        (GOOD.replace('"one"', '"one"\nfreeze = ["encoder"]'), r"freeze: is \['encoder'\], should be one of"),
        (GOOD + "[generator]\ndecoder = [1, 2]\n", r"generator: decoder: is \[1, 2\], should be"),
        (GOOD + '[generator]\ndecoder = [1, 2, "x"]\n', r"generator: decoder\[2\]: is 'x', should be int"),
        (GOOD + "[data.source_weights]\nscene = 'x'\n", r"data: source_weights\.scene: is 'x', should be float"),
        ("loss = 3\n" + GOOD, "loss: is 3, should be Loss"),
        (GOOD.replace('corpus = "pictures"', ""), "data: missing corpus"),
        (GOOD.replace("batch = 2", ""), r"phase\[0\]: missing batch"),
        ('name = "try"', "missing data, phase"),
        ("name = ", r"try\.toml: is not TOML"),
    ],
)
def test_a_wrong_recipe_is_told_with_file_and_key(tmp_path: Path, wrong: str, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        load(tmp_path, wrong)


def test_a_recipe_that_is_not_there_or_no_text_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"none\.toml: cannot be read: No such file"):
        recipes.load(tmp_path / "none.toml")
    (tmp_path / "binary.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigurationError, match=r"binary\.toml: is not TOML"):
        recipes.load(tmp_path / "binary.toml")
