"""What a folder run was told, and what of it matters to which item.

Digests of settings are taken over what differs from the defaults, so that an option that a later version adds changes
nothing for results that are there already.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, fields, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from archivecolor.jobs.digests import read_state
from archivecolor.jobs.records import Kind, Settings, settings_digest
from archivecolor.settings import AlreadyColor, ColorSettings, EncodeSettings, FilmSettings, OutputSettings

if TYPE_CHECKING:
    from pathlib import Path

    from archivecolor.chroma.control.hints import Hints
    from archivecolor.inference.catalog import EngineFolder

_QUALITY_MATTERS = {".jpg", ".jpeg", ".jpe", ".jfif", ".webp", ".heic", ".heif", ".hif"}


@dataclass(frozen=True)
class Making:
    """How the items of a run are made."""

    generator: EngineFolder
    color: ColorSettings = field(default_factory=ColorSettings)
    output: OutputSettings = field(default_factory=OutputSettings)
    already_color: AlreadyColor = AlreadyColor.SKIP
    film: FilmSettings = field(default_factory=FilmSettings)
    encode: EncodeSettings = field(default_factory=EncodeSettings)
    leave_out: bool = False
    confidence: bool = False
    """Write maps of it; changes no result."""

    @cached_property
    def hints(self) -> Hints | None:
        """Painted layers by the names of items."""
        from archivecolor.chroma.control.hints import Hints

        return Hints(self.color.hints) if self.color.hints else None

    def for_film(self, name: str) -> ColorSettings:
        """How the film of that name is coloured: with its own hints."""
        layers = self.hints.below(name) if self.hints else None
        return replace(self.color, hints=layers)

    @property
    def weights_sha256(self) -> str:
        """The generator's."""
        from archivecolor.inference.catalog import WEIGHTS

        return self.generator.digests.get(WEIGHTS, "")

    def colored(self, kind: Kind, target: Path, name: str = "") -> Settings:
        """What matters to an item that is coloured; ``name`` is that of one that may have hints of its own."""
        chosen: dict[str, Any] = {"kind": str(kind), **_chosen(self.color)}
        chosen.pop("hints", None)
        if self.color.reference:
            chosen["reference"] = self._reference
        if painted := self._painted(kind, name):
            chosen["hints"] = painted
        if kind is Kind.FILM:
            return chosen | _chosen(self.film) | _chosen(self.encode) | ({"leave_out": True} if self.leave_out else {})
        if self.output.quality is not None and target.suffix.lower() in _QUALITY_MATTERS:
            chosen["quality"] = self.output.quality
        if not self.output.embed_record:
            chosen["embed_record"] = False
        return chosen

    @cached_property
    def _reference(self) -> str:
        """Its content, so that another photograph of the same name is another one."""
        return _digest(self.color.reference) if self.color.reference else ""

    def _painted(self, kind: Kind, name: str) -> str:
        """The content of the layers that an item has, so that it is made again when somebody goes on painting."""
        if self.hints is None or not name:
            return ""
        if kind is Kind.STILL:
            return " ".join(f"{page} {_digest(layer)}" for page, layer in sorted(self.hints.of_still(name).items()))
        folder = self.hints.below(name)
        return " ".join(f"{path.name} {_digest(path)}" for path in sorted(folder.glob("*.png"))) if folder else ""

    def has_hints(self, kind: Kind, name: str) -> bool:
        """Whether somebody painted on that item."""
        return bool(self._painted(kind, name))

    @property
    def in_color(self) -> Settings:
        """What matters to an item that is in colour already, and is not coloured again."""
        return {"already_color": str(self.already_color)}

    def fitting(self, kind: Kind, target: Path, name: str = "") -> frozenset[str]:
        """Digests of the settings of earlier results that this run would make no others than."""
        digests = {settings_digest(self.colored(kind, target, name))}
        if self.already_color is not AlreadyColor.RECOLOR:
            digests.add(settings_digest(self.in_color))
        return frozenset(digests)


def _chosen(settings: Any) -> dict[str, Any]:
    """Fields that differ from their defaults, in values that JSON knows."""
    defaults = asdict(type(settings)())
    values = asdict(settings)
    return {f.name: _plain(values[f.name]) for f in fields(settings) if values[f.name] != defaults[f.name]}


def _digest(path: Path) -> str:
    """Of a file's content; raises `InputError` where it cannot be read."""
    return (read_state(path).sha256 or "")[:16]


def _plain(value: Any) -> str | float | int | bool | None:
    return value if isinstance(value, str | float | int | bool | None) else str(value)
