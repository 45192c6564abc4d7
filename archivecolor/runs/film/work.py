"""Where a film is made until it is whole, and what a run that ended early left there."""

from __future__ import annotations

from pathlib import Path

from archivecolor.film.segments import clear_finished, holds_journal
from archivecolor.jobs.atomic import part_path
from archivecolor.jobs.file_sets import Numbering
from archivecolor.runs.film.sharing import clear_shared, is_under_way


def work_folder(target: Path) -> Path:
    """Where the segments of a film lie until it is whole."""
    return part_path(target).with_suffix(".work")


def is_unfinished(target: Path) -> bool:
    """Whether a run was stopped or killed before a sequence at ``target`` was whole: the same run continues."""
    return Numbering.of(target.name) is not None and (holds_journal(work_folder(target)) or is_under_way(target))


def clear_leftover(target: Path) -> bool:
    """Delete what a run that was killed at its very end left beside a finished film; says if there was any."""
    clear_shared(target)
    return clear_finished(work_folder(target))
