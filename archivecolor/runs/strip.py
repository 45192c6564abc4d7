"""Taking the color off again: what is left is the luma, and that is the gray original.

From a JPEG the compressed bits of the luma are copied. Everywhere else the luma is written without loss. The record of
the coloring goes from the XMP; what else the file carries stays, the profile as the gray one of the same tone curve.
"""

from __future__ import annotations

import logging
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass, replace
from pathlib import Path

from archivecolor.chroma.still import cost_bytes
from archivecolor.color import UIntArray
from archivecolor.errors import ArchiveColorError, InputError, ItemsFailedError, OutputError
from archivecolor.jobs import workers
from archivecolor.jobs.atomic import AlreadyExistsError, atomic_write, copy_whole
from archivecolor.jobs.discover import Item, check_folders, compile_patterns, walk
from archivecolor.jobs.files import is_same_file
from archivecolor.jobs.journal import read_journal
from archivecolor.jobs.records import Kind, Status
from archivecolor.provenance.xmp import DamagedXmpError, without_record
from archivecolor.resources import usable_cores, working_budget_bytes
from archivecolor.runs.listener import ItemOutcome, ItemStatus, Listener, Progress, Silent, Unit
from archivecolor.runs.settings import check_jobs, check_megapixels
from archivecolor.settings import Luma, OutputSettings
from archivecolor.stills import Still, for_target, open_still, profiles, write_pages, write_still
from archivecolor.stills.sniff import NotAPictureError, sniff
from archivecolor.stills.still import Told
from archivecolor.text import printable

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class StripRecord:
    """The outcome of taking the color off."""

    stripped: int
    recoded: int
    """Of these, JPEGs whose luma could not be copied, and was coded anew."""
    existing: int
    """Results that were there already."""
    ignored: int
    """Films and other files that are no photographs."""
    failed: int

    def raise_for_failures(self) -> None:
        """Raise `ItemsFailedError` where a picture failed."""
        if self.failed:
            raise ItemsFailedError(f"{self.failed} failed", hint="fix them and run the same command again")


def strip(
    source: Path | str,
    out: Path | str,
    *,
    overwrite: bool = False,
    only: Iterable[str] = (),
    jobs: int = 0,
    max_megapixels: int | None = None,
    listener: Listener | None = None,
    stop: threading.Event | None = None,
) -> StripRecord:
    """Write the gray pictures inside colored ones: of one file into another, or of a folder into a folder.

    What a run copied because it was in color already is copied back. Raises `InputError` or `OutputError`; in a folder
    only before the first picture, for one that fails there is told to the listener and counted.
    """
    source, out, listener = Path(source), Path(out), listener or Silent()
    check_jobs(jobs)
    check_megapixels(max_megapixels)
    if source.is_dir():
        check_folders(source, out)
        found = walk(source, out, rename=_gray_name, only=compile_patterns(only))
        copied = {entry.result for entry in read_journal(source) if entry.status is Status.COPIED}

        def do(item: Item) -> Told:
            if Path(item.name).as_posix() not in copied:
                return strip_file(item.source, item.target, overwrite=overwrite, max_megapixels=max_megapixels)
            copy_whole(item.source, item.target, overwrite=overwrite)
            return Told(())

        counts: Counter[ItemStatus] = Counter()
        pictures = _pictures(found, counts)
        return _strip_all(pictures, do, counts, jobs or usable_cores(), listener, stop or threading.Event())
    if not source.exists():
        raise InputError(f"{source}: there is no such file")
    told = strip_file(source, out, overwrite=overwrite, max_megapixels=max_megapixels)
    listener.item_done(_stripped(source, source.name, out, told))
    return StripRecord(1, int(told.luma is Luma.RECODED), 0, 0, 0)


