"""A plan that waits on disk: made whole before the first item is begun, and never whole in memory.

So a run knows from the start how much there is to do, says all that is wrong before it begins, and yet a plan of a
million items takes a file that vanishes by itself, and no memory.
"""

from __future__ import annotations

import json
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from archivecolor.jobs.records import Kind
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

    @property
    def may_replace(self) -> bool:
        """Whether there may be a result that this one takes the place of."""
        return self.reason is Reason.OVERWRITE or self.replaces_sha256 is not None


class Spool:
    """Tasks in the order in which they came, to be read as often as one likes."""

    def __init__(self, source: Path, out: Path) -> None:
        """Keep tasks of a run from ``source`` to ``out``."""
        self.counts: Counter[Kind] = Counter()
        self._source, self._out = source, out
        self._file = tempfile.SpooledTemporaryFile(_IN_MEMORY_BYTES)  # noqa: SIM115 - closed by __exit__

    def __len__(self) -> int:
        return self.counts.total()

    def add(self, task: Task) -> None:
        """Append one."""
        result = str(task.target.relative_to(self._out))
        line = json.dumps((task.name, result, task.kind, task.reason, task.replaces_sha256))
        self._file.write(line.encode("ascii") + b"\n")
        self.counts[task.kind] += 1

    def tasks(self, kind: Kind | None = None) -> Iterator[Task]:
        """All of them, or those of one kind. One reading at a time."""
        self._file.seek(0)
        for line in self._file:
            name, result, is_kind, reason, replaces = json.loads(line)
            if kind is None or kind == is_kind:
                yield Task(self._source / name, self._out / result, name, Kind(is_kind), Reason(reason), replaces)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()
