"""Recipes read from TOML and from checkpoints, changed for one run, and compared.

Unknown keys are errors, with the nearest known key; so are values of the wrong type. With ``extends = "OTHER.toml"`` a
recipe has what that one beside it has, but for what it says itself: tables key by key, phases all of them or none.
"""

from __future__ import annotations

import dataclasses
import difflib
import tomllib
import types
import typing
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import Any

from archivecolor.errors import ConfigurationError, UsageError
from train.recipe import Recipe


def load(path: Path, changes: Sequence[str] = ()) -> Recipe:
    """Read a recipe; raises `ConfigurationError` naming the file and the key that is wrong.

    ``changes`` replace single values, as in ``seed=2``, ``phase.learning_rate=1e-5`` (of every phase) or
    ``phase.all.batch=8`` (of the one of that name). Raises `UsageError` for one that cannot be understood.
    """
    table = _whole(path)
    for change in changes:
        _change(table, change)
    return typing.cast(Recipe, _build(Recipe, table, str(path)))


def _whole(path: Path, extended: tuple[Path, ...] = ()) -> dict[str, Any]:
    """What a recipe says, and what those say that it extends."""
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as e:
        raise ConfigurationError(f"{path}: cannot be read: {e.strerror}") from e
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as e:
        raise ConfigurationError(f"{path}: is not TOML: {e}") from e
    if "extends" not in table:
        return table
    base = path.parent / _convert(str, table.pop("extends"), f"{path}: extends")
    if base in (*extended, path):
        raise ConfigurationError(f"{path}: extends itself, by way of {base.name}")
    return _merged(_whole(base, (*extended, path)), table)


def _merged(base: dict[str, Any], table: dict[str, Any]) -> dict[str, Any]:
    both = {k: _merged(base[k], v) for k, v in table.items() if isinstance(v, dict) and isinstance(base.get(k), dict)}
    return base | table | both


def _change(table: dict[str, Any], change: str) -> None:
    key, _, text = change.partition("=")
    *path, last = key.strip().split(".")
    try:
        value = tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError as e:
        raise UsageError(
            f"--set {change}: is not KEY=VALUE with a TOML value", hint="""text stands in quotes: --set 'name="x"'"""
        ) from e
    targets: list[dict[str, Any]] = [table]
    for part in path:
        named = [t for t in targets if t is not table and t.get("name") == part]
        if named:
            targets = named
            continue
        inner: list[Any] = []
        for target in targets:
            found = target.setdefault(part, {})
            inner += found if isinstance(found, list) else [found]
        targets = inner
    if not targets or not all(isinstance(t, dict) for t in targets):
        raise UsageError(f"--set {change}: the recipe has no such place")
    for target in targets:
        target[last] = value


def differences(before: Recipe, after: Recipe) -> list[str]:
    """What one recipe has otherwise than the other, a line a value: ``phase.all.batch: 16, now 8``."""
    one, other = _flat(dataclasses.asdict(before)), _flat(dataclasses.asdict(after))
    return [
        f"{key}: {one.get(key, 'absent')}, now {other.get(key, 'absent')}"
        for key in one | other
        if one.get(key) != other.get(key)
    ]


def _flat(value: Any, where: str = "") -> dict[str, Any]:
    if isinstance(value, dict):
        inner = [(str(k), v) for k, v in value.items()]
    elif isinstance(value, tuple) and value and isinstance(value[0], dict):
        inner = [(v["name"], v) for v in value]
    else:
        return {where: value}
    found: dict[str, Any] = {}
    for key, v in inner:
        found |= _flat(v, f"{where}.{key}" if where else key)
    return found


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
    if origin is types.UnionType:  # always with None
        return None if value is None else _convert(args[0], value, where)
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
