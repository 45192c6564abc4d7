"""Films that are damaged: what decodes is written, and what is wrong is told with its time."""

from __future__ import annotations

import random
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any, cast

import av
import pytest

from archivecolor.chroma.scan import scan
from archivecolor.film.packets import _Order
from archivecolor.settings import EncodeSettings, FilmCodec
from tests.film.ffprobe import probe
from tests.film.sources import FilmSource, decode, moving
from tests.needs import needs_ffmpeg
from tests.runs.film.making import color


def broken_broadcast(folder: Path) -> Path:
    """A transport stream, a quarter of the packets of whose middle are noise."""
    options = {"g": "12", "bf": "2", "preset": "ultrafast"}
    whole = FilmSource(moving(50), "libx264", muxer="mpegts", options=options, audio=1)
    data = bytearray(whole.write(folder / "whole.ts").read_bytes())
    rng = random.Random(5)
    count = len(data) // 188
    for packet in range(count // 3, 2 * count // 3):
        if rng.random() < 0.25:
            data[188 * packet + 4 : 188 * packet + 188] = rng.randbytes(184)
    path = folder / "a.ts"
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("suffix", [".mkv", ".mp4", ".mov"])
@needs_ffmpeg
def test_what_decodes_of_a_broken_broadcast_is_written(tmp_path: Path, suffix: str) -> None:
    source = broken_broadcast(tmp_path)
    film = scan(source).film
    assert len(film.warnings) > 1
    assert all(0.2 < warned.time_s < 1.9 for warned in film.warnings)
    record = color(source, tmp_path / f"b{suffix}", EncodeSettings(codec=FilmCodec.H264, preset="ultrafast"))
    assert 25 < record.frames == len(decode(source).times) < 50
    packets = probe(tmp_path / f"b{suffix}", "packets")["packets"]
    for index in (0, 1):
        times = [float(p["dts_time"]) for p in packets if p["stream_index"] == index and "dts_time" in p]
        assert times == sorted(times)
    assert sum(p["stream_index"] == 1 for p in packets) > 15


@pytest.mark.parametrize("name", ["a.mkv", "a.webm", "a.avi", "a.mp4", "a.flv", "a.asf", "a.mxf"])
@pytest.mark.parametrize("share", [0.4, 0.8])
def test_a_film_that_was_cut_short_is_told_from_a_whole_one(tmp_path: Path, name: str, share: float) -> None:
    encoder = {"a.webm": "libvpx-vp9", "a.mxf": "mpeg2video", "a.flv": "flv1", "a.asf": "mpeg4"}.get(name, "libx264")
    fast = {"movflags": "faststart"} if name == "a.mp4" else {}
    source = FilmSource(moving(60), encoder, options={"g": "10", **fast})
    path = source.write(tmp_path / name)
    if name == "a.mp4":  # its index stands before the pictures
        path = _faststart(path)
    assert scan(path).film.warnings == ()
    whole = path.read_bytes()
    path.write_bytes(whole[: int(share * len(whole))])
    film = scan(path).film
    assert 0 < len(film.times) < 60
    assert any("the file ends early" in warned.text for warned in film.warnings)


def _faststart(path: Path) -> Path:
    target = path.with_name("fast.mp4")
    options = {"movflags": "faststart"}
    with av.open(str(path)) as old, av.open(str(target), "w", container_options=options) as new:
        stream = new.add_stream_from_template(old.streams.video[0])
        for packet in old.demux(video=0):
            if packet.size:
                packet.stream = stream
                new.mux(packet)
    return target


def test_pictures_that_a_container_gave_in_the_wrong_order_are_put_right_without_a_complaint(tmp_path: Path) -> None:
    source = FilmSource(moving(20), "libx264", options={"bf": "2", "g": "10"}).write(tmp_path / "a.avi")
    assert _raw(source) != sorted(_raw(source))
    film = scan(source).film
    assert film.warnings == ()
    assert [b - a for a, b in pairwise(film.times)] == [1] * 19
    color(source, tmp_path / "b.mkv")
    assert len(decode(tmp_path / "b.mkv").times) == 20


def _raw(path: Path) -> list[int]:
    with av.open(str(path)) as container:
        return [frame.pts or 0 for frame in container.decode(video=0)]


class _Packet:
    """As much of a packet as putting packets in order takes."""

    def __init__(self, dts: int | None, kind: str) -> None:
        self.pts = self.dts = dts
        self.duration, self.stream_index, self.time_base = 20, 1, Fraction(1, 1000)
        self.stream = type("Stream", (), {"type": kind})()


@pytest.mark.parametrize(
    ("times", "put"),
    [
        ([0, 20, 40], [0, 20, 40]),
        ([0, 20, 20, 40], [0, 20, 39, 40]),
        ([0, 20, 5, 60], [0, 4, 5, 60]),
        ([0, 9000, 40, 60], [0, 20, 40, 60]),  # one leaps ahead, those behind it stay
        ([9000, 20, 40], [0, 20, 40]),
        ([500, 520, 0, 20], [500, 520, 540, 560]),
    ],
)
def test_times_that_no_file_may_have_are_put_between_their_neighbours(times: list[int], put: list[int]) -> None:
    order = _Order()
    packets = [_Packet(time, "audio") for time in times]
    given = [p for packet in packets for p in order.put(cast(Any, packet))] + order.rest()
    assert [p.dts for p in given] == put
    assert [p.pts for p in given] == put
