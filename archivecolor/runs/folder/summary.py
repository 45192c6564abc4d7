"""The closing report of a folder run as a file: JSON with counts and a record an item, or CSV with a row an item.

Items are kept on disk while the run goes on, so a report of a million takes no memory. The file is written when the run
ends, however it ends, and replaces the one that an earlier run left under that name.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from archivecolor.errors import UsageError
from archivecolor.jobs.atomic import atomic_write
from archivecolor.jobs.recording import now_utc
from archivecolor.jobs.records import Kind
from archivecolor.jobs.tasks import JsonLines

_SUFFIXES: Final = (".json", ".csv")
_COLUMNS: Final = (
    *("source", "status", "kind", "target", "reason", "warnings", "seconds", "confidence", "error", "hint"),
)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a file."""

    source: Path
    status: str
    """colored, copied, skipped, exists, failed, ignored or planned."""
    kind: Kind | None
    target: Path | None = None
    reason: str | None = None
    warnings: tuple[str, ...] = ()
    seconds: float | None = None
    confidence: float | None = None
    error: str | None = None
    hint: str | None = None

    def record(self) -> dict[str, Any]:
        """What is known of it, ready for JSON."""
        values = {name: getattr(self, name) for name in _COLUMNS}
        values["source"] = str(self.source)
        values["target"] = None if self.target is None else str(self.target)
        values["warnings"] = list(self.warnings)
        return {name: value for name, value in values.items() if value not in (None, [])}


class Summary:
    """Collects outcomes, and writes them when the run is over."""

    def __init__(self, path: Path, source: Path, out: Path) -> None:
        """Prepare a report in the format of ``path``'s suffix. Raises `UsageError` for any but .json and .csv."""
        if path.suffix.lower() not in _SUFFIXES:
            raise UsageError(f"a summary is .json or .csv, not '{path.name}'", hint="end its name in .json or .csv")
        self._path = path
        self._head = {"source": str(source), "out": str(out), "started": now_utc()}
        self._lines = JsonLines()

    def add(self, outcome: Outcome) -> None:
        """One more file. Raises `OutputError`."""
        self._lines.add(outcome.record())

    def write(self, counts: Mapping[str, int], seconds: float) -> None:
        """Write the report. Raises `OutputError`."""
        from archivecolor.version import __version__

        with closing(self._lines), atomic_write(self._path, overwrite=True) as file:
            if self._path.suffix.lower() == ".csv":
                text = io.TextIOWrapper(file, "utf-8", errors="backslashreplace", newline="", write_through=True)
                rows = csv.writer(text)
                rows.writerow(_COLUMNS)
                rows.writerows(map(_row, self._lines))
                text.detach()
                return
            head = {"archivecolor": __version__, **self._head, "seconds": round(seconds, 3), "counts": dict(counts)}
            file.write(json.dumps(head, indent=1).removesuffix("\n}").encode("ascii") + b',\n "items": [')
            for number, record in enumerate(self._lines):
                file.write((b",\n  " if number else b"\n  ") + json.dumps(record).encode("ascii"))
            file.write(b"\n ]\n}\n")


def _row(record: Mapping[str, Any]) -> list[str]:
    values = {**record, "warnings": "; ".join(record.get("warnings", ()))}
    return [str(values.get(name, "")) for name in _COLUMNS]
