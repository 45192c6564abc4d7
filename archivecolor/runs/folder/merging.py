"""Folding the journals that shards wrote into the one of their OUT, when all of them have ended."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

from archivecolor.errors import InputError
from archivecolor.jobs import bag
from archivecolor.jobs.journal import FOLDER, Journal, has_journal, journal_path
from archivecolor.runs.folder.store_journal import fetch_journal, lease_results
from archivecolor.runs.listener import INFO, Listener, Silent
from archivecolor.storage.store import Store
from archivecolor.storage.urls import StoreURL, placed
from archivecolor.version import __version__


def merge_journals(out: Path | str | StoreURL, listener: Listener | None = None) -> int:
    """Make one journal of those in ``out``, and bring a bag's manifests up to date; gives how many were folded in.

    In a store the journal appears whole, and then the objects go that are in it. Raises `BusyError` while a shard is at
    work, `InputError` where there is no journal, `OutputError`.
    """
    place, listener = placed(out), listener or Silent()
    if isinstance(place, StoreURL):
        return _merge_at(Store(place), listener)
    out = place
    if not has_journal(out):
        raise InputError(f"{out}: has no journal", hint="give the OUT of a folder run")
    with Journal(out) as journal:
        listener.message(INFO, f"{journal.folded} journals of shards were merged into {journal.path}")
        if bag.is_bag(out):
            listener.message(INFO, f"the bag holds {bag.seal(out, f'archivecolor {__version__}')} files")
        return journal.folded


def _merge_at(store: Store, listener: Listener) -> int:
    store.check_readable()
    store.check_writable(FOLDER)
    with lease_results(store), TemporaryDirectory(prefix="archivecolor-") as name:
        out = Path(name)
        objects = fetch_journal(store, out)
        whole = journal_path(out).relative_to(out).as_posix()
        if not objects:
            raise InputError(f"{store.url()}: has no journal", hint="give the OUT of a folder run")
        with Journal(out) as journal:
            folded = journal.folded
        store.put(journal_path(out), whole)
        for part in objects:
            if part != whole:
                store.delete(part)
        listener.message(INFO, f"{folded} journals of shards were merged into {store.url(whole)}")
    return folded
