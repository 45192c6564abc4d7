"""A Ray cluster whose machines are all processes of this one."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.fakes.command import ROOT

_LONGEST_S = 300.0
_PORTS = ("metrics_agent_port", "metrics_export_port", "dashboard_agent_listen_port", "runtime_env_agent_port")
_IDLE = "sleep 1000000"
_NOT_NICE = {"RAY_worker_niceness": "0"}
"""Ray lets workers wait for every other process, and tests wait for the workers."""


@contextmanager
def _bare() -> Iterator[None]:
    """Have nodes start without the processes that no run asks anything: dashboards, agents of them and of environments.

    Each of these is a Python that imports Ray, two a node, and a raylet that does not hear of one's ports within 15
    seconds gives up, as it does where tests take all cores.
    """
    from ray._private import node, services
    from ray._raylet import persist_port  # type: ignore[attr-defined]

    def start(command: list[str], kind: str, *given: Any, **more: Any) -> Any:
        told = " ".join(command)
        found = [re.search(pattern, told) for pattern in (r"--session-dir=(\S+)", r"--node-id=(\w+)")]
        if kind == "raylet" and all(found):
            folder, number = (one[1] for one in found if one)
            for port in _PORTS:
                persist_port(folder, number, port, -1)
            command = [re.sub(r"(?s)^(--\w+_agent_command=).*", rf"\1{_IDLE}", word) for word in command]
        return started(command, kind, *given, **more)

    started = services.start_ray_process
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(services, "start_ray_process", start)
        patch.setattr(node.Node, "start_api_server", lambda *_, **__: None)
        yield


class Machines:
    """A cluster of machines, and its head, which has no cores for workers and is where the drivers are."""

    def __init__(self, seconds: float, **environment: str) -> None:
        """The engine of its workers takes ``seconds`` for a picture; they have that in their ``environment``, too."""
        from ray.cluster_utils import Cluster

        self._seconds = seconds
        self._env = {
            "PYTHONPATH": f"{ROOT / 'tests' / 'fakes' / 'workers'}{os.pathsep}{ROOT}",
            "OMP_NUM_THREADS": "1",
            "RAY_USAGE_STATS_ENABLED": "0",
            **_NOT_NICE,
            **environment,
        }
        self._given = {"object_store_memory": 80_000_000, "include_dashboard": False, "include_log_monitor": False}
        self._cluster = Cluster()
        self._start(num_cpus=0, no_monitor=True, env_vars=_NOT_NICE)

    @property
    def address(self) -> str:
        return str(self._cluster.address)

    def add(self, cpus: int = 1, **wanted: Any) -> Any:
        """One more machine, whose workers have what is ``wanted``, as `tests.fakes.workers` says."""
        told = json.dumps({"seconds": self._seconds, **wanted})
        return self._start(num_cpus=cpus, env_vars={**self._env, "ARCHIVECOLOR_TEST_WORKER": told})

    def _start(self, **given: Any) -> Any:
        with _bare():
            return self._cluster.add_node(**given, **self._given)

    def remove(self, node: Any) -> None:
        """Pull a machine's plug."""
        self._cluster.remove_node(node, allow_graceful=False)

    def drive(
        self,
        source: Path | str,
        out: Path | str,
        *more: str,
        command: str = "folder",
        python: tuple[str, str] = ("-m", "archivecolor"),
    ) -> subprocess.Popen[str]:
        """Start a run."""
        words = [sys.executable, *python, command, source, out, "--cluster", self.address, *more]
        return subprocess.Popen(
            list(map(str, words)), cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )

    def workers(self, but: Any = None) -> list[psutil.Process]:
        """The processes that make items, for this cluster, on all machines ``but`` one."""
        found = []
        for node in self._cluster.list_all_nodes():
            if node is but:
                continue
            for info in node.all_processes.get("raylet", ()):
                for child in psutil.Process(info.process.pid).children():
                    with suppress(psutil.Error):  # one that has just ended
                        found += [child] * ("Worker.make" in "".join(child.cmdline()[:1]))
        return found

    def close(self) -> None:
        self._cluster.shutdown()


def ended(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    """The code of a run, and what it said on stdout and stderr."""
    out, err = process.communicate(timeout=_LONGEST_S)
    return process.returncode, out, err


def once(condition: Callable[[], bool]) -> None:
    """Wait for it."""
    until = time.monotonic() + _LONGEST_S
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.05)


def assert_refused(process: tuple[int, str, str], code: int, told: str) -> None:
    """A run ended with that line before anything was colored."""
    assert process[0] == code, process[2]
    assert any(told in line for line in process[2].splitlines()), process[2]  # lines of progress may come first
    assert "colored" not in process[2]
