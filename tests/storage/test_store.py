"""What is promised of every store: an object is visible whole or not at all, and what may pass is tried again."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from archivecolor.errors import DependencyError, InputError, OutputError
from archivecolor.storage import store as stores
from archivecolor.storage.store import Store
from archivecolor.storage.urls import StoreURL
from tests.needs import needs_fsspec, needs_s3
from tests.storage.conftest import SECRET, Bucket


@needs_fsspec
def test_a_store_lists_fetches_and_puts_and_hides_what_is_hidden(tmp_path: Path) -> None:
    store = Store(StoreURL("memory", f"{tmp_path.name}/a"))
    (tmp_path / "x").write_bytes(b"first")
    store.put(tmp_path / "x", "sub/x.png")
    store.write(b"hidden", ".archivecolor/journal.jsonl")
    store.write(b"yz", "y.png")
    listed = store.list()
    assert ({name: thing.size_bytes for name, thing in listed.files.items()}, listed.folders) == (
        {"y.png": 2},
        ("sub",),
    )
    assert abs(listed.files["y.png"].mtime_ns / 1e9 - (tmp_path / "x").stat().st_mtime) < 60
    assert store.list("nowhere").files == {}
    assert list(store.list(".archivecolor").files) == ["journal.jsonl"]
    store.fetch("sub/x.png", tmp_path / "deep" / "y")
    assert (tmp_path / "deep" / "y").read_bytes() == b"first"
    assert store.read("sub/x.png", 3) == b"fir"
    store.delete("sub/x.png")
    store.delete("sub/x.png")
    assert store.find("sub/x.png") is None
    with pytest.raises(InputError, match="there is no such file"):
        store.fetch("sub/x.png", tmp_path / "z")


@needs_s3
@pytest.mark.parametrize("fault", ["cut", "drop", "503"])
def test_an_object_that_does_not_get_through_leaves_the_one_before_it_whole(
    fault: str, bucket: Bucket, tmp_path: Path
) -> None:
    store = Store(StoreURL("s3", f"{bucket.name}/out"))
    store.write(b"the one before", "a.png")
    (tmp_path / "new").write_bytes(os.urandom(300_000))
    bucket.proxy.fault = lambda method, _: fault if method in ("PUT", "POST") else None
    with pytest.raises(OutputError, match=r"s3://.*/out/a.png: cannot be written") as failed:
        store.put(tmp_path / "new", "a.png")
    assert SECRET not in str(failed.value)
    bucket.proxy.fault = lambda _method, _path: None
    assert bucket.fs.cat_file(f"{bucket.name}/out/a.png") == b"the one before"
    assert sum(method == "PUT" for method, _ in bucket.proxy.asked) >= stores.TRIES


@needs_s3
@pytest.mark.parametrize("fault", ["drop", "503", "slow"])
def test_what_passes_is_tried_again(fault: str, bucket: Bucket, tmp_path: Path) -> None:
    store = Store(StoreURL("s3", bucket.name))
    times = {"GET": 2, "PUT": 2}

    def now_and_then(method: str, _: str) -> str | None:
        times[method] = times.get(method, 0) - 1
        return fault if times[method] >= 0 else None

    bucket.proxy.fault = now_and_then
    store.write(b"content", "a")
    store.fetch("a", tmp_path / "a")
    assert (tmp_path / "a").read_bytes() == b"content"
    assert max(times["GET"], times["PUT"]) < (2 if fault == "slow" else 0)


@needs_s3
def test_a_bucket_that_is_not_there_or_not_for_writing_is_one_line(bucket: Bucket) -> None:
    nowhere = Store(StoreURL("s3", "no-such-bucket/a"))
    with pytest.raises(InputError, match="s3://no-such-bucket/a: there is no such folder"):
        nowhere.check_readable()
    with pytest.raises(OutputError, match="s3://no-such-bucket/a: there is no such bucket"):
        nowhere.check_writable(".archivecolor")
    bucket.proxy.fault = lambda method, _: "403" if method == "PUT" else None
    asked = len(bucket.proxy.asked)
    with pytest.raises(OutputError, match="may not be written"):
        Store(StoreURL("s3", bucket.name)).check_writable(".archivecolor")
    assert len(bucket.proxy.asked) - asked <= 2  # no further try would mend it


@needs_s3
def test_without_credentials_it_is_said_how_to_give_them(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", os.devnull)
    monkeypatch.setenv("AWS_CONFIG_FILE", os.devnull)
    with pytest.raises(InputError, match="no credentials"):
        Store(StoreURL("s3", bucket.name)).check_readable()


def test_a_package_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "fsspec", None)
    with pytest.raises(DependencyError) as missing:
        Store(StoreURL("az", "container/a"))
    assert "[az]" in str(missing.value)
