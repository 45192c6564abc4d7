"""The XMP of a film: where its container keeps it.

MP4 and MOV have a box for it, which libavformat reads and does not write; Matroska has tags of any name. libavformat
calls it by that name in both.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from av.container import InputContainer

from archivecolor.film.reading import opened
from archivecolor.film.tags import XMP

IN_A_BOX: Final = ("mp4", "mov")
XMP_BOX: Final = bytes.fromhex("be7acfcb97a942e89c71999491e3afac")
"""ISO 16684-3 (XMP in storage), of ISO base media files."""
_LONGEST_TAG: Final = 1 << 20
"""Bytes: the tags of a Matroska file stand in its header, before its tracks."""


def xmp_of(container: InputContainer) -> bytes | None:
    """The packet of an open film; None where it has none."""
    found = (text for key, text in container.metadata.items() if key.upper() == XMP)
    text = next(found, "")
    return text.encode("utf-8", "surrogateescape") if text else None


def xmp_at(path: Path) -> bytes | None:
    """The packet of a film. Raises `InputError` where it cannot be read."""
    with opened(path) as container:
        return xmp_of(container)


def as_tag(packet: bytes) -> str | None:
    """A packet as the text of a tag; None where it cannot be one."""
    try:
        return packet.decode("utf-8") if len(packet) <= _LONGEST_TAG else None
    except UnicodeDecodeError:
        return None


def add_box(path: Path, packet: bytes) -> None:
    """Append a packet to an MP4 or MOV that is whole. Raises `OSError`."""
    with path.open("ab") as file:
        file.write((24 + len(packet)).to_bytes(4, "big") + b"uuid" + XMP_BOX + packet)
