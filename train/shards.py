r"""Pack a recipe's photographs to be carried to another machine: ``python -m train.shards RECIPE runs/carried``.

A machine with a GPU for some minutes has nothing of the photographs, and what it is sent has a size limit. So they are
written as one file in parts, in an order by chance, with an index. There the parts are put together one after another,
and training begins with the first, for each is an even sample::

    cat runs/carried/00.part >> /data/photographs    # beside index.npz
    python -m train.fit RECIPE --run runs/gpu --device cuda --minutes 8 \
        --set 'data.layout="packed"' --set 'data.corpus="/data"'
"""

from __future__ import annotations

import argparse
import hashlib
import logging
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from archivecolor.errors import ArchiveColorError, InputError, OutputError
from archivecolor.jobs.atomic import atomic_write
from train import recipe_file
from train.dataset import INDEX, decode, usable
from train.recipe import Data

log = logging.getLogger(__name__)

ROOT = Path(__file__).resolve().parents[1]


def pack(root: Path, data: Data, out: Path, side: int, quality: int, megabytes: float) -> list[Path]:
    """Write every usable photograph once, ``side`` px on its shorter side at most, as WebP; returns the parts.

    Raises as `Photographs.load` does, and `OutputError` where ``out`` has some already.
    """
    pictures = list(usable(root, data, hashlib.sha256()))
    pictures.sort(key=lambda item: hashlib.sha256(item[0].encode()).digest())
    out.mkdir(parents=True, exist_ok=True)
    ends, parts = [0], []
    with ThreadPoolExecutor() as pool:
        coded = pool.map(lambda item: _carried(item[0], item[1], side, quality), pictures)
        for number, some in enumerate(_shared_out(coded, megabytes)):
            path = out / f"{number:02d}.part"
            with atomic_write(path, overwrite=False) as file:
                for content in some:
                    ends.append(ends[-1] + file.write(content))
            log.info("%s: %d pictures, %.1f MB", path, len(some), path.stat().st_size / 1e6)
            parts.append(path)
    with atomic_write(out / INDEX, overwrite=False) as file:
        np.savez(file, ends=np.array(ends, np.int64), weights=np.array([weight for *_, weight in pictures]))
    return parts


def _shared_out(coded: Iterator[bytes], megabytes: float) -> Iterator[list[bytes]]:
    """Pictures by the part."""
    some: list[bytes] = []
    size = 0
    for content in coded:
        if some and size + len(content) > megabytes * 1e6:
            yield some
            some, size = [], 0
        some.append(content)
        size += len(content)
    yield some


def _carried(name: str, kept: bytes | npt.NDArray[np.uint8], side: int, quality: int) -> bytes:
    picture = decode(kept) if isinstance(kept, bytes) else kept
    if picture is None:
        raise InputError(f"{name}: can no longer be decoded")
    if isinstance(kept, bytes) and name.endswith(".webp") and min(picture.shape[:2]) <= side:
        return kept
    return _webp(picture, side, quality)


def _webp(picture: npt.NDArray[np.uint8], side: int, quality: int) -> bytes:
    scale = side / min(picture.shape[:2])
    if scale < 1:
        picture = np.asarray(cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), np.uint8)
    ok, coded = cv2.imencode(".webp", picture[..., ::-1], [cv2.IMWRITE_WEBP_QUALITY, quality])
    if not ok:
        raise OutputError("a picture cannot be coded as WebP")
    return coded.tobytes()


def main() -> int:
    """Command line of ``python -m train.shards``."""
    parser = argparse.ArgumentParser(prog="python -m train.shards", description="Pack photographs to be carried.")
    parser.add_argument("recipe", type=Path, help="whose photographs; sources of weight 0 stay behind")
    parser.add_argument("out", type=Path, help="folder of parts and their index; git-ignored runs/carried")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="change a value of the recipe")
    parser.add_argument("--side", type=int, default=208, help="shorter side of larger pictures, in pixels")
    parser.add_argument("--quality", type=int, default=62, help="of WebP")
    parser.add_argument("--megabytes", type=float, default=45, help="largest part")
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S")
    cv2.setNumThreads(1)
    try:
        recipe = recipe_file.load(options.recipe, options.set)
        pack(ROOT, recipe.data, options.out, options.side, options.quality, options.megabytes)
    except ArchiveColorError as e:
        log.error("%s", e)
        return e.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
