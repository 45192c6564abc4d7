"""What the page shows of one result, made of it in memory: its pictures as JPEG, and what is known of it."""

from __future__ import annotations

import base64
import io
import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Final

from PIL import Image

from archivecolor.frames import network_size
from archivecolor.report.films import clock, contact_sheet
from archivecolor.report.items import ReviewItem, State
from archivecolor.report.pages import page_sheet
from archivecolor.report.pictures import SmallPicture, small_picture
from archivecolor.report.tiles import cut, is_shown_by_browsers, levels_of
from archivecolor.stills import probe

PICTURE_PX: Final = 1280
"""Long side of a picture that is looked at by itself."""
THUMB_PX: Final = 320
"""Long side in the grid, for large thumbnails and dense screens."""
SMALL_THUMB_PX: Final = 208
"""Long side in the grid for all others: browsers keep the pixels of the last thousand pictures that they showed."""
_PICTURE_QUALITY: Final = 82
_THUMB_QUALITY: Final = 76
_SEEN_QUALITY: Final = 85
_TINT: Final = (214, 36, 159)
"""Far from the colors of photographs; the page's legend has it, too."""


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
    frames: list[list[float | str | None]] = field(default_factory=list)
    """Each frame or page on a sheet: its time in seconds or its number; confidence in a doubtful shot; its `Box`; its
    width and height in the file; of a frame its time code."""
    tiled: bool = False
    """Whether the picture, or each page, is there as tiles, too, where it is larger than `PICTURE_PX`."""
    plays: str = ""
    """Of a film: 'result' where browsers play that, 'copy' where there is one to play."""


@dataclass(frozen=True, slots=True)
class Coded:
    """The files of one result, but for a film's copy."""

    picture: bytes
    thumb: bytes
    small_thumb: bytes
    facts: Facts
    frames: list[bytes]
    """Of a film, or pages of a file."""
    tiles: dict[int | None, dict[str, bytes]]
    """By page, from 0, or None for a picture alone; then by name."""
    tint: bytes | None = None
    """Of the confidence map."""
    seen: bytes = b""
    """A style sheet that holds what the generator sees of the picture, or of each frame or page: see `_seen`."""


@dataclass(frozen=True, slots=True)
class NetworkInput:
    """The size at which a generator sees pictures."""

    short_px: int = 256
    multiple: int = 32


def code_film(path: Path, item: ReviewItem, plays: str, network: NetworkInput) -> Coded:
    """A film as a sheet of frames. Raises `InputError`."""
    film = contact_sheet(path, PICTURE_PX, item.least_sure)
    told = [[*map(_short, (f.time_s, f.confidence, *f.box, *f.picture.size)), f.timecode] for f in film.frames]
    matrix = "709" if film.is_709 else "601"
    facts = Facts(film.width, film.height, matrix, clock(film.seconds), frames=told, plays=plays)
    frames = [_jpeg(frame.picture, _PICTURE_QUALITY) for frame in film.frames]
    seen = _seen([frame.picture for frame in film.frames], network)
    thumbs = _thumbs(film.poster, facts)
    return Coded(_jpeg(film.sheet, _PICTURE_QUALITY), *thumbs, facts, frames, {}, seen=seen)


