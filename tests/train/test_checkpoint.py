"""Checkpoints: whole or refused, never executed, never half-written."""

from __future__ import annotations

import dataclasses
import json
import os
import pickle
import subprocess
from pathlib import Path
from typing import Any, BinaryIO

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from archivecolor.errors import ConfigurationError, InputError
from archivecolor.inference.torch_generator import GeneratorShape
from train.checkpoint import Checkpoint, current_commit
from train.recipe import Data, Phase, Recipe

RECIPE = Recipe("tiny", Data("pictures"), (Phase("one", 4, 64, 2, 1e-3, 1e-4),))


def small_checkpoint() -> Checkpoint:
    weights = {"a": torch.arange(12.0).reshape(3, 4), "b": torch.tensor(3)}
    optimizer = {"state": {0: {"step": torch.tensor(2.0)}}, "param_groups": [{"lr": 1e-3, "params": [0]}]}
    return Checkpoint(RECIPE, "abc+", "d1", 7, 12.5, weights, weights, optimizer, {}, {}, torch.ones(4) / 4)


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    path = tmp_path / "last.pt"
    small_checkpoint().save(path)
    return path


@pytest.fixture(scope="module")
def good_bytes(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("checkpoint") / "last.pt"
    small_checkpoint().save(path)
    return path.read_bytes()


def test_a_checkpoint_comes_back_as_it_was_saved(saved: Path) -> None:
    before, after = small_checkpoint(), Checkpoint.load(saved)
    assert after.recipe == before.recipe
    assert (after.commit, after.data_digest, after.step, after.seconds) == ("abc+", "d1", 7, 12.5)
    assert after.optimizer["param_groups"] == before.optimizer["param_groups"]
    torch.testing.assert_close(after.generator, before.generator, atol=0, rtol=0)
    torch.testing.assert_close(after.prior, before.prior, atol=0, rtol=0)


def test_saving_leaves_nothing_beside_the_checkpoint(saved: Path) -> None:
    assert [p.name for p in saved.parent.iterdir()] == ["last.pt"]


def test_a_run_killed_while_saving_leaves_the_last_good_checkpoint(
    saved: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(_: object, file: BinaryIO) -> None:
        file.write(b"half")
        raise KeyboardInterrupt

    monkeypatch.setattr(torch, "save", killed)
    with pytest.raises(KeyboardInterrupt):
        dataclasses.replace(small_checkpoint(), step=8).save(saved)
    assert Checkpoint.load(saved).step == 7


def test_a_missing_checkpoint_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none\.pt: there is no such checkpoint"):
        Checkpoint.load(tmp_path / "none.pt")


@pytest.mark.parametrize("content", [b"", b"text", b"\x80\x04.", b"PK\x05\x06" + b"\0" * 18, bytes(range(256)) * 8])
def test_a_file_that_is_no_checkpoint_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "last.pt").write_bytes(content)
    with pytest.raises(InputError, match=r"last\.pt: is damaged or no checkpoint \(go on from an older one\)"):
        Checkpoint.load(tmp_path / "last.pt")


def test_a_folder_is_no_checkpoint(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is damaged or no checkpoint"):
        Checkpoint.load(tmp_path)


@given(st.data())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_checkpoint_cut_off_anywhere_is_refused(tmp_path: Path, good_bytes: bytes, data: st.DataObject) -> None:
    cut = tmp_path / "cut.pt"
    cut.write_bytes(good_bytes[: data.draw(st.integers(0, len(good_bytes) - 1))])
    with pytest.raises(InputError, match=r"cut\.pt: is damaged"):
        Checkpoint.load(cut)


def test_a_flipped_bit_in_the_weights_is_noticed(saved: Path) -> None:
    content = bytearray(saved.read_bytes())
    place = content.find(small_checkpoint().generator["a"].numpy().tobytes())
    assert place > 0
    content[place + 17] ^= 1
    saved.write_bytes(bytes(content))
    with pytest.raises(InputError, match="is damaged"):
        Checkpoint.load(saved)


class Bomb:
    """Unpickling it makes a folder."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return os.mkdir, (str(self.mark),)


@pytest.mark.parametrize("plain", [True, False])
def test_code_inside_a_checkpoint_is_never_run(tmp_path: Path, plain: bool) -> None:
    path, mark = tmp_path / "bomb.pt", tmp_path / "mark"
    if plain:
        path.write_bytes(pickle.dumps({"format": 1, "recipe": Bomb(mark)}))
    else:
        torch.save({"format": 1, "recipe": Bomb(mark)}, path)
    with pytest.raises(InputError, match=r"bomb\.pt: is damaged or no checkpoint"):
        Checkpoint.load(path)
    assert not mark.exists()


def contents(**changes: object) -> dict[str, Any]:
    made = small_checkpoint()
    values = {f.name: getattr(made, f.name) for f in dataclasses.fields(made)}
    return values | {"format": 1, "recipe": json.dumps(dataclasses.asdict(RECIPE))} | changes


def test_the_contents_that_the_next_tests_spoil_are_good_ones(tmp_path: Path) -> None:
    torch.save(contents(), tmp_path / "good.pt")
    assert Checkpoint.load(tmp_path / "good.pt").step == 7


@pytest.mark.parametrize(
    "spoilt",
    [
        [1, 2],
        {},
        {"format": 1},
        contents(format=2),
        contents(extra=1),
        {k: v for k, v in contents().items() if k != "prior"},
        contents(plateau=[1.0]),
        contents(step="7"),
        contents(generator=[]),
        contents(prior=0.5),
        contents(recipe=None),
    ],
    ids=[
        "list",
        "empty",
        "format alone",
        "format 2",
        "extra",
        "missing",
        "plateau",
        "step",
        "generator",
        "prior",
        "recipe",
    ],
)
def test_a_file_of_other_contents_is_refused(tmp_path: Path, spoilt: object) -> None:
    torch.save(spoilt, tmp_path / "other.pt")
    with pytest.raises(InputError, match=r"other\.pt: is no checkpoint of this version"):
        Checkpoint.load(tmp_path / "other.pt")


@pytest.mark.parametrize("recipe", ["{", "[]", "{}", '{"name": "x", "color": 3}'])
def test_a_checkpoint_with_an_unreadable_recipe_is_refused(tmp_path: Path, recipe: str) -> None:
    torch.save(contents(recipe=recipe), tmp_path / "other.pt")
    with pytest.raises(InputError, match=r"other\.pt: carries a recipe that is none of this version"):
        Checkpoint.load(tmp_path / "other.pt")


@pytest.mark.parametrize(
    ("recipe", "digest", "message"),
    [
        (dataclasses.replace(RECIPE, name="other"), "d1", "belongs to recipe 'tiny', not to this 'other'"),
        (dataclasses.replace(RECIPE, generator=GeneratorShape(palette=8)), "d1", "holds another network"),
        (RECIPE, "d2", "was trained on other pictures"),
    ],
)
def test_a_checkpoint_of_another_run_is_refused(recipe: Recipe, digest: str, message: str) -> None:
    with pytest.raises(ConfigurationError, match=rf"last\.pt: {message}.*choose another --run folder"):
        small_checkpoint().check_same_run(Path("last.pt"), recipe, digest)


def test_another_schedule_on_the_same_data_goes_on() -> None:
    longer = dataclasses.replace(RECIPE, phase=(*RECIPE.phase, Phase("two", 4, 64, 2, 1e-3, 1e-4)))
    small_checkpoint().check_same_run(Path("last.pt"), longer, "d1")


def test_the_commit_says_when_files_have_changed_since(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for role in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{role}_NAME", "Tester")
        monkeypatch.setenv(f"GIT_{role}_EMAIL", "tester@example.org")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    assert current_commit(tmp_path) == "unknown"

    def git(*arguments: str) -> None:
        subprocess.run(["git", "-C", str(tmp_path), *arguments], check=True, capture_output=True)

    git("init")
    (tmp_path / "file").write_text("one")
    git("add", "file")
    git("commit", "-m", "First")
    commit = current_commit(tmp_path)
    assert len(commit) == 40
    (tmp_path / "file").write_text("two")
    assert current_commit(tmp_path) == commit + "+"


def test_a_checkpoint_of_before_there_were_plateaus_and_networks_to_choose_from_is_read(tmp_path: Path) -> None:
    recipe = dataclasses.asdict(RECIPE)
    for added in ("unet", "adversary", "beta1", "gradient_clip"):
        del recipe[added]
    for added in ("layout", "members"):
        del recipe["data"][added]
    for phase in recipe["phase"]:
        del phase["plateau"]
    old = {k: v for k, v in contents(recipe=json.dumps(recipe)).items() if k != "plateau"}
    torch.save(old, tmp_path / "old.pt")
    found = Checkpoint.load(tmp_path / "old.pt")
    assert found.recipe == RECIPE
    assert found.plateau == {}
