"""References on disk: single photographs, folders of them with their folders, and what is remembered of these."""

from __future__ import annotations

import hashlib
import os
import zipfile
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np

from archivecolor.color import FloatArray
from archivecolor.errors import InputError, OutputError
from archivecolor.inference.plans import cache_directory
from archivecolor.jobs.atomic import atomic_write
from archivecolor.jobs.digests import content_sha256
from archivecolor.stills.sniff import names_a_picture

_FORMAT: Final = 1
_SAVE_EVERY: Final = 200


@dataclass(frozen=True, slots=True)
class ReferenceFile:
    """A photograph in a folder of references."""

    path: Path
    version: str
    """Its name below the folder, size and time of change: another file is another one."""


def is_folder(path: Path) -> bool:
    """Whether references are to be found in a folder. Raises `InputError` where nothing is there."""
    if not os.path.lexists(path):
        raise InputError(f"{path}: there is no such file", hint="give a photograph in color, or a folder of them")
    return path.is_dir()


def photographs_in(folder: Path) -> list[ReferenceFile]:
    """What is named like a photograph in a folder and in its folders, in order; hidden ones are left out.

    Raises `InputError` where there is none, or the folder cannot be listed.
    """

    def raise_(error: OSError) -> None:
        raise InputError(
            f"{error.filename}: cannot be listed: {error.strerror}", hint="check its permissions"
        ) from error

    found = []
    for here, folders, names in os.walk(folder, onerror=raise_):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            path = Path(here, name)
            if name.startswith(".") or not names_a_picture(name):
                continue
            try:
                status = path.stat()
            except OSError:  # a link to nothing
                continue
            below = path.relative_to(folder).as_posix().encode(errors="surrogateescape").hex()
            found.append(ReferenceFile(path, f"{below} {status.st_size} {status.st_mtime_ns}"))
    if not found:
        raise InputError(f"{folder}: holds no photographs", hint="--references takes a folder of photographs in color")
    return found


def digest_of(references: Sequence[Path]) -> str:
    """64 hexadecimal digits of what references are: of photographs what they hold, of folders which files they hold.

    Raises `InputError` where one cannot be read.
    """
    told = []
    for path in references:
        told += [f.version for f in photographs_in(path)] if is_folder(path) else [content_sha256(path)]
    return hashlib.sha256("\n".join(told).encode()).hexdigest()


@dataclass(slots=True)
class KnownMeans:
    """Means of references by the versions of their files, kept in the user's cache between runs.

    That of what is no reference is empty. What cannot be read or written there is done without.
    """

    path: Path
    means: dict[str, FloatArray] = field(default_factory=dict)
    _new: int = 0

    @classmethod
    def of(cls, folder: Path, made_with: str) -> KnownMeans:
        """Those of a folder that were made with the same generator at the same size."""
        told = f"{_FORMAT} {os.path.realpath(folder)} {made_with}".encode(errors="surrogateescape")
        known = cls(cache_directory() / "references" / f"{hashlib.sha256(told).hexdigest()[:16]}.npz")
        with (
            suppress(OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile),
            known.path.open("rb") as stored,
            np.load(stored) as file,
        ):
            versions, means, good = file["versions"], file["means"].astype(np.float32), file["good"]
            if means.ndim == 2 and len(versions) == len(means) == len(good) and np.isfinite(means).all():
                told_of = zip(versions.tolist(), means, good.tolist(), strict=True)
                known.means = {str(version): mean if is_good else mean[:0] for version, mean, is_good in told_of}
        return known

    def note(self, version: str, mean: FloatArray) -> None:
        """Add one, and write them from time to time, for a run that is ended to be continued."""
        self.means[version] = mean
        self._new += 1
        if self.save_now:
            self._write()

    @property
    def save_now(self) -> bool:
        """Whether it is time to write, and to say how far it is."""
        return self._new % _SAVE_EVERY == 0

    def keep(self, versions: set[str]) -> None:
        """Forget all others."""
        gone = self.means.keys() - versions
        self.means = {version: mean for version, mean in self.means.items() if version in versions}
        if gone or self._new:
            self._write()

    def _write(self) -> None:
        length = max((len(mean) for mean in self.means.values()), default=0)
        rows = [mean if mean.size else np.zeros(length, np.float32) for mean in self.means.values()]
        with suppress(OutputError), atomic_write(self.path, overwrite=True) as file:
            np.savez(
                file,
                versions=np.array(list(self.means)),
                means=np.array(rows, np.float16).reshape(len(rows), length),
                good=np.array([mean.size > 0 for mean in self.means.values()]),
            )
