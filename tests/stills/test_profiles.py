"""`stills.profiles`: a gray profile and the RGB profile made of it show the same grays, by another color engine."""

from __future__ import annotations

import io
import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageCms

from archivecolor.stills.profiles import for_color, for_gray

SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
RAMP = np.arange(256, dtype=np.uint8).reshape(16, 16)


def gray_profile(curve: bytes) -> bytes:
    """A gray display profile with a tone curve, of sRGB's other tags."""
    made, said = for_gray(SRGB.tobytes())
    assert made is not None
    assert said == ()
    place = made.index(b"kTRC")
    at, size = struct.unpack(">II", made[place + 4 : place + 12])
    assert at + size + (-size % 4) == len(made)  # it lies last
    data = made[:at] + curve
    return struct.pack(">I", len(data)) + data[4 : place + 8] + struct.pack(">I", len(curve)) + data[place + 12 :]


GAMMA = b"curv\0\0\0\0\0\0\0\x01" + struct.pack(">HH", round(2.2 * 256), 0)
_DOT_GAIN = (np.linspace(0, 1, 64) ** 1.75 * 65535).astype(">u2").tobytes()
DOT_GAIN = b"curv\0\0\0\0\0\0\0\x40" + _DOT_GAIN


def shown(image: Image.Image, profile: bytes) -> np.ndarray[tuple[int, ...], np.dtype[np.int64]]:
    source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
    out = ImageCms.profileToProfile(
        image, source, SRGB, renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC, outputMode="RGB"
    )
    assert out is not None
    return np.asarray(out).astype(np.int64)


@pytest.mark.parametrize("curve", [GAMMA, DOT_GAIN], ids=["gamma 2.2", "dot gain"])
def test_grays_look_the_same_under_the_new_profile(curve: bytes) -> None:
    gray = gray_profile(curve)
    color, said = for_color(gray)
    assert color is not None
    assert said == ()
    assert color[16:20] == b"RGB "
    before = shown(Image.fromarray(RAMP), gray)
    after = shown(Image.fromarray(np.dstack([RAMP] * 3)), color)
    assert np.abs(before - after).max() <= 2
    assert for_gray(color) == (gray, ())


def test_profiles_of_rgb_stay_to_the_byte_and_others_are_told() -> None:
    assert for_color(SRGB.tobytes()) == (SRGB.tobytes(), ())
    assert for_color(None) == (None, ())
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    assert for_color(lab) == (None, ("its Lab ICC profile does not fit a color picture: left out",))
    assert for_gray(lab)[0] is None


@pytest.mark.parametrize(
    ("space", "named"),
    [(b"\0\0\0\0", "its ICC"), (b"    ", "its ICC"), (b"GRAY", "its gray ICC"), (b"CMYK", "its CMYK ICC")],
)
def test_a_profile_without_a_name_for_its_space_is_told_in_a_whole_sentence(space: bytes, named: str) -> None:
    profile = SRGB.tobytes()
    profile = profile[:16] + space + profile[20:]
    assert for_color(profile) == (None, (f"{named} profile does not fit a color picture: left out",))


@given(st.lists(st.tuples(st.integers(0, 4000), st.integers(0, 255)), min_size=1, max_size=8))
def test_damaged_profiles_lead_nowhere(damage: list[tuple[int, int]]) -> None:
    data = bytearray(gray_profile(DOT_GAIN))
    for place, value in damage:
        data[place % len(data)] = value
    for made in (for_color(bytes(data))[0], for_gray(bytes(data))[0]):
        assert made is None or len(made) <= 2 * len(data) + 400
