"""Entries of a run, and strategies that make any."""

from __future__ import annotations

import os
from typing import Any

from hypothesis import strategies as st

from archivecolor.jobs.journal import (
    EngineUsed,
    Entry,
    FileState,
    Kind,
    RunRecord,
    Status,
)
from archivecolor.jobs.records import TimedConfidence

ENGINE = EngineUsed("archive", "5" * 64, "ONNX Runtime 1.32, CPU")
RUN = RunRecord(1, "2026-01-31T20:15:00+00:00", "0.1.0", ENGINE, {"0123456789abcdef": {"strength": 0.7}})


def entry(source: str, **fields: Any) -> Entry:
    """An entry of run 1."""
    common = {"kind": Kind.STILL, "status": Status.COLORED, "run": 1, "settings_digest": "0123456789abcdef"}
    return Entry(source, **{**common, "began_at": RUN.started_at, "seconds": 0.5, "engine": ENGINE, **fields})


names = (
    st.binary(min_size=1, max_size=12)
    .filter(lambda b: b"\0" not in b and b"/" not in b and b[0] != 46)
    .map(os.fsdecode)
)
text = st.text(max_size=20)
digests = st.from_regex("[0-9a-f]{64}", fullmatch=True)
files = st.none() | st.builds(FileState, st.integers(0, 1 << 50), st.integers(-(1 << 62), 1 << 62), st.none() | digests)
entries = st.builds(
    entry,
    names,
    kind=st.sampled_from(Kind),
    status=st.sampled_from(Status),
    seconds=st.integers(0, 10**9).map(lambda ms: ms / 1000),
    source_file=files,
    result=st.none() | names,
    result_file=files,
    replaces_sha256=st.none() | digests,
    chosen=st.booleans(),
    warnings=st.lists(text, max_size=3).map(tuple),
    error=st.none() | text,
    hint=st.none() | text,
    confidence=st.none() | st.integers(0, 10**4).map(lambda n: n / 10**4),
    least_sure=st.lists(
        st.builds(
            TimedConfidence,
            st.integers(0, 10**8).map(lambda ms: ms / 1000),
            st.integers(0, 10**4).map(lambda n: n / 10**4),
        ),
        max_size=3,
    ).map(tuple),
)
