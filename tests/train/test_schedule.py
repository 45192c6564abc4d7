"""The learning rate that falls when the loss comes to a standstill."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from train.recipe import Phase, Plateau, Recipe
from train.schedule import Pace, PlateauWatch, Schedule

PHASE = Phase("one", 1000, 64, 2, 1e-3, 1e-5, plateau=Plateau(pictures=4, patience=2, least_gain=0.01))


def rates(losses: list[float], phase: Phase = PHASE) -> list[float]:
    """The rate after each window of two steps of the same loss."""
    watch = PlateauWatch()
    found = []
    for loss in losses:
        watch.see(loss + 0.5, phase)
        watch.see(loss - 0.5, phase)
        found.append(watch.rate(phase))
    return found


def test_the_rate_stays_while_the_loss_falls() -> None:
    assert rates([10, 9, 8, 7, 6]) == [1e-3] * 5


def test_a_window_that_is_no_better_is_forgiven_and_as_many_as_the_patience_are_not() -> None:
    assert rates([10, 10, 9, 9, 9]) == pytest.approx([1e-3, 1e-3, 1e-3, 1e-3, 1e-4])


def test_less_than_the_least_gain_is_no_gain() -> None:
    assert rates([10, 9.95, 9.91]) == pytest.approx([1e-3, 1e-3, 1e-4])


def test_the_rate_falls_again_but_never_below_the_final_one() -> None:
    assert rates([1] * 9) == pytest.approx([1e-3, 1e-3, 1e-4, 1e-4, 1e-5, 1e-5, 1e-5, 1e-5, 1e-5])
    watch = PlateauWatch()
    assert [watch.see(1, PHASE) for _ in range(18)].count(True) == 2  # the factor stops with the rate
    assert watch.factor == pytest.approx(1e-2)


def test_without_a_plateau_nothing_is_watched() -> None:
    watch = PlateauWatch()
    assert not any(watch.see(1, dataclasses.replace(PHASE, plateau=None)) for _ in range(20))
    assert watch == PlateauWatch()


def test_pictures_are_counted_over_phases() -> None:
    schedule = Schedule((dataclasses.replace(PHASE, pictures=3), dataclasses.replace(PHASE, name="two", batch=5)))
    assert [schedule.pictures(step) for step in (0, 1, 2, 3)] == [0, 2, 4, 9]


@pytest.mark.parametrize("batches", [(2, 5), (4, 1), (64, 64)])
def test_the_step_after_so_many_pictures_is_found_for_any_batches(batches: tuple[int, int]) -> None:
    phases = (dataclasses.replace(PHASE, pictures=64), dataclasses.replace(PHASE, name="two", pictures=320))
    schedule = Schedule(tuple(dataclasses.replace(p, batch=b) for p, b in zip(phases, batches, strict=True)))
    for step in range(schedule.steps + 1):
        assert schedule.step_after(schedule.pictures(step)) == step
    assert schedule.at(schedule.step_after(64))[0].name == "two"
    assert schedule.step_after(10_000) == schedule.steps


def test_a_pace_goes_through_the_schedule_in_its_time_and_never_back(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr("train.schedule.time.monotonic", lambda: now)
    schedule = Schedule((dataclasses.replace(PHASE, pictures=200),))  # 100 steps
    pace = Pace(schedule, 20, 60.0)
    assert pace.step(21) == 21
    now = 130.0
    assert pace.step(22) == 60
    assert pace.step(70) == 70  # a machine that is faster than the schedule asks
    now = 500.0
    assert pace.step(23) == 100


def test_the_schedule_shows_at_least_the_pictures_of_each_phase(recipe: Recipe) -> None:
    schedule = Schedule(recipe.phase)
    assert schedule.steps == 6
    names = [schedule.at(step)[0].name for step in range(6)]
    assert names == ["frozen", "frozen", "all", "adversarial", "adversarial", "adversarial"]
    assert [schedule.at(step)[1] for step in range(6)] == pytest.approx([0, 0.5, 0, 0, 1 / 3, 2 / 3])
    with pytest.raises(IndexError):
        schedule.at(6)


def test_the_learning_rate_rises_then_falls_to_the_final_one() -> None:
    phase = Phase("one", 1000, 64, 1, learning_rate=1e-2, final_learning_rate=1e-4)
    rates = [Schedule.learning_rate(phase, done) for done in np.linspace(0, 1, 101)]
    assert 0 < rates[0] < 1e-3
    top = int(np.argmax(rates))
    assert rates[top] == pytest.approx(1e-2, rel=0.01)
    assert top <= 3
    assert rates[top:] == sorted(rates[top:], reverse=True)
    assert rates[-1] == pytest.approx(1e-4)
