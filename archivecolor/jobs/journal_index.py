"""Where the newest line of each source, or of each result, stands in a journal: 16 bytes each, however long the line.

The table is sorted numbers, hashes of the names and places in the files, so that a million sources take 16 MB; the
lines stay on the disk and are read when they are asked for. A journal is its file and those of its shards, in folders
beside it: these are all newer than what the file itself says, and begin with the number of their run, so that of two
on one item the later one counts.
"""

from __future__ import annotations

import os
from array import array
from collections import Counter, OrderedDict
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO, Final, Literal

import numpy as np
import numpy.typing as npt

from archivecolor.errors import OutputError
from archivecolor.jobs.files import open_regular
from archivecolor.jobs.records import FORMAT, Entry, RunRecord, Settings, decode, decode_key

_LONGEST_LINE_BYTES: Final = 16 << 20
"""What is longer is damage, and read in pieces."""
SHARDS: Final = "shards"
"""The folder beside a journal that the journals of shards lie in."""
_OFFSET_BITS: Final = 44
"""Of a place: how far into its file; the others are the file's number."""
_OPEN: Final = 256
"""Files that are kept open."""

Numbers = npt.NDArray[np.int64]


def journal_files(path: Path) -> list[Path]:
    """The files of a journal that are there, oldest first. Raises `OSError`."""
    with suppress(FileNotFoundError, NotADirectoryError):
        shards = sorted(file for file in (path.parent / SHARDS).iterdir() if file.suffix == path.suffix)
        return [*([path] if os.path.lexists(path) else []), *shards]
    return [path] if os.path.lexists(path) else []


