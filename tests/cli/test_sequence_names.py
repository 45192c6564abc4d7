"""Frames of a sequence are called by the numbers of their files: in lists of shots, hints and colored frames alike."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from tests.cli.conftest import Run
from tests.film.sources import of_two_hues, scene, tinted
from tests.sequences.scans import dpx_bytes, header, read_dpx

FIRST, SHOT = 86, 10
GAPS = 7
"""The exit code of a film that lacks a frame."""
Rgb = npt.NDArray[np.uint8]


@pytest.fixture
def reel(tmp_path: Path) -> Path:
    """Two shots of ten frames, 86 to 105; frame 92 is missing."""
    folder = tmp_path / "reel1"
    folder.mkdir()
    for i in range(2 * SHOT):
        luma = scene(i % SHOT, seed=1 + 5 * (i // SHOT)).astype(np.uint16) * 4
        made = header(size=luma.shape, timecode=f"10:00:00:{i:02d}", rate=25)
        (folder / f"reel1.{FIRST + i:06d}.dpx").write_bytes(dpx_bytes(luma, made))
    (folder / "reel1.000092.dpx").unlink()
    return folder


def redness(folder: Path) -> dict[int, float]:
    """How red each frame is, by its number."""
    found = {}
    for path in sorted(folder.glob("*.dpx")):
        _, samples = read_dpx(path.read_bytes())
        found[int(path.stem[-6:])] = float((samples[..., 0].astype(int) - samples[..., 2]).mean())
    return found


def give(path: Path, rgb: Rgb) -> None:
    path.parent.mkdir(exist_ok=True)
    Image.fromarray(rgb).save(path)


def test_a_list_of_shots_names_frames_as_their_files_and_is_taken_back(run: Run, reel: Path, tmp_path: Path) -> None:
    listed = run("shots", reel)
    assert listed.code == 0, listed.err
    rows = list(csv.DictReader(io.StringIO(listed.out)))
    assert [(row["first_frame"], row["frames"], row["timecode"]) for row in rows] == [
        ("86", "9", "10:00:00:00"),
        ("96", "10", "10:00:00:10"),
    ]
    assert '"first_frame": 96' in run("shots", reel, "--json").out
    cuts = tmp_path / "l.csv"
    cuts.write_text("first_frame,leave_gray\n86,\n92,yes\n96,\n")  # where a frame is missing, the next one begins it
    assert run("video", reel, tmp_path / "out", "--cuts", cuts, "--saturation", "2").code == GAPS
    gray = [n for n in sorted(redness(tmp_path / "out")) if is_gray(tmp_path / "out" / f"reel1.{n:06d}.dpx")]
    assert gray == [93, 94, 95]
    cuts.write_text("first_frame\n0\n")
    refused = run("shots", reel, "--cuts", cuts)
    assert refused.code == 2
    assert "names frames 0 to 105, which the film does not have" in refused.err
    assert "it has frames 86 to 105" in refused.err


def is_gray(path: Path) -> bool:
    _, samples = read_dpx(path.read_bytes())
    return bool((samples[..., 0] == samples[..., 2]).all())


@pytest.mark.parametrize("name", ["90.png", "reel1.000090.png", "10-00-00-04.png", "0.16s.png"])
@pytest.mark.parametrize("option", ["--references", "--hints-dir"])
def test_a_frame_is_named_by_its_file_s_number_or_name_or_its_time(
    run: Run, reel: Path, tmp_path: Path, name: str, option: str
) -> None:
    plain = run("video", reel, tmp_path / "plain")
    assert plain.code == GAPS, plain.err
    if option == "--references":
        give(tmp_path / "given" / name, tinted(4))
    else:
        layer = np.zeros((*scene(0).shape, 4), np.uint8)
        layer[20:60, 20:60] = (255, 20, 20, 255)
        Image.fromarray(layer, "RGBA").save(folder_of(tmp_path) / name)
    done = run("video", reel, tmp_path / "out", option, tmp_path / "given")
    assert done.code == GAPS, done.err
    before, after = redness(tmp_path / "plain"), redness(tmp_path / "out")
    moved = {number: after[number] - before[number] for number in before}
    assert min(moved[n] for n in moved if n < FIRST + SHOT) > 5
    assert max(abs(moved[n]) for n in moved if n >= FIRST + SHOT) == 0


def folder_of(tmp_path: Path) -> Path:
    (tmp_path / "given").mkdir()
    return tmp_path / "given"


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("4.png", "it has frames 86 to 105"),
        ("106.png", "it has frames 86 to 105"),
        ("92.png", "frame 92 is missing or broken; it has frames 86 to 105"),
        ("100.png", "frames have the numbers of their files"),
    ],
)
def test_a_number_that_no_frame_has_is_one_line(run: Run, reel: Path, tmp_path: Path, name: str, said: str) -> None:
    give(tmp_path / "given" / name, of_two_hues(4))
    done = run("video", reel, tmp_path / "out", "--references", tmp_path / "given")
    assert done.code == 2
    assert said in done.err
    assert "then give the folder above theirs" in done.err
    assert not (tmp_path / "out").exists()
    (tmp_path / "above").mkdir()
    (tmp_path / "given").rename(tmp_path / "above" / "given")
    assert run("video", reel, tmp_path / "out", "--references", tmp_path / "above").code == GAPS
