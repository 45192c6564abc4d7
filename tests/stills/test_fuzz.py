"""A sample of the campaign of damaged files: ``python -m tests.stills.fuzz`` runs the whole."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.conftest import ROOT
from tests.needs import needs_fork


@needs_fork
def test_a_sample_of_the_fuzz_campaign_finds_nothing(tmp_path: Path) -> None:
    """Each damaged file in a process of its own, held to 10 s and 3 GB: `tests.stills.fuzz` is the campaign."""
    command = [sys.executable, "-m", "tests.stills.fuzz", "50", "11"]
    env = os.environ | {"TMPDIR": str(tmp_path)}
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "'refused'" in done.stdout
