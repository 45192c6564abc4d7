"""Pictures known again: by a grey thumbnail of 16 x 16, or by the number that a public data set gave them.

The guard compares every region of a candidate with every region of every evaluation picture, plain and mirrored. Among
hundreds of thousands that would take too long, so twins are looked for where one of four groups of low frequencies
has the same signs, and then compared.
"""

from __future__ import annotations

import hashlib
import re
import tarfile
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

from archivecolor.errors import InputError

Thumbnail: TypeAlias = npt.NDArray[np.float32]
"""``[256]``, mean 0 and length 1."""

_SIDE = 16
_RESEMBLES = 0.95
_SAME = 0.97
_FRAMES = 12
"""Of a film, one frame in so many is compared."""
_PICTURES = {".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff"}
_FILMS = {".mp4", ".mkv", ".avi", ".mov", ".webm"}
_LISTS = {".csv", ".txt"}

_NUMBER = re.compile(
    r"n\d{8}_\d+|ILSVRC2012_val_\d{8}|(?<!\d)20\d\d_\d{6}(?!\d)|(?<!\d)\d{12}(?!\d)|\d{7,}_[0-9a-f]{10}"
)


def numbers(text: str) -> set[str]:
    """What ImageNet, COCO, Pascal VOC or Flickr call the pictures named in a text."""
    return set(_NUMBER.findall(text))


def thumbnail(grey: npt.NDArray[np.uint8]) -> Thumbnail:
    """A grey picture, or a part of one, to be compared; all zeros if there is nothing in it."""
    small = cv2.resize(grey, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA).astype(np.float32).ravel()
    small -= small.mean()
    length = float(np.linalg.norm(small))
    return np.asarray(small / length if length > 1 else small * 0, dtype=np.float32)


