"""Which module reads and writes which format: the seam between `stills` and the families of formats."""

from __future__ import annotations

from pathlib import Path
from typing import Final, Protocol

from archivecolor.color import UIntArray
from archivecolor.settings import OutputSettings, StillFormat
from archivecolor.stills import bmp, heif, jpeg, jpeg2000, png, pnm, tiff, webp
from archivecolor.stills.still import Encoded, Still, StillInfo


class Family(Protocol):
    """What a module of one family of formats offers. It may raise whatever its decoders raise: `stills` tells it."""

    def probe(self, path: Path) -> StillInfo:
        """Read the header."""
        ...

    def read(self, path: Path, info: StillInfo, page: int) -> Still:
        """Decode one picture of a file whole."""
        ...

    def encode(self, rgb: UIntArray, alpha: UIntArray | None, still: Still, output: OutputSettings) -> Encoded:
        """Encode ``[h, w, 3]`` RGB, or ``[h, w]`` gray, and ``[h, w]`` alpha with ``still``'s metadata.

        At a depth that the format has.
        """
        ...


FAMILIES: Final[dict[StillFormat, Family]] = {
    StillFormat.JPEG: jpeg,
    StillFormat.PNG: png,
    StillFormat.TIFF: tiff,
    StillFormat.WEBP: webp,
    StillFormat.BMP: bmp,
    StillFormat.JPEG2000: jpeg2000,
    StillFormat.PNM: pnm,
    StillFormat.HEIF: heif,
}
