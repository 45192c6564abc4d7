"""What lies before the reviewer: items with their pictures, marks, and what was painted.

Items are asked for by their ids, which the page has; a name that comes from outside is only ever looked up among those
of the items, so that no path is made of it. An id changes when its item is made again, and the earlier ones still lead
to it: a page may not have heard yet.
"""

from __future__ import annotations

import os
import re
import tempfile
import threading
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

from archivecolor.chroma.control.hints import SUFFIX, check_layer
from archivecolor.errors import InputError, OutputError, UsageError
from archivecolor.jobs.atomic import atomic_write
from archivecolor.jobs.mark_book import Readings, add_marks, applied, newest
from archivecolor.jobs.marks import BadMarkError, Mark, Verdict, instant, now
from archivecolor.report.making import PagePlan, judged
from archivecolor.report.previews import Preview
from archivecolor.review.kept import Kept

_PART: Final = re.compile(r"\d{1,9}|\d{1,3}-\d{2}-\d{2}(\.\d{1,6})?")
"""A page's number or a frame's time, as layers are named after them."""


class Desk:
    """The state of a review. Safe to use from several threads."""

    def __init__(
        self, plan: PagePlan, previews: Iterable[Preview], kept: Kept, hints: Path, source: Path | None
    ) -> None:
        """``previews`` are those of all items; layers go below ``hints``; ``source`` is SRC, if it is known."""
        self.plan, self.kept, self.hints, self.source = plan, kept, hints, source
        self._lock = threading.RLock()
        self._previews = {preview.item.source: preview for preview in previews}
        self._sources = {preview.id: name for name, preview in self._previews.items()}
        self._results = {preview.item.result: name for name, preview in self._previews.items()}
        self._marks = dict(plan.marks.marks)
        self._readings = Readings(plan.out)
        self._rubbed_out: set[str] = set()
        self.changed = False
        """Whether the page on the disk is behind."""

    @property
    def previews(self) -> list[Preview]:
        """Of all items, in the page's order."""
        with self._lock:
            return [self._previews[item.source] for item in self.plan.items]

    @property
    def marks(self) -> dict[str, Mark]:
        """Those that count, by source."""
        with self._lock:
            return dict(self._marks)

    def preview(self, id: str) -> Preview:
        """The item of an id, of now or of earlier. Raises `InputError`."""
        with self._lock:
            source = self._sources.get(id)
            if source is None:
                raise InputError("there is no such picture", hint="load the page again")
            return self._previews[source]

    def holds(self, source: str) -> bool:
        """Whether a source is among the items."""
        return source in self._previews

    def result(self, name: str) -> bool:
        """Whether a path below OUT is an item's result."""
        with self._lock:
            return name in self._results

    def replaced(self, preview: Preview) -> str:
        """Put an item in the place of what it was; gives the id that it had. Its mark was on what it was."""
        with self._lock:
            source = preview.item.source
            before = self._previews[source].id
            self._previews[source] = preview
            self._sources[preview.id] = source
            self._results[preview.item.result] = source
            mark = self._marks.pop(source, None) if preview.id != before else None
            if mark and mark.at >= judged(preview.item).since:  # made meanwhile, or in the second that it was begun in
                add_marks(self.plan.out, [Mark(_after(max(mark.at, now())), "", Verdict.NONE, "", mark.path)])
            self.changed = True
            return before

    def marks_by_id(self) -> dict[str, list[str]]:
        """As the page has them: verdict, time, who and note of each item's mark."""
        with self._lock:
            found = [(self._previews[source].id, mark) for source, mark in self._marks.items()]
        return {name: [str(mark.verdict), mark.at, mark.by, mark.note] for name, mark in found}

    def mark(self, changed: Mapping[str, Any]) -> None:
        """Keep marks that the page made, by ids; None takes one back. Raises `InputError`, or `OutputError`."""
        with self._lock:
            made = {}
            for name, row in changed.items():
                preview = self.preview(name)
                made[preview.item.source] = self._made(preview, row)
            add_marks(self.plan.out, made.values())
            self._marks |= made
            self.changed = True

    def hear_marks(self) -> list[str]:
        """Take over the marks that other programs have written down; gives the ids of their items.

        Raises `OutputError` where they cannot be read.
        """
        new = newest(self._readings.new())
        if not new:
            return []
        with self._lock:
            found = applied(new, (judged(preview.item) for preview in self._previews.values())).marks
            before = {source: self._marks.get(source) for source in found}
            # One that says nothing only counts where it takes another back
            counting = {s: m for s, m in found.items() if (m > b if (b := before[s]) else m.verdict or m.note)}
            self._marks |= counting
            self.changed |= bool(counting)
            return [self._previews[source].id for source in counting]

    def _made(self, preview: Preview, row: Any) -> Mark:
        """The mark of a row: newer than the one before it and than its result, whatever the page's clock says."""
        item = preview.item
        thing = judged(item)
        try:
            verdict, at, by, note = ("", None, "", "") if row is None else row
            mark = Mark.of({"path": thing.path, "mark": verdict, "note": note, "by": by, "at": at or now()})
        except (BadMarkError, TypeError, ValueError) as e:
            raise InputError(f"{item.source}: is no mark: {e}") from e
        before = self._marks.get(item.source)
        least = max(thing.since, _after(before.at) if before else "")
        at = max(mark.at, least)
        return Mark(at, mark.by, Verdict(mark.verdict), mark.note, mark.path)

    def strokes(self) -> dict[str, Any]:
        """What was painted, by layer."""
        return dict(self.kept.strokes())

    def paint(self, layer: str, painted: Any) -> None:
        """Keep the strokes on a layer; None, where all were rubbed out, takes the layer itself away, too.

        Raises `InputError` where there is no picture for it, `OutputError` where somebody else painted it.
        """
        source, path = self._layer(layer)
        if painted is None and self.kept.has_strokes(layer):
            path.unlink(missing_ok=True)
            with self._lock:
                self._rubbed_out.add(source)
        self.kept.keep_strokes(layer, painted)

    def save_layer(self, layer: str, png: bytes) -> None:
        """Write a layer where `folder --hints-dir` finds it. Raises as `paint`, and `InputError` for what is none."""
        source, path = self._layer(layer)
        facts = self._previews[source].facts
        is_whole = layer == source + SUFFIX  # of pages and frames the sizes are not known here
        with tempfile.TemporaryDirectory(prefix="archivecolor-layer-") as folder:
            trial = Path(folder) / Path(layer).name
            trial.write_bytes(png)
            check_layer(trial, (facts.height, facts.width) if facts and is_whole else None)
        with atomic_write(path, overwrite=True) as file:
            file.write(png)

    def rubbed_out(self, source: str) -> bool:
        """Whether layers of an item were taken away in this review."""
        with self._lock:
            return source in self._rubbed_out

    def _layer(self, layer: str) -> tuple[str, Path]:
        """The source that a layer belongs to, and where the layer lies."""
        name = layer.removesuffix(SUFFIX)
        source, _, part = name.rpartition("/")
        with self._lock:
            if name in self._previews:
                source = name
            elif source not in self._previews or not _PART.fullmatch(part):
                raise InputError("there is no picture for this layer", hint="load the page again")
        if not layer.endswith(SUFFIX):
            raise UsageError("a layer is a PNG")
        path = self.hints / layer
        if os.path.lexists(path) and not self.kept.has_strokes(layer):
            raise OutputError(
                f"{path}: was not painted here, and would be lost", hint="move it away to paint on the page instead"
            )
        if Path(os.path.realpath(path.parent)) != Path(os.path.realpath(self.hints)) / Path(layer).parent:
            raise OutputError(f"{path}: lies behind a link", hint="layers are written below their own folder alone")
        return source, path


def _after(at: str) -> str:
    """The next time that there is."""
    return instant((datetime.fromisoformat(at) + timedelta(milliseconds=1)).isoformat())
