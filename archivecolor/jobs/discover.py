"""Finding the items of a run: a sorted walk over a folder tree, with a target beside every source.

One folder is held in memory at a time. The walk's order and the names it gives depend on nothing but the tree, so a
second run finds the first one's results.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Final, TypeAlias

from archivecolor.errors import InputError, OutputError, UsageError
from archivecolor.jobs.files import is_same_file
from archivecolor.jobs.item_list import ItemList
from archivecolor.text import as_people_sort

Gather: TypeAlias = Callable[[Path, list[str]], dict[str, list[str]]]
"""A folder and the names of its files to the files that are one item, by the name of their set: see `file_sets`."""
LINKED: Final = "is a link to a folder, not followed"
"""Why such a link is passed by."""


@dataclass(frozen=True, slots=True)
class Item:
    """One source and where its result goes."""

    source: Path
    target: Path
    name: str
    """The source's path below the folder that was walked, ``/`` between its parts."""
    result: str
    """The target's path below the folder of results, likewise."""


@dataclass(frozen=True, slots=True)
class PassedBy:
    """Something in the tree that is not an item, and why."""

    source: Path
    name: str
    reason: str
    failed: bool
    """Whether a user would expect a result from it."""


def check_folders(source: Path, target: Path) -> None:
    """Refuse a target inside the source, a source inside the target, and anything that is not a folder."""
    if not os.path.exists(source):  # noqa: PTH110 - a path that cannot be followed is False, not an exception
        raise InputError(f"{source}: there is no such folder")
    if not os.path.isdir(source):  # noqa: PTH112
        raise InputError(f"{source}: is not a folder", hint="give its folder, and its name with --only")
    if os.path.lexists(target) and not os.path.isdir(target):  # noqa: PTH112
        raise OutputError(f"{target}: is not a folder", hint="give a folder; it is created if missing")
    if is_same_file(target, source):
        raise OutputError(f"{target}: is {source} itself", hint="choose a folder beside it")
    if lies_inside(target, source):
        raise OutputError(f"{target}: lies inside {source}", hint="choose a folder beside it")
    if lies_inside(source, target):
        raise OutputError(f"{source}: lies inside {target}", hint="choose another folder for the results")


def lies_inside(inner: Path, outer: Path) -> bool:
    """Whether ``inner``, which need not exist, is ``outer`` or below it, whatever the names they are reached by."""
    real = Path(os.path.realpath(inner))
    return any(is_same_file(folder, outer) for folder in (real, *real.parents))


def walk(
    source: Path,
    target: Path,
    *,
    rename: Callable[[str], str] = str,
    only: tuple[str, ...] = (),
    listed: ItemList | None = None,
    gather: Gather | None = None,
) -> Iterator[Item | PassedBy]:
    """Walk ``source`` in the order of `as_people_sort`, pairing each file with its place below ``target``.

    ``rename`` gives a result's file name. Where it gives several files of a folder the same name, all of those keep
    their own suffix in it (``a.tif.png``, ``a.jpg.png``). ``only`` are glob patterns, matched against the name and
    against the path below ``source``; where there are ``listed`` names, all others are skipped. Hidden files are
    skipped silently; links to folders are not followed, and a folder whose results would be written among the
    sources, through a link below ``target``, is refused.
    """
    waiting = [_Folder(Path(), is_link=False, through_link=False)]
    while waiting:
        folder = waiting.pop()
        here = folder.here
        if listed and here.as_posix() not in listed.folders:
            continue
        if folder.is_link:
            yield PassedBy(source / here, here.as_posix(), LINKED, failed=False)
            continue
        through_link = folder.through_link or os.path.islink(target / here)  # noqa: PTH114 - too long: none
        if here.name and through_link and lies_inside(target / here, source):
            reason = f"its results would go among the sources, to {target / here}"
            yield PassedBy(source / here, here.as_posix(), reason, failed=True)
            continue
        try:
            found = _list(source / here)
            if gather:
                found = _gathered(found, gather(source / here, found.files))
        except OSError as e:
            yield PassedBy(source / here, here.as_posix(), f"cannot be listed: {e.strerror}", failed=True)
            continue
        for thing in _pair(found, source, target, here, rename, only):
            if listed is None or thing.name in listed.names:
                yield thing
        waiting += [_Folder(here / name, is_link, through_link) for name, is_link in found.folders]


@dataclass(frozen=True, slots=True)
class _Folder:
    """A folder still to be walked."""

    here: Path
    is_link: bool
    through_link: bool
    """Whether a link leads to the place of its results."""


@dataclass(frozen=True, slots=True)
class _Listing:
    """What is in a folder and not hidden. Names only: a million entries as the system gives them take half a GB."""

    files: list[str]
    """Everything that is not a folder, sorted."""
    odd: dict[str, bool]
    """Those of them that are not regular files, and whether they are links."""
    folders: list[tuple[str, bool]]
    """In reverse order, and whether they are links."""


def _list(folder: Path) -> _Listing:
    listing = _Listing([], {}, [])
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.startswith("."):
                continue
            if _holds(entry.is_dir):
                listing.folders.append((entry.name, entry.is_symlink()))
                continue
            listing.files.append(entry.name)
            if not _holds(entry.is_file):
                listing.odd[entry.name] = entry.is_symlink()
    listing.files.sort(key=as_people_sort)
    listing.folders.sort(key=lambda folder: as_people_sort(folder[0]), reverse=True)
    return listing


def _gathered(found: _Listing, sets: dict[str, list[str]]) -> _Listing:
    """A listing in which sets stand in the place of their files."""
    inside = {name for names in sets.values() for name in names}
    return _Listing(sorted({*found.files, *sets} - inside, key=as_people_sort), found.odd, found.folders)


def _holds(question: Callable[[], bool]) -> bool:
    """Ask an entry of a folder about itself: a link that leads in circles raises, and is neither file nor folder."""
    try:
        return question()
    except OSError:
        return False


def _pair(
    found: _Listing,
    source: Path,
    target: Path,
    here: Path,
    rename: Callable[[str], str],
    only: tuple[str, ...],
) -> Iterator[Item | PassedBy]:
    """The files of a folder with their results' places."""
    taken = Counter(map(rename, found.files))
    source_here, target_here, prefix = source / here, target / here, f"{here.as_posix()}/" if here.name else ""
    for file in found.files:
        name = prefix + file
        if only and not any(fnmatchcase(file, p) or fnmatchcase(name, p) for p in only):
            continue
        path = source_here / file
        if file in found.odd:
            broken = found.odd[file]
            yield PassedBy(path, name, "is a broken link" if broken else "is not a regular file", failed=broken)
            continue
        result = rename(file)
        if taken[result] > 1:
            result = file + Path(result).suffix
            if taken[result]:
                reason = f"its result would be named {result}, and so would another's"
                yield PassedBy(path, name, reason, failed=True)
                continue
        yield Item(path, target_here / result, name, prefix + result)


def compile_patterns(patterns: Iterable[str]) -> tuple[str, ...]:
    """Check ``--only`` patterns. Raises `UsageError`."""
    if isinstance(patterns, str):
        raise UsageError(f"'{patterns}' is one pattern", hint="give a list of patterns")
    patterns = tuple(patterns)
    if not all(patterns):
        raise UsageError("an empty --only pattern matches nothing")
    return patterns
