"""A store of the S3 kind on loopback, behind a proxy that can be told to misbehave."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from archivecolor.storage import store as stores
from tests.cli.conftest import engine, run
from tests.fakes.flaky import FlakyProxy

__all__ = ["SECRET", "Bucket", "bucket", "engine", "proxy", "run"]

SECRET = "wJalrXUtnFEMIK7MDENGbPxRfiCY"
"""That no message may have."""


@dataclass
class Bucket:
    """An empty bucket."""

    proxy: FlakyProxy
    name: str
    fs: Any

    @property
    def url(self) -> str:
        """Of the bucket."""
        return f"s3://{self.name}"

    def fill(self, folder: Path, below: str) -> None:
        """Copy a folder into it."""
        for path in sorted(p for p in folder.rglob("*") if p.is_file()):
            self.fs.pipe_file(f"{self.name}/{below}/{path.relative_to(folder).as_posix()}", path.read_bytes())

    def tree(self, below: str) -> dict[str, bytes]:
        """Its objects below a name, the journal left out, and what they hold."""
        return {name: self.fs.cat_file(f"{self.name}/{below}/{name}") for name in self.names(below)}

    def names(self, below: str) -> list[str]:
        """Its objects below a name, the journal left out; none where there is nothing yet."""
        prefix = f"{self.name}/{below}/"
        found = (str(path) for path in self.fs.find(prefix, refresh=True))
        names = (path.removeprefix(prefix) for path in found if path.startswith(prefix))
        return [name for name in names if not name.startswith(".archivecolor")]

    def journals(self, below: str) -> list[str]:
        """The names of the objects of a journal."""
        found = self.fs.find(f"{self.name}/{below}/.archivecolor", refresh=True)
        return sorted(str(path).rpartition("/")[2] for path in found)

    def announced(self, below: str) -> list[str]:
        """The objects that say what is about to be put."""
        return list(map(str, self.fs.find(f"{self.name}/{below}/.archivecolor/announced", refresh=True)))


@pytest.fixture(scope="session")
def proxy() -> Iterator[FlakyProxy]:
    """A server of the S3 kind, for all tests of this process, through a proxy."""
    server = pytest.importorskip("moto.server")
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    moto = server.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    moto.start()
    flaky = FlakyProxy(*moto.get_host_and_port())
    yield flaky
    flaky.close()
    moto.stop()


def environment(proxy: FlakyProxy) -> dict[str, str]:
    """What a process has to know of the server."""
    return {
        "AWS_ENDPOINT_URL": proxy.url,
        "AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE",
        "AWS_SECRET_ACCESS_KEY": SECRET,
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_MAX_ATTEMPTS": "1",
    }


@pytest.fixture
def bucket(proxy: FlakyProxy, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Iterator[Bucket]:
    """An empty bucket, with credentials and address in the environment, and no long pauses."""
    s3fs = pytest.importorskip("s3fs")
    for variable, value in environment(proxy).items():
        monkeypatch.setenv(variable, value)
    monkeypatch.setattr(s3fs.S3FileSystem, "retries", 1)
    monkeypatch.setattr(stores, "FIRST_PAUSE_S", 0.01)
    fs = s3fs.S3FileSystem(skip_instance_cache=True, use_listings_cache=False)
    name = f"b{abs(hash(request.node.nodeid)):x}"
    fs.mkdir(name)
    proxy.asked.clear()
    yield Bucket(proxy, name, fs)
    proxy.fault = lambda _method, _path: None
