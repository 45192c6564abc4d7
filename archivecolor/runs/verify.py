"""Whether every result of a folder has the luma of its source and is the file that was written."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Final

from archivecolor.chroma.reels import scans
from archivecolor.chroma.still import cost_bytes
from archivecolor.errors import InputError, NotProvableError, UsageError, VerificationError
from archivecolor.film.sniff import looks_like_a_film, names_a_film
from archivecolor.jobs import workers
from archivecolor.jobs.digests import read_state
from archivecolor.jobs.discover import Item, compile_patterns, walk
from archivecolor.jobs.file_sets import numbering
from archivecolor.jobs.journal import has_journal, read_journal, read_runs
from archivecolor.jobs.records import Kind, Settings
from archivecolor.resources import usable_cores, working_budget_bytes
from archivecolor.runs.at_stores import AtStores, told_of
from archivecolor.runs.fetched import Fetched
from archivecolor.runs.frames_check import compare_sequences
from archivecolor.runs.listener import ItemOutcome, ItemStatus, Listener, Progress, Silent, Unit
from archivecolor.runs.luma_check import Finding, Verdict, compare_films, compare_stills, wrong
from archivecolor.runs.settings import check_jobs, check_megapixels
from archivecolor.sequences.finding import of_known
from archivecolor.settings import Luma
from archivecolor.stills.sniff import is_a_picture, names_a_picture
from archivecolor.storage.urls import StoreURL, placed

_EXPANDS: Final = 40
"""Memory for a byte of a result that is not here yet."""
_ORDER: Final = (
    ItemStatus.PROVED,
    ItemStatus.UNCHANGED,
    ItemStatus.RECODED,
    ItemStatus.NOT_PROVABLE,
    ItemStatus.WRONG,
)


@dataclass(frozen=True, slots=True)
class VerifyRecord:
    """What a verification found, as numbers of results."""

    proved: int
    """Their luma is their sources', every pixel."""
    unchanged: int
    """They are the files that were written; their luma was not compared."""
    recoded: int
    """JPEGs whose luma could not be copied and was compressed again; they are near their sources."""
    not_provable: int
    """They were coded with loss, as was asked for; they are near their sources."""
    wrong: int

    @property
    def checked(self) -> int:
        """How many results there were."""
        return self.proved + self.unchanged + self.recoded + self.not_provable + self.wrong

    def raise_for_failures(self) -> None:
        """Raise `VerificationError` where a result is wrong, `NotProvableError` where one cannot be proved."""
        if self.wrong:
            raise VerificationError(
                f"{self.wrong} of {self.checked} results failed verification",
                hint="the lines above say why; make those again: folder --only-from, --overwrite",
            )
        if unproved := self.recoded + self.not_provable:
            raise NotProvableError(
                f"{unproved} of {self.checked} results cannot be proved",
                hint="-v says why; lossless formats such as --format tiff can be, and films made --for master",
            )


def verify(
    out: Path | str | StoreURL,
    source: Path | str | StoreURL | None = None,
    *,
    only: Iterable[str] = (),
    jobs: int = 0,
    max_megapixels: int | None = None,
    listener: Listener | None = None,
    stop: threading.Event | None = None,
) -> VerifyRecord:
    """Compare every result below ``out`` with its source below ``source``, and with the digest that was noted of it.

    Results that are not what they should be are told to the listener as failed, with the reason. Raises `InputError`
    where there are no results, `UsageError` where there is nothing to compare them with. Of a folder in a store, a
    URL, what the journal names is fetched piece by piece and compared.
    """
    places = placed(out), placed(source) if source else None
    check_jobs(jobs)
    check_megapixels(max_megapixels)
    options = (compile_patterns(only), jobs, max_megapixels)
    if isinstance(places[0], Path) and not isinstance(places[1], StoreURL):
        return _verify(places[0], places[1], *options, listener or Silent(), stop)
    with Fetched(*places) as fetched:
        heard = AtStores(listener or Silent(), fetched.shown)
        return _verify(fetched.out, fetched.source, *options, heard, stop, fetched)


