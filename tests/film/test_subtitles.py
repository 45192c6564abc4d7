"""Subtitles of every kind that can be made here, their packets read back by ffmpeg."""

from __future__ import annotations

import re
import struct
import subprocess
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import pytest

from archivecolor.errors import OutputError
from archivecolor.runs.film.job import FilmRecord
from archivecolor.settings import EncodeSettings, FilmCodec
from tests.film.ffprobe import ffmpeg, probe
from tests.film.sources import FilmSource, moving
from tests.needs import FFMPEG, needs_ffmpeg
from tests.runs.film.making import color

pytestmark = needs_ffmpeg

SRT = "1\n00:00:00,100 --> 00:00:00,300\nGood <i>evening</i>\n\n2\n00:00:00,400 --> 00:00:00,500\nGo!\n"
WIDTH, HEIGHT = 128, 96


def made(source: Path, target: Path) -> FilmRecord:
    return color(source, target, EncodeSettings(codec=FilmCodec.H264, preset="ultrafast"))


def pgs(path: Path, spells: Sequence[tuple[float, float]] = ((0.1, 0.2), (0.3, 0.4))) -> Path:
    """Subtitles of a Blu-ray: a box of 32 x 8 pixels, shown and taken away."""

    def segment(at_s: float, kind: int, data: bytes) -> bytes:
        return b"PG" + struct.pack(">IIBH", round(at_s * 90000), 0, kind, len(data)) + data

    def composition(number: int, *objects: tuple[int, int]) -> bytes:
        state = 0x80 if objects else 0
        head = struct.pack(">HHBHBBBB", WIDTH, HEIGHT, 0x10, number, state, 0, 0, len(objects))
        return head + b"".join(struct.pack(">HBBHH", 0, 0, 0, x, y) for x, y in objects)

    window = struct.pack(">BBHHHH", 1, 0, 16, 60, 32, 8)
    runs = bytes([0, 0x80 | 32, 1, 0, 0]) * 8
    box = struct.pack(">HBB", 0, 0, 0xC0) + (len(runs) + 4).to_bytes(3, "big") + struct.pack(">HH", 32, 8) + runs
    data = b""
    for i, (begin, end) in enumerate(spells):
        data += segment(begin, 0x16, composition(2 * i, (16, 60))) + segment(begin, 0x17, window)
        data += segment(begin, 0x14, bytes([0, 0, 1, 180, 128, 200, 255])) + segment(begin, 0x15, box)
        data += segment(begin, 0x80, b"")
        data += segment(end, 0x16, composition(2 * i + 1)) + segment(end, 0x17, window) + segment(end, 0x80, b"")
    path.write_bytes(data)
    return path


def written(path: Path) -> Path:
    path.write_text(SRT)
    return path


def film(path: Path, subtitles: Path, codec: str) -> Path:
    picture = FilmSource(moving(15), "mpeg2video" if path.suffix == ".vob" else "libx264", options={"bf": "0"})
    plain = picture.write(path.with_name("plain.mkv"))
    about = ("-metadata:s:s", "language=eng", "-disposition:s", "forced") if path.suffix in (".mkv", ".mp4") else ()
    both = ("-i", plain, "-i", subtitles, "-map", "0", "-map", "1", "-c:v", "copy", "-c:s", codec)
    ffmpeg(*both, *about, *(("-f", "vob") if path.suffix == ".vob" else ()), path)
    return path


def teletext(path: Path) -> Path:
    """A transport stream whose subtitles are announced as pages of teletext; its table gets a new check sum."""
    data = bytearray(film(path, pgs(path.with_name("x.sup")), "dvbsub").read_bytes())
    for found in list(re.finditer(rb"\x59\x08und.{5}", bytes(data), re.DOTALL)):
        table = data.rindex(b"\x02\xb0", 0, found.start())
        end = table + 3 + (int.from_bytes(data[table + 1 : table + 3]) & 0xFFF)
        data[found.start() : found.end()] = b"\x56\x05deu\x10\x01" + b"\x52\x01\x07"
        data[end - 4 : end] = check_sum(bytes(data[table : end - 4])).to_bytes(4)
    path.write_bytes(data)
    return path


