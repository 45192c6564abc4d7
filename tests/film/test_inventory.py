"""What films carry beside their picture: kept, or named. Results are read by ffprobe, which wrote none of them."""

from __future__ import annotations

import hashlib
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import pytest
from PIL import Image

from archivecolor.errors import OutputError
from archivecolor.film.inventory import inventory, missing
from archivecolor.film.matroska import aspect_elements, packed
from archivecolor.film.side_data import side_data
from archivecolor.runs.film.job import FilmRecord, make_film
from archivecolor.runs.film.plan import FilmRequest, plan_film
from archivecolor.runs.settings import FilmSettings
from archivecolor.settings import ColorSettings, EncodeSettings, FilmCodec
from tests.fakes.engines import FakeEngine, by_luma
from tests.film.ffprobe import ffmpeg, picture, probe, video_frames
from tests.film.sources import FilmSource, moving
from tests.needs import needs_ffmpeg

pytestmark = needs_ffmpeg

FAST = {FilmCodec.H264: "ultrafast", FilmCodec.H265: "ultrafast"}


def run(source: Path, target: Path, codec: FilmCodec, **wanted: Any) -> FilmRecord:
    encode = EncodeSettings(codec=codec, preset=FAST.get(codec))
    request = FilmRequest(source, target, FilmSettings(encode=encode, **wanted))
    return make_film(plan_film(request), FakeEngine(by_luma), ColorSettings())


def plain(folder: Path, count: int = 6, **settings: Any) -> Path:
    settings = {"encoder": "libx264", "options": {"preset": "ultrafast", "g": "6"}, **settings}
    return FilmSource(moving(count), **settings).write(folder / "plain.mkv")


@pytest.mark.parametrize("aspect", [Fraction(16, 15), Fraction(10, 11), Fraction(4, 3)])
@pytest.mark.parametrize(
    ("codec", "suffix"),
    [
        *((codec, ".mkv") for codec in FilmCodec),
        *((codec, ".mp4") for codec in (FilmCodec.H264, FilmCodec.H265, FilmCodec.AV1)),
        *((codec, ".mov") for codec in (FilmCodec.PRORES, FilmCodec.H264)),
        (FilmCodec.VP9, ".webm"),
    ],
)
def test_pixels_keep_their_shape(tmp_path: Path, codec: FilmCodec, suffix: str, aspect: Fraction) -> None:
    source = plain(tmp_path, 3, sample_aspect=aspect)
    record = run(source, tmp_path / f"b{suffix}", codec)
    assert record.whole.lost == ()
    shown = Fraction(*map(int, picture(tmp_path / f"b{suffix}")["sample_aspect_ratio"].split(":")))
    assert abs(shown / aspect - 1) < Fraction(1, 500)
    if suffix == ".mkv" and codec in (FilmCodec.FFV1, FilmCodec.PRORES):
        assert shown == aspect
    ffmpeg("-xerror", "-i", tmp_path / f"b{suffix}", "-f", "null", "-")


def test_a_track_keeps_its_name_beside_what_is_added_to_it(tmp_path: Path) -> None:
    source = tmp_path / "a.mkv"
    ffmpeg("-i", plain(tmp_path, 3), "-c", "copy", "-metadata:s:v", "title=Reel 7", "-aspect", "16:9", source)
    run(source, tmp_path / "b.mkv", FilmCodec.FFV1)
    shown = picture(tmp_path / "b.mkv")
    assert shown["tags"]["title"] == "Reel 7"
    assert shown["display_aspect_ratio"] == "16:9"


def test_elements_are_written_as_matroska_says() -> None:
    assert packed(aspect_elements(720, 576, Fraction(16, 15))) == bytes.fromhex("54b082 0300 54ba82 0240 54b281 00")
    assert packed(aspect_elements(720, 480, Fraction(10, 11))) == bytes.fromhex("54b081 0f 54ba81 0b 54b281 03")


