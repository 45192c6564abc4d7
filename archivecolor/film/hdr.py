"""What the display was like that a film was graded on, and how bright the film gets: HDR10's static metadata.

Decoders give both as FFmpeg's structures beside a frame; encoders take them as text, Matroska as elements.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from archivecolor.film.matroska import Element, packed
from archivecolor.settings import FilmCodec

_MASTERING, _LIGHT = "MASTERING_DISPLAY_METADATA", "CONTENT_LIGHT_LEVEL"
_MASTERING_INTS: Final = 22
"""AVMasteringDisplayMetadata: ten rationals and two flags."""
_CHROMA_UNIT: Final = 50_000
_LIGHT_UNIT: Final = 10_000
"""Units of SMPTE ST 2086 as HEVC codes them: 0.00002, and 0.0001 cd/m2."""
_MATROSKA_MASTERING, _MATROSKA_MAX_CLL, _MATROSKA_MAX_FALL = 0x55D0, 0x55BC, 0x55BD
_MATROSKA_FIRST: Final = 0x55D1
"""Red x, red y, green x .. white y, most and least luminance follow each other from here."""


@dataclass(frozen=True, slots=True)
class Hdr:
    """Static metadata of HDR10."""

    primaries: tuple[Fraction, ...] = ()
    """x, y of red, green, blue and white; none where that is not said."""
    luminance: tuple[Fraction, ...] = ()
    """Least and most, in cd/m2; none where that is not said."""
    light: tuple[int, int] | None = None
    """The brightest pixel, and the brightest frame's average, in cd/m2."""

    def options(self, codec: FilmCodec) -> dict[str, str]:
        """Options of our encoders that make them write it; none for codecs that have no place for it."""
        if codec is FilmCodec.AV1:
            return {"svtav1-params": self._joined("mastering-display", "content-light", 1, 1)}
        if codec is FilmCodec.H265:
            return {"x265-params": self._joined("master-display", "max-cll", _CHROMA_UNIT, _LIGHT_UNIT)}
        if codec is FilmCodec.H264:
            return {"x264-params": self._joined("mastering-display", "cll", _CHROMA_UNIT, _LIGHT_UNIT)}
        return {}

    def _joined(self, display: str, light: str, chroma: int, luminance: int) -> str:
        parts = []
        if self.primaries and self.luminance:
            pairs = zip(self.primaries[::2], self.primaries[1::2], strict=True)
            red, green, blue, white = (f"({_text(x, chroma)},{_text(y, chroma)})" for x, y in pairs)
            least, most = (_text(value, luminance) for value in self.luminance)
            parts.append(f"{display}=G{green}B{blue}R{red}WP{white}L({most},{least})")
        if self.light:
            parts.append(f"{light}={self.light[0]},{self.light[1]}")
        return ":".join(parts)

    def elements(self) -> list[Element]:
        """The same for the color of a Matroska track."""
        found: list[Element] = []
        values = [*self.primaries, *reversed(self.luminance)] if self.primaries and self.luminance else []
        if values:
            numbers = [(_MATROSKA_FIRST + i, struct.pack(">d", float(value))) for i, value in enumerate(values)]
            found.append((_MATROSKA_MASTERING, packed(numbers)))
        if self.light:
            for number, value in zip((_MATROSKA_MAX_CLL, _MATROSKA_MAX_FALL), self.light, strict=True):
                found.append((number, value.to_bytes(4, "big")))
        return found


def _text(value: Fraction, unit: int) -> str:
    return str(round(value * unit)) if unit > 1 else f"{float(value):.5f}"


def hdr_of(beside: Mapping[str, bytes]) -> Hdr | None:
    """Read it off a frame's side data; None where there is none."""
    primaries: tuple[Fraction, ...] = ()
    luminance: tuple[Fraction, ...] = ()
    light = None
    raw = beside.get(_MASTERING, b"")
    if len(raw) >= 4 * _MASTERING_INTS:
        *numbers, has_primaries, has_luminance = struct.unpack_from(f"={_MASTERING_INTS}i", raw)
        values = [Fraction(n, d) if d else Fraction(0) for n, d in zip(*[iter(numbers)] * 2, strict=True)]
        primaries = tuple(values[:8]) if has_primaries else ()
        luminance = tuple(values[8:]) if has_luminance else ()
    raw = beside.get(_LIGHT, b"")
    if len(raw) >= 8:
        light = struct.unpack_from("=2I", raw)
    if not light and not (primaries and luminance):
        return None
    return Hdr(primaries, luminance, light)
