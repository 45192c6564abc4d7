"""Photographs packed to be carried to another machine."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest

from archivecolor.errors import InputError, OutputError
from train import dataset, shards
from train.dataset import INDEX, Photographs
from train.recipe import Data, Layout


def _photographs(folder: Path, count: int, side: int = 96) -> None:
    rng = np.random.default_rng(1)
    folder.mkdir()
    for i in range(count):
        picture = cv2.resize(
            rng.integers(0, 255, (8, 8, 3), np.uint8), (side + 32, side), interpolation=cv2.INTER_CUBIC
        )
        assert cv2.imwrite(str(folder / f"{'ab'[i % 2]}_{i}.jpg"), picture)


PACKED = Data("carried", Layout.PACKED)


def _carry(parts: Sequence[Path], to: Path) -> None:
    to.mkdir(exist_ok=True)
    shutil.copy(parts[0].parent / INDEX, to)
    with (to / dataset.PACKED).open("ab") as file:
        for part in parts:
            file.write(part.read_bytes())


def test_parts_hold_every_photograph_once_and_none_is_too_large(tmp_path: Path) -> None:
    _photographs(tmp_path / "all", 40)
    parts = shards.pack(tmp_path, Data("all"), tmp_path / "out", 64, 60, 0.01)
    assert len(parts) > 2
    assert all(path.stat().st_size <= 10_000 for path in parts)
    _carry(parts, tmp_path / "carried")
    packed = Photographs.load(tmp_path, PACKED)
    assert len(packed) == 40
    assert {min(packed[i].shape[:2]) for i in range(40)} == {64}
    assert len({packed[i].tobytes() for i in range(40)}) == 40


def test_training_begins_with_the_first_part_and_takes_in_the_others_as_they_come(tmp_path: Path) -> None:
    _photographs(tmp_path / "all", 40)
    first, *others = shards.pack(tmp_path, Data("all", source_weights={"a": 2}), tmp_path / "out", 64, 60, 0.01)
    _carry([first], tmp_path / "carried")
    packed = Photographs.load(tmp_path, PACKED)
    at_first = len(packed)
    assert 0 < at_first < 20
    before = packed[at_first - 1]
    for part in others:
        _carry([part], tmp_path / "carried")
    assert len(packed) == 40
    np.testing.assert_array_equal(packed[at_first - 1], before)
    assert packed[39].shape[0] == 64
    assert sorted({round(chance * 60) for chance in packed.chances}) == [1, 2]


def test_a_part_that_has_not_wholly_come_counts_as_far_as_it_has(tmp_path: Path) -> None:
    _photographs(tmp_path / "all", 10)
    (only,) = shards.pack(tmp_path, Data("all"), tmp_path / "out", 64, 60, 1)
    _carry([only], tmp_path / "carried")
    packed = Photographs.load(tmp_path, PACKED)
    with (tmp_path / "carried" / dataset.PACKED).open("r+b") as file:
        file.truncate(only.stat().st_size - 1)
    assert len(packed) == 9


def test_sources_of_weight_0_stay_behind_and_nothing_is_overwritten(tmp_path: Path) -> None:
    _photographs(tmp_path / "all", 10)
    parts = shards.pack(tmp_path, Data("all", source_weights={"b": 0}), tmp_path / "out", 64, 60, 1)
    _carry(parts, tmp_path / "carried")
    assert len(Photographs.load(tmp_path, PACKED)) == 5
    with pytest.raises(OutputError):
        shards.pack(tmp_path, Data("all"), tmp_path / "out", 64, 60, 1)


def test_webp_that_is_small_enough_travels_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "all").mkdir()
    picture = np.random.default_rng(1).integers(0, 255, (70, 90, 3), np.uint8)
    assert cv2.imwrite(str(tmp_path / "all" / "a_1.webp"), picture)
    (only,) = shards.pack(tmp_path, Data("all"), tmp_path / "out", 80, 60, 1)
    assert only.read_bytes() == (tmp_path / "all" / "a_1.webp").read_bytes()


@pytest.mark.parametrize("content", [None, b"", b"PK\x03\x04 no index"])
def test_a_missing_or_broken_index_is_one_line(tmp_path: Path, content: bytes | None) -> None:
    folder = tmp_path / "carried"
    folder.mkdir()
    if content is not None:
        (folder / INDEX).write_bytes(content)
    with pytest.raises(InputError, match=r"carried: holds no packed photographs: .*pack them with train\.shards"):
        Photographs.load(tmp_path, PACKED)


def test_a_missing_folder_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such folder"):
        shards.pack(tmp_path, Data("nothing"), tmp_path / "out", 64, 60, 1)
