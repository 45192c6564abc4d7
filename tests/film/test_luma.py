from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from archivecolor.settings import ColorSettings, EncodeSettings, FilmCodec, Purpose
from tests.film.sources import FilmSource, decode, moving
from tests.runs.film.making import color

MASTER = EncodeSettings(Purpose.MASTER)


@pytest.mark.parametrize(
    "pixel_format",
    [
        "gray",
        "gray10le",
        "gray12le",
        "gray16le",
        "yuv420p",
        "yuv422p",
        "yuv444p",
        "yuv420p10le",
        "yuv422p12le",
        "yuva420p",
    ],
)
def test_a_master_holds_the_luma_of_its_source_bit_for_bit(tmp_path: Path, pixel_format: str) -> None:
    source = FilmSource(moving(6), pixel_format=pixel_format).write(tmp_path / "a.mkv")
    color(source, tmp_path / "b.mkv", MASTER)
    before, after = decode(source), decode(tmp_path / "b.mkv")
    assert [x.tobytes() for x in after.lumas] == [x.tobytes() for x in before.lumas]
    assert after.times == before.times
    assert np.ptp(after.cb[0]) > 5


@pytest.mark.parametrize(("height", "width"), [(95, 127), (96, 127), (97, 128), (16, 300), (300, 16)])
def test_a_master_may_have_any_size(tmp_path: Path, height: int, width: int) -> None:
    source = FilmSource(moving(3, height, width)).write(tmp_path / "a.mkv")
    color(source, tmp_path / "b.mkv", MASTER)
    before, after = decode(source), decode(tmp_path / "b.mkv")
    assert [x.tobytes() for x in after.lumas] == [x.tobytes() for x in before.lumas]


@pytest.mark.parametrize("codec", [FilmCodec.H264, FilmCodec.H265, FilmCodec.VP9, FilmCodec.FFV1, FilmCodec.PRORES])
def test_odd_sizes_come_out_in_every_codec_that_can_hold_them(tmp_path: Path, codec: FilmCodec) -> None:
    source = FilmSource(moving(3, 65, 97)).write(tmp_path / "a.mkv")
    color(source, tmp_path / "b.mkv", EncodeSettings(codec=codec))
    after = decode(tmp_path / "b.mkv")
    added = codec is FilmCodec.H264  # a row and a column, to play everywhere
    assert {x.shape for x in after.lumas} == {(65 + added, 97 + added)}
    black = after.lumas[0][:65, :97].astype(float) / (1 << (0 if after.lumas[0].dtype == np.uint8 else 2))
    assert abs(black - decode(source).lumas[0]).mean() < 6


@pytest.mark.parametrize(
    ("codec", "full"),
    [(FilmCodec.H264, True), (FilmCodec.H265, True), (FilmCodec.AV1, True), (FilmCodec.VP9, True),
     (FilmCodec.FFV1, True), (FilmCodec.PRORES, True), (FilmCodec.AV1, False), (FilmCodec.PRORES, False)],
)  # fmt: skip
def test_every_codec_shows_the_same_brightness_from_full_and_limited_range(
    tmp_path: Path, codec: FilmCodec, full: bool
) -> None:
    source = FilmSource(moving(3, 64, 96), color_range=2 if full else 1).write(tmp_path / "a.mkv")
    color(source, tmp_path / "b.mkv", EncodeSettings(codec=codec))
    assert np.abs(shown(tmp_path / "b.mkv").astype(int) - shown(source)).mean() < 5


def shown(path: Path) -> np.ndarray:
    """8-bit gray of the first frame as a player shows it."""
    import av

    with av.open(str(path)) as container:
        frame = next(container.decode(video=0))
        return frame.to_ndarray(format="gray", src_color_range=frame.color_range)


def test_strength_zero_gives_a_gray_film(tmp_path: Path) -> None:
    source = FilmSource(moving(3)).write(tmp_path / "a.mkv")
    color(source, tmp_path / "b.mkv", MASTER, color=ColorSettings(strength=0))
    after = decode(tmp_path / "b.mkv")
    assert all((plane == 128).all() for plane in [*after.cb, *after.cr])
