"""The closing report of a folder run as a file: JSON with counts and a record an item, or CSV with a row an item.

Items are kept on disk during the run, so a report of a million takes no memory. The file is written when the run
ends, however it ends, and replaces the one that an earlier run left under that name.
"""

from __future__ import annotations

import csv
import io
import json
import platform
from collections import Counter
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any, Final

from archivecolor.jobs.atomic import atomic_write
from archivecolor.jobs.recording import now_utc
from archivecolor.jobs.tasks import JsonLines
from archivecolor.runs.listener import COLUMNS, ItemOutcome, ItemStatus
from archivecolor.version import __version__

COUNTED_AS: Final = {
    ItemStatus.COLORED: "colored",
    ItemStatus.PLANNED: "to color",
    ItemStatus.EXISTS: "already there",
    ItemStatus.COPIED: "in color already",
    ItemStatus.SKIPPED: "in color already",
    ItemStatus.IGNORED: "not pictures",
    ItemStatus.FAILED: "failed",
}
"""What people and reports call what became of files."""


def counts_by_name(counts: Mapping[ItemStatus, int]) -> Counter[str]:
    """How many files each of these words holds for."""
    named: Counter[str] = Counter()
    for status, count in counts.items():
        named[COUNTED_AS[status]] += count
    return named


class Summary:
    """Collects outcomes, and writes them when the run is over."""

    def __init__(self, path: Path, source: str, out: str) -> None:
        """Prepare a report in the format of ``path``'s suffix, .json or .csv."""
        self._path = path
        self._head = {"source": source, "out": out, "machine": platform.node(), "started": now_utc()}
        self._lines = JsonLines()

    def add(self, outcome: ItemOutcome) -> None:
        """One more file. Raises `OutputError`."""
        self._lines.add(outcome.record())

    def write(self, counts: Mapping[ItemStatus, int], not_begun: int, seconds: float) -> None:
        """Write the report. Raises `OutputError`."""
        with closing(self._lines), atomic_write(self._path, overwrite=True) as file:
            if self._path.suffix.lower() == ".csv":
                text = io.TextIOWrapper(file, "utf-8", errors="backslashreplace", newline="", write_through=True)
                rows = csv.writer(text)
                rows.writerow(COLUMNS)
                rows.writerows(map(_row, self._lines))
                text.detach()
                return
            told = {**counts_by_name(counts), "not begun": not_begun}
            head = {"archivecolor": __version__, **self._head, "seconds": round(seconds, 3), "counts": told}
            file.write(json.dumps(head, indent=1).removesuffix("\n}").encode("ascii") + b',\n "items": [')
            for number, record in enumerate(self._lines):
                file.write((b",\n  " if number else b"\n  ") + json.dumps(record).encode("ascii"))
            file.write(b"\n ]\n}\n")


def _row(record: Mapping[str, Any]) -> list[str]:
    values = {**record, "warnings": "; ".join(record.get("warnings", ()))}
    return [str(values.get(name, "")) for name in COLUMNS]
