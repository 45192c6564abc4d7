"""What of a run's settings matters to which item, and what an item takes over from the run that made it before.

Hints and a reference are knowledge, and painting is work: a command that has none uses those again that are on record.
Other settings are the command's; only where everything is made again (``--overwrite``), or an item was chosen with
settings of its own, are those on record used in which the command chooses nothing.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from archivecolor.chroma.control.colored_frames import holds_frames
from archivecolor.chroma.control.hint_zip import Unpacked
from archivecolor.chroma.control.hints import Hints
from archivecolor.chroma.control.reference_files import digest_of
from archivecolor.errors import ArchiveColorError, InputError
from archivecolor.inference.catalog import WEIGHTS, EngineFolder, adviser_of
from archivecolor.jobs.digests import content_sha256
from archivecolor.jobs.file_sets import Numbering
from archivecolor.jobs.records import PLACES, Entry, Kind, Settings, settings_digest
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
from archivecolor.stills.traits import TRAITS

log: Final = logging.getLogger(__name__)

_QUALITY_MATTERS: Final = {".jpg", ".jpeg", ".jpe", ".jfif", ".webp", ".heic", ".heif", ".hif"}
_OF_FILMS: Final = ("start_s", "end_s", "leave_out")
_DIGITS: Final = 16
_GROUPS: Final = ("color", "smoothing", "encode", "output")
"""Groups of a run's settings whose fields stand in the journal under their own names."""
_LAYER_TOLD: Final = re.compile(r"(.+?) [0-9a-f]{16}(?: |$)")
REFERENCES: Final = ("references", "references_path")
_NOT_BY_NAME: Final = {"hints", "references", "sidecar"}


