"""A folder of a store: listing it, fetching from it, and putting objects into it, each whole or not at all.

=================  ==================================================================================================
store              an object appears
=================  ==================================================================================================
``s3://``          when its PUT, or the last request of a multipart upload, is answered; until then the old one is there
``gs://``, ``az``  when its upload is complete; until then the old one is there
``memory://``      when it is written; of this process alone, for tests
=================  ==================================================================================================

Nothing that a store answers is told without `scrubbed`, nor kept in the chain of an error. What may pass is tried
again with growing pauses.
"""

from __future__ import annotations

import errno
import hashlib
import logging
import random
import tempfile
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, TypeVar

from archivecolor.errors import ArchiveColorError, DependencyError, InputError, OutputError
from archivecolor.installation import install_line
from archivecolor.jobs.atomic import DiskFullError
from archivecolor.storage.urls import EXTRAS, StoreURL, scrubbed

log = logging.getLogger(__name__)
T = TypeVar("T")

TRIES: Final = 5
FIRST_PAUSE_S: Final = 0.5
_BLOCK_BYTES: Final = 4 << 20
_FINAL: Final = (FileNotFoundError, PermissionError, FileExistsError, IsADirectoryError, NotImplementedError)
"""What no further try mends."""
_TIMES: Final = ("LastModified", "last_modified", "updated", "mtime", "created")
_NO_CREDENTIALS: Final = ("NoCredentialsError", "DefaultCredentialsError", "ClientAuthenticationError")


@dataclass(frozen=True, slots=True)
class Object:
    """What a listing says of an object."""

    size_bytes: int
    mtime_ns: int


@dataclass(frozen=True, slots=True)
class Listing:
    """What is directly in a folder."""

    files: Mapping[str, Object] = field(default_factory=dict)
    folders: tuple[str, ...] = ()


