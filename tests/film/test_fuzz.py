"""A sample of the campaign of damaged films: ``python -m tests.film.fuzz`` runs the whole."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.conftest import ROOT
from tests.needs import needs_fork


@needs_fork
def test_a_sample_of_the_fuzz_campaign_finds_nothing(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.film.fuzz", "--files", "44", "--seed", "7"]
    env = os.environ | {"TMPDIR": str(tmp_path)}
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "'refused'" in done.stdout
