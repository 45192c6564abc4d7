"""A training run's state on disk: tensors and plain values only, never pickled code.

Besides the weights it carries the recipe, the commit and the digest of the data, so that a checkpoint alone says how it
came about. It is written beside and renamed: a run killed while saving leaves the last good one.
"""

from __future__ import annotations

import dataclasses
import json
import pickle
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from archivecolor.errors import ConfigurationError, InputError
from train import recipe as recipes
from train.recipe import Recipe

_FORMAT = 1


@dataclass(slots=True)
class Checkpoint:
    """What is needed to go on exactly where a run stopped."""

    recipe: Recipe
    commit: str
    data_digest: str
    step: int
    seconds: float
    """Training time so far, over all sessions."""
    generator: dict[str, Any]
    ema: dict[str, Any]
    optimizer: dict[str, Any]
    discriminator: dict[str, Any]
    discriminator_optimizer: dict[str, Any]
    prior: torch.Tensor

    def save(self, path: Path) -> None:
        """Write to ``path``, replacing what is there only once the new file is complete."""
        values = {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}
        values["recipe"] = json.dumps(dataclasses.asdict(self.recipe))
        part = path.with_name(f".{path.name}.part")
        torch.save({"format": _FORMAT, **values}, part)
        part.replace(path)

    @classmethod
    def load(cls, path: Path) -> Checkpoint:
        """Read a checkpoint as tensors and plain values; raises `InputError` when it is damaged or of another kind."""
        try:
            values = torch.load(path, map_location="cpu", weights_only=True)
        except FileNotFoundError as e:
            raise InputError(f"{path}: there is no such checkpoint") from e
        except (OSError, RuntimeError, EOFError, ValueError, KeyError, pickle.UnpicklingError) as e:
            raise InputError(f"{path}: is damaged or no checkpoint", hint="go on from an older one") from e
        if not isinstance(values, dict) or values.pop("format", None) != _FORMAT:
            raise InputError(f"{path}: is no checkpoint of this version")
        values["recipe"] = recipes.from_dict(json.loads(values["recipe"]))
        return cls(**values)

    def check_same_run(self, path: Path, recipe: Recipe, data_digest: str) -> None:
        """Refuse to go on with another network or other data than the checkpoint's; schedules may change."""
        if self.recipe.name != recipe.name or self.recipe.generator != recipe.generator:
            raise ConfigurationError(
                f"{path}: belongs to recipe '{self.recipe.name}', not to this '{recipe.name}'",
                hint="choose another --run folder",
            )
        if self.data_digest != data_digest:
            raise ConfigurationError(f"{path}: was trained on other pictures", hint="choose another --run folder")


def current_commit(root: Path) -> str:
    """The checkout's commit, with '+' where files have changed since; 'unknown' outside git."""
    try:
        commit = _git(root, "rev-parse", "HEAD")
        return commit + ("+" if _git(root, "status", "--porcelain", "--untracked-files=no") else "")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def _git(root: Path, *arguments: str) -> str:
    done = subprocess.run(["git", "-C", str(root), *arguments], check=True, capture_output=True, text=True)
    return done.stdout.strip()
