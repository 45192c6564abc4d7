"""`stills.jpeg_scans`: the source's own scans in a color JPEG, as other decoders see them."""

from __future__ import annotations

import io
import struct
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image

from archivecolor.color import UIntArray
from archivecolor.stills import jpeg_huffman, jpeg_scans
from archivecolor.stills.jpeg_luma import NotCopiedError, luma_scans
from archivecolor.stills.still import Planes
from tests.stills.interleaved import interleaved
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
    spliced = jpeg_scans.splice(luma_scans(source), Planes.of_rgb(SEPIA8), TABLE, {})
    np.testing.assert_array_equal(y_plane(spliced), y_plane(source))
    np.testing.assert_array_equal(imagecodecs.jpeg8_decode(spliced, outcolorspace="GRAYSCALE"), y_plane(source))
    with Image.open(io.BytesIO(spliced)) as image:
        ycbcr = np.asarray(image.convert("YCbCr")).astype(int)
    wanted = np.asarray(Image.fromarray(SEPIA8).convert("YCbCr")).astype(int)
    middle = (luma_of(SEPIA8) > 40) & (luma_of(SEPIA8) < 215)  # elsewhere sRGB clips what the decoders make
    assert np.abs(ycbcr - wanted)[middle][:, 1:].mean() < 2


def test_the_metadata_asked_for_is_written_and_the_source_s_own_is_not() -> None:
    source = gray_jpeg(comment=b"theirs", dpi=(72, 72))
    spliced = jpeg_scans.splice(
        luma_scans(source), Planes.of_rgb(SEPIA8), TABLE, {"comment": b"ours", "dpi": (600, 600)}
    )
    assert b"theirs" not in spliced
    with Image.open(io.BytesIO(spliced)) as image:
        assert image.info["comment"] == b"ours"
        assert image.info["dpi"] == (600, 600)


def encoded(picture: UIntArray, **options: Any) -> bytes:
    out = io.BytesIO()
    Image.fromarray(picture).save(out, "JPEG", **options)
    return out.getvalue()


def textured(height: int, width: int) -> UIntArray:
    """Color with grain, so that blocks differ in length."""
    rng = np.random.default_rng(height * width)
    down, across = np.mgrid[:height, :width]
    waves = 110 + 60 * np.sin(across / 9) * np.cos(down / 7)
    noise = rng.normal(0, 6, (height, width, 3))
    return np.asarray(np.clip(waves[..., None] * (1.15, 1.0, 0.8) + noise, 0, 255), np.uint8)


def halved(picture: Planes) -> Planes:
    """With chroma for every second row and column."""
    return Planes(picture.luma, picture.cb[::2, ::2].copy(), picture.cr[::2, ::2].copy())


def test_decoders_see_chroma_of_half_the_size_where_it_belongs() -> None:
    imagecodecs = pytest.importorskip("imagecodecs")
    left = np.arange(121)[None, :] < 61
    chroma = np.where(left, 100, 160).astype(np.uint8).repeat(90, 0)
    picture = Planes(np.full((90, 121), 128, np.uint8), chroma, 255 - chroma)
    gray = encoded(picture.luma, quality=90)
    with Image.open(io.BytesIO(jpeg_scans.splice(luma_scans(gray), halved(picture), TABLE, {}))) as image:
        assert image.layer == [(1, 2, 2, 0), (2, 1, 1, 1), (3, 1, 1, 1)]  # type: ignore[attr-defined]
        seen = np.asarray(image.convert("YCbCr")).astype(int)
    assert np.abs(seen[:, :56] - (128, 100, 155)).max() <= 2
    assert np.abs(seen[:, 66:] - (128, 160, 95)).max() <= 2
    again = imagecodecs.jpeg8_decode(
        jpeg_scans.splice(luma_scans(gray), halved(picture), TABLE, {}), outcolorspace="RGB"
    )
    assert np.ptp(again[:, 66:].astype(int), axis=(0, 1)).max() <= 2


