"""Tests that skip where something is missing must not skip where everything is there.

With ``ARCHIVECOLOR_NO_SKIPS=1``, as in CI, a test or a module that skips fails, unless its reason is one of `EXCUSED`.
"""

from __future__ import annotations

import os
from collections.abc import Generator
from typing import Final, TypeVar

import pytest

NO_SKIPS: Final = os.environ.get("ARCHIVECOLOR_NO_SKIPS", "") not in ("", "0")

EXCUSED: Final = {
    "needs ../shared/corpus": "photographs that are not ours to publish",
    "this file system takes both forms for one name": "macOS",
}
"""Reasons to skip everywhere, and why they are good."""

_Report = TypeVar("_Report", pytest.TestReport, pytest.CollectReport)


def strictly(report: _Report) -> _Report:
    """Turn a skip that is not excused into a failure."""
    if not NO_SKIPS or not report.skipped or hasattr(report, "wasxfail"):
        return report
    reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    if reason.removeprefix("Skipped: ") not in EXCUSED:
        report.outcome = "failed"
        report.longrepr = f"{report.nodeid}: must not skip with ARCHIVECOLOR_NO_SKIPS set. {reason}"
    return report


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Of a test, its fixtures and marks."""
    return strictly((yield))


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Of a whole module."""
    return strictly((yield))
