"""Awkward films as archives have them, each colored for a master and compared with its source by ffprobe alone."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import pytest
from PIL import Image

from archivecolor.errors import OutputError
from archivecolor.film.crop import Crop, crop_of
from archivecolor.runs.luma_check import Verdict, compare_films
from archivecolor.settings import EncodeSettings, Purpose
from tests.film.ffprobe import ffmpeg, probe, video_frames
from tests.film.sources import FilmSource, moving
from tests.needs import needs_ffmpeg
from tests.runs.film.making import color

pytestmark = needs_ffmpeg

GRAY = ("-vf", "hue=s=0")
X264 = ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p")
FIELDS = ("-flags", "+ilme+ildct")


def bars(seconds: float = 0.4, size: str = "128x96", rate: str = "25") -> tuple[str, ...]:
    return ("-f", "lavfi", "-t", str(seconds), "-i", f"testsrc2=size={size}:rate={rate}")


SOUND = ("-f", "lavfi", "-t", "0.4", "-i", "sine=r=48000")
PAL = bars(size="720x576")


@dataclass(frozen=True)
class Awkward:
    """A film as ffmpeg makes it, and what is known to be lost."""

    suffix: str
    make: tuple[str, ...]
    lost: tuple[str, ...] = ()


GOP_CODES = "the time codes of MPEG's groups of pictures"
FILMS = {
    "variable frame rate": Awkward(
        ".mkv", (*bars(), "-vf", "hue=s=0,setpts='(N+N*N/3)/25/TB'", "-fps_mode", "passthrough", *X264)
    ),
    "decoding times before zero": Awkward(
        ".mp4", (*bars(), *SOUND, *GRAY, *X264, "-bf", "3", "-movflags", "negative_cts_offsets")
    ),
    "picture later than sound": Awkward(".mp4", ("-itsoffset", "0.3", *bars(), *SOUND, *GRAY, *X264)),
    "sound later than picture": Awkward(".mkv", (*bars(), "-itsoffset", "0.3", *SOUND, *GRAY, *X264)),
    "sound in languages and for the deaf": Awkward(
        ".mkv",
        (
            *(*bars(), *SOUND, *SOUND, "-map", "0", "-map", "1", "-map", "2", *GRAY, *X264, "-c:a:0", "flac"),
            *("-c:a:1", "ac3", "-metadata:s:a:0", "language=deu", "-metadata:s:a:1", "language=fra"),
            *("-metadata:s:a:1", "title=Commentary", "-disposition:a:1", "comment+visual_impaired+hearing_impaired"),
        ),
    ),
    "turned by 180": Awkward(".mov", (*bars(), *GRAY, *X264, "-metadata:s:v", "rotate=180")),
    "4:1:1 of DV": Awkward(
        ".mov", (*bars(size="720x480", rate="30000/1001"), "-vf", "hue=s=0,format=yuv411p", "-c:v", "dvvideo")
    ),
    "odd size": Awkward(".mkv", (*bars(size="177x145"), "-vf", "hue=s=0,format=yuv420p", "-c:v", "ffv1")),
    "bottom field first": Awkward(
        ".mp4", (*bars(), "-vf", "hue=s=0,setfield=bff", *X264, *FIELDS, "-x264-params", "bff=1")
    ),
    "telecine": Awkward(
        ".mpg",
        (*bars(1, rate="24000/1001"), "-vf", "hue=s=0,telecine=pattern=23", *FIELDS, "-c:v", "mpeg2video"),
    ),
    "24-bit sound in QuickTime": Awkward(".mov", (*bars(), *SOUND, *GRAY, "-c:v", "prores_ks", "-c:a", "pcm_s24be")),
    "six channels of PCM": Awkward(
        ".mov",
        (*bars(), *SOUND, *GRAY, *X264, "-c:a", "pcm_s24le", "-ac", "6"),
        ("where the channels of stream 1 (audio, pcm_s24le) belong (5.1)",),
    ),
    "8-bit sound in AVI": Awkward(".avi", (*bars(), *SOUND, *GRAY, "-c:v", "mpeg4", "-c:a", "pcm_u8")),
    "two programs": Awkward(
        ".ts",
        (
            *(*bars(), *SOUND, *bars(), *SOUND, "-map", "0", "-map", "1", "-map", "2", "-map", "3", *GRAY),
            *("-c:v", "mpeg2video", "-c:a", "mp2", "-program", "program_num=1:st=0:st=1"),
            *("-program", "program_num=2:st=2:st=3"),
        ),
    ),
    "two pictures": Awkward(".mkv", (*bars(), *bars(), "-map", "0", "-map", "1", *GRAY, *X264, "-bf", "2")),
    "time code, drop frame": Awkward(".mov", (*bars(rate="30000/1001"), *GRAY, *X264, "-timecode", "10:00:00;02")),
    "MXF with time code": Awkward(
        ".mxf", (*PAL, *GRAY, "-c:v", "mpeg2video", "-timecode", "01:02:03:04"), (GOP_CODES,)
    ),
    "aspect of the container alone": Awkward(".mkv", (*bars(), *GRAY, *X264, "-aspect", "16:9")),
    "aspect of AVI": Awkward(".avi", (*bars(), *GRAY, "-c:v", "mpeg4", "-aspect", "16:9")),
    "fragments": Awkward(
        ".mp4", (*bars(), *SOUND, *GRAY, *X264, "-movflags", "frag_keyframe+empty_moov+default_base_moof")
    ),
    "recorded live": Awkward(".mkv", (*bars(), *SOUND, *GRAY, *X264, "-live", "1")),
    "Windows Media": Awkward(
        ".wmv", (*bars(), *SOUND, *GRAY, "-c:v", "wmv2", "-c:a", "wmav2", "-metadata", "WM/Year=1931")
    ),
    "Flash": Awkward(".flv", (*bars(), *SOUND, *GRAY, "-c:v", "flv", "-c:a", "mp3", "-ar", "44100")),
    "Theora": Awkward(".ogv", (*bars(), *SOUND, *GRAY, "-c:v", "libtheora", "-metadata", "artist=B")),
    "pulldown": Awkward(
        ".ts",
        (
            *bars(rate="24000/1001"),
            *GRAY,
            "-c:v",
            "libx264",
            "-pix_fmt",
            "yuv420p",
            "-x264-params",
            "pic-struct=1:pulldown=32",
        ),
    ),
    "Dirac, whose decoder's threads write over one another": Awkward(
        ".mkv", (*bars(), "-vf", "hue=s=0", "-c:v", "vc2", "-pix_fmt", "yuv422p10le", "-strict", "-2")
    ),
    "HLG": Awkward(
        ".mp4",
        (
            *(*bars(), "-vf", "hue=s=0,format=yuv420p10le", "-c:v", "libx265"),
            *("-x265-params", "log-level=error:colorprim=bt2020:transfer=arib-std-b67:colormatrix=bt2020nc"),
        ),
    ),
    "full range in QuickTime": Awkward(".mov", (*bars(), "-vf", "hue=s=0", "-c:v", "mjpeg", "-pix_fmt", "yuvj420p")),
    "stereoscopic": Awkward(
        ".mp4",
        (*bars(), *GRAY, *X264, "-x264-params", "frame-packing=3"),
        ("the arrangement of a stereoscopic film",),
    ),
    **{
        f"tags of {matrix}": Awkward(
            ".mkv", (*bars(), *GRAY, "-c:v", "libx264", "-pix_fmt", "yuv444p", "-colorspace", matrix)
        )
        for matrix in ("bt470bg", "smpte240m", "fcc", "bt709", "bt2020_cl")
    },
    **{
        f"raw {form}": Awkward(".nut", (*bars(), "-vf", f"hue=s=0,format={form}", "-c:v", "rawvideo"))
        for form in ("yuv440p", "yuv410p", "gray10le", "gray12le", "monob", "pal8", "nv12", "yuyv422", "gbrp")
    },
}


@pytest.mark.parametrize("name", FILMS)
def test_what_ffprobe_sees_of_an_awkward_film_it_sees_of_its_master(tmp_path: Path, name: str) -> None:
    film = FILMS[name]
    source, target = tmp_path / f"a{film.suffix}", tmp_path / "b.mkv"
    ffmpeg(*film.make, source)
    record = color(source, target, EncodeSettings(Purpose.MASTER))
    assert record.whole.lost == film.lost
    assert record.warnings == ()
    before, after = video_frames(source), video_frames(target)
    assert times(after) == pytest.approx(times(before), abs=1.5e-3)
    assert fields(after) == fields(before)
    assert streams(target) == streams(source)
    assert tags(source).items() <= tags(target).items()
    assert compare_films(source, target, named=film.lost).verdict is Verdict.PROVED


def times(frames: list[dict[str, Any]]) -> list[float]:
    """When each is shown, from the first on."""
    found = [float(f.get("best_effort_timestamp_time") or f["pts_time"]) for f in frames]
    return [time - found[0] for time in found]


def fields(frames: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    """Of each frame; of a progressive one which field comes first means nothing."""
    found = [(f["interlaced_frame"], f["top_field_first"]) for f in frames]
    return [(one, first if one else None) for one, first in found]


def streams(path: Path) -> list[tuple[Any, ...]]:
    """But for tracks that hold a time code, which becomes a tag."""
    found = []
    for stream in probe(path, "streams")["streams"]:
        if stream["codec_type"] == "data" and "timecode" in stream.get("tags", {}):
            continue
        sides = [d.get("rotation") for d in stream.get("side_data_list", []) if "rotation" in d]
        video = stream["codec_type"] == "video"
        aspect = stream.get("sample_aspect_ratio", "1:1").replace("0:1", "1:1")
        of_kind = (float(Fraction(aspect.replace(":", "/"))), sides) if video else (stream["codec_name"],)
        told = stream.get("tags", {})
        meant = tuple(k for k, v in stream["disposition"].items() if v and k != "default")
        found.append((stream["codec_type"], *of_kind, told.get("language", "und"), told.get("title"), meant))
    return found


def tags(path: Path) -> dict[str, str]:
    """Of the file, without those that say how it was written."""
    written = {"encoder", "major_brand", "minor_version", "compatible_brands", "duration"}
    found = probe(path, "format")["format"].get("tags", {})
    return {k.lower(): v for k, v in found.items() if k.lower() not in written and not _of_mxf(k)}


def _of_mxf(key: str) -> bool:
    return key.endswith(("_umid", "_uid", "_ul")) or key.startswith(("toolkit", "company", "product", "operational"))


def test_the_crop_of_mp4_goes_into_matroska_and_is_named_elsewhere(tmp_path: Path) -> None:
    plain, source = tmp_path / "plain.mp4", tmp_path / "a.mp4"
    ffmpeg(*bars(), *GRAY, *X264, plain)
    clap = struct.pack(">I4s8i", 40, b"clap", 112, 1, 84, 1, 2, 1, -1, 1)
    source.write_bytes(inserted(plain.read_bytes(), clap))
    assert crop_of(source) == Crop(top=5, bottom=7, left=10, right=6)
    record = color(source, tmp_path / "b.mkv", EncodeSettings(Purpose.MASTER))
    assert record.whole.lost == ()
    elements = b"".join(bytes.fromhex(h) for h in ("54bb84 00000005 54aa84 00000007 54cc84 0000000a 54dd84 00000006",))
    assert elements in (tmp_path / "b.mkv").read_bytes()
    again = color(tmp_path / "b.mkv", tmp_path / "c.mkv", EncodeSettings(Purpose.MASTER))
    assert again.whole.lost == ()
    assert crop_of(tmp_path / "c.mkv") == crop_of(source)
    named = color(source, tmp_path / "b.mp4", EncodeSettings(Purpose.SHARE)).whole.lost
    assert named == ("the crop of the picture (5 rows above, 7 below, 10 columns left, 6 right)",)


def inserted(data: bytes, box: bytes) -> bytes:
    """An MP4, its index last, with a box more at the end of the picture's sample entry."""
    offset, end, at = 0, len(data), []
    for name, header in (
        (b"moov", 8),
        (b"trak", 8),
        (b"mdia", 8),
        (b"minf", 8),
        (b"stbl", 8),
        (b"stsd", 16),
        (b"avc1", 86),
    ):
        while data[offset + 4 : offset + 8] != name:
            offset += int.from_bytes(data[offset : offset + 4], "big")
        at.append(offset)
        end = offset + int.from_bytes(data[offset : offset + 4], "big")
        offset += header
    found = bytearray(data[:end] + box + data[end:])
    for place in at:
        found[place : place + 4] = (int.from_bytes(found[place : place + 4], "big") + len(box)).to_bytes(4, "big")
    return bytes(found)


