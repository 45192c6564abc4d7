"""Time codes: their numbers by OpenTimelineIO, and that they survive, by ffprobe."""

from __future__ import annotations

import random
from fractions import Fraction
from pathlib import Path

import pytest

from archivecolor.chroma.scan import scan
from archivecolor.film.survey import Survey
from archivecolor.film.timecode import Timecode
from archivecolor.report.films import contact_sheet
from archivecolor.runs.film.job import make_film
from archivecolor.runs.film.plan import FilmRequest, plan_film
from archivecolor.runs.settings import FilmSettings
from archivecolor.settings import ColorSettings, EncodeSettings, FilmCodec
from tests.fakes.engines import FakeEngine, by_luma
from tests.film.ffprobe import ffmpeg, probe
from tests.film.sources import FilmSource, moving
from tests.needs import needs_ffmpeg, needs_otio

NTSC = Fraction(30000, 1001)
RATES = (Fraction(24000, 1001), Fraction(24), Fraction(25), NTSC, Fraction(30), Fraction(50), 2 * NTSC, Fraction(60))


@needs_otio
@pytest.mark.parametrize(("rate", "drop"), [*((rate, False) for rate in RATES), (NTSC, True), (2 * NTSC, True)])
def test_numbers_are_written_and_read_as_editors_do(rate: Fraction, drop: bool) -> None:
    from opentimelineio import opentime

    base = round(rate)
    oracle = float(rate) if drop else float(base)
    day = 86400 * base - (24 * 54 * base // 15 if drop else 0)
    tried = [*(base * 60 * i + j for i in range(12) for j in range(-3, 4)), day - 1]
    tried += random.Random(1).sample(range(day), 300)
    for number in (n % day for n in tried):
        text = opentime.RationalTime(number, oracle).to_timecode(oracle, drop_frame=drop)
        assert str(Timecode(number, base, drop)) == text
        assert Timecode.of(text, rate) == Timecode(number, base, drop)
    assert str(Timecode(day - 1, base, drop).after(2)) == str(Timecode(1, base, drop))


@pytest.mark.parametrize(
    ("text", "rate"),
    [
        ("", Fraction(25)),
        ("1:2:3", Fraction(25)),
        ("00:00:00:25", Fraction(25)),
        ("24:00:00:00", Fraction(25)),
        ("00:60:00:00", Fraction(25)),
        ("00:00:00;00", Fraction(25)),
        ("00:01:00;01", NTSC),
        ("00:01:00;03", 2 * NTSC),
        ("00:00:00:-1", Fraction(25)),
        ("\u0660\u0660:00:00:00", Fraction(25)),
        ("00:00:00:00\n00:00:00:00", Fraction(25)),
    ],
)
def test_what_is_no_time_code_is_refused(text: str, rate: Fraction) -> None:
    with pytest.raises(ValueError, match=r"is no time code|left out by drop-frame"):
        Timecode.of(text, rate)


def made(folder: Path, source: str, code: str, rate: str = "30000/1001", count: int = 40) -> Path:
    film = FilmSource(moving(count), "libx264", rate=Fraction(rate), time_base=1 / Fraction(rate))
    plain = film.write(folder / "plain.mkv")
    coded = ("-c:v", "mpeg2video") if source == ".mxf" else ("-c", "copy")
    path = folder / f"a{source}"
    ffmpeg("-i", plain, *coded, "-timecode", code, path)
    return path


def run(source: Path, target: Path, start_s: float | None = None) -> tuple[str, ...]:
    codec = FilmCodec.VP9 if target.suffix == ".webm" else FilmCodec.H264
    encode = EncodeSettings(codec=codec, preset="8" if codec is FilmCodec.VP9 else "ultrafast")
    plan = plan_film(FilmRequest(source, target, FilmSettings(encode=encode, start_s=start_s)))
    return make_film(plan, FakeEngine(by_luma), ColorSettings()).whole.lost


def codes(path: Path) -> set[str]:
    shown = probe(path, "streams", "format")
    tags = [x.get("tags", {}) for x in (*shown["streams"], shown["format"])]
    return {value for each in tags for key, value in each.items() if key.lower() == "timecode"}


@needs_ffmpeg
@pytest.mark.parametrize("target", [".mov", ".mp4", ".mkv", ".webm"])
@pytest.mark.parametrize("source", [".mov", ".mp4", ".mkv", ".mxf"])
def test_a_time_code_survives_from_any_container_into_any(tmp_path: Path, source: str, target: str) -> None:
    film = made(tmp_path, source, "10:00:59;28", count=3)
    lost = run(film, tmp_path / f"b{target}")
    assert codes(tmp_path / f"b{target}") == {"10:00:59;28"}
    assert not [what for what in lost if "time code" in what.lower() and "MPEG" not in what]


@needs_ffmpeg
@pytest.mark.parametrize("source", [".mov", ".mkv"])
@pytest.mark.parametrize(("code", "later"), [("10:00:59;20", "10:01:00;22"), ("10:00:59:20", "10:01:00:20")])
def test_a_part_begins_with_its_own_time_code(tmp_path: Path, source: str, code: str, later: str) -> None:
    film = made(tmp_path, source, code)
    for target in (".mov", ".mkv"):
        assert run(film, tmp_path / f"b{target}", start_s=30 * 1001 / 30000 - 0.01) == ()
        assert codes(tmp_path / f"b{target}") == {later}


@needs_ffmpeg
def test_times_are_told_with_the_time_code(tmp_path: Path) -> None:
    film = made(tmp_path, ".mov", "10:00:59;20")
    found: Survey = scan(film).film
    assert str(found.timecode) == "10:00:59;20"
    assert found.moment(30 * 1001 / 30000) == "0:00:01.00 (10:01:00;22)"
    assert next(frame.timecode for frame in contact_sheet(film, 536).frames).startswith("10:00:59;2")


def test_a_film_without_one_is_told_by_the_clock(tmp_path: Path) -> None:
    film = FilmSource(moving(3), metadata={"timecode": "later"}).write(tmp_path / "a.mkv")
    found = scan(film).film
    assert found.timecode is None
    assert found.moment(1.5) == "0:00:01.50"
    assert {frame.timecode for frame in contact_sheet(film, 536).frames} == {""}
