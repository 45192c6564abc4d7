"""Validation: what its figures mean, and a sheet of any number of pictures."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import pytest
import torch

from archivecolor.errors import InputError, OutputError
from archivecolor.inference.torch_generator import Generator
from tests.fakes.generators import tiny_generator
from tests.train.conftest import png
from train.validate import Validation, ValidationSet

Picture = npt.NDArray[np.uint8]


@pytest.fixture(scope="module")
def generator() -> Generator:
    return tiny_generator()


@pytest.fixture
def folder(tmp_path: Path, color_photographs: dict[str, Picture]) -> Path:
    for i in range(6):
        name = sorted(color_photographs)[i % 4]
        (tmp_path / f"{i}_{name}.png").write_bytes(png(color_photographs[name]))
    (tmp_path / "notes.txt").write_text("no picture")
    return tmp_path


def test_a_generator_that_says_gray_gains_nothing(folder: Path, generator: Generator) -> None:
    kept = generator.palette.clone()
    generator.palette.zero_()
    measured = ValidationSet.of_folder(folder, 2, 96).measure(generator)
    generator.palette.copy_(kept)
    assert measured.gain == pytest.approx(0, abs=0.2)
    assert measured.colorfulness_ratio == pytest.approx(0, abs=0.02)
    assert measured.ciede2000 == pytest.approx(measured.ciede2000_gray, abs=0.02)


def test_the_gain_is_the_share_of_the_gray_error_that_is_gone() -> None:
    assert Validation(8, 10, 1).gain == pytest.approx(20)
    assert Validation(11, 10, 1).gain == pytest.approx(-10)


def test_pictures_are_chosen_evenly_and_scaled_to_multiples_of_32(folder: Path) -> None:
    chosen = ValidationSet.of_folder(folder, 3, 96)
    assert len(chosen.pictures) == 3
    assert [p.shape for p in chosen.pictures] == [(96, 96, 3), (96, 160, 3), (96, 96, 3)]
    assert len(ValidationSet.of_folder(folder, 60, 64).pictures) == 6


@pytest.mark.parametrize(("count", "rows"), [(1, 1), (3, 1), (6, 2)])
def test_the_sheet_holds_every_picture(folder: Path, generator: Generator, count: int, rows: int) -> None:
    sheet = folder / "sheets" / "sheet.png"
    sheet.parent.mkdir()
    ValidationSet.of_folder(folder, count, 64).measure(generator, sheet)
    drawn = cv2.imread(str(sheet))
    assert drawn is not None
    assert drawn.shape == (rows * 160, 4 * 3 * 192, 3)
    cells = drawn.reshape(rows, 160, 4, 3 * 192, 3).transpose(0, 2, 1, 3, 4).reshape(rows * 4, -1)
    assert [bool((cell != 255).any()) for cell in cells] == [i < count for i in range(rows * 4)]


def test_measuring_leaves_the_generator_as_it_was(folder: Path, generator: Generator) -> None:
    before = {k: v.clone() for k, v in generator.state_dict().items()}
    ValidationSet.of_folder(folder, 2, 64).measure(generator)
    assert all(torch.equal(v, before[k]) for k, v in generator.state_dict().items())


def test_a_folder_without_pictures_or_with_a_broken_one_is_an_input_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="holds no pictures to validate on"):
        ValidationSet.of_folder(tmp_path, 3, 64)
    (tmp_path / "broken.png").write_bytes(b"no picture")
    with pytest.raises(InputError, match=r"broken\.png: cannot be decoded"):
        ValidationSet.of_folder(tmp_path, 3, 64)


def test_a_sheet_that_cannot_be_written_is_an_output_error(folder: Path, generator: Generator) -> None:
    with pytest.raises(OutputError, match=r"sheet\.png: cannot be written"):
        ValidationSet.of_folder(folder, 1, 64).measure(generator, folder / "missing" / "sheet.png")