def code_still(path: Path, item: ReviewItem, map_ns: int, tint_map: Path | None, network: NetworkInput) -> Coded:
    """A photograph, or the pages of a file of several, with its confidence map. Raises `InputError`."""
    tiles: dict[int | None, dict[str, bytes]] = {}
    small = _taken(path, 0, tiles)
    picture, parts, tint = small.image, [small.image], _tint(tint_map) if tint_map else None
    frames: list[bytes] = []
    told: list[list[float | str | None]] = []
    if small.pages > 1 and item.state is State.COLORED:  # what was only copied may hold pages that are none
        paged = page_sheet(path, PICTURE_PX, small, lambda page: _taken(path, page, tiles))
        picture, parts = paged.sheet, [page.picture for page in paged.pages]
        frames = [_jpeg(page.picture, _PICTURE_QUALITY) for page in paged.pages]
        told = [[page.number, None, *map(_short, page.box), *page.size] for page in paged.pages]
    elif tiles:
        tiles = {None: tiles[0]}
    facts = Facts(
        small.width,
        small.height,
        pages=small.pages,
        map_ns=map_ns,
        has_map=tint is not None,
        frames=told,
        tiled=bool(tiles),
    )
    seen = _seen(parts, network) if item.state is State.COLORED else b""
    return Coded(_jpeg(picture, _PICTURE_QUALITY), *_thumbs(small.image, facts), facts, frames, tiles, tint, seen)


def _taken(path: Path, page: int, tiles: dict[int | None, dict[str, bytes]]) -> SmallPicture:
    """A page at the page's size; its tiles, where browsers cannot show it at its own, go into ``tiles``."""
    info = probe(path)
    if info.pages == 1 and is_shown_by_browsers(path.name, info.width, info.height):
        return small_picture(path, PICTURE_PX, page)
    whole = small_picture(path, None, page)
    levels = levels_of(whole.width, whole.height, PICTURE_PX)
    if levels:
        tiles[page] = dict(cut(whole.image, levels))
    image = whole.image.copy()
    image.thumbnail((PICTURE_PX, PICTURE_PX), reducing_gap=2.0)
    return SmallPicture(image, whole.width, whole.height, whole.pages)


def _seen(pictures: list[Image.Image], network: NetworkInput) -> bytes:
    """Pictures at the generator's size, for the page to spread strokes over.

    A page from disk may show the pictures beside it, and not read their pixels; what a style sheet says it may read. So
    this is one, of a custom property for each picture: a JPEG as a ``data:`` address.
    """
    said = []
    for number, picture in enumerate(pictures):
        height, width = network_size(picture.height, picture.width, network.short_px, network.multiple)
        half = picture.reduce(2) if min(picture.width // width, picture.height // height) > 1 else picture
        small = half if half.size == (width, height) else half.resize((width, height), Image.Resampling.BOX)
        coded = base64.b64encode(_jpeg(small, _SEEN_QUALITY)).decode()
        said.append(f'--seen-{number}:"data:image/jpeg;base64,{coded}"')
    return f"#seen{{{';'.join(said)}}}\n".encode()


def _thumbs(image: Image.Image, facts: Facts) -> tuple[bytes, bytes]:
    """The thumbnail, which bears the facts, and the small one."""
    thumb = _within(image, THUMB_PX)
    small = _within(thumb, SMALL_THUMB_PX)
    return _jpeg(thumb, _THUMB_QUALITY, facts), _jpeg(small, _THUMB_QUALITY)


def told_anew(thumb: bytes, facts: Facts) -> bytes:
    """A thumbnail that bears other facts; its pixels stay."""
    coded = io.BytesIO()
    with Image.open(io.BytesIO(thumb)) as image:
        image.save(coded, "JPEG", quality="keep", comment=json.dumps(asdict(facts)).encode())
    return coded.getvalue()


def _within(image: Image.Image, longest_px: int) -> Image.Image:
    scale = min(1.0, longest_px / max(image.size))
    width, height = (max(1, round(side * scale)) for side in image.size)
    whole = min(int(1 / scale), *image.size)
    image = image.reduce(whole) if whole > 1 else image  # most of the way by averaging, which takes a third of the time
    return image if image.size == (width, height) else image.resize((width, height), Image.Resampling.HAMMING)


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


def _jpeg(image: Image.Image, quality: int, facts: Facts | None = None) -> bytes:
    coded = io.BytesIO()
    comment = b"" if facts is None else json.dumps(asdict(facts)).encode()
    image.save(coded, "JPEG", quality=quality, progressive=False, optimize=False, comment=comment)
    return coded.getvalue()
