from __future__ import annotations

import subprocess
from pathlib import Path

import av
import numpy as np
import pytest

from archivecolor.chroma.scan import scan
from archivecolor.film.reading import frames
from archivecolor.settings import EncodeSettings, Purpose
from tests.film.sources import FilmSource, decode, moving
from tests.needs import FFMPEG, needs_ffmpeg
from tests.runs.film.making import color

KINDS = {
    "dv.dv": ["-s", "720x576", "-r", "25", "-c:v", "dvvideo", "-pix_fmt", "yuv420p"],
    "mjpeg.avi": ["-c:v", "mjpeg", "-pix_fmt", "yuvj420p"],
    "mpeg2.ts": ["-c:v", "mpeg2video", "-bf", "2", "-g", "6"],
    "mpeg2.mpg": ["-c:v", "mpeg2video", "-bf", "2", "-g", "6"],
    "h264.ts": ["-c:v", "libx264", "-bf", "2", "-g", "6"],
    "open_gop.mkv": ["-c:v", "libx264", "-x264-params", "open-gop=1:keyint=8:bframes=3"],
    "prores.mov": ["-c:v", "prores_ks"],
    "animation.gif": [],
    "packed.avi": ["-c:v", "rawvideo", "-pix_fmt", "yuyv422"],
    "rgb.mkv": ["-c:v", "ffv1", "-pix_fmt", "bgr0"],
    "gray.mkv": ["-c:v", "libx264", "-pix_fmt", "gray"],
    "gray10.mkv": ["-c:v", "libx264", "-pix_fmt", "gray10le"],
    "gray.mp4": ["-c:v", "libx265", "-pix_fmt", "gray", "-x265-params", "log-level=error"],
    "mpeg4.avi": ["-c:v", "mpeg4", "-bf", "2"],
    "vp9.webm": ["-c:v", "libvpx-vp9"],
}


@needs_ffmpeg
@pytest.mark.parametrize("name", KINDS)
def test_films_of_all_kinds_keep_their_frames(tmp_path: Path, name: str) -> None:
    plain = FilmSource(moving(20)).write(tmp_path / "plain.mkv")
    source = tmp_path / name
    command = [FFMPEG or "", "-v", "error", "-i", str(plain), *KINDS[name], str(source)]
    subprocess.run(command, check=True)
    color(source, tmp_path / "b.mkv", EncodeSettings(Purpose.MASTER), longest_s=0.3)
    command = [FFMPEG or "", "-v", "error", "-i", str(source), "-vsync", "0", "-f", "framecrc", "-"]
    count = sum(not line.startswith("#") for line in subprocess.check_output(command, text=True).splitlines())
    after = decode(tmp_path / "b.mkv")
    assert len(after.times) == count
    with av.open(str(tmp_path / "b.mkv")) as made:
        rgb = next(made.decode(video=0)).to_ndarray(format="rgb24")
    assert np.ptp(rgb[..., 2].astype(int) - rgb[..., 1]) > 5, "is gray"


@pytest.mark.parametrize("options", [{"g": "7", "bf": "3"}, {"g": "250"}, {"x264-params": "open-gop=1:keyint=8"}])
def test_any_part_of_a_film_is_decoded_to_the_same_frames(tmp_path: Path, options: dict[str, str]) -> None:
    source = FilmSource(moving(40), "libx264", options=options).write(tmp_path / "a.mkv")
    film = scan(source).film
    whole = [f.to_ndarray().tobytes() for _, f in frames(source, film, 0, 40)]
    assert len(whole) == 40
    for first, last in ((0, 5), (7, 8), (13, 30), (39, 40), (24, 40)):
        part = list(frames(source, film, first, last))
        assert [i for i, _ in part] == list(range(first, last))
        assert [f.to_ndarray().tobytes() for _, f in part] == whole[first:last]
