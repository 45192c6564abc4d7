"""The trained generators that are installed: one folder each, data only, described by its ``engine.toml``."""

from __future__ import annotations

import difflib
import hashlib
import os
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from archivecolor.errors import ConfigurationError, EngineError, UsageError
from archivecolor.jobs.files import open_regular, read_regular
from archivecolor.settings import DEFAULT_GENERATOR

GRAPH = "generator.onnx"
WEIGHTS = "weights.safetensors"
_DESCRIPTION = "engine.toml"
_FORMAT = 1
_BOUNDS = {"short_px": (32, 4096), "multiple": (1, 512), "chroma_stride": (1, 64), "features": (0, 8192)}
"""Of what decides how much the network is given, least and most."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class EngineFolder:
    """A trained generator on disk."""

    path: Path
    name: str
    summary: str
    short_px: int
    """Short side, in pixels, at which it was found to color best."""
    multiple: int
    """Heights and widths must be multiples of this."""
    chroma_stride: int
    """Input pixels per chroma pixel."""
    context: int
    decoder: tuple[int, int, int]
    palette: int
    heads: int
    encoder: str
    """Which pretrained encoder, by the name of `inference.torch_encoder.EncoderKind`."""
    classifier_features: bool
    blocks: tuple[int, int]
    """Transformer blocks at 1/32 and at 1/16."""
    hints: bool
    """Whether it takes chroma that is known in some places beside the luma; see `inference.engine.Engine`."""
    hints_by: str
    """The generator that answers where hints lie, where this one takes none; see `adviser_of`."""
    median_steps: int
    """Steps from the distribution's mean towards its median; see `inference.torch_generator.GeneratorShape`."""
    features: int
    """Channels of what it tells of a picture's places, to find like ones in another by; 0 where it tells nothing."""
    digests: dict[str, str]
    """sha256 of each file of the folder that an engine loads."""

    @property
    def graph(self) -> Path:
        """The ONNX graph; its weights lie in `weights`."""
        return self.path / GRAPH

    @property
    def weights(self) -> Path:
        """The weights, fp16, as safetensors."""
        return self.path / WEIGHTS

    @property
    def inputs(self) -> tuple[str, ...]:
        """The graph's inputs, in order."""
        return ("luma", "hints") if self.hints else ("luma",)

    def check_inputs(self, names: Iterable[str]) -> None:
        """Raise `EngineError` unless the graph's inputs are those that a generator of this description has."""
        found = sorted(names)
        if found != sorted(self.inputs):
            raise EngineError(
                f"{self.graph}: takes {' and '.join(found)}, but {_DESCRIPTION} says {' and '.join(self.inputs)}",
                hint="graph and description are of different generators; reinstall archivecolor, or export it again",
            )

    def check_outputs(self, names: Iterable[str]) -> None:
        """Raise `EngineError` unless the graph tells the features that its description says it tells."""
        if self.features and "features" not in names:
            raise EngineError(
                f"{self.graph}: tells no features, but {_DESCRIPTION} says that it does",
                hint="graph and description are of different generators; reinstall archivecolor, or export it again",
            )

    def verify(self) -> None:
        """Read graph and weights and compare their digests; raises `EngineError` when one is damaged or missing."""
        for name, expected in self.digests.items():
            check_digest(self.path / name, expected)


def check_digest(path: Path, expected: str) -> None:
    """Raise `EngineError` unless the file is there and its sha256 is ``expected``."""
    try:
        with os.fdopen(open_regular(path), "rb") as f:
            actual = hashlib.file_digest(f, "sha256").hexdigest()
    except OSError as e:
        raise EngineError(f"{path}: cannot be read: {e.strerror}", hint="reinstall archivecolor") from e
    if actual != expected:
        raise EngineError(f"{path}: is damaged, its sha256 is not the recorded one", hint="reinstall archivecolor")


def engines_root() -> Path:
    """Where the engines lie: inside the installed package, or beside it in a checkout."""
    package = Path(__file__).resolve().parents[1]
    installed = package / "_engines"
    return installed if installed.is_dir() else package.parent / "engines"


def available() -> list[EngineFolder]:
    """Every installed generator, by name."""
    return [read(p.parent) for p in sorted(engines_root().glob(f"*/{_DESCRIPTION}"))]


