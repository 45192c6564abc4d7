"""What references do to color: ``python -m tests.bench.references [FOLDER ...] [--every 15] [--generator NAME]``.

Each row is a kind of reference: the picture itself, cut, mirrored, or brighter; its left half for its right one;
another photograph of the folder, which has nothing to say; and, of each film given, a frame for another one a third of
it away. Errors are distances in a*b* at the chroma's size. *Heard*: the share of pictures that took something;
*changed*: by how much, mean over all pictures.

The last rows are the samples' twelve things of `tests.bench.strokes`: the reference is the picture in gray but for the
thing, which has a color. *Takes* is the share of the thing that goes at least half of the way there; *colored* the mean
chroma of everything else, which the reference shows in gray, and by itself.
"""

from __future__ import annotations

import argparse
import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps

from archivecolor.chroma.still import Colorizer
from archivecolor.color import FloatArray, luma_of, rgb_to_lab
from archivecolor.evaluation.sources import pictures
from archivecolor.inference import select
from archivecolor.inference.engine import Engine
from archivecolor.settings import DEFAULT_GENERATOR, ColorSettings, EngineSettings
from archivecolor.toning import thumbnail, tone_of
from tests.bench.strokes import ROOT, THINGS, Thing, filled

log = logging.getLogger("tests.bench.references")

Picture = npt.NDArray[np.uint8]
_FILMS: Final = (".mp4", ".mkv")
_NEIGHBOR: Final = 7
_THING: Final = "%-12s takes %3.0f %%, rest colored %.1f, by itself %.1f"


