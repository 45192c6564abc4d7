"""What a review keeps in OUT beside marks and layers: strokes, as they were drawn, who reviews, and what is to be made.

Strokes are what layers were painted with; with them a reviewer continues where the last one left off. All of it lies in
``OUT/.archivecolor/review``, a file each, replaced whole.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import threading
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from archivecolor.errors import InputError, OutputError
from archivecolor.jobs.atomic import atomic_write
from archivecolor.jobs.discover import lies_inside
from archivecolor.jobs.files import open_regular
from archivecolor.jobs.journal import FOLDER
from archivecolor.jobs.locks import LockFile
from archivecolor.jobs.records import place_in
from archivecolor.runs.folder.again import Again

LARGEST_STROKES: Final = 8 << 20
"""Bytes of those on one layer."""
_LONGEST_NAME: Final = 200
_LONGEST_SIDE: Final = 100_000
_COLOR: Final = re.compile(r"#[0-9a-fA-F]{6}")
_DAMAGE: Final = (ValueError, TypeError, KeyError, AttributeError, RecursionError)


class Kept:
    """The folder of a review, which is the only one of its OUT. Safe to use from several threads."""

    def __init__(self, out: Path) -> None:
        """Make the folder. Raises `BusyError` where another review of ``out`` is open, `OutputError` where it fails."""
        if not out.is_dir():
            raise InputError(f"{out}: there is no such folder", hint="give the OUT of a folder run")
        self._out, self._folder = out, out / FOLDER / "review"
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            self._lock = LockFile(self._folder / "review.lock", out, "is being reviewed already, in another window")
        except OSError as e:
            reason = f"{out}: cannot be written to: {e.strerror}"
            raise OutputError(reason, hint="archivecolor report makes a page that only reads") from e
        if not lies_inside(self._folder, out):
            self._lock.release()
            raise OutputError(f"{self._folder}: is a link out of it", hint="remove it")
        self._writing = threading.Lock()

    def check(self) -> None:
        """Raise `OutputError` where OUT was moved away: what is written to its old place would be another OUT."""
        if not self._lock.is_there():
            raise OutputError(
                f"{self._out}: is not where it was when the review began",
                hint="move it back, or begin a review where it is now; until then nothing is kept",
            )

    def close(self) -> None:
        """Let another review in."""
        self._lock.release()

    def strokes(self) -> Iterator[tuple[str, Any]]:
        """Each layer's name and what was painted on it, as the page wrote it; damaged files are passed over."""
        for path in sorted((self._folder / "strokes").glob("*.json")):
            found = _read(path, LARGEST_STROKES)
            if isinstance(found, dict) and isinstance(found.get("layer"), str) and is_painted(found.get("painted")):
                yield found["layer"], found["painted"]

    def has_strokes(self, layer: str) -> bool:
        """Whether a layer was painted in a review."""
        return self._strokes(layer).is_file()

    def keep_strokes(self, layer: str, painted: Any) -> None:
        """Keep what was painted on a layer; None forgets it. Raises `OutputError`."""
        path = self._strokes(layer)
        if painted is None:
            path.unlink(missing_ok=True)
        else:
            self._write(path, {"layer": layer, "painted": painted})

    def reviewer(self) -> str:
        """Who reviewed last; '' where nobody said."""
        found = _read(self._folder / "reviewer.json", 1 << 16)
        return found[:_LONGEST_NAME] if isinstance(found, str) else ""

    def keep_reviewer(self, name: str) -> None:
        """Raises `OutputError`."""
        self._write(self._folder / "reviewer.json", name[:_LONGEST_NAME])

    def queue(self) -> list[Again]:
        """What was to be made when the last review ended."""
        found, wanted = _read(self._folder / "queue.json", 64 << 20), []
        for row in found if isinstance(found, list) else ():
            try:
                name = place_in(row["name"])
                if name is not None:
                    wanted.append(Again(name, row["anyway"] is True, row["forget_hints"] is True))
            except _DAMAGE:
                continue
        return wanted

    def keep_queue(self, queue: Iterable[Again]) -> None:
        """Raises `OutputError`."""
        self._write(self._folder / "queue.json", [asdict(again) for again in queue])

    def _strokes(self, layer: str) -> Path:
        return self._folder / "strokes" / f"{hashlib.sha256(os.fsencode(layer)).hexdigest()[:32]}.json"

    def _write(self, path: Path, value: object) -> None:
        self.check()
        with self._writing, atomic_write(path, overwrite=True) as file:
            file.write(json.dumps(value, separators=(",", ":")).encode("ascii"))


def is_painted(value: Any) -> bool:
    """Whether a value is what the page keeps of a layer: its picture's source, its size, and its strokes."""
    try:
        sides = all(type(value[side]) is int and 0 < value[side] <= _LONGEST_SIDE for side in ("width", "height"))
        return sides and isinstance(value["source"], str) and all(map(_is_stroke, value["strokes"]))
    except _DAMAGE:
        return False


def _is_stroke(value: Any) -> bool:
    """Raises what `is_painted` takes for an answer."""
    numbers = [value["width"], *value["points"]]
    is_drawn = len(value["points"]) >= 2 and all(type(x) in (int, float) and abs(x) < 1e6 for x in numbers)
    return is_drawn and bool(_COLOR.fullmatch(value["color"])) and type(value.get("erase", False)) is bool


def _read(path: Path, most: int) -> Any:
    """What a file holds; None where it is not there, too large, or damaged."""
    try:
        with os.fdopen(open_regular(path), "rb") as file:
            raw = file.read(most + 1)
        return json.loads(raw) if len(raw) <= most else None
    except (OSError, *_DAMAGE):
        return None
