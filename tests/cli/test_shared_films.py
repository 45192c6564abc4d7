"""Films that shards make together: every segment once, and the film of a single run, to the byte."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from archivecolor.color import FloatArray
from archivecolor.errors import ArchiveColorError, UsageError
from archivecolor.film import segments
from archivecolor.film.segments import LOCK
from archivecolor.inference import select
from archivecolor.jobs import claims
from archivecolor.jobs.claims import standing
from archivecolor.jobs.journal import read_journal
from archivecolor.jobs.locks import LockFile
from archivecolor.jobs.shards import Shard
from archivecolor.jobs.writers import claim_results
from archivecolor.runs.film import joining, sharing
from archivecolor.runs.film.job import FilmRecord, color_film
from archivecolor.runs.film.sharing import FinishedElsewhereError, shared_folder
from archivecolor.runs.film.work import work_folder
from archivecolor.runs.folder.job import color_folder
from archivecolor.runs.settings import FilmSettings, FolderSettings
from tests.cli.conftest import Run, tree
from tests.cli.test_folder_shards import timeless
from tests.fakes.command import ROOT, command
from tests.fakes.engines import FakeEngine, by_luma
from tests.film.sources import FilmSource, moving
from tests.sequences.scans import write_dpx

LONGEST_S = 0.4
SECONDS = 0.03
"""That the engine takes for a picture, so that all shards come to something."""


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> FakeEngine:
    """One engine for all shards of this process, and short segments."""

    class Shared(FakeEngine):
        def close(self) -> None:
            return

        def _color(self, luma: FloatArray) -> FloatArray:
            threading.Event().wait(SECONDS)
            return super()._color(luma)

    engine = Shared(by_luma)
    monkeypatch.setattr(select, "open_engine", lambda *_, **__: engine)
    monkeypatch.setattr(segments, "LONGEST_S", LONGEST_S)
    monkeypatch.setattr(sharing, "_LOOK_S", 0.1)
    monkeypatch.setattr("archivecolor.runs.folder.helping._LOOK_S", 0.1)
    return engine


def film(path: Path, shots: int = 3) -> Path:
    """A film of a second and a half, or so, with sound."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lumas = [luma for shot in range(shots) for luma in moving(12, 64, 96, seed=shot)]
    return FilmSource(lumas, "libx264", audio=1).write(path)


def short_segments() -> dict[str, str]:
    """The environment of a process that makes them."""
    return {**os.environ, "ARCHIVECOLOR_SEGMENT_S": str(LONGEST_S)}


