"""Frames in every coding: as other readers see them, of one luma, and of the same colors."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import OpenImageIO
import pytest
from skimage.color import deltaE_ciede2000, rgb2lab

from archivecolor.chroma.frame_merge import merged
from archivecolor.color import UIntArray, linear_to_srgb, luma_of, srgb_to_linear
from archivecolor.errors import InputError
from archivecolor.film.form import PictureForm
from archivecolor.film.scale import Scale, density_of_display, displayed
from archivecolor.sequences import dpx, exr
from archivecolor.sequences.frames import read_frame
from tests.sequences.scans import dpx_bytes, header, picture, read_dpx

Numbers = npt.NDArray[np.float32]
MOST_MEAN = 1.5
"""Mean CIEDE2000 between codings."""


def laid(luma: UIntArray, ab: Numbers, form: PictureForm) -> npt.NDArray[Any]:
    return np.concatenate([*merged(ab)(luma, form)])


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("packing", [0, 1, 2])
@pytest.mark.parametrize("bits", [8, 10, 12, 16])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_dpx_samples_are_those_of_openimageio(
    tmp_path: Path, order: str, packing: int, bits: int, channels: int, rng: np.random.Generator
) -> None:
    codes = rng.integers(0, 1 << bits, (7, 13, channels)).astype(np.uint16)
    path = tmp_path / "a.dpx"
    path.write_bytes(dpx_bytes(codes, header(bits=bits, packing=packing, order=order, channels=channels, size=(7, 13))))
    read, samples = read_dpx(path.read_bytes())
    assert np.array_equal(samples, codes)
    shown = codes[..., 0] if channels == 1 else luma_of(codes[..., :3])
    assert np.array_equal(dpx.read_luma(path.read_bytes(), read), shown)
    assert read.timecode == "10:00:00:05"
    assert read.rate == 18
    if bits == 10 and channels != 3 and packing:
        return  # of four channels OpenImageIO spoils lines that end inside a word; of one it turns the words over
    other = OpenImageIO.ImageInput.open(str(path))
    assert other is not None
    told = other.read_image("uint8" if bits == 8 else "uint16")
    wide = np.asarray(told).reshape(codes.shape)
    assert np.array_equal(wide if bits == 8 else wide >> (16 - bits), codes)


@pytest.mark.parametrize("packing", [1, 2])
def test_equal_samples_are_their_luma_and_one_that_differs_is_seen(packing: int) -> None:
    form = header(packing=packing, channels=3)
    codes = np.repeat(picture(1, 10)[..., None], 3, axis=2)
    assert np.array_equal(dpx.read_luma(dpx_bytes(codes, form), form), codes[..., 0])
    assert np.array_equal(dpx.read_luma(dpx_bytes(codes, form), form, 4), codes[::4, :, 0])
    for channel in range(3):
        other = codes.copy()
        other[50, 90, channel] ^= 0x200
        assert np.array_equal(dpx.read_luma(dpx_bytes(other, form), form), luma_of(other)), channel


def test_a_header_that_lies_is_one_line_whatever_it_says(rng: np.random.Generator) -> None:
    whole, said = dpx_bytes(picture(1, 10), header()), list[str]()
    for _ in range(300):
        broken = bytearray(whole[: rng.integers(0, len(whole))] if rng.random() < 0.3 else whole)
        for at in rng.integers(0, min(len(broken), 2048), 6) if broken else ():
            broken[at] = rng.integers(256)
        try:
            found, samples = read_dpx(bytes(broken))
        except InputError as e:
            said.append(e.message)
            continue
        assert samples.shape[:2] == (found.height, found.width)
    assert len(said) > 50
    assert all(line.startswith("a.dpx: ") and "\n" not in line for line in said)


def written_exr(path: Path, rgb: npt.NDArray[np.float16], names: tuple[str, ...]) -> Path:
    spec = OpenImageIO.ImageSpec(rgb.shape[1], rgb.shape[0], len(names), OpenImageIO.HALF)
    spec.channelnames = names
    spec.attribute("owner", "the archive")
    spec.attribute("compression", "piz")
    out = OpenImageIO.ImageOutput.create(str(path))
    assert out is not None
    assert out.open(str(path), spec)
    assert out.write_image(rgb)
    out.close()
    return path


def test_half_floats_keep_their_luminance_in_every_bit(tmp_path: Path, rng: np.random.Generator) -> None:
    light = np.exp(rng.normal(-2, 2, (60, 70))).astype(np.float16)
    light[0, :5] = (0, 65504, np.inf, np.nan, -0.25)
    rgb = np.repeat(light[..., None], 4, axis=2)
    rgb[..., 3] = rng.random((60, 70))
    frame = read_frame(written_exr(tmp_path / "a.exr", rgb, ("R", "G", "B", "A")))
    ab = np.stack(np.broadcast_arrays(rng.normal(0, 25, (15, 18)), rng.normal(0, 25, (15, 18))), -1).astype(np.float32)
    merged = laid(frame.luma, ab, frame.form)
    assert isinstance(frame.origin, exr.ExrFrame)
    exr.write(tmp_path / "b.exr", tmp_path / "b.exr", merged, frame.origin)
    again = read_frame(tmp_path / "b.exr")
    assert isinstance(again.origin, exr.ExrFrame)
    assert np.array_equal(again.luma, light.view(np.uint16))
    assert np.array_equal(again.origin.others[0][1], rgb[..., 3])
    assert frame.origin.attributes == again.origin.attributes
    gray = merged[..., 0] == merged[..., 2]
    assert gray.mean() < 0.35, "black, white and what is brighter"


def test_luminance_does_not_depend_on_where_a_pixel_lies(rng: np.random.Generator) -> None:
    rgb = np.exp(rng.normal(-2, 1, (100, 200, 3))).astype(np.float16)
    alone = exr.luma_bits(rgb.reshape(-1, 1, 3)).reshape(100, 200)
    assert np.array_equal(exr.luma_bits(rgb), alone)


def display_of(codes: npt.NDArray[np.uint16], depth: int, scale: Scale) -> Numbers:
    shown = displayed(codes, depth, scale)
    return (shown / (65535 if scale is not Scale.DISPLAY else (1 << depth) - 1)).astype(np.float32)


def linear(shown: Numbers) -> npt.NDArray[np.uint16]:
    return srgb_to_linear(shown).astype(np.float16).view(np.uint16)


@pytest.mark.parametrize(
    ("scale", "depth", "code", "most"),
    [
        (Scale.DENSITY, 10, lambda y: np.rint(density_of_display(y) * 1023).astype(np.uint16), 4.5),
        (Scale.DENSITY, 16, lambda y: np.rint(density_of_display(y) * 65535).astype(np.uint16), 4.5),
        (Scale.LINEAR, 16, linear, 7.5),  # of one luminance, not of one luma: vivid colors differ in lightness
    ],
)
def test_a_picture_gets_the_same_colors_in_every_coding(
    tmp_path: Path, scale: Scale, depth: int, code: Callable[[Numbers], npt.NDArray[np.uint16]], most: float
) -> None:
    """The mean of CIEDE2000 is below `MOST_MEAN`, and of 99 of 100 pixels it is below ``most``."""
    shown = cv2.GaussianBlur(picture(5).astype(np.float32) / 65535, (0, 0), 1.0) * 0.9 + 0.05
    small = np.mgrid[:14, :24].astype(np.float32)
    ab = np.stack((18 * np.sin(small[1] / 4), 22 * np.cos(small[0] / 3)), axis=-1).astype(np.float32)
    (tmp_path / "a.dpx").write_bytes(dpx_bytes(picture(5), header(bits=16)))
    plain = read_frame(tmp_path / "a.dpx").form
    luma = np.rint(shown * 65535).astype(np.uint16)
    usual = laid(luma, ab, plain)
    assert np.array_equal(luma_of(usual), luma)

    codes = code(shown)
    form = replace(plain, depth=depth, scale=scale)
    merged = laid(codes, ab, form)
    if scale is Scale.LINEAR:
        assert np.array_equal(exr.luma_bits(merged), codes)
        other = linear_to_srgb(np.clip(merged.astype(np.float32), 0, 1))
    else:
        assert np.array_equal(luma_of(merged), codes)
        other = display_of(merged, depth, scale)
    off = deltaE_ciede2000(rgb2lab(usual / 65535), rgb2lab(other))  # type: ignore[no-untyped-call]
    assert off.mean() < MOST_MEAN, off.mean()
    assert np.percentile(off, 99) < most, np.percentile(off, 99)
    assert np.abs(rgb2lab(other)[..., 1:]).mean() > 4, "is gray"