def find(name_or_path: str = DEFAULT_GENERATOR) -> EngineFolder:
    """The generator of that name, or the one in that folder. Raises `UsageError` when there is none."""
    path = Path(name_or_path)
    if (path / _DESCRIPTION).is_file():
        return read(path)
    names = [p.parent.name for p in sorted(engines_root().glob(f"*/{_DESCRIPTION}"))]
    if name_or_path in names:
        return read(engines_root() / name_or_path)
    near = difflib.get_close_matches(name_or_path, names, n=1)
    hint = f"did you mean '{near[0]}'?" if near else f"installed: {', '.join(names) or 'none'}"
    raise UsageError(f"there is no generator '{name_or_path}'", hint=hint)


def adviser_of(folder: EngineFolder) -> EngineFolder | None:
    """The installed generator that answers where hints lie, for one that takes none; None where there is none."""
    path = engines_root() / folder.hints_by
    if not folder.hints_by or path.parent != engines_root() or not (path / _DESCRIPTION).is_file():
        return None
    adviser = read(path)
    same = (adviser.multiple, adviser.chroma_stride) == (folder.multiple, folder.chroma_stride)
    return adviser if adviser.hints and same else None


def read(folder: Path) -> EngineFolder:
    """Read a folder's ``engine.toml``; raises `EngineError` when it is not one of this version.

    Raises `ConfigurationError` for numbers out of bounds.
    """
    path = folder / _DESCRIPTION
    try:
        table = tomllib.loads(read_regular(path).decode())
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError) as e:
        raise EngineError(f"{path}: cannot be read: {e}", hint="reinstall archivecolor") from e
    if table.get("format") != _FORMAT:
        raise EngineError(f"{path}: has format {table.get('format')}, this archivecolor reads format {_FORMAT}")
    shape = _get(table, "generator", dict, path)
    given = _get(table, "input", dict, path)
    decoder = _integers(shape, "decoder", 3, path)
    blocks = _integers(shape, "blocks", 2, path) if "blocks" in shape else [0, 0]
    graph = _get(table, "graph", dict, path) if "graph" in table else {}
    digests = _get(table, "sha256", dict, path)
    return EngineFolder(
        path=folder,
        name=_get(table, "name", str, path),
        summary=_get(table, "summary", str, path),
        short_px=_bounded(given, "short_px", path),
        multiple=_bounded(given, "multiple", path),
        chroma_stride=_bounded(given, "chroma_stride", path),
        context=_get(shape, "context", int, path),
        decoder=(decoder[0], decoder[1], decoder[2]),
        palette=_get(shape, "palette", int, path),
        heads=_get(shape, "heads", int, path),
        encoder=_get(shape, "encoder", str, path),
        classifier_features=_get(shape, "classifier_features", bool, path),
        blocks=(blocks[0], blocks[1]),
        hints=_get(shape, "hints", bool, path) if "hints" in shape else False,
        hints_by=_get(shape, "hints_by", str, path) if "hints_by" in shape else "",
        median_steps=_get(shape, "median_steps", int, path) if "median_steps" in shape else 0,
        features=_bounded(graph, "features", path) if "features" in graph else 0,
        digests={name: _get(digests, name, str, path) for name in (GRAPH, WEIGHTS)},
    )


def _integers(table: dict[str, Any], key: str, count: int, path: Path) -> list[int]:
    values = _get(table, key, list, path)
    if len(values) != count or not all(isinstance(v, int) for v in values):
        raise EngineError(f"{path}: '{key}' is {values}, should be {count} integers", hint="reinstall archivecolor")
    return values


def _bounded(table: dict[str, Any], key: str, path: Path) -> int:
    value, (least, most) = _get(table, key, int, path), _BOUNDS[key]
    if not least <= value <= most:
        raise ConfigurationError(f"{path}: '{key}' is {value}", hint=f"it must lie between {least} and {most}")
    return value


def _get(table: dict[str, Any], key: str, kind: type[T], path: Path) -> T:
    value = table.get(key)
    if not isinstance(value, kind):
        raise EngineError(f"{path}: '{key}' is {value!r}, should be {kind.__name__}", hint="reinstall archivecolor")
    return value
