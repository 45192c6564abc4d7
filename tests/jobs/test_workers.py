"""`jobs.workers`: three overlapping stages, each item failing alone, memory and threads within their bounds."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archivecolor.errors import InputError, OutputError, UnexpectedError
from archivecolor.jobs import workers
from archivecolor.jobs.workers import Stages, run
from tests.jobs.staged import GRACE_S, Bench


def worker_threads() -> list[threading.Thread]:
    return [t for t in threading.enumerate() if t.name.startswith(("load", "save"))]


@pytest.mark.parametrize("threads", [1, 2, 5])
@pytest.mark.parametrize("batch", [1, 3])
def test_every_item_is_saved_once_with_what_was_made_of_it(threads: int, batch: int) -> None:
    bench = Bench()
    outcomes = list(bench.run(range(40), threads=threads, batch=batch))
    assert sorted(o.item for o in outcomes) == list(range(40))
    assert sorted(bench.saved) == list(range(40))
    for outcome in outcomes:
        assert outcome.result == f"saved {outcome.item}"
        assert outcome.error is None
        assert outcome.seconds >= 0
    assert not worker_threads()


def test_nothing_to_do_ends_at_once() -> None:
    assert list(Bench().run(range(0))) == []


def test_items_are_computed_in_the_order_of_the_plan(rng: Any) -> None:
    bench = Bench()
    list(bench.run(iter(rng.permutation(30).tolist()), threads=4, batch=2))
    flat = [item for batch in bench.batches for item in batch]
    rng_again = type(rng)(type(rng.bit_generator)(20240607))
    assert flat == rng_again.permutation(30).tolist()


def test_only_items_of_one_group_are_computed_together_and_no_more_than_a_batch() -> None:
    bench = Bench(group=lambda item: item // 5, save_s=0.002)
    list(bench.run(range(23), batch=3, threads=6))
    for batch in bench.batches:
        assert 1 <= len(batch) <= 3
        assert len({item // 5 for item in batch}) == 1
    assert max(len(batch) for batch in bench.batches) > 1


@pytest.mark.parametrize("stage", ["load", "compute", "save"])
@pytest.mark.parametrize("batch", [1, 4])
def test_an_error_in_any_stage_fails_its_item_and_no_other(stage: str, batch: int) -> None:
    error = InputError("plate 7: is broken")
    bench = Bench(fails={(stage, 7): error, (stage, 0): error, (stage, 19): error})
    outcomes = {o.item: o for o in bench.run(range(20), batch=batch, threads=3)}
    assert len(outcomes) == 20
    for item, outcome in outcomes.items():
        if item in (0, 7, 19):
            assert outcome.error is error
            assert outcome.result is None
        else:
            assert outcome.result == f"saved {item}"


def test_one_bad_item_of_a_batch_is_found_out_and_the_others_are_computed_again() -> None:
    for _ in range(50):  # until item 2 has come into a batch with others, as it does while item 0 is computed
        bench = Bench(fails={("compute", 2): InputError("bad")})
        compute = bench.compute

        def slowly(loaded: list[int], compute: Callable[[list[int]], list[str]] = compute) -> list[str]:
            time.sleep(0.02)
            return compute(loaded)

        bench.compute = slowly  # type: ignore[method-assign]
        outcomes = list(bench.run(range(4), batch=4, threads=4))
        assert [o.item for o in outcomes if o.error] == [2]
        assert sorted(bench.saved) == [0, 1, 3]
        together = next((b for b in bench.batches if 2 in b and len(b) > 1), None)
        if together:
            at = bench.batches.index(together) + 1
            assert bench.batches[at : at + len(together)] == [[item] for item in together]
            return
    pytest.fail("item 2 was never computed together with others")


@pytest.mark.parametrize("stage", ["load", "compute", "save"])
def test_a_bug_fails_its_item_alone_and_says_where_it_was_met(stage: str) -> None:
    bench = Bench(fails={(stage, 5): ZeroDivisionError("a bug")})
    outcomes = list(bench.run(range(20), threads=2))
    assert sorted(o.item for o in outcomes) == list(range(20))
    failed = [o for o in outcomes if o.error]
    assert [o.item for o in failed] == [5]
    assert isinstance(failed[0].error, UnexpectedError)
    source = Path(workers.__file__).read_text(encoding="utf-8").splitlines()
    line = next(number for number, text in enumerate(source, 1) if "return stage(*args, **more)" in text)
    assert failed[0].error.message == f"unexpected ZeroDivisionError: a bug, at jobs/workers.py:{line}"
    assert not worker_threads()


def test_an_interruption_ends_the_run_as_it_is() -> None:
    bench = Bench(fails={("save", 5): KeyboardInterrupt()})
    with pytest.raises(KeyboardInterrupt):
        list(bench.run(range(1000), threads=2))
    assert len(bench.loaded) < 100


def test_stop_lets_the_items_under_way_finish_and_begins_no_other() -> None:
    stop = threading.Event()
    bench = Bench(save_s=0.001)
    outcomes = []
    for outcome in bench.run(range(1000), stop, threads=2):
        outcomes.append(outcome)
        if len(outcomes) == 5:
            stop.set()
            begun = len(bench.loaded)
    assert len(outcomes) <= begun + 4  # those that were given to the loading threads just then
    assert sorted(o.item for o in outcomes) == sorted(bench.loaded) == sorted(bench.saved)
    assert len(outcomes) < 30


def test_a_run_that_is_stopped_before_it_begins_touches_nothing() -> None:
    stop = threading.Event()
    stop.set()
    bench = Bench()
    assert list(bench.run(range(10), stop)) == []
    assert bench.loaded == []


def test_a_generator_closed_early_leaves_no_thread_and_no_half_saved_item() -> None:
    bench = Bench(save_s=0.002)
    outcomes = bench.run(range(1000), threads=3)
    for _ in range(3):
        next(outcomes)
    assert worker_threads()
    outcomes.close()  # type: ignore[attr-defined]
    assert not worker_threads()
    begun = len(bench.loaded)
    time.sleep(0.02)
    assert len(bench.loaded) == begun < 100
    assert len(bench.saved) <= begun


def test_what_waits_to_be_loaded_when_the_generator_is_closed_is_never_begun(monkeypatch: pytest.MonkeyPatch) -> None:
    bench, begun, dropped = Bench(), threading.Event(), threading.Event()
    load, cancel = bench.load, workers._UnderWay.cancel

    def held_up(item: int) -> int:
        value = load(item)
        if item == 1:
            begun.set()
            dropped.wait(GRACE_S)
        return value

    def cancel_and_tell(under_way: workers._UnderWay[int, int, int, int]) -> None:
        cancel(under_way)
        dropped.set()

    bench.load = held_up  # type: ignore[method-assign]
    monkeypatch.setattr(workers._UnderWay, "cancel", cancel_and_tell)
    outcomes = bench.run(range(1000), threads=1)
    assert next(outcomes).item == 0
    assert begun.wait(GRACE_S)  # item 1 is being loaded, and 2 waits for the same thread
    outcomes.close()  # type: ignore[attr-defined]
    assert bench.loaded == [0, 1]


@pytest.mark.parametrize("budget", [10, 25, 60])
@pytest.mark.parametrize("threads", [1, 4])
def test_items_under_way_never_cost_more_than_the_budget(budget: int, threads: int) -> None:
    bench = Bench(cost=lambda item: 3 + item % 8, save_s=0.0005, load_s=0.0005)
    outcomes = list(bench.run(range(60), budget_bytes=budget, threads=threads))
    assert len(outcomes) == 60
    assert 3 <= bench.most_bytes <= budget


def test_an_item_that_costs_more_than_the_budget_runs_alone() -> None:
    bench = Bench(cost=lambda item: 1000 if item == 5 else 1, save_s=0.0005)
    alone: list[int] = []
    loaded = bench.load

    def watch(item: int) -> int:
        value = loaded(item)
        if item == 5:
            with bench.lock:
                alone.append(len(bench.busy))
        return value

    bench.load = watch  # type: ignore[method-assign]
    assert len(list(bench.run(range(12), budget_bytes=10, threads=4))) == 12
    assert alone == [1]


def test_items_that_cost_nothing_are_bounded_by_their_number() -> None:
    bench = Bench(cost=lambda _: 0, save_s=0.003)
    assert len(list(bench.run(range(100), threads=2))) == 100
    assert bench.most_items <= 2 * 2 + 2 * 2


def test_the_feed_is_read_no_further_than_is_needed() -> None:
    taken = 0

    def feed() -> Iterator[int]:
        nonlocal taken
        for i in range(10_000):
            taken += 1
            yield i

    outcomes = Bench(save_s=0.001).run(feed(), threads=2)
    for _ in range(10):
        next(outcomes)
    assert taken < 40
    outcomes.close()  # type: ignore[attr-defined]


def test_loading_computing_and_saving_overlap() -> None:
    together = threading.Barrier(3, timeout=GRACE_S)
    met = []

    def meet(stage: str, item: int) -> None:
        # item 2 loads while item 1 is computed and item 0 is saved
        if (stage, item) in (("load", 2), ("compute", 1), ("save", 0)):
            together.wait()
            met.append(stage)

    def load(item: int) -> int:
        meet("load", item)
        return item

    def compute(loaded: list[int]) -> list[int]:
        meet("compute", loaded[0])
        return loaded

    def save(item: int, loaded: int, computed: int) -> int:
        meet("save", item)
        return computed

    stages: Stages[int, int, int, int] = Stages(load, compute, save, lambda _: 1, lambda _: 0)
    assert len(list(run(range(3), stages, stop=lambda: False, threads=2))) == 3
    assert sorted(met) == ["compute", "load", "save"]


@given(
    count=st.integers(0, 25),
    threads=st.integers(1, 4),
    batch=st.integers(1, 5),
    budget=st.integers(1, 30),
    bad=st.sets(st.tuples(st.sampled_from(["load", "compute", "save"]), st.integers(0, 24)), max_size=8),
    groups=st.integers(1, 4),
)
def test_whatever_fails_every_item_has_exactly_one_outcome(
    count: int, threads: int, batch: int, budget: int, bad: set[tuple[str, int]], groups: int
) -> None:
    bench = Bench(
        cost=lambda item: item % 7,
        group=lambda item: item % groups,
        fails={where: OutputError(f"{where}") for where in bad},
    )
    outcomes = list(bench.run(range(count), threads=threads, batch=batch, budget_bytes=budget))
    assert sorted(o.item for o in outcomes) == list(range(count))
    failed = {item for _, item in bad if item < count}
    assert {o.item for o in outcomes if o.error} == failed
    assert set(bench.saved) == set(range(count)) - failed
    assert bench.most_bytes <= max(budget, 6)
    assert not bench.busy
    assert not worker_threads()