def test_covers_and_documents_stay_what_they_are(tmp_path: Path) -> None:
    for name in ("one.jpg", "two.png"):
        Image.effect_noise((60, 40), 40).save(tmp_path / name)
    (tmp_path / "note.txt").write_text("a note")
    source = tmp_path / "a.mkv"
    attached = [
        part
        for i, (name, kind) in enumerate(
            (("one.jpg", "image/jpeg"), ("two.png", "image/png"), ("note.txt", "text/plain"))
        )
        for part in ("-attach", tmp_path / name, f"-metadata:s:t:{i}", f"mimetype={kind}")
    ]
    ffmpeg("-i", FilmSource(moving(4)).write(tmp_path / "p.mkv"), "-c", "copy", *attached, source)
    assert color(source, tmp_path / "b.mkv", EncodeSettings(Purpose.MASTER)).whole.lost == ()
    names = [
        [s.get("tags", {}).get("filename") for s in probe(path, "streams")["streams"]][1:]
        for path in (source, tmp_path / "b.mkv")
    ]
    assert sorted(names[0]) == sorted(names[1]) == ["note.txt", "one.jpg", "two.png"]


def test_chapters_of_mp4_and_their_text_track_become_chapters(tmp_path: Path) -> None:
    source = FilmSource(moving(12), "libx264", chapters=True).write(tmp_path / "a.mp4")
    assert [s["codec_type"] for s in probe(source, "streams")["streams"]] == ["video", "data"]
    record = color(source, tmp_path / "b.mkv", EncodeSettings(Purpose.MASTER))
    assert record.whole.lost == ()
    assert [c["tags"]["title"] for c in probe(tmp_path / "b.mkv", "chapters")["chapters"]] == ["One", "2"]


