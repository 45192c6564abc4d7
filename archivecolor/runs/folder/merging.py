"""Folding the journals that shards wrote into the one of their OUT, when all of them have ended."""

from __future__ import annotations

from pathlib import Path

from archivecolor.errors import InputError
from archivecolor.jobs import bag
from archivecolor.jobs.journal import Journal, has_journal
from archivecolor.runs.listener import INFO, Listener, Silent
from archivecolor.version import __version__


def merge_journals(out: Path | str, listener: Listener | None = None) -> int:
    """Make one journal of those in ``out``, and bring a bag's manifests up to date; gives how many were folded in.

    Raises `BusyError` while a shard is at work, `InputError` where there is no journal, `OutputError`.
    """
    out, listener = Path(out), listener or Silent()
    if not has_journal(out):
        raise InputError(f"{out}: has no journal", hint="give the OUT of a folder run")
    with Journal(out) as journal:
        listener.message(INFO, f"{journal.folded} journals of shards were merged into {journal.path}")
        if bag.is_bag(out):
            listener.message(INFO, f"the bag holds {bag.seal(out, f'archivecolor {__version__}')} files")
        return journal.folded
