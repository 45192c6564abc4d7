"""The settings of whole runs, as immutable values that refuse what is impossible when they are made."""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path
from typing import Final, TypeVar

from archivecolor.errors import UsageError
from archivecolor.inference import catalog
from archivecolor.jobs.discover import compile_patterns
from archivecolor.jobs.shards import Shard
from archivecolor.settings import (
    DEFAULT_GENERATOR,
    AlreadyColor,
    ColorSettings,
    EncodeSettings,
    EngineSettings,
    Kinds,
    OutputSettings,
    SmoothingSettings,
    settle,
)

_FASTEST_FPS: Final = 1000
_SUMMARY_SUFFIXES: Final = (".json", ".csv")


def check_jobs(jobs: int) -> None:
    """Refuse a number of threads or segments that is none. Raises `UsageError`."""
    if jobs < 0:
        raise UsageError(f"jobs is {jobs}", hint="give a number from 0")


def check_megapixels(most: int | None) -> None:
    """Refuse a limit that no picture keeps to. Raises `UsageError`."""
    if most is not None and most < 1:
        raise UsageError(f"the largest picture has {most} megapixels", hint="give a number from 1")


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterSettings:
    """Which Ray cluster colors, and with what workers."""

    address: str = "auto"
    """HOST:PORT of its head; ``auto`` is what RAY_ADDRESS says, or the cluster that this machine belongs to."""
    workers: int | None = None
    """None takes as many as fit on its machines, also on those that join later."""
    cores: int | None = None
    """Of each worker. None is 4, or all that the smallest machine has."""
    gpus: float = 0.0
    """Of each worker."""
    timeout_s: float | None = None
    """After which a worker that finished no picture, and no frame, is taken for hung. None is 10 minutes, for films an
    hour."""

    def __post_init__(self) -> None:
        if self.workers is not None and self.workers < 1:
            raise UsageError(f"there are {self.workers} workers", hint="give a number from 1")
        if self.cores is not None and self.cores < 1:
            raise UsageError(f"a worker has {self.cores} cores", hint="give a number from 1")
        if not 0 <= self.gpus < float("inf") or (self.gpus > 1 and self.gpus % 1):
            raise UsageError(f"a worker has {self.gpus:g} GPUs", hint="give a part of one, or a whole number")
        if self.timeout_s is not None and not 0 < self.timeout_s < float("inf"):
            raise UsageError(f"the time-out is {self.timeout_s:g} s", hint="give a number of seconds above 0")
        if "://" in self.address:
            raise UsageError(
                f"'{self.address}' is an address for Ray Client, which this does without",
                hint="give HOST:PORT, on a machine of the cluster",
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class FilmSettings:
    """How a film is colored."""

    generator: str = DEFAULT_GENERATOR
    """The name of a trained generator, or the folder of one."""
    engine: EngineSettings = field(default_factory=EngineSettings)
    color: ColorSettings = field(default_factory=ColorSettings)
    already_color: AlreadyColor = AlreadyColor.SKIP
    """What to do with what is in color already. `color_film` refuses with an `OutputError` rather than skip."""
    smoothing: SmoothingSettings = field(default_factory=SmoothingSettings)
    encode: EncodeSettings = field(default_factory=EncodeSettings)
    start_s: float | None = None
    end_s: float | None = None
    """The part that is colored; None is the film's own beginning and end."""
    fps: Fraction | None = None
    """Frames a second of a sequence of frames; None is what these say, or else 24."""
    leave_out: bool = False
    """Do without streams that the result's container cannot hold."""
    keep_work: bool = False
    """Keep the chroma in ``FILM.chroma`` beside the result, for another run with another codec or grading."""
    overwrite: bool = False
    """Replace what is there. In a folder, of settings left at their defaults those on record are used."""
    jobs: int = 0
    """Segments of a film side by side, 0: one; threads that read and write stills, 0: one per core."""
    shard: Shard | None = None
    """Which this run is of several at the same time, on this machine or others: they share the segments of films. In a
    folder each has its share of the files, too."""
    cluster: ClusterSettings | None = None
    """Workers of a Ray cluster color everything; None does it in this process."""

    def __post_init__(self) -> None:
        settle(self, already_color=AlreadyColor)
        check_jobs(self.jobs)
        for time_s in (self.start_s, self.end_s):
            if time_s is not None and not 0 <= time_s < float("inf"):
                raise UsageError(f"{time_s:g} s is not a time in a film", hint="give seconds from its beginning")
        if self.fps is not None and not 0 < self.fps <= _FASTEST_FPS:
            raise UsageError(f"fps is {self.fps}", hint=f"give a number up to {_FASTEST_FPS}, such as 18 or 24000/1001")
        if self.start_s is not None and self.end_s is not None and self.end_s <= self.start_s:
            raise UsageError(
                f"the part ends at {self.end_s:g} s and starts at {self.start_s:g} s", hint="end it after its start"
            )
        if self.shard and self.cluster:
            raise UsageError("--shard and --cluster cannot be used together", hint="the cluster shares the work itself")
        if type(self) is not FilmSettings or not (self.shard or self.cluster):
            return
        sharing = "--shard" if self.shard else "--cluster"
        if self.keep_work:
            hint = "leave --keep-work out, for it is one machine's"
            raise UsageError(f"--keep-work and {sharing} cannot be used together", hint=hint)
        if self.overwrite and self.shard:
            raise UsageError("--overwrite and --shard cannot be used together", hint="delete OUT first")


@dataclass(frozen=True, slots=True, kw_only=True)
class FolderSettings(FilmSettings):
    """How a folder is colored: its films as `FilmSettings` say, its photographs, and which of them."""

    output: OutputSettings = field(default_factory=OutputSettings)
    """Of photographs."""
    given: frozenset[str] = frozenset()
    """Names of settings that are chosen though they have their default: ``overwrite`` takes none on record for them."""
    forget_hints: bool = False
    """Make results again without the hints and the reference on record, which are used again otherwise."""
    confidence: bool = False
    """Write maps of where the generator was guessing; changes no result."""
    kinds: Kinds = Kinds.ALL
    sequences: bool = True
    """Whether numbered photographs that look like the frames of a film are colored as one."""
    only: tuple[str, ...] = ()
    """Glob patterns: files whose name or path below the folder matches one. None takes all."""
    only_from: Path | None = None
    """A list of paths below the folder, one a line."""
    watch: bool = False
    """Continue with what arrives, until stopped."""
    bag: bool = False
    """Make the folder of results a BagIt bag."""
    summary: Path | None = None
    """A .json or .csv file for what became of every file."""
    sign_key: Path | None = None
    sign_certificates: Path | None = None
    """PEM files to sign stills with, as C2PA says; both or none."""
    max_megapixels: int | None = None
    """Photographs that are larger are refused; None takes what fits into memory."""
    fail_fast: bool = False
    """End the run at the first failure."""

    def __post_init__(self) -> None:
        FilmSettings.__post_init__(self)  # super() does not know a class with slots
        settle(self, kinds=Kinds)
        if self.color.frames:
            raise UsageError("frames are of one film", hint="give references, with a folder of frames for each film")
        compile_patterns(self.only)
        check_megapixels(self.max_megapixels)
        if (self.sign_key is None) is not (self.sign_certificates is None):
            missing = "--sign-key and --sign-certificates"
            raise UsageError("a signature takes a key and its certificates", hint=f"give {missing}")
        if self.summary and self.summary.suffix.lower() not in _SUMMARY_SUFFIXES:
            raise UsageError(
                f"a summary is .json or .csv, not '{self.summary.name}'", hint="end its name in .json or .csv"
            )


Made = TypeVar("Made", bound=FilmSettings)


def absolute(settings: Made) -> Made:
    """The settings with paths that mean the same to a process in another folder.

    Raises `UsageError` when there is no such generator.
    """

    def made(path: Path | None) -> Path | None:
        return path and Path(os.path.abspath(path))  # noqa: PTH100 - links stay as they are

    color = settings.color
    references = tuple(Path(os.path.abspath(path)) for path in color.references)  # noqa: PTH100
    own = catalog.find(settings.generator).path == Path(settings.generator)
    settings = replace(
        settings,
        color=replace(color, references=references, hints=made(color.hints), frames=made(color.frames)),
        generator=os.path.abspath(settings.generator) if own else settings.generator,  # noqa: PTH100
    )
    if isinstance(settings, FolderSettings):
        key, certificates = made(settings.sign_key), made(settings.sign_certificates)
        return replace(settings, sign_key=key, sign_certificates=certificates)
    return settings
