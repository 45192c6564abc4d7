"""The run that the page is of: where its sources lay, when it was, and the options that give its settings again."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path

from archivecolor.errors import ConfigurationError, UsageError
from archivecolor.inference import catalog
from archivecolor.inference.catalog import adviser_of
from archivecolor.jobs.journal import has_journal, read_runs
from archivecolor.report.coding import NetworkInput
from archivecolor.report.items import ReviewItem
from archivecolor.settings import DEFAULT_GENERATOR


@dataclass(frozen=True, slots=True)
class RunFacts:
    """What the page says of a run, and prints into commands."""

    source: str | None = None
    """SRC as an absolute path, where it is known."""
    began_at: str | None = None
    """UTC, ISO 8601."""
    words: tuple[str, ...] = ()
    """Options of ``archivecolor folder``."""
    network: NetworkInput = field(default_factory=NetworkInput)
    takes_hints: bool = False
    """Whether the generator is told the hints, rather than that they are spread over its colors."""
    names_out: bool = True
    """Whether the page may say where OUT lies."""

    def without_paths(self) -> RunFacts:
        """The same for a page that goes to others: nothing of this machine."""
        return replace(self, source=None, words=(), names_out=False)


def find_run(out: Path, source: Path | None, items: Iterable[ReviewItem]) -> RunFacts:
    """The last run of ``items`` that was not of a list, or else the last one; ``source`` overrides the journal's."""
    root = os.path.abspath(source) if source else None  # noqa: PTH100 - resolve() would follow links
    if not has_journal(out):
        return RunFacts(root)
    runs = read_runs(out)
    whole = {item.run for item in items if item.run is not None} & runs.keys()
    number = max(whole or runs.keys(), default=None)
    if number is None:
        return RunFacts(root)
    run = runs[number]
    network, takes_hints = NetworkInput(), False
    words = dict(zip(run.words, run.words[1:], strict=False))
    try:
        generator = catalog.find(words.get("--generator") or run.engine.generator or DEFAULT_GENERATOR)
    except (UsageError, ConfigurationError):  # not installed here: the preview of strokes is a guess
        generator = None
    if generator:
        network = NetworkInput(generator.short_px, generator.multiple)
        takes_hints = generator.hints or adviser_of(generator) is not None
    chosen_px = words.get("--network-px", "")
    if chosen_px.isdecimal():
        network = replace(network, short_px=int(chosen_px))
    return RunFacts(root or run.source, run.started_at, run.words, network, takes_hints)
