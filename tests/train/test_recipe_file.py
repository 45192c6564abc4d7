"""Recipes: every key known, every type checked, and a round trip through what a checkpoint carries."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest

from archivecolor.errors import ConfigurationError, UsageError
from archivecolor.inference.torch_generator import INPUT_MULTIPLE, GeneratorShape
from train import recipe_file
from train.recipe import Adversary, AdversaryKind, Freeze, Plateau, Recipe
from train.unet import UNetShape

RECIPES = sorted((Path(recipe_file.__file__).parent / "recipes").glob("*.toml"))

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
TWO = GOOD + GOOD[GOOD.index("[[phase]]") :].replace('"one"', '"two"')


def load(tmp_path: Path, text: str, *changes: str) -> Recipe:
    path = tmp_path / "try.toml"
    path.write_text(text, encoding="utf-8")
    return recipe_file.load(path, changes)


@pytest.mark.parametrize("path", RECIPES, ids=lambda p: p.stem)
def test_every_recipe_that_ships_can_be_read(path: Path) -> None:
    recipe = recipe_file.load(path)
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
    assert recipe_file.from_dict(json.loads(json.dumps(dataclasses.asdict(recipe)))) == recipe


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
            "freeze: is 'all', should be one of encoder, shallow, all but blocks, n",
        ),
        (GOOD.replace('"one"', '"one"\nfreeze = ["encoder"]'), r"freeze: is \['encoder'\], should be one of"),
        (GOOD + "[generator]\ndecoder = [1, 2]\n", r"generator: decoder: is \[1, 2\], should be"),
        (GOOD + '[generator]\ndecoder = [1, 2, "x"]\n', r"generator: decoder\[2\]: is 'x', should be int"),
        (GOOD + "[data.source_weights]\nscene = 'x'\n", r"data: source_weights\.scene: is 'x', should be float"),
        ("loss = 3\n" + GOOD, "loss: is 3, should be Loss"),
        (GOOD.replace('corpus = "pictures"', ""), "data: missing corpus"),
        (GOOD.replace("batch = 2", ""), r"phase\[0\]: missing batch"),
        (GOOD + "[unet]\n", r"unet: has no palette .*set \[loss\] distribution = 0"),
        (GOOD + "[unet]\nwidths = [8]\n", "unet: give two widths or more"),
        (
            GOOD.replace("batch = 2", 'batch = 2\nfreeze = "all but blocks"'),
            "phase 'one': leaves nothing to train, for the generator has no transformer blocks",
        ),
        (
            GOOD.replace("batch = 2", 'batch = 2\nfreeze = "encoder"') + "[unet]\npalette = 4\n",
            "phase 'one': the U-Net has no pretrained encoder to freeze",
        ),
        (GOOD + "[phase.plateau]\npictures = 0\n", "plateau: pictures and patience must be 1 or more"),
        (GOOD + "[phase.plateau]\npatients = 3\n", r"plateau: unknown key 'patients' \(did you mean 'patience'\?\)"),
        (GOOD + "[adversary]\nkind = 'hing'\n", "adversary: kind: is 'hing', should be one of hinge, paper"),
        ('name = "try"', "missing data, phase"),
        ("name = ", r"try\.toml: is not TOML"),
    ],
)
def test_a_wrong_recipe_is_told_with_file_and_key(tmp_path: Path, wrong: str, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        load(tmp_path, wrong)


def test_a_recipe_has_what_the_one_that_it_extends_has_but_for_what_it_says_itself(tmp_path: Path) -> None:
    (tmp_path / "base.toml").write_text(TWO + "[data.source_weights]\nscene = 0.5\nlfw = 2\n", encoding="utf-8")
    middle = 'extends = "base.toml"\nname = "middle"\nseed = 5\n[data]\nsmallest = 99\n[data.source_weights]\nlfw = 3\n'
    (tmp_path / "middle.toml").write_text(middle, encoding="utf-8")
    recipe = load(tmp_path, 'extends = "middle.toml"\nname = "try"\n', "phase.two.crop=96")
    assert (recipe.name, recipe.seed, recipe.data.smallest) == ("try", 5, 99)
    assert recipe.data.corpus == "pictures"
    assert recipe.data.source_weights == {"scene": 0.5, "lfw": 3}
    assert [(p.name, p.crop) for p in recipe.phase] == [("one", 64), ("two", 96)]
    alone = load(tmp_path, 'extends = "middle.toml"\nname = "try"\n' + TWO[TWO.rindex("[[phase]]") :])
    assert [p.name for p in alone.phase] == ["two"]


@pytest.mark.parametrize(
    ("base", "message"),
    [
        ('"try.toml"', r"try\.toml: extends itself, by way of try\.toml"),
        ('"other.toml"', r"other\.toml: extends itself, by way of try\.toml"),
        ('"none.toml"', r"none\.toml: cannot be read: No such file"),
        ("3", r"try\.toml: extends: is 3, should be str"),
    ],
)
def test_a_recipe_that_extends_nothing_or_itself_is_told(tmp_path: Path, base: str, message: str) -> None:
    (tmp_path / "other.toml").write_text('extends = "try.toml"\n', encoding="utf-8")
    with pytest.raises(ConfigurationError, match=message):
        load(tmp_path, f"extends = {base}\n" + GOOD)


def test_a_recipe_that_is_not_there_or_no_text_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"none\.toml: cannot be read: No such file"):
        recipe_file.load(tmp_path / "none.toml")
    (tmp_path / "binary.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigurationError, match=r"binary\.toml: is not TOML"):
        recipe_file.load(tmp_path / "binary.toml")


def test_single_values_can_be_changed_for_a_run(tmp_path: Path) -> None:
    changes = (
        "seed = 7",
        "phase.batch=4",
        "phase.two.crop=96",
        "adversary.kind='paper'",
        "phase.one.plateau.pictures=9",
    )
    recipe = load(tmp_path, TWO, *changes)
    assert recipe.seed == 7
    assert [(p.name, p.batch, p.crop) for p in recipe.phase] == [("one", 4, 64), ("two", 4, 96)]
    assert recipe.adversary == Adversary(AdversaryKind.PAPER)
    assert [p.plateau for p in recipe.phase] == [Plateau(9), None]


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ("seed", UsageError, "--set seed: is not KEY=VALUE"),
        ("name=other", UsageError, "is not KEY=VALUE with a TOML value .text stands in quotes"),
        ("seed.deeper=1", UsageError, "the recipe has no such place"),
        ("sede=1", ConfigurationError, r"unknown key 'sede' \(did you mean 'seed'"),
        ("phase.bach=1", ConfigurationError, r"unknown key 'bach' \(did you mean 'batch'"),
        ("phase.three.batch=1", ConfigurationError, "unknown key 'three'"),
    ],
)
def test_a_change_that_makes_no_sense_is_refused(
    change: str, error: type[Exception], message: str, tmp_path: Path
) -> None:
    with pytest.raises(error, match=message):
        load(tmp_path, TWO.replace('name = "try"', 'name = "try"\nseed = 1'), change)


def test_differences_between_recipes_are_told_by_phase_and_key(tmp_path: Path) -> None:
    one = load(tmp_path, TWO)
    other = load(tmp_path, TWO, "phase.two.learning_rate=1e-5", "unet.palette=4")
    assert recipe_file.differences(one, one) == []
    assert recipe_file.differences(one, other)[0] == "phase.two.learning_rate: 0.001, now 1e-05"
    assert "unet.palette: absent, now 4" in recipe_file.differences(one, other)


def test_a_recipe_trains_either_network(tmp_path: Path) -> None:
    ours, paper = load(tmp_path, GOOD), load(tmp_path, GOOD + "[unet]\npalette = 4\n")
    assert ours.network == GeneratorShape()
    assert ours.chroma_stride == 4
    assert paper.network == UNetShape(palette=4)
    assert paper.chroma_stride == 1
    assert recipe_file.from_dict(json.loads(json.dumps(dataclasses.asdict(paper)))) == paper
