"""``video --references`` with frames of the film that somebody colored."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image, ImageCms

from archivecolor.film import segments
from tests.cli.video.conftest import Run, names
from tests.film.sources import Decoded, FilmSource, decode, moving, scene, tinted

SHOT = 20
BLUE = (-20, 0, 60)
Rgb = npt.NDArray[np.uint8]


@pytest.fixture
def reel(run: Run) -> Path:
    """Three shots; the third shows what the first does."""
    lumas = [*moving(SHOT), *moving(SHOT, seed=5), *moving(SHOT)]
    return FilmSource(lumas, metadata={"timecode": "10:00:00:00"}).write(Path("a.mkv"))


def give(name: str, rgb: Rgb, folder: str = "refs") -> None:
    Path(folder).mkdir(exist_ok=True)
    Image.fromarray(rgb).save(Path(folder) / name)


def made(run: Run, name: str, *options: str) -> Decoded:
    assert run("a.mkv", name, "--for", "master", "--overwrite", *options) == 0
    return decode(Path(name))


def off(film: Decoded, plain: Decoded) -> npt.NDArray[np.float64]:
    """How far the chroma of each frame is from the other film's."""
    planes = [np.array([film.cb, film.cr], float), np.array([plain.cb, plain.cr], float)]
    return np.asarray(np.abs(planes[0] - planes[1]).mean(axis=(0, 2, 3)))


