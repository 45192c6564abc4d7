"""``archivecolor verify OUT``: prove that every result has the luma of its source and is the file that was written."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from archivecolor.cli import console, options
from archivecolor.errors import ArchiveColorError, InputError, UsageError, VerificationError
from archivecolor.text import printable


def verify(
    out: Annotated[Path, typer.Argument(metavar="OUT", help="Folder of results.")],
    source: Annotated[
        Path | None, typer.Option("--source", metavar="SRC", help="Folder that they were made from: compare luma.")
    ] = None,
    only: options.Only = None,
    jobs: options.Jobs = 0,
    max_megapixels: options.MaxMegapixels = None,
    json: options.Json = False,
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
    log_file: options.LogFile = None,
) -> None:
    """Prove that results have the luma of their sources, every pixel, and are as they were written.

    With --source every result is decoded and compared with its source. Where OUT has a journal, the digest of every
    result is compared with the one that was noted when it was written. One line a file that fails; exit code 8.
    """
    from archivecolor.chroma.still import cost_bytes
    from archivecolor.jobs import workers
    from archivecolor.jobs.discover import compile_patterns
    from archivecolor.jobs.journal import journal_path
    from archivecolor.resources import memory_bytes

    console.set_up_logging(quiet=quiet, verbose=verbose, log_file=log_file)
    for folder in (out, source):
        if folder and not folder.is_dir():
            raise InputError(f"{folder}: is no folder", hint="give the folders of the run")
    if source is None and not journal_path(out).exists():
        raise UsageError(f"{out}: has no journal to compare with", hint="give --source SRC, to compare the pictures")
    checker = _Checker(source, max_megapixels)
    results = _Results(out, source, compile_patterns(only or []))
    stages = workers.Stages(
        load=checker.check,
        compute=lambda outcomes: outcomes,
        save=lambda _, __, outcome: outcome,
        cost_bytes=lambda result: 2 * cost_bytes(result.path),
        group=lambda _: None,
    )
    counts: Counter[str] = Counter()
    outcomes = workers.run(
        results,
        stages,
        stop=lambda: False,
        threads=jobs or os.cpu_count() or 1,
        budget_bytes=int(memory_bytes() * 0.4),
    )
    for outcome in outcomes:
        reason = _reason(outcome.error, outcome.item) if outcome.error else outcome.result
        _tell(outcome.item, reason, counts, json=json)
    checked = counts["good"] + counts["bad"]
    if not checked:
        raise InputError(f"{out}: has no results", hint="give the OUT of a run")
    what = "their sources' luma" if source else "the digests that were noted; luma was not compared: give --source"
    console.log.info("%d of %d results have %s", counts["good"], checked, what)
    if counts["bad"]:
        raise VerificationError(f"{counts['bad']} of {checked} results are not what they should be")


@dataclass(frozen=True, slots=True)
class _Result:
    """A file of OUT, and what is known of it."""

    path: Path
    name: str
    source: Path | None
    is_film: bool = False
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
        from fnmatch import fnmatchcase

        return not self._only or any(fnmatchcase(name, p) or fnmatchcase(Path(name).name, p) for p in self._only)

    def _recorded(self) -> Iterator[_Result]:
        from archivecolor.jobs.journal import read_journal
        from archivecolor.jobs.records import Kind

        for entry in read_journal(self._out):
            if entry.result is None or not self._wanted(entry.result):
                continue
            path = self._out / entry.result
            self._seen.add(hash(entry.result))
            yield _Result(
                path,
                entry.result,
                self._source / entry.source if self._source else None,
                entry.kind is Kind.FILM,
                entry.result_file.sha256 if entry.result_file else None,
                entry.source_file.sha256 if entry.source_file else None,
            )

    def _found(self, source: Path) -> Iterator[_Result]:
        from archivecolor.jobs.discover import Item, walk
        from archivecolor.stills.sniff import NotAPictureError, sniff

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
    from archivecolor.stills.sniff import names_a_picture

    bare = named.with_suffix("")
    if named.exists() or not bare.parent.is_dir():
        return named
    if names_a_picture(bare.name) and bare.exists():
        return bare  # 'a.tif.png', where two sources would have had one name
    alike = [p for p in sorted(bare.parent.iterdir()) if p.stem == bare.name and names_a_picture(p.name)]
    return alike[0] if len(alike) == 1 else named


@dataclass(frozen=True, slots=True)
class _Checker:
    source: Path | None
    max_megapixels: int | None

    def check(self, result: _Result) -> str | None:
        """What is wrong with a result; None where nothing is. Raises what reading it raises."""
        from archivecolor.jobs.digests import read_state
        from archivecolor.runs.verify import compare_films, compare_stills

        sha256 = read_state(result.path).sha256 if result.sha256 else None
        if sha256 != result.sha256:
            return "is not the file that was written: its digest is another"
        if result.source is None:
            return None
        source_sha256 = read_state(result.source).sha256
        if result.source_sha256 and source_sha256 != result.source_sha256:
            return f"was made from another file than {result.source} is now"
        if source_sha256 == (sha256 or read_state(result.path).sha256):
            return None  # a copy of what was in colour already
        if result.is_film:
            finding = compare_films(result.source, result.path)
            return finding.reason if finding else None
        return compare_stills(result.source, result.path, max_megapixels=self.max_megapixels).reason


def _reason(error: ArchiveColorError, result: _Result) -> str:
    return error.message.removeprefix(f"{result.path}: ")


def _tell(result: _Result, reason: str | None, counts: Counter[str], *, json: bool) -> None:
    counts["bad" if reason else "good"] += 1
    name = printable(result.name)
    if reason:
        console.log.error("%s: %s", name, printable(reason))
    else:
        console.log.debug("%s: as it should be", name)
    if json:
        console.emit({"result": result.name, "status": "bad" if reason else "good", "reason": reason})
