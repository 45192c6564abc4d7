"""Streams that Matroska has no place for are attachments of the result; ffmpeg takes them out again."""

from __future__ import annotations

import json
import subprocess
from fractions import Fraction
from pathlib import Path

import av
import pytest

from archivecolor.errors import OutputError
from archivecolor.runs.film.job import make_film
from archivecolor.runs.film.plan import FilmRequest, plan_film
from archivecolor.runs.luma_check import Verdict, compare_films
from archivecolor.runs.settings import FilmSettings
from archivecolor.settings import ColorSettings, EncodeSettings, Purpose
from tests.fakes.engines import FakeEngine, by_luma
from tests.film.ffprobe import ffmpeg, probe
from tests.film.sources import FilmSource, moving
from tests.needs import needs_ffmpeg
from tests.runs.film.making import color

pytestmark = needs_ffmpeg
MASTER = EncodeSettings(Purpose.MASTER)


def telemetry(folder: Path, codec: str = "klv") -> Path:
    """A transport stream with a packet of data beside each picture."""
    picture = FilmSource(moving(10), "libx264", options={"preset": "ultrafast", "bf": "0"}).write(folder / "p.mkv")
    with av.open(str(picture)) as old, av.open(str(folder / "a.ts"), "w", format="mpegts") as new:
        video, data = new.add_stream_from_template(old.streams.video[0]), new.add_data_stream(codec)
        for number, packet in enumerate(p for p in old.demux(video=0) if p.size):
            packet.stream = video
            new.mux_one(packet)
            said = av.Packet(bytes.fromhex("060E2B34020B01010E01030101000000") + bytes([3, 65, 1, number]))
            said.stream, said.time_base = data, Fraction(1, 25)
            said.pts = said.dts = number
            new.mux_one(said)
    return folder / "a.ts"


def taken_out(path: Path, name: str) -> Path:
    """An attachment, as ffmpeg dumps it."""
    ffmpeg("-dump_attachment:t:0", path.parent / name, "-i", path, "-f", "null", "-t", "0", "-")
    return path.parent / name


def packets(path: Path, kind: str) -> list[tuple[str, str, str]]:
    """Time, size and hash of each packet of the first stream of a kind."""
    shown = ("-show_packets", "-show_data_hash", "md5", "-of", "json")
    read = subprocess.check_output(["ffprobe", "-v", "error", "-select_streams", kind, *shown, str(path)])
    return [(p["pts_time"], p["size"], p["data_hash"]) for p in json.loads(read)["packets"]]


@pytest.mark.parametrize("codec", ["klv", "timed_id3", "bin_data"])
def test_data_of_a_transport_stream_is_kept_with_its_times(tmp_path: Path, codec: str) -> None:
    source = telemetry(tmp_path, codec)
    record = color(source, tmp_path / "b.mkv", MASTER)
    assert record.whole.lost == ()
    assert record.whole.notes == (f"kept as an attachment each: stream 1 (data, {codec})",)
    apart = taken_out(tmp_path / "b.mkv", "data.ts")
    assert packets(apart, "d") == packets(source, "d")
    assert len(packets(source, "d")) == 10
    assert compare_films(source, tmp_path / "b.mkv").verdict is Verdict.PROVED


def test_subtitles_of_mp4_are_kept(tmp_path: Path) -> None:
    (tmp_path / "s.srt").write_text("1\n00:00:00,080 --> 00:00:00,240\nGuten Tag\n")
    film = FilmSource(moving(10), "libx264").write(tmp_path / "p.mp4")
    source = tmp_path / "a.mp4"
    ffmpeg(
        "-i",
        film,
        "-i",
        tmp_path / "s.srt",
        "-c:v",
        "copy",
        "-c:s",
        "mov_text",
        "-metadata:s:s",
        "language=ger",
        source,
    )
    record = color(source, tmp_path / "b.mkv", MASTER)
    assert record.whole.lost == ()
    apart = taken_out(tmp_path / "b.mkv", "text.mov")
    assert packets(apart, "s") == packets(source, "s")
    assert probe(apart, "streams")["streams"][0]["tags"]["language"] == "ger"


def test_of_a_part_the_data_of_that_part_is_kept(tmp_path: Path) -> None:
    source = telemetry(tmp_path)
    settings = FilmSettings(encode=MASTER, start_s=0.12, end_s=0.28)
    plan = plan_film(FilmRequest(source, tmp_path / "b.mkv", settings))
    make_film(plan, FakeEngine(by_luma), ColorSettings())
    found = packets(taken_out(tmp_path / "b.mkv", "data.ts"), "d")
    assert [digest for _, _, digest in found] == [digest for _, _, digest in packets(source, "d")[3:7]]
    assert float(found[0][0]) == 0


def test_a_container_that_loses_what_data_is_is_refused_and_the_advice_works(tmp_path: Path) -> None:
    source = telemetry(tmp_path)
    for suffix in (".mov", ".mp4"):
        with pytest.raises(OutputError, match=r"cannot hold stream 1 \(data, klv\)") as caught:
            color(source, tmp_path / f"b{suffix}", EncodeSettings(Purpose.SHARE))
        assert caught.value.hint == "end the result's name in .mkv, or give --leave-out to do without"
    color(source, tmp_path / "b.mkv", EncodeSettings(Purpose.SHARE))


def test_data_that_is_another_than_the_sources_is_found(tmp_path: Path) -> None:
    color(telemetry(tmp_path), tmp_path / "b.mkv", MASTER)
    (tmp_path / "o").mkdir()
    other = telemetry(tmp_path / "o", "timed_id3")
    found = compare_films(other, tmp_path / "b.mkv")
    assert found.verdict is Verdict.WRONG
    assert "timed_id3" in (found.reason or "")
