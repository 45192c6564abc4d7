"""Whole runs as a program calls them: canceled and continued, with listeners that raise, and with impossible wishes."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from archivecolor import (
    ColorSettings,
    EncodeSettings,
    EngineSettings,
    FilmSettings,
    FolderSettings,
    InputError,
    ItemsFailedError,
    ItemStatus,
    OutputError,
    OutputSettings,
    Purpose,
    SmoothingSettings,
    Stopped,
    UsageError,
    VerificationError,
    color_film,
    color_folder,
    strip,
    verify,
)
from archivecolor.inference import select
from archivecolor.jobs.journal import FOLDER as JOURNALS
from archivecolor.jobs.journal import Status, read_journal
from archivecolor.runs.listener import ItemOutcome, Progress, Unit
from tests.cli.conftest import tree, write
from tests.fakes.engines import FakeEngine, by_luma
from tests.fakes.listeners import Heard
from tests.film.sources import FilmSource, moving

ONE_AT_A_TIME = FolderSettings(jobs=1)
MASTER = FilmSettings(encode=EncodeSettings(Purpose.MASTER))
IMPOSSIBLE: Any = "impossible"


@pytest.fixture(autouse=True)
def engine(monkeypatch: pytest.MonkeyPatch) -> FakeEngine:
    """The one engine of every run."""
    fake = FakeEngine(by_luma)

    def open_engine(*_: object, **__: object) -> FakeEngine:
        fake.closed = False
        return fake

    monkeypatch.setattr(select, "open_engine", open_engine)
    return fake


@pytest.fixture
def scans(tmp_path: Path) -> Path:
    for seed in range(12):
        write(tmp_path / f"scans/{seed // 4}/{seed:02}.png", seed)
    return tmp_path / "scans"


@pytest.fixture
def film(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Three shots of two segments each."""
    monkeypatch.setattr("archivecolor.film.segments.LONGEST_S", 1.0)
    (tmp_path / "films").mkdir()
    return FilmSource([*moving(30), *moving(30, seed=5), *moving(30, seed=8)]).write(tmp_path / "films/a.mkv")


def assert_nothing_is_half_written(folder: Path) -> None:
    """No part lies there, and every picture that has its name can be decoded."""
    for name in tree(folder) if folder.exists() else ():
        assert not name.endswith(".part"), name
        if name.endswith(".png"):
            with Image.open(folder / name) as image:
                image.load()


def whole(scans: Path, out: Path) -> dict[str, bytes]:
    """What a run that nobody disturbs makes."""
    color_folder(scans, out, ONE_AT_A_TIME)
    return tree(out)


class Raising(Heard):
    """Raises ``error`` in one of its methods, the ``time``-th time that it is called."""

    def __init__(self, method: str, error: BaseException, time: int = 1) -> None:
        super().__init__()
        self._error, self._left = error, time
        setattr(self, method, self._raise)

    def _raise(self, *_: object) -> None:
        self._left -= 1
        if not self._left:
            raise self._error


def test_a_folder_that_is_canceled_half_way_is_finished_by_the_next_call(scans: Path, tmp_path: Path) -> None:
    out, stop = tmp_path / "out", threading.Event()

    def half_way(progress: Progress) -> None:
        if progress.total and progress.done >= progress.total / 2:
            stop.set()

    record = color_folder(scans, out, ONE_AT_A_TIME, listener=Heard(half_way), stop=stop)
    assert 6 <= record.colored < 12
    assert (record.not_begun, record.failed) == (12 - record.colored, 0)
    assert len(tree(out)) == record.colored
    assert_nothing_is_half_written(out)
    rest = color_folder(scans, out, ONE_AT_A_TIME)
    assert (rest.colored, rest.counts[ItemStatus.EXISTS]) == (12 - record.colored, record.colored)
    assert tree(out) == whole(scans, tmp_path / "whole")


def test_a_stop_that_is_set_before_begins_nothing(scans: Path, tmp_path: Path) -> None:
    stop = threading.Event()
    stop.set()
    record = color_folder(scans, tmp_path / "out", stop=stop)
    assert record.colored == 0
    assert not (tmp_path / "out").exists() or tree(tmp_path / "out") == {}


