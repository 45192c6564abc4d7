"""Recording the outcomes of a run's items: each line is written before its result gets its name.

The source is digested as it is begun and looked at again when its result is ready, so that a file that was still being
written, or was replaced meanwhile, fails rather than being recorded as what it is not.
"""

from __future__ import annotations

import platform
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

from archivecolor.errors import ArchiveColorError, InputError, OutputError
from archivecolor.jobs.atomic import AlreadyExistsError
from archivecolor.jobs.claims import Claim
from archivecolor.jobs.digests import look_at, read_open, read_state
from archivecolor.jobs.journal import FOLDER, Journal, has_journal, journal_path
from archivecolor.jobs.journal_index import Index
from archivecolor.jobs.records import (
    EngineUsed,
    Entry,
    FileState,
    Kind,
    RunRecord,
    Settings,
    Status,
    TimedConfidence,
    settings_digest,
)
from archivecolor.jobs.resume import Reason
from archivecolor.jobs.shards import Shard
from archivecolor.jobs.tasks import Task
from archivecolor.jobs.writers import claim_results
from archivecolor.settings import Luma


def now_utc() -> str:
    """The present moment, ISO 8601, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


@dataclass(frozen=True, slots=True)
class Begun:
    """An item under way."""

    task: Task
    source: FileState
    began_at: str
    clock_s: float

    @property
    def seconds(self) -> float:
        """Since it was begun."""
        return time.monotonic() - self.clock_s


def begin(task: Task) -> Begun:
    """Begin an item: digest its source. Raises `InputError`."""
    began_at, clock = now_utc(), time.monotonic()
    return Begun(task, read_state(task.source), began_at, clock)


class Notes(ABC):
    """What becomes of a run's items, put down one by one. Safe to use from several threads."""

    def __init__(self, out: Path, run: RunRecord, *, chosen: bool) -> None:
        """Of ``run``, into ``out``; ``chosen``: its items are named by hand."""
        self._out, self.run, self._chosen = out, run, chosen
        self.deliver: Callable[[Task, Path, Entry, Settings], None] | None = None
        """Takes a result that is whole where it belongs, before its line, which it is given, is written, if that is
        elsewhere."""

    @abstractmethod
    def write(self, entry: Entry, settings: Settings | None = None, *, wait: bool = True) -> None:
        """Have an entry written, and ``settings`` before it where they are new; without ``wait`` it may be on its way.

        Raises `DiskFullError` or `OutputError`.
        """

    def made(
        self,
        begun: Begun,
        status: Status,
        settings: Settings,
        target: Path,
        file: BinaryIO | FileState,
        warnings: tuple[str, ...] = (),
        confidence: float | None = None,
        least_sure: tuple[TimedConfidence, ...] = (),
        *,
        lost: tuple[str, ...] = (),
        luma: Luma = Luma.SAME,
    ) -> None:
        """Note a result that is whole in ``file``, was made with ``settings``, and is about to be named ``target``.

        Of a set of files ``file`` is their state; each of them is looked at once more when it gets its name.

        Raises `InputError` when its source is not what it was, `AlreadyExistsError` when ``target`` is taken by a file
        that is not the one to be replaced, and `OutputError` when it cannot be noted: then it must not be named.
        """
        task = begun.task
        if not look_at(task.source).looks_like(begun.source):
            raise InputError(f"{task.source}: changed while it was read", hint="run the same command again")
        replaced = read_state(target).sha256 if target.is_file() else None
        if replaced and task.reason is not Reason.OVERWRITE and replaced != task.replaces_sha256:
            raise AlreadyExistsError(f"{target}: already exists", hint="--overwrite replaces it")
        entry = self._entry(task, status, settings, begun)
        result = target.relative_to(self._out).as_posix()
        entry = replace(
            entry,
            result=result,
            result_file=file if isinstance(file, FileState) else read_open(file),
            replaces_sha256=replaced,
            warnings=warnings,
            confidence=confidence,
            least_sure=least_sure,
            lost=lost,
            luma=luma,
        )
        if self.deliver:
            self.deliver(task, target, entry, settings)
            entry = replace(entry, seconds=begun.seconds)
        self.write(entry, settings)

    def skipped(self, begun: Begun, settings: Settings, reason: str) -> None:
        """Note an item that needs no color. Raises `OutputError`."""
        entry = self._entry(begun.task, Status.SKIPPED, settings, begun)
        self.write(replace(entry, warnings=(reason,), replaces_sha256=begun.task.replaces_sha256), settings)

    def failed(self, name: str, source: Path, kind: Kind, error: ArchiveColorError, kept: str | None = None) -> None:
        """Note an item that failed; ``kept`` is the digest of its earlier result. Raises `OutputError`."""
        state = None
        with suppress(InputError):
            state = look_at(source)
        entry = Entry(name, kind, Status.FAILED, self.run.number, "", now_utc(), 0.0, state)
        reason = error.message.removeprefix(f"{source}: ")
        self.write(replace(entry, replaces_sha256=kept, chosen=self._chosen, error=reason, hint=error.hint))

    def _entry(self, task: Task, status: Status, settings: Settings, begun: Begun) -> Entry:
        return Entry(
            source=task.name,
            kind=task.kind,
            status=status,
            run=self.run.number,
            settings_digest=settings_digest(settings),
            began_at=begun.began_at,
            seconds=begun.seconds,
            source_file=begun.source,
            chosen=self._chosen or task.chosen,
        )


