"""Lists of shots: what is written comes back, and what cannot be of the film is refused in one line."""

from __future__ import annotations

import re
from fractions import Fraction
from pathlib import Path

import pytest

from archivecolor.chroma.scan import scan
from archivecolor.errors import InputError, UsageError
from archivecolor.film.shot_list import ListedShot, read_shots, write_shots
from archivecolor.film.survey import Survey
from archivecolor.settings import ShotSettings
from tests.film.sources import FilmSource, moving
from tests.needs import needs_otio

KINDS = [".csv", pytest.param(".edl", marks=needs_otio), pytest.param(".otio", marks=needs_otio)]
NTSC = "30000/1001"


def film(folder: Path, rate: str = "25", code: str | None = None) -> Survey:
    lumas = [*moving(20), *moving(20, seed=5), *moving(20, seed=8)]
    how = FilmSource(
        lumas, rate=Fraction(rate), time_base=1 / Fraction(rate), metadata={"timecode": code} if code else {}
    )
    return scan(how.write(folder / "a.mkv")).film


def settings(folder: Path) -> ShotSettings:
    (folder / "a photo's.png").touch()
    return ShotSettings(saturation=1.5, warmth=-0.25, reference=folder / "a photo's.png", leave_gray=True)


def places(shots: tuple[ListedShot, ...]) -> list[tuple[int, int, ShotSettings]]:
    return [(shot.first, shot.frames, shot.settings) for shot in shots]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("rate", "code"), [("25", None), ("24000/1001", "01:00:00:00"), (NTSC, "10:00:59;28"), (NTSC, "10:00:59:28")]
)
def test_a_list_comes_back_as_it_was_written(tmp_path: Path, kind: str, rate: str, code: str | None) -> None:
    survey, path = film(tmp_path, rate, code), tmp_path / f"shots{kind}"
    shots = [ListedShot(0, 20), ListedShot(20, 21, 0.1, 0.5, settings(tmp_path)), ListedShot(41, 19, 0.9)]
    write_shots(path, shots, survey, tmp_path / "a.mkv", overwrite=False)
    assert places(read_shots(path, survey)) == places(tuple(shots))
    text = path.read_text().lower()
    assert "0.10" in text
    assert text.count("doubtful cut" if kind != ".csv" else ",yes,") == 1
    if kind != ".otio":
        begun = {None: "00:00:00:20", "01:00:00:00": "01:00:00:20", "10:00:59;28": "10:01:00;20"}
        assert begun.get(code, "10:01:00:18") in text


@needs_otio
def test_the_cuts_that_an_editor_left_out_leave_a_shot_without_settings(tmp_path: Path) -> None:
    survey, path = film(tmp_path), tmp_path / "shots.edl"
    shots = [ListedShot(0, 20), ListedShot(20, 20), ListedShot(40, 20, settings=ShotSettings(strength=0.5))]
    write_shots(path, shots, survey, tmp_path / "a.mkv", overwrite=False)
    events = re.split(r"(?m)^(?=00\d )", path.read_text())
    path.write_text("".join([events[0], *events[3:]]))
    gray = ShotSettings(strength=0.5)
    assert places(read_shots(path, survey)) == [(0, 40, ShotSettings()), (40, 20, gray)]


def test_a_list_by_time_codes_alone_will_do(tmp_path: Path) -> None:
    survey, path = film(tmp_path, NTSC, "10:00:59;20"), tmp_path / "shots.csv"
    path.write_text("timecode,leave_gray\n10:01:00;02,yes\n\n10:00:59;20,\n")
    assert places(read_shots(path, survey)) == [(0, 10, ShotSettings()), (10, 50, ShotSettings(leave_gray=True))]


@pytest.mark.parametrize(
    ("rows", "why"),
    [
        ("first_frame\n0\n60\n", "names frames 60 to 59, which the film does not have"),
        ("first_frame,frames\n50,11\n", "names frames 50 to 60, which the film does not have"),
        ("first_frame\n-1\n", "names frames -1 to 59"),
        ("timecode\n00:01:00:00\n", "which the film does not have"),
        ("timecode\n00:00:00:25\n", "line 2: '00:00:00:25' is no time code at 25 frames a second"),
        ("first_frame,frames\n0,30\n20,10\n", "has two shots that share frame 20"),
        ("first_frame\nx\n", "line 2: invalid literal"),
        ("first_frame,saturation\n0,nan\n", "line 2: saturation is nan"),
        ("first_frame,strength\n0,much\n", "line 2: strength is 'much'"),
        ("first_frame,leave_gray\n0,perhaps\n", "line 2: leave_gray is 'perhaps'"),
        ("first_frame,reference\n0,gone.png\n", "line 2: the reference 'gone.png' is not there"),
        ("frame\n0\n", "has no column 'first_frame' or 'timecode'"),
        ("first_frame\n", "holds no shots"),
        ("", "has no column"),
    ],
)
def test_what_cannot_be_of_the_film_is_refused_in_one_line(tmp_path: Path, rows: str, why: str) -> None:
    path = tmp_path / "shots.csv"
    path.write_text(rows)
    with pytest.raises((InputError, UsageError)) as caught:
        read_shots(path, film(tmp_path))
    assert caught.value.message.startswith(f"{path}: ")
    assert why in caught.value.message
    assert "\n" not in str(caught.value)


@needs_otio
@pytest.mark.parametrize("name", ["a.edl", "a.otio"])
@pytest.mark.parametrize(
    "text", ["", "\0", "{}", "[1]", '{"OTIO_SCHEMA": "Clip.1"}', "001  AX V C 00:00 1 2 3\n", "TITLE: x\n001 A"]
)
def test_what_is_no_list_is_refused_in_one_line(tmp_path: Path, name: str, text: str) -> None:
    path = tmp_path / name
    path.write_text(text)
    with pytest.raises((InputError, UsageError)) as caught:
        read_shots(path, film(tmp_path))
    assert caught.value.message.startswith(f"{path}: ")
    assert "\n" not in str(caught.value)