TAGS = {
    "title": "Hafen",
    "collection": "Nachlass Muster",
    "shelfmark": "F 1234",
    "com.apple.quicktime.creationdate": "1978-05-04T10:00:00+0200",
    "com.apple.quicktime.location.ISO6709": "+47.3769+008.5417/",
}


@pytest.mark.parametrize("suffix", [".mov", ".mp4", ".mkv"])
def test_tags_of_all_kinds_are_kept(tmp_path: Path, suffix: str) -> None:
    source = tmp_path / "a.mov"
    tags = [part for key, value in TAGS.items() for part in ("-metadata", f"{key}={value}")]
    ffmpeg("-i", plain(tmp_path, 3), "-c", "copy", "-movflags", "use_metadata_tags", *tags, source)
    record = run(source, tmp_path / f"b{suffix}", FilmCodec.H264)
    assert record.whole.lost == ()
    found = {key.lower(): value for key, value in probe(tmp_path / f"b{suffix}")["format"]["tags"].items()}
    assert {key: found.get(key.lower()) for key in TAGS} == TAGS


def captioned(folder: Path) -> Path:
    """MPEG-2 with ATSC captions before each picture's first slice, of another content each."""
    ffmpeg("-i", plain(folder, 8), "-r", "25", "-c:v", "mpeg2video", "-bf", "0", "-f", "mpeg2video", folder / "es.m2v")
    data, out, at, number = (folder / "es.m2v").read_bytes(), b"", 0, 0
    while (slice_ := data.find(b"\0\0\1\x01", at)) >= 0:
        captions = b"\0\0\1\xb2GA94\x03\x41\xff\xfc\x94" + bytes([0x80 + number]) + b"\xff"
        out += data[at:slice_] + captions + data[slice_ : slice_ + 4]
        at, number = slice_ + 4, number + 1
    (folder / "cc.m2v").write_bytes(out + data[at:])
    return folder / "cc.m2v"


def captions(path: Path) -> list[bytes]:
    with av.open(str(path)) as container:
        return [side_data(frame).get("A53_CC", b"") for frame in container.decode(video=0)]


@pytest.mark.parametrize("codec", [FilmCodec.H264, FilmCodec.H265])
def test_captions_inside_the_picture_stay_with_their_frames(tmp_path: Path, codec: FilmCodec) -> None:
    source = captioned(tmp_path)
    assert len(set(captions(source))) == 8
    record = run(source, tmp_path / "b.mkv", codec)
    assert record.whole.lost == ()
    assert captions(tmp_path / "b.mkv") == captions(source)
    kinds = [[d["side_data_type"] for d in f.get("side_data_list", [])] for f in video_frames(tmp_path / "b.mkv")]
    assert all("ATSC A53 Part 4 Closed Captions" in kind for kind in kinds)


def test_captions_that_a_codec_has_no_place_for_are_named(tmp_path: Path) -> None:
    record = run(captioned(tmp_path), tmp_path / "b.mkv", FilmCodec.FFV1)
    assert record.whole.lost == ("closed captions inside the picture",)
    assert record.whole.notes == ("not kept: closed captions inside the picture",)


HDR = "G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,1)"


@pytest.mark.parametrize(
    ("codec", "suffix"),
    [(FilmCodec.H265, ".mkv"), (FilmCodec.H265, ".mp4"), (FilmCodec.AV1, ".mkv"), (FilmCodec.FFV1, ".mkv")],
)
def test_hdr10_metadata_are_kept(tmp_path: Path, codec: FilmCodec, suffix: str) -> None:
    params = f"log-level=error:colorprim=bt2020:transfer=smpte2084:colormatrix=bt2020nc:master-display={HDR}"
    settings = {"pixel_format": "yuv420p10le", "options": {"x265-params": f"{params}:max-cll=1000,400"}}
    source = plain(tmp_path, 3, encoder="libx265", colorspace=9, **settings)
    record = run(source, tmp_path / f"b{suffix}", codec)
    assert record.whole.lost == ()
    listed = [*picture(tmp_path / f"b{suffix}").get("side_data_list", [])]
    listed += video_frames(tmp_path / f"b{suffix}")[0].get("side_data_list", [])
    found = {key: value for entry in listed for key, value in entry.items()}
    assert (found["max_content"], found["max_average"]) == (1000, 400)
    shown = [float(Fraction(found[key])) for key in ("red_x", "green_y", "white_point_x", "max_luminance")]
    assert shown == pytest.approx([0.68, 0.69, 0.3127, 1000], rel=1e-3)


