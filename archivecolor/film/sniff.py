"""What passes for a film in a folder of mixed files: by name, and by first bytes where names are shared with others."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from archivecolor.errors import InputError
from archivecolor.film.encoding import CONTAINERS, can_hold
from archivecolor.settings import EncodeSettings

_SUFFIXES: Final = (
    *(".3gp", ".asf", ".avi", ".divx", ".dv", ".f4v", ".flv", ".m2t", ".m2ts", ".m2v", ".m4v", ".mkv", ".mov", ".mp4"),
    *(".mpeg", ".mpg", ".mts", ".mxf", ".ogm", ".ogv", ".qt", ".rm", ".ts", ".vob", ".webm", ".wmv", ".y4m"),
)
_SHARED: Final = {".ts", ".mts", ".m2ts", ".m2t"}
"""Also TypeScript, and other things: these are films where the packets of a transport stream follow each other."""
_PACKETS: Final = ((188, 0), (192, 4))
"""Length, and where the sync byte stands: plain, and with the time stamps of camcorders."""


def names_a_film(name: str) -> bool:
    """Whether a file name has the suffix of a film."""
    return name.lower().endswith(_SUFFIXES)


def looks_like_a_film(path: Path) -> bool:
    """Whether a file of such a name may be one; raises `InputError` where it is empty or cannot be read."""
    try:
        with path.open("rb") as f:
            head = f.read(1024)
    except OSError as e:
        raise InputError(f"{path}: cannot be read: {e.strerror}", hint="check its permissions") from e
    if not head:
        raise InputError(f"{path}: is empty", hint="restore it from a copy")
    if path.suffix.lower() not in _SHARED:
        return True
    return any(head[at::length][:3] == b"GGG" for length, at in _PACKETS)


def result_name(name: str, encode: EncodeSettings) -> str:
    """The name of a colored film: the source's, or with ``.mkv`` where archivecolor does not write its container."""
    path = Path(name)
    container = CONTAINERS.get(path.suffix.lower())
    return name if container and can_hold(container, encode) else str(path.with_suffix(".mkv"))
