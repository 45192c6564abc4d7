"""Gathering photographs: what is kept, what is not and why, and what a stopped run goes on from."""

from __future__ import annotations

import io
import logging
import tarfile
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from archivecolor.errors import InputError, ItemsFailedError
from tests.train.photographs import Picture, greyed, jpeg, members, photograph, repository, source
from train import gather
from train.dataset import Photographs
from train.gathering import pack, sifting, twins
from train.gathering.pack import Record
from train.gathering.sources import Source
from train.recipe import Data

Gathered = Callable[..., Path]


@pytest.fixture
def gathered(tmp_path: Path) -> Gathered:
    """Gather what a repository of these files gives into a folder."""

    def run(held: Mapping[str, bytes], apart_from: Iterable[Path] = (), **changes: Any) -> Path:
        commit = repository(tmp_path / "mirror" / "someone+blobs", held)
        out = tmp_path / "out"
        guard = twins.Guard(list(apart_from))
        gather.gather([source(commit, **changes)], out, guard, twins.Seen(), tmp_path / "mirror")
        return out

    return run


def dropped(out: Path) -> dict[str, int]:
    return Record.read(out, "blobs").dropped


def test_photographs_are_packed_into_shards_that_training_reads(gathered: Gathered) -> None:
    out = gathered({f"a/{i}.jpg": jpeg(photograph(i, 400, 520)) for i in range(3)} | {"a/notes.txt": b"none"})
    assert members(out) == ["blobs_000000.webp", "blobs_000001.webp", "blobs_000002.webp"]
    read = Photographs.load(out.parent, Data(corpus="out"))
    assert len(read) == 3
    assert [read[i].shape for i in range(3)] == [(224, 291, 3)] * 3
    assert (out / "COUNT.txt").read_text() == "blobs A 3\nclass A: 3\nall: 3\n"
    assert cv2.imread(str(pack.sheets(out) / "blobs.jpg")) is not None
    assert not list(out.rglob("*.part"))


