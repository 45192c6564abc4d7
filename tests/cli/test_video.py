from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from archivecolor.__main__ import main
from archivecolor.errors import OutputError
from archivecolor.inference import select
from tests.fakes.engines import FakeEngine, by_luma
from tests.film.sources import FilmSource, decode, moving, packets, samples

Run = Callable[..., int]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    """Run the command in ``tmp_path`` with an engine that needs no weights; gives the exit code."""
    monkeypatch.setattr(select, "open_engine", lambda *_args, **_options: FakeEngine(by_luma))
    monkeypatch.chdir(tmp_path)

    def call(*arguments: str) -> int:
        monkeypatch.setattr(sys, "argv", ["archivecolor", "video", *arguments])
        try:
            main()
        except SystemExit as e:
            return int(e.code or 0)
        return 0

    return call


def film(name: str = "a.mkv", count: int = 12, **how: object) -> Path:
    return FilmSource(moving(count), **how).write(Path(name))  # type: ignore[arg-type]


def names() -> set[str]:
    return {p.name for p in Path.cwd().iterdir()}


def test_a_film_is_coloured_and_nothing_else_is_left(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    film(audio=1)
    assert run("a.mkv", "b.mkv", "--for", "master", "--json") == 0
    assert names() == {"a.mkv", "b.mkv"}
    record = json.loads(capsys.readouterr().out)
    assert (record["status"], record["frames"], record["warnings"]) == ("colored", 12, [])
    assert record["copied"] == ["stream 1 (audio, aac, eng)"]
    before, after = decode(Path("a.mkv")), decode(Path("b.mkv"))
    assert np.array_equal(before.lumas, after.lumas)
    assert before.times == after.times
    assert packets(Path("a.mkv"), "audio") == packets(Path("b.mkv"), "audio")


@pytest.mark.parametrize(
    ("purpose", "suffix", "codec", "pixel_format"),
    [
        ("archive", ".mp4", "hevc", "yuv420p10le"),
        ("share", ".mp4", "h264", "yuv420p"),
        ("edit", ".mov", "prores", "yuv422p10le"),
        ("master", ".mkv", "ffv1", "yuv420p"),
    ],
)
def test_each_purpose_gives_its_codec(run: Run, purpose: str, suffix: str, codec: str, pixel_format: str) -> None:
    film()
    assert run("a.mkv", f"b{suffix}", "--for", purpose) == 0
    with av.open(f"b{suffix}") as container:
        context = container.streams.video[0].codec_context
        assert (context.name, context.pix_fmt) == (codec, pixel_format)
        assert context.codec_tag == {"hevc": "hvc1", "h264": "avc1", "prores": "apch"}.get(codec, context.codec_tag)


def test_a_dry_run_writes_nothing(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    film()
    assert run("a.mkv", "b.mp4", "--dry-run", "--json") == 0
    assert json.loads(capsys.readouterr().out)["status"] == "planned"
    assert names() == {"a.mkv"}


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


def test_film_in_colour_is_refused_unless_it_is_asked_for(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    film(chroma=3)
    assert run("a.mkv", "b.mkv") == 5
    assert "in colour already" in capsys.readouterr().err
    assert run("a.mkv", "b.mkv", "--recolor", "--for", "master") == 0
    assert np.array_equal(decode(Path("a.mkv")).lumas, decode(Path("b.mkv")).lumas)


def test_tinted_film_is_coloured(run: Run) -> None:
    film(options={"crf": "18"}, encoder="libx264")
    with av.open("a.mkv") as old, av.open("sepia.mkv", "w") as new:
        stream = new.add_stream("libx264", rate=25)
        stream.width, stream.height = 128, 96
        for frame in old.decode(video=0):
            samples(frame.planes[1], 8)[...] = 108
            samples(frame.planes[2], 8)[...] = 150
            frame.pict_type = 0
            new.mux(stream.encode(frame))
        new.mux(stream.encode())
    assert run("sepia.mkv", "b.mkv") == 0


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


def test_a_fade_to_black_stays_black(run: Run) -> None:
    lumas = [
        np.maximum(16, (m.astype(int) - 16) * (19 - i) // 19 + 16).astype(np.uint8) for i, m in enumerate(moving(20))
    ]
    FilmSource(lumas).write(Path("a.mkv"))
    assert run("a.mkv", "b.mkv", "--for", "master") == 0
    after = decode(Path("b.mkv"))
    assert (after.cb[-1] == 128).all()
    assert (after.cr[-1] == 128).all()


def test_a_preview_is_one_picture(run: Run) -> None:
    FilmSource([*moving(10), *moving(10, seed=9)]).write(Path("a.mkv"))
    assert run("a.mkv", "sheet.jpg", "--preview") == 0
    sheet = cv2.imread("sheet.jpg")
    assert sheet is not None
    assert sheet.shape[1] == 4 * 360
    assert run("a.mkv", "b.mkv", "--preview") == 2


def test_side_by_side_holds_the_grey_film_and_the_coloured_one(run: Run) -> None:
    film()
    assert run("a.mkv", "b.mkv", "--for", "master", "--side-by-side") == 0
    before, after = decode(Path("a.mkv")), decode(Path("b.mkv"))
    assert np.array_equal(after.lumas[3], np.hstack([before.lumas[3]] * 2))
    assert (after.cb[3][:, :64] == 128).all()
    assert np.ptp(after.cb[3][:, 64:]) > 5


def test_a_part_is_cut_out(run: Run) -> None:
    film(count=40, audio=1)
    assert run("a.mkv", "b.mkv", "--for", "master", "--start", "0:00.4", "--end", "0.8") == 0
    assert np.array_equal(decode(Path("b.mkv")).lumas, decode(Path("a.mkv")).lumas[10:20])


def test_a_killed_run_goes_on_and_gives_the_same_film(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("archivecolor.film.segments.LONGEST_S", 1.0)
    FilmSource([*moving(30), *moving(30, seed=5), *moving(30, seed=8)], time_base=Fraction(1, 25)).write(Path("a.mkv"))
    assert run("a.mkv", "whole.mkv", "--for", "master") == 0
    code = """
import os, sys
from archivecolor.film import segments
from archivecolor.errors import OutputError
from archivecolor.inference import select
from tests.fakes.engines import FakeEngine, by_luma
from archivecolor.__main__ import main
select.open_engine = lambda *a, **k: FakeEngine(by_luma)
segments.LONGEST_S = 1.0
add = segments.Journal.add
def die_later(self, made):
    add(self, made)
    if made.number == 1:
        os.kill(os.getpid(), 9)
segments.Journal.add = die_later
sys.argv = ["archivecolor", "video", "a.mkv", "b.mkv", "--for", "master"]
main()
"""
    root = Path(__file__).resolve().parents[2]
    killed = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=os.environ | {"PYTHONPATH": str(root)}, check=False
    )
    assert killed.returncode == -9
    assert "b.mkv" not in names()
    capsys.readouterr()
    assert run("a.mkv", "b.mkv", "--for", "master") == 0
    assert "going on: " in capsys.readouterr().err
    one, two = decode(Path("whole.mkv")), decode(Path("b.mkv"))
    assert one.times == two.times
    assert np.array_equal(one.lumas, two.lumas)
    assert np.array_equal(one.cb, two.cb)
    assert np.array_equal(one.cr, two.cr)
    assert names() == {"a.mkv", "whole.mkv", "b.mkv"}


def test_segments_made_side_by_side_give_the_same_film(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("archivecolor.film.segments.LONGEST_S", 1.0)
    FilmSource([*moving(30), *moving(30, seed=5), *moving(30, seed=8)]).write(Path("a.mkv"))
    assert run("a.mkv", "one.mkv", "--for", "master") == 0
    assert run("a.mkv", "three.mkv", "--for", "master", "--jobs", "3") == 0
    one, three = decode(Path("one.mkv")), decode(Path("three.mkv"))
    assert np.array_equal(one.lumas, three.lumas)
    assert np.array_equal(one.cb, three.cb)


@pytest.mark.parametrize("smoothing", ["off", "causal", "full"])
def test_every_kind_of_smoothing_gives_every_frame(run: Run, smoothing: str) -> None:
    film()
    assert run("a.mkv", "b.mkv", "--for", "master", "--smoothing", smoothing) == 0
    assert np.array_equal(decode(Path("a.mkv")).lumas, decode(Path("b.mkv")).lumas)


def test_hints_and_a_reference_colour_a_film_and_changed_ones_colour_it_anew(run: Run) -> None:
    film()
    layer = np.zeros((96, 128, 4), np.uint8)
    Path("hints").mkdir()
    coded = []
    for colour in ((0, 0, 250), (250, 0, 0)):
        layer[:, 20:60] = (*colour, 255)
        cv2.imwrite("hints/5.png", layer)
        assert run("a.mkv", "b.mkv", "--for", "master", "--hints-dir", "hints", "--overwrite") == 0
        coded.append(decode(Path("b.mkv")).cr)
    assert np.mean(coded[0]) > np.mean(coded[1]) + 2
    cv2.imwrite("green.png", np.random.default_rng(0).integers(0, 99, (64, 64, 3)) + np.array((0, 90, 0)))
    assert run("a.mkv", "c.mkv", "--for", "master", "--reference", "green.png") == 0
    assert run("a.mkv", "d.mkv", "--for", "master") == 0
    assert np.mean(decode(Path("c.mkv")).cr) < np.mean(decode(Path("d.mkv")).cr) - 2


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("--hints", "99.png"), 2, "names no frame of the film"),
        (("--hints", "strokes.png"), 2, "names no frame"),
        (("--hints", "3.png"), 3, "has no transparency"),
        (("--reference", "a.mkv"), 3, "a.mkv"),
    ],
)
def test_what_cannot_steer_colour_is_told_and_leaves_nothing(
    run: Run, capsys: pytest.CaptureFixture[str], arguments: tuple[str, str], code: int, message: str
) -> None:
    film()
    for name in ("99.png", "strokes.png", "3.png"):
        cv2.imwrite(name, np.zeros((96, 128, 3 if name == "3.png" else 4), np.uint8))
    before = names()
    assert run("a.mkv", "b.mkv", *arguments) == code
    assert message in capsys.readouterr().err
    assert names() == before


def test_where_the_picture_is_encoded_is_told_with_the_reason(
    run: Run, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def no_gpu(*_: object) -> None:
        raise OutputError("h264_nvenc refuses pictures: no capable devices found")

    monkeypatch.setattr("archivecolor.film.hardware.try_encoding", no_gpu)
    film()
    assert run("a.mkv", "b.mp4", "--for", "share", "--encoder", "auto") == 0
    assert "encoding in software: h264_nvenc refuses" in capsys.readouterr().err
    assert run("a.mkv", "c.mp4", "--for", "share", "--encoder", "nvenc") == 5
    assert names() == {"a.mkv", "b.mp4"}


def test_the_sample_film_has_three_shots_and_sound(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    reel = Path(__file__).resolve().parents[2] / "samples" / "reel.mp4"
    assert run(str(reel), "b.mp4", "--for", "share", "--preset", "ultrafast", "--json") == 0
    record = json.loads(capsys.readouterr().out)
    assert record["cuts_s"] == [2.5, 5.0]
    assert packets(Path("b.mp4"), "audio") == packets(reel, "audio")


def test_webm_holds_vp9_and_refuses_sound_that_it_cannot_hold(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    film("aac.mkv", 4, audio=1)
    assert run("aac.mkv", "b.webm") == 5
    assert ".webm cannot hold stream 1 (audio, aac, eng)" in capsys.readouterr().err
    film("a.mkv", 4)
    assert run("a.mkv", "b.webm") == 0
    assert run("a.mkv", "c.webm", "--codec", "av1") == 0
    assert run("a.mkv", "d.webm", "--codec", "h264") == 5
    for name, codec in (("b.webm", "vp9"), ("c.webm", "av1")):
        with av.open(name) as container:
            assert codec in container.streams.video[0].codec_context.name
        assert decode(Path(name)).times == decode(Path("a.mkv")).times
