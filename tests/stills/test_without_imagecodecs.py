"""The plain install has no imagecodecs: TIFFs then go through libtiff, and come out the same or are refused."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from PIL import Image

from archivecolor.installation import install_line
from tests.stills.sources import BITS, CLEAR8, CLEAR16, GRAY8, GRAY16, SEPIA8, SEPIA16, luma_of

imagecodecs = pytest.importorskip("imagecodecs", reason="needed to write the files that are then read without it")

READER = """
import json, sys
from pathlib import Path
sys.modules["imagecodecs"] = None
import numpy as np
from archivecolor.errors import ArchiveColorError
from archivecolor.stills import open_still
for path in map(Path, sys.argv[1:]):
    try:
        still = open_still(path)
        np.save(path.with_suffix(".luma.npy"), still.luma)
        if still.alpha is not None:
            np.save(path.with_suffix(".alpha.npy"), still.alpha)
        said = {"orientation": int(still.orientation)}
    except ArchiveColorError as e:
        said = {"error": type(e).__name__, "message": str(e)}
    print(json.dumps(said))
"""

READABLE: dict[str, tuple[Any, dict[str, Any]]] = {
    "gray 8": (GRAY8, {"photometric": "minisblack"}),
    "gray 8, white is zero": (255 - GRAY8, {"photometric": "miniswhite"}),
    "gray 16": (GRAY16, {"photometric": "minisblack"}),
    "gray 16 big-endian predicted": (GRAY16, {"photometric": "minisblack", "byteorder": ">", "predictor": True}),
    "gray with alpha 8": (
        np.dstack((GRAY8, CLEAR8)),
        {"photometric": "minisblack", "planarconfig": "contig", "extrasamples": ["unassalpha"]},
    ),
    "RGB 8": (SEPIA8, {"photometric": "rgb"}),
    "RGB 16": (SEPIA16, {"photometric": "rgb"}),
    "RGB 16 tiled big-endian": (SEPIA16, {"photometric": "rgb", "tile": (16, 16), "byteorder": ">"}),
    "RGBA 8": (np.dstack((SEPIA8, CLEAR8)), {"photometric": "rgb", "extrasamples": ["unassalpha"]}),
    "RGBA 16": (np.dstack((SEPIA16, CLEAR16)), {"photometric": "rgb", "extrasamples": ["unassalpha"]}),
    "planar RGB 8": (np.moveaxis(SEPIA8, -1, 0), {"photometric": "rgb", "planarconfig": "separate"}),
}
REFUSED: dict[str, tuple[Any, dict[str, Any]]] = {
    "gray 16, white is zero": (65535 - GRAY16, {"photometric": "miniswhite"}),
    "planar RGB 16": (np.moveaxis(SEPIA16, -1, 0), {"photometric": "rgb", "planarconfig": "separate"}),
    "premultiplied": (np.dstack((SEPIA8, CLEAR8)), {"photometric": "rgb", "extrasamples": ["assocalpha"]}),
}


def read(paths: list[Path]) -> list[dict[str, Any]]:
    """What another process, that has no imagecodecs, says of each."""
    command = [sys.executable, "-c", READER, *map(str, paths)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
    return [json.loads(line) for line in done.stdout.splitlines()]


def write(path: Path, pixels: Any, options: dict[str, Any], compression: str, turn: int) -> Path:
    tag = (274, "H", 1, turn, True)
    tifffile.imwrite(path, pixels, compression=compression, metadata=None, extratags=[tag], **options)
    return path


def test_lzw_and_zstd_come_out_the_same_and_turned_pictures_are_not_turned_twice(tmp_path: Path) -> None:
    cases = [
        (name, pixels, options, compression, turn)
        for name, (pixels, options) in READABLE.items()
        for compression, turn in (("lzw", 1), ("lzw", 3), ("lzw", 6), ("zstd", 1))
        if compression != "zstd" or "16" not in name  # OpenCV's libtiff has no Zstandard
    ]
    paths = [write(tmp_path / f"{i}.tif", *case[1:]) for i, case in enumerate(cases)]
    for (name, pixels, options, compression, turn), path, said in zip(cases, paths, read(paths), strict=True):
        what = f"{name} {compression} {turn}"
        assert said == {"orientation": turn}, what
        wide = pixels.dtype == np.uint16
        sepia, gray, clear = (SEPIA16, GRAY16, CLEAR16) if wide else (SEPIA8, GRAY8, CLEAR8)
        expected = luma_of(sepia) if options["photometric"] == "rgb" else gray
        np.testing.assert_array_equal(np.load(path.with_suffix(".luma.npy")), expected, what)
        if "extrasamples" in options:
            np.testing.assert_array_equal(np.load(path.with_suffix(".alpha.npy")), clear, what)


def test_what_libtiff_would_get_wrong_is_refused_with_the_install_line(tmp_path: Path) -> None:
    paths = [write(tmp_path / f"{i}.tif", *case, "lzw", 1) for i, case in enumerate(REFUSED.values())]
    for name, said in zip(REFUSED, read(paths), strict=True):
        assert said["error"] == "DependencyError", name
        assert f"LZW compression needs another package ({install_line('tiff')})" in said["message"]


def test_fax_and_damaged_files_are_told_apart(tmp_path: Path) -> None:
    fax, broken = tmp_path / "fax.tif", tmp_path / "broken.tif"
    Image.fromarray(BITS.astype(bool)).save(fax, compression="group4", tiffinfo={274: 8})
    write(broken, GRAY16, {"photometric": "minisblack"}, "lzw", 1)
    broken.write_bytes(broken.read_bytes()[:-300])
    said_of_fax, said_of_broken = read([fax, broken])
    assert said_of_fax == {"orientation": 8}
    np.testing.assert_array_equal(np.load(fax.with_suffix(".luma.npy")), BITS * 255)
    assert said_of_broken["error"] == "InputError"
