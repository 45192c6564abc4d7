"""``archivecolor folder --cluster`` between buckets: workers with spools of their own, and one journal in the store."""

from __future__ import annotations

import json
import signal
from pathlib import Path

import pytest

from archivecolor.jobs.journal import read_journal
from tests.cli.conftest import tree
from tests.fakes.machines import Machines, assert_refused, ended, once
from tests.needs import needs_ray, needs_s3
from tests.runs.cluster.conftest import archive
from tests.storage.conftest import SECRET, Bucket
from tests.storage.test_folder import entries, of_store

pytestmark = [needs_s3, needs_ray]

COUNT = 16


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An archive of folders with one or two pictures."""
    return archive(tmp_path_factory.mktemp("archive") / "in", COUNT, 9, "film.mp4")


def test_workers_fetch_and_put_and_what_is_done_is_not_fetched_again(
    machines: Machines, bucket: Bucket, source: Path, whole: Path, tmp_path: Path, spools: Path
) -> None:
    bucket.fill(source, "scans")
    places = f"{bucket.url}/scans", f"{bucket.url}/color"
    code, told, err = ended(machines.drive(*places, "--json"))
    assert code == 7, err
    assert "2 workers on 2 machines" in err
    assert bucket.tree("color") == tree(whole)
    records = [json.loads(line) for line in told.splitlines()]
    assert {record["source"] for record in records} == {f"{places[0]}/{name}" for name in tree(source)}
    assert "archivecolor-spool" not in told + err
    assert SECRET not in told + err
    assert of_store(entries(bucket, tmp_path / "read")) == of_store(list(read_journal(whole)))
    assert len(bucket.journals("color")) == 1
    assert not bucket.announced("color")
    assert list(spools.iterdir()) == []
    bucket.proxy.asked.clear()
    code, _, err = ended(machines.drive(*places))
    assert f"{COUNT + 1} already there" in err
    assert [path for _, path in bucket.proxy.asked if path.endswith(".png")] == [
        path for method, path in bucket.proxy.asked if path.endswith("torn.png")
    ]


def test_a_worker_and_a_driver_that_are_killed_cost_nothing_but_time(
    machines: Machines, bucket: Bucket, source: Path, whole: Path, tmp_path: Path
) -> None:
    bucket.fill(source, "scans")
    places = f"{bucket.url}/scans", f"{bucket.url}/color"
    killed = machines.drive(*places)
    once(lambda: len(bucket.names("color")) >= 3)
    machines.workers()[0].kill()
    once(lambda: len(bucket.names("color")) >= 6)
    killed.send_signal(signal.SIGKILL)
    ended(killed)
    there = bucket.tree("color")
    bucket.proxy.asked.clear()
    code, _, err = ended(machines.drive(*places))
    assert code == 7, err
    put = [path for method, path in bucket.proxy.asked if method == "PUT" and ".archivecolor" not in path]
    assert len(put) == COUNT + 1 - len(there)
    assert bucket.tree("color") == tree(whole)
    assert of_store(entries(bucket, tmp_path / "read")) == of_store(list(read_journal(whole)))


def test_a_worker_that_may_not_write_is_told_before_the_first_item(
    machines: Machines, bucket: Bucket, source: Path
) -> None:
    bucket.fill(source, "scans")
    left: list[str] = []

    def fault(method: str, path: str) -> str | None:
        if method == "PUT" and "probe-" in path:
            left.append(path)
            return "403" if len(left) > 1 else None  # the driver's is the first
        return None

    bucket.proxy.fault = fault
    refused = ended(machines.drive(f"{bucket.url}/scans", f"{bucket.url}/color"))
    assert_refused(refused, 4, "cannot use a store: ")
    assert bucket.tree("color") == {}
