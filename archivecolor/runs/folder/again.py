"""Making single items of a folder run again, with an engine that stays loaded: for somebody who looks on.

An item is made with the settings that the journal says it was made with, and the layers that are painted now. What a
journal cannot say is found beside the result (a sidecar, a confidence map) or was given (the reference, keys to sign
with); where it is missing, the item is refused rather than made otherwise than before. The rules of `jobs.resume` hold:
what somebody else put in a result's place stays.
"""

from __future__ import annotations

import os
import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Final

from archivecolor.chroma.still import Colorizer
from archivecolor.errors import ArchiveColorError, InputError, OutputError
from archivecolor.film.sniff import result_name
from archivecolor.inference.catalog import EngineFolder
from archivecolor.inference.engine import Engine
from archivecolor.jobs import bag
from archivecolor.jobs.journal import confidence_path, journal_path
from archivecolor.jobs.journal_index import Index
from archivecolor.jobs.recording import Recorder
from archivecolor.jobs.records import EngineUsed, Entry, Kind, RunRecord, Settings, Status
from archivecolor.jobs.resume import Decision, Reason, Rules, Wanted, decide
from archivecolor.jobs.tasks import Task
from archivecolor.provenance.premis import is_foreign, sidecar_path
from archivecolor.provenance.signing import ContentSigner, is_signed
from archivecolor.runs.folder.films_clock import FilmsClock
from archivecolor.runs.folder.item_settings import (
    REFERENCES,
    ItemSettings,
    layers_in,
    references_in,
    settings_of,
    without_advice,
)
from archivecolor.runs.folder.run import FolderRun
from archivecolor.runs.folder.tally import FolderRecord, Tally
from archivecolor.runs.listener import Listener, Relay
from archivecolor.runs.settings import FolderSettings
from archivecolor.settings import AlreadyColor, ColorSettings, OutputSettings, StillFormat
from archivecolor.stills.sniff import color_name, suffix_of
from archivecolor.stills.traits import TRAITS
from archivecolor.version import __version__

_FORMATS: Final = {suffix: kind for kind, traits in TRAITS.items() for suffix in traits.suffixes}
_SAME_COMMAND: Final = "the folder command makes it again"


class NothingToDoError(ArchiveColorError):
    """An item is as it would be made. Nothing is wrong with it."""


@dataclass(frozen=True, slots=True)
class Again:
    """What is to be made again."""

    name: str
    """The source's path below SRC."""
    anyway: bool = False
    """Color it, though it is in color already."""
    forget_hints: bool = False
    """Layers that it was made with and that are not there any more were taken away on purpose."""