def check_sum(data: bytes) -> int:
    """CRC-32 of MPEG's tables."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte << 24
        for _ in range(8):
            crc = (crc << 1 ^ (0x04C11DB7 if crc >> 31 else 0)) & 0xFFFFFFFF
    return crc


def taken_out(path: Path, suffix: str) -> Path:
    """The attachment, as ffmpeg dumps it."""
    ffmpeg("-dump_attachment:t:0", path.with_name(f"out{suffix}"), "-i", path, "-f", "null", "-t", "0", "-")
    return path.with_name(f"out{suffix}")


def contents(path: Path, stream: str = "s:0") -> list[tuple[float, str]]:
    """Seconds and digest of every packet."""
    copied = ("-map", f"0:{stream}", "-c", "copy", "-f", "framehash", "-")
    command = [FFMPEG or "", "-v", "error", "-copyts", "-i", str(path), *copied]
    lines = subprocess.check_output(command, text=True, stdin=subprocess.DEVNULL).splitlines()
    base = next(Fraction(line.split()[-1]) for line in lines if line.startswith("#tb 0:"))
    fields = [line.split(",") for line in lines if not line.startswith("#")]
    return [(round(float(int(each[2]) * base), 2), each[5].strip()) for each in fields]


PICTURES = {"a.mkv dvdsub b.mkv": 2, "a.mkv dvdsub b.mp4": 2, "a.vob dvdsub b.mkv": 2, "a.vob dvdsub b.mp4": 2}
BROADCAST = {"a.mkv copy b.mkv": 4, "a.mkv dvbsub b.mkv": 4, "a.ts dvbsub b.mkv": 4}


@pytest.mark.parametrize(("case", "count"), [*PICTURES.items(), *BROADCAST.items()])
def test_subtitles_that_are_pictures_are_kept_packet_by_packet(tmp_path: Path, case: str, count: int) -> None:
    source, codec, target = case.split()
    before = contents(film(tmp_path / source, pgs(tmp_path / "x.sup"), codec))
    assert len(before) == count
    record = made(tmp_path / source, tmp_path / target)
    assert contents(tmp_path / target) == before
    assert record.whole.lost == ()


@pytest.mark.parametrize(
    "case", ["a.mkv ass b.mkv", "a.mkv webvtt b.mkv", "a.mkv subrip b.mkv", "a.mp4 mov_text b.mp4", "a.mp4 ttml b.mp4"]
)
def test_subtitles_that_are_text_are_kept_packet_by_packet(tmp_path: Path, case: str) -> None:
    source, codec, target = case.split()
    stream = "1" if codec == "ttml" else "s:0"  # Debian's ffmpeg cannot read its own
    before = contents(film(tmp_path / source, written(tmp_path / "x.srt"), codec), stream)
    record = made(tmp_path / source, tmp_path / target)
    assert contents(tmp_path / target, stream) == before
    about = probe(tmp_path / target)["streams"][1]
    assert about["tags"]["language"] == "eng"
    assert about["disposition"]["forced"] or codec == "ttml"
    assert record.whole.lost == ()


@pytest.mark.parametrize("codec", ["mov_text", "ttml"])
def test_text_that_matroska_has_no_place_for_is_attached_with_its_language(tmp_path: Path, codec: str) -> None:
    source = film(tmp_path / "a.mp4", written(tmp_path / "x.srt"), codec)
    record = made(source, tmp_path / "b.mkv")
    out = taken_out(tmp_path / "b.mkv", ".mp4")
    assert [data for _, data in contents(out, "0")] == [
        data for _, data in contents(source, "1" if codec == "ttml" else "s:0")
    ]
    assert probe(out)["streams"][0]["tags"]["language"] == "eng"
    assert record.whole.lost == ()


def test_teletext_which_nothing_here_decodes_is_kept(tmp_path: Path) -> None:
    source = teletext(tmp_path / "a.ts")
    assert probe(source)["streams"][1]["codec_name"] == "dvb_teletext"
    record = made(source, tmp_path / "b.mkv")
    out = taken_out(tmp_path / "b.mkv", ".ts")
    about = probe(out)["streams"][0]
    assert (about["codec_name"], about["tags"]["language"]) == ("dvb_teletext", "deu")
    assert contents(out) == contents(source)
    assert record.whole.lost == ()
    with pytest.raises(OutputError, match="mp4 cannot hold stream 1"):
        made(source, tmp_path / "b.mp4")


def test_captions_on_a_track_of_quicktime_are_kept(tmp_path: Path) -> None:
    picture = FilmSource(moving(10), "libx264", options={"bf": "0"}).write(tmp_path / "p.mkv")
    with av.open(str(picture)) as old, av.open(str(tmp_path / "a.mov"), "w") as new:
        video = new.add_stream_from_template(old.streams.video[0])
        captions = new.add_mux_stream("eia_608", rate=25)
        for number, packet in enumerate(p for p in old.demux(video=0) if p.size):
            packet.stream = video
            new.mux_one(packet)
            said = av.Packet(b"\0\0\0\x0acdat" + bytes([0x94 + number, 0x20]))
            said.stream, said.time_base, said.duration = captions, Fraction(1, 25), 1
            said.pts = said.dts = number
            new.mux_one(said)
    assert len(contents(tmp_path / "a.mov")) == 10
    assert made(tmp_path / "a.mov", tmp_path / "b.mov").whole.lost == ()
    assert contents(tmp_path / "b.mov") == contents(tmp_path / "a.mov")