@pytest.mark.parametrize("progressive", [False, True])
@pytest.mark.parametrize("subsampling", [0, 1, 2])
@pytest.mark.parametrize("size", [(251, 333), (9, 100), (16, 17), (1, 1)])
def test_luma_that_shares_its_scans_is_taken_out_bit_for_bit(
    size: tuple[int, int], subsampling: int, progressive: bool
) -> None:
    picture = textured(*size)
    for quality, restarts, optimize in ((30, 0, False), (85, 7, True), (97, 1, False), (93, 0, True)):
        source = encoded(
            picture,
            quality=quality,
            subsampling=subsampling,
            progressive=progressive,
            optimize=optimize,
            restart_marker_blocks=restarts,
        )
        what = f"quality {quality}, restarts {restarts}"
        gray = jpeg_scans.luma_of(source, {})
        np.testing.assert_array_equal(y_plane(gray), y_plane(source), what)
        other = Planes.of_rgb(picture[..., ::-1].copy())
        for planes in (other, halved(other)):
            colored = jpeg_scans.splice(luma_scans(source), planes, TABLE, {})
            np.testing.assert_array_equal(y_plane(colored), y_plane(source), what)
            np.testing.assert_array_equal(y_plane(jpeg_scans.luma_of(colored, {})), y_plane(source), what)


def test_every_coefficient_of_the_luma_is_the_source_s(tmp_path: Path) -> None:
    jpeglib = pytest.importorskip("jpeglib")
    for progressive in (False, True):
        source, result = tmp_path / "source.jpg", tmp_path / "result.jpg"
        source.write_bytes(encoded(textured(250, 330), quality=92, progressive=progressive))
        result.write_bytes(
            jpeg_scans.splice(luma_scans(source.read_bytes()), Planes.of_rgb(textured(250, 330)), TABLE, {})
        )
        before, after = jpeglib.read_dct(str(source)), jpeglib.read_dct(str(result))
        np.testing.assert_array_equal(after.Y, before.Y[: after.Y.shape[0], : after.Y.shape[1]])
        np.testing.assert_array_equal(after.get_component_qt(0), before.get_component_qt(0))


@pytest.mark.parametrize(
    "sampling",
    [
        [(1, 1)] * 3,
        [(2, 2), (1, 1), (1, 1)],
        [(1, 4), (1, 1), (1, 1)],
        [(2, 1), (1, 1), (2, 1)],
        [(2, 2), (2, 1), (1, 2)],
    ],
    ids=["4:4:4", "4:2:0", "4:1:1", "unequal chroma", "mixed"],
)
@pytest.mark.parametrize("interval", [0, 3])
def test_any_sampling_and_tables_that_all_components_share(sampling: list[tuple[int, int]], interval: int) -> None:
    units, size = (8, 9), (8 * sampling[0][0] * 8 - 5, 9 * sampling[0][1] * 8 - 3)
    planes = [
        textured(units[0] * rows * 8, units[1] * columns * 8)[..., i] for i, (rows, columns) in enumerate(sampling)
    ]
    source = interleaved(planes, sampling, size, interval=interval)
    gray = y_plane(jpeg_scans.luma_of(source, {}))
    np.testing.assert_array_equal(gray, y_plane(source))
    written = y_plane(encoded(planes[0], quality=90))
    np.testing.assert_array_equal(gray, written[: size[0], : size[1]])


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        (encoded(SEPIA8, keep_rgb=True), "it is not coded in Y'CbCr"),
        (gray_jpeg().replace(b"\xff\xc0", b"\xff\xc3", 1), "its kind of coding"),
        (
            interleaved([GRAY8[:16, :16], GRAY8[:32, :32], GRAY8[:32, :32]], [(1, 1), (2, 2), (2, 2)], (16, 16)),
            "coarser",
        ),
    ],
)
def test_what_cannot_be_copied_says_why(source: bytes, reason: str) -> None:
    with pytest.raises(NotCopiedError, match=reason):
        jpeg_scans.luma_of(source, {})


@pytest.mark.parametrize("source", [b"\xff\xd8\xff\xd9", b""], ids=["nothing between start and end", "empty"])
def test_a_jpeg_without_a_picture_is_not_copied(source: bytes) -> None:
    with pytest.raises(ValueError, match="no luma"):
        jpeg_scans.luma_of(source, {})


def test_a_picture_of_another_size_is_not_spliced() -> None:
    with pytest.raises(ValueError, match="size"):
        jpeg_scans.splice(luma_scans(gray_jpeg()), Planes.of_rgb(SEPIA8[:-1]), TABLE, {})


