"""A Ray cluster whose machines are all processes of this one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil

from tests.fakes.command import ROOT

_LONGEST_S = 300.0
_STARTS = 2


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
            **environment,
        }
        self._given = {"object_store_memory": 80_000_000, "include_dashboard": False, "include_log_monitor": False}
        self._cluster = Cluster()
        self._start(num_cpus=0, no_monitor=True)

    @property
    def address(self) -> str:
        return str(self._cluster.address)

    def add(self, cpus: int = 1, **wanted: Any) -> Any:
        """One more machine, whose workers have what is ``wanted``, as `tests.fakes.workers` says."""
        told = json.dumps({"seconds": self._seconds, **wanted})
        return self._start(num_cpus=cpus, env_vars={**self._env, "ARCHIVECOLOR_TEST_WORKER": told})

    def _start(self, **given: Any) -> Any:
        """Start a node, again where Ray gave up on it: it waits for half a minute, and the tests take all cores."""
        for _ in range(_STARTS):
            with suppress(Exception):
                return self._cluster.add_node(**given, **self._given)
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
