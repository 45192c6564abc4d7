"""Colours black-and-white photographs and film: colour is laid beside the luminance, which stays as it was.

>>> from archivecolor import Colorizer
>>> with Colorizer.load() as colorizer:
...     colorizer.color_file("scan.tif", "scan_color.tif")
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from archivecolor.errors import ArchiveColorError
from archivecolor.settings import ColorSettings, OutputSettings, StillFormat

if TYPE_CHECKING:
    from archivecolor.chroma.still import Colorizer

from archivecolor.version import __version__

__all__ = ["ArchiveColorError", "ColorSettings", "Colorizer", "OutputSettings", "StillFormat", "__version__"]


def __getattr__(name: str) -> Any:
    if name == "Colorizer":  # NumPy, OpenCV and ONNX Runtime take a second to load; `--help` does without
        from archivecolor.chroma.still import Colorizer

        return Colorizer
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
