"""Run every check; the exit code is 0 only when all pass. Arguments go to pytest: ``python -m tests -n 0 -k luma``.

The quick ones come first. The slow ones run beside the tests, for those wait now and then: for browsers, for programs
that were killed, for a disk.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final, TypeAlias

ROOT: Final = Path(__file__).resolve().parents[1]
WORKERS: Final = min(8, len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)

Command: TypeAlias = tuple[str, ...]

QUICK: Final[tuple[Command, ...]] = (("ruff", "format", "--check", "."), ("ruff", "check", "."))
SLOW: Final[tuple[Command, ...]] = (("lint-imports",), ("mypy",), (sys.executable, "-m", "tests.report.lint"))
TESTS: Final[Command] = (sys.executable, "-m", "pytest", f"-n{WORKERS}", "--dist=worksteal", *sys.argv[1:])


def main() -> int:
    """Run all checks, even after one has failed, so that one run tells everything."""
    failed = [_name(command) for command in QUICK if _run(command)]
    with tempfile.TemporaryDirectory() as folder:
        told = [Path(folder) / str(i) for i in range(len(SLOW))]
        beside = [_start(command, path) for command, path in zip(SLOW, told, strict=True)]
        tests_failed = _run(TESTS)
        for command, process, path in zip(SLOW, beside, told, strict=True):
            if process.wait():
                failed.append(_name(command))
            _tell(command)
            sys.stdout.write(path.read_text("utf-8", "replace"))
    failed += [_name(TESTS)] * tests_failed
    if failed:
        sys.stdout.write(f"failed: {', '.join(failed)}\n")
    return bool(failed)


def _run(command: Command) -> bool:
    _tell(command)
    return subprocess.run(command, cwd=ROOT, check=False).returncode != 0


def _start(command: Command, told: Path) -> subprocess.Popen[bytes]:
    with told.open("wb") as out:
        return subprocess.Popen(command, cwd=ROOT, stdout=out, stderr=subprocess.STDOUT)


def _tell(command: Command) -> None:
    sys.stdout.write(f"$ {' '.join((Path(command[0]).name, *command[1:]))}\n")
    sys.stdout.flush()


def _name(command: Command) -> str:
    return " ".join((Path(command[0]).name, *command[1:3]))


if __name__ == "__main__":
    sys.exit(main())
