from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from archivecolor.chroma.shots import CutDetector
from tests.film.sources import moving, scene

Luma = npt.NDArray[np.uint8]


def cuts(frames: list[Luma]) -> list[int]:
    detector = CutDetector()
    for frame in frames:
        detector.push(frame)
    return detector.cuts()


def edit() -> list[Luma]:
    return [*moving(15, seed=1), *moving(9, seed=2), *moving(20, seed=3), *moving(12, seed=4)]


EDIT_CUTS = [15, 24, 44]


def worn(frames: list[Luma]) -> list[Luma]:
    """Flickering exposure, grain, dust, scratches and a jumping gate."""
    rng = np.random.default_rng(0)
    out = []
    for frame in frames:
        x = frame.astype(np.float32) * rng.uniform(0.8, 1.15) + rng.normal(0, 10, frame.shape)
        x[:, rng.integers(frame.shape[1])] = 235
        for _ in range(6):
            r, c = rng.integers(frame.shape[0] - 4), rng.integers(frame.shape[1] - 4)
            x[r : r + 4, c : c + 4] = rng.choice((16, 235))
        x = np.roll(x, tuple(rng.integers(-2, 3, 2)), (0, 1))
        out.append(np.clip(x, 0, 255).astype(np.uint8))
    return out


def test_cuts_are_found_to_the_frame() -> None:
    assert cuts(edit()) == EDIT_CUTS


def test_cuts_are_found_to_the_frame_in_worn_film() -> None:
    assert cuts(worn(edit())) == EDIT_CUTS


def test_one_shot_has_no_cut() -> None:
    assert cuts(moving(60)) == []
    assert cuts(worn(moving(60))) == []


@pytest.mark.parametrize("length", [1, 2])
def test_a_flash_is_no_cut(length: int) -> None:
    frames = edit()
    for i in range(30, 30 + length):
        frames[i] = np.clip(255 - frames[i].astype(int) // 3 + scene(99)[: frames[i].shape[0]] // 4, 0, 255).astype(
            np.uint8
        )
    assert cuts(frames) == EDIT_CUTS


def test_fading_to_black_and_back_is_no_cut() -> None:
    frames = [(f * abs(20 - i) / 20).astype(np.uint8) for i, f in enumerate(moving(41))]
    assert cuts(frames) == []


def test_nothing_and_one_frame_have_no_cuts() -> None:
    assert cuts([]) == []
    assert cuts(moving(1)) == []
    assert cuts([np.zeros((2, 2), np.uint8)] * 3) == []
