"""What cannot be colored is refused in one line; what is damaged gives what it holds."""

from __future__ import annotations

from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from tests.cli.video.conftest import Run, film, names
from tests.film.sources import FilmSource, decode, moving, packets


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "is empty"),
        (b"This is no film at all.\n" * 40, "no film"),
        (b"\x00\x00\x00\x18ftypmp42\x00\x00\x00\x00mp42isom" + b"\x00\x00\x10\x00mdat" + b"\x55" * 4088, "no film"),
        (None, "no such file"),
    ],
    ids=["zero bytes", "text", "without moov", "missing"],
)
def test_what_is_no_film_is_refused_in_one_line(
    run: Run, capsys: pytest.CaptureFixture[str], content: bytes | None, reason: str
) -> None:
    if content is not None:
        Path("a.mp4").write_bytes(content)
    assert run("a.mp4", "b.mp4") == 3
    said = capsys.readouterr().err
    assert said.splitlines()[0].startswith("archivecolor: a.mp4: ")
    assert reason in said
    assert names() <= {"a.mp4"}


def test_sound_alone_is_refused(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    with av.open("a.mka", "w", format="matroska") as container:
        FilmSource(moving(1))._sound(container, container.add_stream("aac", rate=8000), 0)
    assert run("a.mka", "b.mkv") == 3
    assert "has no picture" in capsys.readouterr().err


def test_subtitles_that_the_container_cannot_hold_are_told_before_the_run(
    run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("a.srt").write_text("1\n00:00:00,100 --> 00:00:00,300\nHello\n")
    film("v.mkv")
    with av.open("v.mkv") as v, av.open("a.srt") as s, av.open("a.mkv", "w") as out:
        streams = {id(x): out.add_stream_from_template(x, opaque=True) for x in (v.streams[0], s.streams[0])}
        for source, stream in ((v, v.streams[0]), (s, s.streams[0])):
            for packet in source.demux(stream):
                if packet.size:
                    packet.stream = streams[id(stream)]
                    out.mux(packet)
    assert run("a.mkv", "b.mp4") == 5
    said = capsys.readouterr().err
    assert "stream 1 (subtitle, srt)" in said
    assert ".mkv" in said
    assert run("a.mkv", "b.mkv") == 0
    assert packets(Path("b.mkv"), "subtitle") == packets(Path("a.mkv"), "subtitle")
    assert run("a.mkv", "c.mp4", "--leave-out") == 0
    assert packets(Path("c.mp4"), "subtitle") == []


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("a.mkv", "b.avi"), 2),
        (("a.mkv", "b.mkv", "--start", "9"), 2),
        (("a.mkv", "b.mkv", "--start", "noon"), 2),
        (("a.mkv", "b.mkv", "--every", "0"), 2),
        (("a.mkv", "b.mkv", "--crf", "99"), 2),
        (("a.mkv", "b.mkv", "--for", "edit", "--crf", "9"), 2),
        (("a.mkv", "b.mkv", "--for", "beauty"), 2),
        (("a.mkv", "b.mp4", "--codec", "ffv1"), 5),
        (("a.mkv", "a.mkv", "--overwrite"), 5),
        (("a.mkv", "there.mkv"), 5),
        (("a.mkv", "b.mkv", "--preset", "sluggish"), 5),
    ],
)
def test_senseless_requests_are_refused_before_any_work(run: Run, arguments: tuple[str, ...], code: int) -> None:
    film()
    Path("there.mkv").write_bytes(b"mine")
    before = Path("a.mkv").read_bytes()
    assert run(*arguments) == code
    assert names() == {"a.mkv", "there.mkv"}
    assert Path("a.mkv").read_bytes() == before
    assert Path("there.mkv").read_bytes() == b"mine"


def test_film_in_color_is_refused_unless_it_is_asked_for(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    film(chroma=3)
    assert run("a.mkv", "b.mkv") == 5
    assert "in color already" in capsys.readouterr().err
    assert run("a.mkv", "b.mkv", "--already-color", "recolor", "--for", "master") == 0
    assert np.array_equal(decode(Path("a.mkv")).lumas, decode(Path("b.mkv")).lumas)


def test_damage_in_the_middle_costs_only_what_it_hit(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    film("whole.mkv", 50, encoder="libx264", options={"g": "10", "bf": "0"}, audio=1)
    raw = bytearray(Path("whole.mkv").read_bytes())
    raw[len(raw) // 2 : len(raw) // 2 + 800] = b"\xaa" * 800
    Path("a.mkv").write_bytes(raw)
    assert run("a.mkv", "b.mkv", "--for", "share") == 7
    said = capsys.readouterr().err
    assert "at 0:00:0" in said
    whole, got = decode(Path("whole.mkv")), decode(Path("b.mkv"))
    assert 30 <= len(got.times) <= 50
    assert set(got.times) <= set(whole.times)


def test_a_film_that_breaks_off_gives_what_there_is(run: Run) -> None:
    film("whole.mp4", 50, encoder="libx264", options={"g": "10"})
    # Put the index in front, as a download that breaks off has it
    with av.open("whole.mp4") as old, av.open("front.mp4", "w", options={"movflags": "faststart"}) as new:
        stream = new.add_stream_from_template(old.streams.video[0], opaque=True)
        for packet in old.demux(old.streams.video[0]):
            if packet.size:
                packet.stream = stream
                new.mux(packet)
    raw = Path("front.mp4").read_bytes()
    Path("a.mp4").write_bytes(raw[: len(raw) * 2 // 3])
    assert run("a.mp4", "b.mp4", "--for", "share") == 7
    got = decode(Path("b.mp4")).times
    assert 10 < len(got) < 50
    assert got == decode(Path("whole.mp4")).times[: len(got)]


def test_names_are_names_and_no_patterns(run: Run) -> None:
    name = "reel %03d #1 🎞.mkv"
    film(name)
    assert run(name, "out %03d #1 🎞.mp4", "--for", "share") == 0
    assert names() == {name, "out %03d #1 🎞.mp4"}


@pytest.mark.parametrize(("count", "height", "width"), [(1, 96, 128), (3, 4, 64), (3, 64, 4)])
def test_very_short_and_very_narrow_films_work(run: Run, count: int, height: int, width: int) -> None:
    FilmSource(moving(count, height, width), "rawvideo").write(Path("a.mkv"))
    assert run("a.mkv", "b.mp4", "--codec", "h264") == 0
    assert len(decode(Path("b.mp4")).times) == count


def test_two_pixels_wide_is_refused_clearly_or_works(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    FilmSource([np.full((64, 2), 90, np.uint8)] * 3, "rawvideo").write(Path("a.mkv"))
    assert run("a.mkv", "b.mkv", "--codec", "ffv1") == 5
    assert "2 x 64" in capsys.readouterr().err
    assert run("a.mkv", "b.mkv", "--codec", "h264") == 0


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("--hints", "99.png"), 2, "names no frame of the film"),
        (("--hints", "strokes.png"), 2, "names no frame"),
        (("--hints", "3.png"), 3, "has no transparency"),
        (("--reference", "a.mkv"), 3, "a.mkv"),
    ],
)
def test_what_cannot_steer_color_is_told_and_leaves_nothing(
    run: Run, capsys: pytest.CaptureFixture[str], arguments: tuple[str, str], code: int, message: str
) -> None:
    film()
    for name in ("99.png", "strokes.png", "3.png"):
        cv2.imwrite(name, np.zeros((96, 128, 3 if name == "3.png" else 4), np.uint8))
    before = names()
    assert run("a.mkv", "b.mkv", *arguments) == code
    assert message in capsys.readouterr().err
    assert names() == before