@pytest.mark.parametrize("error", [ValueError("mine"), OSError("mine"), UsageError("mine"), Stopped("mine")], ids=repr)
@pytest.mark.parametrize("method", ["progress", "item_done", "message"])
def test_what_a_listener_raises_ends_a_folder_and_the_next_call_goes_on(
    method: str, error: Exception, scans: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    with pytest.raises(type(error), match="mine") as caught:
        color_folder(scans, out, ONE_AT_A_TIME, listener=Raising(method, error))
    assert caught.value is error
    assert_nothing_is_half_written(out)
    assert [e for e in read_journal(out) if e.status is Status.FAILED] == []
    made = len(tree(out)) if out.exists() else 0
    assert color_folder(scans, out, ONE_AT_A_TIME).colored == 12 - made
    assert tree(out) == whole(scans, tmp_path / "whole")


def test_a_listener_that_raises_at_a_failure_ends_the_run(scans: Path, tmp_path: Path) -> None:
    (scans / "0" / "00.png").write_bytes(b"")
    with pytest.raises(KeyError):
        color_folder(scans, tmp_path / "out", ONE_AT_A_TIME, listener=Raising("item_failed", KeyError()))
    assert_nothing_is_half_written(tmp_path / "out")
    record = color_folder(scans, tmp_path / "out", ONE_AT_A_TIME)
    assert (record.failed, len(tree(tmp_path / "out"))) == (1, 11)
    with pytest.raises(ItemsFailedError):
        record.raise_for_failures()


def test_what_a_listener_raises_while_a_dry_run_is_planned_is_no_failed_item(scans: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    color_folder(scans, out)
    with pytest.raises(OutputError, match="mine"):
        color_folder(scans, out, listener=Raising("item_done", OutputError("mine")), dry_run=True)
    with pytest.raises(OutputError, match="mine"):
        color_folder(scans, out, listener=Raising("item_done", OutputError("mine")))
    assert {entry.status for entry in read_journal(out)} == {Status.COLORED}


@pytest.mark.parametrize("error", [ValueError("mine"), OSError("mine"), OutputError("mine")], ids=repr)
def test_what_a_listener_raises_ends_a_film_and_the_next_call_goes_on(
    error: Exception, film: Path, tmp_path: Path
) -> None:
    target = tmp_path / "out" / "a.mkv"
    reading = len(_reading(film, tmp_path))
    with pytest.raises(type(error)) as caught:
        color_film(film, target, MASTER, listener=Raising("progress", error, reading + 50))
    assert caught.value is error
    assert not target.exists()
    record = color_film(film, target, MASTER)
    assert (record.frames, record.resumed) == (90, 45)
    assert [path.name for path in target.parent.iterdir()] == ["a.mkv"]


def _reading(film: Path, tmp_path: Path) -> list[Progress]:
    """What is told while a film is read."""
    heard = Heard()
    color_film(film, tmp_path / "heard.mkv", MASTER, listener=heard)
    return [p for p in heard.done if p.doing == "reading"]


@pytest.mark.parametrize("error", [ValueError("mine"), OSError("mine"), OutputError("mine"), Stopped("mine")], ids=repr)
def test_what_a_listener_raises_ends_a_film_inside_a_folder(error: Exception, film: Path, tmp_path: Path) -> None:
    write(film.parent / "b.png")
    out, settings = tmp_path / "out", FolderSettings(encode=EncodeSettings(Purpose.MASTER))

    def in_the_second_segment(progress: Progress) -> None:
        if progress.unit is Unit.FRAMES and progress.done > 40:
            raise error

    with pytest.raises(type(error)) as caught:
        color_folder(film.parent, out, settings, listener=Heard(in_the_second_segment))
    assert caught.value is error
    assert {"b.png", "a.mkv"} & set(tree(out)) == {"b.png"}
    assert [e.source for e in read_journal(out)] == ["b.png"]
    heard = Heard()
    record = color_folder(film.parent, out, settings, listener=heard)
    assert (record.colored, record.failed) == (1, 0)
    assert any("30 of 90 frames" in text for text in heard.messages)
    assert sorted(tree(out)) == ["a.mkv", "b.png"]


def test_a_film_is_stopped_by_its_event_and_goes_on(film: Path, tmp_path: Path) -> None:
    stop = threading.Event()

    def later(progress: Progress) -> None:
        if progress.unit is Unit.FRAMES and progress.done > 40:
            stop.set()

    with pytest.raises(Stopped):
        color_film(film, tmp_path / "b.mkv", MASTER, listener=Heard(later), stop=stop)
    assert not (tmp_path / "b.mkv").exists()
    assert color_film(str(film), str(tmp_path / "b.mkv"), MASTER).resumed >= 30


def test_what_a_listener_raises_ends_a_verification(scans: Path, tmp_path: Path) -> None:
    color_folder(scans, tmp_path / "out")
    before = tree(tmp_path / "out")
    with pytest.raises(OSError, match="mine"):
        verify(tmp_path / "out", scans, listener=Raising("item_done", OSError("mine"), 3))
    assert verify(tmp_path / "out", scans).proved == 12
    assert tree(tmp_path / "out") == before


def test_what_a_listener_raises_ends_stripping_and_the_next_call_goes_on(scans: Path, tmp_path: Path) -> None:
    color_folder(scans, tmp_path / "out")
    with pytest.raises(OSError, match="mine"):
        strip(tmp_path / "out", tmp_path / "gray", jobs=1, listener=Raising("item_done", OSError("mine"), 3))
    assert_nothing_is_half_written(tmp_path / "gray")
    there = len(tree(tmp_path / "gray"))
    assert 3 <= there < 12
    record = strip(tmp_path / "out", tmp_path / "gray")
    assert (record.stripped, record.existing, record.failed) == (12 - there, there, 0)
    for name in tree(scans):
        with Image.open(scans / name) as was, Image.open(tmp_path / "gray" / name) as now:
            assert np.array_equal(np.asarray(was), np.asarray(now))


def test_a_dry_run_writes_nothing_and_tells_what_a_run_then_does(scans: Path, tmp_path: Path) -> None:
    out, told, made = tmp_path / "out", Heard(), Heard()
    settings = FolderSettings(summary=None, confidence=True, bag=True)
    record = color_folder(scans, out, settings, listener=told, dry_run=True)
    assert (record.dry_run, record.counts) == (True, {ItemStatus.PLANNED: 12})
    assert sorted(path.name for path in tmp_path.iterdir()) == ["scans"]
    color_folder(scans, out, settings, listener=made)
    assert {o.target for o in told.items} == {o.target for o in made.items}


def test_progress_adds_up(scans: Path, tmp_path: Path) -> None:
    (scans / "2" / "11.png").write_bytes(b"")
    (scans / "notes.txt").write_text("no picture")
    heard = Heard()
    record = color_folder(scans, tmp_path / "out", ONE_AT_A_TIME, listener=heard)
    assert (record.colored, record.failed, record.counts[ItemStatus.IGNORED]) == (11, 1, 1)
    assert [(p.doing, p.done, p.total) for p in heard.done] == [
        ("coloring", n, heard.done[0].total) for n in range(len(heard.done))
    ]
    assert heard.done[-1].done == heard.done[-1].total
    assert len(heard.items) + len(heard.failed) == 13
    checking, stripping = Heard(), Heard()
    verify(tmp_path / "out", scans, listener=checking)
    strip(tmp_path / "out", tmp_path / "gray", listener=stripping)
    for told, doing in ((checking, "checking"), (stripping, "stripping")):
        assert [(p.doing, p.done) for p in told.done] == [(doing, n) for n in range(1, 12)]


def test_outcomes_name_files_as_the_record_counts_them(scans: Path, tmp_path: Path) -> None:
    heard = Heard()
    color_folder(str(scans), str(tmp_path / "out"), listener=heard)
    assert sorted(o.name for o in heard.items) == sorted(tree(scans))
    for outcome in heard.items:
        assert outcome.source == scans / outcome.name
        assert outcome.target == tmp_path / "out" / outcome.name
        assert outcome.record()["status"] == "colored"


Call = Callable[[Path, Path], object]


@pytest.mark.parametrize(
    ("call", "error"),
    [
        (lambda scans, _: color_folder(scans, scans / "out"), OutputError),
        (lambda scans, tmp: color_folder(tmp / "missing", tmp / "out"), InputError),
        (lambda scans, tmp: color_folder(scans / "0" / "00.png", tmp / "out"), InputError),
        (lambda scans, tmp: color_folder(scans, scans), OutputError),
        (lambda scans, tmp: color_folder(scans, tmp / "o", FolderSettings(summary=scans / "s.csv")), UsageError),
        (lambda scans, tmp: color_folder(scans, tmp / "o", FolderSettings(watch=True), dry_run=True), UsageError),
        (lambda scans, tmp: color_folder(scans, tmp / "o", FolderSettings(only_from=tmp / "missing")), InputError),
        (lambda scans, tmp: color_film(tmp / "missing.mp4", tmp / "out.mp4"), InputError),
        (lambda scans, tmp: color_film(scans / "0/00.png", tmp / "out.mp4"), InputError),
        (lambda scans, tmp: color_film(scans, tmp / "out.mp4"), InputError),
        (lambda scans, tmp: verify(tmp / "missing"), InputError),
        (lambda scans, tmp: verify(scans), UsageError),
        (lambda scans, tmp: verify(scans, scans, jobs=-1), UsageError),
        (lambda scans, tmp: verify(scans, scans, max_megapixels=0), UsageError),
        (lambda scans, tmp: verify(scans, scans, only="*.png"), UsageError),
        (lambda scans, tmp: verify(scans, scans, only=[""]), UsageError),
        (lambda scans, tmp: strip(tmp / "missing", tmp / "out"), InputError),
        (lambda scans, tmp: strip(scans, scans / "gray"), OutputError),
        (lambda scans, tmp: strip(scans, tmp / "gray", jobs=-1), UsageError),
        (lambda scans, tmp: strip(scans, tmp / "gray", max_megapixels=0), UsageError),
        (lambda scans, tmp: strip(scans / "0/00.png", scans / "0/00.png", overwrite=True), OutputError),
    ],
)
def test_what_cannot_be_done_is_refused_before_anything_is_written(
    call: Call, error: type[Exception], scans: Path, tmp_path: Path
) -> None:
    before = tree(tmp_path)
    with pytest.raises(error) as caught:
        call(scans, tmp_path)
    assert type(caught.value) is error or isinstance(caught.value, error)
    assert tree(tmp_path) == before


@pytest.mark.parametrize(
    "make",
    [
        lambda: ColorSettings(strength=1.5),
        lambda: ColorSettings(strength=float("nan")),
        lambda: ColorSettings(saturation=-1),
        lambda: ColorSettings(warmth=2),
        lambda: ColorSettings(network_px=7),
        lambda: EngineSettings(precision=IMPOSSIBLE),
        lambda: EngineSettings(batch=0),
        lambda: OutputSettings(format=IMPOSSIBLE),
        lambda: OutputSettings(quality=0),
        lambda: SmoothingSettings(smoothing=IMPOSSIBLE),
        lambda: SmoothingSettings(every=0),
        lambda: EncodeSettings(IMPOSSIBLE),
        lambda: EncodeSettings(codec=IMPOSSIBLE),
        lambda: EncodeSettings(encoder=IMPOSSIBLE),
        lambda: FilmSettings(already_color=IMPOSSIBLE),
        lambda: FilmSettings(jobs=-1),
        lambda: FilmSettings(start_s=-1),
        lambda: FilmSettings(end_s=float("inf")),
        lambda: FilmSettings(start_s=5, end_s=5),
        lambda: FolderSettings(jobs=-1),
        lambda: FolderSettings(kinds=IMPOSSIBLE),
        lambda: FolderSettings(only=IMPOSSIBLE),
        lambda: FolderSettings(only=("",)),
        lambda: FolderSettings(max_megapixels=0),
        lambda: FolderSettings(summary=Path("run.txt")),
        lambda: FolderSettings(sign_key=Path("key.pem")),
    ],
)
def test_impossible_settings_are_refused_where_they_are_made(make: Callable[[], object]) -> None:
    with pytest.raises(UsageError):
        make()


def test_choices_may_be_given_by_name(scans: Path, tmp_path: Path) -> None:
    named: Any = "jpeg"
    settings = FolderSettings(output=OutputSettings(format=named), only=("00.png",))
    assert settings == FolderSettings(output=OutputSettings(format=settings.output.format), only=("00.png",))
    heard = Heard()
    color_folder(scans, tmp_path / "out", settings, listener=heard)
    assert list(tree(tmp_path / "out")) == ["0/00.jpg"]


def test_results_that_were_altered_do_not_pass(scans: Path, tmp_path: Path) -> None:
    color_folder(scans, tmp_path / "out")
    write(tmp_path / "out/0/00.png", 99)
    heard = Heard()
    record = verify(tmp_path / "out", scans, listener=heard)
    assert (record.proved, record.wrong) == (11, 1)
    assert [outcome.name for outcome in heard.failed] == ["0/00.png"]
    with pytest.raises(VerificationError):
        record.raise_for_failures()
    assert JOURNALS not in heard.failed[0].name


def test_an_outcome_tells_what_went_wrong_and_what_to_do(scans: Path, tmp_path: Path) -> None:
    (scans / "0" / "00.png").write_bytes(b"")
    heard = Heard()
    color_folder(scans, tmp_path / "out", listener=heard)
    (failed,) = heard.failed
    assert isinstance(failed, ItemOutcome)
    assert (failed.status, failed.name) == (ItemStatus.FAILED, "0/00.png")
    assert failed.error
