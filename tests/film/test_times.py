"""Times that cannot be, and films that end in the middle of something."""

from __future__ import annotations

import struct
from fractions import Fraction
from pathlib import Path

import av
import pytest
from hypothesis import given
from hypothesis import strategies as st

from archivecolor.errors import InputError, OutputError
from archivecolor.film.checking import check_film
from archivecolor.film.segments import plan_segments
from archivecolor.film.survey import survey
from archivecolor.film.times import are_sound, repaired
from archivecolor.settings import EncodeSettings, Purpose
from tests.film.ffprobe import ffmpeg, probe
from tests.film.sources import FilmSource, moving
from tests.needs import needs_ffmpeg
from tests.runs.film.making import color

MASTER = EncodeSettings(Purpose.MASTER)
X264 = {"preset": "ultrafast", "bf": "2", "g": "6"}


@given(st.lists(st.none() | st.integers(-(2**40), 2**40), max_size=30), st.integers(1, 10**6))
def test_times_always_rise_and_good_ones_stay(times: list[int | None], step: int) -> None:
    found, anew = repaired(times, step)
    assert len(found) == len(times)
    assert are_sound(found)
    if are_sound(times):
        assert (found, anew) == (times, 0)


@pytest.mark.parametrize(
    ("times", "mended"),
    [
        ([0, 40, 80, 9_000_000, 160, 200], [0, 40, 80, 120, 160, 200]),
        ([0, 40, None, None, 160], [0, 40, 80, 120, 160]),
        ([0, 40, 80, None, None], [0, 40, 80, 120, 160]),
        ([None, 40, 80], [0, 40, 80]),
        ([0, 80, 40, 160, 120], [0, 40, 80, 120, 160]),
        ([None, None, None], [0, 40, 80]),
    ],
)
def test_one_wrong_time_moves_no_other(times: list[int | None], mended: list[int]) -> None:
    assert repaired(times, 40)[0] == mended


def test_a_leap_of_one_timestamp_is_told_and_the_others_stay(tmp_path: Path) -> None:
    source = FilmSource(moving(12), "ffv1", time_base=Fraction(1, 1000), times=range(0, 480, 40)).write(
        tmp_path / "a.mkv"
    )
    with av.open(str(source)) as container:
        packet = [bytes(p) for p in container.demux(video=0) if p.size][5]
    data = source.read_bytes()
    at = data.index(packet) - 3  # of a block: its time, 16 bit, and its flags, before what it holds
    source.write_bytes(data[:at] + (20_000).to_bytes(2, "big") + data[at + 2 :])
    record = color(source, tmp_path / "b.mkv", MASTER)
    assert [w.text for w in record.warnings] == ["a frame had no timestamp or a wrong one, and got a new one"]
    found = survey(tmp_path / "b.mkv", lambda *_: None)
    assert [round(found.seconds(i), 2) for i in range(12)] == [round(i / 25, 2) for i in range(12)]
    assert check_film(source, tmp_path / "b.mkv").reason is None


def with_durations(folder: Path, ticks: int) -> Path:
    """An MP4 whose header says that each frame lasts ``ticks``."""
    source = FilmSource(moving(10), "libx264", options=X264, audio=1).write(folder / "a.mp4")
    data = bytearray(source.read_bytes())
    at = data.find(b"stts")
    data[at + 16 : at + 20] = struct.pack(">I", ticks & 0xFFFFFFFF)
    source.write_bytes(data)
    return source


@pytest.mark.parametrize("ticks", [0, 1, 10**6, 2**31 - 1, -256])
def test_durations_that_hide_pictures_are_refused(tmp_path: Path, ticks: int) -> None:
    source = with_durations(tmp_path, ticks)
    with pytest.raises(InputError, match=r"its times are damaged, which hides \d of its pictures"):
        color(source, tmp_path / "b.mkv", MASTER)
    assert not (tmp_path / "b.mkv").exists()


