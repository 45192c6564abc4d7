"""Run every check, in the order of their speed; the exit code is 0 only when all pass."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]

CHECKS = (
    ("ruff", "format", "--check", "."),
    ("ruff", "check", "."),
    ("lint-imports",),
    ("mypy",),
    (sys.executable, "-m", "pytest", *sys.argv[1:]),
)


def main() -> int:
    """Run all checks, even after one has failed, so that one run tells everything."""
    failed = []
    for command in CHECKS:
        sys.stdout.write(f"$ {' '.join(Path(command[0]).name if i == 0 else a for i, a in enumerate(command))}\n")
        sys.stdout.flush()
        if subprocess.run(command, cwd=ROOT, check=False).returncode:
            failed.append(Path(command[0]).name if len(command) < 3 else " ".join(command[1:3]))
    if failed:
        sys.stdout.write(f"failed: {', '.join(failed)}\n")
    return bool(failed)


if __name__ == "__main__":
    sys.exit(main())
