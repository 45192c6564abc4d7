"""x264 with fewer pictures under way: the same film."""

from __future__ import annotations

import io
from dataclasses import replace
from fractions import Fraction
from typing import cast

import av
import numpy as np
import pytest
from av.video.stream import VideoStream

from archivecolor.film import encoder
from archivecolor.film.encoder import Encoder
from archivecolor.film.encoding import plan_encoding
from archivecolor.film.form import PictureForm, make_frame
from archivecolor.film.hdr import Hdr
from archivecolor.settings import EncodeSettings, FilmCodec
from tests.film.test_hardware import FORM, RATE, SIZE

HDR = replace(FORM, hdr=Hdr(light=(1000, 400)))


def encoded(form: PictureForm, cores: int, monkeypatch: pytest.MonkeyPatch) -> tuple[list[bytes], dict[str, str]]:
    """The packets of some frames on a machine of ``cores``, without x264's own words, and the encoder's options."""
    monkeypatch.setattr(encoder, "_LARGE_PX", SIZE[0] * SIZE[1])
    monkeypatch.setattr(encoder, "usable_cores", lambda: cores)
    planned = plan_encoding(form, EncodeSettings(codec=FilmCodec.H264), "matroska", interlaced=False)
    rng = np.random.default_rng(3)
    base = rng.integers(16, 236, (SIZE[1] + 60, SIZE[0]), np.uint8)
    gray = np.full((SIZE[1] // 2, SIZE[0] // 2), 128, np.uint8)
    dtype = np.uint8 if planned.depth == 8 else np.uint16
    with av.open(io.BytesIO(), "w", format="matroska") as container:
        stream = cast(VideoStream, container.add_stream(planned.encoder, rate=RATE))
        opened = Encoder(stream, planned, form, SIZE, Fraction(1, 25))
        packets = []
        for number in range(61):
            frame = None
            if number < 60:
                planes = (base[number : number + SIZE[1]], gray, gray)
                frame = make_frame(
                    planned.pixel_format, [np.left_shift(p, planned.depth - 8, dtype=dtype) for p in planes]
                )
                frame.pts = number
            packets += [bytes(packet) for packet in opened.encode(frame)]
    options = encoder._lean(dict(planned.options), planned, SIZE)
    return [packets[0][-2000:], *packets[1:]], options


@pytest.mark.parametrize("form", [FORM, HDR], ids=["display", "HDR"])
def test_x264_that_looks_ahead_in_no_thread_of_its_own_makes_the_same_film(
    form: PictureForm, monkeypatch: pytest.MonkeyPatch
) -> None:
    usual, options = encoded(form, 3, monkeypatch)
    assert "sync-lookahead" not in options.get("x264-params", "")
    lean, lean_options = encoded(form, 2, monkeypatch)
    wanted = ":".join(filter(None, (options.get("x264-params"), "sync-lookahead=0")))
    assert lean_options["x264-params"] == wanted
    assert len(usual) == 60
    assert lean == usual


def test_pictures_smaller_than_4k_are_encoded_as_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encoder, "usable_cores", lambda: 1)
    planned = plan_encoding(FORM, EncodeSettings(codec=FilmCodec.H264), "matroska", interlaced=False)
    assert encoder._lean(dict(planned.options), planned, SIZE) == dict(planned.options)
