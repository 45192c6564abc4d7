"""What is chosen for each film: a codec that can hold it, a form that plays, and whether it is in color already."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import cast

import av
import numpy as np
import pytest
from av.video.stream import VideoStream

from archivecolor.chroma.scan import scan
from archivecolor.errors import OutputError, UsageError
from archivecolor.film.codecs import CODECS
from archivecolor.film.priority import ordinary_priority
from archivecolor.film.sniff import result_name
from archivecolor.runs.film.job import make_film
from archivecolor.runs.film.plan import FilmRequest, plan_film
from archivecolor.runs.settings import FilmSettings
from archivecolor.settings import ColorSettings, EncodeSettings, FilmCodec, Purpose
from tests.fakes.engines import FakeEngine, by_luma
from tests.film.ffprobe import ffmpeg, picture, video_frames
from tests.film.sources import FilmSource, decode, moving
from tests.needs import needs_ffmpeg


def tape(folder: Path, order: int = 3, height: int = 96) -> Path:
    options = {"x264-params": "bff=1" if order == 3 else "tff=1", "preset": "ultrafast"}
    return FilmSource(moving(4, height), "libx264", field_order=order, options=options).write(folder / "a.mkv")


def request(source: Path, target: Path, encode: EncodeSettings | None = None) -> FilmRequest:
    return FilmRequest(source, target, FilmSettings(encode=encode or EncodeSettings()))


@pytest.mark.parametrize("codec", FilmCodec)
def test_containers_take_what_the_table_says(codec: FilmCodec) -> None:
    for muxer in CODECS[codec].containers:
        with av.open(BytesIO(), "w", format=muxer) as container:
            added = container.add_stream(CODECS[codec].encoder, rate=25, options=dict(CODECS[codec].options))
            stream = cast(VideoStream, added)
            stream.width = stream.height = 256
            stream.pix_fmt = "yuv422p10le" if codec is FilmCodec.PRORES else "yuv420p"
            with ordinary_priority():
                container.start_encoding()


@needs_ffmpeg
@pytest.mark.parametrize("suffix", [".mkv", ".mp4", ".mov"])
def test_an_interlaced_film_becomes_what_can_hold_it_and_that_is_said(tmp_path: Path, suffix: str) -> None:
    plan = plan_film(request(tape(tmp_path), tmp_path / f"b{suffix}", EncodeSettings(preset="ultrafast")))
    assert plan.encoding.summary == "H264, 10 bit 4:2:0, interlaced"
    assert plan.encoding.notes == ("the film is interlaced, which h265 cannot hold: it becomes h264",)
    make_film(plan, FakeEngine(by_luma), ColorSettings())
    shown = {(f["interlaced_frame"], f["top_field_first"]) for f in video_frames(tmp_path / f"b{suffix}")}
    assert shown == {(1, 0)}


@pytest.mark.parametrize("purpose", Purpose)
@pytest.mark.parametrize(
    ("codec", "suffix"),
    [(FilmCodec.H265, ".mp4"), (FilmCodec.H265, ".mov"), (FilmCodec.AV1, ".mkv"), (FilmCodec.VP9, ".webm")],
)
def test_a_codec_that_was_asked_for_by_name_is_not_exchanged_and_the_advice_works(
    tmp_path: Path, codec: FilmCodec, suffix: str, purpose: Purpose
) -> None:
    source = tape(tmp_path)
    with pytest.raises(OutputError, match=f"interlaced and {codec} can only hold progressive") as caught:
        plan_film(request(source, tmp_path / f"b{suffix}", EncodeSettings(purpose, codec=codec)))
    hint = caught.value.hint or ""
    named = [c for c in FilmCodec if f" {c} " in hint]
    for other in named:
        plan_film(request(source, tmp_path / f"b{suffix}", EncodeSettings(purpose, codec=other)))
    if "leave --codec out" in hint:
        suffix = ".mkv" if "in .mkv" in hint else suffix
        plan_film(request(source, tmp_path / f"b{suffix}", EncodeSettings(purpose)))
    assert named or "leave --codec out" in hint


def test_interlaced_webm_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="interlaced") as caught:
        plan_film(request(tape(tmp_path), tmp_path / "b.webm"))
    assert caught.value.hint == "end the result's name in .mkv"
    plan_film(request(tape(tmp_path), tmp_path / "b.mkv"))


def test_a_container_that_cannot_hold_the_codec_is_told_before_the_run(tmp_path: Path) -> None:
    source = FilmSource(moving(3)).write(tmp_path / "a.mkv")
    with pytest.raises(OutputError, match=r"\.mov cannot hold ffv1") as caught:
        plan_film(request(source, tmp_path / "b.mov", EncodeSettings(Purpose.MASTER)))
    assert caught.value.hint == "end the result's name in .mkv"
    assert result_name("tape.mov", EncodeSettings(Purpose.MASTER)) == "tape.mkv"


@needs_ffmpeg
@pytest.mark.parametrize("encode", [EncodeSettings(Purpose.SHARE), EncodeSettings(codec=FilmCodec.H264)])
@pytest.mark.parametrize(
    ("pixel_format", "size"),
    [("yuv422p10le", (96, 128)), ("yuv444p", (65, 97)), ("gray", (64, 97))],
)
def test_what_is_shared_plays_in_browsers(
    tmp_path: Path, encode: EncodeSettings, pixel_format: str, size: tuple[int, int]
) -> None:
    source = FilmSource(moving(3, *size), pixel_format=pixel_format).write(tmp_path / "a.mkv")
    make_film(plan_film(request(source, tmp_path / "b.mp4", encode)), FakeEngine(by_luma), ColorSettings())
    shown = picture(tmp_path / "b.mp4")
    assert (shown["codec_name"], shown["pix_fmt"].replace("yuvj", "yuv")) == ("h264", "yuv420p")
    height, width = size
    assert (shown["height"], shown["width"]) == (height + height % 2, width + width % 2)


def test_a_row_that_is_added_repeats_the_last_one(tmp_path: Path) -> None:
    source = FilmSource(moving(2, 65, 97)).write(tmp_path / "a.mkv")
    plan = plan_film(request(source, tmp_path / "b.mp4", EncodeSettings(Purpose.SHARE, crf=0)))
    assert plan.encoding.notes == ("odd size 97 x 65: the last column or row is repeated, to play everywhere",)
    make_film(plan, FakeEngine(by_luma), ColorSettings())
    before, after = decode(source).lumas[0], decode(tmp_path / "b.mp4").lumas[0]
    assert np.array_equal(after, np.pad(before, ((0, 1), (0, 1)), mode="edge"))


@needs_ffmpeg
@pytest.mark.parametrize("depth", [8, 10])
def test_depth_says_otherwise(tmp_path: Path, depth: int) -> None:
    source = FilmSource(moving(3)).write(tmp_path / "a.mkv")
    encode = EncodeSettings(codec=FilmCodec.H264, depth=depth)
    make_film(plan_film(request(source, tmp_path / "b.mp4", encode)), FakeEngine(by_luma), ColorSettings())
    assert picture(tmp_path / "b.mp4")["pix_fmt"] == ("yuv420p" if depth == 8 else "yuv420p10le")


def test_a_depth_that_a_codec_has_not_is_told(tmp_path: Path) -> None:
    source = FilmSource(moving(3)).write(tmp_path / "a.mkv")
    with pytest.raises(UsageError, match="h264 has no depth of 12 bit") as caught:
        plan_film(request(source, tmp_path / "b.mp4", EncodeSettings(codec=FilmCodec.H264, depth=12)))
    assert caught.value.hint == "--depth 8 or 10"


TINTS = {
    "sepia": ("colorchannelmixer=.393:.769:.189:0:.349:.686:.168:0:.272:.534:.131", False),
    "amber": ("hue=s=0,colorchannelmixer=rr=1:gg=.75:bb=.3", False),
    "blue": ("hue=s=0,colorchannelmixer=rr=.5:gg=.8:bb=1", False),
    "gray": ("hue=s=0", False),
    "color": ("null", True),
}


@needs_ffmpeg
@pytest.mark.parametrize("tint", TINTS)
def test_a_tinted_film_is_judged_as_stills_are(tmp_path: Path, tint: str) -> None:
    source, (filter_, colored) = tmp_path / "a.mkv", TINTS[tint]
    bars = "testsrc2=s=320x240:r=25:d=2.2"
    ffmpeg(
        "-f", "lavfi", "-i", bars, "-vf", f"format=rgb24,{filter_}", "-c:v", "libx264", "-pix_fmt", "yuv420p", source
    )
    assert scan(source).film.colored is colored
