from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import pytest

from archivecolor.settings import EncodeSettings, FilmCodec, Purpose
from tests.film.sources import FilmSource, decode, moving, packets
from tests.runs.film.making import color

SHARE = EncodeSettings(Purpose.SHARE, preset="ultrafast")
NTSC = Fraction(30000, 1001)


def test_ntsc_film_keeps_its_rate_and_every_timestamp(tmp_path: Path) -> None:
    source = FilmSource(
        moving(20), "libx264", time_base=1 / NTSC, rate=NTSC, options={"bf": "2", "preset": "ultrafast"}
    ).write(tmp_path / "a.mp4")
    color(source, tmp_path / "b.mp4", EncodeSettings(Purpose.SHARE))
    assert decode(tmp_path / "b.mp4").times == decode(source).times
    with av.open(str(tmp_path / "b.mp4")) as container:
        stream = container.streams.video[0]
        assert stream.average_rate == NTSC
        assert stream.frames == 20


@pytest.mark.parametrize("codec", [FilmCodec.H264, FilmCodec.H265, FilmCodec.AV1, FilmCodec.VP9])
def test_variable_frame_rate_survives_reordered_frames_and_segments(tmp_path: Path, codec: FilmCodec) -> None:
    times = [0, 40, 80, 81, 200, 240, 999, 1000, 1040, 1500, 1501, 1600, 2000, 2040, 2080, 2111]
    source = FilmSource(moving(16), "libx264", time_base=Fraction(1, 1000), times=times).write(tmp_path / "a.mp4")
    color(source, tmp_path / "b.mp4", EncodeSettings(codec=codec), longest_s=0.7)
    assert decode(tmp_path / "b.mp4").times == decode(source).times


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".mov"])
def test_a_film_that_begins_late_begins_late(tmp_path: Path, suffix: str) -> None:
    source = FilmSource(moving(8), "libx264", times=range(5, 13), audio=1).write(tmp_path / f"a{suffix}")
    color(source, tmp_path / f"b{suffix}", SHARE)
    assert decode(tmp_path / f"b{suffix}").times == decode(source).times
    assert packets(tmp_path / f"b{suffix}", "audio") == packets(source, "audio")


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".mov"])
def test_sound_tracks_are_copied_bit_for_bit_with_their_languages(tmp_path: Path, suffix: str) -> None:
    source = FilmSource(
        moving(10), "libx264", audio=3, metadata={"title": "A film", "artist": "x"}, chapters=True
    ).write(tmp_path / f"a{suffix}")
    color(source, tmp_path / f"b{suffix}", SHARE)
    assert packets(tmp_path / f"b{suffix}", "audio") == packets(source, "audio")
    with av.open(str(source)) as old, av.open(str(tmp_path / f"b{suffix}")) as new:
        assert [s.type for s in new.streams] == [s.type for s in old.streams]
        assert [s.metadata.get("language") for s in new.streams] == [s.metadata.get("language") for s in old.streams]
        assert [s.disposition for s in new.streams] == [s.disposition for s in old.streams]
        titles = [[c["metadata"] | {"s": c["start"] * (c["time_base"] or 0)} for c in x.chapters()] for x in (old, new)]
        assert titles[0] == titles[1]
        assert len(titles[0]) == 2
        assert new.metadata.get("title") == "A film"


def test_attachments_travel(tmp_path: Path) -> None:
    source = FilmSource(moving(4), "libx264", attachment=b"\x00\x01font" * 50).write(tmp_path / "a.mkv")
    color(source, tmp_path / "b.mkv", SHARE)
    with av.open(str(tmp_path / "b.mkv")) as container:
        (attachment,) = container.streams.attachments
        assert attachment.data == b"\x00\x01font" * 50
        assert attachment.metadata["filename"] == "font.ttf"


def test_form_and_tags_travel(tmp_path: Path) -> None:
    source = FilmSource(moving(4), "libx264", colorspace=1, sample_aspect=Fraction(16, 15), rotation=90).write(
        tmp_path / "a.mp4"
    )
    color(source, tmp_path / "b.mp4", SHARE)
    for path in (source, tmp_path / "b.mp4"):
        with av.open(str(path)) as container:
            frame = next(container.decode(video=0))
            stream = container.streams.video[0]
            assert (frame.rotation, stream.sample_aspect_ratio) == (90, Fraction(16, 15))
            assert (frame.colorspace, frame.color_range) == (1, 1)


@pytest.mark.parametrize("order", [2, 3])
@pytest.mark.parametrize(
    ("codec", "suffix"), [(FilmCodec.FFV1, ".mkv"), (FilmCodec.H264, ".mkv"), (FilmCodec.PRORES, ".mov")]
)
def test_interlaced_film_stays_interlaced(tmp_path: Path, codec: FilmCodec, suffix: str, order: int) -> None:
    top = order == 2
    source = FilmSource(
        moving(4), "libx264", field_order=order, options={"x264-params": f"{'tff' if top else 'bff'}=1"}
    ).write(tmp_path / "a.mkv")
    assert all(decode(source).interlaced)
    color(source, tmp_path / f"b{suffix}", EncodeSettings(codec=codec))
    after = decode(tmp_path / f"b{suffix}")
    assert all(after.interlaced)
    with av.open(str(source)) as old, av.open(str(tmp_path / f"b{suffix}")) as new:
        next(new.decode(video=0))
        assert new.streams.video[0].codec_context.field_order == old.streams.video[0].codec_context.field_order


def test_a_part_begins_at_zero_with_its_sound(tmp_path: Path) -> None:
    source = FilmSource(moving(30), "libx264", audio=1, chapters=True).write(tmp_path / "a.mkv")
    record = color(source, tmp_path / "b.mkv", SHARE, start_s=0.4, end_s=0.8)
    assert record.frames == 10
    after = decode(tmp_path / "b.mkv")
    assert [round(t * 25) for t in after.times] == list(range(10))
    (sound,) = packets(tmp_path / "b.mkv", "audio")
    (whole,) = packets(source, "audio")
    assert {data for _, data in sound} <= {data for _, data in whole}
    assert 0 <= min(t for t, _ in sound if t is not None) < 0.13
