"""A recipe is a TOML file that says how a generator is trained: everything that can change its weights stands there.

``[data]``, ``[generator]``, ``[degrade]`` and ``[loss]`` hold for the whole run; each ``[[phase]]`` is trained in turn.
Unknown keys are errors, with the nearest known key.
"""

from __future__ import annotations

import dataclasses
import difflib
import tomllib
import typing
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from archivecolor.errors import ConfigurationError
from archivecolor.generator import INPUT_MULTIPLE, GeneratorShape
from train.degrade import Degradation


class Freeze(StrEnum):
    """Which part of the encoder a phase leaves as it is."""

    ENCODER = "encoder"
    """All of it, batch statistics included."""
    SHALLOW = "shallow"
    """Its layers down to 1/4 of the input, and all depthwise filters: they change least and cost most of a step."""
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class Data:
    """Where the pictures come from."""

    corpus: str
    """A folder of pictures or of ``.tar`` shards of pictures, relative to the project's root."""
    smallest: int = 64
    """Pictures with a shorter side, in pixels, are dropped."""
    greyest: float = 4.0
    """Pictures with a smaller mean chroma (CIE C*ab) are dropped."""
    source_weights: dict[str, float] = field(default_factory=dict)
    """How often a source is drawn, per picture, relative to 1. The source is the name up to its last underscore."""


@dataclass(frozen=True, slots=True)
class Loss:
    """The generator's loss before any adversary: rebalanced cross-entropy over the palette plus a pixel term."""

    distribution: float = 1.0
    """Weight of the cross-entropy between the predicted and the soft-encoded true chroma."""
    palette_sigma: float = 6.0
    """Width, in a*b* units, of the soft encoding."""
    rebalance: float = 0.5
    """0 counts every pixel alike, 1 every palette entry alike (Zhang et al. 2016, equation 4)."""
    pixel: float = 0.1
    """Weight of the mean absolute a*b* error."""
    chroma_emphasis: float = 3.0
    """A pixel of chroma 100 counts 1 + this much in the pixel term."""


@dataclass(frozen=True, slots=True)
class Phase:
    """A stretch of training under one set of conditions."""

    name: str
    pictures: int
    """How many pictures are shown in it."""
    crop: int
    """Side of the square crops, a multiple of 32."""
    batch: int
    learning_rate: float
    final_learning_rate: float
    """The rate falls from one to the other along half a cosine."""
    freeze: Freeze = Freeze.NOTHING
    encoder_share: float = 1.0
    """The encoder's learning rate relative to the rest's. ImageNet's features are worth keeping: 0.1 does."""
    hold_statistics: bool = False
    """Normalise by the running batch statistics, as the trained generator will, and leave them as they are."""
    smallest_crop: float = 0.5
    """Crops cover at least this share of the picture's short side."""
    adversarial: float = 0.0
    """Weight of the generator's adversarial loss; 0 trains without a discriminator."""
    discriminator_learning_rate: float = 2e-4

    def __post_init__(self) -> None:
        if self.crop < INPUT_MULTIPLE or self.crop % INPUT_MULTIPLE:
            raise ConfigurationError(f"phase '{self.name}': crop is {self.crop}, no multiple of {INPUT_MULTIPLE}")
        if self.pictures < 1 or self.batch < 1:
            raise ConfigurationError(f"phase '{self.name}': has no pictures or an empty batch")


@dataclass(frozen=True, slots=True)
class Recipe:
    """A whole training run."""

    name: str
    data: Data
    phase: tuple[Phase, ...]
    seed: int = 1
    temperature: float = 0.5
    """Temperature of the annealed mean."""
    weight_decay: float = 1e-2
    ema: float = 0.999
    """Decay of the running mean of the weights, which is what is exported."""
    generator: GeneratorShape = field(default_factory=GeneratorShape)
    degrade: Degradation = field(default_factory=Degradation)
    loss: Loss = field(default_factory=Loss)


def load(path: Path) -> Recipe:
    """Read a recipe; raises `ConfigurationError` naming the file and the key that is wrong."""
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as e:
        raise ConfigurationError(f"{path}: cannot be read: {e.strerror}") from e
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as e:
        raise ConfigurationError(f"{path}: is not TOML: {e}") from e
    return typing.cast(Recipe, _build(Recipe, table, str(path)))


def from_dict(table: dict[str, Any]) -> Recipe:
    """Rebuild a recipe from ``dataclasses.asdict``, as a checkpoint carries it."""
    return typing.cast(Recipe, _build(Recipe, table, "recipe of the checkpoint"))


def _build(kind: type, table: dict[str, Any], where: str) -> object:
    hints = typing.get_type_hints(kind)
    for key in table:
        if key not in hints:
            near = difflib.get_close_matches(key, hints, n=1)
            hint = f"did you mean '{near[0]}'?" if near else f"known keys: {', '.join(hints)}"
            raise ConfigurationError(f"{where}: unknown key '{key}'", hint=hint)
    values = {key: _convert(hints[key], value, f"{where}: {key}") for key, value in table.items()}
    try:
        return kind(**values)
    except TypeError as e:
        required = [f.name for f in dataclasses.fields(kind) if f.name not in values and _is_required(f)]
        raise ConfigurationError(f"{where}: missing {', '.join(required)}") from e


def _is_required(f: dataclasses.Field[Any]) -> bool:
    return f.default is dataclasses.MISSING and f.default_factory is dataclasses.MISSING


def _convert(hint: Any, value: Any, where: str) -> Any:
    origin, args = typing.get_origin(hint), typing.get_args(hint)
    if dataclasses.is_dataclass(hint) and isinstance(value, dict):
        return _build(typing.cast(type, hint), value, where)
    if origin is tuple and isinstance(value, list | tuple):
        kinds = [args[0]] * len(value) if args[-1] is Ellipsis else list(args)
        if len(kinds) == len(value):
            return tuple(_convert(k, v, f"{where}[{i}]") for i, (k, v) in enumerate(zip(kinds, value, strict=True)))
    elif origin is dict and isinstance(value, dict):
        return {k: _convert(args[1], v, f"{where}.{k}") for k, v in value.items()}
    elif isinstance(hint, type) and issubclass(hint, StrEnum):
        if value in list(hint):
            return hint(value)
        raise ConfigurationError(f"{where}: is {value!r}, should be one of {', '.join(hint)}")
    elif hint is float and isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    elif isinstance(hint, type) and type(value) is hint:
        return value
    raise ConfigurationError(f"{where}: is {value!r}, should be {getattr(hint, '__name__', hint)}")
