"""Opacity goes along as it is where the codec has a plane for it, and is named where it has none. PyAV reads it."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import cast

import av
import numpy as np
import numpy.typing as npt
import pytest
from av.video.stream import VideoStream

from archivecolor.film.alpha import alpha_plane
from archivecolor.film.checking import check_film
from archivecolor.film.scaler import reformatted
from archivecolor.settings import EncodeSettings, FilmCodec, Purpose
from tests.film.ffprobe import ffmpeg, picture
from tests.film.sources import moving, samples
from tests.needs import needs_ffmpeg
from tests.runs.film.making import color

HOW = {
    "yuva420p": ("ffv1", 8, ".mkv"),
    "yuva422p10le": ("ffv1", 10, ".mkv"),
    "yuva444p16le": ("ffv1", 16, ".mkv"),
    "yuva444p10le": ("prores_ks", 10, ".mov"),
}


def opaque(folder: Path, pixel_format: str, count: int = 4) -> tuple[Path, list[npt.NDArray[np.uint16]]]:
    """A film whose opacity runs from nothing to all of it, and that opacity."""
    encoder, depth, suffix = HOW[pixel_format]
    path, planes = folder / f"a{suffix}", []
    top = (1 << depth) - 1
    with av.open(str(path), "w") as container:
        options = {"profile": "4444"} if encoder == "prores_ks" else {}
        stream = cast(VideoStream, container.add_stream(encoder, rate=25, options=options))
        stream.width, stream.height, stream.pix_fmt = 128, 96, pixel_format
        if encoder == "prores_ks":
            stream.codec_context.codec_tag = "ap4h"
        for number, luma in enumerate(moving(count)):
            frame = av.VideoFrame(128, 96, pixel_format)
            alpha = np.linspace(0, top, 96 * 128).astype(np.uint16).reshape(96, 128)
            planes.append(np.roll(alpha, number, 1))
            for plane, values in zip(
                frame.planes, (luma.astype(np.uint16) << (depth - 8), 0, 0, planes[-1]), strict=True
            ):
                samples(plane, depth)[...] = values if isinstance(values, np.ndarray) else 1 << (depth - 1)
            frame.pts, frame.time_base = number, Fraction(1, 25)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path, planes


def opacity(path: Path) -> list[npt.NDArray[np.uint16]]:
    """As PyAV gives it."""
    with av.open(str(path)) as container:
        depth = container.streams.video[0].format.components[-1].bits
        frames = list(container.decode(video=0))
        return [samples(frame.planes[3], depth).astype(np.uint16) for frame in frames]


@pytest.mark.parametrize("pixel_format", ["yuva420p", "yuva422p10le", "yuva444p16le"])
def test_a_master_has_the_opacity_of_its_source(tmp_path: Path, pixel_format: str) -> None:
    source, planes = opaque(tmp_path, pixel_format)
    record = color(source, tmp_path / "b.mkv", EncodeSettings(Purpose.MASTER))
    assert record.whole.lost == record.encoding.notes == ()
    assert picture(tmp_path / "b.mkv")["pix_fmt"] == pixel_format
    assert all(np.array_equal(a, b) for a, b in zip(planes, opacity(tmp_path / "b.mkv"), strict=True))
    assert check_film(source, tmp_path / "b.mkv").proved


@pytest.mark.parametrize("suffix", [".mov", ".mkv"])
def test_prores_keeps_opacity_and_says_what_it_is(tmp_path: Path, suffix: str) -> None:
    source, planes = opaque(tmp_path, "yuva444p10le")
    record = color(source, tmp_path / f"b{suffix}", EncodeSettings(Purpose.EDIT))
    assert record.whole.lost == ()
    shown = picture(tmp_path / f"b{suffix}")
    assert shown["codec_tag_string"] in ("ap4h", "[0][0][0][0]")
    assert shown["profile"] == "4444"
    after = opacity(tmp_path / f"b{suffix}")  # decoded as 12 bit
    assert all(np.array_equal(a, b >> 2) for a, b in zip(planes, after, strict=True))


def test_opacity_of_a_result_that_is_not_the_sources_is_found(tmp_path: Path) -> None:
    source, _ = opaque(tmp_path, "yuva420p")
    (tmp_path / "other").mkdir()
    other, _ = opaque(tmp_path / "other", "yuva420p", 5)
    ffmpeg("-i", other, "-vf", "trim=start_frame=1,setpts=N/25/TB,format=yuva420p", "-c:v", "ffv1", tmp_path / "c.mkv")
    ffmpeg(
        *("-i", source, "-i", tmp_path / "c.mkv", "-filter_complex", "[1]alphaextract[a];[0][a]alphamerge"),
        *("-c:v", "ffv1", tmp_path / "b.mkv"),
    )
    assert check_film(source, tmp_path / "b.mkv").reason == "frame 1: its alpha channel is not its source's"


def test_opacity_that_a_codec_has_no_place_for_is_named_before_and_after(tmp_path: Path) -> None:
    source, _ = opaque(tmp_path, "yuva420p")
    record = color(source, tmp_path / "b.mp4", EncodeSettings(codec=FilmCodec.H264))
    assert record.whole.lost == ("the alpha channel",)
    assert any("h264 has no alpha channel" in note for note in record.encoding.notes)


@needs_ffmpeg
def test_opacity_in_blocks_of_webm_is_named(tmp_path: Path) -> None:
    source, _ = opaque(tmp_path, "yuva420p")
    ffmpeg("-i", source, "-c:v", "libvpx-vp9", "-pix_fmt", "yuva420p", "-cpu-used", "8", tmp_path / "c.webm")
    record = color(tmp_path / "c.webm", tmp_path / "b.mkv", EncodeSettings(Purpose.MASTER))
    assert record.whole.lost == ("what Matroska adds to the blocks of the picture (alpha, HDR10+)",)
    assert "ALPHA_MODE" not in {key.upper() for key in picture(tmp_path / "b.mkv").get("tags", {})}


PACKED = ["rgba", "bgra", "argb", "abgr", "ya8", "ya16le", "ya16be", "rgba64le", "rgba64be", "gbrap", "gbrap12le"]


@pytest.mark.parametrize("pixel_format", [*PACKED, "yuva444p10be", "yuva420p9le", "ayuv64le"])
def test_opacity_is_found_wherever_a_format_has_it(pixel_format: str, rng: np.random.Generator) -> None:
    depth = av.VideoFormat(pixel_format).components[-1].bits
    wide = rng.integers(0, 1 << 16, (24, 70, 4)).astype(np.uint16)
    frame = reformatted(av.VideoFrame.from_ndarray(wide, format="rgba64le"), pixel_format=pixel_format)
    found = alpha_plane(frame).astype(float) / ((1 << depth) - 1)
    assert np.abs(found - wide[..., 3] / 65535).max() < 1.5 / ((1 << depth) - 1)