def regions(grey: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    """Thumbnails ``[3, 256]`` of the whole, the centre square and the centre 85 %."""
    h, w = grey.shape
    side = min(h, w)
    y, x = (h - side) // 2, (w - side) // 2
    dy, dx = round(h * 0.075), round(w * 0.075)
    parts = (grey, grey[y : y + side, x : x + side], grey[dy : h - dy, dx : w - dx])
    return np.stack([thumbnail(part) for part in parts])


class Guard:
    """Evaluation pictures, to be kept apart from; ``cache`` keeps their thumbnails from run to run."""

    def __init__(self, folders: Sequence[Path], cache: Path | None = None) -> None:
        def both_ways(picture: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
            return np.concatenate([regions(picture), regions(np.ascontiguousarray(picture[:, ::-1]))])

        self._known, self.names = _remembered(folders, both_ways, cache and cache / f"guard-{_digest(folders)}.npz")

    def __len__(self) -> int:
        return len(self._known) // 6

    def resembles(self, views: npt.NDArray[np.float32]) -> bool:
        """Whether any of a candidate's `regions` is like one of an evaluation picture."""
        return bool(len(self._known)) and float((views @ self._known.T).max()) > _RESEMBLES


class Seen:
    """Every photograph had so far."""

    def __init__(self) -> None:
        self.names: set[str] = set()
        self._thumbnails = np.zeros((1024, _SIDE * _SIDE), np.float16)
        self._count = 0
        self._groups: list[dict[int, list[int]]] = [defaultdict(list) for _ in range(4)]

    def __len__(self) -> int:
        return self._count

    def knows(self, view: Thumbnail) -> bool:
        """Whether a picture as good as the same was added before."""
        near = {
            i for group, key in zip(self._groups, _keys(view[None])[0], strict=True) for i in group.get(int(key), ())
        }
        if not near:
            return False
        return float((self._thumbnails[list(near)].astype(np.float32) @ view).max()) > _SAME

    def add(self, views: npt.NDArray[np.floating]) -> None:
        """Remember thumbnails ``[n, 256]``."""
        start, self._count = self._count, self._count + len(views)
        if self._count > len(self._thumbnails):
            larger = np.zeros((self._count * 3 // 2, _SIDE * _SIDE), np.float16)
            larger[:start] = self._thumbnails[:start]
            self._thumbnails = larger
        self._thumbnails[start : self._count] = views
        for i, row in enumerate(_keys(views.astype(np.float32)), start):
            for group, key in zip(self._groups, row.tolist(), strict=True):
                group[key].append(i)

    def add_folders(self, folders: Sequence[Path], cache: Path) -> None:
        """Remember the pictures of other training folders; ``cache`` keeps their thumbnails from run to run."""
        kept = cache / f"besides-{_digest(folders)}.npz"
        views, names = _remembered(folders, lambda picture: thumbnail(picture)[None], kept)
        self.add(views)
        self.names |= names


def _digest(folders: Sequence[Path]) -> str:
    """Changes with the files in the folders: their names and sizes."""
    files = [path for folder in folders for path in _files(folder)]
    return hashlib.sha256("\n".join(f"{p} {p.stat().st_size}" for p in files).encode()).hexdigest()[:16]


def _remembered(
    folders: Sequence[Path],
    views_of: Callable[[npt.NDArray[np.uint8]], npt.NDArray[np.float32]],
    cache: Path | None,
) -> tuple[npt.NDArray[np.float32], set[str]]:
    """Thumbnails ``[n, 256]`` of every picture and the numbers found, out of the cache if they are there."""
    if cache and cache.exists():
        with np.load(cache) as both:
            return both["views"], set(both["names"].tolist())
    names: set[str] = set()
    views = [views_of(picture) for picture in _everything(folders, names)]
    stacked = np.concatenate(views) if views else np.zeros((0, _SIDE * _SIDE), np.float32)
    if cache:
        cache.parent.mkdir(parents=True, exist_ok=True)
        np.savez(cache, views=stacked, names=np.array(sorted(names), dtype=np.str_))
    return stacked, names


def _zigzag() -> npt.NDArray[np.intp]:
    """The 56 lowest frequencies of a 16 x 16 cosine transform, by the sum of both."""
    order = sorted(((y, x) for y in range(_SIDE) for x in range(_SIDE)), key=lambda p: (p[0] + p[1], p[0]))
    return np.array([y * _SIDE + x for y, x in order[1:57]])


def _cosines() -> npt.NDArray[np.float32]:
    n = np.arange(_SIDE)
    basis = np.cos(np.pi * np.outer(n, n + 0.5) / _SIDE)
    return np.kron(basis, basis)[_zigzag()].astype(np.float32)


_TRANSFORM = _cosines()
_BITS = (1 << np.arange(14)).astype(np.int64)


def _keys(views: npt.NDArray[np.float32]) -> npt.NDArray[np.int64]:
    """``[n, 4]``: the signs of four groups of 14 frequencies, low ones first."""
    signs = (views @ _TRANSFORM.T > 0).reshape(len(views), 4, 14)
    return np.asarray(signs @ _BITS, dtype=np.int64)


def _files(folder: Path) -> list[Path]:
    if not folder.exists():
        raise InputError(f"{folder}: there is no such folder or file")
    return sorted(p for p in folder.rglob("*") if p.is_file()) if folder.is_dir() else [folder]


def _everything(folders: Sequence[Path], names: set[str]) -> Iterator[npt.NDArray[np.uint8]]:
    """The pictures of folders, shards and films in grey; ``names`` takes the numbers in their names and lists."""
    for path in (path for folder in folders for path in _files(folder)):
        suffix = path.suffix.lower()
        if suffix in _LISTS:
            names |= numbers(path.read_text(encoding="utf-8", errors="replace"))
        elif suffix in _FILMS:
            yield from _frames(path)
        elif suffix == ".tar":
            with tarfile.open(path) as shard:
                for member in shard:
                    file = shard.extractfile(member)
                    if file is not None and Path(member.name).suffix.lower() in _PICTURES:
                        names |= numbers(member.name)
                        yield from _grey(file.read())
        elif suffix in _PICTURES:
            names |= numbers(path.name)
            yield from _grey(path.read_bytes())


def _grey(coded: bytes) -> Iterator[npt.NDArray[np.uint8]]:
    picture = cv2.imdecode(np.frombuffer(coded, np.uint8), cv2.IMREAD_GRAYSCALE) if coded else None
    if picture is not None:
        yield np.asarray(picture, dtype=np.uint8)


def _frames(path: Path) -> Iterator[npt.NDArray[np.uint8]]:
    film = cv2.VideoCapture(str(path))
    index = 0
    while film.grab():
        if index % _FRAMES == 0:
            ok, frame = film.retrieve()
            if ok:
                yield np.asarray(cv2.cvtColor(frame, cv2.COLOR_BGR2GRAY), dtype=np.uint8)
        index += 1
    film.release()
