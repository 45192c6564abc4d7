"""One true frame for each shot: ``python -m tests.bench.colored_frames FILM... [--frames 48] [--per-shot 1]``.

Films in color are grayed and colored as ``archivecolor video`` does it, once by itself and once with the true frame in
the middle of each shot (or several) as ``--references``. *Error* is the mean CIEDE2000 of all other frames, *warp* the
mean squared a*, b* difference to the frame before, along the motion; the truth's, which no coloring as colorful stays
far below, stands beside them. ``--everywhere`` gives a frame to the first shot alone and tells the others' error.
"""

from __future__ import annotations

import argparse
import logging
from itertools import islice, pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, NamedTuple

import numpy as np
from PIL import Image

from archivecolor import metrics
from archivecolor.chroma.film import FilmColorizer
from archivecolor.chroma.planes import ChromaGrid, chroma_beside
from archivecolor.color import FloatArray, rgb_to_lab
from archivecolor.evaluation.clip_sources import Clip, open_clip, rgb_of
from archivecolor.film.shot_list import ListedShot
from archivecolor.frames import network_size
from archivecolor.inference import select
from archivecolor.inference.engine import Engine
from archivecolor.settings import DEFAULT_GENERATOR, ColorSettings, EngineSettings

log = logging.getLogger("tests.bench.colored_frames")

_TOP: Final = (1 << 16) - 1
_ROW: Final = "%-18s error %5.2f -> %5.2f (%+.0f %%), its own frames %.2f; warp %.3f -> %.3f, of the truth %.3f"


class Figures(NamedTuple):
    """Of one film: by itself and with its frames."""

    error: float
    error_with: float
    own: float
    warp: float
    warp_with: float
    warp_truth: float


class Film:
    """The first frames of a clip, their truth, and the motion between them."""

    def __init__(self, clip: Clip, count: int, engine: Engine) -> None:
        form = clip.form
        self.form, self.pictures = form, list(islice(clip.pictures(), count))
        across, down = form.sample_aspect.as_integer_ratio() if form.sample_aspect else (1, 1)
        shown = form.height * down, form.width * across
        self.size = network_size(*shown, engine.folder.short_px, engine.folder.multiple)
        self.truth = list(islice(clip.truth(self.size), count))
        self.starts = sorted(start for start in clip.starts if start < len(self.truth))
        self.shots = list(pairwise([*self.starts, len(self.truth)]))
        self.grid = ChromaGrid(16, full_range=True, shift=(0, 0), weights=form.weights)
        share = np.array((form.weights[0], 1 - sum(form.weights), form.weights[1]), np.float32)
        self.lumas = [np.asarray(rgb @ share, np.float32) for rgb in self.truth]
        codes = [np.rint(luma * 255).astype(np.uint8) for luma in self.lumas]
        self.motions = {
            i: metrics.seen_motion(codes[i - 1], codes[i]) for i in range(1, len(codes)) if i not in self.starts
        }

    def colored(self, engine: Engine, frames: dict[int, Path], *, everywhere: bool) -> list[FloatArray]:
        """L*a*b* of each frame."""
        folders = {path.parent for path in frames.values()} if everywhere else set()
        color = ColorSettings(references=(*folders,), frames=next(iter(folders), None))
        by_shot = {a: tuple(path for i, path in frames.items() if a <= i < b) for a, b in self.shots}
        shots = [ListedShot(a, b - a) for a, b in self.shots]
        colorizer = FilmColorizer(engine, color, shots=shots, colored={a: p for a, p in by_shot.items() if p})
        for a, b in self.shots:
            here = {i: path for i, path in frames.items() if a <= i < b}
            if here:
                colorizer.paint_shot(self.pictures[a:b], self.form, {}, here)
        made = (ab for _, ab in colorizer.chroma(self.pictures, self.form, self.starts))
        return [rgb_to_lab(self._laid(luma, ab)) for luma, ab in zip(self.lumas, made, strict=True)]

    def _laid(self, luma: FloatArray, ab: FloatArray) -> FloatArray:
        planes = chroma_beside(np.rint(luma * _TOP).astype(np.uint16), ab, self.grid, interlaced=False)
        cb, cr = (np.asarray(plane / _TOP - 0.5, np.float32) for plane in planes)
        return rgb_of(luma, cb, cr, self.grid.weights)

    def errors(self, labs: list[FloatArray]) -> list[float]:
        """Mean CIEDE2000 of each frame, at every second pixel."""
        return [
            float(metrics.ciede2000(lab[::2, ::2], rgb_to_lab(rgb)[::2, ::2]).mean())
            for lab, rgb in zip(labs, self.truth, strict=True)
        ]

    def warp(self, labs: list[FloatArray]) -> float:
        """Mean warp error."""
        found = [metrics.warp_error(labs[i - 1][..., 1:], labs[i][..., 1:], m) for i, m in self.motions.items()]
        return float(np.mean(found))


def measured(film: Film, engine: Engine, per_shot: int, folder: Path, *, everywhere: bool) -> Figures:
    given: dict[int, Path] = {}
    for a, b in film.shots[: 1 if everywhere else None]:
        for k in range(per_shot):
            i = a + (b - a) * (2 * k + 1) // (2 * per_shot)
            given[i] = folder / f"{i}.png"
            Image.fromarray(np.rint(film.truth[i] * 255).astype(np.uint8)).resize(film.form.shown[::-1]).save(given[i])
    first = film.shots[0][1] if everywhere else 0
    alone, told = (film.colored(engine, frames, everywhere=everywhere) for frames in ({}, given))
    errors = [film.errors(labs) for labs in (alone, told)]
    others = [float(np.mean([e for i, e in enumerate(way) if i not in given and i >= first])) for way in errors]
    own = float(np.mean([errors[1][i] for i in given]))
    truth = film.warp([rgb_to_lab(rgb) for rgb in film.truth])
    return Figures(others[0], others[1], own, film.warp(alone), film.warp(told), truth)


def tell(name: str, figures: Figures) -> None:
    change = 100 * (figures.error_with / figures.error - 1)
    log.info(_ROW, name, *figures[:2], change, *figures[2:])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("film", type=Path, nargs="+", help="in color")
    parser.add_argument("--frames", type=int, default=48, help="the first so many of each")
    parser.add_argument("--per-shot", type=int, default=1)
    parser.add_argument("--everywhere", action="store_true")
    parser.add_argument("--generator", default=DEFAULT_GENERATOR)
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    found = []
    with select.open_engine(EngineSettings(threads=1), options.generator) as engine:
        for path in options.film:
            film = Film(open_clip(path), options.frames, engine)
            if options.everywhere and len(film.shots) < 2:
                continue
            with TemporaryDirectory() as folder:
                how = measured(film, engine, options.per_shot, Path(folder), everywhere=options.everywhere)
            tell(path.name, how)
            found.append(how)
    tell("mean", Figures(*np.mean(found, axis=0)))


if __name__ == "__main__":
    main()
