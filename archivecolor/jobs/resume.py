"""What a run does with an item that an earlier one has met: the rules, on one page.

A source is **changed** when its size or time of change differs *and* its digest does, too; one that was only touched
is noted with its new time. Settings are changed when one that matters to the item is: ``--quality`` does not to a PNG.

==============================  ===================  ==========================  =====================================
the journal says                the result           source, settings, generator  then
==============================  ===================  ==========================  =====================================
nothing                         is not there                                     make it (*new*)
nothing                         is there                                         leave it: it is not ours
colored or copied               is not there                                     make it (*its result is missing*)
colored or copied               is there             unchanged                   leave it (*done*), whoever touched it
colored or copied               as it was made       changed                     make it again
colored or copied               is another file      changed                     leave it: it is not ours
colored with hints, reference   is there             these are gone              leave it, unless told to forget them
any                             is there             of another SRC, and another  leave it: it belongs to that SRC
skipped: needs no color         is not there         unchanged                   leave it
skipped: needs no color         is not there         changed                     look at it again
failed                          is not there                                     try it again
failed or skipped               is there             what this item had          as if there were no result
failed or skipped               is there             anything else               leave it: it is not ours
==============================  ===================  ==========================  =====================================

``--overwrite`` makes everything. A result that is made again takes the place of the very file that was found, and of no
other: it is looked at once more before it is replaced. Items that were **chosen** (named by ``--only-from``) keep the
settings that they were chosen with: runs that do not name them make them again only when their source changed, and then
with those. Hints and a reference on record, and still there, are an item's own: a command that has none uses those.
"""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Final

from archivecolor.errors import InputError, OutputError
from archivecolor.jobs.digests import look_at, read_state
from archivecolor.jobs.file_sets import look_at_set
from archivecolor.jobs.records import Entry, FileState, Status


class Reason(StrEnum):
    """Why an item is made or left."""

    NEW = "new"
    OVERWRITE = "to be made again"
    MISSING = "its result is missing"
    SOURCE = "its source changed"
    SETTINGS = "the settings changed"
    GENERATOR = "the generator changed"
    FAILED = "it failed before"
    DONE = "done"
    SKIPPED = "needs no color"
    CHOSEN = "was chosen with settings of its own"
    LACKING = "was made with hints or a reference that are gone"
    FOREIGN = "exists, but no known run made it"
    ALTERED = "was altered since it was made"
    OTHER_SOURCE = "belongs to another SRC"


_LEFT: Final = {Reason.DONE, Reason.SKIPPED, Reason.CHOSEN}


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a run would make of an item."""

    source: Path
    out: Path
    target: Path
    result: str
    """``target``, relative to ``out``."""
    settings: frozenset[str]
    """Digests of settings that come to the same for this item."""
    weights_sha256: str
    lacking: bool = False
    """Hints or the reference that it was made with are not there any more, and the command has none in their place."""
    root: str | None = None
    """SRC as an absolute path."""


@dataclass(frozen=True, slots=True)
class Rules:
    """The run's options that matter here."""

    overwrite: bool = False
    chosen: bool = False
    """The items are named by hand."""
    forget_hints: bool = False
    """Results may be made again without the hints and the reference that they were made with."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What is done with an item."""

    make: bool
    reason: Reason
    replaces_sha256: str | None = None
    """Digest of the result that is there and may be replaced, it and no other."""
    noted: Entry | None = None
    """To be recorded: the same entry with the present times."""


def decide(wanted: Wanted, entry: Entry | None, rules: Rules) -> Decision:
    """Apply the rules above. Raises `InputError` where the source, `OutputError` where the result cannot be read."""
    made = None if entry is None else entry.result
    place = wanted.target if made in (None, wanted.result) else wanted.out / made
    if made and wanted.lacking and not rules.forget_hints and _look(place):
        return Decision(make=False, reason=Reason.LACKING)
    if rules.overwrite:
        return _anew(place, entry)
    there = _look(place)
    if entry is None:
        return Decision(make=False, reason=Reason.FOREIGN) if there else Decision(make=True, reason=Reason.NEW)
    if made and there is None:
        return Decision(make=True, reason=Reason.MISSING)
    if made and made != wanted.result and entry.status is Status.COLORED:  # another --format
        free = _look(wanted.target) is None
        return Decision(make=free, reason=Reason.SETTINGS if free else Reason.FOREIGN)
    reason, noted = _what_changed(wanted, entry, rules)
    if reason in _LEFT:
        if made and there and entry.replaces_sha256 and not there.looks_like(entry.result_file):
            return _after_power_cut(place, entry, Decision(make=False, reason=reason, noted=noted))
        return Decision(make=False, reason=reason, noted=noted)
    return _again(wanted, entry, place, there, reason)


