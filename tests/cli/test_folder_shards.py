"""Many shards of one folder, into one OUT at once: each file made once, and together what one run makes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import threading
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pytest

from archivecolor.jobs import claims
from archivecolor.jobs.journal import Entry, Journal, has_journal, journal_path, read_journal, read_runs
from archivecolor.jobs.journal_index import SHARDS
from archivecolor.jobs.records import FileState
from archivecolor.jobs.shards import Shard
from archivecolor.jobs.writers import claim_results
from archivecolor.runs.folder.job import color_folder
from archivecolor.runs.settings import FolderSettings
from tests.cli.conftest import Run, tree, write
from tests.fakes.command import ROOT, command
from tests.fakes.engines import FakeEngine

COUNT = 90


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pictures in two formats and three folders, a text, a damaged one, and two that want one result's name."""
    source = tmp_path_factory.mktemp("archive") / "in"
    for i in range(COUNT):
        write(source / f"box {i % 3}" / f"{i:02d}.{('png', 'bmp')[i % 2]}", seed=i)
    for i, name in enumerate(("same.png", "same.bmp")):
        write(source / name, seed=i)
    (source / "notes.txt").write_text("not a picture")
    (source / "torn.png").write_bytes((source / "same.png").read_bytes()[:60])
    return source


def timeless(entries: Iterable[Entry]) -> dict[str, Entry]:
    """What a journal says of each item, but for times, machines, and the numbers of the runs."""

    def same(file: FileState | None) -> FileState | None:
        return file and replace(file, mtime_ns=0)

    return {
        e.source: replace(
            e,
            run=0,
            began_at="",
            seconds=0.0,
            machine=None,
            result_file=same(e.result_file),
            engine=e.engine and replace(e.engine, runtime=""),
        )
        for e in entries
    }


def journals(out: Path) -> list[Path]:
    return sorted((journal_path(out).parent / SHARDS).glob("*"))


def lines(out: Path) -> Counter[str]:
    """How often the files of a journal speak of each item."""
    found = [path for path in (journal_path(out), *journals(out)) if path.exists()]
    records = [json.loads(line) for path in found for line in path.read_bytes().splitlines()]
    return Counter(record["item"]["source"] for record in records if "item" in record)


def side_by_side(source: Path, out: Path, shards: Iterable[Shard]) -> list[int]:
    """Run shards at once, each in a thread; gives how many items each colored."""
    made: list[int] = []

    def run(shard: Shard) -> None:
        made.append(color_folder(source, out, FolderSettings(shard=shard, jobs=1)).colored)

    threads = [threading.Thread(target=run, args=(shard,)) for shard in shards]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return made


def test_sixty_four_shards_at_once_make_each_file_once_and_one_journal_that_is_a_single_run_s(
    run: Run, source: Path, out: Path, tmp_path: Path, engine: FakeEngine
) -> None:
    whole = tmp_path / "whole"
    assert run("folder", source, whole).code == 7  # for the torn one
    engine.pictures, engine.close = 0, lambda: None  # type: ignore[method-assign]  # one engine serves all
    made = side_by_side(source, out, [Shard(i, 64) for i in range(1, 65)])
    assert len(made) == 64
    assert sum(made) == engine.pictures == COUNT + 2
    assert tree(out) == tree(whole)
    assert lines(out) == lines(whole)
    told = timeless(read_journal(out))
    assert told == timeless(read_journal(whole))
    assert len(journals(out)) > 32
    assert run("verify", out, "--source", source).code == 0
    done = run("folder", source, out, "--merge-journals")
    assert done.code == 0
    assert "journals of shards were merged into" in done.err
    assert journals(out) == []
    assert timeless(read_journal(out)) == told
    assert lines(out) == lines(whole)
    assert {record.shard for record in read_runs(out).values()} <= {str(Shard(i, 64)) for i in range(1, 65)}
    again = run("folder", source, out)
    assert "0 colored" in again.err
    assert tree(out) == tree(whole)


def test_a_shard_that_was_killed_is_taken_up_by_any_later_run(
    run: Run, source: Path, out: Path, tmp_path: Path
) -> None:
    run("folder", source, tmp_path / "whole")
    killed = subprocess.run(
        command(0, "link", "folder", source, out, "--shard", "2/4", "--jobs", "1"), cwd=ROOT, check=False
    )
    assert killed.returncode == -signal.SIGKILL
    for k in (1, 3, 4):
        run("folder", source, out, "--shard", f"{k}/4")
    missing = len(tree(tmp_path / "whole")) - sum(not name.endswith(".part") for name in tree(out))
    assert missing > 5
    done = run("folder", source, out)
    assert f"{missing} colored" in done.err
    assert tree(out) == tree(tmp_path / "whole")
    assert timeless(read_journal(out)) == timeless(read_journal(tmp_path / "whole"))
    assert journals(out) == []


