"""`stills.jpeg_scans`: the source's own scans in a color JPEG, as other decoders see them."""

from __future__ import annotations

import io
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image

from archivecolor.color import UIntArray
from archivecolor.stills import jpeg_scans
from tests.stills.sources import GRAY8, SEPIA8, luma_of

TABLE = [3] * 64


def gray_jpeg(**options: Any) -> bytes:
    out = io.BytesIO()
    Image.fromarray(GRAY8).save(out, "JPEG", **options)
    return out.getvalue()


def y_plane(data: bytes) -> UIntArray:
    luma = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_GRAYSCALE)
    assert luma is not None
    return np.asarray(luma, np.uint8)


def sized_2x2(data: bytes) -> bytes:
    """The same JPEG as some cameras write it: the lone component says it is sampled 2 x 2, which has no meaning."""
    at = data.index(b"\xff\xc0") + 11
    assert data[at] == 0x11
    return data[:at] + b"\x22" + data[at + 1 :]


@pytest.mark.parametrize(
    "source",
    [
        gray_jpeg(quality=85),
        gray_jpeg(quality=85, progressive=True),
        gray_jpeg(quality=99, restart_marker_rows=1),
        sized_2x2(gray_jpeg(quality=85)),
        gray_jpeg(quality=85, comment=b"\xff\xda not a scan"),
        gray_jpeg(quality=85).replace(b"\xff\xdb", b"\xff\xff\xff\xdb", 1),  # fill bytes before a marker
    ],
    ids=["baseline", "progressive", "restarts", "sampled 2 x 2", "a comment like a marker", "fill bytes"],
)
def test_three_decoders_see_the_source_s_luma_and_the_new_chroma(source: bytes) -> None:
    imagecodecs = pytest.importorskip("imagecodecs")
    spliced = jpeg_scans.splice(source, SEPIA8, TABLE, {})
    assert spliced is not None
    np.testing.assert_array_equal(y_plane(spliced), y_plane(source))
    np.testing.assert_array_equal(imagecodecs.jpeg8_decode(spliced, outcolorspace="GRAYSCALE"), y_plane(source))
    with Image.open(io.BytesIO(spliced)) as image:
        ycbcr = np.asarray(image.convert("YCbCr")).astype(int)
    wanted = np.asarray(Image.fromarray(SEPIA8).convert("YCbCr")).astype(int)
    middle = (luma_of(SEPIA8) > 40) & (luma_of(SEPIA8) < 215)  # elsewhere sRGB clips what the decoders make
    assert np.abs(ycbcr - wanted)[middle][:, 1:].mean() < 2


def test_the_metadata_asked_for_is_written_and_the_source_s_own_is_not() -> None:
    source = gray_jpeg(comment=b"theirs", dpi=(72, 72))
    spliced = jpeg_scans.splice(source, SEPIA8, TABLE, {"comment": b"ours", "dpi": (600, 600)})
    assert spliced is not None
    assert b"theirs" not in spliced
    with Image.open(io.BytesIO(spliced)) as image:
        assert image.info["comment"] == b"ours"
        assert image.info["dpi"] == (600, 600)


def color_jpeg() -> bytes:
    out = io.BytesIO()
    Image.fromarray(SEPIA8).save(out, "JPEG")
    return out.getvalue()


@pytest.mark.parametrize(
    "source",
    [
        color_jpeg(),
        gray_jpeg().replace(b"\xff\xc0", b"\xff\xc9", 1),
        b"\xff\xd8\xff\xd9",
        b"",
    ],
    ids=["three components", "arithmetic coding", "nothing between start and end", "empty"],
)
def test_what_cannot_be_copied_is_left_to_be_coded_anew(source: bytes) -> None:
    assert jpeg_scans.splice(source, SEPIA8, TABLE, {}) is None


def test_a_picture_of_another_size_is_not_spliced() -> None:
    assert jpeg_scans.splice(gray_jpeg(), SEPIA8[:-1], TABLE, {}) is None
