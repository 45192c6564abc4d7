"""Forms that PyAV does not make by itself: edit lists, cropping, telecine, time code tracks, each made by ffmpeg."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from archivecolor.settings import EncodeSettings, FilmCodec, Purpose
from tests.film.ffprobe import ffmpeg
from tests.film.sources import FilmSource, decode, moving, packets
from tests.needs import needs_ffmpeg
from tests.runs.film.making import color

MASTER = EncodeSettings(Purpose.MASTER)
SHARE = EncodeSettings(Purpose.SHARE, preset="ultrafast")

pytestmark = needs_ffmpeg


def plain(folder: Path, count: int = 30, audio: int = 0) -> Path:
    options = {"g": "10", "bf": "2"}
    return FilmSource(moving(count), "libx264", options=options, audio=audio).write(folder / "plain.mp4")


def test_what_an_edit_list_hides_stays_hidden(tmp_path: Path) -> None:
    source = tmp_path / "a.mp4"
    ffmpeg("-ss", "0.25", "-i", plain(tmp_path, audio=1), "-c", "copy", source)
    with av.open(str(source)) as container:
        stored = sum(bool(p.size) for p in container.demux(video=0))
    shown = decode(source)
    assert len(shown.times) < stored
    color(source, tmp_path / "b.mp4", SHARE)
    assert decode(tmp_path / "b.mp4").times == shown.times
    assert [data for _, data in packets(tmp_path / "b.mp4", "audio")[0]] == [
        data for _, data in packets(source, "audio")[0]
    ]


def test_cropped_film_keeps_the_picture_that_is_shown(tmp_path: Path) -> None:
    source = tmp_path / "a.mp4"
    ffmpeg("-i", plain(tmp_path, 6), "-c", "copy", "-bsf:v", "h264_metadata=crop_right=16:crop_top=8", source)
    assert decode(source).lumas[0].shape == (88, 112)
    color(source, tmp_path / "b.mkv", MASTER)
    assert np.array_equal(decode(tmp_path / "b.mkv").lumas, decode(source).lumas)


@pytest.mark.parametrize("codec", [FilmCodec.FFV1, FilmCodec.H264])
def test_telecined_film_stays_interlaced_and_keeps_its_frames(tmp_path: Path, codec: FilmCodec) -> None:
    source = tmp_path / "a.mkv"
    ffmpeg("-i", plain(tmp_path, 24), "-vf", "telecine", "-c:v", "libx264", "-x264-params", "tff=1", source)
    before = decode(source)
    assert any(before.interlaced)
    color(source, tmp_path / "b.mkv", EncodeSettings(codec=codec))
    after = decode(tmp_path / "b.mkv")
    assert after.times == before.times
    assert any(after.interlaced)
    if codec is FilmCodec.FFV1:
        assert np.array_equal(after.lumas, before.lumas)


@pytest.mark.parametrize("suffix", [".mkv", ".mp4"])
def test_a_turn_that_the_stream_tells_on_its_key_frame_holds_for_all_and_the_container_s_goes_first(
    tmp_path: Path, suffix: str
) -> None:
    film = FilmSource(moving(6), "libx264", options={"bf": "2"}).write(tmp_path / "plain.mp4")
    turned = ("-c", "copy", "-bsf:v", "h264_metadata=display_orientation=insert:rotate=90")
    ffmpeg("-i", film, *turned, tmp_path / "a.mp4")
    ffmpeg("-i", film, "-c", "copy", "-metadata:s:v", "rotate=180", tmp_path / "half.mp4")
    ffmpeg("-i", tmp_path / "half.mp4", *turned, tmp_path / "both.mp4")
    for name, rotation in (("a.mp4", 90), ("both.mp4", 180)):
        with av.open(str(tmp_path / name)) as container:
            assert abs(next(container.decode(video=0)).rotation) == rotation
        target = tmp_path / f"of_{name}{suffix}"
        record = color(tmp_path / name, target, SHARE)
        with av.open(str(target)) as container:
            assert {abs(frame.rotation) for frame in container.decode(video=0)} == {rotation}
        assert record.whole.lost == ()


@pytest.mark.parametrize("suffix", [".mkv", ".m2v"])
def test_pictures_before_the_first_key_frame_of_an_open_group_are_kept_as_they_decode(
    tmp_path: Path, suffix: str
) -> None:
    codec = (
        ("libx264", "-x264-params", "open-gop=1:keyint=8:bframes=3:b-adapt=0:scenecut=0")
        if suffix == ".mkv"
        else ("mpeg2video", "-g", "8", "-bf", "2", "-flags", "-cgop")
    )
    ffmpeg("-i", plain(tmp_path, 24), "-c:v", *codec, tmp_path / f"whole{suffix}")
    source = tmp_path / f"a{suffix}"
    if suffix == ".mkv":
        with av.open(str(tmp_path / "whole.mkv")) as old, av.open(str(source), "w") as new:
            stream = new.add_stream_from_template(old.streams.video[0])
            stored = [packet for packet in old.demux(video=0) if packet.size]
            for packet in stored[[i for i, p in enumerate(stored) if p.is_keyframe][1] :]:
                packet.stream = stream
                new.mux_one(packet)
    else:
        data = (tmp_path / f"whole{suffix}").read_bytes()
        source.write_bytes(data[data.index(b"\0\0\1\xb3", 4) :])
    before = decode(source)
    assert 8 <= len(before.times) < 24
    color(source, tmp_path / "b.mkv", MASTER)
    assert np.array_equal(decode(tmp_path / "b.mkv").lumas, before.lumas)


@pytest.mark.parametrize("suffix", [".mov", ".mp4"])
def test_a_time_code_survives(tmp_path: Path, suffix: str) -> None:
    source = tmp_path / f"a{suffix}"
    ffmpeg("-i", plain(tmp_path, 6), "-c", "copy", "-timecode", "01:02:03:04", source)
    color(source, tmp_path / f"b{suffix}", SHARE)
    with av.open(str(source)) as old, av.open(str(tmp_path / f"b{suffix}")) as new:
        codes = [{s.metadata["timecode"] for s in x.streams if "timecode" in s.metadata} for x in (old, new)]
    assert codes == [{"01:02:03:04"}, {"01:02:03:04"}]


def test_a_late_sound_track_stays_late(tmp_path: Path) -> None:
    late = tmp_path / "a.mkv"
    film = plain(tmp_path, 12, audio=1)
    ffmpeg("-i", film, "-itsoffset", "0.3", "-i", film, "-map", "0:v", "-map", "1:a", "-c", "copy", late)
    color(late, tmp_path / "b.mkv", SHARE)
    assert packets(tmp_path / "b.mkv", "audio") == packets(late, "audio")
    begin_s = packets(late, "audio")[0][0][0]
    assert begin_s is not None
    assert begin_s > Fraction(1, 8)  # 0.3 s less what AAC decodes ahead of its first sample
