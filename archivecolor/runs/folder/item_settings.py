"""What of a run's settings matters to which item."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from archivecolor.chroma.control.hints import Hints
from archivecolor.chroma.control.reference_files import digest_of
from archivecolor.inference.catalog import WEIGHTS, EngineFolder
from archivecolor.jobs.digests import content_sha256
from archivecolor.jobs.records import Kind, Settings, settings_digest
from archivecolor.runs.settings import FolderSettings
from archivecolor.settings import AlreadyColor, ColorSettings, changed

_QUALITY_MATTERS: Final = {".jpg", ".jpeg", ".jpe", ".jfif", ".webp", ".heic", ".heif", ".hif"}
_OF_FILMS: Final = ("start_s", "end_s", "leave_out")
_DIGITS: Final = 16


@dataclass(frozen=True)
class ItemSettings:
    """How each item of a run is made."""

    run: FolderSettings
    generator: EngineFolder

    @cached_property
    def hints(self) -> Hints | None:
        """Painted layers by the names of items."""
        return Hints(self.run.color.hints) if self.run.color.hints else None

    @cached_property
    def references(self) -> str:
        """What the references are, in digits. Raises `InputError` where one cannot be read."""
        return digest_of(self.run.color.references)[:_DIGITS]

    @property
    def weights_sha256(self) -> str:
        """The generator's."""
        return self.generator.digests.get(WEIGHTS, "")

    def layers(self, kind: Kind, name: str) -> Mapping[str, Path]:
        """The layers that were painted for an item, by page or by file name."""
        if self.hints is None or not name:
            return {}
        if kind is Kind.STILL:
            return {str(page): layer for page, layer in sorted(self.hints.of_still(name).items())}
        folder = self.hints.below(name)
        return {layer.name: layer for layer in sorted(folder.glob("*.png"))} if folder else {}

    def for_film(self, name: str) -> ColorSettings:
        """How the film of that name is colored: with its own hints."""
        return replace(self.run.color, hints=self.hints.below(name) if self.hints else None)

    def colored(self, kind: Kind, target: Path, layers: Mapping[str, Path]) -> Settings:
        """What matters to an item that is colored with those layers, in place of files the digests of what they hold.

        Raises `InputError` where one of these files cannot be read.
        """
        run = self.run
        values: dict[str, Any] = {"kind": str(kind), **changed(replace(run.color, hints=None))}
        if run.color.references:
            values["references"] = self.references
        if layers:
            values["hints"] = " ".join(f"{name} {content_sha256(path)[:_DIGITS]}" for name, path in layers.items())
        if kind is Kind.FILM:
            chosen = {name: getattr(run, name) for name in _OF_FILMS if getattr(run, name)}
            return values | changed(run.smoothing) | changed(run.encode) | chosen
        if run.output.quality is not None and target.suffix.lower() in _QUALITY_MATTERS:
            values["quality"] = run.output.quality
        if not run.output.embed_record:
            values["embed_record"] = False
        return values

    @property
    def in_color(self) -> Settings:
        """What matters to an item that is in color already, and is not colored again."""
        return {"already_color": str(self.run.already_color)}

    def fitting(self, kind: Kind, target: Path, layers: Mapping[str, Path]) -> frozenset[str]:
        """Digests of the settings of earlier results that this run would make the same."""
        digests = {settings_digest(self.colored(kind, target, layers))}
        if self.run.already_color is not AlreadyColor.RECOLOR:
            digests.add(settings_digest(self.in_color))
        return frozenset(digests)
