"""The files that the page shows: its own pictures, results below OUT, sources below SRC. Nothing else is ever opened.

A path is looked up, not followed: that of a result or a source is one of the items', that of a small picture has the
form that the gallery gives it. Where a link on the way leads out of the folder, the file is not given out.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Final
from urllib.parse import unquote_to_bytes

from starlette.responses import FileResponse, Response

from archivecolor.film.sniff import names_a_film
from archivecolor.stills.sniff import names_a_picture

_OURS: Final = re.compile(
    r"(thumbs|pictures|films|tiles)/[0-9a-f]{2}/[0-9a-f]{16}(\.\w{1,12}){0,2}(/[\w-]{1,40}(\.\w{1,8})?){0,3}", re.ASCII
)
_TYPES: Final = {
    **{
        suffix: f"image/{suffix[1:]}" for suffix in (".png", ".webp", ".bmp", ".avif", ".heic", ".jp2", ".tiff", ".gif")
    },
    **dict.fromkeys((".jpg", ".jpeg", ".jpe", ".jfif"), "image/jpeg"),
    **dict.fromkeys((".mp4", ".m4v"), "video/mp4"),
    ".tif": "image/tiff",
    ".webm": "video/webm",
    ".mov": "video/quicktime",
    ".mkv": "video/x-matroska",
}
"""What a browser may take a picture or a film for; it takes the others for bytes to save."""
_STYLE: Final = ".css"
_LASTING: Final = "private, max-age=31536000, immutable"
"""Of small pictures: another picture has another name."""


def named(raw: bytes) -> str:
    """A path as the file system has it, of the percent-encoded one of a request."""
    return os.fsdecode(unquote_to_bytes(raw))


def small_file(folder: Path, path: str) -> Response:
    """One of the page's own pictures."""
    if not _OURS.fullmatch(path):
        return nothing()
    kind = "text/css" if path.endswith(_STYLE) else None
    return _file(folder, path, kind=kind, headers={"cache-control": _LASTING})


def whole_file(folder: Path, name: str) -> Response:
    """A result or a source, whose name is known to be one of an item."""
    if not names_a_picture(name) and not names_a_film(name):
        return _file(folder, name, kind="application/octet-stream", headers={"content-disposition": "attachment"})
    return _file(folder, name, headers={"cache-control": "no-cache"})


def _file(folder: Path, name: str, *, kind: str | None = None, headers: dict[str, str]) -> Response:
    root, path = Path(os.path.realpath(folder)), Path(os.path.realpath(folder / name))
    if root not in path.parents or not path.is_file():
        return nothing()
    kind = kind or _TYPES.get(path.suffix.lower(), "application/octet-stream")
    return FileResponse(path, media_type=kind, headers=headers)


def nothing() -> Response:
    """There is no such file, or it is not to be seen."""
    return Response("there is nothing here\n", 404, media_type="text/plain")
