"""Photographs in memory, and batches that depend on nothing but the recipe's seed and the step.

Photographs stay in memory as their files are and are decoded whenever one is drawn: 0.7 GB for 60,000 pictures of
224 px instead of 10, for 0.6 of the 22 to 43 ms that a picture takes to train on. Step ``n`` of a run always draws
the same batch, so resuming at step ``n`` needs no loader state.
"""

from __future__ import annotations

import hashlib
import io
import logging
import mmap
import tarfile
import zipfile
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import Protocol, TypeAlias, overload

import cv2
import numpy as np
import numpy.typing as npt

from archivecolor.color import FloatArray
from archivecolor.errors import InputError
from archivecolor.inference.torch_generator import CHROMA_STRIDE
from train import cifar10
from train.degrade import Degradation, degrade, mount
from train.hints import HintDraws, draw_hints
from train.recipe import Data, Layout

log = logging.getLogger(__name__)

_SUFFIXES = {".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff"}
_TOGETHER = 2_000
"""Pictures that are judged at a time."""

_Kept: TypeAlias = bytes | npt.NDArray[np.uint8]
"""A picture as its file holds it, or decoded where many share a file."""


class _Digest(Protocol):
    def update(self, data: bytes, /) -> None: ...


@dataclass(frozen=True, slots=True)
class Batch:
    """What one step is trained on."""

    luma: FloatArray
    """``[n, 1, crop, crop]`` in 0..1, degraded."""
    chroma: FloatArray
    """``[n, 2, crop/stride, crop/stride]``: the true a*, b*."""
    hints: FloatArray | None = None
    """``[n, 3, crop/stride, crop/stride]``: a*, b* and mask, for generators that take hints."""


PACKED = "photographs"
INDEX = "index.npz"


class _InOneFile(Sequence[_Kept]):
    """Coded pictures one after another in a file: as many as there are by now."""

    def __init__(self, path: Path, ends: npt.NDArray[np.int64]) -> None:
        self._path, self._ends = path, ends
        self._file: mmap.mmap | None = None

    def __len__(self) -> int:
        return int(np.searchsorted(self._ends, self._path.stat().st_size, side="right")) - 1

    @overload
    def __getitem__(self, index: int) -> bytes: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[_Kept]: ...

    def __getitem__(self, index: int | slice) -> bytes | Sequence[_Kept]:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        if self._file is None or len(self._file) < self._ends[index + 1]:
            with self._path.open("rb") as f:
                self._file = mmap.mmap(f.fileno(), 0, access=mmap.ACCESS_READ)
        return self._file[self._ends[index] : self._ends[index + 1]]