def test_hdr10_metadata_that_cannot_be_written_are_named(tmp_path: Path) -> None:
    params = f"log-level=error:master-display={HDR}:max-cll=1000,400"
    source = plain(tmp_path, 3, encoder="libx265", pixel_format="yuv420p10le", options={"x265-params": params})
    record = run(source, tmp_path / "b.mov", FilmCodec.PRORES)
    assert record.whole.lost == ("HDR10 content light levels", "HDR10 mastering display metadata")


def cover(folder: Path) -> Path:
    Image.effect_noise((60, 40), 40).save(folder / "cover.jpg")
    return folder / "cover.jpg"


@pytest.mark.parametrize(("one", "other"), [(".mkv", ".mkv"), (".mkv", ".mp4"), (".mp4", ".mkv"), (".mp4", ".mp4")])
def test_a_cover_stays_a_cover(tmp_path: Path, one: str, other: str) -> None:
    source, jpeg = tmp_path / f"a{one}", cover(tmp_path)
    attach: list[str | Path] = ["-attach", jpeg, "-metadata:s:t", "mimetype=image/jpeg", "-map", "0", "-c", "copy"]
    join: list[str | Path] = ["-i", jpeg, "-map", "0", "-map", "1", "-c", "copy", "-disposition:v:1", "attached_pic"]
    ffmpeg("-i", plain(tmp_path, audio=1), *(attach if one == ".mkv" else join), source)
    record = run(source, tmp_path / f"b{other}", FilmCodec.H264)
    assert record.whole.lost == ()
    streams = probe(tmp_path / f"b{other}", "streams")["streams"]
    assert [s["disposition"]["attached_pic"] for s in streams if s["codec_type"] == "video"] == [0, 1]
    number = next(s["index"] for s in streams if s["disposition"]["attached_pic"])
    ffmpeg("-i", tmp_path / f"b{other}", "-map", f"0:{number}", "-c", "copy", "-f", "image2", tmp_path / "out.jpg")
    assert (tmp_path / "out.jpg").read_bytes() == jpeg.read_bytes()


def test_sound_that_matroska_holds_as_windows_does_is_copied(tmp_path: Path) -> None:
    source = tmp_path / "a.wmv"
    ffmpeg("-i", plain(tmp_path, audio=1), "-c:v", "wmv2", "-c:a", "wmav2", source)
    record = run(source, tmp_path / "b.mkv", FilmCodec.FFV1)
    assert record.whole.lost == ()
    assert _digest(source) == _digest(tmp_path / "b.mkv")
    ffmpeg("-xerror", "-i", tmp_path / "b.mkv", "-f", "null", "-")


def _digest(path: Path) -> str:
    target = path.with_suffix(".pcm")
    ffmpeg("-i", path, "-map", "0:a", "-c", "copy", "-f", "data", target)
    return hashlib.sha256(target.read_bytes()).hexdigest()


