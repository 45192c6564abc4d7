"""``archivecolor shots`` and ``video --cuts``: a list goes out, is corrected, and comes back."""

from __future__ import annotations

import csv
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from archivecolor.__main__ import main
from archivecolor.film import segments
from tests.cli.video.conftest import Run, names
from tests.film.sources import Decoded, FilmSource, decode, moving, of_two_hues

FIRST = "shot,first_frame,saturation,leave_gray\n1,0,,\n2,20,,yes\n3,30,0.5,\n"


@pytest.fixture
def shots(run: Run, monkeypatch: pytest.MonkeyPatch) -> Run:
    FilmSource([*moving(20), *moving(20, seed=5)], metadata={"timecode": "10:00:00:00"}).write(Path("a.mkv"))

    def call(*arguments: str) -> int:
        monkeypatch.setattr(sys, "argv", ["archivecolor", "shots", "a.mkv", *arguments])
        try:
            main()
        except SystemExit as e:
            return int(e.code or 0)
        return 0

    return call


def test_a_list_goes_to_stdout_as_csv(shots: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert shots() == 0
    rows = list(csv.DictReader(capsys.readouterr().out.splitlines()))
    assert [(row["first_frame"], row["frames"], row["timecode"]) for row in rows] == [
        ("0", "20", "10:00:00:00"),
        ("20", "20", "10:00:00:20"),
    ]
    assert names() == {"a.mkv"}


def test_a_list_is_never_written_over_unasked(shots: Run, run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    Path("l.csv").write_text("mine")
    assert shots("--out", "l.csv") == run("a.mkv", "b.mkv", "--shots", "l.csv") == 5
    assert Path("l.csv").read_text() == "mine"
    assert capsys.readouterr().err.count("l.csv: already exists") == 2
    assert names() == {"a.mkv", "l.csv"}


def test_an_edited_list_decides_on_cuts_and_colors(shots: Run, run: Run) -> None:
    assert run("a.mkv", "plain.mkv", "--for", "master") == 0
    Path("l.csv").write_text(FIRST)
    assert run("a.mkv", "b.mkv", "--for", "master", "--cuts", "l.csv", "--shots", "made.csv") == 0
    plain, made = decode(Path("plain.mkv")), decode(Path("b.mkv"))
    assert np.array_equal(made.lumas, decode(Path("a.mkv")).lumas)
    assert np.array_equal(made.cb[:20], plain.cb[:20])
    assert (np.array(made.cb[20:30]) == 128).all(), "left gray"
    off, muted = (np.abs(np.array(film.cb[30:], float) - 128).mean() for film in (plain, made))
    assert 0.3 * off < muted < 0.7 * off
    rows = list(csv.DictReader(Path("made.csv").read_text().splitlines()))
    assert [(row["first_frame"], row["leave_gray"], row["color_sure"]) for row in rows] == [
        ("0", "", "0.50"),
        ("20", "yes", "0.50"),
        ("30", "", "0.50"),
    ]


def test_another_list_makes_the_segments_anew_that_it_changes(
    shots: Run, run: Run, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def stopped(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(segments, "LONGEST_S", 0.5)  # each shot is a segment, the first is two
    Path("l.csv").write_text(FIRST)
    with monkeypatch.context() as patch:
        patch.setattr("archivecolor.runs.film.job.join_film", stopped)
        assert run("a.mkv", "b.mkv", "--for", "master", "--cuts", "l.csv") == 130
    assert len(names()) == 3, "segments are kept"
    capsys.readouterr()
    Path("l.csv").write_text(FIRST.replace("yes", "no"))
    assert run("a.mkv", "b.mkv", "--for", "master", "--cuts", "l.csv") == 0
    assert "continuing: 30 of 40 frames are done" in capsys.readouterr().err
    assert (np.array(decode(Path("b.mkv")).cb[20:30]) != 128).any()
    assert run("a.mkv", "c.mkv", "--for", "master", "--cuts", "l.csv") == 0
    assert np.array_equal(decode(Path("b.mkv")).cb, decode(Path("c.mkv")).cb)


def test_kept_chroma_is_asked_for_again_only_where_another_list_has_other_cuts(
    run: Run, shots: Run, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(segments, "LONGEST_S", 0.5)
    Path("l.csv").write_text(FIRST)
    assert run("a.mkv", "b.mkv", "--for", "master", "--cuts", "l.csv", "--keep-work") == 0
    capsys.readouterr()
    Path("l.csv").write_text(FIRST.replace("yes", "").replace("0.5", "1.5"))
    assert run("a.mkv", "c.mkv", "--for", "master", "--cuts", "l.csv", "--keep-work") == 0
    assert "the chroma of 40 frames was kept and is used again" in capsys.readouterr().err, "grades are laid over it"
    Path("l.csv").write_text(FIRST.replace("3,30,", "3,33,"))
    assert run("a.mkv", "d.mkv", "--for", "master", "--cuts", "l.csv", "--keep-work") == 0
    assert "the chroma of 20 frames was kept and is used again" in capsys.readouterr().err
    Path("a.mkv.chroma").rename("elsewhere")
    assert run("a.mkv", "e.mkv", "--for", "master", "--cuts", "l.csv", "--keep-work") == 0
    assert np.array_equal(decode(Path("d.mkv")).cb, decode(Path("e.mkv")).cb)


@pytest.mark.parametrize(
    ("text", "why"),
    [("first_frame\n40\n", "l.csv: names frames 40 to 39, which the film does not have"), ("a\n1\n", "l.csv: has no")],
)
def test_a_list_of_another_film_is_refused_before_the_run(
    shots: Run, run: Run, capsys: pytest.CaptureFixture[str], text: str, why: str
) -> None:
    Path("l.csv").write_text(text)
    assert run("a.mkv", "b.mkv", "--cuts", "l.csv") in (2, 3)
    assert capsys.readouterr().err.count(why) == 1
    assert run("a.mkv", "b.mkv", "--cuts", "l.txt") == 2
    assert names() == {"a.mkv", "l.csv"}


def test_a_shot_of_the_list_takes_a_reference_and_hints_of_its_own_and_others_do_not(shots: Run, run: Run) -> None:
    plain = made_with(run, "")
    layer = np.zeros((96, 128, 4), np.uint8)
    layer[:, 40:80] = (20, 40, 230, 255)
    Image.fromarray(layer).save("25.png")
    Image.fromarray(of_two_hues(30, seed=5)).save("photo.png")
    for column, value in (("reference", "photo.png"), ("hints", "25.png")):
        film = made_with(run, f"first_frame,{column}\n0,\n20,{value}\n")
        assert np.array_equal(film.lumas, plain.lumas)
        assert np.array_equal(film.cb[:20], plain.cb[:20])
        assert np.array_equal(film.cr[:20], plain.cr[:20])
        moved = np.abs(np.array([film.cb[20:], film.cr[20:]], float) - [plain.cb[20:], plain.cr[20:]])
        assert (moved.mean(axis=(0, 2, 3)) > 2).all(), column


def made_with(run: Run, shots: str) -> Decoded:
    Path("l.csv").write_text(shots or "first_frame\n0\n20\n")
    assert run("a.mkv", "b.mkv", "--for", "master", "--overwrite", "--cuts", "l.csv") == 0
    return decode(Path("b.mkv"))