class Store:
    """A folder of a store. Safe to use from several threads; its names have ``/`` between their parts."""

    def __init__(self, url: StoreURL) -> None:
        """Prepare to use ``url``. Raises `DependencyError` where a package is missing."""
        self.place = url
        extra = EXTRAS[url.scheme]
        try:
            import fsspec

            self._fs: Any = fsspec.filesystem(url.scheme, use_listings_cache=False, skip_instance_cache=True)
        except (ImportError, ValueError) as e:
            raise DependencyError(f"{url}: needs another package", hint=install_line(extra)) from e
        except Exception as e:  # noqa: BLE001 - each store raises its own
            raise self._explained(e, url.path, InputError) from None

    def url(self, name: str = "") -> str:
        """The URL of something in it, to be shown."""
        return f"{self.place}/{name}" if name else str(self.place)

    def list(self, folder: str = "") -> Listing:
        """What is in a folder, but for what is hidden; nothing where there is none. Raises `InputError`."""
        try:
            found = self._tried(lambda: self._fs.ls(self._path(folder), detail=True, refresh=True), folder, InputError)
        except FileNotFoundError:
            return Listing()
        files, folders = {}, []
        for entry in found:
            name = str(entry["name"]).rstrip("/").rpartition("/")[2]
            if not name or name.startswith(".") or str(entry["name"]).strip("/") == self._path(folder):
                continue
            if entry.get("type") == "directory":
                folders.append(name)
            else:
                files[name] = Object(int(entry.get("size") or 0), _mtime_ns(entry))
        return Listing(files, tuple(sorted(set(folders))))

    def find(self, name: str) -> Object | None:
        """What is known of an object. Raises `InputError`."""
        try:
            found = self._tried(lambda: self._fs.info(self._path(name), refresh=True), name, InputError)
        except FileNotFoundError:
            return None
        return Object(int(found.get("size") or 0), _mtime_ns(found)) if found.get("type") == "file" else None

    def fetch(self, name: str, path: Path) -> None:
        """Copy an object into a file. Raises `InputError` where it is not there, or does not come whole."""
        try:
            self._tried(lambda: self._fetch(name, path), name, InputError)
        except FileNotFoundError:
            raise InputError(
                f"{self.url(name)}: there is no such file", hint="it was there when the run began"
            ) from None

    def read(self, name: str, count: int, begin: int = 0) -> bytes:
        """Bytes of an object from there on, by a range read. Raises `InputError`."""
        end = begin + count
        try:
            found = self._tried(lambda: self._fs.cat_file(self._path(name), start=begin, end=end), name, InputError)
        except FileNotFoundError:
            return b""
        return bytes(found)

    def content(self, name: str) -> bytes:
        """A small object, whole; nothing where there is none. Raises `InputError`."""
        try:
            return bytes(self._tried(lambda: self._fs.cat_file(self._path(name)), name, InputError))
        except FileNotFoundError:
            return b""

    def sha256(self, name: str) -> str | None:
        """The digest of an object, read piece by piece; None where there is none. Raises `InputError`."""
        try:
            return self._tried(lambda: self._digest(name), name, InputError)
        except FileNotFoundError:
            return None

    def put(self, path: Path, name: str) -> None:
        """Have a file's content appear as an object, whole, in place of what is there. Raises `OutputError`."""
        self._put(lambda: self._fs.put_file(str(path), self._path(name)), name)

    def write(self, content: bytes, name: str) -> None:
        """The same with bytes."""
        self._put(lambda: self._fs.pipe_file(self._path(name), content), name)

    def create(self, content: bytes, name: str) -> bool:
        """The same where there is no such object; False where there is. Raises `OutputError`.

        Of several who do so one succeeds, unless the store knows no such condition.
        """

        def call() -> bool:
            path = self._path(name)
            try:
                self._fs.pipe_file(path, content, mode="create")
            except (NotImplementedError, TypeError):
                self._fs.pipe_file(path, content)
            except OSError as e:
                if e.errno != errno.ENOSYS:
                    if self._fs.exists(path):
                        return False
                    raise
                self._fs.pipe_file(path, content)
            return True

        try:
            return self._tried(call, name, OutputError)
        except FileNotFoundError:
            raise self._no_bucket(name) from None

    def delete(self, name: str) -> None:
        """Delete an object, if it is there. Raises `OutputError`."""
        with suppress(FileNotFoundError):
            self._tried(lambda: self._fs.rm_file(self._path(name)), name, OutputError)

    def delete_all(self, names: Sequence[str]) -> None:
        """Delete objects, those that are there. Raises `OutputError`."""
        if names:
            with suppress(FileNotFoundError):
                self._tried(lambda: self._fs.rm([self._path(name) for name in names]), names[0], OutputError)

    def check_readable(self) -> None:
        """Raise `InputError` where there is no such folder, or it may not be read."""
        try:
            self._tried(lambda: self._fs.ls(self.place.path, detail=True, refresh=True), "", InputError)
        except FileNotFoundError:
            hint = "check the names of the bucket and the folder"
            raise InputError(f"{self.place}: there is no such folder", hint=hint) from None

    def check_writable(self, folder: str) -> None:
        """Raise `OutputError` where no object can be written: one is, below ``folder``, and deleted."""
        probe = self._path(f"{folder}/probe-{uuid.uuid4().hex}")
        self._put(lambda: self._fs.pipe_file(probe, b"archivecolor looks whether it may write here"), "")
        self._tried(lambda: self._fs.rm_file(probe), "", OutputError)

    def _put(self, call: Callable[[], object], name: str) -> None:
        try:
            self._tried(call, name, OutputError)
        except FileNotFoundError:
            raise self._no_bucket(name) from None

    def _no_bucket(self, name: str) -> OutputError:
        return OutputError(f"{self.url(name)}: there is no such bucket", hint="create it, or check its name")

    def _fetch(self, name: str, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._fs.get_file(self._path(name), str(path))
        size = int(self._fs.info(self._path(name), refresh=True)["size"])
        if path.stat().st_size != size:
            raise OSError(f"{path.stat().st_size} of {size} bytes came")

    def _digest(self, name: str) -> str:
        with self._fs.open(self._path(name), "rb", block_size=_BLOCK_BYTES, cache_type="readahead") as file:
            digest = hashlib.sha256()
            while block := file.read(_BLOCK_BYTES):
                digest.update(block)
        return digest.hexdigest()

    def _path(self, name: str) -> str:
        return f"{self.place.path}/{name}" if name else self.place.path

    def _tried(self, call: Callable[[], T], name: str, kind: type[ArchiveColorError]) -> T:
        """What ``call`` gives, tried again where it fails for reasons that may pass."""
        for number in range(TRIES):
            try:
                return call()
            except FileNotFoundError:
                raise FileNotFoundError(self.url(name)) from None
            except Exception as e:  # noqa: BLE001
                if isinstance(e, OSError) and e.errno in (errno.ENOSPC, errno.EDQUOT):
                    place = tempfile.gettempdir()
                    hint = "make room, or set TMPDIR to another place"
                    raise DiskFullError(f"{place}: the disk is full", hint=hint) from None
                if number + 1 == TRIES or isinstance(e, _FINAL) or type(e).__name__ in _NO_CREDENTIALS:
                    raise self._explained(e, name, kind) from None
                pause = FIRST_PAUSE_S * 2**number * random.uniform(0.5, 1.5)  # noqa: S311
                log.debug("%s: %s; again in %.1f s", self.url(name), _words(e), pause)
            time.sleep(pause)
        raise AssertionError

    def _explained(self, error: Exception, name: str, kind: type[ArchiveColorError]) -> ArchiveColorError:
        doing = "written" if kind is OutputError else "read"
        if type(error).__name__ in _NO_CREDENTIALS:
            hint = "give them as the store's own tools take them: AWS_ACCESS_KEY_ID or ~/.aws, gcloud, az login"
            return kind(f"{self.url(name)}: cannot be {doing}: no credentials", hint=hint)
        if isinstance(error, PermissionError):
            hint = f"have the store let you {'write and delete' if kind is OutputError else 'list and read'} there"
            return kind(f"{self.url(name)}: may not be {doing}: {_words(error)}", hint=hint)
        return kind(
            f"{self.url(name)}: cannot be {doing}: {_words(error)}",
            hint="is the store reachable? run the same command again",
        )


def _words(error: Exception) -> str:
    """One line of what a store said, nothing in it secret."""
    told = " ".join(str(error).split()) or type(error).__name__
    return scrubbed(told)[:300]


def _mtime_ns(entry: Mapping[str, Any]) -> int:
    """When an object was written; 0 where the store does not tell."""
    value = next((entry[name] for name in _TIMES if entry.get(name)), 0)
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            return 0
    if isinstance(value, datetime):
        aware = value if value.tzinfo else value.replace(tzinfo=UTC)
        return int(aware.timestamp()) * 1_000_000_000 + aware.microsecond * 1000
    return int(value * 1_000_000_000) if isinstance(value, int | float) else 0