def test_the_colors_of_a_frame_go_through_its_shot_and_no_other_and_luma_stays(
    reel: Path, run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    plain = made(run, "plain.mkv")
    give("6.png", tinted(6))
    film = made(run, "b.mkv", "--references", "refs")
    assert np.array_equal(film.lumas, decode(reel).lumas)
    assert (np.array(film.cr[:SHOT], float).mean(axis=(1, 2)) > 145).all(), "is red"
    assert off(film, plain)[:SHOT].min() > 10
    assert np.array_equal(film.cb[SHOT:], plain.cb[SHOT:])
    assert np.array_equal(film.cr[SHOT:], plain.cr[SHOT:])
    assert "are like 6.png" in capsys.readouterr().err


def test_everywhere_it_colors_another_shot_that_shows_the_same(reel: Path, run: Run) -> None:
    plain = made(run, "plain.mkv")
    give("6.png", tinted(6))
    alone, everywhere = (made(run, "b.mkv", "--references", "refs", *more) for more in ((), ("--everywhere",)))
    assert off(alone, plain)[2 * SHOT :].max() == 0
    assert np.array(everywhere.cr[2 * SHOT :], float).mean() > np.array(plain.cr[2 * SHOT :], float).mean() + 5
    assert run("a.mkv", "c.mkv", "--everywhere") == 2


def test_a_frame_s_color_profile_is_honored(reel: Path, run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    swapped = srgb.replace(b"rXYZ", b"????").replace(b"bXYZ", b"rXYZ").replace(b"????", b"bXYZ")
    give("6.png", tinted(6)[..., ::-1].copy())
    plain = made(run, "plain.mkv", "--references", "refs")
    for name, icc in (("b.mkv", srgb), ("c.mkv", swapped)):
        Image.fromarray(tinted(6)[..., ::-1].copy()).save("refs/6.png", icc_profile=icc)
        made(run, name, "--references", "refs")
    assert off(decode(Path("b.mkv")), plain)[:SHOT].max() < 1
    assert (np.array(decode(Path("c.mkv")).cr[:SHOT], float).mean(axis=(1, 2)) > 145).all(), "is red"
    Image.fromarray(tinted(6)).save("refs/6.png", icc_profile=swapped[:200])
    assert run("a.mkv", "d.mkv", "--references", "refs") == 3
    assert "6.png: its color profile cannot be used" in capsys.readouterr().err


def test_between_two_frames_each_counts_the_more_the_nearer_it_is(reel: Path, run: Run) -> None:
    give("0.png", tinted(0))
    give("19.png", tinted(19, tint=BLUE))
    film = made(run, "b.mkv", "--references", "refs")
    red = np.array(film.cr[:SHOT], float).mean(axis=(1, 2))
    assert red[0] > red[10] + 1 > red[19] + 2


@pytest.mark.parametrize("name", ["26.png", "10-00-01-01.png", "1.04s.jpg", "frame_0026.png"])
def test_a_frame_is_named_by_number_time_or_time_code_and_may_have_another_size(
    reel: Path, run: Run, name: str
) -> None:
    plain = made(run, "plain.mkv")
    give(name, tinted(6, seed=5, size=(240, 320)))
    moved = off(made(run, "b.mkv", "--references", "refs"), plain)
    assert moved[SHOT : 2 * SHOT].min() > 10
    assert moved[:SHOT].max() == moved[2 * SHOT :].max() == 0


def gray(index: int) -> Rgb:
    return np.repeat(scene(index)[..., None], 3, axis=2)


def truncated() -> None:
    give("6.jpg", tinted(6))
    Path("refs/6.jpg").write_bytes(Path("refs/6.jpg").read_bytes()[:900])


def unnamed() -> None:
    give("6.png", tinted(6))
    give("garden.png", tinted(6))


def twice() -> None:
    give("6.png", tinted(6))
    give("frame_6.jpg", tinted(6))


@pytest.mark.parametrize(
    ("prepare", "code", "why"),
    [
        (lambda: give("60.png", tinted(6)), 2, "60.png: names no frame of the film"),
        (lambda: give("11-00-00-00.png", tinted(6)), 2, "11-00-00-00.png: names no frame of the film"),
        (lambda: give("10-00-00-30.png", tinted(6)), 2, "10-00-00-30.png: '10:00:00:30' is no time code at 25"),
        (unnamed, 2, "garden.png: names no frame"),
        (twice, 2, "frame_6.jpg: is of frame 6, as 6.png is"),
        (lambda: give("6.png", tinted(6, seed=9)), 2, "6.png: does not show what frame 6 of the film does"),
        (lambda: give("6.png", tinted(6, size=(96, 96))), 3, "6.png: is 96 x 96, its frame 128 x 96"),
        (lambda: give("6.png", gray(6)), 3, "6.png: is not in color"),
        (truncated, 3, "6.jpg: is damaged"),
    ],
)
def test_what_is_no_colored_frame_of_the_film_is_one_line_before_anything_is_made(
    reel: Path, run: Run, capsys: pytest.CaptureFixture[str], prepare: Callable[[], object], code: int, why: str
) -> None:
    prepare()
    assert run("a.mkv", "b.mkv", "--references", "refs") == code
    assert capsys.readouterr().err.count(why) == 1
    assert names() == {"a.mkv", "refs"}


def test_a_frame_that_is_named_after_the_one_behind_it_is_told(
    reel: Path, run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    give("7.png", tinted(6))
    made(run, "b.mkv", "--references", "refs")
    assert "7.png: looks more like frame 6 than frame 7" in capsys.readouterr().err
    Path("refs/7.png").rename("refs/6.png")
    made(run, "b.mkv", "--references", "refs")
    assert "looks more like" not in capsys.readouterr().err


@pytest.mark.parametrize("change", ["frame", "hint", "list"])
def test_a_change_makes_the_segments_of_its_shot_anew_and_no_others(
    reel: Path, run: Run, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], change: str
) -> None:
    def stopped(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(segments, "LONGEST_S", SHOT / 25)
    give("6.png", tinted(6))
    give("26.png", tinted(6, seed=5))
    Path("hints").mkdir()
    Path("l.csv").write_text("first_frame,saturation\n0,\n20,\n40,\n")
    options = ("--references", "refs", "--hints-dir", "hints", "--cuts", "l.csv")
    with monkeypatch.context() as patch:
        patch.setattr("archivecolor.runs.film.job.join_film", stopped)
        assert run("a.mkv", "b.mkv", "--for", "master", *options) == 130
    if change == "frame":
        give("26.png", tinted(6, seed=5, tint=BLUE))
    elif change == "hint":
        layer = np.zeros((96, 128, 4), np.uint8)
        layer[:, 20:60] = (20, 40, 230, 255)
        Image.fromarray(layer).save("hints/30.png")
    else:
        Path("l.csv").write_text("first_frame,saturation\n0,\n20,0.5\n40,\n")
    capsys.readouterr()
    assert run("a.mkv", "b.mkv", "--for", "master", *options) == 0
    assert "continuing: 40 of 60 frames are done" in capsys.readouterr().err
    continued = decode(Path("b.mkv"))
    anew = made(run, "c.mkv", *options)
    assert np.array_equal(continued.cb, anew.cb)
    assert np.array_equal(continued.cr, anew.cr)


def test_chroma_that_was_kept_is_made_anew_where_a_frame_changed(
    reel: Path, run: Run, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(segments, "LONGEST_S", SHOT / 25)
    give("6.png", tinted(6))
    first = made(run, "b.mkv", "--references", "refs", "--keep-work")
    give("6.png", tinted(6, tint=BLUE))
    capsys.readouterr()
    second = made(run, "b.mkv", "--references", "refs", "--keep-work")
    assert "the chroma of 40 frames was kept" in capsys.readouterr().err
    moved = off(second, first)
    assert moved[:SHOT].min() > 5
    assert moved[SHOT:].max() == 0


def test_colored_frames_steer_a_preview_too(reel: Path, run: Run) -> None:
    give("6.png", tinted(6))
    sheets = []
    for name, more in (("plain.png", ()), ("refs.png", ("--references", "refs"))):
        assert run("a.mkv", name, "--preview", *more) == 0
        with Image.open(name) as sheet:
            sheets.append(np.asarray(sheet.convert("RGB"), float))
    assert (sheets[1][..., 0] - sheets[0][..., 0]).mean() > 2
