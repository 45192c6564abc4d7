from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.skips import EXCUSED

ROOT = Path(__file__).resolve().parents[1]
PYTEST = [
    sys.executable,
    "-m",
    "pytest",
    "-p",
    "tests.skips",
    "-p",
    "no:cacheprovider",
    "-p",
    "no:xdist",
    "-c",
    os.devnull,
]
PYTEST += ["-rA", "--continue-on-collection-errors"]

SKIPPING = f"""
import pytest

@pytest.fixture
def browser():
    pytest.skip("no browser")

def test_fixture(browser): ...

@pytest.mark.skipif(True, reason="no tool")
def test_mark(): ...

def test_call():
    pytest.importorskip("no_such_module")

@pytest.mark.xfail
def test_expected_to_fail():
    assert False

def test_excused():
    pytest.skip({next(iter(EXCUSED))!r})
"""


@pytest.mark.parametrize(("no_skips", "ends"), [("", 0), ("1", 1)])
def test_what_skips_fails_where_everything_must_be_there(no_skips: str, ends: int, tmp_path: Path) -> None:
    (tmp_path / "test_parts.py").write_text(SKIPPING)
    (tmp_path / "test_whole.py").write_text("import pytest\npytest.importorskip('no_such_module')\n")
    done = subprocess.run(
        [*PYTEST, f"--rootdir={tmp_path}", str(tmp_path)],
        cwd=ROOT,
        env=os.environ | {"ARCHIVECOLOR_NO_SKIPS": no_skips},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == ends, done.stdout
    last = done.stdout.splitlines()[-1]
    if not ends:
        assert "5 skipped, 1 xfailed" in last
        return
    assert "1 failed, 1 skipped, 1 xfailed, 3 errors" in last
    for lost in ("test_fixture", "test_mark", "test_call", "test_whole.py"):
        assert f"{lost}: must not skip" in done.stdout
