"""What a folder run was told, and what of it matters to which item.

Digests of settings are taken over what differs from the defaults, so that an option that a later version adds changes
nothing for results that are there already.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, fields
from typing import TYPE_CHECKING, Any

from archivecolor.jobs.records import Kind, Settings, settings_digest
from archivecolor.settings import AlreadyColor, ColorSettings, EncodeSettings, FilmSettings, OutputSettings

if TYPE_CHECKING:
    from pathlib import Path

    from archivecolor.inference.catalog import EngineFolder

_QUALITY_MATTERS = {".jpg", ".jpeg", ".jpe", ".jfif", ".webp", ".heic", ".heif", ".hif"}


@dataclass(frozen=True, slots=True)
class Making:
    """How the items of a run are made."""

    generator: EngineFolder
    color: ColorSettings = field(default_factory=ColorSettings)
    output: OutputSettings = field(default_factory=OutputSettings)
    already_color: AlreadyColor = AlreadyColor.SKIP
    film: FilmSettings = field(default_factory=FilmSettings)
    encode: EncodeSettings = field(default_factory=EncodeSettings)
    leave_out: bool = False

    @property
    def weights_sha256(self) -> str:
        """The generator's."""
        from archivecolor.inference.catalog import WEIGHTS

        return self.generator.digests.get(WEIGHTS, "")

    def colored(self, kind: Kind, target: Path) -> Settings:
        """What matters to an item that is coloured."""
        chosen: dict[str, Any] = {"kind": str(kind), **_chosen(self.color)}
        if kind is Kind.FILM:
            return chosen | _chosen(self.film) | _chosen(self.encode) | ({"leave_out": True} if self.leave_out else {})
        if self.output.quality is not None and target.suffix.lower() in _QUALITY_MATTERS:
            chosen["quality"] = self.output.quality
        if not self.output.embed_record:
            chosen["embed_record"] = False
        return chosen

    @property
    def in_color(self) -> Settings:
        """What matters to an item that is in colour already, and is not coloured again."""
        return {"already_color": str(self.already_color)}

    def fitting(self, kind: Kind, target: Path) -> frozenset[str]:
        """Digests of the settings of earlier results that this run would make no others than."""
        digests = {settings_digest(self.colored(kind, target))}
        if self.already_color is not AlreadyColor.RECOLOR:
            digests.add(settings_digest(self.in_color))
        return frozenset(digests)

    def all(self) -> dict[str, Settings]:
        """Every set of settings that an item of this run may be recorded with, by its digest."""
        from pathlib import Path

        cases = [(Kind.FILM, ""), (Kind.STILL, ".png"), (Kind.STILL, ".jpg")]
        every = [self.in_color, *(self.colored(kind, Path(f"a{suffix}")) for kind, suffix in cases)]
        return {settings_digest(settings): settings for settings in every}


def _chosen(settings: Any) -> dict[str, Any]:
    """Fields that differ from their defaults, in values that JSON knows."""
    defaults = asdict(type(settings)())
    values = asdict(settings)
    return {f.name: _plain(values[f.name]) for f in fields(settings) if values[f.name] != defaults[f.name]}


def _plain(value: Any) -> str | float | int | bool | None:
    return value if isinstance(value, str | float | int | bool | None) else str(value)
