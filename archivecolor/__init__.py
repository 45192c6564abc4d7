"""Colors black-and-white photographs and film: color is laid beside the luminance, which stays as it was.

>>> from archivecolor import Colorizer, color_folder
>>> with Colorizer.load() as colorizer:
...     colorizer.color_file("scan.tif", "scan_color.tif")
>>> color_folder("scans", "out").raise_for_failures()
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

from archivecolor.errors import (
    ArchiveColorError,
    ConfigurationError,
    DependencyError,
    EngineError,
    InputError,
    ItemsFailedError,
    NotProvableError,
    OutputError,
    Stopped,
    UsageError,
    VerificationError,
)
from archivecolor.jobs.shards import Shard
from archivecolor.runs.listener import ItemOutcome, ItemStatus, Listener, Progress
from archivecolor.runs.settings import FilmSettings, FolderSettings
from archivecolor.settings import (
    AlreadyColor,
    ColorSettings,
    EncodeSettings,
    EngineSettings,
    OutputSettings,
    Purpose,
    SmoothingSettings,
    StillFormat,
)
from archivecolor.version import __version__

if TYPE_CHECKING:
    from archivecolor.chroma.still import Colorizer
    from archivecolor.runs.accepted import AcceptedRecord, copy_accepted
    from archivecolor.runs.film.job import FilmRecord, color_film
    from archivecolor.runs.folder.job import color_folder
    from archivecolor.runs.folder.merging import merge_journals
    from archivecolor.runs.folder.tally import FolderRecord
    from archivecolor.runs.marks import take_marks
    from archivecolor.runs.strip import StripRecord, strip
    from archivecolor.runs.verify import VerifyRecord, verify

__all__ = [
    "AcceptedRecord",
    "AlreadyColor",
    "ArchiveColorError",
    "ColorSettings",
    "Colorizer",
    "ConfigurationError",
    "DependencyError",
    "EncodeSettings",
    "EngineError",
    "EngineSettings",
    "FilmRecord",
    "FilmSettings",
    "FolderRecord",
    "FolderSettings",
    "InputError",
    "ItemOutcome",
    "ItemStatus",
    "ItemsFailedError",
    "Listener",
    "NotProvableError",
    "OutputError",
    "OutputSettings",
    "Progress",
    "Purpose",
    "Shard",
    "SmoothingSettings",
    "StillFormat",
    "Stopped",
    "StripRecord",
    "UsageError",
    "VerificationError",
    "VerifyRecord",
    "__version__",
    "color_film",
    "color_folder",
    "copy_accepted",
    "merge_journals",
    "strip",
    "take_marks",
    "verify",
]

_LOADED_WHEN_ASKED_FOR: Final = {
    "AcceptedRecord": "archivecolor.runs.accepted",
    "Colorizer": "archivecolor.chroma.still",
    "FilmRecord": "archivecolor.runs.film.job",
    "FolderRecord": "archivecolor.runs.folder.tally",
    "StripRecord": "archivecolor.runs.strip",
    "VerifyRecord": "archivecolor.runs.verify",
    "color_film": "archivecolor.runs.film.job",
    "color_folder": "archivecolor.runs.folder.job",
    "copy_accepted": "archivecolor.runs.accepted",
    "merge_journals": "archivecolor.runs.folder.merging",
    "strip": "archivecolor.runs.strip",
    "take_marks": "archivecolor.runs.marks",
    "verify": "archivecolor.runs.verify",
}
"""NumPy, OpenCV and ONNX Runtime take a second to load; ``--help`` does without."""


def __getattr__(name: str) -> Any:
    if module := _LOADED_WHEN_ASKED_FOR.get(name):
        return getattr(import_module(module), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
