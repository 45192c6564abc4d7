"""The page's pictures: of each result a thumbnail and a larger one, made once and kept until the result changes.

Of what browsers cannot show there are tiles at full size, or a small copy of the film, too.

A picture's name is its item's id, and the id changes with the result: what has the right name is up to date, so a run
that was stopped continues where it was. The thumbnail is written last and says in its comment what it was made from.
"""

from __future__ import annotations

import errno
import hashlib
import json
import logging
import os
import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from PIL import Image

from archivecolor.errors import ArchiveColorError, DependencyError, InputError, OutputError
from archivecolor.jobs import workers
from archivecolor.jobs.atomic import DiskFullError, atomic_write
from archivecolor.jobs.digests import look_at
from archivecolor.jobs.file_sets import numbering
from archivecolor.jobs.journal import Kind, confidence_path
from archivecolor.jobs.records import FileState
from archivecolor.report import proxies
from archivecolor.report.coding import PICTURE_PX, Coded, Facts, NetworkInput, code_film, code_still, told_anew
from archivecolor.report.items import ReviewItem
from archivecolor.report.pages import MOST
from archivecolor.report.tiles import is_shown_by_browsers
from archivecolor.stills import probe

log = logging.getLogger(__name__)

_FORM: Final = 4
"""Of what is written. Raised when older pictures no longer serve."""
_BUDGET_BYTES: Final = 1 << 30
_OURS: Final = re.compile(r"[0-9a-f]{16}(\.map\.png|(\.\d+|\.small)?\.jpg|\.mp4|\.css|(\.\d+)?)")


@dataclass(frozen=True, slots=True)
class Preview:
    """An item with its place on the page."""

    item: ReviewItem
    id: str
    result_bytes: int | None = None
    facts: Facts | None = None
    """None where there is nothing to show."""
    problem: str | None = None
    """Why a result cannot be shown."""
    changed_s: int = 0
    """When the result last changed, in seconds since 1970."""


