"""The plan of a folder run: what each file of the tree is, and whether there is anything to do.

What needs no doing is counted and told here; what does waits in a `TaskFile`. Files are opened only when they are to be
colored, so that planning a large archive that is nearly done takes a walk and a look at the journal.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from archivecolor.errors import ArchiveColorError, InputError, OutputError
from archivecolor.film.sniff import is_a_film, looks_like_a_film, names_a_film, result_name
from archivecolor.jobs import bag
from archivecolor.jobs.atomic import clear_leftover, part_path
from archivecolor.jobs.bag import PAYLOAD, can_hold
from archivecolor.jobs.digests import look_at
from archivecolor.jobs.discover import Item, PassedBy, compile_patterns, walk
from archivecolor.jobs.file_sets import Numbering, numbering
from archivecolor.jobs.item_list import ItemList
from archivecolor.jobs.journal_index import Index
from archivecolor.jobs.recording import Recorder
from archivecolor.jobs.records import Entry, Kind, Settings
from archivecolor.jobs.resume import Decision, Reason, Rules, Wanted, decide
from archivecolor.jobs.tasks import Task
from archivecolor.jobs.watching import Watch
from archivecolor.runs.film import work
from archivecolor.runs.folder.belonging import SetsOfFrames, group_of
from archivecolor.runs.folder.item_settings import ItemSettings
from archivecolor.runs.folder.tally import Tally
from archivecolor.runs.listener import INFO, WARNING
from archivecolor.settings import Kinds
from archivecolor.stills.sniff import NotAPictureError, color_name, names_a_picture, sniff, suffix_of
from archivecolor.text import printable

log: Final = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Decided:
    """What is done with an item."""

    decision: Decision
    entry: Entry | None
    task: Task
    """For where it is to be made."""
    lacking: bool
    """Whether hints or the reference that it was made with are gone."""


@dataclass(slots=True)
class Planner:
    """Decides about every file of a tree."""

    source: Path
    out: Path
    items: ItemSettings
    tally: Tally
    stopped: Callable[[], bool]
    """Whether the run is to end."""
    bag: bool = False
    """Results lie in ``out``'s payload folder, under names that a bag can hold."""
    name: str = ""
    """What SRC is called in the journal; its path without any links where it is empty."""
    at_store: bool = False
    """Files are empty as yet: what they are called is believed, and no pictures are looked through for sequences."""
    watch: Watch | None = None
    """Takes files only when they are no longer being written, and once."""
    share: Callable[[str], bool] = lambda _: True
    """Whether a group of files of that name is this run's."""
    left_to_others: int = 0
    """Files that are the share of other runs."""
    films_of_others: list[tuple[str, str]] = field(default_factory=list)
    """Names and results of the films among them."""
    recorder: Recorder | None = None
    """None in a dry run, which writes nothing."""
    index: Index | None = None
    """What became of the items before; None where nothing is known."""
    only: tuple[str, ...] = field(init=False)
    listed: ItemList | None = field(init=False)
    """The items that a list names; None takes all."""
    rules: Rules = field(init=False)
    _root: str = field(init=False)
    """``source``, whatever name it was given by."""
    _missing: set[str] = field(init=False)
    """Names of the list that have not been met."""
    _sets: SetsOfFrames = field(init=False)
    _met: bool = False
    """Whether there was any file to decide about."""
    _parts: tuple[Path | None, frozenset[str]] = (None, frozenset())
    """The folder of results that is being looked through, and its half-written files."""
    _fitting: dict[tuple[int, Kind, str], frozenset[str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        run = self.items.run
        self._root = self.name or os.path.realpath(self.source)
        self.only = compile_patterns(run.only)
        self.listed = ItemList.read(run.only_from) if run.only_from else None
        self.rules = Rules(run.overwrite, self.listed is not None, run.forget_hints)
        self._missing = set(self.listed.names) if self.listed else set()
        self._sets = SetsOfFrames(self.source, self.tally.listener, looks=run.sequences and not self.at_store)

    def tasks(self) -> Iterator[Task]:
        """What is to be done; everything else is reported and recorded."""
        rename, only, listed = self._rename, self.only, self.listed
        for thing in walk(self.source, self.results, rename=rename, only=only, listed=listed, gather=self._sets.of):
            if self.stopped():
                return
            self._missing.discard(thing.name)
            self._met = True
            kind = Kind.FILM if names_a_film(thing.name) or numbering(thing.source) else Kind.STILL
            if not self._is_mine(thing, kind):
                continue
            if isinstance(thing, PassedBy):
                self._passed_by(thing, kind)
                continue
            try:
                task = self._task(thing, kind)
            except ArchiveColorError as e:
                if self.tally.listener.raised:
                    raise
                self._failed(thing.source, thing.name, kind, e)
            else:
                if task:
                    yield task

    def _is_mine(self, thing: Item | PassedBy, kind: Kind) -> bool:
        """Whether a file is of the kinds that are wanted, and this run's to decide about, now."""
        kinds = self.items.run.kinds
        wanted = kinds is Kinds.ALL or (kind is Kind.FILM) is (kinds is Kinds.FILMS)
        if not self.share(group_of(thing.name)):
            self.left_to_others += 1
            if wanted and kind is Kind.FILM and isinstance(thing, Item):
                self.films_of_others.append((thing.name, thing.result))
            return False
        if not wanted:
            return False
        return self.watch is None or self.watch.is_ready(thing.source, thing.name)

    def tell_all(self) -> None:
        """Say what is to be known once the whole of SRC was looked through."""
        self.tell_share()
        self.tell_missing()
        self.tell_unadvised()

    def tell_strange_hints(self) -> None:
        """Warn of painted layers that belong to no picture."""
        if self.items.hints:
            for layer in self.items.hints.strangers(self.source):
                self.tally.listener.message(WARNING, f"{layer}: there is no picture of that name")

    def tell_unadvised(self) -> None:
        """Warn of items that will be made without the hints or the reference that they were made with."""
        if self.tally.unadvised:
            told = f"to be made without the hints or the reference that they had: {self.tally.unadvised}"
            self.tally.listener.message(WARNING, told)

    def tell_share(self) -> None:
        """Say how much is left to other shards, lest somebody takes this one's counts for all there is."""
        if shard := self.items.run.shard:
            told = f"shard {shard}: {self.left_to_others} files are left to the other shards"
            self.tally.listener.message(INFO, told)

    def tell_missing(self) -> None:
        """Say which names of the list are in no folder, of another archive or moved, and that ``only`` took nothing."""
        if self.stopped():
            return
        if self.only and not self._met:
            self.tally.listener.message(WARNING, f"no file matches --only {' '.join(self.only)}")
        for name in sorted(filter(lambda name: self.share(group_of(name)), self._missing)):
            error = InputError(f"{self.source / name}: there is no such file", hint="the list names it")
            self.tally.failed(self.source / name, name, Kind.STILL, error)

    def _rename(self, name: str) -> str:
        """The result's name: the source's, or with the suffix of the format that was asked for."""
        if Numbering.of(name):
            return name
        if names_a_film(name):
            return result_name(name, self.items.run.encode)
        if self.items.run.output.format is None:
            return color_name(name)
        suffix = suffix_of(self.items.run.output.format)
        # 'plate.7' and 'plate.7.xmp' keep what is not a picture's suffix: they are two files
        return str(Path(name).with_suffix(suffix)) if names_a_picture(name) else name + suffix

    def _task(self, item: Item, kind: Kind) -> Task | None:
        # Without the journal a half-written file may be one that another run is writing
        holds = self.recorder is not None and self.recorder.holds_journal
        if holds and self._has_leftover(item) and clear_leftover(item.target):
            log.debug("%s: removed what a killed run had left", printable(item.name))
        if self.bag and not can_hold(item.target.name):
            raise OutputError(f"{item.source}: its name is not Unicode text, so a bag cannot list it", hint="rename it")
        found = self.decided(item, kind)
        decision = found.decision
        if decision.noted and self.recorder:
            self.recorder.noted(decision.noted)
        if not decision.make:
            self._left(item, kind, decision, found.entry)
            return None
        if not self._is_one(item, kind):
            return None
        self.tally.unadvised += found.lacking
        return found.task

    def decided(self, item: Item, kind: Kind) -> Decided:
        """What is to be done with an item; nothing is told or recorded."""
        result = f"{PAYLOAD}/{item.result}" if self.bag else item.result
        entry = self.index.lookup(item.name) if self.index else None
        known = self._known(entry)
        advice = {} if self.rules.forget_hints else self.items.advice(known, kind, item.name)
        items = self.items.with_recorded(advice)
        layers = items.layers(kind, item.name)
        lacking = items.lacks(known, layers, own=bool(layers) and "hints_path" not in advice)
        fitting = self._fit(items, kind, item, layers)
        wanted = Wanted(item.source, self.out, item.target, result, fitting, items.weights_sha256, lacking, self._root)
        decision = decide(wanted, entry, self.rules)
        if not decision.make and decision.reason in (Reason.DONE, Reason.FOREIGN) and work.is_unfinished(item.target):
            decision = Decision(make=True, reason=Reason.MISSING)
        task = Task(item.source, item.target, item.name, kind, decision.reason, decision.replaces_sha256, advice)
        if self.at_store and decision.make:
            task = replace(task, found=look_at(item.source))
        as_chosen = entry and entry.chosen and not self.rules.chosen
        if entry and entry.result and (self.rules.overwrite or as_chosen):
            recorded = {**advice, **self.items.chosen(entry, known)}
            task = replace(task, target=self.out / entry.result, recorded=recorded)
        return Decided(decision, entry, task, lacking)

    @property
    def results(self) -> Path:
        """The folder that results lie in: OUT, or a bag's in it."""
        return self.out / PAYLOAD if self.bag else self.out

    def _known(self, entry: Entry | None) -> Settings:
        """What an item was made with."""
        run = self.index.runs.get(entry.run) if self.index and entry and entry.result else None
        return run.settings.get(entry.settings_digest, {}) if run and entry else {}

    def _has_leftover(self, item: Item) -> bool:
        """Whether there is a half-written result. Each folder of results is searched once."""
        folder = item.target.parent
        if self._parts[0] != folder:
            parts: set[str] = set()
            with suppress(OSError), os.scandir(folder) as entries:  # it may not be made yet
                parts.update(entry.name for entry in entries if entry.name.endswith(".part"))
            self._parts = folder, frozenset(parts)
        return bool(self._parts[1]) and part_path(item.target).name in self._parts[1]

    def _fit(self, items: ItemSettings, kind: Kind, item: Item, layers: Mapping[str, Path]) -> frozenset[str]:
        if layers:
            return items.fitting(kind, item.target, layers)
        key = (id(items), kind, item.target.suffix)  # `with_recorded` gives the same for the same
        if key not in self._fitting:
            self._fitting[key] = items.fitting(kind, item.target, layers)
        return self._fitting[key]

    def _is_one(self, item: Item, kind: Kind) -> bool:
        """Whether the first bytes are what they should be; raises `InputError` for what was expected to be."""
        if self.at_store and numbering(item.source):
            why = "is a sequence of frames, and these are not made in a store"
            raise InputError(f"{item.source}: {why}", hint="copy its folder to a disk")
        if self.at_store and (names_a_film(item.name) or names_a_picture(item.name)):
            return True
        if kind is Kind.FILM:
            if numbering(item.source) or looks_like_a_film(item.source):
                return True
            self._passed_by(PassedBy(item.source, item.name, "is not a film", failed=False), kind)
            return False
        try:
            sniff(item.source)
        except NotAPictureError as e:
            if e.expected:
                raise
            if is_a_film(item.source):
                why = "is a film, though its name does not say so"
                raise InputError(
                    f"{item.source}: {why}", hint="give it the suffix of its kind, such as .mp4 or .mkv"
                ) from e
            reason = e.message.removeprefix(f"{item.source}: ")
            self._passed_by(PassedBy(item.source, item.name, reason, failed=False), kind)
            return False
        return True

    def _left(self, item: Item, kind: Kind, decision: Decision, entry: Entry | None) -> None:
        if decision.reason is Reason.SKIPPED and entry:
            why = entry.warnings[0] if entry.warnings else str(decision.reason)
            self.tally.in_color(item, kind, why, copied=False)
            return
        if kind is Kind.FILM and self.recorder and self.recorder.holds_journal:
            work.clear_leftover(item.target)
        self.tally.exists(item, kind, decision.reason)

    def _passed_by(self, thing: PassedBy, kind: Kind) -> None:
        if thing.failed:
            self._failed(thing.source, thing.name, kind, InputError(f"{thing.source}: {thing.reason}"))
        else:
            self.tally.passed_by(thing)

    def _failed(self, source: Path, name: str, kind: Kind, error: ArchiveColorError) -> None:
        self.tally.failed(source, name, kind, error)
        if self.items.run.fail_fast:
            self.tally.stopped_by = error
        elif self.recorder:
            self.recorder.failed(name, source, kind, error)


def make_out(planner: Planner) -> None:
    """Make the folder for the results before the first picture is colored, to know that it can be written to."""
    out = planner.out
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as e:
        raise OutputError(f"{out}: cannot be created: {e.strerror}", hint="choose another folder") from e
    if not os.access(out, os.W_OK | os.X_OK):
        raise OutputError(f"{out}: cannot be written to", hint="check its permissions or choose another folder")
    if planner.bag:
        bag.declare(out)
