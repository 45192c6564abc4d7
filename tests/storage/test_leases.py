"""Who may write into a folder of a store beside whom, and what becomes of those who are killed or taken for dead."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import threading
import time
from dataclasses import asdict, replace
from pathlib import Path, PurePath

import pytest

from archivecolor.jobs import claims
from archivecolor.jobs.claims import Holder, LostClaimError
from archivecolor.jobs.locks import BusyError
from archivecolor.jobs.shards import Shard
from archivecolor.runs.folder.store_journal import lease_results
from archivecolor.storage import leases
from archivecolor.storage.leases import Lease, Leases
from archivecolor.storage.store import Store
from archivecolor.storage.urls import StoreURL
from tests.cli.conftest import Run, write
from tests.cli.test_shared_films import at_once
from tests.fakes.command import ROOT, command
from tests.fakes.flaky import FlakyProxy
from tests.needs import needs_s3
from tests.storage.conftest import Bucket

pytestmark = needs_s3

WRITERS = ".archivecolor/writers"


@pytest.fixture
def store(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> Store:
    """A folder of results, with beats and looks that tests can wait for."""
    monkeypatch.setattr(leases, "BEAT_S", 0.05)
    monkeypatch.setattr(claims, "_LOOK_S", 0.05)
    return Store(StoreURL("s3", f"{bucket.name}/color"))


def there(store: Store) -> list[str]:
    """The names of the leases."""
    return sorted(store.list(WRITERS).files)


def elsewhere(store: Store, name: str, beats: int = 0) -> None:
    """A lease of a machine that nothing is known of."""
    holder = asdict(replace(Holder.new(), machine="anna", place="elsewhere", process=12, token="t"))
    store.write(json.dumps({**holder, "beats": beats}).encode(), f"{WRITERS}/{name}")


def test_a_share_is_of_one_run_and_only_shares_of_one_number_go_together(store: Store) -> None:
    with lease_results(store, Shard(1, 2)):
        for shard in (Shard(1, 2), Shard(1, 3), None):
            with pytest.raises(
                BusyError, match=rf"another run is writing to it \(shard 1/2, process {os.getpid()} on "
            ):
                lease_results(store, shard)
        with lease_results(store, Shard(2, 2)):
            assert there(store) == ["1-of-2.1", "2-of-2.1"]
    with lease_results(store), pytest.raises(BusyError, match=r"writing to it \(process "):
        lease_results(store, Shard(1, 2))
    assert there(store) == []


def test_of_several_who_begin_at_once_one_gets_it(store: Store) -> None:
    found = at_once(*[lambda: lease_results(store, Shard(1, 2))] * 6)
    (lease,) = [one for one in found if isinstance(one, Lease)]
    assert len([one for one in found if isinstance(one, BusyError)]) == 5
    lease.release()
    assert there(store) == []


def test_one_elsewhere_is_watched_and_taken_over_when_it_does_not_change(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(claims, "DEAD_S", 0.3)
    elsewhere(store, "1-of-2.7")
    with lease_results(store, Shard(1, 2)) as lease:
        assert there(store) == ["1-of-2.8"]
        lease.check()
    elsewhere(store, "1-of-2.7")
    stop = threading.Event()

    def beats() -> None:
        for number in range(1000):
            elsewhere(store, "1-of-2.7", number)
            if stop.wait(0.05):
                return

    beating = threading.Thread(target=beats)
    beating.start()
    with pytest.raises(BusyError, match=r"shard 1/2, process 12 on anna"):
        lease_results(store, Shard(1, 2))
    stop.set()
    beating.join()


def test_who_was_taken_for_dead_learns_it_and_leaves_the_others_lease_alone(store: Store) -> None:
    for later in ("1-of-2.2", "1-of-2.1"):  # the next generation, or its own where a store knows no conditions
        lease = lease_results(store, Shard(1, 2))
        elsewhere(store, later)
        lease._beating.join(30)
        with pytest.raises(LostClaimError, match="did not answer for 60 seconds, and another took over"):
            lease.check()
        lease.release()
        assert later in there(store)
        store.delete_all([f"{WRITERS}/{name}" for name in there(store)])


def test_a_store_without_conditions_still_has_leases(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    pipe = store._fs.pipe_file

    def without(path: str, value: bytes, **given: object) -> None:
        if given:
            raise NotImplementedError
        pipe(path, value)

    monkeypatch.setattr(store._fs, "pipe_file", without)
    with lease_results(store, Shard(1, 2)), pytest.raises(BusyError):
        lease_results(store, Shard(1, 2))


def test_an_answer_that_is_lost_is_no_other_run(store: Store, bucket: Bucket) -> None:
    """The first try puts the object, and the store's answer does not come: the second finds that it is there."""
    made = Lease(store, WRITERS, "1-of-2", 1)
    store.write(made._content(), f"{WRITERS}/1-of-2.1")
    assert made.put()
    made.release()
    assert not store.create(b"", "x") or not store.create(b"", "x")


@pytest.fixture
def scans(bucket: Bucket, tmp_path: Path) -> str:
    """A few pictures in the store."""
    for i in range(4):
        write(tmp_path / "in" / f"{i}.png", seed=i)
    bucket.fill(tmp_path / "in", "scans")
    return f"{bucket.url}/scans"


def test_a_run_that_is_killed_is_taken_up_at_once_and_a_second_one_is_refused_meanwhile(
    bucket: Bucket, store: Store, scans: str, run: Run
) -> None:
    words = ("folder", scans, f"{bucket.url}/color", "--shard", "1/1")
    killed = subprocess.run(command(0, "put", *words), cwd=ROOT, check=False)
    assert killed.returncode == -signal.SIGKILL
    assert there(store) == ["1-of-1.1"]
    done = run(*words, "--dry-run")
    assert (done.code, there(store)) == (0, ["1-of-1.1"]), done.err
    done = run(*words)
    assert done.code == 0, done.err
    assert "looking for" not in done.err
    assert (len(bucket.tree("color")), there(store)) == (4, [])
    with lease_results(store, Shard(1, 1)):
        for more in ((), ("--merge-journals",), ("--overwrite",)):
            refused = run(*words[:3], *more)
            assert (refused.code, "another run is writing to it" in refused.err) == (5, True), refused.err
    assert run(*words[:3], "--merge-journals").code == 0
    assert there(store) == []


def test_a_run_that_was_taken_for_dead_puts_nothing_more_and_ends(
    bucket: Bucket, store: Store, scans: str, run: Run, proxy: FlakyProxy
) -> None:
    def fault(method: str, path: str) -> str | None:
        if method == "PUT" and path.endswith("/1.png"):
            proxy.fault = lambda _method, _path: None
            elsewhere(store, "all.9")
            time.sleep(1)  # a beat comes meanwhile
        return None

    proxy.fault = fault
    done = run("folder", scans, f"{bucket.url}/color", "--jobs", "1")
    assert done.code == 5, done.err
    assert "another took over" in done.err
    assert 2 <= len(bucket.tree("color")) < 4
    assert there(store) == ["all.9"]
    assert PurePath("all.9") in Leases(store, WRITERS).standing("all")