def cut(rgb: Picture) -> Picture:
    height, width = rgb.shape[:2]
    return rgb[height // 6 : height - height // 8, width // 8 : width - width // 6]


def brighter(rgb: Picture) -> Picture:
    return np.asarray(np.rint(255 * (rgb / 255) ** 0.6), np.uint8)


KINDS: Final[dict[str, Callable[[Picture], Picture]]] = {
    "itself": lambda rgb: rgb,
    "cut": cut,
    "mirrored": lambda rgb: rgb[:, ::-1],
    "brighter": brighter,
}


def pairs(rgbs: list[Picture], films: list[Path]) -> Iterator[tuple[str, Picture, Picture]]:
    """Kind, reference and picture."""
    for kind, made in KINDS.items():
        yield from ((kind, made(rgb), rgb) for rgb in rgbs)
    for rgb in rgbs:
        yield "half", rgb[:, : rgb.shape[1] // 2], rgb[:, rgb.shape[1] // 2 :]
    for i, rgb in enumerate(rgbs):
        yield "another", rgbs[(i + _NEIGHBOR) % len(rgbs)], rgb
    for film in films:
        frames = list(frames_of(film))
        for i in range(3):
            yield film.stem, frames[i * len(frames) // 3], frames[((i + 1) * len(frames) // 3) % len(frames)]


def frames_of(film: Path) -> Iterator[Picture]:
    opened = cv2.VideoCapture(str(film))
    while True:
        there, bgr = opened.read()
        if not there:
            return
        yield np.asarray(bgr[..., ::-1], np.uint8)


def colored(engine: Engine, luma: Picture, reference: Picture | None, folder: Path) -> tuple[FloatArray, bool]:
    """Chroma at the chroma's size, and whether the reference was heard."""
    paths: tuple[Path, ...] = ()
    if reference is not None:
        path = folder / "reference.png"
        Image.fromarray(np.ascontiguousarray(reference)).save(path)
        paths = (path,)
    colorizer = Colorizer(engine, ColorSettings(references=paths))
    seen = colorizer.network_y(luma)
    made = colorizer.painted(colorizer.estimate([seen])[0], seen, None)
    stride = engine.folder.chroma_stride
    size = (seen.shape[1] // stride, seen.shape[0] // stride)
    return np.asarray(cv2.resize(made.ab, size, interpolation=cv2.INTER_AREA), np.float32), made.advice is not None


def truth_of(rgb: Picture, shape: tuple[int, ...]) -> FloatArray:
    small = cv2.resize(rgb.astype(np.float32) / np.float32(255), shape[1::-1], interpolation=cv2.INTER_AREA)
    return rgb_to_lab(np.asarray(small, np.float32))[..., 1:]


def distance(one: FloatArray, other: FloatArray) -> float:
    return float(np.linalg.norm(one - other, axis=-1).mean())


def tell_pairs(engine: Engine, rgbs: list[Picture], films: list[Path], folder: Path) -> None:
    rows: dict[str, list[tuple[float, ...]]] = {}
    for kind, reference, rgb in pairs(rgbs, films):
        luma = np.asarray(luma_of(np.ascontiguousarray(rgb)), np.uint8)
        if tone_of(thumbnail(np.ascontiguousarray(reference))).is_monochrome:
            continue
        plain, _ = colored(engine, luma, None, folder)
        made, heard = colored(engine, luma, reference, folder)
        truth = truth_of(np.ascontiguousarray(rgb), plain.shape)
        before, after = distance(plain, truth), distance(made, truth)
        rows.setdefault(kind, []).append((before, after, after > before + 0.3, heard, distance(plain, made)))
    for kind, found in rows.items():
        before, after, worse, heard, change = np.mean(found, axis=0)
        log.info(
            "%-12s error %5.2f -> %5.2f (%+.0f %%), worse in %.0f %%, heard in %.0f %%, changed by %.2f; %d pictures",
            *(kind, before, after, 100 * (after / before - 1), 100 * worse, 100 * heard, change, len(found)),
        )


def tell_thing(engine: Engine, thing: Thing, folder: Path) -> tuple[float, float, float] | None:
    with Image.open(ROOT / "samples" / "stills" / thing.picture) as image:
        luma = np.asarray(ImageOps.exif_transpose(image).convert("L"))
    inside = filled((thing.outline,), luma.shape) & ~filled(thing.apart, luma.shape)
    tint = np.array(thing.rgb, np.float32) / max(1, float(luma_of(np.array([thing.rgb], np.uint8))[0]))
    rgb = np.repeat(luma[..., None], 3, axis=2)
    rgb[inside] = np.clip(rgb[inside] * tint, 0, 255)
    if tone_of(thumbnail(rgb)).is_monochrome:  # as a large thing of one color in a gray picture is
        return None
    plain, _ = colored(engine, luma, None, folder)
    made, _ = colored(engine, luma, rgb, folder)
    small = [
        cv2.resize(x.astype(np.uint8), plain.shape[1::-1], interpolation=cv2.INTER_AREA) > 0 for x in (inside, ~inside)
    ]
    truth = truth_of(rgb, plain.shape)
    way = truth - plain
    share = ((made - plain) * way).sum(axis=-1) / np.maximum((way**2).sum(axis=-1), 1)
    thing_alone, rest = small[0] & ~small[1], small[1] & ~small[0]
    chroma = [float(np.linalg.norm(x[rest], axis=-1).mean()) for x in (made, plain)]
    return float((share[thing_alone] >= 0.5).mean()), chroma[0], chroma[1]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, nargs="*", help="of color photographs and films")
    parser.add_argument("--every", type=int, default=15, help="take every so many photographs")
    parser.add_argument("--generator", default=DEFAULT_GENERATOR)
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    rgbs: list[Picture] = []
    films: list[Path] = []
    for folder in options.folder:
        films += sorted(path for path in folder.iterdir() if path.suffix in _FILMS and not path.name.startswith("old"))
        for path in pictures(folder)[:: options.every]:
            with Image.open(path) as image:
                rgbs.append(np.asarray(image.convert("RGB")))
    with select.open_engine(EngineSettings(threads=1), options.generator) as engine, TemporaryDirectory() as made:
        tell_pairs(engine, rgbs, films, Path(made))
        takes = []
        for thing in THINGS:
            found = tell_thing(engine, thing, Path(made))
            if found:
                takes.append(found)
                log.info(_THING, thing.name, 100 * found[0], *found[1:])
        mean = np.mean(takes, axis=0)
        log.info(_THING, "things", 100 * mean[0], *mean[1:])


if __name__ == "__main__":
    main()
