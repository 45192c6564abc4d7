from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from archivecolor.color import FloatArray
from archivecolor.errors import InputError, OutputError, Stopped
from archivecolor.film.segments import SegmentJournal
from archivecolor.inference.engine import Estimate
from archivecolor.runs.film.job import make_film
from archivecolor.runs.film.plan import FilmPlan, FilmRequest, Whole, plan_film
from archivecolor.runs.listener import Progress
from archivecolor.runs.settings import FilmSettings
from archivecolor.settings import ColorSettings, EncodeSettings, Purpose
from tests.fakes.engines import FakeEngine, by_luma
from tests.fakes.listeners import Heard
from tests.film.sources import FilmSource, decode, moving

MASTER = FilmSettings(encode=EncodeSettings(Purpose.MASTER))
PLAIN = ColorSettings()


@pytest.fixture
def request_(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FilmRequest:
    """Three shots, each a segment of its own."""
    monkeypatch.setattr("archivecolor.film.segments.LONGEST_S", 1.0)
    source = FilmSource([*moving(30), *moving(30, seed=5), *moving(30, seed=8)], audio=1).write(tmp_path / "a.mkv")
    return FilmRequest(source, tmp_path / "b.mkv", MASTER)


def stop_in_the_second_segment(plan: FilmPlan, engine: FakeEngine | None = None) -> None:
    stop = threading.Event()

    def stop_later(progress: Progress) -> None:
        if progress.done > 40:
            stop.set()

    with pytest.raises(Stopped):
        make_film(plan, engine or FakeEngine(by_luma), PLAIN, Heard(stop_later), stop)


def test_a_record_tells_what_became_of_a_film(request_: FilmRequest) -> None:
    reading, coloring = Heard(), Heard()
    plan = plan_film(request_, reading)
    record = make_film(plan, FakeEngine(by_luma), PLAIN, coloring)
    assert (record.frames, record.resumed, record.shots, record.warnings) == (90, 0, 3, ())
    assert record.copied == ("stream 1 (audio, aac, eng)",)
    assert record.bytes == request_.target.stat().st_size
    assert [(p.doing, p.item, p.done, p.total) for p in coloring.done] == [
        ("coloring", "a.mkv", n, 90) for n in range(91)
    ]
    assert [p.frames_per_s for p in coloring.done] == pytest.approx([25] * 91, rel=0.05)
    read = [p.done for p in reading.done]
    assert {(p.doing, p.item, p.total) for p in reading.done} == {("reading", "a.mkv", 1)}
    assert read == sorted(read)
    assert read[-1] <= 1


class Doubting(FakeEngine):
    """Is the less sure the lighter a picture is."""

    def estimate(self, luma: FloatArray, hints: FloatArray | None = None, *, features: bool = False) -> Estimate:
        """As much spread as luma."""
        made = self.colorize(luma)
        return Estimate(made, np.full_like(made[:, :1], 20 * luma.mean()))


def test_a_record_tells_how_sure_the_generator_was_of_each_shot(request_: FilmRequest, tmp_path: Path) -> None:
    told: list[Whole] = []
    plan = plan_film(request_)
    record = make_film(plan, Doubting(by_luma), PLAIN, before_naming=lambda _, whole: told.append(whole))
    assert [record.whole] == told
    assert [shot.first for shot in record.confidence] == [0, 30, 60]
    lumas = decode(request_.source).lumas
    light = [float(np.mean((np.array(lumas[i : i + 30 : 8], float) - 16) / 219)) for i in (0, 30, 60)]
    expected = [1 / (1 + (20 * x / 10) ** 2) for x in light]
    assert [shot.mean for shot in record.confidence] == pytest.approx(expected, abs=0.05)
    assert all(30 / 8 <= shot.asked < 30 for shot in record.confidence)

    part = replace(
        request_, target=tmp_path / "part.mkv", settings=replace(MASTER, start_s=0.4)
    )  # begins inside the first shot
    stop_in_the_second_segment(plan_film(part), Doubting(by_luma))
    again = make_film(plan_film(part), Doubting(by_luma), PLAIN)
    assert again.resumed
    assert [shot.mean for shot in again.confidence] == pytest.approx(expected, abs=0.1)


def test_no_confidence_is_told_of_an_engine_that_tells_none(request_: FilmRequest) -> None:
    engine = FakeEngine(by_luma)
    engine.spread = None
    assert make_film(plan_film(request_), engine, PLAIN).confidence == ()


def test_a_stopped_film_goes_on_and_is_the_same(request_: FilmRequest, tmp_path: Path) -> None:
    plan = plan_film(request_)
    stop_in_the_second_segment(plan)
    assert not request_.target.exists()
    record = make_film(plan, FakeEngine(by_luma), PLAIN)
    assert record.resumed >= 30
    whole = plan_film(FilmRequest(request_.source, tmp_path / "whole.mkv", MASTER))
    make_film(whole, FakeEngine(by_luma), PLAIN)
    one, two = decode(request_.target), decode(tmp_path / "whole.mkv")
    assert np.array_equal(one.cb, two.cb)
    assert np.array_equal(one.cr, two.cr)
    assert {p.name for p in tmp_path.iterdir()} == {"a.mkv", "b.mkv", "whole.mkv"}


def test_what_a_run_had_no_time_to_delete_goes_when_the_same_is_asked_again(
    request_: FilmRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = plan_film(request_)
    with monkeypatch.context() as killed:
        killed.setattr("archivecolor.film.segments.SegmentJournal.remove", SegmentJournal.close)
        make_film(plan, FakeEngine(by_luma), PLAIN)
    work = request_.target.with_name(".b.mkv.work")
    assert work.is_dir()
    with pytest.raises(OutputError, match="already exists"):
        plan_film(request_)
    assert not work.exists()


def test_work_for_a_film_that_is_to_be_replaced_is_kept(request_: FilmRequest) -> None:
    request_.target.write_bytes(b"an older result")
    plan = plan_film(replace(request_, overwrite=True))
    stop_in_the_second_segment(plan)
    with pytest.raises(OutputError, match="already exists"):
        plan_film(request_)
    assert make_film(plan, FakeEngine(by_luma), PLAIN).resumed >= 30


def test_of_two_runs_at_once_the_second_is_refused_and_harms_nothing(request_: FilmRequest) -> None:
    first, second = (
        plan_film(request_),
        plan_film(replace(request_, settings=FilmSettings(encode=EncodeSettings(Purpose.EDIT)))),
    )
    refused: list[str] = []

    def interfere(progress: Progress) -> None:
        if progress.done == 40:
            with pytest.raises(OutputError) as caught:
                make_film(second, FakeEngine(by_luma), PLAIN)
            refused.append(caught.value.message)

    assert make_film(first, FakeEngine(by_luma), PLAIN, Heard(interfere)).frames == 90
    assert refused == [f"{request_.target}: another run is writing it"]


def test_planning_stops_when_it_is_asked_to(request_: FilmRequest) -> None:
    stop = threading.Event()
    stop.set()
    with pytest.raises(Stopped):
        plan_film(request_, stop=stop)


def test_segments_of_other_settings_are_not_used(request_: FilmRequest) -> None:
    plan = plan_film(request_)
    stop_in_the_second_segment(plan)
    record = make_film(plan, FakeEngine(by_luma), ColorSettings(strength=0.5))
    assert record.resumed == 0


def test_a_full_disk_is_told_before_the_first_frame(request_: FilmRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = plan_film(request_)
    monkeypatch.setattr("shutil.disk_usage", lambda _: type("Usage", (), {"free": 1000})())
    engine = FakeEngine(by_luma)
    with pytest.raises(OutputError, match="MB are free"):
        make_film(plan, engine, PLAIN)
    assert engine.pictures == 0
    assert [p.name for p in request_.source.parent.iterdir()] == ["a.mkv"]


def test_a_source_that_is_replaced_while_it_is_colored_gives_no_film(request_: FilmRequest, tmp_path: Path) -> None:
    other = FilmSource([*moving(30, seed=9), *moving(60, seed=11)], audio=1).write(tmp_path / "other.mkv")

    def replace_it(progress: Progress) -> None:
        if progress.done == 80:
            other.replace(request_.source)

    with pytest.raises(InputError, match="changed while it was read"):
        make_film(plan_film(request_), FakeEngine(by_luma), PLAIN, Heard(replace_it))
    assert not request_.target.exists()
