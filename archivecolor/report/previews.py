"""The page's pictures: of each result a thumbnail and a larger one, made once and kept until the result changes.

A picture's name is its item's id, and the id changes with the result: what has the right name is up to date, so a run
that was stopped continues where it was. The thumbnail is written last and says in its comment what it was made from.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Final

from PIL import Image

from archivecolor.errors import ArchiveColorError, DependencyError, InputError, OutputError
from archivecolor.jobs import workers
from archivecolor.jobs.atomic import atomic_write
from archivecolor.jobs.journal import Kind, confidence_path
from archivecolor.report.films import clock, contact_sheet
from archivecolor.report.items import ReviewItem, State
from archivecolor.report.pages import MOST, page_sheet
from archivecolor.report.pictures import small_picture
from archivecolor.stills import probe

PICTURE_PX: Final = 1280
"""Long side of a picture that is looked at by itself."""
THUMB_PX: Final = 320
"""Long side in the grid: sharp at 200 CSS pixels on a dense screen."""
_PICTURE_QUALITY: Final = 82
_THUMB_QUALITY: Final = 76
_FORM: Final = 2
"""Of what is written. Raised when older pictures no longer serve."""
_TINT: Final = (214, 36, 159)
"""Far from the colors of photographs; the page's legend has it, too."""
_BUDGET_BYTES: Final = 1 << 30
_OURS: Final = re.compile(r"[0-9a-f]{16}(\.map\.png|(\.\d+)?\.jpg)")


@dataclass(frozen=True, slots=True)
class Facts:
    """What was known of a result when its pictures were made."""

    width: int
    height: int
    matrix: str = "601"
    """Whose luma the picture as scanned shows: BT.601's or BT.709's."""
    duration: str = ""
    """Of a film."""
    pages: int = 1
    """Of a still; the first is shown."""
    map_ns: int = 0
    """When the confidence map was written that lay there; 0 when there was none."""
    has_map: bool = False
    """Whether it is shown."""
    frames: list[list[float | None]] = field(default_factory=list)
    """Each frame or page on a sheet: its time in seconds or its number; confidence in a doubtful shot; its `Box`."""


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


