"""Photographs in color that pictures are compared with: opened, looked at once, and remembered.

Of each reference its mean features are kept (2 KB), in memory and, for those of a folder, in the user's cache; a
picture is compared with the few whose means are nearest to its own, place by place (`alike.advice_of`). Places of at
most `_HELD` references are in memory, 0.4 MB each, however many there are.
"""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from PIL import Image

from archivecolor.chroma.control.alike import Advice, Places, advice_of, lightness_of, told_by
from archivecolor.chroma.control.paint import Strokes
from archivecolor.chroma.control.reference_files import KnownMeans, is_folder, photographs_in
from archivecolor.chroma.network_input import network_y
from archivecolor.color import FloatArray, rgb_to_lab
from archivecolor.errors import InputError, Stopped
from archivecolor.inference.catalog import WEIGHTS
from archivecolor.inference.engine import Engine, Estimate, check_features
from archivecolor.settings import ColorSettings
from archivecolor.stills import open_still, probe
from archivecolor.stills.profiles import in_srgb
from archivecolor.toning import Tone, tone_of

log = logging.getLogger(__name__)

_COMPARED: Final = 4
"""References that a picture is compared with, place by place."""
_HELD: Final = 64
_SMALLEST_PX, _LARGEST_MEGAPIXELS = 32, 200
_ANY: Final = 1 << 40
_NAMED: Final = 3
"""References of a folder that cannot be used and are named one by one."""

NOT_ALIKE: Final = "no reference is like it: colored without"
"""What is said of a picture, or of a film."""


class References:
    """The references of a run, for one engine. Safe to use from several threads, as long as the engine is."""

    def __init__(
        self,
        engine: Engine,
        paths: Sequence[Path],
        network_px: int | None = None,
        stopped: Callable[[], bool] = bool,
        beside: References | None = None,
        *,
        toned: bool = False,
    ) -> None:
        """Look at ``paths``, photographs or folders of them; those of ``beside`` are compared with, too.

        One of a single tone is no reference unless ``toned`` says so.

        Raises `EngineError` when the generator cannot compare, `InputError` for a photograph that is no reference, or a
        folder without any, and `Stopped` once ``stopped()`` says so. In a folder, what is no reference is warned of.
        """
        check_features(engine.folder)
        self._engine = engine
        self._toned = toned
        self._network_px = network_px or engine.folder.short_px
        self._held: OrderedDict[Path, Places] = OrderedDict()
        self._lock = threading.Lock()
        self.heard: set[str] = set()
        """Names of the references that were like a picture so far."""
        self.asked = self.alike = 0
        """Pictures that they were compared with, and those of them that one was like."""
        means: dict[Path, FloatArray] = {}
        for path in paths:
            if is_folder(path):
                means |= self._of_folder(path, stopped)
            else:
                means[path] = _mean(self._hold(path, self._look(path)))
        if beside:
            means = dict(zip(beside._paths, beside._means, strict=True)) | means
        self._paths: list[Path] = list(means)
        self._means: FloatArray = np.stack(list(means.values()))

    def advice(self, inputs: Sequence[FloatArray], found: Estimate) -> list[Advice | None]:
        """What they say of pictures: ``[h, w]`` of what the network sees of each, and what the engine said of them.

        None where none of them is like it.
        """
        if found.features is None:
            return [None] * len(inputs)
        return [self._of(seen, features) for seen, features in zip(inputs, found.features, strict=True)]

    def _of(self, seen: FloatArray, features: FloatArray) -> Advice | None:
        mean = features.reshape(len(features), -1).mean(axis=1)
        nearest = np.argsort(-(self._means @ mean), kind="stable")[:_COMPARED]
        places = [x for x in (self._places(self._paths[i]) for i in sorted(nearest)) if x]
        found = advice_of(places, seen, features)
        with self._lock:
            self.asked += 1
            self.alike += found is not None
            self.heard.update(found.names if found else ())
        return found

    def _places(self, path: Path) -> Places | None:
        with self._lock:
            if path in self._held:
                self._held.move_to_end(path)
                return self._held[path]
        try:
            return self._hold(path, self._look(path))
        except InputError as e:  # it was one when the run began
            log.warning("%s", e)
            return None

    def _hold(self, path: Path, places: Places) -> Places:
        with self._lock:
            self._held[path] = places
            if len(self._held) > _HELD:
                self._held.popitem(last=False)
        return places

    def _look(self, path: Path) -> Places:
        """What a reference shows. Raises `InputError` where it cannot be read, is not in color, tiny or huge."""
        info = probe(path, max_megapixels=_ANY)
        if info.width * info.height > _LARGEST_MEGAPIXELS * 1e6:
            megapixels = info.width * info.height // 1_000_000
            raise InputError(f"{path}: has {megapixels} megapixels", hint="as a reference, a copy of one will do")
        if min(info.width, info.height) < _SMALLEST_PX:
            raise InputError(
                f"{path}: is {info.width} x {info.height}, too small to compare with",
                hint=f"a reference has at least {_SMALLEST_PX} pixels on its short side",
            )
        still = open_still(path, max_megapixels=_ANY)
        tone = Tone.GRAY if still.thumbnail is None else tone_of(still.thumbnail)
        if tone is Tone.GRAY or still.thumbnail is None or (tone.is_monochrome and not self._toned):
            raise InputError(f"{path}: is not in color", hint="a reference is a photograph in color")
        seen = network_y(still.luma, still.orientation, self._network_px, self._engine.folder.multiple)
        features = self._engine.estimate(seen[None, None], features=True).features
        if features is None:
            raise TypeError(f"'{self._engine.description}' tells no features, though its generator does")
        _, channels, height, width = features.shape
        try:
            shown = np.asarray(in_srgb(Image.fromarray(still.thumbnail), still.metadata.icc))
        except ValueError as e:
            raise InputError(f"{path}: {e}", hint="save it as sRGB") from e
        rgb = np.ascontiguousarray(still.orientation.to_upright(shown))
        small = cv2.resize(rgb, (width, height), interpolation=cv2.INTER_AREA)
        ab = rgb_to_lab(np.asarray(small, np.float32) / np.float32(255))[..., 1:]
        flat = features.reshape(channels, -1).T.astype(np.float16)
        return Places(path.name, np.ascontiguousarray(flat), ab.reshape(-1, 2), lightness_of(seen).reshape(-1))

    def _of_folder(self, folder: Path, stopped: Callable[[], bool]) -> dict[Path, FloatArray]:
        """The means of a folder's references: those that are known from an earlier run, and the others looked at."""
        generator = self._engine.folder.digests.get(WEIGHTS)
        known = KnownMeans.of(folder, f"{generator} {self._network_px}{' toned' * self._toned}")
        files = photographs_in(folder)
        refused: list[InputError] = []
        for number, file in enumerate(files):
            if stopped():
                raise Stopped
            if file.version not in known.means:
                known.note(file.version, self._mean_of(file.path, refused))
                if known.save_now:
                    log.info("%s: looked at %d of %d references", folder, number + 1, len(files))
        known.keep({file.version for file in files})
        found = {file.path: known.means[file.version] for file in files if known.means[file.version].size}
        for error in refused[:_NAMED]:
            log.warning("%s", error)
        if len(found) < len(files):
            log.warning("%s: %d of %d photographs are no references", folder, len(files) - len(found), len(files))
        if not found:
            raise InputError(f"{folder}: holds no photograph in color", hint="--references takes a folder of them")
        return found

    def _mean_of(self, path: Path, refused: list[InputError]) -> FloatArray:
        """The mean of a reference; of what is none, an empty one, so that it is not looked at again."""
        try:
            return _mean(self._look(path))
        except InputError as e:
            refused.append(e)
            return np.zeros(0, np.float32)


