"""Photographs packed to be carried to another machine."""

from __future__ import annotations

import tarfile
from pathlib import Path

import cv2
import numpy as np
import pytest

from archivecolor.errors import InputError, OutputError
from train import shards
from train.dataset import Photographs
from train.recipe import Data


def _photographs(folder: Path, count: int, side: int = 96) -> None:
    rng = np.random.default_rng(1)
    folder.mkdir()
    for i in range(count):
        picture = cv2.resize(
            rng.integers(0, 255, (8, 8, 3), np.uint8), (side + 32, side), interpolation=cv2.INTER_CUBIC
        )
        assert cv2.imwrite(str(folder / f"{'ab'[i % 2]}_{i}.jpg"), picture)


def _names(path: Path) -> list[str]:
    with tarfile.open(path) as shard:
        return shard.getnames()


def test_shards_hold_every_photograph_once_and_none_is_too_large(tmp_path: Path) -> None:
    _photographs(tmp_path / "all", 40)
    written = shards.pack(tmp_path, Data("all"), tmp_path / "out", 64, 60, 0.03)
    assert len(written) > 2
    assert all(path.stat().st_size <= 30_000 for path in written)
    names = [name for path in written for name in _names(path)]
    assert sorted(names) == sorted(f"{'ab'[i % 2]}_{i}.webp" for i in range(40))
    packed = Photographs.load(tmp_path, Data("out"))
    assert len(packed) == 40
    assert min(packed[3].shape[:2]) == 64


def test_each_shard_is_a_sample_of_all(tmp_path: Path) -> None:
    _photographs(tmp_path / "all", 40)
    first, *_ = shards.pack(tmp_path, Data("all"), tmp_path / "out", 64, 60, 0.03)
    assert {name[0] for name in _names(first)} == {"a", "b"}


def test_sources_of_weight_0_stay_behind(tmp_path: Path) -> None:
    _photographs(tmp_path / "all", 10)
    (only,) = shards.pack(tmp_path, Data("all", source_weights={"b": 0}), tmp_path / "out", 64, 60, 1)
    assert {name[0] for name in _names(only)} == {"a"}


def test_more_photographs_go_beside_the_first_and_nothing_is_overwritten(tmp_path: Path) -> None:
    _photographs(tmp_path / "all", 4)
    shards.pack(tmp_path, Data("all"), tmp_path / "out", 64, 60, 1)
    shards.pack(tmp_path, Data("all"), tmp_path / "out", 64, 60, 1, first=1)
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == ["00.tar", "01.tar"]
    with pytest.raises(OutputError):
        shards.pack(tmp_path, Data("all"), tmp_path / "out", 64, 60, 1)


def test_a_missing_folder_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such folder"):
        shards.pack(tmp_path, Data("nothing"), tmp_path / "out", 64, 60, 1)
