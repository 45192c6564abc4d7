"""A plan that waits on disk: made whole before the first item is begun, and never whole in memory.

So a run knows from the start how much there is to do, says all that is wrong before it begins, and yet a plan of a
million items takes a file that deletes itself, and no memory.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from archivecolor.errors import OutputError
from archivecolor.jobs.records import FileState, Kind, Settings
from archivecolor.jobs.resume import Reason

_IN_MEMORY_BYTES: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class Task:
    """An item that is to be made."""

    source: Path
    target: Path
    name: str
    """The source's path below SRC."""
    kind: Kind
    reason: Reason
    replaces_sha256: str | None = None
    """Digest of the result that is there and may be replaced, it and no other."""
    recorded: Settings = field(default_factory=dict)
    """Settings on record that the item takes over."""
    chosen: bool = False
    """It is made with settings of its own, as those are that a list names."""
    found: FileState | None = None
    """What a listing says of a source that is not here yet."""

    @property
    def may_replace(self) -> bool:
        """Whether there may be a result that this one takes the place of."""
        return self.reason is Reason.OVERWRITE or self.replaces_sha256 is not None


class JsonLines:
    """JSON values, in a file that deletes itself."""

    def __init__(self) -> None:
        self._file = tempfile.SpooledTemporaryFile(_IN_MEMORY_BYTES)  # noqa: SIM115 - closed by `close`
        self._taken_bytes = 0

    def add(self, value: object) -> None:
        """Append one. Raises `OutputError` where there is no room."""
        try:
            self._file.write(json.dumps(value).encode("ascii") + b"\n")
        except OSError as e:
            place = tempfile.gettempdir()
            raise OutputError(
                f"{place}: cannot be written: {e.strerror}", hint="make room, or set TMPDIR to another place"
            ) from e

    def __iter__(self) -> Iterator[Any]:
        """All of them, from the first. One reading at a time."""
        self._file.seek(0)
        return map(json.loads, self._file)

    def take(self, most: int) -> list[Any]:
        """The next ones that were not taken yet, so many at most. More may be added afterwards."""
        self._file.seek(self._taken_bytes)
        lines = [line for line in islice(self._file, most) if line]
        self._taken_bytes += sum(map(len, lines))
        self._file.seek(0, os.SEEK_END)
        return list(map(json.loads, lines))

    def close(self) -> None:
        """Forget them."""
        self._file.close()


class TaskFile:
    """Tasks in the order in which they came, to be read as often as one likes."""

    def __init__(self, source: Path, out: Path) -> None:
        """Keep tasks of a run from ``source`` to ``out``."""
        self.counts: Counter[Kind] = Counter()
        self._source, self._out = source, out
        self._lines = JsonLines()

    def __len__(self) -> int:
        return self.counts.total()

    def add(self, task: Task) -> None:
        """Append one. Raises `OutputError`."""
        result = str(task.target.relative_to(self._out))
        found = (task.found.size_bytes, task.found.mtime_ns) if task.found else None
        self._lines.add((task.name, result, task.kind, task.reason, task.replaces_sha256, dict(task.recorded), found))
        self.counts[task.kind] += 1

    def tasks(self, kind: Kind | None = None) -> Iterator[Task]:
        """All of them, or those of one kind. One reading at a time."""
        for line in self._lines:
            if kind is None or kind == line[2]:
                yield self._task(*line)

    def take(self, most: int) -> list[Task]:
        """The next ones that were not taken yet, so many at most, while others are still being added."""
        return [self._task(*line) for line in self._lines.take(most)]

    def _task(
        self,
        name: str,
        result: str,
        kind: str,
        reason: str,
        replaces_sha256: str | None,
        recorded: Settings,
        found: tuple[int, int] | None,
    ) -> Task:
        source, target = self._source / name, self._out / result
        state = FileState(*found) if found else None
        return Task(source, target, name, Kind(kind), Reason(reason), replaces_sha256, recorded, found=state)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._lines.close()
