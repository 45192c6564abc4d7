"""Leases: objects that say who writes into a folder of a store, as the files of `jobs.claims` do on a disk.

A lease is an object ``NAME.GENERATION``, put on condition that there is none of that name: of several who put one,
exactly one succeeds. Its holder puts it again every few seconds, with a count in it. A holder on this machine is dead
when its process is, so that who was killed may begin again at once; one elsewhere is dead when its lease has not
changed for `DEAD_S` while somebody watched. Who takes over puts the next generation and deletes the one before; a
holder that was only suspended sees that at its next beat, and names nothing more.

A store that knows no such condition lets two succeed who begin within the same second. The lease is then of the one
who put it last, and the other one sees it at its next beat.
"""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import PurePath
from types import TracebackType
from typing import Final, Self

from archivecolor.errors import ArchiveColorError
from archivecolor.jobs.claims import DEAD_S, Holder, LostClaimError, Watched, generation, held
from archivecolor.storage.store import Store

log: Final = logging.getLogger(__name__)

BEAT_S: Final = 10.0
"""Between two puts of a lease: each is three small requests."""


class Leases(Watched):
    """The leases of one folder of a store."""

    def __init__(self, store: Store, folder: str) -> None:
        super().__init__()
        self._store, self._folder = store, folder

    def standing(self, name: str | None = None) -> Sequence[PurePath]:
        """Those that are there, of the dead too: of that name, or all. Raises `InputError`."""
        found = map(PurePath, self._store.list(self._folder).files)
        return sorted(path for path in found if generation(path) and name in (None, path.stem))

    def try_claim(self, name: str) -> Lease | None:
        """Take the lease of that name; None where somebody has it, or may have. Raises `ArchiveColorError`."""
        standing = self.standing(name)
        if any(not self.is_dead(path) for path in standing):
            return None
        lease = Lease(self._store, self._folder, name, max(map(generation, standing), default=0) + 1)
        if not lease.put():
            return None
        for path in standing:
            self.remove(path)
        return lease

    def remove(self, path: PurePath) -> None:
        """Delete one. Raises `OutputError`."""
        self._store.delete(f"{self._folder}/{path}")

    def _state(self, path: PurePath) -> tuple[bytes, int]:
        return self._store.content(f"{self._folder}/{path}"), 0


class Lease:
    """A lease of this process, until it is released."""

    def __init__(self, store: Store, folder: str, name: str, number: int) -> None:
        self.path = PurePath(f"{name}.{number}")
        self._store, self._folder, self._number = store, folder, number
        self._holder, self._beats = Holder.new(), 0
        self._object = f"{folder}/{self.path}"
        self._released, self._lost = threading.Event(), False
        self._beating = threading.Thread(target=self._beat, name="lease", daemon=True)

    def put(self) -> bool:
        """Put it, and again and again from now on; False where another one came first. Raises `OutputError`."""
        held.add(self._holder.token)
        if not self._store.create(self._content(), self._object) and not self._is_mine():
            held.discard(self._holder.token)
            return False
        self._beating.start()
        return True

    def check(self) -> None:
        """Raise `LostClaimError` where another process took over."""
        if self._lost:
            raise LostClaimError(
                f"{self._store.url()}: this run did not answer for {DEAD_S:g} seconds, and another took over",
                hint="run the same command again",
            )

    def release(self) -> None:
        """Let others have it. Twice is fine."""
        if self._released.is_set():
            return
        self._released.set()
        self._beating.join()
        held.discard(self._holder.token)
        try:
            if not self._lost:
                self._store.delete(self._object)
        except ArchiveColorError as e:  # whoever comes next finds out that it is dead
            log.debug("%s", e)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()

    def _beat(self) -> None:
        while not self._released.wait(BEAT_S):
            try:
                names = map(PurePath, self._store.list(self._folder).files)
                is_mine = self._is_mine()
                if any(generation(one) > self._number for one in names if one.stem == self.path.stem):
                    self._lost = True
                    if is_mine:  # it was put again when another run had deleted it
                        self._store.delete(self._object)
                if self._lost or not is_mine:
                    self._lost = True
                    return
                self._beats += 1
                self._store.write(self._content(), self._object)
            except ArchiveColorError as e:  # the store does not answer: it may, the next time
                log.debug("%s", e)

    def _content(self) -> bytes:
        return json.dumps({**asdict(self._holder), "beats": self._beats}).encode()

    def _is_mine(self) -> bool:
        found = Holder.read(self._store.content(self._object))
        return found is not None and found.token == self._holder.token
