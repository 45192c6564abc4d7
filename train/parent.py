"""Weights to begin with: an earlier run's checkpoint, or a shipped engine folder where that is long gone.

They may be of a network with fewer transformer blocks or without hints: new layers add nothing before they are trained.
"""

from __future__ import annotations

import dataclasses
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file

from archivecolor.errors import ConfigurationError, InputError
from archivecolor.inference import catalog
from archivecolor.inference.torch import shape_of
from archivecolor.inference.torch_generator import GeneratorShape
from train.checkpoint import Checkpoint
from train.schedule import Schedule
from train.unet import UNetShape


@dataclass(frozen=True, slots=True)
class Parent:
    """What a run inherits."""

    weights: dict[str, Any]
    seconds: float
    """How long they were trained for."""
    recipe: str
    """Name of the recipe that they were trained by last."""
    pictures: int
    """Where in its schedule they were."""
    shown: int
    """How many it had shown them: fewer, where it went by the clock."""


def load_parent(path: Path, shape: GeneratorShape | UNetShape) -> Parent:
    """Read mean weights that fit ``shape``, or all of it but some transformer blocks and the layers for hints.

    Raises `InputError` or `EngineError` when they are damaged, `ConfigurationError` when they are of another network.
    """
    if not path.is_dir():
        checkpoint = Checkpoint.load(path)
        _check(path, checkpoint.recipe.network, shape)
        recipe = checkpoint.recipe
        place = Schedule(recipe.phase).pictures(checkpoint.step)
        return Parent(checkpoint.ema, checkpoint.seconds, recipe.name, place, checkpoint.shown or place)
    folder = catalog.read(path)
    folder.verify()
    _check(path, shape_of(folder), shape)
    try:
        weights = {k: v.float() if v.is_floating_point() else v for k, v in load_file(folder.weights).items()}
    except (SafetensorError, OSError) as e:
        raise InputError(f"{folder.weights}: cannot be read: {e}") from e
    training = tomllib.loads((path / "engine.toml").read_text(encoding="utf-8")).get("training", {})
    hours, shown = float(training.get("hours", 0)), int(training.get("pictures", 0))
    place = int(training.get("in_schedule", shown))
    return Parent(weights, 3600 * hours, str(training.get("recipe", "")), place, shown)


def _check(path: Path, theirs: GeneratorShape | UNetShape, ours: GeneratorShape | UNetShape) -> None:
    if isinstance(theirs, GeneratorShape) and isinstance(ours, GeneratorShape):
        fewer = all(a <= b for a, b in zip(theirs.blocks, ours.blocks, strict=True))
        theirs = dataclasses.replace(theirs, blocks=ours.blocks) if fewer else theirs
        theirs = dataclasses.replace(theirs, hints=theirs.hints or ours.hints)
    if theirs != ours:
        raise ConfigurationError(f"{path}: holds another network than the recipe's")