@needs_ffmpeg
@pytest.mark.parametrize("cut", [("-ss", "0.2"), ("-t", "0.3")])
def test_pictures_that_an_edit_list_hides_are_named_and_are_no_damage(tmp_path: Path, cut: tuple[str, str]) -> None:
    source = FilmSource(moving(14), "libx264", options={**X264, "g": "14"}).write(tmp_path / "a.mp4")
    ffmpeg(*cut, "-i", source, "-c", "copy", tmp_path / "cut.mp4") if cut[0] == "-ss" else shortened(
        source, tmp_path / "cut.mp4"
    )
    hidden = [p for p in probe(tmp_path / "cut.mp4", "packets")["packets"] if "D" in p["flags"]]
    record = color(tmp_path / "cut.mp4", tmp_path / "b.mkv", MASTER)
    assert record.warnings == ()
    assert hidden
    assert record.frames == 14 - len(hidden)
    assert record.whole.lost == (f"{len(hidden)} pictures that the file's edit list hides",)


def shortened(source: Path, target: Path) -> None:
    """The same film with an edit list that ends after 0.3 s."""
    data = bytearray(source.read_bytes())
    at = data.find(b"elst")
    data[at + 12 : at + 16] = struct.pack(">I", 300)
    target.write_bytes(data)


@needs_ffmpeg
def test_times_years_apart_are_told_and_take_no_time(tmp_path: Path) -> None:
    far = 3 * 10**9 // 40
    source = FilmSource(moving(6), times=[0, 1, 2, far, far + 1, far + 2]).write(tmp_path / "a.mkv")
    record = color(source, tmp_path / "b.mkv", MASTER)
    assert [w.text for w in record.warnings] == ["no picture can be decoded for 2999999.92 s"]
    assert check_film(source, tmp_path / "b.mkv").reason is None
    assert len(plan_segments([0.0, 1e12], [])) == 2


def test_a_rate_that_no_film_has_is_told(tmp_path: Path) -> None:
    head = b"YUV4MPEG2 W64 H64 F2147483647:1 Ip A1:1 Cmono\n"
    (tmp_path / "a.y4m").write_bytes(head + (b"FRAME\n" + b"x" * 4096) * 5)
    with pytest.raises(OutputError, match=r"has frames so close that \.mkv cannot hold their times"):
        color(tmp_path / "a.y4m", tmp_path / "b.mkv", MASTER)
    record = color(tmp_path / "a.y4m", tmp_path / "b.mov")
    assert record.frames == 5
    assert [w.text for w in record.warnings] == ["the times of the file are damaged: its pictures are 4.7e-10 s apart"]


ENDS = {
    "a.ts": (
        FilmSource(moving(12), "libx264", options=X264, muxer="mpegts", audio=1),
        "a packet of the transport stream",
    ),
    "a.vob": (
        FilmSource(moving(12), "mpeg2video", audio=1, audio_codec="mp2", audio_rate=48000),
        "a packet of the program stream",
    ),
    "a.m2v": (FilmSource(moving(12), "mpeg2video", muxer="mpeg2video"), "a picture"),
    "a.h264": (FilmSource(moving(12), "libx264", options=X264, muxer="h264"), "a picture"),
    "a.dv": (FilmSource(moving(2, 576, 720), "dvvideo", muxer="dv"), "a frame: 143,803 of its 144,000 bytes are there"),
    "a.y4m": (FilmSource(moving(12), "wrapped_avframe", "gray", muxer="yuv4mpegpipe"), "a frame: 12,097 of its 12,288"),
}


@pytest.mark.parametrize("name", ENDS)
def test_what_ends_in_the_middle_of_something_is_told(tmp_path: Path, name: str) -> None:
    film, where = ENDS[name]
    source = film.write(tmp_path / name)
    assert survey(source, lambda *_: None).warnings == ()
    source.write_bytes(source.read_bytes()[:-197])
    told = [w.text for w in survey(source, lambda *_: None).warnings]
    assert any(text.startswith(f"the file ends inside {where}") for text in told), told


@needs_ffmpeg
def test_ogg_without_its_last_page_is_told(tmp_path: Path) -> None:
    source = FilmSource(moving(50)).write(tmp_path / "a.mkv")
    ffmpeg("-i", source, "-c:v", "libtheora", "-q:v", "10", tmp_path / "a.ogv")
    assert survey(tmp_path / "a.ogv", lambda *_: None).warnings == ()
    data = (tmp_path / "a.ogv").read_bytes()
    (tmp_path / "a.ogv").write_bytes(data[: data.rfind(b"OggS")])
    told = [w.text for w in survey(tmp_path / "a.ogv", lambda *_: None).warnings]
    assert told == ["the file ends before the mark of its end"]
