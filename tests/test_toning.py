"""`toning`: color photographs are told from gray, toned, faded and tinted ones."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from archivecolor.color import UIntArray
from archivecolor.stills import open_still
from archivecolor.toning import THUMBNAIL_PX, Tone, thumbnail, tone_of
from tests.conftest import ROOT, Picture
from tests.stills.sources import luma_of

CORPUS = ROOT.parent / "shared" / "corpus"


def toned(rgb: Picture, red: float, green: float, blue: float, *, stain: float = 0, noise: float = 4) -> UIntArray:
    """A print of ``rgb`` in one tone, darker and yellower in places by ``stain``, as a scanner gives it."""
    rng = np.random.default_rng(1)
    gray = luma_of(rgb).astype(np.float64) / 255
    picture = np.stack((gray**red, gray**green, gray**blue), axis=-1)
    if stain:
        blots = cv2.resize(rng.uniform(0, stain, (4, 5)), gray.shape[::-1], interpolation=cv2.INTER_LINEAR)
        picture *= 1 - blots[..., None] * np.array((0, 0.3, 1))
    picture = picture * 255 + rng.normal(0, noise, picture.shape)
    coded = cv2.imencode(".jpg", np.clip(picture, 0, 255).astype(np.uint8)[..., ::-1])[1]
    return np.asarray(cv2.imdecode(coded, cv2.IMREAD_COLOR_RGB), np.uint8)


def judged(rgb: UIntArray) -> Tone:
    return tone_of(thumbnail(rgb))


def test_color_photographs_are_in_color(color_photographs: dict[str, Picture]) -> None:
    assert {name: judged(rgb).is_monochrome for name, rgb in color_photographs.items()} == dict.fromkeys(
        color_photographs, False
    )


@pytest.mark.parametrize(
    ("tone", "exponents", "stain"),
    [
        (Tone.GRAY, (1, 1, 1), 0),
        (Tone.TONED, (0.8, 1, 1.4), 0),
        (Tone.TONED, (1.4, 1.05, 0.8), 0),
        (Tone.TONED, (0.8, 1, 1.3), 0.3),
    ],
    ids=["gray", "sepia", "blue", "sepia and stained"],
)
def test_monochrome_scans_are_monochrome(
    tone: Tone, exponents: tuple[float, float, float], stain: float, color_photographs: dict[str, Picture]
) -> None:
    for name, rgb in color_photographs.items():
        assert judged(toned(rgb, *exponents, stain=stain)) is tone, name


def test_a_faded_toned_print_is_still_monochrome(color_photographs: dict[str, Picture]) -> None:
    for rgb in color_photographs.values():
        faded = 90 + 0.4 * toned(rgb, 0.8, 1, 1.3).astype(np.float64)
        assert judged(faded.astype(np.uint8)) is Tone.TONED


def test_a_hand_tinted_print_is_told_apart(color_photographs: dict[str, Picture]) -> None:
    for rgb in color_photographs.values():
        height, width = rgb.shape[:2]
        print_ = toned(rgb, 0.9, 1, 1.1).astype(np.float64) * 0.6 + 60
        brush = np.zeros((height, width), np.uint8)
        cv2.circle(brush, (width // 3, height // 2), height // 6, 1, -1)
        print_[brush > 0] *= (1.2, 0.85, 0.8)  # cheeks
        assert judged(np.clip(print_, 0, 255).astype(np.uint8)) is Tone.TINTED


def test_sixteen_bit_is_judged_like_eight(color_photographs: dict[str, Picture]) -> None:
    for rgb in color_photographs.values():
        assert judged(rgb.astype(np.uint16) * 257) is judged(rgb)


@pytest.mark.parametrize("value", [0, 127, 255])
def test_a_blank_sheet_is_gray_and_a_colored_one_toned(value: int) -> None:
    assert judged(np.full((50, 70, 3), value, np.uint8)) is Tone.GRAY
    assert judged(np.full((50, 70, 3), (200, 170, value // 2), np.uint8)) is Tone.TONED


def test_a_picture_of_one_pixel_and_a_huge_one_are_judged() -> None:
    assert judged(np.full((1, 1, 3), 90, np.uint8)) is Tone.GRAY
    assert thumbnail(np.zeros((1, 5000, 3), np.uint8)).shape == (1, 5000, 3)
    assert min(thumbnail(np.zeros((4000, 3000, 3), np.uint16)).shape[:2]) == THUMBNAIL_PX


def test_the_corpus_is_told_apart_as_the_documentation_says() -> None:
    if not CORPUS.is_dir():
        pytest.skip("needs ../shared/corpus")
    in_color = [_tone(path) for path in sorted((CORPUS / "eval-dev").iterdir())[::3]]
    assert sum(not tone.is_monochrome for tone in in_color) >= 0.96 * len(in_color)
    assert all(_tone(path).is_monochrome for path in (CORPUS / "old-dev").iterdir())


def _tone(path: Path) -> Tone:
    small = open_still(path).thumbnail
    return Tone.GRAY if small is None else tone_of(small)
