"""What of a run's settings matters to which item."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from archivecolor.chroma.control.hints import Hints
from archivecolor.inference.catalog import WEIGHTS, EngineFolder
from archivecolor.jobs.digests import content_sha256
from archivecolor.jobs.records import Kind, Settings, settings_digest
from archivecolor.runs.settings import FolderSettings
from archivecolor.settings import (
    AlreadyColor,
    ColorSettings,
    EncodeSettings,
    OutputSettings,
    SmoothingSettings,
    StillFormat,
    changed,
)

_QUALITY_MATTERS: Final = {".jpg", ".jpeg", ".jpe", ".jfif", ".webp", ".heic", ".heif", ".hif"}
_OF_FILMS: Final = ("start_s", "end_s", "leave_out")
_DIGITS: Final = 16
_LAYER: Final = re.compile(f"(.+?) [0-9a-f]{{{_DIGITS}}}(?: |$)")


@dataclass(frozen=True)
class ItemSettings:
    """How each item of a run is made."""

    run: FolderSettings
    generator: EngineFolder

    @cached_property
    def hints(self) -> Hints | None:
        """Painted layers by the names of items."""
        return Hints(self.run.color.hints) if self.run.color.hints else None

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
        if run.color.reference:
            values["reference"] = content_sha256(run.color.reference)[:_DIGITS]
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


def settings_of(made_with: Settings, base: FolderSettings, still_format: StillFormat | None) -> FolderSettings:
    """The settings of a run that made an item with what the journal says: the inverse of `ItemSettings.colored`.

    ``base`` has what a journal does not hold: where hints and the reference lie, whether there is a sidecar, and so on.
    Raises `UsageError`, `TypeError` or `ValueError` for values that no run writes.
    """

    def told(kind: Any) -> dict[str, Any]:
        names = {field.name for field in fields(kind)} - {"hints", "reference"}
        return {name: value for name, value in made_with.items() if name in names}

    of_films: dict[str, Any] = {name: value for name, value in made_with.items() if name in _OF_FILMS}
    return replace(
        base,
        color=ColorSettings(**told(ColorSettings), hints=base.color.hints, reference=base.color.reference),
        smoothing=SmoothingSettings(**told(SmoothingSettings)),
        encode=EncodeSettings(**told(EncodeSettings)),
        output=OutputSettings(**told(OutputSettings), format=still_format, sidecar=base.output.sidecar),
        **of_films,
    )


def layers_in(made_with: Settings) -> set[str]:
    """The names of the painted layers that an item was made with, as `ItemSettings.layers` has them."""
    return set(_LAYER.findall(str(made_with.get("hints", ""))))


def reference_in(made_with: Settings, reference: Path | None) -> Path | None:
    """``reference``, where an item was made with one: raises `LookupError` where that was not it."""
    was = made_with.get("reference")
    if was is None:
        return None
    if reference is None or content_sha256(reference)[:_DIGITS] != was:
        raise LookupError(was)
    return reference
