"""A corpus of six photographs and five files that are none, and a recipe of a few steps on it."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import pytest
import torch

from tests.fakes.generators import SHAPE
from train.dataset import Photographs
from train.recipe import Data, Freeze, Phase, Recipe

Picture = npt.NDArray[np.uint8]


@pytest.fixture(scope="session", autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


def png(rgb: Picture) -> bytes:
    ok, coded = cv2.imencode(".png", rgb[..., ::-1] if rgb.ndim == 3 else rgb)
    assert ok
    return coded.tobytes()


def write_shard(path: Path, members: dict[str, bytes]) -> None:
    with tarfile.open(path, "w") as shard:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            shard.addfile(info, io.BytesIO(content))


@pytest.fixture(scope="session")
def corpus(tmp_path_factory: pytest.TempPathFactory, color_photographs: dict[str, Picture]) -> Path:
    """Four PNG files in two folders and two in a shard; one gray, one broken, one empty, one tiny and one text."""
    folder = tmp_path_factory.mktemp("corpus")
    (folder / "more").mkdir()
    cat, coffee, astronaut, rocket = (color_photographs[n] for n in ("chelsea", "coffee", "astronaut", "rocket"))
    (folder / "cat_1.png").write_bytes(png(cat[:100, :120]))
    (folder / "cat_2.png").write_bytes(png(cat[40:, 80:]))
    (folder / "coffee_1.png").write_bytes(png(coffee))
    (folder / "more" / "astronaut_1.png").write_bytes(png(astronaut))
    (folder / "gray_1.png").write_bytes(png(coffee[..., 0]))
    (folder / "broken_1.png").write_bytes(png(coffee)[:80])
    (folder / "broken_2.png").touch()
    (folder / "tiny_1.png").write_bytes(png(coffee[:63]))
    shard = {
        "rocket_1.png": png(rocket),
        "deep/astronaut_2.png": png(astronaut[60:]),
        "README.md": b"no picture",
        "deep/tiny_2.png": png(rocket[:, :20]),
    }
    write_shard(folder / "shard.tar", shard)
    return folder


@pytest.fixture(scope="session")
def photographs(corpus: Path) -> Photographs:
    """The corpus, decoded."""
    return Photographs.load(corpus.parent, Data(corpus.name))


def tiny_recipe(corpus: Path) -> Recipe:
    """Six steps: two with the encoder held still, one with part of it, three against the discriminator."""
    return Recipe(
        "tiny",
        Data(str(corpus)),
        (
            Phase("frozen", 4, 64, 2, 1e-3, 5e-4, Freeze.ENCODER),
            Phase("all", 2, 64, 2, 1e-3, 5e-4, Freeze.SHALLOW),
            Phase("adversarial", 5, 64, 2, 1e-3, 5e-4, encoder_share=0.5, hold_statistics=True, adversarial=0.1),
        ),
        generator=SHAPE,
    )


@pytest.fixture
def recipe(corpus: Path) -> Recipe:
    """Six steps on the corpus."""
    return tiny_recipe(corpus)