def test_what_is_no_color_photograph_is_left_out_and_counted(gathered: Gathered) -> None:
    good = photograph(1)
    grey = greyed(good)
    sepia = np.clip(grey[..., None] * np.array([1.0, 0.8, 0.55]), 0, 255).astype(np.uint8)
    poster = np.full((200, 260, 3), (240, 220, 60), np.uint8)
    for top, color in ((20, (200, 20, 30)), (60, (30, 140, 60)), (100, (30, 30, 200)), (140, (250, 250, 250))):
        poster[top : top + 36, 20:240] = color
    files = {
        "good": jpeg(good),
        "grey": jpeg(np.repeat(grey[..., None], 3, axis=2)),
        "one-channel": jpeg(grey),
        "sepia": jpeg(sepia),
        "dull": jpeg((photograph(2) // 4 + 100).astype(np.uint8)),
        "poster": jpeg(poster),
        "small": jpeg(photograph(3, 100, 140)),
        "long": jpeg(photograph(4, 160, 500)),
        "broken": b"\xff\xd8 no picture",
        "cut": jpeg(photograph(5))[:80],
    }
    out = gathered({f"{name}.jpg": content for name, content in files.items()})
    assert len(members(out)) == 1
    assert dropped(out) == {
        "grey": 2,
        "toned": 1,
        "dull": 1,
        "graphics": 1,
        "too small": 1,
        "too long": 1,
        "cannot be decoded": 2,
    }


def test_pictures_are_made_smaller_and_never_larger() -> None:
    sizes = {(400, 520): (224, 291), (160, 200): (160, 200), (300, 700): (192, 448)}
    assert {s: sifting.shrunk(photograph(1, *s)).shape[:2] for s in sizes} == sizes


@pytest.mark.parametrize("change", ["mirrored", "squared", "cropped", "smaller"])
def test_nothing_like_an_evaluation_picture_is_kept(gathered: Gathered, tmp_path: Path, change: str) -> None:
    held_out = photograph(7)
    altered = {
        "mirrored": held_out[:, ::-1],
        "squared": held_out[:, 30:230],
        "cropped": held_out[15:185, 20:240],
        "smaller": cv2.resize(held_out, (208, 160), interpolation=cv2.INTER_AREA),
    }[change]
    (tmp_path / "evaluation").mkdir()
    (tmp_path / "evaluation" / "a.png").write_bytes(cv2.imencode(".png", held_out[..., ::-1])[1].tobytes())
    files = {"same.jpg": jpeg(np.ascontiguousarray(altered)), "other.jpg": jpeg(photograph(8))}
    out = gathered(files, apart_from=[tmp_path / "evaluation"])
    assert len(members(out)) == 1
    assert dropped(out) == {"resembles an evaluation picture": 1}


def test_evaluation_pictures_are_known_by_their_public_number_too(gathered: Gathered, tmp_path: Path) -> None:
    listed = tmp_path / "index.csv"
    listed.write_text("name,original\na.jpg,images/n01440764_10026_tench.jpg\n")
    files = {"n01440764_10026.jpg": jpeg(photograph(1)), "n01440764_10027.jpg": jpeg(photograph(2))}
    out = gathered(files, apart_from=[listed])
    assert len(members(out)) == 1
    assert dropped(out) == {"had by name": 1}


def test_shards_and_films_are_kept_apart_from_as_well(tmp_path: Path) -> None:
    held_out = tmp_path / "evaluation"
    held_out.mkdir()
    with tarfile.open(held_out / "a.tar", "w") as shard:
        info = tarfile.TarInfo("x_1.jpg")
        info.size = len(jpeg(photograph(1)))
        shard.addfile(info, io.BytesIO(jpeg(photograph(1))))
    film = cv2.VideoWriter(str(held_out / "b.avi"), cv2.VideoWriter.fourcc(*"MJPG"), 25, (260, 200))
    for i in range(13):
        film.write(np.ascontiguousarray(photograph(2 + i // 12)[..., ::-1]))
    film.release()
    for _ in range(2):  # the second time from the cache
        guard = twins.Guard([held_out], tmp_path / "cache")
        assert len(guard) == 3
        for seed in (1, 2, 3):
            assert guard.resembles(twins.regions(greyed(photograph(seed))))
        assert not guard.resembles(twins.regions(greyed(photograph(4))))
    assert len(list((tmp_path / "cache").iterdir())) == 1


def test_a_picture_is_kept_once_however_it_was_saved(gathered: Gathered) -> None:
    small = cv2.resize(photograph(1), (208, 160), interpolation=cv2.INTER_AREA)
    files = {
        "a/1.jpg": jpeg(photograph(1)),
        "b/1.jpg": jpeg(photograph(1)),
        "c/1.jpg": jpeg(photograph(1), 40),
        "d/1.jpg": jpeg(np.asarray(small, np.uint8)),
        "e/1.jpg": jpeg(photograph(2)),
    }
    out = gathered(files)
    assert len(members(out)) == 2
    assert dropped(out) == {"twin of another": 2}  # a and b are one file to git


def test_a_copy_that_is_not_wanted_does_not_stand_for_one_that_is(gathered: Gathered) -> None:
    files = {f"{folder}/1.jpg": jpeg(photograph(1)) for folder in ("a", "b", "c")}
    assert len(members(gathered(files, files=("b/*", "c/*")))) == 1


def test_of_augmented_versions_one_is_kept(gathered: Gathered) -> None:
    out = gathered({f"car_jpg.rf.{i}.jpg": jpeg(photograph(i)) for i in range(3)})
    assert len(members(out)) == 1
    assert dropped(out) == {"had by name": 2}


def test_photographs_that_are_had_already_are_not_gathered_again(tmp_path: Path) -> None:
    had = tmp_path / "had"
    had.mkdir()
    (had / "n01440764_1.jpg").write_bytes(jpeg(photograph(1)))
    for _ in range(2):  # the second time from the cache
        seen = twins.Seen()
        seen.add_folders([had], tmp_path / "cache")
        assert len(seen) == 1
        assert seen.names == {"n01440764_1"}
        assert seen.knows(twins.thumbnail(greyed(photograph(1))))
        assert not seen.knows(twins.thumbnail(greyed(photograph(2))))


def test_a_source_gives_no_more_than_its_cap_nor_a_folder_more_than_its_share(gathered: Gathered) -> None:
    files = {f"{folder}/{i}.jpg": jpeg(photograph(ord(folder) * 10 + i)) for folder in "abc" for i in range(4)}
    out = gathered(files, each=2, cap=5)
    assert len(members(out)) == 5
    assert sorted(Record.read(out, "blobs").folders.values()) == [1, 2, 2]


def test_a_stopped_run_goes_on_after_its_last_shard(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    commit = repository(tmp_path / "mirror" / "someone+blobs", {f"{i}.jpg": jpeg(photograph(i)) for i in range(9)})
    monkeypatch.setattr(pack, "SHARD_BYTES", 210_000)

    def run(out: Path) -> dict[str, bytes]:
        gather.gather([source(commit)], out, twins.Guard([]), twins.Seen(), tmp_path / "mirror")
        return {path.name: path.read_bytes() for path in out.glob("*.tar")}

    whole = run(tmp_path / "whole")
    assert len(whole) > 1
    sift = sifting.sift
    looked_at = []

    def interrupted(coded: bytes, of: Source) -> Picture | sifting.Unfit:
        looked_at.append(coded)
        if len(looked_at) == 8:
            raise KeyboardInterrupt
        return sift(coded, of)

    monkeypatch.setattr(sifting, "sift", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "stopped")
    assert 0 < len(list((tmp_path / "stopped").glob("*.tar"))) < len(whole)
    assert run(tmp_path / "stopped") == whole
    times = len(looked_at)
    assert run(tmp_path / "stopped") == whole
    assert len(looked_at) == times


def test_a_source_that_cannot_be_had_does_not_stop_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    commit = repository(tmp_path / "mirror" / "someone+blobs", {"1.jpg": jpeg(photograph(1))})
    for key, value in {
        "COUNT": "1",
        "KEY_0": "url.file:///nowhere/.insteadOf",
        "VALUE_0": "https://github.com/",
    }.items():
        monkeypatch.setenv(f"GIT_CONFIG_{key}", value)
    gone = source("0" * 40, name="gone", where="github:someone/gone")
    with pytest.raises(ItemsFailedError, match="1 of 2 sources failed: gone"):
        gather.gather([gone, source(commit)], tmp_path / "out", twins.Guard([]), twins.Seen(), tmp_path / "mirror")
    assert members(tmp_path / "out") == ["blobs_000000.webp"]
    assert any(message.startswith("gone: git ") for message in caplog.messages)


def test_a_broken_record_is_told_with_what_to_do(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    pack.write_whole(tmp_path / pack.RECORDS / "blobs.json", b"{")
    with caplog.at_level(logging.ERROR), pytest.raises(InputError, match="remove it and the source's shards"):
        Record.read(tmp_path, "blobs")