def test_damaged_scans_are_refused_or_copied_but_never_hang_or_raise_anything_else(rng: np.random.Generator) -> None:
    sound = [
        encoded(textured(120, 160), quality=90),
        encoded(textured(120, 160), quality=75, progressive=True),
        encoded(textured(120, 160), quality=75, subsampling=0, optimize=True, restart_marker_blocks=5),
    ]
    began = time.monotonic()
    for number in range(400):
        spoiled = bytearray(sound[number % 3])
        for _ in range(rng.integers(1, 6)):
            at = int(rng.integers(2, len(spoiled) if number % 2 else 700))
            spoiled[at] = int(rng.integers(256))
        if number % 5 == 0:
            del spoiled[int(rng.integers(len(spoiled))) :]
        with suppress(NotCopiedError, ValueError, LookupError, struct.error):
            jpeg_scans.luma_of(bytes(spoiled), {})
    assert time.monotonic() - began < 60


def seen(data: bytes) -> UIntArray | None:
    """The Y plane, if Pillow takes what is damaged for a picture."""
    with suppress(OSError, ValueError, SyntaxError, struct.error):
        return jpeg_scans.y_plane(data)
    return None


def test_luma_is_said_to_be_kept_only_where_a_decoder_sees_it_so(
    rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jpeg_scans, "_LARGE", 0)
    picture = textured(117, 163)
    gray = Image.fromarray(picture).convert("L")
    chroma, kept, lost = Planes.of_rgb(picture), 0, 0
    for number in range(400):
        coded = io.BytesIO()
        gray.save(coded, "JPEG", quality=(90, 97)[number % 2], restart_marker_blocks=(0, 0, 5)[number % 3])
        spoiled = bytearray(coded.getvalue())
        for _ in range(number % 4):
            spoiled[int(rng.integers(150 if number % 8 else 2, len(spoiled)))] = int(rng.choice((0, 255, 0xD3, 77)))
        if number % 5 == 0:
            del spoiled[int(rng.integers(len(spoiled) - 900, len(spoiled))) :]
        with suppress(NotCopiedError, ValueError, LookupError, struct.error, OSError):
            plane = jpeg_scans.y_plane(bytes(spoiled))
            spliced = jpeg_scans.splice(luma_scans(bytes(spoiled)), chroma, TABLE, {})
            if jpeg_scans.keeps(spliced, plane):
                kept += 1
                np.testing.assert_array_equal(seen(spliced), plane, f"number {number}")
            else:
                lost += 1
    assert kept > 100
    assert lost > 10


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"restart_marker_rows": 1}])
def test_luma_that_was_written_otherwise_is_not_kept(options: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jpeg_scans, "_LARGE", 0)
    source = gray_jpeg(quality=85, **options)
    plane, spliced = jpeg_scans.y_plane(source), jpeg_scans.splice(luma_scans(source), Planes.of_rgb(SEPIA8), TABLE, {})
    assert jpeg_scans.keeps(spliced, plane)
    other = bytearray(spliced)
    other[spliced.index(b"\xff\xdb") + 5] += 1  # the divisor of a block's mean
    assert not jpeg_scans.keeps(bytes(other), plane)
    first = spliced.index(b"\xff\xda") + 20
    other = bytearray(spliced)
    other[first] ^= 64
    assert not jpeg_scans.keeps(bytes(other), plane)


def test_codes_that_never_fall_into_step_are_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jpeg_huffman, "_MOST_STEPS", 10)
    monkeypatch.setattr(jpeg_huffman, "_LANE_BITS", 64)
    with pytest.raises(ValueError, match="into step"):
        jpeg_scans.luma_of(encoded(textured(120, 160), quality=97), {})


@pytest.mark.parametrize("lane_bits", [40, 300, 1 << 20])
@pytest.mark.parametrize("lanes", [2, 7, 1000])
def test_lanes_of_any_length_and_number_come_to_the_same(
    monkeypatch: pytest.MonkeyPatch, lane_bits: int, lanes: int
) -> None:
    monkeypatch.setattr(jpeg_huffman, "_LANE_BITS", lane_bits)
    monkeypatch.setattr(jpeg_huffman, "_LANES", lanes)
    for few in (0, 1000):
        monkeypatch.setattr(jpeg_huffman, "_FEW", few)
        source = encoded(textured(70, 90), quality=88, subsampling=2)
        np.testing.assert_array_equal(y_plane(jpeg_scans.luma_of(source, {})), y_plane(source))
