"""An object of a store as a file that can be sought in: read by ranges, of which the last ones are kept in memory."""

from __future__ import annotations

import io
import threading
from collections import OrderedDict
from typing import Any, BinaryIO, Final, cast

from archivecolor.errors import InputError
from archivecolor.storage.store import Store

BLOCK_BYTES: Final = 4 << 20
_BLOCKS: Final = 16
"""That are kept: 64 MB."""


class Ranges:
    """One object, for as many readers as like; these share what is in memory."""

    def __init__(self, store: Store, name: str, size_bytes: int, block_bytes: int = BLOCK_BYTES) -> None:
        self._store, self._name, self.size_bytes, self._block_bytes = store, name, size_bytes, block_bytes
        self._kept: OrderedDict[int, bytes] = OrderedDict()
        self._lock = threading.Lock()

    def open(self) -> BinaryIO:
        """A reader, at the beginning."""
        return cast(BinaryIO, io.BufferedReader(_Reader(self), 1 << 16))

    def read(self, at: int, most: int) -> bytes:
        """Some bytes from there on, none at the end. Raises `InputError` where they do not come."""
        number, offset = divmod(at, self._block_bytes)
        if at >= self.size_bytes:
            return b""
        with self._lock:
            block = self._kept.get(number)
            if block is None:
                block = self._kept[number] = self._fetch(number)
                if len(self._kept) > _BLOCKS:
                    self._kept.popitem(last=False)
            self._kept.move_to_end(number)
        return block[offset : offset + most]

    def _fetch(self, number: int) -> bytes:
        begin = number * self._block_bytes
        wanted = min(self._block_bytes, self.size_bytes - begin)
        block = self._store.read(self._name, wanted, begin)
        if len(block) != wanted:
            raise InputError(f"{self._store.url(self._name)}: changed while it was read", hint="run it again")
        return block


class _Reader(io.RawIOBase):
    def __init__(self, ranges: Ranges) -> None:
        self._ranges, self._at = ranges, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._ranges.size_bytes}[whence]
        self._at = max(0, base + offset)
        return self._at

    def tell(self) -> int:
        return self._at

    def readinto(self, buffer: Any) -> int:
        view = memoryview(buffer).cast("B")
        found = self._ranges.read(self._at, len(view))
        view[: len(found)] = found
        self._at += len(found)
        return len(found)