@dataclass(frozen=True)
class ItemSettings:
    """How each item of a run is made."""

    run: FolderSettings
    generator: EngineFolder
    unpacked: Unpacked = field(default_factory=Unpacked, repr=False, compare=False)
    _taken_over: dict[str, ItemSettings] = field(default_factory=dict, repr=False, compare=False)

    @cached_property
    def hints(self) -> Hints | None:
        """Painted layers by the names of items. Raises `InputError` for a ZIP that is not as it should be."""
        return Hints(self.unpacked.folder(self.run.color.hints)) if self.run.color.hints else None

    @cached_property
    def references(self) -> str:
        """What the references are, in digits. Raises `InputError` where one cannot be read."""
        return digest_of(self.run.color.references)[:_DIGITS]

    @cached_property
    def adviser(self) -> EngineFolder | None:
        """The generator that answers where hints lie, if the run's leaves that to another one."""
        return adviser_of(self.generator)

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
        """How the film of that name is colored: with its own hints, and its own frames among the references."""
        folders = [Hints(path).below(name) for path in self.run.color.references if path.is_dir()]
        way = Numbering.of(Path(name).name)
        prefix = way.before if way else ""
        frames = next((folder for folder in folders if folder and holds_frames(folder, prefix)), None)
        return replace(self.run.color, hints=self.hints.below(name) if self.hints else None, frames=frames)

    def colored(self, kind: Kind, target: Path, layers: Mapping[str, Path]) -> Settings:
        """What matters to an item that is colored with those layers, in place of files the digests of what they hold.

        Raises `InputError` where one of these files cannot be read.
        """
        run = self.run
        values: dict[str, Any] = {"kind": str(kind), **changed(replace(run.color, hints=None))}
        if run.color.references:
            values["references"] = self.references
            values["references_path"] = json.dumps([str(path.absolute()) for path in run.color.references])
        if layers and run.color.hints:
            values["hints_path"] = str(run.color.hints.absolute())
            values["hints"] = " ".join(f"{name} {content_sha256(path)[:_DIGITS]}" for name, path in layers.items())
        if self.adviser and ("references" in values or "hints" in values):
            values["hints_by"] = f"{self.adviser.name} {self.adviser.digests[WEIGHTS][:_DIGITS]}"
        if not run.output.embed_record:
            values["embed_record"] = False
        if kind is Kind.FILM:
            chosen = {name: getattr(run, name) for name in _OF_FILMS if getattr(run, name)}
            chosen |= {"fps": str(run.fps)} if run.fps else {}
            return values | changed(run.smoothing) | changed(run.encode) | chosen
        if run.output.quality is not None and target.suffix.lower() in _QUALITY_MATTERS:
            values["quality"] = run.output.quality
        return values

    def advice(self, known: Settings, kind: Kind, name: str) -> Settings:
        """Where the hints and the references lie that an item was made with, as far as the command has none for it."""
        own = {"hints_path": bool(self.layers(kind, name)), "references_path": bool(self.run.color.references)}
        return {place: known[place] for place in PLACES if not own[place] and _is_there(place, known.get(place))}

    def lacks(self, known: Settings, layers: Mapping[str, Path], *, own: bool) -> bool:
        """Whether hints or a reference that an item was made with are not there any more, and nothing in their place.

        ``layers`` are those that it would be made with now, ``own`` whether these are the command's. To be asked of
        what `with_recorded` gives.
        """
        painted = set(_LAYER_TOLD.findall(str(known.get("hints", ""))))
        return bool(not own and painted - layers.keys()) or ("references" in known and not self.run.color.references)

    def chosen(self, entry: Entry, known: Settings) -> Settings:
        """What of an item's recorded settings the command does not choose itself."""
        run = self.run
        said = {name for group in _GROUPS for name in changed(getattr(run, group))}
        names = {one.name for group in _GROUPS for one in fields(getattr(run, group))} | {*_OF_FILMS}
        said |= {name for name in _OF_FILMS if getattr(run, name)} | run.given
        values = {name: known[name] for name in names - said - _NOT_BY_NAME if name in known}
        kind = _format_of(entry)
        return values if run.output.format or kind is None else {**values, "format": kind}

    def with_recorded(self, recorded: Settings) -> ItemSettings:
        """The settings of an item that takes those over; the run's own where they make no sense."""
        if not recorded:
            return self
        key = json.dumps(dict(recorded), sort_keys=True)
        if key not in self._taken_over:
            try:
                items = replace(self, run=_changed(self.run, recorded), _taken_over={})
                log.debug("on record: %s", items.hints)  # a ZIP that is no more what it was is as one that is gone
                self._taken_over[key] = items
            except (ArchiveColorError, TypeError, ValueError):  # a journal is input, too
                self._taken_over[key] = self
        return self._taken_over[key]

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

    ``base`` has what a journal does not hold: where hints and references lie, whether there is a sidecar, and so on.
    Raises `UsageError`, `TypeError` or `ValueError` for values that no run writes.
    """

    def told(kind: Any) -> dict[str, Any]:
        names = {field.name for field in fields(kind)} - {"hints", "references"}
        return {name: value for name, value in made_with.items() if name in names}

    of_films: dict[str, Any] = {name: value for name, value in made_with.items() if name in _OF_FILMS}
    return replace(
        base,
        color=ColorSettings(**told(ColorSettings), hints=base.color.hints, references=base.color.references),
        smoothing=SmoothingSettings(**told(SmoothingSettings)),
        encode=EncodeSettings(**told(EncodeSettings)),
        output=OutputSettings(**told(OutputSettings), format=still_format, sidecar=base.output.sidecar),
        **of_films,
    )


def without_advice(made_with: Settings) -> Settings:
    """Settings but for hints and who answers them, and where the references lie."""
    return {name: value for name, value in made_with.items() if name not in ("hints", "hints_by", *PLACES)}


def layers_in(made_with: Settings) -> set[str]:
    """The names of the painted layers that an item was made with, as `ItemSettings.layers` has them."""
    return set(_LAYER_TOLD.findall(str(made_with.get("hints", ""))))


def references_in(made_with: Settings, references: tuple[Path, ...]) -> tuple[Path, ...]:
    """``references``, or those on record, where an item was made with some.

    Raises `LookupError` where they are not there, or not the same any more.
    """
    was, value = made_with.get("references"), made_with.get("references_path")
    if was is None:
        return ()
    if not references and _is_there("references_path", value):
        references = _paths("references_path", str(value))
    try:
        same = bool(references) and digest_of(references)[:_DIGITS] == was
    except InputError:
        same = False
    if not same:
        raise LookupError(was)
    return references


def _is_there(place: str, value: object) -> bool:
    """Whether all is there that a journal names; it is input, too."""
    try:
        return isinstance(value, str) and all(path.exists() for path in _paths(place, value))
    except (OSError, TypeError, ValueError):
        return False


def _paths(place: str, value: str) -> tuple[Path, ...]:
    """The paths that a journal has for a place; raises `ValueError` or `TypeError` where these are none."""
    named = json.loads(value) if place == "references_path" else [value]
    if not isinstance(named, list) or not named:
        raise ValueError(f"{value} are no paths")
    return tuple(Path(name) for name in named)


def _format_of(entry: Entry) -> str | None:
    """The format that a still was written in, where it is not its source's."""
    was, now = (Path(name or "").suffix.lower() for name in (entry.source, entry.result))
    kinds = {suffix: kind for kind, traits in TRAITS.items() for suffix in traits.suffixes}
    return str(kinds[now]) if entry.kind is Kind.STILL and now in kinds and kinds[now] != kinds.get(was) else None


def _changed(run: FolderSettings, recorded: Settings) -> FolderSettings:
    values: dict[str, Any] = {name: value for name, value in recorded.items() if name not in PLACES}
    for place in PLACES:
        if place in recorded:
            paths = _paths(place, str(recorded[place]))
            values[place.removesuffix("_path")] = paths if place == "references_path" else paths[0]
    groups: dict[str, Any] = {}
    for group in _GROUPS:
        before = getattr(run, group)
        groups[group] = replace(before, **{one.name: values[one.name] for one in fields(before) if one.name in values})
    return replace(run, **groups, **{name: values[name] for name in _OF_FILMS if name in values})
