"""``python -m tests.stills.fuzz [FILES] [SEED]``: color damaged files of every format and see that nothing gives way.

Each file is damaged in its own way and colored in a process of its own. Whatever the damage: no crash, no exception
but our own, no more than 10 s of processor time, no more than 3 GB, and no output for what could not be read. The suite
runs a few dozen, 2,000 are a campaign. Exit code 1 if anything was found; the files are kept.
"""

from __future__ import annotations

import io
import os
import random
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path

os.environ["OMP_NUM_THREADS"] = "1"

import cv2
import numpy as np
import tifffile
from PIL import Image

from archivecolor.chroma.still import Colorizer
from archivecolor.errors import ArchiveColorError
from archivecolor.stills import probe
from tests.fakes.engines import FakeEngine, by_luma
from tests.stills.full import full_jpeg, full_png, full_tiff, full_webp
from tests.stills.sources import GRAY8, GRAY16, JPEG, LOSSLESS, SEPIA8, SEPIA16
from tests.watching import FOUND, watched

_EXTREMES = (0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 0x10000, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)
_FINE, _REFUSED = 0, 3
_VERDICTS = {_FINE: "fine", _REFUSED: "refused"}


def sound_files(folder: Path) -> list[bytes]:
    """Good files of every format, kind and family of metadata."""
    files = [source.at(folder).read_bytes() for source in (*LOSSLESS.values(), *JPEG.values())]
    full = (full_jpeg, full_png, full_tiff, full_webp)
    for make, suffix in zip(full, (".jpg", ".png", ".tif", ".webp"), strict=True):
        files += [make(folder / f"full{suffix}").read_bytes()] * 4
    with tifffile.TiffWriter(folder / "album.tif") as tif:
        for pixels in (GRAY16, SEPIA8, GRAY8):
            tif.write(pixels, compression="zlib", photometric="rgb" if pixels.ndim == 3 else "minisblack")
    tifffile.imwrite(folder / "float.tif", GRAY16 / np.float32(65535), photometric="minisblack")
    Image.fromarray(SEPIA8).convert("CMYK").save(folder / "cmyk.jpg")
    Image.fromarray(SEPIA8).save(folder / "lossy.webp", quality=80)
    Image.fromarray(GRAY8).save(folder / "a.pgm")
    cv2.imwrite(str(folder / "deep.ppm"), SEPIA16)
    cv2.imwrite(str(folder / "a.jp2"), SEPIA8)
    cv2.imwrite(str(folder / "deep.jp2"), SEPIA16)
    names = ["album.tif", "float.tif", "cmyk.jpg", "lossy.webp", "a.pgm", "deep.ppm", "a.jp2", "deep.jp2"]
    heic = _heic()
    return files + [(folder / name).read_bytes() for name in names for _ in range(3)] + [heic] * (5 if heic else 0)


def _heic() -> bytes:
    try:
        import pillow_heif
    except ImportError:
        return b""
    out = io.BytesIO()
    pillow_heif.from_pillow(Image.fromarray(SEPIA8)).save(out, quality=80)
    return out.getvalue()


def damaged(data: bytes, others: list[bytes], rng: random.Random) -> bytes:
    """One file, damaged once or several times."""
    spoiled = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 5))):
        if len(spoiled) > 4:
            rng.choice(_WAYS)(spoiled, others, rng)
    return bytes(spoiled)


def _place(data: bytearray, rng: random.Random) -> int:
    """Anywhere, but rather near the start, where the headers are."""
    return rng.randrange(min(len(data), rng.choice((64, 400, len(data)))))


def _flip(data: bytearray, _: list[bytes], rng: random.Random) -> None:
    for _i in range(rng.choice((1, 4, 30))):
        data[_place(data, rng)] ^= 1 << rng.randrange(8)


def _number(data: bytearray, _: list[bytes], rng: random.Random) -> None:
    at, size = _place(data, rng), rng.choice((1, 2, 4))
    value = rng.choice(_EXTREMES) & (1 << 8 * size) - 1
    data[at : at + size] = value.to_bytes(size, rng.choice(("big", "little")))


def _cut(data: bytearray, _: list[bytes], rng: random.Random) -> None:
    del data[rng.randrange(len(data)) :]


def _drop(data: bytearray, _: list[bytes], rng: random.Random) -> None:
    at = _place(data, rng)
    del data[at : at + rng.choice((1, 8, 200))]


def _double(data: bytearray, _: list[bytes], rng: random.Random) -> None:
    at = _place(data, rng)
    data[at:at] = data[at : at + rng.choice((4, 64, 1000))]


def _blank(data: bytearray, _: list[bytes], rng: random.Random) -> None:
    at, size = _place(data, rng), rng.choice((4, 100, 2000))
    data[at : at + size] = bytes([rng.choice((0, 0xFF))]) * size


def _graft(data: bytearray, others: list[bytes], rng: random.Random) -> None:
    other = rng.choice(others)
    at, start = _place(data, rng), rng.randrange(len(other))
    data[at : at + 300] = other[start : start + 300]


_WAYS: tuple[Callable[[bytearray, list[bytes], random.Random], None], ...] = (
    _flip,
    _number,
    _number,
    _cut,
    _drop,
    _double,
    _blank,
    _graft,
)


def color(path: Path, target: Path) -> int:
    """In a process of its own: the exit code."""
    try:
        with Colorizer(FakeEngine(by_luma)) as colorizer:
            colorizer.color_file(path, target)
        probe(target)
    except ArchiveColorError:
        return FOUND if target.exists() else _REFUSED
    return _FINE


def trial(path: Path, target: Path) -> str:
    """What became of one file: fine, refused, or what gave way."""
    return watched(partial(color, path, target), _VERDICTS)


def main(files: int = 2000, seed: int = 1) -> int:
    """Run the campaign; returns the exit code."""
    cv2.setNumThreads(0)
    folder = Path(tempfile.mkdtemp(prefix="archivecolor-fuzz-"))
    rng = random.Random(seed)
    sound = sound_files(folder)
    counts: Counter[str] = Counter()
    for number in range(files):
        path, target = folder / f"{number:05d}.bin", folder / "out" / f"{number:05d}"
        path.write_bytes(damaged(sound[number % len(sound)], sound, rng))
        verdict = trial(path, target)
        counts[verdict] += 1
        if verdict in _VERDICTS.values():
            path.unlink()
        else:
            print(f"{path}: {verdict}", flush=True)  # noqa: T201
        shutil.rmtree(target.parent, ignore_errors=True)
    print(dict(counts))  # noqa: T201
    found = counts.total() - counts["fine"] - counts["refused"]
    if not found:
        shutil.rmtree(folder)
    return int(found > 0)


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:3])))
