"""The settings of a folder run as the words of a command line that gives them again.

A journal keeps them, so that whoever looks at the results later can be told the very command for the next step. Paths
are absolute. Left out is what belongs to one run alone: lists of items, summaries, what is overwritten or watched.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from archivecolor.runs.settings import FolderSettings

_DEFAULTS: Final = FolderSettings()
_OPTIONS: Final = {
    "": {
        "kinds": "--kind",
        "only": "--only",
        "already_color": "--already-color",
        "max_megapixels": "--max-megapixels",
        "generator": "--generator",
        "start_s": "--start",
        "end_s": "--end",
        "leave_out": "--leave-out",
        "keep_work": "--keep-work",
        "confidence": "--confidence",
        "bag": "--bag",
        "sign_key": "--sign-key",
        "sign_certificates": "--sign-certificates",
        "jobs": "--jobs",
    },
    "color": {
        "strength": "--strength",
        "saturation": "--saturation",
        "warmth": "--warmth",
        "thorough": "--thorough",
        "network_px": "--network-px",
    },
    "smoothing": {"smoothing": "--smoothing", "every": "--every"},
    "encode": {
        "purpose": "--for",
        "codec": "--codec",
        "encoder": "--encoder",
        "crf": "--crf",
        "preset": "--preset",
        "depth": "--depth",
        "side_by_side": "--side-by-side",
    },
    "output": {"format": "--format", "quality": "--quality", "sidecar": "--sidecar"},
    "engine": {"kind": "--engine", "device": "--device", "precision": "--precision", "batch": "--batch"},
}
"""The option of each field, by the part of the settings that it is in."""


def words_of(settings: FolderSettings) -> tuple[str, ...]:
    """The options that make ``settings`` of the defaults, as ``archivecolor folder`` takes them."""
    words: list[str] = []
    for part, options in _OPTIONS.items():
        chosen, default = (getattr(x, part) if part else x for x in (settings, _DEFAULTS))
        for field, option in options.items():
            value = getattr(chosen, field)
            if value != getattr(default, field):
                words.extend(_words(option, value))
    for path in settings.color.references:
        words += ["--references" if path.is_dir() else "--reference", str(path.absolute())]
    hints = settings.color.hints
    if hints:
        words += ["--hints-dir" if hints.is_dir() else "--hints", str(hints.absolute())]
    if settings.fps:
        words += ["--fps", str(settings.fps)]
    if not settings.sequences:
        words.append("--no-sequences")
    if not settings.output.embed_record:
        words.append("--no-embed")
    return tuple(words)


def _words(option: str, value: Any) -> Iterator[str]:
    if value is True:
        yield option
    elif isinstance(value, tuple):
        for each in value:
            yield from (option, each)
    elif isinstance(value, float):
        yield from (option, f"{value:.12g}")
    elif isinstance(value, Path):
        yield from (option, str(value.absolute()))
    elif option in ("--generator", "--engine") and os.sep in str(value):
        yield from (option, os.path.abspath(value))  # noqa: PTH100 - a folder, where it is no name
    elif value is not None:
        yield from (option, str(value))
