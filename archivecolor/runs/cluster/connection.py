"""A process as the driver of a Ray cluster: connecting to it, and for how many workers it has room."""

from __future__ import annotations

import logging
import os
import re
import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

from archivecolor.errors import DependencyError, UsageError
from archivecolor.runs.settings import ClusterSettings

log: Final = logging.getLogger(__name__)

_USUAL_CORES: Final = 4
_ANSWER_S: Final = 5.0
"""Within which the head of a cluster that is there accepts a connection."""
_LIVES_S: Final = 2.0
_HANDLED: Final = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def connected(settings: ClusterSettings) -> Iterator[None]:
    """Be a driver of the cluster while the block runs; where this process is one already, it stays one.

    Raises `DependencyError` where Ray is not installed, no cluster is at the address, and where it is of another
    version or fails.
    """
    ray = _ray()
    if ray.is_initialized():
        with _explained(ray):
            yield
        return
    address = settings.address
    _check_answers(address)
    main = threading.current_thread() is threading.main_thread()
    handlers = {number: signal.getsignal(number) for number in _HANDLED} if main else {}
    try:
        ray.init(address, log_to_driver=False, configure_logging=False, logging_level=logging.ERROR)
    except (RuntimeError, ValueError, OSError, AssertionError, KeyError) as e:
        raise _explain(e, address) from e
    finally:
        for number, handler in handlers.items():  # Ray puts its own there
            signal.signal(number, handler)
    try:
        with _explained(ray), _unprinted():
            yield
    finally:
        ray.shutdown()


@contextmanager
def _unprinted() -> Iterator[None]:
    """Have what Ray says of workers that died be logged: it prints that where data belong, and `Dispatch` tells it."""
    from ray._private import worker

    printing = worker.print_to_stdstream
    worker.print_to_stdstream = lambda data, **_: log.debug("%s", " ".join(map(str, data.get("lines", ()))))
    try:
        yield
    finally:
        worker.print_to_stdstream = printing


@contextmanager
def _explained(ray: Any) -> Iterator[None]:
    """Have what fails, and is no worker's, the head's machine or the notary, be told in a line."""
    try:
        yield
    except ray.exceptions.RayError as e:
        told = " ".join(str(e).split())
        raise DependencyError(f"the cluster failed: {told}", hint="the same command continues") from e


def _ray() -> Any:
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")  # workers without GPUs leave CUDA's variable alone
    try:
        import ray
    except ImportError as e:
        raise DependencyError("--cluster needs Ray", hint="pip install 'archivecolor[ray]' on every machine") from e
    return ray


def _check_answers(address: str) -> None:
    """Raise `DependencyError` where no cluster is, or nothing listens: Ray itself would try for minutes."""
    try:
        from ray._private import services

        found = services.canonicalize_bootstrap_address(address)
    except ConnectionError as e:
        raise _missing(address) from e
    except (ImportError, AttributeError):  # a Ray that keeps it elsewhere finds out by itself
        return
    except ValueError:
        found = None
    host, _, port = (found or "").rpartition(":")
    if not host or not port.isdecimal():
        raise UsageError(f"'{address}' is no address of a cluster", hint="give HOST:PORT, or auto")
    if not _answers(host, int(port), _ANSWER_S):
        raise _missing(found if address == "auto" else address)


def _explain(error: Exception, address: str) -> DependencyError:
    told = str(error)
    if "ersion mismatch" in told:
        versions = " and ".join(f"{name} {' is not '.join(_versions(name, told))}" for name in ("Ray", "Python"))
        return DependencyError(
            f"the cluster at {address} has other versions than this machine: {versions}",
            hint="install the same Ray and the same Python on every machine",
        )
    if isinstance(error, ConnectionError) and address == "auto":
        return _missing(address)
    if "node_ip" in told or "node ip" in told or "raylet" in told or "GCS" in told:
        return DependencyError(
            f"this machine does not belong to the Ray cluster at {address}",
            hint=f"run it on one that does, or first: ray start --address={address} --num-cpus=0",
        )
    return DependencyError(f"the Ray cluster at {address} refuses: {' '.join(told.split())}", hint="see 'ray status'")


def _versions(name: str, told: str) -> list[str]:
    """Those of the cluster and of this machine, or the one that both have."""
    return list(dict.fromkeys(re.findall(rf"{name}: *(\S+)", told)))


def _missing(address: str) -> DependencyError:
    if address == "auto":
        return DependencyError(
            "this machine belongs to no Ray cluster", hint="start one with: ray start --head, or give its HOST:PORT"
        )
    return DependencyError(f"no Ray cluster answers at {address}", hint="'ray start --head' says its address")


@dataclass(frozen=True, slots=True)
class Size:
    """What a worker asks for."""

    cores: int
    gpus: float

    def __str__(self) -> str:
        return f"{self.cores} CPUs" + (f" and {self.gpus:g} GPUs" if self.gpus else "")

    def room(self) -> int:
        """How many such workers the cluster's machines hold, whatever else they are doing."""
        return sum(map(self._fit, _machines()))

    def _fit(self, has: dict[str, float]) -> int:
        fits = int(has.get("CPU", 0) / self.cores)
        return min(fits, int(has.get("GPU", 0) / self.gpus + 1e-9)) if self.gpus else fits


def size_of(settings: ClusterSettings) -> Size:
    """What each worker asks for. Raises `UsageError` where no machine has so much, and none was asked to wait for."""
    machines = _machines()
    fitting = [int(has["CPU"]) for has in machines if has.get("CPU", 0) >= 1 and has.get("GPU", 0) >= settings.gpus]
    size = Size(settings.cores or min([_USUAL_CORES, *fitting]), settings.gpus)
    if not size.room() and settings.workers is None:
        have = max((int(has.get("CPU", 0)) for has in machines), default=0)
        gpus = max((has.get("GPU", 0.0) for has in machines), default=0.0)
        raise UsageError(
            f"no machine of the cluster has the {size} of a worker; they have up to {have} CPUs, and {gpus:g} GPUs",
            hint="--workers N waits for machines that the cluster starts when they are asked for",
        )
    return size


def lives(node: str) -> bool:
    """Whether a machine, by its node's number, is there: Ray itself takes half a minute to notice that one is not."""
    for known in _ray().nodes():
        if known["NodeID"] == node and known["Alive"]:
            return _answers(known["NodeManagerAddress"], int(known["NodeManagerPort"]), _LIVES_S)
    return False


def _answers(host: str, port: int, patience_s: float) -> bool:
    try:
        socket.create_connection((host, port), patience_s).close()
    except (OSError, OverflowError):
        return False
    return True


def _machines() -> list[dict[str, float]]:
    return [node["Resources"] for node in _ray().nodes() if node["Alive"]]