class Photographs:
    """The pictures of a corpus ``[h, w, 3]`` of sRGB, with how often each is drawn."""

    def __init__(self, pictures: Sequence[_Kept], weights: npt.NDArray[np.float64], digest: str) -> None:
        self._pictures = pictures
        self._weights = weights
        self.digest = digest

    def __len__(self) -> int:
        return len(self._pictures)

    @property
    def chances(self) -> npt.NDArray[np.float64]:
        """How often each picture is drawn; they add up to 1."""
        weights = self._weights[: len(self)]
        return np.asarray(weights / weights.sum())

    def __getitem__(self, index: int) -> npt.NDArray[np.uint8]:
        kept = self._pictures[index]
        picture = decode(kept) if isinstance(kept, bytes) else kept
        if picture is None:
            raise ValueError(f"picture {index} can no longer be decoded")
        return picture

    @classmethod
    def load(cls, root: Path, data: Data) -> Photographs:
        """Take in every usable picture under ``root / data.corpus``; what is dropped is counted in the log.

        Raises `InputError` for a folder that is missing or broken, or when no picture is left.
        """
        if data.layout is Layout.PACKED:
            return cls._packed(root / data.corpus)
        pictures: list[_Kept] = []
        weights: list[float] = []
        digest = hashlib.sha256()
        for _, kept, weight in usable(root, data, digest):
            pictures.append(kept)
            weights.append(weight)
        return cls(pictures, np.asarray(weights), digest.hexdigest())

    @classmethod
    def _packed(cls, folder: Path) -> Photographs:
        try:
            index = (folder / INDEX).read_bytes()
            with np.load(io.BytesIO(index)) as arrays:
                ends, weights = arrays["ends"], arrays["weights"]
            pictures = _InOneFile(folder / PACKED, ends)
            log.info("%d of %d pictures from %s", len(pictures), len(weights), folder)
        except (OSError, EOFError, ValueError, KeyError, zipfile.BadZipFile) as e:
            raise InputError(f"{folder}: holds no packed photographs: {e}", hint="pack them with train.shards") from e
        if not len(pictures):
            raise InputError(f"{folder}: holds no usable color picture")
        return cls(pictures, weights, hashlib.sha256(index).hexdigest())

    def batch(
        self,
        key: tuple[int, int],
        size: int,
        crop: int,
        smallest: float,
        faults: Degradation,
        stride: int = CHROMA_STRIDE,
        draws: HintDraws | None = None,
    ) -> Batch:
        """Draw the batch that belongs to ``key`` (seed and step); ``stride`` is luma pixels a chroma pixel.

        Hints are drawn as ``draws`` says, by a generator of their own: luma is the same with them and without.
        """
        rng = np.random.default_rng(key)
        hint_rng = np.random.default_rng((*key, 1))
        luma = np.empty((size, 1, crop, crop), np.float32)
        chroma = np.empty((size, 2, crop // stride, crop // stride), np.float32)
        hints = np.empty((size, 3, crop // stride, crop // stride), np.float32) if draws else None
        chances = self.chances
        for i, index in enumerate(rng.choice(len(chances), size, p=chances)):
            rgb = random_crop(self[int(index)], crop, smallest, rng)
            if faults.mount and rng.random() < faults.mount:
                rgb = mount(rgb, rng)
            luma[i, 0] = degrade(rgb, rng, faults)
            chroma[i] = small_chroma(rgb, stride)
            if draws and hints is not None:
                light = cv2.resize(luma[i, 0], (crop // stride, crop // stride), interpolation=cv2.INTER_AREA)
                hints[i], chroma[i] = draw_hints(chroma[i], np.asarray(light, np.float32), hint_rng, draws)
        return Batch(luma, chroma, hints)


def usable(root: Path, data: Data, digest: _Digest) -> Iterator[tuple[str, _Kept, float]]:
    """Each picture to train on, in the order of the files: its name, itself, and how often it is drawn.

    Raises and logs as `Photographs.load` says.
    """
    folders = [root / name for name in (data.corpus, *data.also)]
    wanted = _listed(root / data.members) if data.members else None
    dropped: Counter[str] = Counter()
    taken = 0
    found: Iterator[tuple[str, _Kept]]
    if data.layout is Layout.CIFAR10:
        found = _sheets(folders[0], digest)
    else:
        found = chain.from_iterable(_files(folder, digest, wanted) for folder in folders)
    for name, kept, weight, reason in _judged(found, data):
        if reason:
            dropped[reason] += 1
        else:
            taken += 1
            yield name, kept, weight
    if wanted:
        dropped[f"named in {data.members}, but not there"] = len(wanted)
    told = " and ".join(map(str, folders))
    log.info("%d pictures from %s", taken, told)
    for reason, count in (+dropped).items():
        log.warning("%d pictures dropped: %s", count, reason)
    if not taken:
        raise InputError(f"{told}: holds no usable color picture")


def _judged(found: Iterator[tuple[str, _Kept]], data: Data) -> Iterator[tuple[str, _Kept, float, str]]:
    """What was found, with its weight and why it is not taken; decoded on all cores."""

    def judge(item: tuple[str, _Kept]) -> tuple[str, _Kept, float, str]:
        name, kept = item
        weight = data.source_weights.get(name.rpartition("_")[0], 1.0)
        if not weight:
            return name, kept, weight, "of sources with weight 0"
        if not data.smallest and not data.grayest:
            return name, kept, weight, ""
        return name, kept, weight, _unfit(decode(kept) if isinstance(kept, bytes) else kept, data)

    with ThreadPoolExecutor() as pool:
        while some := list(islice(found, _TOGETHER)):
            yield from pool.map(judge, some)


def _listed(path: Path) -> set[str]:
    try:
        return set(path.read_text(encoding="utf-8").split())
    except (OSError, UnicodeDecodeError) as e:
        raise InputError(f"{path}: the list of pictures cannot be read", hint="see [data] members") from e


def _sheets(folder: Path, digest: _Digest) -> Iterator[tuple[str, npt.NDArray[np.uint8]]]:
    cifar10.fetch(folder)
    for sheet in cifar10.TRAINING_SHEETS:
        pictures = cifar10.read_sheet(folder / sheet)
        digest.update(hashlib.sha256(pictures.tobytes()).digest())
        for i, picture in enumerate(pictures):
            yield f"{Path(sheet).stem}_{i}", picture


def _files(folder: Path, digest: _Digest, wanted: set[str] | None) -> Iterator[tuple[str, bytes]]:
    """The pictures under ``folder``, as they are stored; takes names found out of ``wanted``."""
    if not folder.is_dir():
        raise InputError(f"{folder}: there is no such folder", hint="set [data] corpus in the recipe")
    for name, coded in _members(folder):
        if wanted is not None:
            if name not in wanted:
                continue
            wanted.discard(name)
        digest.update(hashlib.sha256(coded).digest())
        yield name, coded


def _members(folder: Path) -> Iterator[tuple[str, bytes]]:
    for path in sorted(folder.rglob("*")):
        try:
            if path.suffix == ".tar":
                yield from _shard(path)
            elif path.is_file() and path.suffix.lower() in _SUFFIXES:
                yield path.name, path.read_bytes()
        except (OSError, tarfile.TarError) as e:
            raise InputError(f"{path}: cannot be read: {e}") from e


def _shard(path: Path) -> Iterator[tuple[str, bytes]]:
    with tarfile.open(path) as shard:
        for member in shard:
            file = shard.extractfile(member) if member.isfile() else None
            if file is not None and Path(member.name).suffix.lower() in _SUFFIXES:
                yield Path(member.name).name, file.read()


def decode(coded: bytes) -> npt.NDArray[np.uint8] | None:
    """``[h, w, 3]`` of sRGB; None for what is no picture."""
    try:
        picture = cv2.imdecode(np.frombuffer(coded, np.uint8), cv2.IMREAD_COLOR_RGB) if coded else None
    except cv2.error:  # beyond OpenCV's size limit
        return None
    return None if picture is None else np.asarray(picture, dtype=np.uint8)


def _unfit(picture: npt.NDArray[np.uint8] | None, data: Data) -> str:
    if picture is None:
        return "cannot be decoded"
    if min(picture.shape[:2]) < data.smallest:
        return f"shorter side under {data.smallest} px"
    lab = cv2.cvtColor(
        cv2.resize(picture, (64, 64), interpolation=cv2.INTER_AREA).astype(np.float32) / 255, cv2.COLOR_RGB2LAB
    )
    return "gray" if float(np.hypot(lab[..., 1], lab[..., 2]).mean()) < data.grayest else ""


def random_crop(picture: npt.NDArray[np.uint8], crop: int, smallest: float, rng: np.random.Generator) -> FloatArray:
    """Cut a random square, mirror it half of the time, scale it to ``[crop, crop, 3]`` in 0..1."""
    h, w = picture.shape[:2]
    side = max(1, round(min(h, w) * rng.uniform(smallest, 1)))
    y, x = int(rng.integers(0, h - side + 1)), int(rng.integers(0, w - side + 1))
    square = picture[y : y + side, x : x + side]
    if rng.random() < 0.5:
        square = square[:, ::-1]
    method = cv2.INTER_AREA if side >= crop else cv2.INTER_CUBIC
    return cv2.resize(np.ascontiguousarray(square), (crop, crop), interpolation=method).astype(np.float32) / np.float32(
        255
    )


def small_chroma(rgb: FloatArray, stride: int = CHROMA_STRIDE) -> FloatArray:
    """Mean a*, b* of each square of ``stride`` pixels of ``[h, w, 3]`` sRGB: ``[2, h/stride, w/stride]``."""
    h, w = rgb.shape[:2]
    ab = cv2.cvtColor(rgb, cv2.COLOR_RGB2LAB)[..., 1:]
    small = cv2.resize(ab, (w // stride, h // stride), interpolation=cv2.INTER_AREA)
    return np.ascontiguousarray(small.transpose(2, 0, 1))