class Gallery:
    """The folder that the page's pictures lie in."""

    def __init__(self, folder: Path, out: Path, *, copies: bool = True, network: NetworkInput | None = None) -> None:
        """``copies`` makes small ones of films that browsers do not play; ``network`` saw the pictures."""
        self._folder = folder
        self._out = out
        self._copies = copies
        self._network = network or NetworkInput()
        self._stop: Callable[[], bool] = lambda: False
        self.made = 0
        self.is_stopped = False
        """Whether a film's copy was given up."""

    def thumb(self, id: str) -> Path:
        """Where an item's thumbnail lies."""
        return self._folder / "thumbs" / id[:2] / f"{id}.jpg"

    def small_thumb(self, id: str) -> Path:
        """Where its small thumbnail lies."""
        return self.thumb(id).with_suffix(".small.jpg")

    def picture(self, id: str) -> Path:
        """Where its larger picture lies."""
        return self._folder / "pictures" / id[:2] / f"{id}.jpg"

    def frame(self, id: str, number: int) -> Path:
        """Where a film's frame or a file's page lies, by its number on the sheet, from 0."""
        return self.picture(id).with_suffix(f".{number}.jpg")

    def tiles(self, id: str, number: int | None = None) -> Path:
        """The folder of a picture's tiles, or of those of a page by its number on the sheet."""
        return self._folder / "tiles" / id[:2] / (id if number is None else f"{id}.{number}")

    def copy(self, id: str) -> Path:
        """Where a film's small copy lies, if it needs one."""
        return self._folder / "films" / id[:2] / f"{id}.mp4"

    def seen(self, id: str) -> Path:
        """Where the style sheet lies that has what the generator sees of it."""
        return self.picture(id).with_suffix(".css")

    def map(self, id: str) -> Path:
        """Where its confidence map lies, if there is one."""
        return self.picture(id).with_suffix(".map.png")

    def previews(
        self, items: list[ReviewItem], *, threads: int, stop: Callable[[], bool], advance: Callable[[], None]
    ) -> Iterator[Preview]:
        """Make what is missing; yields in no particular order, and ends early once ``stop`` returns true.

        Memory: that of `workers.run` with one gigabyte, and of the largest result. Raises `OutputError` where they
        cannot be written.
        """
        todo = []
        self._stop = stop
        for item in items:
            preview = self._known(item)
            if preview is None:
                todo.append(item)
            else:
                yield preview
                advance()
        stages = workers.Stages(
            load=self._code,
            compute=lambda coded: coded,
            save=self._save,
            cost_bytes=self._cost_bytes,
            group=lambda coded: None,
        )
        for outcome in workers.run(todo, stages, stop=stop, threads=threads, budget_bytes=_BUDGET_BYTES):
            if isinstance(outcome.error, OutputError):  # a full disk takes the next one no better
                raise outcome.error
            if isinstance(outcome.error, proxies.StoppedError):
                self.is_stopped = True
                continue
            yield self._preview(outcome.item, outcome.result, outcome.error)
            advance()

    def prune(self, kept: set[str]) -> None:
        """Remove the pictures of results that are no longer there."""
        for folder in ("thumbs", "pictures", "films", "tiles"):
            for path in (self._folder / folder).glob("??/*"):
                if not _OURS.fullmatch(path.name) or path.name[:16] in kept:
                    continue
                if path.is_dir() and not path.is_symlink():
                    shutil.rmtree(path, ignore_errors=True)
                else:
                    path.unlink(missing_ok=True)

    def _known(self, item: ReviewItem) -> Preview | None:
        """An item that needs no picture, or has it."""
        if item.result is None and item.original is None:
            return Preview(item, _id_of(item, None))
        status = _status(self._result(item))
        name = _id_of(item, status)
        try:
            with Image.open(self.thumb(name)) as image:
                facts = Facts(**json.loads(image.info["comment"]))
        except (OSError, SyntaxError, ValueError, TypeError, KeyError):
            return None
        lacks_copy = item.kind is Kind.FILM and self._copies and not facts.plays
        if facts.map_ns != self._map_ns(item) or lacks_copy:
            return None
        return _preview_of(item, name, status, facts)

    def _result(self, item: ReviewItem) -> Path:
        """Of an item that has one, or else the source that was left as it is."""
        return item.original or self._out / (item.result or "")

    def _map_ns(self, item: ReviewItem) -> int:
        status = _status(confidence_path(self._out, self._result(item))) if item.result else None
        return status.mtime_ns if status else 0

    def _preview(self, item: ReviewItem, facts: Facts | None, error: ArchiveColorError | None) -> Preview:
        path = self._result(item)
        status = _status(path)
        problem = None if error is None or not item.result else error.message.removeprefix(f"{path}: ")
        self.made += facts is not None
        return _preview_of(item, _id_of(item, status), status, facts, problem)

    def _cost_bytes(self, item: ReviewItem) -> int:
        """Decoding takes most: of a still all its pixels, as RGBA and as RGB; then its pages at the page's size."""
        if item.kind is Kind.FILM:
            return _BUDGET_BYTES // 4
        try:
            info = probe(self._result(item))
        except (InputError, DependencyError):
            return 0
        direct = info.pages == 1 and is_shown_by_browsers(self._result(item).name, info.width, info.height)
        bytes_a_sample = 7 if direct else 12  # with all of it in RGB, and in sRGB
        pages = min(info.pages, MOST) if info.pages > 1 else 0
        return info.width * info.height * info.bits // 8 * bytes_a_sample + pages * PICTURE_PX**2 * 3

    def _code(self, item: ReviewItem) -> tuple[str, Coded]:
        """The item's id, and what the page shows of its result."""
        path = self._result(item)
        status = _status(path)
        if status is None:
            raise InputError(f"{path}: is not there any more")
        if item.kind is Kind.FILM:
            known = item.result and not numbering(path) and proxies.plays(path)
            plays = "result" if known else "copy" if item.result and self._copies else ""
            return _id_of(item, status), code_film(path, item, plays, self._network)
        tint = confidence_path(self._out, path) if item.result else None
        return _id_of(item, status), code_still(path, item, self._map_ns(item), tint, self._network)

    def _save(self, item: ReviewItem, _: tuple[str, Coded], made: tuple[str, Coded]) -> Facts:
        """Write it, the thumbnail last: where that is, all is."""
        name, coded = made
        thumb, facts = coded.thumb, coded.facts
        files = {self.picture(name): coded.picture}
        files |= {self.frame(name, number): frame for number, frame in enumerate(coded.frames)}
        files |= {self.tiles(name, page) / n: tile for page, tiles in coded.tiles.items() for n, tile in tiles.items()}
        if coded.tint is not None:
            files[self.map(name)] = coded.tint
        for path, content in files.items():
            _write(path, content)
        if coded.seen:
            _write_unsynced(self.seen(name), coded.seen)
        _write(self.small_thumb(name), coded.small_thumb)
        if facts.plays == "copy":
            try:
                with atomic_write(self.copy(name), overwrite=True) as file:
                    proxies.write_copy(self._result(item), file, self._stop)
            except proxies.StoppedError:
                raise
            except InputError as e:
                log.warning("%s; the page shows its frames, and does not play it", e.message)
                facts = replace(facts, plays="")
                thumb = told_anew(thumb, facts)
        _write(self.thumb(name), thumb)
        return facts


def _id_of(item: ReviewItem, result: FileState | None) -> str:
    """Sixteen hexadecimal digits of the source's name and the result's size and time."""
    state = f"{item.state}" if result is None else f"{result.size_bytes} {result.mtime_ns}"
    if item.least_sure:
        state += f" {item.least_sure}"
    key = os.fsencode(item.source) + f"\0{_FORM}\0{item.result is not None}\0{state}".encode()
    return hashlib.sha256(key).hexdigest()[:16]


def _preview_of(
    item: ReviewItem, id: str, status: FileState | None, facts: Facts | None, problem: str | None = None
) -> Preview:
    if status is None:
        return Preview(item, id, None, facts, problem)
    return Preview(item, id, status.size_bytes, facts, problem, status.mtime_ns // 10**9)


def _write_unsynced(path: Path, content: bytes) -> None:
    """What the page can do without, should the power fail before the disk has it: waiting for that takes longest."""
    try:
        path.write_bytes(content)
    except OSError as e:
        if e.errno == errno.ENOSPC:
            raise DiskFullError(f"{path}: the disk is full", hint="make room and run the same command again") from e
        raise OutputError(f"{path}: cannot be written: {e.strerror}", hint="give --to another folder") from e


def _write(path: Path, content: bytes) -> None:
    with atomic_write(path, overwrite=True) as file:
        file.write(content)


def _status(path: Path) -> FileState | None:
    try:
        return look_at(path)
    except InputError:
        return None