def dvd(folder: Path) -> Path:
    """A program stream with a DVD's navigation packets."""
    ffmpeg("-i", plain(folder, 12, audio=1), "-c:v", "mpeg2video", "-c:a", "mp2", "-ar", "48000", folder / "x.vob")
    data = (folder / "x.vob").read_bytes()
    nav = b"\0\0\1\xbf\x03\xd4" + bytes(980) + b"\0\0\1\xbf\x03\xfa\x01" + bytes(1017)
    pack = data.find(b"\0\0\1\xba")
    end = pack + 14 + (data[pack + 13] & 7)
    if data[end : end + 4] == b"\0\0\1\xbb":
        end += 6 + int.from_bytes(data[end + 4 : end + 6], "big")
    (folder / "VTS_01_1.VOB").write_bytes(data[:end] + nav + data[end:])
    return folder / "VTS_01_1.VOB"


def test_a_dvd_is_colored_without_its_navigation_which_is_named(tmp_path: Path) -> None:
    record = run(dvd(tmp_path), tmp_path / "b.mkv", FilmCodec.FFV1)
    assert record.whole.lost == ("stream 0 (data, dvd_nav_packet)",)


def test_alpha_that_is_not_kept_is_named(tmp_path: Path) -> None:
    source = tmp_path / "a.mov"
    ffmpeg("-i", plain(tmp_path, 3), "-vf", "format=yuva444p10le", "-c:v", "prores_ks", "-profile:v", "4444", source)
    assert run(source, tmp_path / "b.mp4", FilmCodec.H264).whole.lost == ("the alpha channel",)


@pytest.mark.parametrize("suffix", [".mov", ".mkv"])
def test_time_codes_of_tracks_are_kept(tmp_path: Path, suffix: str) -> None:
    source = tmp_path / "a.mov"
    ffmpeg("-i", plain(tmp_path, 3), "-c", "copy", "-timecode", "01:02:03:04", source)
    record = run(source, tmp_path / f"b{suffix}", FilmCodec.H264)
    tags = [s.get("tags", {}) for s in probe(tmp_path / f"b{suffix}", "streams")["streams"]]
    found = {value for each in tags for key, value in each.items() if key.lower() == "timecode"}
    assert found == {"01:02:03:04"}
    assert record.whole.lost == ()


def test_a_stream_that_no_codec_is_known_for_is_refused_and_can_be_left_out(tmp_path: Path) -> None:
    film = tmp_path / "a.mp4"
    ffmpeg("-i", plain(tmp_path, audio=1), "-c", "copy", film)
    data = film.read_bytes()
    at = data.find(b"mp4a", data.find(b"soun"))
    film.write_bytes(data[:at] + b"zzzz" + data[at + 4 :].replace(b"esds", b"free", 1))
    with pytest.raises(OutputError, match=r"cannot hold stream 1 \(audio, unknown") as caught:
        run(film, tmp_path / "b.mkv", FilmCodec.H264)
    assert "--leave-out" in (caught.value.hint or "")
    lost = run(film, tmp_path / "b.mkv", FilmCodec.H264, leave_out=True).whole.lost
    assert lost == ("stream 1 (audio, unknown, eng)",)


def test_what_is_missing_is_found_whoever_lost_it(tmp_path: Path) -> None:
    source = FilmSource(
        moving(6), "libx264", audio=2, chapters=True, attachment=b"font", metadata={"title": "x", "shelfmark": "F 1"}
    ).write(tmp_path / "a.mkv")
    assert missing(inventory(source), inventory(source), whole=True) == ()
    bare = tmp_path / "bare.mkv"
    ffmpeg(
        "-i", source, "-map", "0:v", "-map", "0:a:0", "-map_chapters", "-1", "-map_metadata", "-1", "-c", "copy", bare
    )
    lost = " | ".join(missing(inventory(source), inventory(bare), whole=True))
    for thing in ("'SHELFMARK' ('F 1')", "2 chapters", "stream 2 (audio, aac, fra)", "the attachment 'font.ttf'"):
        assert thing in lost
    cut = tmp_path / "cut.mkv"
    ffmpeg("-i", source, "-map", "0", "-c", "copy", "-t", "0.2", cut)
    assert any("bytes of stream 1" in thing for thing in missing(inventory(source), inventory(cut), whole=True))
