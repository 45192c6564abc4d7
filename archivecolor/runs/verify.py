"""Whether every result of a folder has the luma of its source and is the file that was written."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from archivecolor.chroma.still import cost_bytes
from archivecolor.errors import InputError, UsageError, VerificationError
from archivecolor.jobs import workers
from archivecolor.jobs.digests import read_state
from archivecolor.jobs.discover import Item, compile_patterns, walk
from archivecolor.jobs.journal import journal_path, read_journal
from archivecolor.jobs.records import Kind
from archivecolor.resources import usable_cores, working_budget_bytes
from archivecolor.runs.listener import ItemOutcome, ItemStatus, Listener, Progress, Silent, Unit
from archivecolor.runs.luma_check import compare_films, compare_stills
from archivecolor.runs.settings import check_jobs, check_megapixels
from archivecolor.stills.sniff import NotAPictureError, names_a_picture, sniff


@dataclass(frozen=True, slots=True)
class VerifyRecord:
    """What a verification found."""

    good: int
    bad: int
    compared: bool
    """Whether pictures were compared with their sources, not digests alone."""

    @property
    def checked(self) -> int:
        """How many results there were."""
        return self.good + self.bad

    def raise_for_failures(self) -> None:
        """Raise `VerificationError` where a result is not what it should be."""
        if self.bad:
            raise VerificationError(f"{self.bad} of {self.checked} results failed verification")


def verify(
    out: Path | str,
    source: Path | str | None = None,
    *,
    only: Iterable[str] = (),
    jobs: int = 0,
    max_megapixels: int | None = None,
    listener: Listener | None = None,
    stop: threading.Event | None = None,
) -> VerifyRecord:
    """Compare every result below ``out`` with its source below ``source``, and with the digest that was noted of it.

    Results that are not what they should be are told to the listener as failed, with the reason. Raises `InputError`
    where there are no results, `UsageError` where there is nothing to compare them with.
    """
    out, source, listener = Path(out), Path(source) if source else None, listener or Silent()
    check_jobs(jobs)
    check_megapixels(max_megapixels)
    for folder in (out, source):
        if folder and not folder.is_dir():
            raise InputError(f"{folder}: is not a folder", hint="give the folders of the run")
    if source is None and not journal_path(out).exists():
        raise UsageError(f"{out}: has no journal to compare with", hint="give --source SRC, to compare the pictures")
    checker = _Checker(max_megapixels)
    stages = workers.Stages(
        load=checker.check,
        compute=lambda reasons: reasons,
        save=lambda _, __, reason: reason,
        cost_bytes=lambda result: 2 * cost_bytes(result.path),
        group=lambda _: None,
    )
    outcomes = workers.run(
        _Results(out, source, compile_patterns(only)),
        stages,
        stop=(stop or threading.Event()).is_set,
        threads=jobs or usable_cores(),
        budget_bytes=working_budget_bytes(),
    )
    good = bad = 0
    with closing(outcomes):
        for finished in outcomes:
            result, error = finished.item, finished.error
            reason = error.message.removeprefix(f"{result.path}: ") if error else finished.result
            status = ItemStatus.BAD if reason else ItemStatus.GOOD
            outcome = ItemOutcome(result.path, result.name, status, result.kind, reason=reason)
            if reason:
                bad += 1
                listener.item_failed(outcome)
            else:
                good += 1
                listener.item_done(outcome)
            listener.progress(Progress("checking", good + bad, None, Unit.ITEMS, failed=bad))
    if not good + bad and not (stop and stop.is_set()):
        raise InputError(f"{out}: has no results", hint="give the OUT of a run")
    return VerifyRecord(good, bad, compared=source is not None)


@dataclass(frozen=True, slots=True)
class _Result:
    """A file of OUT, and what is known of it."""

    path: Path
    name: str
    source: Path | None
    kind: Kind = Kind.STILL
    sha256: str | None = None
    """What the journal says of it."""
    source_sha256: str | None = None


class _Results:
    """The results on record, and then those that only lie there. Memory: 8 bytes a result."""

    def __init__(self, out: Path, source: Path | None, only: tuple[str, ...]) -> None:
        self._out, self._source, self._only = out, source, only
        self._seen: set[int] = set()

    def __iter__(self) -> Iterator[_Result]:
        yield from self._recorded()
        if self._source:
            yield from self._found(self._source)

    def _wanted(self, name: str) -> bool:
        return not self._only or any(fnmatchcase(name, p) or fnmatchcase(Path(name).name, p) for p in self._only)

    def _recorded(self) -> Iterator[_Result]:
        for entry in read_journal(self._out):
            if entry.result is None or not self._wanted(entry.result):
                continue
            self._seen.add(hash(entry.result))
            yield _Result(
                self._out / entry.result,
                entry.result,
                self._source / entry.source if self._source else None,
                entry.kind,
                entry.result_file.sha256 if entry.result_file else None,
                entry.source_file.sha256 if entry.source_file else None,
            )

    def _found(self, source: Path) -> Iterator[_Result]:
        for thing in walk(self._out, source):
            name = Path(thing.name).as_posix()
            if not isinstance(thing, Item) or hash(name) in self._seen or not self._wanted(name):
                continue
            try:
                sniff(thing.source)
            except NotAPictureError:
                continue
            yield _Result(thing.source, name, _source_of(source / thing.name))


def _source_of(named: Path) -> Path:
    """The source of a result that no journal tells of: of its name, or of its name with another suffix."""
    bare = named.with_suffix("")
    if named.exists() or not bare.parent.is_dir():
        return named
    if names_a_picture(bare.name) and bare.exists():
        return bare  # 'a.tif.png', where two sources would have had one name
    alike = [p for p in sorted(bare.parent.iterdir()) if p.stem == bare.name and names_a_picture(p.name)]
    return alike[0] if len(alike) == 1 else named


@dataclass(frozen=True, slots=True)
class _Checker:
    max_megapixels: int | None

    def check(self, result: _Result) -> str | None:
        """What is wrong with a result; None where nothing is. Raises what reading it raises."""
        sha256 = read_state(result.path).sha256 if result.sha256 else None
        if sha256 != result.sha256:
            return "is not the file that was written: its digest differs"
        if result.source is None:
            return None
        source_sha256 = read_state(result.source).sha256
        if result.source_sha256 and source_sha256 != result.source_sha256:
            return f"was made from a different file than {result.source} is now"
        if source_sha256 == (sha256 or read_state(result.path).sha256):
            return None  # a copy of what was in color already
        if result.kind is Kind.FILM:
            finding = compare_films(result.source, result.path)
            return finding.reason if finding else None
        return compare_stills(result.source, result.path, max_megapixels=self.max_megapixels).reason
