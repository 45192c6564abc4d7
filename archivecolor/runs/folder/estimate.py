"""What a planned run is likely to take, in time and in space, from the headers of some of its files.

The costs are those of a core of a 2026 server CPU without a GPU (`python -m tests.bench`): a guess to
plan a night by, not a promise.
"""

from __future__ import annotations

import random
import shutil
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from archivecolor.errors import ArchiveColorError, InputError
from archivecolor.jobs.digests import look_at
from archivecolor.jobs.file_sets import members
from archivecolor.jobs.records import Kind
from archivecolor.jobs.tasks import Task
from archivecolor.resources import usable_cores
from archivecolor.settings import EncodeSettings, FilmCodec, StillFormat
from archivecolor.stills import probe

_LOOKED_AT: Final = 200
"""Files of a kind whose headers are read."""
_NETWORK_S, _S_A_MEGAPIXEL = 0.05, 0.06
_S_A_FILM, _S_A_FRAME, _S_A_MEGAPIXEL_OF_FILM = 1.0, 0.04, 0.055
_S_A_MEGAPIXEL_MORE: Final = {FilmCodec.H265: 0.24, FilmCodec.AV1: 0.1, FilmCodec.VP9: 0.3, FilmCodec.FFV1: 0.05}
"""Of codecs whose encoders take longer than x264."""
_THOROUGH: Final = 3.5
_JPEG_GROWS, _LOSSLESS_GROWS, _FILM_GROWS = 1.3, 2.6, 1.2
_JPEG_BYTES, _LOSSLESS_BYTES = 0.5e6, 1.8e6
"""Of a megapixel."""
_BITS_A_PIXEL: Final = {FilmCodec.PRORES: 3.0, FilmCodec.FFV1: 5.0}


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a run is likely to take."""

    seconds: float
    bytes: int
    """Of the results."""
    free_bytes: int | None
    """Where they will lie; None where that is not known."""


@dataclass(slots=True)
class Estimator:
    """Looks at planned items, and at some of them closely. Its memory does not grow with their number."""

    format: StillFormat | None
    encode: EncodeSettings
    thorough: bool = False
    _sources_bytes: dict[Kind, int] = field(default_factory=lambda: dict.fromkeys(Kind, 0))
    _counts: dict[Kind, int] = field(default_factory=lambda: dict.fromkeys(Kind, 0))
    _samples: dict[Kind, list[tuple[Path, int]]] = field(default_factory=lambda: {kind: [] for kind in Kind})
    _dice: random.Random = field(default_factory=lambda: random.Random(1))  # noqa: S311 - a sample, no secret

    def add(self, task: Task) -> None:
        """One more item of the plan."""
        with suppress(InputError):
            size = look_at(task.source).size_bytes
            samples = self._samples[task.kind]
            self._sources_bytes[task.kind] += size
            self._counts[task.kind] += 1
            at = self._dice.randrange(self._counts[task.kind])  # each is as likely to be among them
            if len(samples) < _LOOKED_AT:
                samples.append((task.source, size))
            elif at < _LOOKED_AT:
                samples[at] = (task.source, size)

    def estimate(self, out: Path, *, jobs: int = 0) -> Estimate:
        """All together, for a folder of results that need not be there yet."""
        seconds = spent = 0.0
        for kind, cost in ((Kind.STILL, self._still), (Kind.FILM, self._film)):
            sampled = sum(size for _, size in self._samples[kind])
            costs = [cost(path, size) for path, size in self._samples[kind]]
            share = self._sources_bytes[kind] / sampled if sampled else 0.0
            seconds += share * sum(s for s, _ in costs) / (usable_cores() if kind is Kind.FILM or not jobs else jobs)
            spent += share * sum(b for _, b in costs)
        folder = next((p for p in (out, *out.absolute().parents) if p.is_dir()), None)
        free = None
        with suppress(OSError):
            free = shutil.disk_usage(folder).free if folder else None
        return Estimate(seconds * (_THOROUGH if self.thorough else 1.0), int(spent), free)

    def _still(self, path: Path, size: int) -> tuple[float, float]:
        """Seconds of a core, and bytes of the result."""
        try:
            info = probe(path)
        except ArchiveColorError:
            return 0.0, 0.0
        megapixels = info.pages * info.width * info.height / 1e6
        was, now = (kind is StillFormat.JPEG for kind in (info.format, self.format or info.format))
        grows = size * (_JPEG_GROWS if now else _LOSSLESS_GROWS)
        held = grows if was is now else megapixels * (_JPEG_BYTES if now else _LOSSLESS_BYTES)
        return info.pages * _NETWORK_S + megapixels * _S_A_MEGAPIXEL, held

    def _film(self, path: Path, size: int) -> tuple[float, float]:
        import av

        from archivecolor.film.codecs import default_codec
        from archivecolor.film.reading import opened, picture_stream, usual_rate
        from archivecolor.sequences.frames import read_frame

        if found := members(path):
            first = read_frame(path.with_name(next(iter(found.values())))).form
            megapixels = len(found) * first.width * first.height / 1e6
            return _S_A_FILM + len(found) * _S_A_FRAME + megapixels * _S_A_MEGAPIXEL_OF_FILM, size * _LOSSLESS_GROWS
        try:
            with opened(path) as container:
                stream = picture_stream(container, path)
                length = float(container.duration or 0) / av.time_base
                frames = length * float(usual_rate(stream))
                megapixels = frames * stream.width * stream.height / 1e6
        except (ArchiveColorError, OSError, ValueError):
            return 0.0, 0.0
        codec = default_codec(self.encode)
        bits = _BITS_A_PIXEL.get(codec)
        held = megapixels * 1e6 * bits / 8 if bits else size * _FILM_GROWS
        a_megapixel = _S_A_MEGAPIXEL_OF_FILM + _S_A_MEGAPIXEL_MORE.get(codec, 0.0)
        return _S_A_FILM + frames * _S_A_FRAME + megapixels * a_megapixel, held
