"""``video --write chroma`` and ``merge``: chroma goes out by itself, and comes back beside the luma of its master."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from archivecolor.film.checking import FilmCheck
from archivecolor.runs.film import merge as run_merge
from tests.cli.video.conftest import Run, command, film, names
from tests.film.sources import FilmSource, decode, moving, packets


@pytest.fixture
def merge(run: Run, monkeypatch: pytest.MonkeyPatch) -> Run:
    return command("merge", monkeypatch)


@pytest.mark.parametrize(
    "how",
    [
        {"audio": 1},
        {"pixel_format": "yuv420p10le"},
        {"pixel_format": "yuv422p10le", "field_order": 2},
        {"color_range": 2},
    ],
    ids=str,
)
def test_a_round_trip_is_the_direct_result_bit_for_bit(
    run: Run, merge: Run, capsys: pytest.CaptureFixture[str], how: dict[str, Any]
) -> None:
    film(count=6, metadata={"timecode": "10:00:00:00"}, **how)
    assert run("a.mkv", "direct.mkv", "--for", "master", "--saturation", "1.3") == 0
    assert run("a.mkv", "chroma.mkv", "--write", "chroma", "--saturation", "1.3") == 0
    assert merge("a.mkv", "chroma.mkv", "merged.mkv") == 0
    assert "merged.mkv: luma proved to be its master's, every sample" in capsys.readouterr().err
    assert packets(Path("merged.mkv"), "video") == packets(Path("direct.mkv"), "video")
    assert packets(Path("merged.mkv"), "audio") == packets(Path("a.mkv"), "audio")
    assert packets(Path("chroma.mkv"), "audio") == []
    assert np.ptp(np.array(decode(Path("chroma.mkv")).lumas)) == 0
    assert names() == {"a.mkv", "direct.mkv", "chroma.mkv", "merged.mkv", "chroma.cube", "chroma.cdl"}


def test_chroma_of_another_depth_and_subsampling_is_scaled(run: Run, merge: Run) -> None:
    film(count=3)
    FilmSource(moving(3), pixel_format="yuv444p10le", chroma=4).write(Path("chroma.mkv"))
    assert merge("a.mkv", "chroma.mkv", "b.mkv") == 0
    given, made = decode(Path("chroma.mkv")), decode(Path("b.mkv"))
    assert np.array_equal(made.lumas, decode(Path("a.mkv")).lumas)
    inner = np.array(given.cb[0], float)[::2, ::2] / 4
    off = np.abs(inner - made.cb[0])
    assert np.median(off) <= 0.5, "blocks of one color stay that color"
    assert made.cb[0].shape == (48, 64)


@pytest.mark.parametrize(
    ("other", "why"),
    [
        (FilmSource(moving(11), chroma=4), "chroma.mkv: has 11 frames, its master a.mkv has 12"),
        (FilmSource(moving(12, 48, 64), chroma=4), "chroma.mkv: is 64 x 48, its master 128 x 96"),
        (FilmSource(moving(12), pixel_format="gray"), "chroma.mkv: stores no chroma (gray)"),
        (FilmSource(moving(12), chroma=4, colorspace=1), "chroma.mkv: is of matrix BT.709, its master of BT.601"),
    ],
)
def test_chroma_of_another_film_is_refused_before_the_run(
    run: Run, merge: Run, capsys: pytest.CaptureFixture[str], other: FilmSource, why: str
) -> None:
    film()
    other.write(Path("chroma.mkv"))
    assert merge("a.mkv", "chroma.mkv", "b.mkv") == 3
    assert capsys.readouterr().err.count(why) == 1
    assert merge("a.mkv", "gone.mkv", "b.mkv") == 3
    assert merge("a.mkv", "chroma.mkv", "chroma.mkv", "--overwrite") == 5
    assert merge("a.mkv", "chroma.mkv", "a.mkv", "--overwrite") == 5
    assert names() == {"a.mkv", "chroma.mkv"}


def test_a_result_that_is_not_its_master_s_picture_gets_no_name(
    run: Run, merge: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    film(count=3)
    assert run("a.mkv", "chroma.mkv", "--write", "chroma") == 0
    monkeypatch.setattr(run_merge, "check_film", lambda *_: FilmCheck(3, proved=False, reason="its luma differs"))
    assert merge("a.mkv", "chroma.mkv", "b.mkv") == 8
    assert not Path("b.mkv").exists()


def test_chroma_alone_is_lossless(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    film(count=3)
    assert run("a.mkv", "b.mkv", "--write", "chroma", "--for", "share") == 2
    assert "chroma alone is written as FFV1" in capsys.readouterr().err
    assert names() == {"a.mkv"}