def test_a_run_that_is_no_shard_and_a_shard_of_another_number_wait_until_all_shards_are_done(
    run: Run, source: Path, out: Path
) -> None:
    held = claim_results(journal_path(out).parent, out, Shard(1, 4))
    for options in ((), ("--shard", "1/4"), ("--shard", "2/3"), ("--merge-journals",)):
        run("folder", source, out, "--shard", "3/4")
        done = run("folder", source, out, *options)
        assert done.code == 5
        assert "another run is writing to it (shard 1/4, process" in done.err
    held.release()
    assert run("folder", source, out, "--shard", "1/4").code in (0, 7)


def test_a_shard_that_another_machine_took_over_names_nothing_more(
    run: Run, source: Path, out: Path, monkeypatch: pytest.MonkeyPatch, engine: FakeEngine
) -> None:
    colorize = engine.colorize

    def taken_over(*given: object) -> object:
        if engine.pictures == 5:
            for path in claims.standing(journal_path(out).parent / "claims"):
                path.unlink(missing_ok=True)
        return colorize(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(engine, "colorize", taken_over)
    done = run("folder", source, out, "--shard", "1/2", "--jobs", "1")
    assert done.code == 5
    assert "another took over" in done.err
    assert len(tree(out)) <= 6


def test_lines_that_were_cut_off_are_made_again_and_a_fold_that_was_cut_off_is_done_again(
    run: Run, source: Path, out: Path
) -> None:
    for k in (1, 2):
        run("folder", source, out, "--shard", f"{k}/2")
    told = timeless(read_journal(out))
    torn, other = journals(out)
    last = json.loads(torn.read_bytes().splitlines()[-1])["item"]["source"]
    torn.write_bytes(torn.read_bytes()[:-9])
    assert timeless(read_journal(out)) == {name: entry for name, entry in told.items() if name != last}
    journal_path(out).write_bytes(torn.read_bytes()[:-9] + b"\n" + other.read_bytes()[:999])  # a fold, cut off
    with Journal(out) as journal:
        assert journal.folded == 2
    assert timeless(read_journal(out)) == {name: entry for name, entry in told.items() if name != last}


def test_a_shard_that_runs_again_speaks_later_than_before(run: Run, source: Path, out: Path) -> None:
    for _ in range(2):
        for k in (1, 2):
            run("folder", source, out, "--shard", f"{k}/2")
    assert "0 colored" in run("folder", source, out, "--shard", "1/2").err
    for k in (2, 1):
        done = run("folder", source, out, "--shard", f"{k}/2", "--strength", "0.5")
        assert "0 colored" not in done.err
    assert "0 colored" in run("folder", source, out, "--strength", "0.5").err


@pytest.mark.parametrize("wrong", ["0/4", "5/4", "many", "auto"])
def test_a_shard_that_is_none_is_one_line_before_anything_is_made(
    wrong: str, run: Run, source: Path, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in os.environ if name.startswith(("SLURM_", "JOB_COMPLETION_"))]:
        monkeypatch.delenv(name)
    done = run("folder", source, out, "--shard", wrong)
    assert done.code == 2
    assert len(done.err.splitlines()) == 2  # and its hint
    assert not out.exists()


def test_what_belongs_to_all_shards_is_not_one_s(run: Run, source: Path, out: Path, tmp_path: Path) -> None:
    assert "--report and --shard cannot" in run("folder", source, out, "--shard", "1/2", "--report").err
    listed = tmp_path / "list"
    listed.write_text("box 0/00.png\nbox 1/01.bmp\nmoved.png\n")
    done = [
        run("folder", source, out, "--shard", f"{k}/3", "--only-from", listed, "--bag", "--summary", tmp_path / "s.csv")
        for k in (1, 2, 3)
    ]
    assert sum("moved.png: there is no such file" in one.err for one in done) == 1
    assert sorted(path.name for path in tmp_path.glob("s*.csv")) == [f"s-{k}-of-3.csv" for k in (1, 2, 3)]
    assert (out / "bagit.txt").exists()
    assert not (out / "manifest-sha256.txt").exists()
    assert "the bag holds 2 files" in run("folder", source, out, "--merge-journals").err
    assert has_journal(out)


def test_there_is_nothing_to_merge_where_there_is_no_journal(run: Run, source: Path, out: Path) -> None:
    done = run("folder", source, out, "--merge-journals")
    assert done.code == 3
    assert "has no journal" in done.err
    assert not out.exists()