class Gallery:
    """The folder that the page's pictures lie in."""

    def __init__(self, folder: Path, out: Path) -> None:
        self._folder = folder
        self._out = out
        self.made = 0

    def thumb(self, id: str) -> Path:
        """Where an item's thumbnail lies."""
        return self._folder / "thumbs" / id[:2] / f"{id}.jpg"

    def picture(self, id: str) -> Path:
        """Where its larger picture lies."""
        return self._folder / "pictures" / id[:2] / f"{id}.jpg"

    def frame(self, id: str, number: int) -> Path:
        """Where a film's frame or a file's page lies, by its number on the sheet, from 0."""
        return self.picture(id).with_suffix(f".{number}.jpg")

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
            yield self._preview(outcome.item, outcome.result, outcome.error)
            advance()

    def prune(self, kept: set[str]) -> None:
        """Remove the pictures of results that are no longer there."""
        for folder in ("thumbs", "pictures"):
            for path in (self._folder / folder).glob("??/*"):
                if _OURS.fullmatch(path.name) and path.name[:16] not in kept:
                    path.unlink(missing_ok=True)

    def _known(self, item: ReviewItem) -> Preview | None:
        """An item that needs no picture, or has it."""
        if item.result is None:
            return Preview(item, _id_of(item, None))
        status = _status(self._result(item))
        name = _id_of(item, status)
        try:
            with Image.open(self.thumb(name)) as image:
                facts = Facts(**json.loads(image.info["comment"]))
        except (OSError, SyntaxError, ValueError, TypeError, KeyError):
            return None
        if facts.map_ns != self._map_ns(item):
            return None
        return Preview(item, name, status.st_size if status else None, facts)

    def _result(self, item: ReviewItem) -> Path:
        """Of an item that has one."""
        return self._out / (item.result or "")

    def _map_ns(self, item: ReviewItem) -> int:
        status = _status(confidence_path(self._out, self._result(item)))
        return status.st_mtime_ns if status else 0

    def _preview(self, item: ReviewItem, facts: Facts | None, error: ArchiveColorError | None) -> Preview:
        path = self._result(item)
        status = _status(path)
        problem = None if error is None else error.message.removeprefix(f"{path}: ")
        self.made += facts is not None
        return Preview(item, _id_of(item, status), status.st_size if status else None, facts, problem)

    def _cost_bytes(self, item: ReviewItem) -> int:
        """Decoding takes most: of a still all its pixels, as RGBA and as RGB; then its pages at the page's size."""
        if item.kind is Kind.FILM:
            return _BUDGET_BYTES // 4
        try:
            info = probe(self._result(item))
        except (InputError, DependencyError):
            return 0
        pages = min(info.pages, MOST) if info.pages > 1 else 0
        return info.width * info.height * info.bits // 8 * 7 + pages * PICTURE_PX**2 * 3

    def _code(self, item: ReviewItem) -> _Coded:
        """Decode a result, and encode what the page shows of it."""
        path = self._result(item)
        status = _status(path)
        if status is None:
            raise InputError(f"{path}: is not there any more")
        tint = None
        frames: list[bytes] = []
        if item.kind is Kind.FILM:
            film = contact_sheet(path, PICTURE_PX, item.least_sure)
            picture, thumb = film.sheet, film.poster
            frames = [_jpeg(frame.picture, _PICTURE_QUALITY) for frame in film.frames]
            told = [[_short(x) for x in (f.time_s, f.confidence, *f.box)] for f in film.frames]
            matrix = "709" if film.is_709 else "601"
            facts = Facts(film.width, film.height, matrix, clock(film.seconds), frames=told)
        else:
            small = small_picture(path, PICTURE_PX)
            picture, thumb = small.image, small.image.copy()
            map_ns, tint = self._map_ns(item), _tint(confidence_path(self._out, path))
            told = []
            if small.pages > 1 and item.state is State.COLORED:  # what was only copied may hold pages that are none
                paged = page_sheet(path, PICTURE_PX, small)
                picture = paged.sheet
                frames = [_jpeg(page.picture, _PICTURE_QUALITY) for page in paged.pages]
                told = [[page.number, None, *map(_short, page.box)] for page in paged.pages]
            facts = Facts(
                small.width, small.height, pages=small.pages, map_ns=map_ns, has_map=tint is not None, frames=told
            )
        thumb.thumbnail((THUMB_PX, THUMB_PX), reducing_gap=2.0)
        name = _id_of(item, status)
        coded = _jpeg(picture, _PICTURE_QUALITY)
        return _Coded(name, coded, frames, tint, _jpeg(thumb, _THUMB_QUALITY, facts), facts)

    def _save(self, item: ReviewItem, _: _Coded, coded: _Coded) -> Facts:
        """Write it, the thumbnail last: where that is, all is."""
        with atomic_write(self.picture(coded.id), overwrite=True) as file:
            file.write(coded.picture)
        for number, frame in enumerate(coded.frames):
            with atomic_write(self.frame(coded.id, number), overwrite=True) as file:
                file.write(frame)
        if coded.tint is not None:
            with atomic_write(self.map(coded.id), overwrite=True) as file:
                file.write(coded.tint)
        with atomic_write(self.thumb(coded.id), overwrite=True) as file:
            file.write(coded.thumb)
        return coded.facts


@dataclass(frozen=True, slots=True)
class _Coded:
    id: str
    picture: bytes
    frames: list[bytes]
    """Of a film, or pages of a file."""
    tint: bytes | None
    """Of the confidence map."""
    thumb: bytes
    facts: Facts


def _id_of(item: ReviewItem, result: os.stat_result | None) -> str:
    """Sixteen hexadecimal digits of the source's name and the result's size and time."""
    state = f"{item.state}" if result is None else f"{result.st_size} {result.st_mtime_ns}"
    if item.least_sure:
        state += f" {item.least_sure}"
    key = os.fsencode(item.source) + f"\0{_FORM}\0{item.result is not None}\0{state}".encode()
    return hashlib.sha256(key).hexdigest()[:16]


def _short(value: float | None) -> float | None:
    return None if value is None else round(value, 4)


def _tint(path: Path) -> bytes | None:
    """A confidence map as a layer to lay over the picture: clear down to a half, then denser. None without one."""
    try:
        with Image.open(path) as image:
            gray = image.convert("L")
    except (OSError, SyntaxError, ValueError):  # not there, as most often, or damaged: the picture is what counts
        return None
    layer = Image.new("RGBA", gray.size, _TINT)
    layer.putalpha(gray.point([max(0, 255 - 2 * value) for value in range(256)]))
    coded = io.BytesIO()
    layer.save(coded, "PNG")
    return coded.getvalue()


def _status(path: Path) -> os.stat_result | None:
    try:
        return path.stat()
    except OSError:
        return None


def _jpeg(image: Image.Image, quality: int, facts: Facts | None = None) -> bytes:
    coded = io.BytesIO()
    comment = b"" if facts is None else json.dumps(asdict(facts)).encode()
    image.save(coded, "JPEG", quality=quality, progressive=False, optimize=False, comment=comment)
    return coded.getvalue()
