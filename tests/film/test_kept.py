from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from archivecolor.errors import InputError, OutputError
from archivecolor.film import segments
from archivecolor.film.kept import read_chroma, write_chroma
from archivecolor.film.segments import ShotConfidence
from archivecolor.jobs.locks import LockFile
from archivecolor.runs.film.job import make_film
from archivecolor.runs.film.plan import FilmRequest, plan_film
from archivecolor.runs.settings import FilmSettings
from archivecolor.settings import ColorSettings, EncodeSettings, Purpose, Smoothing, SmoothingSettings
from tests.fakes.engines import FakeEngine, by_luma
from tests.fakes.listeners import Heard
from tests.film.sources import FilmSource, decode, moving

KEEP = FilmSettings(encode=EncodeSettings(Purpose.MASTER), keep_work=True)
USE = replace(KEEP, keep_work=False)


def test_chroma_comes_back_as_it_was_kept(tmp_path: Path, rng: np.random.Generator) -> None:
    coarse = rng.uniform(-90, 90, (4, 6, 2))
    planes = [np.kron(coarse + 3 * i, np.ones((8, 8, 1))).astype(np.float32) for i in range(5)]
    count, size = write_chroma(tmp_path / "kept.mkv", planes)
    back = list(read_chroma(tmp_path / "kept.mkv"))
    assert count == len(back) == 5
    assert size == (tmp_path / "kept.mkv").stat().st_size
    assert max(float(np.abs(a - b).mean()) for a, b in zip(planes, back, strict=True)) < 0.5


def test_damaged_chroma_is_told(tmp_path: Path) -> None:
    (tmp_path / "kept.mkv").write_bytes(b"nothing of the kind")
    with pytest.raises(InputError):
        list(read_chroma(tmp_path / "kept.mkv"))


@pytest.fixture
def request_(tmp_path: Path) -> FilmRequest:
    source = FilmSource([*moving(12), *moving(12, seed=5)], rotation=90, encoder="libx264").write(tmp_path / "a.mp4")
    return FilmRequest(source, tmp_path / "b.mkv", KEEP)


def run(request: FilmRequest, color: ColorSettings | None = None, smoothing: SmoothingSettings | None = None) -> int:
    """Color a film; gives how many pictures the engine was asked for."""
    engine = FakeEngine(by_luma)
    if smoothing:
        request = replace(request, settings=replace(request.settings, smoothing=smoothing))
    make_film(plan_film(request), engine, color or ColorSettings())
    return engine.pictures


def test_another_codec_needs_no_engine_and_the_same_gives_the_same(request_: FilmRequest, tmp_path: Path) -> None:
    assert run(request_) > 0
    other = replace(request_, target=tmp_path / "c.mp4", settings=FilmSettings(encode=EncodeSettings(Purpose.SHARE)))
    assert run(other) == 0
    again = replace(request_, target=tmp_path / "d.mkv", settings=USE)
    assert run(again) == 0
    one, two = decode(request_.target), decode(again.target)
    assert np.array_equal(one.cb, two.cb)
    assert np.array_equal(one.cr, two.cr)
    assert {p.name for p in tmp_path.iterdir()} == {"a.mp4", "a.mp4.chroma", "b.mkv", "c.mp4", "d.mkv"}


