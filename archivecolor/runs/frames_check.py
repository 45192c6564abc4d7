"""Whether every frame of a colored sequence has the luma of its source, and whatever its source's header says."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from archivecolor.errors import InputError
from archivecolor.jobs.digests import read_state
from archivecolor.jobs.file_sets import Numbering, members
from archivecolor.runs.luma_check import Finding, Verdict, compare_stills, wrong
from archivecolor.sequences import dpx, exr
from archivecolor.sequences.frames import Frame, read_frame
from archivecolor.settings import Luma


def compare_sequences(source: Path, result: Path, *, luma: Luma = Luma.SAME) -> Finding:
    """Compare every frame of a sequence with its colored one; ``luma`` is what is on record of the worst of them.

    Raises `InputError` where one of the results cannot be read.
    """
    before, after = members(source), members(result)
    names = Numbering.of(source.name)
    if before.keys() != after.keys():
        off = sorted(before.keys() ^ after.keys())[0]
        return wrong(f"has {len(after)} frames, its source {len(before)}; the first that differs is {off}")
    found = Finding()
    for number, name in after.items():
        was, now = source.with_name(before[number]), result.with_name(name)
        finding = _compare(was, now, luma).at(names.file_name(number) if names else name)
        if finding.verdict is Verdict.WRONG:
            return finding
        found = found if found.reason else finding
    return found


def _compare(source: Path, result: Path, luma: Luma) -> Finding:
    try:
        was = read_frame(source)
    except InputError:  # it was kept as it is
        return Finding() if _same(source, result) else wrong("its source is broken, and it is no copy of it")
    now = read_frame(result)
    kinds = (dpx.Header, exr.ExrFrame)
    if not isinstance(was.origin, kinds) or not isinstance(now.origin, kinds):
        return compare_stills(source, result, luma=luma)
    if was.luma.shape != now.luma.shape or (was.form.depth, was.form.scale) != (now.form.depth, now.form.scale):
        return wrong("is of another form than its source")
    off = float((was.luma != now.luma).mean())
    if off:
        return wrong(f"its luma differs in {off:.3%} of its pixels")
    lost = _lost(was, now)
    return wrong(f"has its source's luma, but lacks {lost}") if lost else Finding()


def _lost(was: Frame, now: Frame) -> str | None:
    """What a frame carries beside its picture and its result does not."""
    if isinstance(was.origin, dpx.Header) and isinstance(now.origin, dpx.Header):
        if (was.alpha is None) is not (now.alpha is None) or (
            was.alpha is not None and now.alpha is not None and not np.array_equal(was.alpha, now.alpha)
        ):
            return "its alpha channel"
        return None if dpx.told_besides(was.origin) == dpx.told_besides(now.origin) else "fields of its header"
    if isinstance(was.origin, exr.ExrFrame) and isinstance(now.origin, exr.ExrFrame):
        gone = {name for name, _ in was.origin.others} - {name for name, _ in now.origin.others}
        gone |= was.origin.attributes - now.origin.attributes
        return ", ".join(sorted(gone)) or None
    return None


def _same(source: Path, result: Path) -> bool:
    return read_state(source).sha256 == read_state(result).sha256