class Recorder(Notes):
    """Writes the lines of one run, the run's own before the first of them. Safe to use from several threads.

    The journal is opened at once where there is one, which keeps other runs out, and else made when it is needed:
    before the first item is begun, or the first failure is noted. A shard keeps its like out from the beginning; its
    run's number is its own among all shards of that number, whenever they begin.
    """

    def __init__(
        self,
        out: Path,
        version: str,
        *,
        chosen: bool,
        source: str | None = None,
        words: tuple[str, ...] = (),
        index: Index | None = None,
        shard: Shard | None = None,
    ) -> None:
        """Prepare a run, or a ``shard`` of one, from ``source``, an absolute path, into ``out``.

        ``words`` give its settings again.

        An ``index`` of its journal that is open already is brought up to date, and stays open. Raises `OutputError`
        while another run is writing.
        """
        self._out = out
        self._shard, self._claim = shard, self._claimed(shard) if shard else None
        self._journal = Journal(out) if shard is None and has_journal(out) else None
        self._opening = threading.Lock()
        self._owns_index = index is None
        try:
            self.index = index or Index(journal_path(out))
            self.index.refresh()
        except BaseException:
            self.close()
            raise
        nothing = EngineUsed("", "", "")
        number = self.index.last_run + 1
        if shard:
            number += (shard.index - number) % shard.count
        run = RunRecord(
            *(number, now_utc(), version, nothing),
            source=source,
            words=words,
            machine=platform.node(),
            shard=str(shard) if shard else None,
        )
        super().__init__(out, run, chosen=chosen)
        self._told = False
        self._settings: set[str] = set()
        """Digests of the settings that the journal has of this run."""

    @property
    def holds_journal(self) -> bool:
        """Whether other runs are kept out."""
        return self._journal is not None or self._claim is not None

    def claim(self) -> None:
        """Keep other runs out, from before the first item is begun. Raises `OutputError` where one came first."""
        with self._opening:
            if self._claim is None:
                self._journal = self._journal or self._open_new()

    def computed_by(self, engine: EngineUsed) -> None:
        """Say what computes the chroma, before the first item is made. Raises `OutputError`."""
        self.run = replace(self.run, engine=engine)
        self._told = False

    @property
    def journal(self) -> Path | None:
        """The file that the lines are written to, once there is any."""
        return self._journal.path if self._journal else None

    def noted(self, entry: Entry) -> None:
        """Write an entry again, with new times. Raises `OutputError`."""
        self.write(entry, wait=False)

    def sync(self) -> None:
        """Return when everything that was written is on the disk. Raises `DiskFullError` or `OutputError`."""
        if self._journal:
            self._journal.sync()

    def check(self) -> None:
        """Raise `OutputError` where the folder of results is not there any more."""
        if self._journal:
            self._journal.check()

    def close(self) -> None:
        """Sync, and let other runs write."""
        if self._journal:
            self._journal.close()
        if self._claim:
            self._claim.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._owns_index:
            self.index.close()
        self.close()

    def write(self, entry: Entry, settings: Settings | None = None, *, wait: bool = True) -> None:
        """Append an entry, and before it the run's own line where that is not there yet, or lacks ``settings``."""
        with self._opening:
            if settings is not None and entry.settings_digest not in self._settings:
                self._tell_run({entry.settings_digest: settings})
                self._settings.add(entry.settings_digest)
            journal = self._journal if self._journal and self._told else self._tell_run({})
        journal.add(entry, wait=wait)

    def _tell_run(self, settings: Mapping[str, Settings]) -> Journal:
        """Write the run's own line, with settings that are new; a reader puts those of one run together."""
        self._journal = self._journal or self._open_new()
        self._journal.add_run(replace(self.run, settings=settings))
        self._told = True
        return self._journal

    def _claimed(self, shard: Shard) -> Claim:
        try:
            return claim_results(self._out / FOLDER, self._out, shard)
        except OSError as e:
            raise OutputError(
                f"{self._out}: cannot be written to: {e.strerror}",
                hint="check its permissions or choose another folder",
            ) from e

    def _open_new(self) -> Journal:
        """Make the journal; another run may have made it, and results, since this one was planned."""
        if self._shard:
            return Journal(self._out, self._claim, self._shard, self.run.number)
        journal = Journal(self._out)
        if not journal.is_new:
            journal.close()
            raise OutputError(f"{self._out}: another run has written to it", hint="run the same command again")
        return journal
