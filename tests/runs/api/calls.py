"""What tests of whole runs share: settings, and what lies in a folder after one."""

from __future__ import annotations

from pathlib import Path

from PIL import Image

from archivecolor import (
    EncodeSettings,
    FilmSettings,
    FolderSettings,
    Purpose,
    color_folder,
)
from tests.cli.conftest import tree

ONE_AT_A_TIME = FolderSettings(jobs=1)
MASTER = FilmSettings(encode=EncodeSettings(Purpose.MASTER))


def assert_nothing_is_half_written(folder: Path) -> None:
    """No part lies there, and every picture that has its name can be decoded."""
    for name in tree(folder) if folder.exists() else ():
        assert not name.endswith(".part"), name
        if name.endswith(".png"):
            with Image.open(folder / name) as image:
                image.load()


def whole(scans: Path, out: Path) -> dict[str, bytes]:
    """What a run that nobody disturbs makes."""
    color_folder(scans, out, ONE_AT_A_TIME)
    return tree(out)