def test_a_film_that_begins_in_the_middle_is_not_called_damaged(tmp_path: Path) -> None:
    ffmpeg(*bars(2), *GRAY, "-c:v", "mpeg2video", "-bf", "2", "-g", "12", tmp_path / "whole.ts")
    data = (tmp_path / "whole.ts").read_bytes()
    (tmp_path / "a.ts").write_bytes(data[len(data) // 188 * 4 // 9 * 188 :])
    assert color(tmp_path / "a.ts", tmp_path / "b.mkv", EncodeSettings(Purpose.MASTER)).warnings == ()


def test_a_slice_that_is_missing_is_told_and_not_held_against_the_result(tmp_path: Path) -> None:
    source = FilmSource(moving(8), "mpeg2video", options={"g": "4", "bf": "0"}).write(tmp_path / "a.vob")
    with av.open(str(source)) as container:
        packet = [bytes(p) for p in container.demux(video=0) if p.size][1]
    at = packet.index(b"\0\0\1\3")  # the third row of macroblocks
    data = source.read_bytes()
    source.write_bytes(data.replace(packet[at : at + 24], b"\0\0\1\xb2" + packet[at + 4 : at + 24]))
    record = color(source, tmp_path / "b.mkv", EncodeSettings(Purpose.MASTER))
    assert "a damaged frame" in [w.text for w in record.warnings]
    found = compare_films(source, tmp_path / "b.mkv")
    assert found.verdict is Verdict.NOT_PROVABLE
    assert "frames of the source are damaged" in (found.reason or "")


def test_frames_that_matroska_cannot_tell_apart_are_refused_and_the_advice_works(tmp_path: Path) -> None:
    film = tmp_path / "film.mov"
    ffmpeg(*bars(rate="2500", seconds=0.008), *GRAY, *X264, "-video_track_timescale", "2500", str(film))
    with pytest.raises(OutputError, match=r"film\.mov: has frames so close .* end the result's name in \.mov"):
        color(film, tmp_path / "out.mkv")
    assert not (tmp_path / "out.mkv").exists()
    color(film, tmp_path / "out.mov")
    assert compare_films(film, tmp_path / "out.mov").verdict is not Verdict.WRONG
