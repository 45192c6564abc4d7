"""What is said of a cluster that cannot be reached, and of settings that make no sense."""

from __future__ import annotations

import sys
from typing import Any

import pytest

from archivecolor.errors import ArchiveColorError, DependencyError, UsageError
from archivecolor.jobs.shards import Shard
from archivecolor.runs.cluster.connection import connected
from archivecolor.runs.settings import ClusterSettings, FolderSettings
from tests.needs import needs_ray


def refusal(address: str) -> ArchiveColorError:
    with pytest.raises(ArchiveColorError) as caught, connected(ClusterSettings(address=address)):
        pass
    return caught.value


@needs_ray
@pytest.mark.parametrize(
    ("address", "kind", "told"),
    [
        ("127.0.0.1:9", DependencyError, "no Ray cluster answers at 127.0.0.1:9"),
        ("auto", DependencyError, "no Ray cluster answers at "),
        ("nonsense", UsageError, "'nonsense' is no address of a cluster"),
        ("127.0.0.1:port", UsageError, "'127.0.0.1:port' is no address of a cluster"),
        ("", UsageError, "'' is no address of a cluster"),
    ],
)
def test_an_address_without_a_cluster_is_told_at_once(
    address: str, kind: type[ArchiveColorError], told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAY_ADDRESS", "127.0.0.1:9")  # what 'auto' means
    error = refusal(address)
    assert type(error) is kind
    assert error.message.startswith(told)


def test_without_ray_the_line_that_installs_it_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    error = refusal("auto")
    assert isinstance(error, DependencyError)
    assert "pip install 'archivecolor[ray]'" in str(error)


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"workers": 0}, "there are 0 workers"),
        ({"cores": 0}, "a worker has 0 cores"),
        ({"gpus": -1.0}, "a worker has -1 GPUs"),
        ({"gpus": 1.5}, "a worker has 1.5 GPUs"),
        ({"timeout_s": 0.0}, "the time-out is 0 s"),
        ({"address": "ray://head:10001"}, "is an address for Ray Client"),
    ],
)
def test_settings_that_make_no_sense_are_refused(values: dict[str, Any], told: str) -> None:
    with pytest.raises(UsageError, match=told):
        ClusterSettings(**values)


def test_a_cluster_shares_the_work_itself() -> None:
    with pytest.raises(UsageError, match="--shard and --cluster cannot be used together"):
        FolderSettings(shard=Shard(1, 2), cluster=ClusterSettings())
