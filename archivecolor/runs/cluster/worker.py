"""What workers of a cluster have in common: looking whether their machine will do, and what they tell the driver.

All that differs from a run on one machine is where the lines of the journal go: to the driver, by way of the `Notary`.
"""

from __future__ import annotations

import os
import platform
import secrets
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import ray

from archivecolor.errors import ArchiveColorError, InputError
from archivecolor.inference import catalog
from archivecolor.jobs.digests import read_state
from archivecolor.jobs.journal import FOLDER
from archivecolor.jobs.recording import Notes
from archivecolor.jobs.records import Entry, RunRecord, Settings
from archivecolor.jobs.resume import Reason
from archivecolor.jobs.shards import MOST, Shard
from archivecolor.jobs.tasks import Task
from archivecolor.runs.film.work import is_unfinished
from archivecolor.runs.listener import WARNING, ItemOutcome, Listener, Progress
from archivecolor.storage.store import Store
from archivecolor.storage.urls import StoreURL, placed
from archivecolor.version import __version__

_SIGN_OF_LIFE_S: Final = 2.0
"""Between two that a worker gives while it makes a film."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What a machine must have to work for a run; only values that every version of archivecolor can read."""

    version: str
    generator: str
    weights_sha256: str
    folders: tuple[str, ...]
    """SRC and OUT, as far as they are on a disk."""
    signs: tuple[str, ...]
    """Files that the driver sees in them, and all others that the settings name."""
    places: tuple[str, str]
    """SRC and OUT, be they URLs of stores."""


@dataclass(frozen=True, slots=True)
class Made:
    """What became of a chunk; items without an outcome were not begun."""

    outcomes: tuple[ItemOutcome, ...]
    damaged: frozenset[str]
    """Names of films of which everything was written that could be decoded."""
    busy: frozenset[str]
    """Names of items that failed because another process was writing their results."""
    warnings: tuple[str, ...]
    stopped_by: ArchiveColorError | None
    seconds: float


class Worker:
    """The actor. `begin` loads the engine, `make` is called for one chunk after the other; `stop` may be meanwhile."""

    def __init__(self, notary: Any) -> None:
        self._notary = notary
        self._stop = threading.Event()

    def look(self, wanted: dict[str, Any]) -> tuple[str, str, str | None]:
        """The machine's name, its node's number, and what of ``wanted``, the fields of a `Seen`, it lacks."""
        node = ray.get_runtime_context().get_node_id()
        return platform.node(), node, lacks(Seen(**wanted))

    def leave(self) -> None:
        """Put away what is on this machine's disk."""

    def stop(self) -> None:
        """Finish what is under way, and begin nothing more."""
        self._stop.set()


def a_shard() -> Shard:
    """Workers share a film's segments as shards do; which one this is matters to nobody, but no two are the same."""
    return Shard(secrets.randbelow(MOST) + 1, MOST)


def lacks(wanted: Seen) -> str | None:
    """What this machine lacks to work for a run, in words; None where it lacks nothing."""
    if wanted.version != __version__:
        return f"has archivecolor {__version__}, not {wanted.version}"
    for path in (*wanted.folders, *wanted.signs):
        if not os.path.lexists(path):
            return f"does not see {path}"
    source, out = map(placed, wanted.places)
    if isinstance(out, Path) and not os.access(out, os.W_OK | os.X_OK):
        return f"cannot write to {out}"
    try:
        if isinstance(source, StoreURL):
            Store(source).check_readable()
        if isinstance(out, StoreURL):
            Store(out).check_writable(FOLDER)
    except ArchiveColorError as e:
        return f"cannot use a store: {e.message}"
    try:
        found = catalog.find(wanted.generator)
    except ArchiveColorError as e:
        return f"lacks the generator: {e}"
    if found.digests.get(catalog.WEIGHTS, "") != wanted.weights_sha256:
        return f"has another generator '{found.name}': its weights are not the same"
    return None


def is_to_make(task: Task) -> bool:
    """Whether no other worker has made a film meanwhile."""
    if task.reason is Reason.OVERWRITE or is_unfinished(task.target):
        return True
    try:
        return read_state(task.target).sha256 == task.replaces_sha256
    except InputError:
        return True


class ToDriver(Notes):
    """Puts down what becomes of a chunk's items with the driver, and waits until that has it in its journal."""

    def __init__(self, out: Path, run: RunRecord, notary: Any, chunk: int, *, chosen: bool) -> None:
        super().__init__(out, run, chosen=chosen)
        self._notary, self._chunk = notary, chunk

    def announce(self, told: Iterable[tuple[Entry, Settings]]) -> None:
        """Get leave to put results into a store, once it says that they are coming."""
        for entry, settings in told:
            entry = replace(entry, machine=platform.node())
            error = ray.get(self._notary.note.remote(self._chunk, entry, settings, is_there=False))
            if error:
                raise error

    def write(self, entry: Entry, settings: Settings | None = None, *, wait: bool = True) -> None:
        """Have an entry written."""
        entry = replace(entry, machine=platform.node())
        error = ray.get(self._notary.note.remote(self._chunk, entry, settings))
        if error:
            raise error


class Told(Listener):
    """Keeps outcomes and warnings for the driver, and tells it at once that there is progress with a film."""

    def __init__(self, notary: Any, chunk: int) -> None:
        self.outcomes: list[ItemOutcome] = []
        self.warnings: list[str] = []
        self._notary, self._chunk = notary, chunk
        self._spoke = 0.0

    def progress(self, progress: Progress) -> None:
        """Give a sign of life."""
        if time.monotonic() - self._spoke >= _SIGN_OF_LIFE_S or not self._spoke:
            self._spoke = time.monotonic()
            self._notary.go_on.remote(self._chunk, progress)

    def item_done(self, outcome: ItemOutcome) -> None:
        """Keep."""
        self.outcomes.append(outcome)

    def item_failed(self, outcome: ItemOutcome) -> None:
        """Keep."""
        self.outcomes.append(outcome)

    def message(self, level: int, text: str) -> None:
        """Keep warnings; the driver says the rest itself."""
        if level >= WARNING:
            self.warnings.append(text)
