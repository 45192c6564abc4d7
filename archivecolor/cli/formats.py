"""Formats of photographs by the names that people give them."""

from __future__ import annotations

from typing import Final

from archivecolor.errors import UsageError
from archivecolor.settings import StillFormat

_FORMATS: Final = {"jpg": "jpeg", "tif": "tiff", "jp2": "jpeg2000", "ppm": "pnm", "heic": "heif"}


def still_format(name: str | None) -> StillFormat | None:
    """The format of that name; None of none. Raises `UsageError`."""
    if name is None:
        return None
    try:
        return StillFormat(_FORMATS.get(name.lower(), name.lower()))
    except ValueError as e:
        raise UsageError(f"there is no format '{name}'", hint=f"one of {', '.join(StillFormat)}") from e