def _verify(
    out: Path,
    source: Path | None,
    only: tuple[str, ...],
    jobs: int,
    max_megapixels: int | None,
    listener: Listener,
    stop: threading.Event | None,
    fetched: Fetched | None = None,
) -> VerifyRecord:
    named = told_of(str(out), fetched.shown if fetched else ())
    for folder in (out, source):
        if folder and not folder.is_dir():
            raise InputError(f"{folder}: is not a folder", hint="give the folders of the run")
    if source is None and not has_journal(out):
        raise UsageError(f"{named}: has no journal to compare with", hint="give --source SRC, to compare the pictures")
    checker = _Checker(max_megapixels, fetched)
    stages = workers.Stages(
        load=checker.check,
        compute=lambda reasons: reasons,
        save=lambda _, __, reason: reason,
        cost_bytes=lambda result: 2 * (_EXPANDS * result.size_bytes if fetched else cost_bytes(result.path)),
        group=lambda _: None,
    )
    outcomes = workers.run(
        _Results(out, source, only, recorded_only=fetched is not None),
        stages,
        stop=(stop or threading.Event()).is_set,
        threads=jobs or usable_cores(),
        budget_bytes=working_budget_bytes(),
    )
    counts: Counter[ItemStatus] = Counter()
    with closing(outcomes):
        for finished in outcomes:
            result, error = finished.item, finished.error
            found = finished.result or wrong((error.message if error else "").removeprefix(f"{result.path}: "))
            status = ItemStatus(found.verdict) if source or found.verdict is Verdict.WRONG else ItemStatus.UNCHANGED
            counts[status] += 1
            outcome = ItemOutcome(result.path, result.name, status, result.kind, reason=found.reason)
            if status is ItemStatus.WRONG:
                listener.item_failed(outcome)
            else:
                listener.item_done(outcome)
            done, failed = counts.total(), counts[ItemStatus.WRONG]
            listener.progress(Progress("checking", done, None, Unit.ITEMS, failed=failed))
    if not counts and not (stop and stop.is_set()):
        raise InputError(f"{named}: has no results", hint="give the OUT of a run")
    return VerifyRecord(*(counts[status] for status in _ORDER))


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
    luma: Luma = Luma.SAME
    """What the run noted of it."""
    lost: tuple[str, ...] = ()
    """What the run said that a film lacks."""
    settings: Settings = field(default_factory=dict)
    """What it was made with, as far as that is known."""
    size_bytes: int = 0
    """What the journal says of it."""


class _Results:
    """The results on record, and then those that are not. Memory: 8 bytes per result."""

    def __init__(self, out: Path, source: Path | None, only: tuple[str, ...], *, recorded_only: bool) -> None:
        self._out, self._source, self._only, self._recorded_only = out, source, only, recorded_only
        self._seen: set[int] = set()

    def __iter__(self) -> Iterator[_Result]:
        yield from self._recorded()
        if self._source and not self._recorded_only:
            yield from self._found(self._source)

    def _wanted(self, name: str) -> bool:
        return not self._only or any(fnmatchcase(name, p) or fnmatchcase(Path(name).name, p) for p in self._only)

    def _recorded(self) -> Iterator[_Result]:
        runs = read_runs(self._out)
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
                entry.luma,
                entry.lost,
                runs[entry.run].settings.get(entry.settings_digest, {}) if entry.run in runs else {},
                entry.result_file.size_bytes if entry.result_file else 0,
            )

    def _gather(self, folder: Path, names: list[str]) -> dict[str, list[str]]:
        """Frames that are one result: scans, and what is on record as a sequence; others are proved one by one."""
        below = folder.relative_to(self._out)
        on_record = of_known(names, lambda name: hash((below / name).as_posix()) in self._seen)
        return {**scans(folder, names), **on_record}

    def _found(self, source: Path) -> Iterator[_Result]:
        for thing in walk(self._out, source, gather=self._gather):
            name = Path(thing.name).as_posix()
            if not isinstance(thing, Item) or hash(name) in self._seen or not self._wanted(name):
                continue
            if numbering(thing.source):
                yield _Result(thing.source, name, source / thing.name, Kind.FILM)
            elif names_a_film(name):
                if looks_like_a_film(thing.source):
                    yield _Result(thing.source, name, _source_of(source / thing.name, names_a_film), Kind.FILM)
            elif is_a_picture(thing.source):
                yield _Result(thing.source, name, _source_of(source / thing.name, names_a_picture))


def _source_of(named: Path, is_one: Callable[[str], bool]) -> Path:
    """The source of a result that is in no journal: of its name, or of its name with another suffix."""
    bare = named.with_suffix("")
    if named.exists() or not bare.parent.is_dir():
        return named
    if is_one(bare.name) and bare.exists():
        return bare  # 'a.tif.png', where two sources would have had one name
    alike = [p for p in sorted(bare.parent.iterdir()) if p.stem == bare.name and is_one(p.name)]
    return alike[0] if len(alike) == 1 else named


@dataclass(frozen=True, slots=True)
class _Checker:
    max_megapixels: int | None
    fetched: Fetched | None = None

    def check(self, result: _Result) -> Finding:
        """Check a result. Raises what reading it raises."""
        if self.fetched is None:
            return self._checked(result)
        files = [path for path in (result.path, result.source) if path]
        try:
            for path in files:
                self.fetched.fetch(path)
            return self._checked(result)
        finally:
            for path in files:
                self.fetched.forget(path)

    def _checked(self, result: _Result) -> Finding:
        sha256 = read_state(result.path).sha256 if result.sha256 else None
        if sha256 != result.sha256:
            return wrong("is not the file that was written: its digest differs")
        if result.source is None:
            return Finding()
        source_sha256 = read_state(result.source).sha256
        if result.source_sha256 and source_sha256 != result.source_sha256:
            return wrong(f"was made from a different file than {result.source} is now")
        if source_sha256 == (sha256 or read_state(result.path).sha256):
            return Finding()  # a copy of what was in color already
        if result.kind is Kind.FILM:
            if result.settings.keys() & {"start_s", "end_s"}:
                return Finding(Verdict.NOT_PROVABLE, "holds a part of its source")
            if numbering(result.source) and numbering(result.path):
                return compare_sequences(result.source, result.path, luma=result.luma)
            return compare_films(result.source, result.path, named=result.lost)
        return compare_stills(result.source, result.path, luma=result.luma, max_megapixels=self.max_megapixels)
