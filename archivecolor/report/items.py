"""What there is to review: the journal's word on each source or, without a journal, what the folders show."""

from __future__ import annotations

import os
from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Final

from archivecolor.chroma.reels import reels
from archivecolor.errors import InputError
from archivecolor.film.sniff import looks_like_a_film, names_a_film
from archivecolor.jobs.discover import Item, walk
from archivecolor.jobs.file_sets import members, numbering
from archivecolor.jobs.journal import Entry, Kind, RunRecord, Status, has_journal, read_journal, read_runs
from archivecolor.jobs.records import TimedConfidence
from archivecolor.sequences.finding import of_known
from archivecolor.settings import Luma
from archivecolor.stills.sniff import names_a_picture, sniff
from archivecolor.text import as_people_sort

_NOT_THERE: Final = ("its result is not there", "the same folder command makes it again")
_NOT_BEGUN: Final = ("no run has reached it yet", "the same folder command continues")


class State(StrEnum):
    """What became of a source, for a reviewer."""

    COLORED = "colored"
    SKIPPED = "skipped"
    """In color already, and left as it is or copied."""
    FAILED = "failed"
    MISSING = "missing"
    """There should be a result, and there is none."""


@dataclass(frozen=True, slots=True)
class ReviewItem:
    """A source and what became of it."""

    source: str
    """Relative to SRC, ``/`` between its parts; bytes that are no UTF-8 are lone surrogates."""
    kind: Kind
    state: State
    result: str | None = None
    """Relative to OUT."""
    luma: Luma = Luma.SAME
    warnings: tuple[str, ...] = ()
    reason: str | None = None
    """Why it was not colored."""
    hint: str | None = None
    confidence: float | None = None
    least_sure: tuple[TimedConfidence, ...] = ()
    """Of a film: the shots to look at first."""
    engine: str | None = None
    machine: str | None = None
    """The name of the computer that made it, where the journal says."""
    seconds: float | None = None
    made_at: str = ""
    """UTC, ISO 8601: when it was begun."""
    painted: bool = False
    """Hints were painted for it."""
    redone: bool = False
    """It took the place of an earlier result."""
    run: int | None = None
    """The number of the run that made it; None for one that was of a list."""
    original: Path | None = None
    """The source itself, of what was left as it is and has no result."""


def find_items(out: Path, source: Path | None) -> list[ReviewItem]:
    """Everything to review, in the order of its folders.

    ``source`` adds what no run has come to yet. Raises `InputError` where there is nothing at all.
    """
    if not out.is_dir():
        raise InputError(f"{out}: there is no such folder", hint="give the OUT of a folder run")
    if source is not None and not source.is_dir():
        raise InputError(f"{source}: there is no such folder", hint="give --source the SRC of the folder run")
    on_record = has_journal(out)
    if on_record:
        runs = read_runs(out)
        items = {entry.source: item_of(entry, out, source, runs) for entry in read_journal(out)}
    elif source is None:
        items = {item.source: item for item in _results_alone(out)}
    else:
        items = {}
    if source is not None:
        for item in _paired(source, out, items.keys()):
            items.setdefault(item.source, item)
    if not items and not on_record:
        raise InputError(
            f"{out}: holds neither a journal nor results", hint="give the OUT of a folder run, or --source SRC as well"
        )
    return sorted(items.values(), key=lambda item: _by_folders(item.source))


def _by_folders(source: str) -> list[tuple[bool, str]]:
    """A key by which the files of a folder come together, before its folders."""
    *folders, name = source.split("/")
    return [*((True, as_people_sort(folder)) for folder in folders), (False, as_people_sort(name))]


