"""What passes for a film in a folder of mixed files."""

from __future__ import annotations

from pathlib import Path

import pytest

from archivecolor.errors import InputError
from archivecolor.film.sniff import looks_like_a_film, names_a_film, result_name
from archivecolor.settings import EncodeSettings, FilmCodec, Purpose
from tests.film.sources import FilmSource, moving


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
