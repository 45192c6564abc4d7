"""What a source has given so far: finished shards, and beside them a record that a stopped run goes on from.

A shard is renamed into place when it is whole and never touched again. The record is written after it, so a run that
is killed between the two writes the same shard again.
"""

from __future__ import annotations

import io
import json
import tarfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from archivecolor.errors import InputError
from train.gathering.sifting import Picture
from train.gathering.sources import UNLIMITED, Source

SHARD_BYTES = 44_000_000
"""What a shard's pictures take; with its headers it stays under 45 MB."""
_MEMBER_BYTES = 1024
RECORDS = ".gathered"


@dataclass(frozen=True, slots=True)
class Record:
    """How far a source has been gathered."""

    taken: int = 0
    """Of its files in their order, so many were looked at."""
    kept: int = 0
    shards: int = 0
    exhausted: bool = False
    dropped: dict[str, int] = field(default_factory=dict)
    folders: dict[str, int] = field(default_factory=dict)
    """Photographs kept of each folder, where a source limits them."""

    @classmethod
    def read(cls, out: Path, name: str) -> Record:
        """The record of a source; an empty one if there is none."""
        path = out / RECORDS / f"{name}.json"
        if not path.exists():
            return cls()
        try:
            return cls(**json.loads(path.read_text(encoding="utf-8")))
        except (json.JSONDecodeError, TypeError) as e:
            raise InputError(f"{path}: is not a record of gathering", hint="remove it and the source's shards") from e

    def write(self, out: Path, name: str) -> None:
        """Put the record down."""
        write_whole(out / RECORDS / f"{name}.json", json.dumps(asdict(self), indent=1).encode())


def write_whole(path: Path, content: bytes) -> None:
    """Write a file so that nobody sees a part of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    part.write_bytes(content)
    part.replace(path)


class Packer:
    """Photographs of one source on their way into its next shard."""

    def __init__(self, out: Path, source: Source, record: Record) -> None:
        self._out, self._source = out, source
        self._record = record
        self.kept = record.kept
        self._dropped = Counter(record.dropped)
        self._of_folder = Counter(record.folders)
        self._pictures: list[tuple[str, bytes]] = []
        self._views: list[npt.NDArray[np.float32]] = []
        self._names: list[str] = []
        self._bytes = 0

    def drop(self, reason: str) -> None:
        """Count a picture that is not kept."""
        self._dropped[reason] += 1

    def enough_of(self, folder: str) -> bool:
        """Whether the folder has given as many as the source allows."""
        return self._of_folder[folder] >= self._source.each

    def add(self, coded: bytes, view: npt.NDArray[np.float32], names: set[str], folder: str) -> None:
        """Take a photograph with its thumbnail and the numbers it goes by."""
        self._of_folder[folder] += 1
        self._pictures.append((f"{self._source.name}_{self.kept:06d}.webp", coded))
        self._views.append(view)
        self._names += sorted(names)
        self._bytes += len(coded) + _MEMBER_BYTES
        self.kept += 1

    @property
    def full(self) -> bool:
        """Whether one more large picture could be too many for the shard."""
        return self._bytes > SHARD_BYTES - 200_000

    def finish(self, taken: int, *, exhausted: bool) -> None:
        """Write the shard, if it holds anything, then the record."""
        record = self._record
        shards = record.shards
        if self._pictures:
            stem = f"{self._source.name}-{shards:03d}"
            views = np.stack(self._views).astype(np.float16)
            held = io.BytesIO()
            np.savez(held, views=views, names=np.array(self._names, dtype=np.str_))
            write_whole(self._out / RECORDS / f"{stem}.npz", held.getvalue())
            write_whole(self._out / f"{stem}.tar", _tar(self._pictures))
            shards += 1
        folders = dict(self._of_folder) if self._source.each < UNLIMITED else {}
        self._record = Record(taken, self.kept, shards, exhausted, dict(self._dropped), folders)
        self._record.write(self._out, self._source.name)
        self._pictures, self._views, self._names, self._bytes = [], [], [], 0


def _tar(members: Sequence[tuple[str, bytes]]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as shard:
        for name, content in members:
            info = tarfile.TarInfo(name)
            info.size = len(content)
            shard.addfile(info, io.BytesIO(content))
    return out.getvalue()


def count(out: Path, sources: Sequence[Source]) -> str:
    """A line per source that has given something: name, class, photographs; and what the classes have in all."""
    lines, of_class = [], Counter[str]()
    for source in sources:
        if kept := Record.read(out, source.name).kept:
            lines.append(f"{source.name} {source.standing} {kept}")
            of_class[source.standing] += kept
    lines += [f"class {name}: {total}" for name, total in sorted(of_class.items())]
    return "\n".join([*lines, f"all: {of_class.total()}", ""])


def sheets(out: Path) -> Path:
    """The folder of contact sheets."""
    return out.with_name(f"{out.name}-sheets")


def sheet(out: Path, source: Source, columns: int = 14, rows: int = 8, side: int = 112) -> None:
    """Draw a contact sheet of the source's first shard, evenly chosen, to look at.

    It lies beside the folder, in ``OUT-sheets/SOURCE.jpg``: what is in the folder is trained on.
    """
    path, drawn = out / f"{source.name}-000.tar", sheets(out) / f"{source.name}.jpg"
    if drawn.exists() or not path.exists():
        return
    with tarfile.open(path) as shard:
        members = shard.getmembers()
        chosen = [members[i] for i in np.unique(np.linspace(0, len(members) - 1, columns * rows).astype(int))]
        coded = [file.read() for member in chosen if (file := shard.extractfile(member)) is not None]
    ground = np.full((rows * side, columns * side, 3), 255, np.uint8)
    for i, content in enumerate(coded):
        y, x = i // columns * side, i % columns * side
        ground[y : y + side, x : x + side] = _tile(content, side)
    ok, jpeg = cv2.imencode(".jpg", ground[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 88])
    if ok:
        write_whole(drawn, jpeg.tobytes())


def _tile(coded: bytes, side: int) -> Picture:
    picture = np.asarray(cv2.imdecode(np.frombuffer(coded, np.uint8), cv2.IMREAD_COLOR_RGB), dtype=np.uint8)
    scale = side / max(picture.shape[:2])
    size = (max(1, round(picture.shape[1] * scale)), max(1, round(picture.shape[0] * scale)))
    small = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
    tile = np.full((side, side, 3), 255, np.uint8)
    tile[: small.shape[0], : small.shape[1]] = small
    return tile