def item_of(entry: Entry, out: Path, source: Path | None, runs: Mapping[int, RunRecord]) -> ReviewItem:
    """What the journal of ``out`` says of a source, for a reviewer."""
    run = runs.get(entry.run)
    item = ReviewItem(
        source=entry.source,
        kind=entry.kind,
        state=State.SKIPPED if entry.status is Status.COPIED else State(entry.status.value),
        result=entry.result,
        luma=entry.luma,
        warnings=entry.warnings,
        reason=_without_path(entry.error, entry.source),
        hint=entry.hint,
        confidence=entry.confidence,
        least_sure=entry.least_sure,
        engine=f"{entry.engine.generator}, {entry.engine.runtime}" if entry.engine else None,
        machine=entry.machine or (run.machine if run else None),
        seconds=entry.seconds,
        made_at=entry.began_at,
        painted=bool(run and "hints" in run.settings.get(entry.settings_digest, {})),
        redone=entry.replaces_sha256 is not None,
        run=None if entry.chosen else entry.run,
    )
    if entry.status is Status.COLORED and not _is_file(out, entry.result):
        return replace(item, state=State.MISSING, result=None, reason=_NOT_THERE[0], hint=_NOT_THERE[1])
    if item.state is State.SKIPPED:
        item = replace(item, reason="; ".join(entry.warnings) or None, warnings=())
        root = source or (Path(entry.root) if entry.root else None)
        if not _is_file(out, item.result) and root and _is_file(root, entry.source):
            item = replace(item, original=root / entry.source)
    return item if _is_file(out, item.result) else replace(item, result=None)


def _without_path(message: str | None, source: str) -> str | None:
    """An error's words without the path that they begin with, so that alike errors read alike."""
    if message is None:
        return None
    _, found, rest = message.partition(f"{source}: ")
    return rest if found else message


def _is_file(out: Path, result: str | None) -> bool:
    return result is not None and bool(
        os.path.isfile(out / result) or members(out / result)  # noqa: PTH113 - a path that cannot be followed is False
    )


def _results_alone(out: Path) -> Iterator[ReviewItem]:
    """Every picture and film below OUT, taken for a result of a source of the same name."""
    for name, kind in _pictures(walk(out, out, gather=reels)):
        yield ReviewItem(name, kind, State.COLORED, result=name)


def _paired(source: Path, out: Path, known: Container[str]) -> Iterator[ReviewItem]:
    """Every picture and film below SRC, with the result of its name; what is ``known`` is what a run took it for."""

    def gather(folder: Path, names: list[str]) -> dict[str, list[str]]:
        below = folder.relative_to(source)
        rest = [name for name in names if (below / name).as_posix() not in known]
        sure = of_known(rest, lambda name: (below / name).as_posix() in known)
        inside = {name for found in sure.values() for name in found}
        return {**sure, **reels(folder, [name for name in rest if name not in inside])}

    for name, kind in _pictures(walk(source, out, gather=gather)):
        result = _result_of(name, kind, out)
        if result is None:
            yield ReviewItem(name, kind, State.MISSING, reason=_NOT_BEGUN[0], hint=_NOT_BEGUN[1])
        else:
            yield ReviewItem(name, kind, State.COLORED, result=result)


def _pictures(found: Iterable[object]) -> Iterator[tuple[str, Kind]]:
    for thing in found:
        if not isinstance(thing, Item):
            continue
        kind = _kind(thing.source)
        if kind is not None:
            yield Path(thing.name).as_posix(), kind


def _kind(path: Path) -> Kind | None:
    """What a folder run takes it for; None for what it skips."""
    if numbering(path):
        return Kind.FILM
    if names_a_film(path.name):
        try:
            return Kind.FILM if looks_like_a_film(path) else None
        except InputError:  # empty, or cannot be read: the run fails at it
            return Kind.FILM
    if not names_a_picture(path.name):
        try:
            sniff(path)
        except InputError:
            return None
    return Kind.STILL


def _result_of(name: str, kind: Kind, out: Path) -> str | None:
    """The result of a source: of its own name or, when its format is another one, of its stem."""
    if _is_file(out, name):
        return name
    place, is_alike = out / name, names_a_film if kind is Kind.FILM else names_a_picture
    try:
        beside = sorted(p.name for p in place.parent.iterdir() if is_alike(p.name))
    except OSError:
        return None
    for candidate in beside:
        if candidate.startswith(f"{place.name}.") or Path(candidate).stem == place.stem:
            return (Path(name).parent / candidate).as_posix()
    return None