def references_of(settings: ColorSettings, engine: Engine, stop: threading.Event | None = None) -> References | None:
    """The references that ``settings`` name, if any. Raises what `References` does."""
    if not settings.references:
        return None
    stopped, toned = stop.is_set if stop else bool, settings.frames in settings.references
    return References(engine, settings.references, settings.network_px, stopped, toned=toned)


def estimate_with(
    references: References | None,
    engine: Engine,
    inputs: Sequence[FloatArray],
    strokes: Sequence[Strokes | None] | None = None,
) -> tuple[Estimate, list[Advice | None]]:
    """What ``engine`` says of ``[h, w]`` inputs of one size, and what ``references`` do.

    A generator that takes hints is told what these and ``strokes`` say of each; with others that is left to the caller.
    """
    strokes = strokes or [None] * len(inputs)
    luma = np.stack(inputs)[:, None]
    found, advice = None, list[Advice | None]([None] * len(inputs))
    if references:
        found = engine.estimate(luma, features=True)
        advice = references.advice(inputs, found)
    if engine.folder.hints and (any(strokes) or any(advice)):
        stride = engine.folder.chroma_stride
        size = (luma.shape[2] // stride, luma.shape[3] // stride)
        said = zip(advice, strokes, inputs, strict=True)
        found = engine.estimate(luma, np.stack([told_by(a, s, seen, size) for a, s, seen in said]))
    return found or engine.estimate(luma), advice


def _mean(places: Places) -> FloatArray:
    mean = places.features.astype(np.float32).mean(axis=0)
    return np.asarray(mean / max(float(np.linalg.norm(mean)), 1e-6), np.float32)
