"""The list of sources: where each lies, which of its files are wanted, and on what terms they may be trained on.

A source without a stated free licence (class A) or published as research data (class B) cannot be listed.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import MISSING, dataclass, fields
from enum import StrEnum
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from archivecolor.errors import ConfigurationError

UNLIMITED = 1_000_000


class Standing(StrEnum):
    """On what terms the photographs were published."""

    FREE = "A"
    """A stated free licence, or the public domain."""
    RESEARCH = "B"
    """A published research data set."""


class Change(StrEnum):
    """What has to be done to a source's pictures before they are photographs again."""

    NONE = "none"
    SQUASHED = "squashed 4:3"
    """Squashed to a square: to 4:3 or 3:4, whichever its gradients say."""
    SWAPPED = "swap red and blue"
    PLATES = "three plates"
    """Grey exposures through blue, green and red, one below the other."""
    LETTERBOX = "black edges"
    """Laid in a black square."""
    FILM = "film"
    """Scans of color film with their border and their cast."""


@dataclass(frozen=True, slots=True)
class Source:
    """One source of photographs."""

    name: str
    where: str
    """``github:OWNER/NAME``, ``pypi:NAME==VERSION`` or ``npm:NAME@VERSION``."""
    standing: Standing
    terms: str
    what: str
    files: tuple[str, ...]
    """Patterns of the paths that are wanted; ``*`` matches slashes, too."""
    without: tuple[str, ...] = ()
    """Patterns of those that are not."""
    commit: str = ""
    cap: int = UNLIMITED
    """At most so many photographs, by chance."""
    each: int = UNLIMITED
    """At most so many of one folder."""
    change: Change = Change.NONE
    centre: float = 1.0
    """The share of the picture's sides that is kept about its centre."""

    def wants(self, path: str) -> bool:
        """Whether the file is one of those to be gathered."""
        return any(fnmatchcase(path, p) for p in self.files) and not any(fnmatchcase(path, p) for p in self.without)

    @property
    def address(self) -> str:
        """Where a person can look at it."""
        kind, _, name = self.where.partition(":")
        if kind == "pypi":
            return f"https://pypi.org/project/{name.partition('==')[0]}/"
        if kind == "npm":
            return f"https://www.npmjs.com/package/{name.rpartition('@')[0]}"
        return f"https://github.com/{name}"


_NAME = re.compile(r"[a-z][a-z0-9]*")
_WHERE = re.compile(r"github:[\w.-]+/[\w.-]+|pypi:[\w.-]+==[\w.]+|npm:(@[\w.-]+/)?[\w.-]+@[\w.-]+")
_COMMIT = re.compile(r"[0-9a-f]{40}")


def load(path: Path) -> list[Source]:
    """Read the list; raises `ConfigurationError` naming the source and what is wrong with it."""
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as e:
        raise ConfigurationError(f"{path}: cannot be read: {e.strerror}") from e
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as e:
        raise ConfigurationError(f"{path}: is not TOML: {e}") from e
    found = [_source(entry, path) for entry in table.get("source", [])]
    names = [source.name for source in found]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise ConfigurationError(f"{path}: listed twice: {', '.join(twice)}")
    return found


def _source(entry: dict[str, Any], path: Path) -> Source:
    told = f"{path}: {entry.get('name', 'a source without a name')}"
    entry = {"standing" if key == "class" else key: value for key, value in entry.items()}
    known = {field.name: field for field in fields(Source)}
    if unknown := sorted(entry.keys() - known.keys()):
        raise ConfigurationError(f"{told}: unknown: {', '.join(unknown)}")
    needed = {name for name, field in known.items() if field.default is MISSING}
    if missing := sorted(needed - entry.keys()):
        raise ConfigurationError(f"{told}: says nothing of {', '.join(missing)}")
    for key in ("files", "without"):
        entry[key] = tuple(entry.get(key, ()))
    try:
        entry["standing"] = Standing(entry["standing"])
        entry["change"] = Change(entry.get("change", Change.NONE))
    except ValueError as e:
        raise ConfigurationError(f"{told}: {e}", hint="class is A or B; others are not trained on") from e
    source = Source(**entry)
    _check(source, told)
    return source


def _check(source: Source, told: str) -> None:
    if not _NAME.fullmatch(source.name):
        raise ConfigurationError(f"{told}: a name is small letters and digits")
    if not _WHERE.fullmatch(source.where):
        raise ConfigurationError(f"{told}: {source.where!r} is neither github:, pypi: nor npm:")
    if source.where.startswith("github:") and not _COMMIT.fullmatch(source.commit):
        raise ConfigurationError(f"{told}: a repository needs its commit, 40 hexadecimal digits")
    if not 0 < source.centre <= 1:
        raise ConfigurationError(f"{told}: centre is a share of the sides, above 0 and at most 1")