class Index:
    """Looks up the newest entry of a source, or of a result. For one thread."""

    def __init__(self, path: Path, by: Literal["source", "result"] = "source") -> None:
        """Read the journal ``path``, which need not be there. Raises `OutputError` where that cannot be done."""
        self._by = by
        self.runs: dict[int, RunRecord] = {}
        self.last_run = 0
        """The highest number of a run that is spoken of, be its own line lost or not."""
        self._path = path
        self._files: list[Path] = []
        self._numbers: dict[Path, int] = {}
        """Places in the list of files."""
        self._open: OrderedDict[Path, BinaryIO] = OrderedDict()
        self._read_to: Counter[Path] = Counter()
        self._keys: Numbers = np.empty(0, np.int64)
        self._places: Numbers = np.empty(0, np.int64)
        self._recent: dict[int, int] = {}
        self._settings: dict[int, dict[str, Settings]] = {}
        self._is_damaged = False
        """Whether a line was met that says whose it is, and cannot be read: then every line is read whole."""
        try:
            self._read_all()
        except BaseException:
            self.close()
            raise

    def _read_all(self) -> None:
        keys, places = array("q"), array("q")
        for key, place in self._new_lines():
            keys.append(key)
            places.append(place)
        self._keys, self._places = _newest(np.array(keys, np.int64), np.array(places, np.int64))

    def refresh(self) -> None:
        """Take in what was appended since."""
        self._recent.update(self._new_lines())

    def lookup(self, name: str) -> Entry | None:
        """The newest entry of that source, or that result."""
        place = self._place(hash(name))
        if place is None:
            return None
        entry = self._read(place)
        if entry is None and not self._is_damaged:
            self._read_carefully()
            return self.lookup(name)
        return entry if entry and (entry.source if self._by == "source" else entry.result) == name else None

    def newest(self) -> Iterator[Entry]:
        """The newest entry of each, in the order of the file."""
        older = self._places[~np.isin(self._keys, np.array([*self._recent], np.int64))]
        for place in np.sort(np.append(older, np.array([*self._recent.values()], np.int64))):
            entry = self._read(int(place)) or self._before(int(place))
            if entry:
                yield entry

    def _before(self, place: int) -> Entry | None:
        """What was said before of the item of a line that cannot be read."""
        match decode_key(self._line(place), self._by):
            case (str(name), _):
                return self.lookup(name)
        return None

    def _read_carefully(self) -> None:
        """Read the journal anew, passing over lines that cannot be read whole: those before them count."""
        self._is_damaged = True
        self._read_to.clear()
        self._recent.clear()
        self._read_all()

    def _decoded(self, line: bytes) -> tuple[str | None, int] | RunRecord | None:
        found = decode_key(line, self._by)
        if self._is_damaged and isinstance(found, tuple) and decode(line, {}) is None:
            return None
        return found

    def close(self) -> None:
        """Let go of the files."""
        while self._open:
            self._open.popitem()[1].close()

    def _place(self, key: int) -> int | None:
        if key in self._recent:
            return self._recent[key]
        at = int(np.searchsorted(self._keys, key))
        return int(self._places[at]) if at < len(self._keys) and self._keys[at] == key else None

    def _new_lines(self) -> Iterator[tuple[int, int]]:
        """Hash and place of each item that was appended since the last time; runs are noted in passing."""
        try:
            found = journal_files(self._path)
        except OSError as e:
            raise self._unreadable(self._path, e) from e
        for path in found:
            if path not in self._numbers:
                self._numbers[path] = len(self._files)
                self._files.append(path)
            number = self._numbers[path]
            for key, offset in self._lines_of(path):
                yield key, number << _OFFSET_BITS | offset

    def _lines_of(self, path: Path) -> Iterator[tuple[int, int]]:
        file = self._opened(path)
        if file is None:
            return
        try:
            file.seek(self._read_to[path])
            while line := file.readline(_LONGEST_LINE_BYTES):
                whole = line.endswith(b"\n") or len(line) == _LONGEST_LINE_BYTES
                found = self._decoded(line)
                if not whole and found is None:
                    return  # still being written, or cut off: the next run closes it
                place = self._read_to[path]
                self._read_to[path] += len(line)
                match found:
                    case RunRecord():
                        self._note(path, found)
                    case (key, int(run)):
                        self.last_run = max(self.last_run, run)
                        if key is not None:
                            yield hash(key), place
        except OSError as e:
            raise self._unreadable(path, e) from e

    def _note(self, path: Path, run: RunRecord) -> None:
        if run.format > FORMAT:
            raise OutputError(
                f"{path}: was written by archivecolor {run.version}",
                hint="this version cannot read it; use that one or a later one",
            )
        settings = self._settings.setdefault(run.number, {})
        settings.update(run.settings)
        self.runs[run.number] = replace(run, settings=settings)
        self.last_run = max(self.last_run, run.number)

    def _read(self, place: int) -> Entry | None:
        record = decode(self._line(place), self.runs)
        return record if isinstance(record, Entry) else None

    def _line(self, place: int) -> bytes:
        path = self._files[place >> _OFFSET_BITS]
        file = self._opened(path)
        if file is None:
            raise OutputError(f"{path}: is not there any more", hint="run the same command again")
        try:
            file.seek(place & (1 << _OFFSET_BITS) - 1)
            return file.readline(_LONGEST_LINE_BYTES)
        except OSError as e:
            raise self._unreadable(path, e) from e

    def _opened(self, path: Path) -> BinaryIO | None:
        if path in self._open:
            self._open.move_to_end(path)
            return self._open[path]
        try:
            self._open[path] = os.fdopen(open_regular(path), "rb")
        except FileNotFoundError:
            return None
        except OSError as e:
            raise self._unreadable(path, e) from e
        if len(self._open) > _OPEN:
            self._open.popitem(last=False)[1].close()
        return self._open[path]

    def _unreadable(self, path: Path, error: OSError) -> OutputError:
        return OutputError(f"{path}: cannot be read: {error.strerror}", hint="check its permissions")


def _newest(keys: Numbers, places: Numbers) -> tuple[Numbers, Numbers]:
    """Sort by key, and of equal keys keep the one that was appended last."""
    order = np.argsort(keys, kind="stable")
    keys, places = keys[order], places[order]
    last = np.append(keys[1:] != keys[:-1], True) if len(keys) else np.empty(0, bool)
    return keys[last], places[last]