def _strip_all(
    items: Iterator[Item],
    do: Callable[[Item], Told],
    counts: Counter[ItemStatus],
    threads: int,
    listener: Listener,
    stop: threading.Event,
) -> StripRecord:
    recoded = 0
    stages = workers.Stages(
        load=do,
        compute=lambda told: told,
        save=lambda _, __, told: told,
        cost_bytes=lambda item: cost_bytes(item.source),
        group=lambda _: None,
    )
    finished = workers.run(items, stages, stop=stop.is_set, threads=threads, budget_bytes=working_budget_bytes())
    with closing(finished):
        for one in finished:
            outcome = _outcome(one.item, one.result or Told(()), one.error)
            recoded += outcome.luma is Luma.RECODED
            counts[outcome.status] += 1
            if outcome.status is ItemStatus.FAILED:
                listener.item_failed(outcome)
            else:
                listener.item_done(outcome)
            done, failed = counts.total() - counts[ItemStatus.IGNORED], counts[ItemStatus.FAILED]
            listener.progress(Progress("stripping", done, None, Unit.ITEMS, failed=failed))
    statuses = (ItemStatus.EXISTS, ItemStatus.IGNORED, ItemStatus.FAILED)
    return StripRecord(counts[ItemStatus.STRIPPED], recoded, *(counts[status] for status in statuses))


def _outcome(item: Item, told: Told, error: ArchiveColorError | None) -> ItemOutcome:
    if isinstance(error, AlreadyExistsError):
        return ItemOutcome(item.source, item.name, ItemStatus.EXISTS, Kind.STILL, item.target)
    if error:
        return ItemOutcome(item.source, item.name, ItemStatus.FAILED, Kind.STILL, error=error.message, hint=error.hint)
    return _stripped(item.source, item.name, item.target, told)


def _stripped(source: Path, name: str, target: Path, told: Told) -> ItemOutcome:
    status, kind = ItemStatus.STRIPPED, Kind.STILL
    return ItemOutcome(source, name, status, kind, target, luma=told.luma, warnings=told.warnings)


def _pictures(found: Iterable[object], counts: Counter[ItemStatus]) -> Iterator[Item]:
    for thing in found:
        if isinstance(thing, Item):
            try:
                sniff(thing.source)
            except NotAPictureError as e:
                counts[ItemStatus.IGNORED] += 1
                log.debug("%s: skipped, %s", printable(thing.name), e.message.rpartition(": ")[2])
            else:
                yield thing


def _gray_name(name: str) -> str:
    """A PPM becomes a PGM again."""
    path = Path(name)
    return str(path.with_suffix(".pgm")) if path.suffix.lower() == ".ppm" else name


def strip_file(source: Path, target: Path, *, overwrite: bool = False, max_megapixels: int | None = None) -> Told:
    """Write the gray picture inside a colored one, and tell of it. Raises `InputError` or `OutputError`."""
    if is_same_file(target, source):
        raise OutputError(f"{target}: is the source itself", hint="give the result another name")
    output = OutputSettings()
    first = _gray(for_target(open_still(source, max_megapixels=max_megapixels), output))

    def pages() -> Iterator[tuple[UIntArray, Still]]:
        yield first.luma, first
        for page in range(1, first.info.pages):
            still = _gray(open_still(source, page, max_megapixels=max_megapixels))
            yield still.luma, still

    with atomic_write(target, overwrite=overwrite) as file:
        if first.info.pages > 1:
            return write_pages(file, pages(), output)
        told = write_still(file, first.luma, first, output)
        return told._replace(warnings=first.warnings + told.warnings)


def _gray(still: Still) -> Still:
    """``still`` with the metadata of a gray picture."""
    icc, said = profiles.for_gray(still.metadata.icc)
    xmp = still.metadata.xmp
    if xmp:
        with suppress(DamagedXmpError):  # then there is no record in it either
            xmp = without_record(xmp)
    return replace(still, metadata=replace(still.metadata, icc=icc, xmp=xmp), warnings=(*still.warnings, *said))