def _again(wanted: Wanted, entry: Entry, place: Path, there: FileState | None, reason: Reason) -> Decision:
    """Make an item again, if what is there in its place may be replaced."""
    if there is None:
        return Decision(make=True, reason=reason)
    if reason is Reason.SOURCE and entry.root and wanted.root not in (None, entry.root):
        return Decision(make=False, reason=Reason.OTHER_SOURCE)
    owned = _owned(place, there, entry)
    if owned is None:
        return Decision(make=False, reason=Reason.ALTERED if entry.result else Reason.FOREIGN)
    return Decision(make=True, reason=reason, replaces_sha256=owned)


def _anew(place: Path, entry: Entry | None) -> Decision:
    """Replace whatever is there; keep its digest if it is known without reading the file."""
    if not os.path.lexists(place) and _look(place) is None:
        return Decision(make=True, reason=Reason.NEW)
    known = None
    with suppress(OutputError):
        there = _look(place)
        if there and entry and entry.result_file and there.looks_like(entry.result_file):
            known = entry.result_file.sha256
    return Decision(make=True, reason=Reason.OVERWRITE, replaces_sha256=known)


def _what_changed(wanted: Wanted, entry: Entry, rules: Rules) -> tuple[Reason, Entry | None]:
    """Why the item is to be made again or left, and the entry with new times where its source was only touched."""
    now, then, noted = look_at(wanted.source), entry.source_file, None
    if then is None or not now.looks_like(then):
        read = read_state(wanted.source) if then is not None and then.sha256 else now
        if then is None or then.sha256 is None or read.sha256 != then.sha256:
            return Reason.FAILED if then is None else Reason.SOURCE, None
        noted = replace(entry, source_file=read)
    if entry.status is Status.FAILED:
        return Reason.FAILED, None
    same_settings = entry.settings_digest in wanted.settings
    computed = entry.status is Status.COLORED and entry.engine is not None
    same_generator = not computed or (entry.engine and entry.engine.weights_sha256 == wanted.weights_sha256)
    if same_settings and same_generator:
        return Reason.SKIPPED if entry.status is Status.SKIPPED else Reason.DONE, noted
    if entry.chosen and not rules.chosen:
        return Reason.CHOSEN, noted
    return Reason.GENERATOR if same_settings else Reason.SETTINGS, None


def _after_power_cut(place: Path, entry: Entry, otherwise: Decision) -> Decision:
    """Find out whether the file there is the earlier result, which the one on record was to replace."""
    found = _read(place)
    if found.sha256 == entry.replaces_sha256:
        return Decision(make=True, reason=Reason.MISSING, replaces_sha256=found.sha256)
    if entry.result_file and found.sha256 == entry.result_file.sha256:
        return replace(otherwise, noted=replace(otherwise.noted or entry, result_file=found, replaces_sha256=None))
    return otherwise


def _owned(place: Path, there: FileState, entry: Entry) -> str | None:
    """The digest of the file that is there, if a run on record made it."""
    if entry.result_file and there.looks_like(entry.result_file):
        return entry.result_file.sha256
    ours = {entry.result_file.sha256 if entry.result_file else None, entry.replaces_sha256} - {None}
    digest = _read(place).sha256 if ours else None
    return digest if digest in ours else None


def _look(path: Path) -> FileState | None:
    """What has a result's name; raises `OutputError` where that cannot be a result."""
    try:
        if found := look_at_set(path):
            return found
        status = os.stat(path)  # noqa: PTH116 - a million times: twice as fast
    except FileNotFoundError:
        if not path.is_symlink():
            return None
    except OSError as e:
        raise OutputError(f"{path}: cannot be examined: {e.strerror}", hint="check its permissions") from e
    else:
        if stat.S_ISREG(status.st_mode) and status.st_size:
            return FileState(status.st_size, status.st_mtime_ns)
    raise OutputError(f"{path}: exists and is not a picture", hint="remove it, or use --overwrite")


def _read(path: Path) -> FileState:
    try:
        return read_state(path)
    except InputError as e:
        raise OutputError(e.message, hint=e.hint) from e