def at_once(*calls: Callable[[], object]) -> list[object]:
    """What calls give, or raise, that run at the same time."""
    found: list[object] = []

    def run(call: Callable[[], object]) -> None:
        try:
            found.append(call())
        except ArchiveColorError as e:
            found.append(e)

    threads = [threading.Thread(target=run, args=(call,)) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


def left(folder: Path) -> list[str]:
    """What is hidden in a folder."""
    return [path.name for path in folder.iterdir() if path.name.startswith(".") and path.name != ".archivecolor"]


def test_shards_make_a_film_together_and_those_that_are_killed_are_taken_up_by_the_others(
    tmp_path: Path, slow: FakeEngine
) -> None:
    source = film(tmp_path / "film.mkv", shots=4)
    shards = []
    for k, dies in enumerate(("never", "segment", "half"), 1):
        words = command(SECONDS, dies, "video", source, tmp_path / "many.mov", "--shard", f"{k}/3")
        shards.append(subprocess.Popen(words, cwd=ROOT, env=short_segments(), stderr=subprocess.PIPE, text=True))
    color_film(source, tmp_path / "one.mov")
    said = [shard.communicate()[1] for shard in shards]
    assert shards[0].returncode == 0, said
    assert -signal.SIGKILL in [shard.returncode for shard in shards[1:]]
    assert (tmp_path / "many.mov").read_bytes() == (tmp_path / "one.mov").read_bytes()
    assert not left(tmp_path)


def test_every_segment_is_made_once_and_one_shard_finishes(tmp_path: Path, slow: FakeEngine) -> None:
    source = film(tmp_path / "film.mkv")
    color_film(source, tmp_path / "one.mov")
    alone, slow.pictures = slow.pictures, 0
    found = at_once(
        *(lambda k=k: color_film(source, tmp_path / "many.mov", FilmSettings(shard=Shard(k, 4))) for k in range(1, 5))
    )
    assert slow.pictures == alone
    assert sorted(type(one).__name__ for one in found) == [*["FilmRecord"] * 1, *["FinishedElsewhereError"] * 3]
    (record,) = [one for one in found if isinstance(one, FilmRecord)]
    assert record.frames == 36
    assert (tmp_path / "many.mov").read_bytes() == (tmp_path / "one.mov").read_bytes()
    assert not left(tmp_path)


def test_shards_of_a_folder_help_with_the_films_of_others(tmp_path: Path, slow: FakeEngine) -> None:
    source, whole, out = tmp_path / "in", tmp_path / "whole", tmp_path / "out"
    for name in ("a.mov", "b.mov"):
        film(source / name)
    (source / "torn.mkv").write_bytes((source / "a.mov").read_bytes()[:900])
    write_dpx(source / "scans", range(1, 25))
    told = color_folder(source, whole)
    alone, slow.pictures = slow.pictures, 0
    assert (told.colored, told.failed) == (3, 1)
    shards = [FolderSettings(shard=Shard(k, 4)) for k in range(1, 5)]
    found = at_once(*(lambda one=one: color_folder(source, out, one) for one in shards))
    records = [one for one in found if not isinstance(one, Exception)]
    assert sum(one.colored for one in records) == 3  # type: ignore[attr-defined]
    assert sum(one.failed for one in records) == 1  # type: ignore[attr-defined]
    assert slow.pictures == alone
    assert tree(out) == tree(whole)
    assert timeless(read_journal(out)) == timeless(read_journal(whole))
    assert color_folder(source, out).colored == 0
    anew = [FolderSettings(shard=Shard(k, 4), overwrite=True) for k in range(1, 5)]
    slow.pictures = 0
    at_once(*(lambda one=one: color_folder(source, out, one) for one in anew))
    assert slow.pictures == alone
    assert tree(out) == tree(whole)


def test_what_shards_made_before_all_of_them_died_is_used_by_any_later_run(tmp_path: Path, slow: FakeEngine) -> None:
    source = film(tmp_path / "in" / "film.mov")
    color_folder(source.parent, tmp_path / "whole")
    alone = slow.pictures
    for k in (1, 2):
        words = command(0, "half", "folder", source.parent, tmp_path / "out", "--shard", f"{k}/2")
        killed = subprocess.run(words, cwd=ROOT, env=short_segments(), check=False)
        assert killed.returncode == -signal.SIGKILL
    assert left(tmp_path / "out") == [".film.mov.shards"]
    slow.pictures = 0
    assert color_folder(source.parent, tmp_path / "out").colored == 1
    assert 0 < slow.pictures < alone
    assert tree(tmp_path / "out") == tree(tmp_path / "whole")


def test_a_shard_continues_what_a_run_that_was_none_left(tmp_path: Path, slow: FakeEngine) -> None:
    source = film(tmp_path / "film.mkv")
    color_film(source, tmp_path / "one.mov")
    alone, slow.pictures = slow.pictures, 0
    words = command(0, "segment", "video", source, tmp_path / "two.mov")
    assert subprocess.run(words, cwd=ROOT, env=short_segments(), check=False).returncode == -signal.SIGKILL
    record = color_film(source, tmp_path / "two.mov", FilmSettings(shard=Shard(2, 3)))
    assert record.resumed > 0
    assert 0 < slow.pictures < alone
    assert (tmp_path / "two.mov").read_bytes() == (tmp_path / "one.mov").read_bytes()
    assert not [name for name in left(tmp_path) if "two" in name and not name.endswith(".part")]


def test_what_would_make_another_film_is_refused_while_a_shard_is_at_work(tmp_path: Path, slow: FakeEngine) -> None:
    source, target = film(tmp_path / "film.mkv"), tmp_path / "a.mov"
    first = sharing.Sharing(target, work_folder(target), Shard(1, 2), "something else", [], ".mkv", lambda: True)
    with first, pytest.raises(ArchiveColorError, match="another shard makes it otherwise"):
        color_film(source, target, FilmSettings(shard=Shard(2, 2)))
    held = claim_results(shared_folder(target), target, Shard(1, 2))
    for settings in (FilmSettings(), FilmSettings(shard=Shard(1, 2)), FilmSettings(shard=Shard(3, 3))):
        with pytest.raises(ArchiveColorError, match=r"another run is writing|a shard is writing"):
            color_film(source, target, settings)
    held.release()
    work_folder(target).mkdir()
    lock = LockFile(work_folder(target) / LOCK, target)
    with pytest.raises(ArchiveColorError, match="another run is writing to it"):
        color_film(source, target, FilmSettings(shard=Shard(1, 2)))
    lock.release()
    assert color_film(source, target, FilmSettings(shard=Shard(1, 2))).frames == 36


def test_a_shard_that_was_taken_for_dead_names_nothing(
    tmp_path: Path, slow: FakeEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, target = film(tmp_path / "film.mkv", shots=1), tmp_path / "a.mov"

    def taken_over(*given: object, **more: object) -> object:
        for path in standing(shared_folder(target) / "segments", "end"):
            path.unlink()
        return joined(*given, **more)  # type: ignore[arg-type]

    joined = joining.join_film
    monkeypatch.setattr("archivecolor.runs.film.job.join_film", taken_over)
    with pytest.raises(claims.LostClaimError):
        color_film(source, target, FilmSettings(shard=Shard(1, 2)))
    assert not target.exists()


def test_a_shard_that_comes_late_makes_nothing(tmp_path: Path, slow: FakeEngine) -> None:
    source, target = film(tmp_path / "film.mkv", shots=1), tmp_path / "a.mov"
    with pytest.raises(FinishedElsewhereError, match="another shard finished it"):
        sharing.Sharing(target, work_folder(target), Shard(1, 2), "", [], ".mkv", lambda: False)
    assert not shared_folder(target).exists()
    color_film(source, target, FilmSettings(shard=Shard(1, 2)))
    with pytest.raises(ArchiveColorError, match="already exists"):
        color_film(source, target, FilmSettings(shard=Shard(2, 2)))


@pytest.mark.parametrize("more", [{"overwrite": True}, {"keep_work": True}])
def test_a_film_of_shards_is_neither_replaced_nor_is_its_chroma_kept(more: dict[str, bool]) -> None:
    with pytest.raises(UsageError, match="and --shard cannot be used together"):
        FilmSettings(shard=Shard(1, 2), **more)  # type: ignore[arg-type]


def test_the_command_says_which_run_finished(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = film(tmp_path / "film.mkv", shots=1)
    assert run("video", source, tmp_path / "a.png", "--preview", "--shard", "1/2").code == 2
    made = run("video", source, tmp_path / "a.mkv", "--shard", "1/2", "--json")
    assert (made.code, made.records[0]["frames"]) == (0, 12)
    monkeypatch.setattr(sharing.Sharing, "_others", lambda _: [])
    monkeypatch.setattr("archivecolor.runs.film.job.members", lambda _: ["another came first"])
    late = run("video", source, tmp_path / "b.mkv", "--shard", "1/2", "--json")
    assert (late.code, late.records[-1]["status"]) == (0, "exists")
    assert "b.mkv: another shard finished it" in late.err
