"""What passes for a film in a folder of mixed files."""

from __future__ import annotations

from pathlib import Path

import pytest

from archivecolor.chroma.scan import scan
from archivecolor.errors import InputError
from archivecolor.film.sniff import is_a_film, looks_like_a_film, names_a_film, result_name
from archivecolor.settings import EncodeSettings, FilmCodec, Purpose
from tests.film.ffprobe import ffmpeg
from tests.film.sources import FilmSource, moving
from tests.needs import needs_ffmpeg


def test_names_are_told_by_their_suffix_in_any_case() -> None:
    for name in ("a.mp4", "a.MOV", "box 1/reel.7.mkv", "x.Ts"):
        assert names_a_film(name)
    for name in ("a.png", "mp4", "a.mp4.txt", "a.mp", "", "notes.tsx"):
        assert not names_a_film(name)


@pytest.mark.parametrize("suffix", [".ts", ".m2ts"])
def test_transport_streams_are_told_from_other_files_of_that_name(suffix: str, tmp_path: Path) -> None:
    options = {"mpegts_m2ts_mode": "1"} if suffix == ".m2ts" else {}
    film = FilmSource(moving(6), encoder="mpeg2video", muxer="mpegts", options=options).write(tmp_path / f"a{suffix}")
    assert looks_like_a_film(film)
    (tmp_path / f"b{suffix}").write_text("export const GRAY = 1;\n" * 40)
    assert not looks_like_a_film(tmp_path / f"b{suffix}")


def test_camcorders_put_a_time_before_each_packet(tmp_path: Path) -> None:
    plain = FilmSource(moving(6), encoder="mpeg2video", muxer="mpegts").write(tmp_path / "plain.ts").read_bytes()
    packets = [plain[i : i + 188] for i in range(0, len(plain), 188)]
    (tmp_path / "a.mts").write_bytes(b"".join(b"\0\0\0\0" + packet for packet in packets))
    assert looks_like_a_film(tmp_path / "a.mts")


def test_other_names_are_believed_and_empty_or_missing_files_are_told(tmp_path: Path) -> None:
    (tmp_path / "a.mov").write_text("Box 7, reel 12")
    assert looks_like_a_film(tmp_path / "a.mov")  # decoding will tell
    (tmp_path / "b.mov").touch()
    with pytest.raises(InputError, match="is empty"):
        looks_like_a_film(tmp_path / "b.mov")
    with pytest.raises(InputError, match="cannot be read"):
        looks_like_a_film(tmp_path / "c.mov")


@needs_ffmpeg
@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("MOV001.MOD", ["-c:v", "mpeg2video", "-f", "vob"]),
        ("VR_MOVIE.VRO", ["-c:v", "mpeg2video", "-f", "vob"]),
        ("AVSEQ01.DAT", ["-c:v", "mpeg1video", "-f", "vcd"]),
        ("clip.m2p", ["-c:v", "mpeg2video", "-f", "vob"]),
        ("clip.mpe", ["-c:v", "mpeg1video", "-f", "mpeg"]),
        ("phone.3g2", ["-c:v", "mpeg4", "-f", "3g2"]),
        ("raw.mjpeg", ["-c:v", "mjpeg", "-f", "mjpeg"]),
        ("a.nut", ["-c:v", "ffv1"]),
        ("a.h264", ["-c:v", "libx264", "-bf", "2"]),
        ("a.dv", ["-s", "720x576", "-c:v", "dvvideo", "-pix_fmt", "yuv420p"]),
    ],
)
def test_films_of_old_cameras_and_disks_are_films(tmp_path: Path, name: str, options: list[str]) -> None:
    path = tmp_path / name
    ffmpeg("-i", FilmSource(moving(12)).write(tmp_path / "plain.mkv"), "-r", "25", *options, path)
    assert names_a_film(name)
    assert looks_like_a_film(path)
    assert result_name(name, EncodeSettings()) == f"{path.stem}.mkv"
    film = scan(path).film
    assert (len(film.times), film.warnings) == (12, ())


@pytest.mark.parametrize("name", ["a.dat", "a.mod", "a.ts", "a.rec"])
@pytest.mark.parametrize("content", [b"\0\1\2\3" * 300, b"name;place\nHafen;Basel\n" * 60, b"M.K. tracker" * 100])
def test_other_things_of_these_names_are_none(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    assert names_a_film(name)
    assert not looks_like_a_film(tmp_path / name)


def test_a_film_without_a_suffix_is_known_by_its_content(tmp_path: Path) -> None:
    for muxer, encoder in (("mp4", "libx264"), ("matroska", "ffv1"), ("avi", "mpeg4"), ("mpegts", "mpeg2video")):
        assert is_a_film(FilmSource(moving(3), encoder, muxer=muxer).write(tmp_path / f"box {muxer}"))
    (tmp_path / "notes").write_text("ftyp")
    assert not is_a_film(tmp_path / "notes")


def test_a_list_of_other_files_is_no_film(tmp_path: Path) -> None:
    FilmSource(moving(3)).write(tmp_path / "a.mkv")
    (tmp_path / "x.mp4").write_text("ffconcat version 1.0\nfile a.mkv\n")
    (tmp_path / "y.mp4").write_text(f"#EXTM3U\n#EXTINF:1,\n{tmp_path}/a.mkv\n#EXT-X-ENDLIST\n")
    for name in ("x.mp4", "y.mp4"):
        with pytest.raises(InputError, match="is no film"):
            scan(tmp_path / name)


@pytest.mark.parametrize(
    ("name", "settings", "result"),
    [
        ("a.mp4", EncodeSettings(), "a.mp4"),
        ("a.MKV", EncodeSettings(), "a.MKV"),
        ("a.avi", EncodeSettings(), "a.mkv"),
        ("reel.7.mpg", EncodeSettings(), "reel.7.mkv"),
        ("a.mp4", EncodeSettings(Purpose.MASTER), "a.mkv"),
        ("a.mp4", EncodeSettings(Purpose.EDIT), "a.mkv"),
        ("a.mov", EncodeSettings(Purpose.EDIT), "a.mov"),
        ("a.mov", EncodeSettings(codec=FilmCodec.VP9), "a.mkv"),
    ],
)
def test_results_keep_the_container_where_it_can_hold_the_codec(
    name: str, settings: EncodeSettings, result: str
) -> None:
    assert result_name(name, settings) == result
