"""What the process may use, of a machine and of a container."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from archivecolor import resources
from tests.conftest import ROOT

Write = Callable[[str, str], None]


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Write]:
    """A tree of control groups of one's own; gives a function that writes one of its files."""
    monkeypatch.setattr(resources, "_CGROUPS", tmp_path / "cgroup")
    monkeypatch.setattr(resources, "_OWN_CGROUPS", tmp_path / "own")
    resources.memory_bytes.cache_clear()

    def file(name: str, text: str) -> None:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    yield file
    resources.memory_bytes.cache_clear()


def test_without_control_groups_there_is_all_of_the_machine(write: Write) -> None:
    assert resources.memory_bytes() == psutil.virtual_memory().total
    assert 1 <= resources.usable_cores() <= (os.cpu_count() or 1)
    assert 0 < resources.working_budget_bytes() < resources.memory_bytes()


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="this system binds no process to cores")
def test_a_process_that_is_bound_to_one_core_has_one(write: Write) -> None:
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(cores)})
    try:
        assert resources.usable_cores() == 1
    finally:
        os.sched_setaffinity(0, cores)


def test_the_least_limit_of_a_group_and_those_above_it_counts(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(psutil.Process, "cpu_affinity", lambda _: [*range(64)], raising=False)
    write("own", "0::/job/step\n")
    write("cgroup/job/step/memory.max", "max\n")
    write("cgroup/job/memory.max", "1000000\n")
    write("cgroup/memory.max", "3000000\n")
    write("cgroup/job/step/cpu.max", "250000 100000\n")
    write("cgroup/job/cpu.max", "max 100000\n")
    assert resources.memory_bytes() == 1_000_000
    assert resources.working_budget_bytes() == 400_000
    assert resources.usable_cores() == 3


def test_a_container_of_version_1_is_read_at_its_root(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(psutil.Process, "cpu_affinity", lambda _: [*range(64)], raising=False)
    write("own", "5:cpu,cpuacct:/docker/1a\n4:memory:/docker/1a\n1:name=systemd:/docker/1a\n0::/\n")
    write("cgroup/memory/memory.limit_in_bytes", "2000000\n")
    write("cgroup/cpu,cpuacct/cpu.cfs_quota_us", "50000\n")
    write("cgroup/cpu,cpuacct/cpu.cfs_period_us", "100000\n")
    assert resources.memory_bytes() == 2_000_000
    assert resources.usable_cores() == 1
    write("cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n")
    write("cgroup/cpu,cpuacct/cpu.cfs_quota_us", "-1\n")
    resources.memory_bytes.cache_clear()
    assert resources.memory_bytes() == psutil.virtual_memory().total
    assert resources.usable_cores() == 64


_ARENAS = """
import ctypes, re, sys, threading
from archivecolor import resources
resources.limit_arenas()
libc = ctypes.CDLL(None)
libc.malloc.restype = ctypes.c_void_p
threads = [threading.Thread(target=lambda: (libc.malloc(100), all_began.wait())) for _ in range(8)]
all_began = threading.Barrier(len(threads))
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
libc.fopen.restype = ctypes.c_void_p
libc.fopen.argtypes = [ctypes.c_char_p, ctypes.c_char_p]
libc.fclose.argtypes = [ctypes.c_void_p]
libc.malloc_info.argtypes = [ctypes.c_int, ctypes.c_void_p]
told = libc.fopen(sys.argv[1].encode(), b"w")
libc.malloc_info(0, told)
libc.fclose(told)
print(len(re.findall("<heap ", open(sys.argv[1]).read())))
"""


def _arenas(told: Path, **environment: str) -> int:
    own = {k: v for k, v in os.environ.items() if not k.startswith("MALLOC_")} | environment
    return int(subprocess.check_output([sys.executable, "-c", _ARENAS, str(told)], cwd=ROOT, env=own))


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="this is not glibc")
def test_threads_share_two_heaps_unless_the_environment_says_otherwise(tmp_path: Path) -> None:
    assert _arenas(tmp_path / "told") <= 2
    assert _arenas(tmp_path / "told", MALLOC_ARENA_MAX="6") > 2


_PLANES = """
import ctypes, sys
from archivecolor import resources
if sys.argv[1] == "ours":
    resources.limit_arenas()
libc = ctypes.CDLL(None)
libc.malloc.restype, libc.malloc.argtypes, libc.free.argtypes = ctypes.c_void_p, [ctypes.c_size_t], [ctypes.c_void_p]
def is_mapped(size):  # the length before a chunk says in its second bit whether it was mapped by itself
    place = libc.malloc(size)
    flags = ctypes.c_size_t.from_address(place - 8).value
    libc.free(place)
    return int(flags & 2 > 0)
libc.free(libc.malloc(16_000_000))  # from now on smaller ones are taken from the heap
for plane_bytes in (8_294_400, 2_073_600):
    resources.map_planes(plane_bytes)
    print(is_mapped(9_000_000), is_mapped(7_000_000))
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="this is not glibc")
@pytest.mark.parametrize(("whose", "mapped"), [("ours", "10 00"), ("theirs", "00 00")])
def test_large_planes_are_kept_out_of_a_heap_that_is_ours(whose: str, mapped: str) -> None:
    own = {k: v for k, v in os.environ.items() if not k.startswith("MALLOC_")}
    told = subprocess.check_output([sys.executable, "-c", _PLANES, whose], cwd=ROOT, env=own, text=True)
    assert told.replace(" ", "").split() == mapped.split()
