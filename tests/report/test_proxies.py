"""Copies of films for browsers: every frame at its time, upright, small, and given up as soon as the run is to end."""

from __future__ import annotations

import threading
import wave
from pathlib import Path

import av
import numpy as np
import pytest

from archivecolor.errors import InputError
from archivecolor.jobs.journal import Kind
from archivecolor.report import making, proxies
from archivecolor.sequences.frames import read_shown
from tests.film.sources import FilmSource, moving
from tests.report.conftest import make
from tests.report.runs import colored, picture, write_journal
from tests.report.test_page import data_of
from tests.sequences.scans import write_dpx


def copied(path: Path, target: Path) -> tuple[list[float], list[np.ndarray]]:
    """Times and pictures of a film's copy."""
    with target.open("wb") as file:
        proxies.write_copy(path, file, lambda: False)
    with av.open(str(target)) as container:
        assert container.streams.video[0].codec_context.name == "h264"
        assert container.streams.video[0].codec_context.pix_fmt == "yuv420p"
        frames = list(container.decode(video=0))
    return [frame.time or 0.0 for frame in frames], [frame.to_ndarray(format="rgb24") for frame in frames]


@pytest.mark.parametrize(
    ("codec", "suffix", "plays"),
    [("libx264", ".mp4", True), ("libx264", ".mkv", False), ("ffv1", ".mkv", False), ("libx265", ".mp4", False)],
)
def test_browsers_play_what_all_of_them_know(tmp_path: Path, codec: str, suffix: str, *, plays: bool) -> None:
    path = FilmSource(moving(4), codec).write(tmp_path / f"a{suffix}")
    assert proxies.plays(path) is plays


def test_a_copy_has_every_frame_at_its_time_in_its_colors(tmp_path: Path) -> None:
    shades = [np.full((96, 128), 30 + 8 * i, np.uint8) for i in range(20)]
    path = FilmSource(shades, "ffv1", audio=1).write(tmp_path / "a.mkv")
    times, pictures = copied(path, tmp_path / "a.mp4")
    assert times == pytest.approx([i / 25 for i in range(20)], abs=1e-3)
    for i, rgb in enumerate(pictures):
        assert rgb.shape == (96, 128, 3)
        assert rgb.mean() == pytest.approx((30 + 8 * i - 16) * 255 / 219, abs=4)
    with av.open(str(tmp_path / "a.mp4")) as container:
        assert container.streams.audio[0].codec_context.name == "aac"


def test_a_copy_is_upright_and_no_taller_than_480_lines(tmp_path: Path) -> None:
    half = np.full((600, 1200), 40, np.uint8)
    half[:, :600] = 200
    path = FilmSource([half] * 3, "libx264", rotation=90).write(tmp_path / "a.mp4")
    _, (first, *_) = copied(path, tmp_path / "copy.mp4")
    assert first.shape[:2] == (480, 240)
    top, bottom = first[:200].mean(), first[280:].mean()
    assert abs(top - bottom) > 100, "what lay beside each other stands one above the other"


def test_a_film_without_frames_is_told(tmp_path: Path) -> None:
    (tmp_path / "a.mkv").write_bytes(b"\x1a\x45\xdf\xa3 nothing")
    with pytest.raises(InputError, match=r"a\.mkv"), (tmp_path / "a.mp4").open("wb") as file:
        proxies.write_copy(tmp_path / "a.mkv", file, lambda: False)


