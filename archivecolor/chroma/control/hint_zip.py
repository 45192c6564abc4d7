"""Painted layers in a ZIP, as the review page hands them out where a browser has no access to folders.

A ZIP comes from elsewhere: it is refused as a whole, before anything of it is used, where a name leads out of its
folder or comes twice (also where only case or accents' coding tell two names apart and the file system does not),
where an entry is a link or anything but a file, where it is encrypted or damaged, and where it unpacks to more than
layers can be. How large it is shows in unpacking, not in what it says of itself.
"""

from __future__ import annotations

import os
import stat
import tempfile
import threading
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Final, Self

from archivecolor.chroma.control.hints import Hints
from archivecolor.errors import InputError, OutputError
from archivecolor.jobs.records import place_in
from archivecolor.settings import ColorSettings

SUFFIX: Final = ".zip"
_LARGEST_FILE: Final = 64 << 20
"""Bytes of one layer: 40 megapixels of strokes take a tenth."""
_LARGEST: Final = 2 << 30
"""Bytes of all of them."""
_LARGEST_ZIP: Final = 1 << 30
_MOST: Final = 100_000
_CHUNK: Final = 1 << 20
_UTF8: Final = 0x800
_ENCRYPTED: Final = 0x1
_PACKINGS: Final = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_HINT: Final = "give the hints.zip of the review page, or unpack it yourself and give --hints-dir"
_MAC: Final = "__MACOSX"


@contextmanager
def as_folder(hints: Path | None) -> Iterator[Path | None]:
    """The folder that a ZIP of layers unpacks to, while the block runs; any other ``hints`` as they are.

    Raises `InputError` where a ZIP is not what it should be, `OutputError` where it cannot be unpacked.
    """
    if hints is None or hints.suffix.lower() != SUFFIX or not hints.is_file():
        yield hints
        return
    try:
        with tempfile.TemporaryDirectory(prefix="archivecolor-hints-") as folder:
            _unpack(hints, Path(folder))
            yield Path(folder)
    except _WriteError as e:
        place = tempfile.gettempdir()
        raise OutputError(
            f"{place}: cannot be written: {e.cause.strerror}", hint="make room, or set TMPDIR to another place"
        ) from e


class Unpacked:
    """Layers as folders: a ZIP is unpacked when first asked for, and gone at the end. Safe to use from threads."""

    def __init__(self) -> None:
        """Nothing is unpacked yet."""
        self._lock = threading.Lock()
        self._folders: dict[Path, Path] = {}
        self._open = ExitStack()

    def folder(self, hints: Path) -> Path:
        """As `as_folder`."""
        with self._lock:
            if hints not in self._folders:
                self._folders[hints] = self._open.enter_context(as_folder(hints)) or hints
            return self._folders[hints]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()


@contextmanager
def for_film(color: ColorSettings, name: str) -> Iterator[ColorSettings]:
    """``color`` for the film of that name: of a ZIP its own layers, while the block runs. Raises as `as_folder`."""
    with as_folder(color.hints) as folder:
        if folder is None or folder == color.hints:
            yield color
        else:
            yield replace(color, hints=Hints(folder).below(name) or folder)


class _WriteError(Exception):
    def __init__(self, cause: OSError) -> None:
        super().__init__(cause)
        self.cause = cause


def _unpack(path: Path, folder: Path) -> None:
    try:
        if path.stat().st_size > _LARGEST_ZIP:
            raise InputError(f"{path}: is larger than {_LARGEST_ZIP >> 20} MB", hint=_HINT)
        with zipfile.ZipFile(path) as packed:
            entries = [entry for entry in packed.infolist() if _is_wanted(entry)]
            if len(entries) > _MOST:
                raise InputError(f"{path}: holds more than {_MOST} layers", hint=_HINT)
            places = [(entry, _place(path, entry)) for entry in entries]
            if not places:
                raise InputError(f"{path}: holds no layers, which are PNG files", hint=_HINT)
            left = _LARGEST
            for entry, place in places:
                left -= _unpack_one(path, packed, entry, folder / place, min(left, _LARGEST_FILE))
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, ValueError, RuntimeError) as e:
        raise InputError(f"{path}: is damaged: {e}", hint=_HINT) from e
    except OSError as e:
        raise InputError(f"{path}: cannot be read: {e.strerror or e}", hint="check its permissions") from e


def _is_wanted(entry: zipfile.ZipInfo) -> bool:
    """Whether it is a layer, not a folder or what an operating system added."""
    return not entry.is_dir() and not entry.filename.startswith(f"{_MAC}/") and entry.filename.lower().endswith(".png")


def _place(path: Path, entry: zipfile.ZipInfo) -> str:
    """Where an entry goes, below the folder; raises `InputError` for what is none of ours."""
    # Without the flag a name is bytes, which Python reads as code page 437; here it is the file system's own
    raw = entry.filename
    name = raw if entry.flag_bits & _UTF8 else os.fsdecode(raw.encode("cp437"))
    try:
        place = place_in(name)
    except (ValueError, TypeError):
        place = None
    if place is None or "\\" in place or "\0" in entry.orig_filename:
        raise InputError(f"{path}: holds '{name}', which names no place in a folder of hints", hint=_HINT)
    kind = stat.S_IFMT(entry.external_attr >> 16)
    if kind not in (0, stat.S_IFREG):
        raise InputError(f"{path}: '{name}' in it is a link, or no file", hint=_HINT)
    if entry.flag_bits & _ENCRYPTED:
        raise InputError(f"{path}: is encrypted", hint=_HINT)
    if entry.compress_type not in _PACKINGS:
        raise InputError(f"{path}: is packed in a way that is not read", hint=_HINT)
    return place


def _unpack_one(path: Path, packed: zipfile.ZipFile, entry: zipfile.ZipInfo, target: Path, most: int) -> int:
    """Write one layer, never over another; gives its bytes."""
    written = 0
    with packed.open(entry) as content:
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            file = target.open("xb")
        except (FileExistsError, NotADirectoryError) as e:
            raise InputError(f"{path}: holds '{entry.filename}' twice", hint=_HINT) from e
        except OSError as e:
            raise _WriteError(e) from e
        with file:
            while chunk := content.read(_CHUNK):
                written += len(chunk)
                if written > most:
                    raise InputError(f"{path}: '{entry.filename}' in it is larger than a layer can be", hint=_HINT)
                try:
                    file.write(chunk)
                except OSError as e:
                    raise _WriteError(e) from e
    return written
