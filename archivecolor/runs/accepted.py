"""Copying the results that a reviewer accepted into a folder of their own, each at its place in the tree.

Copied is what was judged: a result that was made again, or whose file was written since, has to be looked at again.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from archivecolor.errors import ArchiveColorError, InputError, ItemsFailedError, OutputError
from archivecolor.jobs.atomic import AlreadyExistsError, DiskFullError, copy_whole
from archivecolor.jobs.digests import read_state
from archivecolor.jobs.discover import check_folders
from archivecolor.jobs.journal import has_journal, read_journal
from archivecolor.jobs.mark_book import Judged, applied, kept_marks
from archivecolor.jobs.marks import Mark, Verdict
from archivecolor.provenance.premis import sidecar_path
from archivecolor.runs.listener import WARNING, ItemOutcome, ItemStatus, Listener, Progress, Silent, Unit
from archivecolor.text import as_people_sort

_AGAIN = "look at it again, and accept it"


@dataclass(frozen=True, slots=True)
class AcceptedRecord:
    """The outcome of copying what was accepted."""

    copied: int
    existing: int
    """They were there already, byte for byte."""
    stale: int
    """Results with a mark that were made again since."""
    failed: int

    def raise_for_failures(self) -> None:
        """Raise `ItemsFailedError` where a result was not copied."""
        if self.failed:
            raise ItemsFailedError(f"{self.failed} were not copied", hint="the lines above say why")


def copy_accepted(
    out: Path | str,
    folder: Path | str,
    *,
    overwrite: bool = False,
    listener: Listener | None = None,
    stop: threading.Event | None = None,
) -> AcceptedRecord:
    """Copy each result of ``out`` that its marks accept to the same place below ``folder``, with its PREMIS if it has.

    Raises `InputError` where nothing was accepted, `OutputError` where ``folder`` will not do or the disk is full.
    """
    out, folder, listener, stop = Path(out), Path(folder), listener or Silent(), stop or threading.Event()
    check_folders(out, folder)
    marks = kept_marks(out)
    judged = _judged(out) if has_journal(out) else (Judged(path, path, "") for path in marks)
    found = applied(marks, judged)
    chosen = sorted(
        (m for m in found.marks.values() if m.verdict is Verdict.ACCEPTED), key=lambda mark: as_people_sort(mark.path)
    )
    for told in found.notes:
        listener.message(WARNING, told)
    if not chosen:
        raise InputError(
            f"{out}: none of its results is accepted", hint="accept some on the review page, and give its --marks FILE"
        )
    copied = existing = failed = 0
    for number, mark in enumerate(chosen, 1):
        if stop.is_set():
            break
        result = out / mark.path
        try:
            is_new = _copy(result, folder / mark.path, mark, overwrite=overwrite)
        except DiskFullError:
            raise
        except ArchiveColorError as e:
            failed += 1
            reason = e.message.removeprefix(f"{result}: ")
            listener.item_failed(ItemOutcome(result, mark.path, ItemStatus.FAILED, error=reason, hint=e.hint))
        else:
            copied, existing = copied + is_new, existing + (not is_new)
            status = ItemStatus.COPIED if is_new else ItemStatus.EXISTS
            listener.item_done(ItemOutcome(result, mark.path, status, target=folder / mark.path))
        listener.progress(Progress("copying", number, len(chosen), Unit.ITEMS, failed=failed))
    return AcceptedRecord(copied, existing, found.stale, failed)


def _judged(out: Path) -> Iterator[Judged]:
    return (Judged.of(entry.source, entry.result, entry.began_at) for entry in read_journal(out))


def _copy(result: Path, target: Path, mark: Mark, *, overwrite: bool) -> bool:
    """Copy a result, and its sidecar; False where the same file is there already."""
    try:
        written = datetime.fromtimestamp(result.stat().st_mtime, UTC)
    except FileNotFoundError as e:
        raise InputError(f"{result}: is not there any more", hint="the same folder command makes it again") from e
    except OSError as e:
        raise InputError(f"{result}: cannot be read: {e.strerror}", hint="check its permissions") from e
    if written > datetime.fromisoformat(mark.at):
        raise InputError(f"{result}: was written after it was accepted, at {mark.at}", hint=_AGAIN)
    is_new = _copy_file(result, target, overwrite=overwrite)
    if sidecar_path(result).is_file():
        _copy_file(sidecar_path(result), sidecar_path(target), overwrite=overwrite)
    return is_new


def _copy_file(source: Path, target: Path, *, overwrite: bool) -> bool:
    try:
        copy_whole(source, target, overwrite=overwrite)
    except AlreadyExistsError as e:
        if target.is_file() and read_state(target).sha256 == read_state(source).sha256:
            return False
        raise OutputError(
            f"{target}: exists, and is another file", hint="--overwrite replaces it; or give another folder"
        ) from e
    return True
