"""Claims: files that say who works on something, among machines that share nothing but a file system.

A claim is a file ``NAME.GENERATION`` that its holder made and touches every few seconds. Assumed of the file system
is that of several who create one name, exactly one succeeds, on whatever machine; that what was renamed, linked or
closed is seen by whoever opens it afterwards; and that a folder that one has just created a file in is listed as it
is. NFS from version 3, Lustre, Ceph, GPFS, BeeGFS and SMB keep that. Locks are not needed, for they are missing, or
hold on one machine alone, where clusters keep their files; clocks of machines need not agree, for a claim is watched
by the watcher's own clock.

A holder on this machine is dead when its process is. One elsewhere is dead when its claim has not been touched for
`DEAD_S` while somebody watched. Who takes over makes the next generation, which only one can, and deletes the earlier
one; a holder that was only suspended sees that at its next `Claim.check`, before it names a result, and gives up.
"""

from __future__ import annotations

import json
import logging
import os
import platform
import threading
import time
import uuid
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path, PurePath
from typing import Final, Protocol, Self, TypeVar

import psutil

from archivecolor.errors import OutputError
from archivecolor.jobs.files import open_regular

log = logging.getLogger(__name__)

BEAT_S: Final = 5.0
"""Between two touches."""
DEAD_S: Final = 60.0
"""Without a touch, by the watcher's clock, after which the holder on another machine is taken for dead."""
_LOOK_S: Final = 1.0
_STARTED_S: Final = 5.0
"""Within which two times of a process's start are one."""
_LONGEST_BYTES: Final = 4096
held: Final[set[str]] = set()
"""Tokens of the claims that the present process holds; one that it could not delete is not among them."""


@cache
def _place() -> str:
    """The machine, since it was started, and its space of process numbers."""
    with suppress(OSError):
        boot = Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
        return f"{boot} {Path('/proc/self/ns/pid').stat().st_ino}"
    return f"{platform.node()} {round(psutil.boot_time(), -1)}"


@dataclass(frozen=True, slots=True)
class Holder:
    """Who made a claim."""

    machine: str
    place: str
    """Where its process number means something."""
    process: int
    started: float
    token: str

    @classmethod
    def new(cls) -> Self:
        """The present process, with a token of its own."""
        own = psutil.Process()
        return cls(platform.node(), _place(), own.pid, own.create_time(), uuid.uuid4().hex)

    @classmethod
    def read(cls, content: bytes) -> Self | None:
        """The holder that a claim names; None where it names none, as while it is being made."""
        try:
            values = json.loads(content)
            process, started = int(values["process"]), float(values["started"])
            return cls(str(values["machine"]), str(values["place"]), process, started, str(values["token"]))
        except (ValueError, TypeError, KeyError, OverflowError, RecursionError):
            return None

    @property
    def is_dead(self) -> bool | None:
        """Whether its process has ended; None where that cannot be told from here."""
        if self.place != _place():
            return None
        if self.process == os.getpid():
            return self.token not in held
        try:
            process = psutil.Process(self.process)
            same = abs(process.create_time() - self.started) < _STARTED_S
            return not same or process.status() == psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return True
        except (psutil.Error, ValueError, OverflowError):
            return None


Claimed = TypeVar("Claimed", bound=PurePath)


class Watcher(Protocol):
    """What tells of the holders of claims."""

    def is_dead(self, path: PurePath) -> bool | None:
        """Whether the holder is dead, or let go; None while that is not known yet."""

    def who(self, path: PurePath) -> str:
        """The holder, in words."""


class Watched:
    """What is known of the claims of others: whether they are held by somebody who lives."""

    def __init__(self) -> None:
        self._seen: dict[PurePath, tuple[object, float]] = {}

    def is_dead(self, path: PurePath) -> bool | None:
        """Whether a claim's holder is dead, or let go; None while that is not known yet. Raises `OSError`."""
        state = self._state(path)
        if state is None:
            return True
        holder = Holder.read(state[0])
        if holder and (known := holder.is_dead) is not None:
            return known
        before, since = self._seen.setdefault(path, (state, time.monotonic()))
        if before != state:
            self._seen[path] = (state, time.monotonic())
            return False
        if time.monotonic() - since > DEAD_S:
            return True
        return None

    def who(self, path: PurePath) -> str:
        """The holder of a claim, in words."""
        state = self._state(path)
        holder = Holder.read(state[0]) if state else None
        return f"process {holder.process} on {holder.machine}" if holder else "another process"

    def _state(self, path: PurePath) -> tuple[bytes, int] | None:
        """What a claim holds, and when it was touched; None where it is gone."""
        try:
            with os.fdopen(open_regular(Path(path)), "rb") as file:  # opening has the server asked
                return file.read(_LONGEST_BYTES), os.fstat(file.fileno()).st_mtime_ns
        except FileNotFoundError:
            return None


