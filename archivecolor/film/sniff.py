"""What passes for a film in a folder of mixed files: by name, and by content where names are shared with others."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from archivecolor.errors import InputError
from archivecolor.film.codecs import CONTAINERS, can_hold
from archivecolor.film.origin import open_film
from archivecolor.settings import EncodeSettings

FILM_SUFFIXES: Final = (
    *(".264", ".265", ".3g2", ".3gp", ".asf", ".av1", ".avc", ".avi", ".dif", ".divx", ".dv", ".dvr-ms"),
    *(".evo", ".f4v", ".flc", ".fli", ".flv", ".gxf", ".h264", ".h265", ".hevc", ".ivf", ".lxf", ".m1v"),
    *(".m2p", ".m2t", ".m2ts", ".m2v", ".m4v", ".mjpeg", ".mjpg", ".mk3d", ".mkv", ".mov", ".mp4", ".mpe"),
    *(".mpeg", ".mpg", ".mpv", ".mqv", ".mts", ".mxf", ".nsv", ".nut", ".obu", ".ogm", ".ogv", ".qt"),
    *(".rm", ".rmvb", ".tod", ".trp", ".ts", ".vc1", ".vob", ".vro", ".webm", ".wmv", ".wtv", ".y4m"),
)
"""Of files that are films unless they are damaged."""
SHARED_SUFFIXES: Final = (".dat", ".m2t", ".m2ts", ".mod", ".mts", ".rec", ".tod", ".trp", ".ts")
"""Of films and of other things: a .ts may be TypeScript, a .dat or a .mod anything; their content is asked."""
_NOT_FILMS: Final = ("tty", "image2", "_pipe", "gif", "srt", "ass", "webvtt")
"""Formats that libavformat finds in texts and pictures."""
_PACKETS: Final = ((188, 0), (192, 4))
"""Length, and where the sync byte stands: plain, and with the time stamps of camcorders."""
_BEGINNINGS: Final = (
    b"\0\0\1\xba",  # MPEG program stream
    b"\0\0\1\xb3",  # MPEG video
    b"\x1a\x45\xdf\xa3",  # Matroska
    b"\x30\x26\xb2\x75\x8e\x66\xcf\x11",  # ASF
    b"\x06\x0e\x2b\x34\x02\x05\x01\x01\x0d\x01\x02\x01",  # MXF
    b"FLV\1",
    b"YUV4MPEG2 ",
    b"nut/multimedia container",
    b"\x1f\x07\x00",  # DV
)
_BOXES: Final = (b"ftyp", b"moov", b"mdat", b"wide")


def names_a_film(name: str) -> bool:
    """Whether a file name has the suffix of a film, or one that films share with other things."""
    return name.lower().endswith(FILM_SUFFIXES + SHARED_SUFFIXES)


def looks_like_a_film(path: Path) -> bool:
    """Whether a file of such a name may be one; raises `InputError` where it is empty or cannot be read."""
    head = _head(path)
    if not head:
        raise InputError(f"{path}: is empty", hint="restore it from a copy")
    return path.suffix.lower() not in SHARED_SUFFIXES or _is_stream(head) or is_a_film(path)


def is_a_film(path: Path) -> bool:
    """Whether a file of any name begins as films do and can be opened as one."""
    head = _head(path)
    iso = head[4:8] in _BOXES and not head.startswith(_BOXES)
    riff = head[:4] == b"RIFF" and head[8:12] in (b"AVI ", b"CDXA")
    if not (iso or riff or _is_stream(head) or head.startswith(_BEGINNINGS)):
        return False
    from archivecolor.film.reading import opened, picture_stream  # most runs over photographs come without

    try:
        with opened(path) as container:
            stream = picture_stream(container, path)
            return not container.format.name.endswith(_NOT_FILMS) and stream.codec_context.width > 0
    except InputError:
        return False


def _is_stream(head: bytes) -> bool:
    """Whether the packets of a transport stream follow each other."""
    return any(head[at::length][:3] == b"GGG" for length, at in _PACKETS)


def _head(path: Path) -> bytes:
    try:
        with open_film(path) as f:
            return f.read(1024)
    except OSError as e:
        raise InputError(f"{path}: cannot be read: {e.strerror}", hint="check its permissions") from e


def result_name(name: str, encode: EncodeSettings) -> str:
    """The name of a colored film: the source's, or with ``.mkv`` where archivecolor does not write its container."""
    path = Path(name)
    container = CONTAINERS.get(path.suffix.lower())
    return name if container and can_hold(container, encode) else str(path.with_suffix(".mkv"))
