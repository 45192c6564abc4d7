"""The luma of a color JPEG as a JPEG of its own, its DCT coefficients copied: nothing is decoded to pixels.

Needs `jpeglib` (libjpeg by its coefficients), an optional package of 78 MB. It reads and writes files only, so both
lie for a moment in a temporary folder.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np

from archivecolor.errors import DependencyError

INSTALL = "pip install 'archivecolor[jpeg]'"


def gray_of(source: bytes) -> bytes | None:
    """A baseline JPEG of one component whose coefficients and quantization are those of ``source``'s luma.

    None where ``source`` has no luma of full size: RGB, CMYK, YCCK. Raises `DependencyError` without `jpeglib` and
    `OSError` where libjpeg does not read it.
    """
    try:
        import jpeglib
    except ImportError as e:
        raise DependencyError("copying the luma of a color JPEG needs another package", hint=INSTALL) from e
    with tempfile.TemporaryDirectory(prefix="archivecolor-") as folder:
        original, copied = Path(folder) / "source.jpg", Path(folder) / "luma.jpg"
        original.write_bytes(source)
        blocks = jpeglib.read_dct(str(original))
        if blocks.jpeg_color_space not in (jpeglib.JCS_YCbCr, jpeglib.JCS_GRAYSCALE):
            return None
        if blocks.num_components > 1 and (np.asarray(blocks.samp_factor) > blocks.samp_factor[0]).any():
            return None
        gray = jpeglib.from_dct(blocks.Y, qt=np.array(blocks.get_component_qt(0))[None])
        gray.height, gray.width = blocks.height, blocks.width
        gray.write_dct(str(copied))
        return copied.read_bytes()