def test_progress_goes_on_while_chroma_is_kept(request_: FilmRequest, tmp_path: Path) -> None:
    def told(request: FilmRequest) -> list[int]:
        heard = Heard()
        make_film(plan_film(request), FakeEngine(by_luma), ColorSettings(), heard)
        return [int(progress.done) for progress in heard.done]

    assert told(request_) == [0, *(n // 2 for n in range(1, 49))]
    assert told(replace(request_, target=tmp_path / "again.mkv")) == list(range(25))


def test_confidence_is_kept_with_the_chroma(request_: FilmRequest, tmp_path: Path) -> None:
    def told(request: FilmRequest) -> tuple[ShotConfidence, ...]:
        return make_film(plan_film(request), FakeEngine(by_luma), ColorSettings()).confidence

    first = told(request_)
    assert [shot.first for shot in first] == [0, 12]
    assert [shot.mean for shot in first] == pytest.approx([0.5, 0.5])
    assert (
        told(
            replace(
                request_, target=tmp_path / "again.mkv", settings=replace(KEEP, encode=EncodeSettings(Purpose.EDIT))
            )
        )
        == first
    )


def test_kept_chroma_looks_like_chroma_that_was_not_kept(request_: FilmRequest, tmp_path: Path) -> None:
    plain = replace(request_, target=tmp_path / "plain.mkv", settings=USE)
    run(plain)
    run(request_)
    off = [np.abs(a.astype(int) - b) for a, b in zip(decode(plain.target).cb, decode(request_.target).cb, strict=True)]
    assert 0 < np.mean(off) < 0.5


def test_color_is_graded_after_it_was_kept(request_: FilmRequest, tmp_path: Path) -> None:
    run(request_)
    gray = replace(request_, target=tmp_path / "gray.mkv")
    assert run(gray, ColorSettings(strength=0)) == 0
    assert all((plane == 128).all() for plane in decode(gray.target).cb)
    rich = replace(request_, target=tmp_path / "rich.mkv")
    assert run(rich, ColorSettings(saturation=1.5)) == 0
    assert np.ptp(decode(rich.target).cb[3]) > np.ptp(decode(request_.target).cb[3])


@pytest.mark.parametrize(
    "other", [SmoothingSettings(every=3), SmoothingSettings(Smoothing.CAUSAL), ColorSettings(network_px=96)]
)
def test_chroma_that_would_be_made_otherwise_is_not_used(
    request_: FilmRequest, tmp_path: Path, other: SmoothingSettings | ColorSettings
) -> None:
    run(request_)
    settings = (other, None) if isinstance(other, ColorSettings) else (None, other)
    assert run(replace(request_, target=tmp_path / "c.mkv", settings=USE), *settings) > 0
    assert run(replace(request_, target=tmp_path / "d.mkv"), *settings) > 0
    assert run(replace(request_, target=tmp_path / "e.mkv"), *settings) == 0


def paint(path: Path, color: tuple[int, int, int]) -> None:
    """A layer for the upright film: a stroke across the middle."""
    path.parent.mkdir(exist_ok=True)
    layer = np.zeros((128, 96, 4), np.uint8)
    layer[60:68, 10:-10] = (*color, 255)
    Image.fromarray(layer).save(path)


def test_only_what_was_painted_on_is_asked_for_again(
    request_: FilmRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(segments, "LONGEST_S", 0.5)  # each shot is a segment
    whole = run(request_)
    plain = decode(request_.target)
    hints = ColorSettings(hints=tmp_path / "hints")

    def painted(name: str, color: ColorSettings) -> int:
        return run(replace(request_, target=tmp_path / name), color)

    paint(tmp_path / "hints" / "15.png", (200, 40, 40))
    assert 0 < painted("one.mkv", hints) < whole
    one = decode(tmp_path / "one.mkv")
    assert [np.array_equal(a, b) for a, b in zip(plain.cr, one.cr, strict=True)] == [True] * 12 + [False] * 12
    assert painted("same.mkv", hints) <= 1, "the painted frame alone, to spread its strokes"
    assert [np.array_equal(a, b) for a, b in zip(one.cr, decode(tmp_path / "same.mkv").cr, strict=True)] == [True] * 24

    paint(tmp_path / "hints" / "15.png", (40, 40, 200))
    painted("other.mkv", hints)
    assert decode(tmp_path / "other.mkv").cr[15].mean() < one.cr[15].mean() - 5
    assert painted("plain.mkv", ColorSettings()) > 0, "what was painted on is made as if it had not been"
    assert all(np.array_equal(a, b) for a, b in zip(plain.cr, decode(tmp_path / "plain.mkv").cr, strict=True))


def test_of_two_runs_at_once_one_keeps_chroma_and_the_other_harms_nothing(
    request_: FilmRequest, tmp_path: Path
) -> None:
    run(request_)
    folder = tmp_path / "a.mp4.chroma"
    held = LockFile(folder / "journal.lock", folder)
    with pytest.raises(OutputError, match="another run is writing to it"):
        run(replace(request_, target=tmp_path / "c.mkv"))
    assert run(replace(request_, target=tmp_path / "d.mkv", settings=USE)) > 0
    held.release()
    assert run(replace(request_, target=tmp_path / "e.mkv", settings=USE)) == 0


def test_a_folder_of_other_things_is_left_alone(request_: FilmRequest, tmp_path: Path) -> None:
    mine = tmp_path / "a.mp4.chroma" / "mine.txt"
    mine.parent.mkdir()
    mine.write_text("precious")
    with pytest.raises(OutputError, match="holds other things"):
        run(request_)
    assert mine.read_text() == "precious"
