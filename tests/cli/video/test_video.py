from __future__ import annotations

import json
import os
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from archivecolor.chroma.control import alike
from archivecolor.chroma.control.references import NOT_ALIKE
from archivecolor.errors import OutputError
from tests.cli.video.conftest import Run, film, names
from tests.film.sources import FilmSource, decode, moving, packets, samples


def test_a_film_is_colored_and_nothing_else_is_left(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
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


def test_the_report_names_the_shots_that_the_generator_was_least_sure_of(
    run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    FilmSource([*moving(20), *moving(20, seed=5), *moving(20, seed=8)]).write(Path("a.mkv"))
    assert run("a.mkv", "b.mkv", "--start", "0.4", "--json") == 0
    told = capsys.readouterr()
    record = json.loads(told.out)
    assert record["cuts_s"] == [0.8, 1.6]
    assert record["shots"] == [{"start_s": s, "confidence": 0.5} for s in (0.4, 0.8, 1.6)]
    assert "least sure of the colors in the shots at 0:00:00.40 (50%), 0:00:00.80 (50%), 0:00:01.60 (50%)" in told.err


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


def test_tinted_film_is_colored(run: Run) -> None:
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


def test_side_by_side_holds_the_gray_film_and_the_colored_one(run: Run) -> None:
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
add = segments.SegmentJournal.add
def die_later(self, made):
    add(self, made)
    if made.number == 1:
        os.kill(os.getpid(), 9)
segments.SegmentJournal.add = die_later
sys.argv = ["archivecolor", "video", "a.mkv", "b.mkv", "--for", "master"]
main()
"""
    root = Path(__file__).resolve().parents[3]
    killed = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=os.environ | {"PYTHONPATH": str(root)}, check=False
    )
    assert killed.returncode == -9
    assert "b.mkv" not in names()
    capsys.readouterr()
    assert run("a.mkv", "b.mkv", "--for", "master") == 0
    assert "continuing: " in capsys.readouterr().err
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


def test_hints_color_a_film_and_changed_ones_color_it_anew(run: Run) -> None:
    film()
    layer = np.zeros((96, 128, 4), np.uint8)
    Path("hints").mkdir()
    coded = []
    for color in ((0, 0, 250), (250, 0, 0)):
        layer[:, 20:60] = (*color, 255)
        cv2.imwrite("hints/5.png", layer)
        assert run("a.mkv", "b.mkv", "--for", "master", "--hints-dir", "hints", "--overwrite") == 0
        coded.append(decode(Path("b.mkv")).cr)
    assert np.mean(coded[0]) > np.mean(coded[1]) + 2


def test_a_reference_colors_what_is_like_it_in_a_film_and_is_told_of(
    run: Run, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    film()
    assert run("a.mkv", "d.mkv", "--for", "master") == 0
    luma = decode(Path("a.mkv")).lumas[0].astype(float)
    hues = np.array(((-60, 50, 40), (40, 30, -80)))[np.arange(len(luma)) % 2]
    cv2.imwrite("green.png", np.clip((luma[..., None] - 16) * 255 / 219 + hues[:, None], 0, 255))
    capsys.readouterr()
    assert run("a.mkv", "c.mkv", "--for", "master", "--reference", "green.png") == 0
    assert "frames that the generator was asked about are like green.png" in capsys.readouterr().err
    assert np.mean(decode(Path("c.mkv")).cr) < np.mean(decode(Path("d.mkv")).cr) - 2
    monkeypatch.setattr(alike, "ALIKE", 1.1)
    assert run("a.mkv", "e.mkv", "--for", "master", "--reference", "green.png") == 0
    assert f"a.mkv: {NOT_ALIKE}" in capsys.readouterr().err
    assert np.array_equal(decode(Path("e.mkv")).cr, decode(Path("d.mkv")).cr)


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
    reel = Path(__file__).resolve().parents[3] / "samples" / "reel.mp4"
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
