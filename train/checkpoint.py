"""A training run's state on disk: tensors and plain values only, never pickled code.

Besides the weights it carries the recipe, the commit and the digest of the data, so that a checkpoint alone says how it
came about. It is written beside and renamed: a run killed while saving leaves the last good one.
"""

from __future__ import annotations

import dataclasses
import json
import pickle
import subprocess
import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from archivecolor.errors import ConfigurationError, InputError
from archivecolor.jobs.atomic import atomic_write
from train import recipe_file
from train.recipe import Recipe

_FORMAT = 1

_KINDS: dict[str, type | tuple[type, ...]] = {
    "recipe": str,
    "commit": str,
    "data_digest": str,
    "step": int,
    "seconds": (int, float),
    "generator": dict,
    "ema": dict,
    "optimizer": dict,
    "discriminator": dict,
    "discriminator_optimizer": dict,
    "prior": torch.Tensor,
    "plateau": dict,
    "shown": int,
}
_ADDED = {"plateau", "shown"}
"""Entries that files written before they existed lack."""

_DAMAGE = (
    OSError,
    RuntimeError,
    EOFError,
    ValueError,
    KeyError,
    TypeError,
    AttributeError,
    pickle.UnpicklingError,
    zipfile.BadZipFile,
)
"""What reading a file that is no whole checkpoint ends in."""


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
    plateau: dict[str, float] = field(default_factory=dict)
    """`PlateauWatch`'s fields, where it was asked for."""
    shown: int = 0
    """Pictures that were trained on: fewer than the step says, where `Pace` skipped some."""

    def save(self, path: Path) -> None:
        """Write to ``path``, replacing what is there only once the new file is complete."""
        values = {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}
        values["recipe"] = json.dumps(dataclasses.asdict(self.recipe))
        with atomic_write(path, overwrite=True) as file:
            torch.save({"format": _FORMAT, **values}, file)

    def mean(self) -> Checkpoint:
        """The mean weights alone, matrices in fp16: 10 MB instead of 80, to carry, export or begin with."""
        ema = {k: v.half() if v.is_floating_point() and v.dim() > 1 else v for k, v in self.ema.items()}
        return dataclasses.replace(
            self, generator={}, ema=ema, optimizer={}, discriminator={}, discriminator_optimizer={}
        )

    @classmethod
    def load(cls, path: Path) -> Checkpoint:
        """Read a checkpoint as tensors and plain values; raises `InputError` when it is damaged or of another kind."""
        try:
            with zipfile.ZipFile(path) as archive:  # torch.load does not look at the checksums
                damaged = archive.testzip()
            if damaged:
                raise ValueError(f"checksum of {damaged}")
            values = torch.load(path, map_location="cpu", weights_only=True)
        except FileNotFoundError as e:
            raise InputError(f"{path}: there is no such checkpoint") from e
        except _DAMAGE as e:
            raise InputError(f"{path}: is damaged or no checkpoint", hint="go on from an older one") from e
        whole = isinstance(values, dict) and values.pop("format", None) == _FORMAT
        if not whole or values.keys() | _ADDED != _KINDS.keys():
            raise InputError(f"{path}: is no checkpoint of this version")
        if not all(isinstance(value, _KINDS[k]) for k, value in values.items()):
            raise InputError(f"{path}: is no checkpoint of this version")
        try:
            values["recipe"] = recipe_file.from_dict(json.loads(values["recipe"]))
        except (ValueError, AttributeError, ConfigurationError) as e:
            raise InputError(f"{path}: carries a recipe that is none of this version: {e}") from e
        ema = values["ema"]
        ema.update({k: v.float() for k, v in ema.items() if v.dtype is torch.float16})
        return cls(**values)

    def check_same_run(self, path: Path, recipe: Recipe, data_digest: str) -> None:
        """Refuse to go on with another network or other data than the checkpoint's; schedules may change."""
        hint = "choose another --run folder"
        if self.recipe.name != recipe.name:
            raise ConfigurationError(
                f"{path}: belongs to recipe '{self.recipe.name}', not to this '{recipe.name}'", hint=hint
            )
        if self.recipe.network != recipe.network:
            raise ConfigurationError(f"{path}: holds another network than the recipe's", hint=hint)
        if self.data_digest != data_digest:
            raise ConfigurationError(f"{path}: was trained on other pictures", hint=hint)


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
