"""Making a review page, or bringing one up to date."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from archivecolor.errors import OutputError
from archivecolor.jobs.discover import lies_inside
from archivecolor.jobs.mark_book import Applied, Judged, applied, kept_marks
from archivecolor.jobs.marks import Mark
from archivecolor.report import page
from archivecolor.report.items import ReviewItem, State, find_items
from archivecolor.report.past import RunFacts, find_run
from archivecolor.report.previews import Gallery, Preview


@dataclass(frozen=True, slots=True)
class MadePage:
    """What was made."""

    path: Path
    """The page."""
    items: int
    states: Counter[State]
    pictures_made: int
    """The others were up to date, or there is no result to show."""
    problems: tuple[tuple[str, str], ...]
    """Results that cannot be shown, and why."""
    previews: tuple[Preview, ...]
    """The items, in the page's order."""


@dataclass(frozen=True, slots=True)
class PagePlan:
    """A page to be made: what it is of and where it goes."""

    out: Path
    folder: Path
    items: list[ReviewItem]
    version: str
    """archivecolor's, for the page to show."""
    run: RunFacts
    marks: Applied
    """That OUT keeps."""

    def make(
        self, *, threads: int, stop: Callable[[], bool], advance: Callable[[], None], copies: bool = True
    ) -> MadePage | None:
        """Make the pictures that are missing, then the page; None when stopped before the end.

        ``copies`` makes small ones of films that browsers do not play. What was made until then is kept, and the next
        call continues from there. Raises `OutputError`.
        """
        gallery = self.gallery(copies=copies)
        found = {p.item.source: p for p in gallery.previews(self.items, threads=threads, stop=stop, advance=advance)}
        if len(found) < len(self.items) or gallery.is_stopped:
            return None
        previews = tuple(found[item.source] for item in self.items)
        path = self.write(previews, self.marks.marks)
        return MadePage(
            path,
            len(previews),
            Counter(preview.item.state for preview in previews),
            gallery.made,
            tuple(_problems(previews)),
            previews,
        )

    def gallery(self, *, copies: bool = True) -> Gallery:
        """Where the page's pictures lie, for one thread."""
        return Gallery(self.folder, self.out, copies=copies, network=self.run.network)

    def write(self, previews: Sequence[Preview], marks: Mapping[str, Mark]) -> Path:
        """Write the page of these items, and remove the pictures of earlier ones. Raises `OutputError`."""
        path = page.write_page(self.folder, self.out, list(previews), self.version, self.run, marks)
        self.gallery().prune({preview.id for preview in previews})
        return path


def plan(
    out: Path, version: str, source: Path | None = None, folder: Path | None = None, *, paths: bool = True
) -> PagePlan:
    """Find what there is to review; without ``paths`` the page tells nothing of where SRC and OUT lie.

    Raises `InputError` where there is nothing, `OutputError` where the page must not be written.
    """
    folder = place(out, source, folder)
    items = find_items(out, source)
    run = find_run(out, source, items)
    if paths and len({item.machine for item in items if item.machine}) > 1:
        items = [_with_machine(item) for item in items]
    marks = applied(kept_marks(out), map(judged, items))
    return PagePlan(out, folder, items, version, run if paths else run.without_paths(), marks)


def _with_machine(item: ReviewItem) -> ReviewItem:
    return replace(item, engine=f"{item.engine}, on {item.machine}") if item.engine and item.machine else item


def judged(item: ReviewItem) -> Judged:
    """What a mark on an item is on."""
    return Judged.of(item.source, item.result, item.made_at)


def place(out: Path, source: Path | None = None, folder: Path | None = None) -> Path:
    """Where the page goes, checked: beside OUT unless it is given. Raises `OutputError` where it must not go."""
    folder = folder or _beside(out)
    if source is not None and lies_inside(folder, source):
        raise OutputError(f"{folder}: lies inside {source}", hint="give --to another folder")
    if lies_inside(folder, out):
        raise OutputError(f"{folder}: lies inside {out}", hint="give --to a folder beside it")
    if os.path.lexists(folder) and not folder.is_dir():
        raise OutputError(f"{folder}: is not a folder", hint="give --to another one; it is created if missing")
    page.check_place(folder)
    return folder


def _beside(out: Path) -> Path:
    """Not among the results: there it would be taken for some."""
    whole = out.resolve()
    return whole.with_name(f"{whole.name}-report") if whole.name else Path("archivecolor-report").resolve()


def _problems(previews: Sequence[Preview]) -> list[tuple[str, str]]:
    return [(preview.item.source, preview.problem) for preview in previews if preview.problem]
