"""What all tests share: pictures, and the promise to reach neither the network nor the user's files."""

from __future__ import annotations

import os
import socket
import tempfile
from pathlib import Path
from typing import Any

import cv2
import hypothesis
import numpy as np
import numpy.typing as npt
import pytest
import skimage
from filelock import FileLock
from hypothesis.configuration import set_hypothesis_home_dir

ROOT = Path(__file__).resolve().parents[1]

pytest_plugins = ["tests.skips"]

Picture = npt.NDArray[np.uint8]

# The same examples on every machine and in every run; nothing is kept between runs
hypothesis.settings.register_profile("suite", deadline=None, derandomize=True, max_examples=40, database=None)
hypothesis.settings.load_profile("suite")
set_hypothesis_home_dir(Path(tempfile.gettempdir()) / "archivecolor-hypothesis")

# A core for each test: there is another beside it, and threads that spin while they wait take its time
os.environ.setdefault("OMP_NUM_THREADS", "1")  # PyTorch, here and in processes that tests start
cv2.setNumThreads(1)


@pytest.fixture(autouse=True)
def _no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let sockets connect within this machine only."""
    connect = socket.socket.connect

    def guarded(self: socket.socket, address: Any) -> None:
        if self.family in (socket.AF_INET, socket.AF_INET6) and address[0] not in ("127.0.0.1", "::1", "localhost"):
            raise OSError(f"a test reached for the network: {address}")
        connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", guarded)


@pytest.fixture(autouse=True)
def _home(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Point what programs write in a user's home into a temporary folder."""
    home = tmp_path_factory.getbasetemp() / "home"
    home.mkdir(exist_ok=True)
    for name in ("HOME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME"):
        monkeypatch.setenv(name, str(home))


@pytest.fixture(scope="session")
def sample_stills() -> list[Path]:
    """The black-and-white photographs of ``samples/stills``, in mixed formats, one of 16 bits, one stored sideways."""
    return sorted(p for p in (ROOT / "samples" / "stills").rglob("*") if p.is_file())


@pytest.fixture(scope="session")
def color_photographs() -> dict[str, Picture]:
    """Four real color photographs ``[h, w, 3]``, about 160 px high, of odd and even sizes."""
    folder = Path(skimage.__file__).with_name("data")
    heights = {"astronaut.png": 160, "coffee.png": 133, "chelsea.png": 150, "rocket.jpg": 171}
    return {Path(name).stem: _read(folder / name, height) for name, height in heights.items()}


@pytest.fixture(scope="session")
def tiny_engine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The engine folder of `tests.fakes.generators.tiny_generator`."""
    return _exported(tmp_path_factory, "tiny", hints=False)


@pytest.fixture(scope="session")
def hinted_engine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same of a tiny generator that takes hints."""
    return _exported(tmp_path_factory, "hinted", hints=True)


def _exported(tmp_path_factory: pytest.TempPathFactory, name: str, *, hints: bool) -> Path:
    """Export a tiny generator; as that takes long, once for all workers."""
    from tests.fakes.generators import tiny_checkpoint
    from train.export import export

    whole_run = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        whole_run = whole_run.parent
    folder = whole_run / "engines" / name
    with FileLock(whole_run / f"{name}.lock"):
        if not folder.exists():
            making = tmp_path_factory.mktemp("engines") / name
            export(tiny_checkpoint(hints=hints), making, summary="untrained: for tests", short_px=96, temperature=None)
            folder.parent.mkdir(exist_ok=True)
            making.rename(folder)
    return folder


@pytest.fixture
def rng() -> np.random.Generator:
    """Random numbers, the same in every run."""
    return np.random.default_rng(20240607)


def _read(path: Path, height: int) -> Picture:
    rgb = cv2.imread(str(path), cv2.IMREAD_COLOR_RGB)
    assert rgb is not None, path
    width = round(rgb.shape[1] * height / rgb.shape[0])
    return np.asarray(cv2.resize(rgb, (width, height), interpolation=cv2.INTER_AREA), np.uint8)
