"""A film whose source, result or both are in a store.

The source is read by ranges; an empty file of its size and time stands for it. What is made lies in a folder of this
user's in TMPDIR, named by the film's places, until the whole film is put: so the same command goes on from there.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from archivecolor.errors import ArchiveColorError, InputError, OutputError, UsageError
from archivecolor.film.origin import read_by
from archivecolor.jobs.atomic import AlreadyExistsError, part_path
from archivecolor.jobs.file_sets import Numbering
from archivecolor.jobs.journal import FOLDER
from archivecolor.runs.at_stores import Shown, told_of
from archivecolor.runs.settings import FilmSettings
from archivecolor.storage.ranges import Ranges
from archivecolor.storage.store import Object, Store
from archivecolor.storage.urls import StoreURL

_SOURCE: Final = "in"
_RESULT: Final = "out"


@dataclass(slots=True)
class FilmPlaces:
    """Where a film is read and made on this machine."""

    source: Path
    target: Path
    overwrite: bool = False
    _from: tuple[Store, str, Object] | None = None
    _to: tuple[Store, str] | None = None
    shown: Shown = field(default=())
    """The folders that stand for stores."""

    @property
    def deliver(self) -> Callable[..., None] | None:
        """Puts the film, when it is whole, if it belongs into a store."""
        return self.put if self._to else None

    def put(self, *_: object) -> None:
        """Have the result appear. Raises `InputError` where the source changed, `OutputError`."""
        self.check()
        if self._to is None:
            return
        store, name = self._to
        if not self.overwrite and store.find(name):
            raise AlreadyExistsError(f"{store.url(name)}: already exists", hint="--overwrite replaces it")
        part = part_path(self.target)
        store.put(part if part.exists() else self.target, name)

    def check(self) -> None:
        """Raise `InputError` where the source in a store is not what it was."""
        if self._from:
            store, name, found = self._from
            if store.find(name) != found:
                raise InputError(f"{store.url(name)}: changed while it was read", hint="run the same command again")


@contextmanager
def at_places(
    source: Path | StoreURL, target: Path | StoreURL, settings: FilmSettings, *, overwrite: bool, beside: bool = False
) -> Iterator[FilmPlaces]:
    """Have a film of a store be one of this machine while the block runs; ``beside``: files beside it are wanted.

    Raises `UsageError` for what only a disk has, `InputError`, `OutputError` and `DependencyError`, each naming the
    places in the store, as what the block raises does.
    """
    if isinstance(source, Path) and isinstance(target, Path):
        yield FilmPlaces(source, target, overwrite)
        return
    if settings.cluster:
        url = source if isinstance(source, StoreURL) else target
        hint = "copy the film to one, or give 'folder --cluster' the folder that it is in"
        raise UsageError(f"{url}: workers of a cluster share a film on a disk that all of them see", hint=hint)
    if isinstance(target, StoreURL):
        _check(target, settings, beside=beside)
    folder = _folder(f"{source} {target}")
    source_here, target_here = (p if isinstance(p, Path) else folder / p.name for p in (source, target))
    places = FilmPlaces(source_here, target_here, overwrite)
    shown: list[tuple[Path, str]] = []
    with ExitStack() as open_things:
        if isinstance(source, StoreURL):
            store, name = _split(source)
            found = store.find(name)
            if found is None:
                raise InputError(f"{source}: there is no such file", hint="give the URL of one film")
            places.source, places._from = _lay_out(folder / _SOURCE / name, found), (store, name, found)
            open_things.enter_context(read_by(places.source, Ranges(store, name, found.size_bytes).open, str(source)))
            shown.append((folder / _SOURCE, store.url()))
        if isinstance(target, StoreURL):
            store, name = places._to = _split(target)
            if not overwrite and store.find(name):
                raise OutputError(f"{target}: already exists", hint="--overwrite replaces it")
            store.check_writable(FOLDER)
            places.target = folder / _RESULT / name
            places.target.parent.mkdir(exist_ok=True)
            shown.append((folder / _RESULT, store.url()))
        places.shown = tuple(shown)
        try:
            yield places
        except ArchiveColorError as e:
            e.message, e.hint = told_of(e.message, places.shown), e.hint and told_of(e.hint, places.shown)
            raise
        finally:
            made = folder / _RESULT
            if not (made.exists() and any(path.is_dir() for path in made.iterdir())):
                shutil.rmtree(folder, ignore_errors=True)  # else what is made of it is gone on from


@contextmanager
def read_at(source: Path | StoreURL) -> Iterator[Path]:
    """Have a film that is only read be one of this machine while the block runs. Raises as `at_places` does."""
    with (
        tempfile.TemporaryDirectory(prefix="archivecolor-") as nothing,
        at_places(source, Path(nothing), FilmSettings(), overwrite=False) as places,
    ):
        yield places.source


def _check(target: StoreURL, settings: FilmSettings, *, beside: bool) -> None:
    """Raise `UsageError` where a result in a store is not enough."""
    named = {"--shard": settings.shard, "--keep-work": settings.keep_work, "--write chroma": beside}
    if option := next((option for option, given in named.items() if given), None):
        hint = "give OUT a path on a disk that all shards share" if settings.shard else "give OUT a path"
        raise UsageError(f"{option} needs a disk for what lies beside {target}", hint=hint)
    if Numbering.of(target.name) or not Path(target.name).suffix:
        raise UsageError(f"{target}: frames are not written into a store", hint="end it in .mkv, .mp4, .mov or .webm")


def _split(url: StoreURL) -> tuple[Store, str]:
    """The folder of an object, and its name there."""
    folder, _, name = url.path.rpartition("/")
    if not folder:
        raise UsageError(f"{url}: names a bucket and no film in it", hint="give s3://bucket/film.mkv")
    return Store(StoreURL(url.scheme, folder)), name


def _lay_out(path: Path, found: Object) -> Path:
    """A file of an object's size and time that takes no room."""
    path.parent.mkdir(exist_ok=True)
    with path.open("wb") as file:
        file.truncate(found.size_bytes)
    os.utime(path, ns=(found.mtime_ns, found.mtime_ns))
    return path


def _folder(places: str) -> Path:
    """A folder of this user's for a film, which nobody else can have made. Raises `OutputError`."""
    user = os.getuid() if hasattr(os, "getuid") else 0
    own = Path(tempfile.gettempdir()) / f"archivecolor-films-{user}"
    folder = own / hashlib.sha256(places.encode()).hexdigest()[:32]
    try:
        own.mkdir(mode=0o700, exist_ok=True)
        status = own.lstat()
        if not stat.S_ISDIR(status.st_mode) or (hasattr(os, "getuid") and status.st_uid != user):
            raise OutputError(f"{own}: is somebody else's", hint="set TMPDIR to a folder of your own")
        folder.mkdir(mode=0o700, exist_ok=True)
    except OSError as e:
        raise OutputError(f"{own}: cannot be written: {e.strerror}", hint="set TMPDIR to another place") from e
    return folder
