"""Pack a recipe's photographs into shards that can be carried: ``python -m train.shards RECIPE runs/shards``.

A machine with a GPU for some minutes has nothing of the photographs, and what it is sent has a size limit. Each shard
is an even sample of all of them, so that training begins with the first and goes on with what has come since::

    python -m train.fit RECIPE --run runs/gpu --device cuda --set 'data.corpus="runs/shards"' --set 'data.also=[]'
"""

from __future__ import annotations

import argparse
import hashlib
import io
import logging
import sys
import tarfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from archivecolor.errors import ArchiveColorError, OutputError
from archivecolor.jobs.atomic import atomic_write
from train import recipe_file
from train.dataset import decode, usable
from train.recipe import Data

log = logging.getLogger(__name__)

ROOT = Path(__file__).resolve().parents[1]


def pack(root: Path, data: Data, out: Path, side: int, quality: int, megabytes: float, first: int = 0) -> list[Path]:
    """Write every usable photograph once, ``side`` px on its shorter side at most, as WebP; returns the shards.

    ``first`` is the number of the first shard. Raises as `Photographs.load` does, `OutputError` if one is there.
    """
    pictures = [(name, kept) for name, kept, _ in usable(root, data, hashlib.sha256())]
    pictures.sort(key=lambda item: hashlib.sha256(item[0].encode()).digest())

    def coded(item: tuple[str, bytes | npt.NDArray[np.uint8]]) -> tuple[str, bytes]:
        name, kept = item
        picture = decode(kept) if isinstance(kept, bytes) else kept
        if picture is None:
            raise ValueError(f"{name} can no longer be decoded")
        return f"{Path(name).stem}.webp", _webp(picture, side, quality)

    shards = []
    with ThreadPoolExecutor() as pool:
        for number, members in enumerate(_shared_out(pool.map(coded, pictures), megabytes), first):
            path = out / f"{number:02d}.tar"
            out.mkdir(parents=True, exist_ok=True)
            with atomic_write(path, overwrite=False) as file, tarfile.open(fileobj=file, mode="w") as shard:
                for name, content in members:
                    entry = tarfile.TarInfo(name)
                    entry.size = len(content)
                    shard.addfile(entry, io.BytesIO(content))
            log.info("%s: %d pictures, %.1f MB", path, len(members), path.stat().st_size / 1e6)
            shards.append(path)
    return shards


def _shared_out(coded: Iterator[tuple[str, bytes]], megabytes: float) -> Iterator[list[tuple[str, bytes]]]:
    """Pictures by the shard."""
    members: list[tuple[str, bytes]] = []
    size = 0.0
    for name, content in coded:
        blocks = 512 * (1 + -(-len(content) // 512))
        if members and size + blocks > megabytes * 1e6 - tarfile.RECORDSIZE:
            yield members
            members, size = [], 0.0
        members.append((name, content))
        size += blocks
    yield members


def _webp(picture: npt.NDArray[np.uint8], side: int, quality: int) -> bytes:
    scale = side / min(picture.shape[:2])
    if scale < 1:
        picture = np.asarray(cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), np.uint8)
    ok, coded = cv2.imencode(".webp", picture[..., ::-1], [cv2.IMWRITE_WEBP_QUALITY, quality])
    if not ok:
        raise OutputError("a picture cannot be coded as WebP")
    return coded.tobytes()


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line of ``python -m train.shards``."""
    parser = argparse.ArgumentParser(prog="python -m train.shards", description="Pack photographs to be carried.")
    parser.add_argument("recipe", type=Path, help="whose photographs; sources of weight 0 stay behind")
    parser.add_argument("out", type=Path, help="folder of shards; git-ignored runs/shards")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="change a value of the recipe")
    parser.add_argument("--side", type=int, default=208, help="shorter side of larger pictures, in pixels")
    parser.add_argument("--quality", type=int, default=62, help="of WebP")
    parser.add_argument("--megabytes", type=float, default=45, help="largest shard")
    parser.add_argument("--first", type=int, default=0, help="number of the first shard, to add to others")
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S")
    cv2.setNumThreads(1)
    try:
        recipe = recipe_file.load(options.recipe, options.set)
        pack(ROOT, recipe.data, options.out, options.side, options.quality, options.megabytes, options.first)
    except ArchiveColorError as e:
        log.error("%s", e)
        return e.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
