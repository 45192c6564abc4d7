"""Where photographs are gathered from: repositories, packages, and the list that names them."""

from __future__ import annotations

import io
import json
import subprocess
import tarfile
import zipfile
from pathlib import Path

import cv2
import numpy as np
import pytest

from archivecolor.errors import ConfigurationError, InputError, UsageError
from tests.train.photographs import greyed, jpeg, members, photograph, repository, source
from train import gather
from train.gathering import origin, pack, plates, sifting, sources, twins
from train.gathering.sources import Change, Standing


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


def test_what_another_folder_was_gathered_of_is_known_by_its_numbers_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gathered(folder: str, seed: int, *arguments: str) -> pack.Record:
        commit = repository(tmp_path / folder / "someone+blobs", {"n01440764_1.jpg": jpeg(photograph(seed))})
        listed = tmp_path / folder / "list.toml"
        listed.write_text(LISTED.replace("0123456789012345678901234567890123456789", commit))
        out = tmp_path / folder / "out"
        told = ("gather", str(out), "--list", str(listed), "--mirror", str(tmp_path / folder))
        monkeypatch.setattr("sys.argv", [*told, *arguments])
        assert gather.main() == 0
        return pack.Record.read(out, "blobs")

    assert gathered("first", 1).kept == 1
    assert gathered("second", 2, "--besides", str(tmp_path / "first" / "out")).dropped == {"had by name": 1}
    assert gathered("third", 2).kept == 1
