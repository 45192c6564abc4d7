"""Checks of colored films, right ones and wrong ones."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest

from archivecolor.film.checking import LEAST_PSNR_DB, check_film
from archivecolor.film.survey import survey
from archivecolor.runs.luma_check import Verdict, compare_films
from archivecolor.settings import EncodeSettings, FilmCodec, Purpose
from tests.film.ffprobe import ffmpeg
from tests.film.sources import FilmSource, moving
from tests.needs import needs_ffmpeg
from tests.runs.film.making import color

FILM = FilmSource(moving(10), "libx264", options={"preset": "ultrafast"}, audio=1)


def test_a_lossless_result_is_proved(tmp_path: Path) -> None:
    source = FILM.write(tmp_path / "a.mkv")
    color(source, tmp_path / "b.mkv", EncodeSettings(Purpose.MASTER))
    check = check_film(source, tmp_path / "b.mkv")
    assert (check.frames, check.proved, check.reason, check.unproved) == (10, True, None, None)


def test_luma_that_was_widened_is_proved(tmp_path: Path) -> None:
    options = {"qp": "0", "bf": "0", "g": "6", "preset": "ultrafast"}
    one = FilmSource(moving(6), "libx264", options=options, muxer="mpegts").write(tmp_path / "1.ts")
    deep = FilmSource(moving(6), "libx264", "yuv420p10le", options=options, muxer="mpegts", times=range(6, 12))
    (tmp_path / "a.ts").write_bytes(one.read_bytes() + deep.write(tmp_path / "2.ts").read_bytes())
    color(tmp_path / "a.ts", tmp_path / "b.mkv", EncodeSettings(Purpose.MASTER))
    assert check_film(tmp_path / "a.ts", tmp_path / "b.mkv").proved


@pytest.mark.parametrize("codec", [FilmCodec.H264, FilmCodec.H265, FilmCodec.VP9])
@pytest.mark.parametrize("crf", [18, 51])
def test_a_lossy_result_is_right_and_not_proved(tmp_path: Path, codec: FilmCodec, crf: int) -> None:
    source = FILM.write(tmp_path / "a.mp4")
    color(source, tmp_path / "b.mp4", EncodeSettings(codec=codec, crf=crf))
    check = check_film(source, tmp_path / "b.mp4")
    assert check.reason is None
    assert not check.proved
    assert "is lossy" in (check.unproved or "")
    assert (check.psnr_db or 0) > LEAST_PSNR_DB


def test_odd_sizes_and_pictures_beside_each_other_are_right(tmp_path: Path) -> None:
    source = replace(FILM, lumas=moving(3, 65, 97), pixel_format="yuv444p").write(tmp_path / "a.mkv")
    for name, encode in (("b", EncodeSettings(Purpose.SHARE)), ("c", EncodeSettings(Purpose.SHARE, side_by_side=True))):
        color(source, tmp_path / f"{name}.mp4", encode)
        assert check_film(source, tmp_path / f"{name}.mp4").reason is None


NOISE = [np.random.default_rng(i).integers(16, 235, (96, 128), np.uint8) for i in range(10)]
WRONG: dict[str, tuple[FilmSource, str]] = {
    "another film": (replace(FILM, lumas=moving(10, seed=7)), "another picture than its source's"),
    "one frame less": (replace(FILM, lumas=moving(9)), "fewer frames than its source"),
    "noise": (replace(FILM, lumas=NOISE), "another picture than its source's"),
    "other times": (replace(FILM, times=[*range(9), 12]), "is shown"),
    "another size": (replace(FILM, lumas=moving(10, 64, 96)), "is 96 x 64, its source 128 x 96"),
}


@pytest.mark.parametrize("what", WRONG)
def test_wrong_results_are_found(tmp_path: Path, what: str) -> None:
    source = FILM.write(tmp_path / "a.mkv")
    film, reason = WRONG[what]
    film.write(tmp_path / "b.mkv")
    assert reason in (check_film(source, tmp_path / "b.mkv").reason or "")


def test_a_sample_that_differs_in_a_lossless_result_is_found(tmp_path: Path) -> None:
    lumas = moving(4)
    source = FilmSource(lumas).write(tmp_path / "a.mkv")
    lumas[2][5, 7] += 1
    FilmSource(lumas).write(tmp_path / "b.mkv")
    assert "frame 3: its luma differs in 0.008% of its pixels, by up to 1" in (
        check_film(source, tmp_path / "b.mkv").reason or ""
    )


@needs_ffmpeg
def test_sound_that_was_coded_again_is_found(tmp_path: Path) -> None:
    source = FILM.write(tmp_path / "a.mkv")
    ffmpeg("-i", source, "-c:v", "copy", "-c:a", "ac3", tmp_path / "b.mkv")
    found = compare_films(source, tmp_path / "b.mkv")
    assert found.verdict is Verdict.WRONG
    assert "bytes of stream 1" in (found.reason or "")
    named = check_film(source, tmp_path / "b.mkv").lost
    assert compare_films(source, tmp_path / "b.mkv", named=named).verdict is Verdict.NOT_PROVABLE


def flipped(folder: Path) -> tuple[Path, list[int]]:
    """FFV1 of which one bit of frame 3 is another, and the frames that are made from it."""
    source = FilmSource(moving(8), "ffv1", options={"g": "4", "slices": "4", "slicecrc": "1"}).write(folder / "a.mkv")
    with av.open(str(source)) as container:
        packet = [bytes(p) for p in container.demux(video=0) if p.size][2]
    data = source.read_bytes()
    at = data.index(packet) + len(packet) - 100
    source.write_bytes(data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :])
    return source, [2, 3]


def test_the_check_sums_of_ffv1_are_told_and_its_damaged_frames_are_not_held_against_a_result(tmp_path: Path) -> None:
    source, bad = flipped(tmp_path)
    color(source, tmp_path / "b.mkv", EncodeSettings(Purpose.MASTER))
    film = survey(source, lambda *_: None)
    assert [(w.time_s, w.text) for w in film.warnings] == [(0.08, "a damaged frame")]
    check = check_film(source, tmp_path / "b.mkv")
    assert (check.reason, check.proved) == (None, False)
    assert (check.unproved or "").startswith(f"{len(bad)} frames of the source are damaged")


@pytest.mark.parametrize("options", [{"slicecrc": "0", "level": "3"}, {"level": "1"}])
def test_ffv1_without_check_sums_is_not_called_damaged(tmp_path: Path, options: dict[str, str]) -> None:
    source = FilmSource(moving(5), "ffv1", options=options).write(tmp_path / "a.mkv")
    assert survey(source, lambda *_: None).warnings == ()