class LostClaimError(OutputError):
    """The present process was taken for dead, and another one took over."""


class Claim:
    """A claim that this process holds, until it is released."""

    def __init__(self, path: Path, guarded: Path, token: str) -> None:
        """Touch ``path`` from now on; errors name ``guarded``. No two claims have one ``token``."""
        self.path, self._guarded, self.token = path, guarded, token
        self._released = threading.Event()
        self._beating = threading.Thread(target=self._beat, name="claim", daemon=True)
        self._beating.start()

    def check(self) -> None:
        """Raise `LostClaimError` where another process took over."""
        try:
            os.utime(self.path)
        except FileNotFoundError as e:
            raise LostClaimError(
                f"{self._guarded}: this run did not answer for {DEAD_S:g} seconds, and another took over",
                hint="run the same command again",
            ) from e
        except OSError as e:
            log.debug("%s: cannot be touched: %s", self.path, e.strerror)

    def release(self) -> None:
        """Let others have it. Twice is fine."""
        if self._released.is_set():
            return
        self._released.set()
        self._beating.join()
        held.discard(self.token)
        with suppress(OSError):
            self.path.unlink()

    def _beat(self) -> None:
        while not self._released.wait(BEAT_S):
            try:
                self.check()
            except LostClaimError:
                return


def try_claim(folder: Path, name: str, guarded: Path, watched: Watched) -> Claim | None:
    """Claim ``name`` in ``folder``, which is there; None where somebody has it, or may have.

    Ask again where it may be that the holder died. Raises `OSError` where nothing can be written.
    """
    before = standing(folder, name)
    if any(not watched.is_dead(path) for path in before):
        return None
    judged = {path: _content(path) for path in before}
    path = folder / f"{name}.{max(map(generation, before), default=0) + 1}"
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0), 0o666)
    except FileExistsError:
        return None
    holder = Holder.new()
    held.add(holder.token)
    with os.fdopen(descriptor, "wb") as file:
        file.write(json.dumps(asdict(holder)).encode())
    others = [other for other in standing(folder, name) if other != path]
    if any(_content(other) != judged.get(other) for other in others):  # somebody came in between
        held.discard(holder.token)
        path.unlink()
        return None
    for other in others:
        with suppress(FileNotFoundError):
            other.unlink()
    return Claim(path, guarded, holder.token)


def standing(folder: Path, name: str | None = None) -> list[Path]:
    """The claims in a folder, dead ones too: of that name, or all. None where there is no such folder."""
    try:
        found = [path for path in folder.iterdir() if generation(path) and name in (None, path.stem)]
    except FileNotFoundError:
        return []
    return sorted(found)


def wait_for_death(paths: Iterable[Claimed], watched: Watcher) -> list[Claimed]:
    """Those of some claims that a living process holds; waits until that is known of at least one, or of all.

    Raises `OSError`.
    """
    left, told = list(paths), False
    while left:
        states = {path: watched.is_dead(path) for path in left}
        if alive := [path for path, dead in states.items() if dead is False]:
            return alive
        left = [path for path, dead in states.items() if dead is None]
        if left and not told:
            told = True
            names = " and ".join(map(watched.who, left[:4]))
            log.info("looking for up to %g seconds whether %s lives", DEAD_S + _LOOK_S, names)
        if left:
            time.sleep(_LOOK_S)
    return []


def who(path: Path) -> str:
    """The holder of a claim, in words."""
    return Watched().who(path)


def _content(path: Path) -> bytes:
    try:
        with os.fdopen(open_regular(path), "rb") as file:
            return file.read(_LONGEST_BYTES)
    except OSError:
        return b""


def generation(path: PurePath) -> int:
    """The number at the end of a claim's name; 0 of what is none."""
    digits = path.suffix[1:]
    return int(digits) if digits.isascii() and digits.isdecimal() and len(digits) < 10 else 0
