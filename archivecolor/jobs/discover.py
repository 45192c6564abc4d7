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
from archivecolor.jobs.chosen import Chosen


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
    if not os.path.exists(source):  # noqa: PTH110 - a path that cannot be followed is False, not an exception
        raise InputError(f"{source}: there is no such folder")
    if not os.path.isdir(source):  # noqa: PTH112
        raise InputError(f"{source}: is no folder", hint="give the folder that holds it, and --only for its name")
    if os.path.lexists(target) and not os.path.isdir(target):  # noqa: PTH112
        raise OutputError(f"{target}: is no folder", hint="give a folder, it is made when missing")
    if _same(target, source):
        raise OutputError(f"{target}: is {source} itself", hint="choose a folder beside it")
    if lies_inside(target, source):
        raise OutputError(f"{target}: lies inside {source}", hint="choose a folder beside it")
    if lies_inside(source, target):
        raise OutputError(f"{source}: lies inside {target}", hint="choose another folder for the results")


def lies_inside(inner: Path, outer: Path) -> bool:
    """Whether ``inner``, which need not exist, is ``outer`` or below it, whatever the names they are reached by."""
    real = Path(os.path.realpath(inner))
    return any(_same(folder, outer) for folder in (real, *real.parents))


def _same(a: Path, b: Path) -> bool:
    try:
        return a.samefile(b)
    except OSError:
        return False


def walk(
    source: Path,
    target: Path,
    *,
    rename: Callable[[str], str] = str,
    only: tuple[str, ...] = (),
    chosen: Chosen | None = None,
) -> Iterator[Item | PassedBy]:
    """Walk ``source`` in sorted order, pairing each file with its place below ``target``.

    ``rename`` gives a result's file name. Where it gives several files of a folder the same name, all of those keep
    their own suffix in it (``a.tif.png``, ``a.jpg.png``). ``only`` are glob patterns, matched against the name and
    against the path below ``source``; where there are ``chosen`` names, all others are passed by. Hidden files are
    passed by silently; links to folders are not followed, and a folder whose results would come to lie among the
    sources, through a link below ``target``, is refused.
    """
    waiting = [_Folder(Path(), is_link=False, through_link=False)]
    while waiting:
        folder = waiting.pop()
        here = folder.here
        if chosen and str(here) not in chosen.folders:
            continue
        if folder.is_link:
            yield PassedBy(source / here, str(here), "is a link to a folder, not followed", failed=False)
            continue
        through_link = folder.through_link or (target / here).is_symlink()
        if here.name and through_link and lies_inside(target / here, source):
            reason = f"its results would go among the sources, to {target / here}"
            yield PassedBy(source / here, str(here), reason, failed=True)
            continue
        try:
            with os.scandir(source / here) as entries:
                found = sorted((e for e in entries if not e.name.startswith(".")), key=lambda e: e.name)
        except OSError as e:
            yield PassedBy(source / here, str(here), f"cannot be listed: {e.strerror}", failed=True)
            continue
        files = [e for e in found if not _holds(e.is_dir)]
        for thing in _files(files, source, target, here, rename, only):
            if chosen is None or thing.name in chosen.names:
                yield thing
        inner = [e for e in reversed(found) if _holds(e.is_dir)]
        waiting += [_Folder(here / e.name, e.is_symlink(), through_link) for e in inner]


@dataclass(frozen=True, slots=True)
class _Folder:
    """A folder still to be walked."""

    here: Path
    is_link: bool
    through_link: bool
    """Whether a link leads to the place of its results."""


def _holds(question: Callable[[], bool]) -> bool:
    """Ask an entry of a folder about itself: a link that leads in circles raises, and is neither file nor folder."""
    try:
        return question()
    except OSError:
        return False


def _files(
    files: list[os.DirEntry[str]],
    source: Path,
    target: Path,
    here: Path,
    rename: Callable[[str], str],
    only: tuple[str, ...],
) -> Iterator[Item | PassedBy]:
    taken = Counter(rename(entry.name) for entry in files)
    for entry in files:
        name = str(here / entry.name)
        if only and not any(fnmatchcase(entry.name, p) or fnmatchcase(name, p) for p in only):
            continue
        path = source / name
        if not _holds(entry.is_file):
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


def compile_patterns(patterns: list[str]) -> tuple[str, ...]:
    """Check ``--only`` patterns."""
    if any(not p for p in patterns):
        raise UsageError("an empty --only pattern matches nothing")
    return tuple(patterns)