def test_a_run_that_is_stopped_in_a_copy_leaves_none_and_the_next_makes_it(tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    FilmSource(moving(40), "ffv1").write(out / "a.mkv")
    write_journal(out, colored("a.mkv", kind=Kind.FILM))
    stop, asked = threading.Event(), 0

    def stopped() -> bool:
        nonlocal asked
        asked += 1
        if asked > 12:
            stop.set()
        return stop.is_set()

    plan = making.plan(out, "0")
    assert plan.make(threads=1, stop=stopped, advance=lambda: None) is None
    assert not list(plan.folder.glob("films/*/*.mp4"))
    assert not (plan.folder / "index.html").exists()
    (item,) = data_of(make(out).path)["items"]
    assert item["plays"] == "copy"
    (copy,) = plan.folder.glob("films/*/*.mp4")
    before = copy.stat()
    make(out)
    assert copy.stat().st_mtime_ns == before.st_mtime_ns, "it is kept"


def test_a_copied_picture_is_on_the_page_as_it_is(tmp_path: Path) -> None:
    from dataclasses import replace

    from archivecolor.jobs.journal import Status

    out = tmp_path / "out"
    picture(out / "a.jpg")
    write_journal(out, replace(colored("a.jpg", warnings=("is in color already",)), status=Status.COPIED))
    (item,) = data_of(make(out).path)["items"]
    assert (item["status"], item["shown"]) == ("skipped", True)


@pytest.mark.parametrize("with_sound", [True, False])
def test_frames_play_as_a_copy_at_their_rate_with_the_sound_beside_them(tmp_path: Path, *, with_sound: bool) -> None:
    out = tmp_path / "out"
    write_dpx(out / "reel", [*range(10, 20), *range(22, 28)], channels=3, transfer=3)
    (out / "reel" / "reel1.000012.dpx").write_bytes(b"torn")
    if with_sound:
        with wave.open(str(out / "reel" / "mix.wav"), "wb") as file:
            file.setparams((1, 2, 8000, 0, "NONE", ""))
            file.writeframes(bytes(2 * 8000))
    write_journal(out, colored("reel/reel1.%06d.dpx", kind=Kind.FILM))
    page = make(out)
    (item,) = data_of(page.path)["items"]
    assert item["plays"] == "copy"
    (copy,) = page.path.parent.glob("films/*/*.mp4")
    with av.open(str(copy)) as film:
        assert len(film.streams.audio) == with_sound
        times = [frame.time for frame in film.decode(video=0)]
    _, first = read_shown(out / "reel" / "reel1.000010.dpx")
    with av.open(str(copy)) as film:
        shown = next(film.decode(video=0)).to_ndarray(format="rgb24")
    assert first is not None
    assert times == pytest.approx([n / 18 for n in (0, 1, 3, 4, 5, 6, 7, 8, 9, 12, 13, 14, 15, 16, 17)], abs=1e-3)
    assert abs(shown[:54, :96].mean() - first[:54, :96].mean()) < 4, "as a display shows it, not in density"


def test_a_film_whose_clock_goes_back_has_a_copy_with_sound(tmp_path: Path) -> None:
    path = FilmSource(moving(25), "libx264", muxer="mpegts", audio=1, audio_codec="mp2", audio_rate=16000).write(
        tmp_path / "a.ts"
    )
    path.write_bytes(path.read_bytes() * 2)
    times, _ = copied(path, tmp_path / "a.mp4")
    assert len(times) >= 48
    with av.open(str(tmp_path / "a.mp4")) as container:
        assert sum(frame.samples for frame in container.decode(audio=0)) >= 14_000


def test_a_film_without_a_copy_is_shown_by_its_frames(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fails(*_: object) -> None:
        raise InputError("a.mkv: no copy of it can be made for browsers: Invalid argument")

    out = tmp_path / "out"
    out.mkdir()
    FilmSource(moving(20), "ffv1").write(out / "a.mkv")
    write_journal(out, colored("a.mkv", kind=Kind.FILM))
    monkeypatch.setattr(proxies, "write_copy", fails)
    for _ in range(2):
        page = make(out)
        (item,) = data_of(page.path)["items"]
        assert (item["status"], item["shown"], item["plays"], len(item["frames"])) == ("colored", True, "", 12)
        assert page.problems == ()
    assert "a.mkv: no copy of it can be made for browsers" in caplog.text
