"""Whole runs as a program calls them: canceled and continued, with listeners that raise, and with impossible wishes."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from archivecolor import (
    ColorSettings,
    EncodeSettings,
    EngineSettings,
    FilmSettings,
    FolderSettings,
    InputError,
    ItemStatus,
    OutputError,
    OutputSettings,
    SmoothingSettings,
    Stopped,
    UsageError,
    VerificationError,
    color_film,
    color_folder,
    strip,
    verify,
)
from archivecolor.jobs.journal import FOLDER as JOURNALS
from archivecolor.runs.listener import ItemOutcome, Progress, Unit
from tests.cli.conftest import tree, write
from tests.fakes.listeners import Heard
from tests.runs.api.calls import MASTER, ONE_AT_A_TIME, assert_nothing_is_half_written, whole

IMPOSSIBLE: Any = "impossible"


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


def test_a_film_is_stopped_by_its_event_and_goes_on(film: Path, tmp_path: Path) -> None:
    stop = threading.Event()

    def later(progress: Progress) -> None:
        if progress.unit is Unit.FRAMES and progress.done > 40:
            stop.set()

    with pytest.raises(Stopped):
        color_film(film, tmp_path / "b.mkv", MASTER, listener=Heard(later), stop=stop)
    assert not (tmp_path / "b.mkv").exists()
    assert color_film(str(film), str(tmp_path / "b.mkv"), MASTER).resumed >= 30


def test_a_dry_run_writes_nothing_and_tells_what_a_run_then_does(scans: Path, tmp_path: Path) -> None:
    out, told, made = tmp_path / "out", Heard(), Heard()
    settings = FolderSettings(summary=None, confidence=True, bag=True)
    record = color_folder(scans, out, settings, listener=told, dry_run=True)
    assert (record.dry_run, record.counts) == (True, {ItemStatus.PLANNED: 12})
    assert sorted(path.name for path in tmp_path.iterdir()) == ["scans"]
    color_folder(scans, out, settings, listener=made)
    assert {o.target for o in told.items} == {o.target for o in made.items}


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
