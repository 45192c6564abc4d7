"""Finding the items of a run: a sorted walk over a folder tree, with a target beside every source.

One folder is held in memory at a time. The walk's order and the names it gives depend on nothing but the tree, so a
second run finds the first one's results.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from archivecolor.errors import InputError, OutputError, UsageError


@dataclass(frozen=True, slots=True)
class Item:
    """One source and where its result goes."""

    source: Path
    target: Path
    name: str
    """The source's path below the folder that was walked."""


@dataclass(frozen=True, slots=True)
class PassedBy:
    """Something in the tree that is not an item, and why."""

    source: Path
    name: str
    reason: str
    failed: bool
    """Whether somebody would have expected a result from it."""


def check_folders(source: Path, target: Path) -> None:
    """Refuse a target inside the source, a source inside the target, and anything that is no folder."""
    if not source.exists():
        raise InputError(f"{source}: there is no such folder")
    if not source.is_dir():
        raise InputError(f"{source}: is no folder", hint="give the folder that holds it, and --only for its name")
    if target.exists() and not target.is_dir():
        raise OutputError(f"{target}: is no folder", hint="give a folder, it is made when missing")
    inner, outer = target.resolve(), source.resolve()
    if inner == outer or outer in inner.parents:
        raise OutputError(f"{target}: lies inside {source}", hint="choose a folder beside it")
    if inner in outer.parents:
        raise OutputError(f"{source}: lies inside {target}", hint="choose another folder for the results")


def walk(
    source: Path, target: Path, *, rename: Callable[[str], str] = str, only: tuple[str, ...] = ()
) -> Iterator[Item | PassedBy]:
    """Walk ``source`` in sorted order, pairing each file with its place below ``target``.

    ``rename`` gives a result's file name. Where it gives several files of a folder the same name, all of those keep
    their own suffix in it (``a.tif.png``, ``a.jpg.png``). ``only`` are glob patterns, matched against the name and
    against the path below ``source``. Hidden files are passed by silently; links to folders are not followed.
    """
    return _walk(source, source, target, rename, only)


def _walk(
    folder: Path, root: Path, target: Path, rename: Callable[[str], str], only: tuple[str, ...]
) -> Iterator[Item | PassedBy]:
    here = folder.relative_to(root)
    try:
        with os.scandir(folder) as entries:
            found = sorted((e for e in entries if not e.name.startswith(".")), key=lambda e: e.name)
    except OSError as e:
        yield PassedBy(folder, str(here), f"cannot be listed: {e.strerror}", failed=True)
        return
    files = [entry for entry in found if not entry.is_dir()]
    taken = Counter(rename(entry.name) for entry in files)
    for entry in files:
        name = str(here / entry.name)
        if only and not any(fnmatchcase(entry.name, p) or fnmatchcase(name, p) for p in only):
            continue
        path = folder / entry.name
        if not entry.is_file():
            broken = entry.is_symlink()
            yield PassedBy(path, name, "is a broken link" if broken else "is no regular file", failed=broken)
            continue
        result = rename(entry.name)
        if taken[result] > 1:
            result = entry.name + Path(result).suffix
            if taken[result]:
                reason = f"its result would be named {result}, and so would another's"
                yield PassedBy(path, name, reason, failed=True)
                continue
        yield Item(path, target / here / result, name)
    for inner in found:
        if not inner.is_dir():
            continue
        path = folder / inner.name
        if inner.is_symlink():
            yield PassedBy(path, str(here / inner.name), "is a link to a folder, not followed", failed=False)
        else:
            yield from _walk(path, root, target, rename, only)


def compile_patterns(patterns: list[str]) -> tuple[str, ...]:
    """Check ``--only`` patterns."""
    if any(not p for p in patterns):
        raise UsageError("an empty --only pattern matches nothing")
    return tuple(patterns)