class Remaker:
    """Makes items of one OUT again. Safe to use from several threads; a still and a film may be made side by side."""

    def __init__(
        self,
        source: Path,
        out: Path,
        engine: Engine,
        generator: EngineFolder,
        base: FolderSettings,
        signer: ContentSigner | None = None,
    ) -> None:
        """``base`` says where the hints and the reference lie, and how many threads there are.

        Raises `OutputError` where the journal cannot be read.
        """
        self.source, self.out = source, out
        self._engine, self._generator, self._base, self._signer = engine, generator, base, signer
        self._index = Index(journal_path(out))
        self._reading, self._lending = threading.Lock(), threading.Lock()
        self._recorder: Recorder | None = None
        self._borrowers = 0
        self._made = False
        self._colorizer: Colorizer | None = None

    def make(self, again: Again, listener: Listener | None = None, stop: threading.Event | None = None) -> FolderRecord:
        """Make one item; a film that was stopped continues from its last finished segment.

        What becomes of it is told to the listener and in the record, of which `not_begun` is 1 where it was stopped.
        Raises `BusyError` while another run is writing, `NothingToDoError` where it would come out the same, and
        `InputError` or `OutputError` where it cannot be made at all.
        """
        stop, tally = stop or threading.Event(), Tally(Relay(listener))
        with self._writing() as recorder:
            task, items = self._plan(again)
            colorizer = self._colorizer_for(items.run.color)
            run = FolderRun(self.out, colorizer, items, recorder, tally, stop, stop.is_set, self._signer)
            with tally.listener.heard():
                counts = Counter([task.kind])
                if task.kind is Kind.STILL:
                    run.stills(iter([task]), counts)
                else:
                    run.films(iter([task]), counts, FilmsClock(tally.listener, [task.source]))
            self._made = True
        return tally.record(not_begun=1 - tally.ended)

    def entry(self, name: str) -> Entry | None:
        """What the journal says of an item now. Raises `OutputError`."""
        with self._reading:
            self._index.refresh()
            return self._index.lookup(name)

    @property
    def runs(self) -> Mapping[int, RunRecord]:
        """The runs of the journal, by their numbers."""
        return self._index.runs

    def settle(self) -> None:
        """Bring the manifests of a bag up to date, if anything was made in one. Raises `OutputError`."""
        if self._made and bag.is_bag(self.out):
            with self._writing():
                bag.seal(self.out, f"archivecolor {__version__}")
        self._made = False

    def close(self) -> None:
        """Let go of the journal. The engine stays open."""
        self._index.close()

    @contextmanager
    def _writing(self) -> Iterator[Recorder]:
        """The recorder that all items under way share; other runs are kept out meanwhile, and let in between."""
        with self._lending:
            if self._recorder is None:
                with self._reading:
                    where, runs = os.path.realpath(self.source), self._index.runs
                    words = runs[max(runs)].words if runs else ()  # for the page to print; they are those of the items
                    self._recorder = Recorder(
                        self.out, __version__, chosen=False, source=where, words=words, index=self._index
                    )
                weights = ItemSettings(self._base, self._generator).weights_sha256
                used = EngineUsed(self._generator.name, weights, self._engine.description)
                self._recorder.computed_by(used)
            self._borrowers += 1
            recorder = self._recorder
        try:
            yield recorder
        finally:
            with self._lending:
                self._borrowers -= 1
                if not self._borrowers:
                    self._recorder = None
                    recorder.close()

    def _plan(self, again: Again) -> tuple[Task, ItemSettings]:
        """What is to be done, and with which settings; raises where there is nothing, or it must not be."""
        name, entry = again.name, self.entry(again.name)
        if entry is None:
            raise InputError(f"{name}: no run has come to it", hint=_SAME_COMMAND)
        made_with = self._made_with(entry)
        target, still_format = self._target(entry, made_with)
        signed = entry.status is Status.COLORED and entry.kind is Kind.STILL and is_signed(target)
        if signed and self._signer is None:
            raise InputError(f"{name}: its result is signed", hint="give the key to sign it again with: --sign-key")
        items = self._items(entry, made_with, target, still_format, anyway=again.anyway)
        layers = items.layers(entry.kind, name)
        if (lost := layers_in(made_with) - layers.keys()) and not again.forget_hints:
            raise InputError(
                f"{name}: was painted with layers that are not there: {', '.join(sorted(lost))}",
                hint="give --hints-dir the folder that they lie in, or take its hints away",
            )
        wanted = Wanted(
            self.source / name,
            self.out,
            target,
            target.relative_to(self.out).as_posix(),
            items.fitting(entry.kind, target, layers),
            items.weights_sha256,
            root=os.path.realpath(self.source),
        )
        decision = decide(wanted, entry, Rules(chosen=True, forget_hints=True))
        _check(decision, name)
        task = Task(
            *(self.source / name, target, name, entry.kind, decision.reason, decision.replaces_sha256),
            chosen=entry.chosen,
        )
        return task, items

    def _made_with(self, entry: Entry) -> Settings:
        """The settings that an item was made with or, of one that was not colored, those of its kind in its run."""
        runs = self._index.runs
        own = runs[entry.run].settings.get(entry.settings_digest, {}) if entry.run in runs else {}
        if own.get("kind") == entry.kind:
            return own
        if entry.status is Status.COLORED:
            raise InputError(f"{entry.source}: its journal does not say what it was made with", hint=_SAME_COMMAND)
        for run in sorted(runs, key=lambda number: (number == entry.run, number), reverse=True):
            for settings in runs[run].settings.values():
                if settings.get("kind") == entry.kind:
                    return {**without_advice(settings), **{x: settings[x] for x in REFERENCES if x in settings}}
        return {"kind": entry.kind}

    def _items(
        self, entry: Entry, made_with: Settings, target: Path, still_format: StillFormat | None, *, anyway: bool
    ) -> ItemSettings:
        try:
            references = references_in(made_with, self._base.color.references)
        except LookupError as e:
            raise InputError(
                f"{entry.source}: was colored by references that are not known here",
                hint="give the same photographs as --reference",
            ) from e
        sidecar = sidecar_path(target)
        base = replace(
            self._base,
            color=ColorSettings(hints=self._base.color.hints, references=references),
            output=OutputSettings(sidecar=sidecar.is_file() and not is_foreign(sidecar)),
            confidence=confidence_path(self.out, target).is_file(),
            already_color=AlreadyColor.RECOLOR if anyway else AlreadyColor.SKIP,
        )
        try:
            items = ItemSettings(settings_of(made_with, base, still_format), self._generator)
            again = without_advice(items.colored(entry.kind, target, {}))
        except (ArchiveColorError, TypeError, ValueError):
            again = {}
        if again != without_advice(made_with):
            raise InputError(
                f"{entry.source}: was made with settings that this archivecolor does not know", hint=_SAME_COMMAND
            )
        return items

    def _target(self, entry: Entry, made_with: Settings) -> tuple[Path, StillFormat | None]:
        """Where the result goes, and its format where that is not the source's."""
        if entry.result is None:
            name, run = Path(entry.source), self._index.runs.get(entry.run)
            still_format = _format_in(run.words if run else ())
            if entry.kind is Kind.FILM:
                file = result_name(name.name, settings_of(made_with, self._base, None).encode)
            elif still_format:
                file = name.with_suffix(suffix_of(still_format)).name
            else:
                file = color_name(name.name)
            return (self.out / bag.PAYLOAD if bag.is_bag(self.out) else self.out) / name.parent / file, still_format
        was, now = (_FORMATS.get(Path(name).suffix.lower()) for name in (color_name(entry.source), entry.result))
        return self.out / entry.result, None if now == was else now

    def _colorizer_for(self, color: ColorSettings) -> Colorizer:
        """One that colors so; the last one is kept, for a reference takes the engine's time."""
        with self._lending:
            if self._colorizer is None or self._colorizer.settings != color:
                self._colorizer = Colorizer(self._engine, color, max_megapixels=self._base.max_megapixels)
            return self._colorizer


def _format_in(words: tuple[str, ...]) -> StillFormat | None:
    """The format that a run's options choose."""
    chosen = dict(pairwise(words)).get("--format")
    return StillFormat(chosen) if chosen in list(StillFormat) else None


def _check(decision: Decision, name: str) -> None:
    """Raise what says why an item is not made."""
    if decision.make:
        return
    if decision.reason in (Reason.DONE, Reason.SKIPPED):
        raise NothingToDoError(f"{name}: is as it would be made", hint="paint on it, or change what is painted")
    raise OutputError(
        f"{name}: its result {decision.reason}", hint="the folder command with --overwrite makes it again"
    )
