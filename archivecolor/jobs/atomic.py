"""Files that are either whole or not there.

A result is written to ``.<name>.part`` beside its final place, synced to disk, and only then given its name. Without
``overwrite`` the name is given by a hard link, which fails when it is taken: not even a race loses a file. The part
is locked while it is written, so that two runs do not write into each other's; a killed run leaves it, unlocked, and
the next one clears it away. It writes a file of its own rather than over that one: where locks hold on one machine
alone, a run elsewhere that was taken for dead, and is not, still has it open.
"""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from archivecolor.errors import InputError, OutputError
from archivecolor.jobs.files import derived_name, open_regular
from archivecolor.jobs.locks import lock

_NO_SPACE = {errno.ENOSPC, errno.EDQUOT}
_NO_LINKS = {errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EMLINK, errno.ENOSYS}


class DiskFullError(OutputError):
    """There is no room for the result: the next one will not fit either."""


class AlreadyExistsError(OutputError):
    """The final name is taken and was not to be overwritten."""


def part_path(final: Path) -> Path:
    """Where a file is written before it gets its name."""
    return final.with_name(derived_name(".", final.name, ".part"))


@contextmanager
def atomic_write(
    final: Path, *, overwrite: bool, before_naming: Callable[[BinaryIO], None] | None = None
) -> Iterator[BinaryIO]:
    """Open a file that takes the name ``final`` when the block ends well, and vanishes when it does not.

    ``before_naming`` is given the file when it is whole; what it raises ends the block badly. Folders are made as
    needed. Raises `AlreadyExistsError`, `DiskFullError` or `OutputError`, each naming ``final``.
    """
    part = part_path(final)
    try:
        final.parent.mkdir(parents=True, exist_ok=True)
        file = _open(part, final)
    except OSError as e:
        raise _explain(e, final) from e
    try:
        with file:
            try:
                yield file
                file.flush()
                if before_naming:
                    before_naming(file)
                os.fsync(file.fileno())
                _close_on_windows(file)
                publish(part, final, overwrite=overwrite)
            except BaseException:
                with suppress(OSError):
                    _close_on_windows(file)
                    part.unlink()
                raise
    except OSError as e:
        raise _explain(e, final) from e
    _sync_folder(final.parent)


def copy_whole(
    source: Path, final: Path, *, overwrite: bool, before_naming: Callable[[BinaryIO], None] | None = None
) -> None:
    """Copy a file to the byte, as safely as `atomic_write` writes one. Raises `InputError` where it cannot be read."""
    try:
        opened = os.fdopen(open_regular(source), "rb")
    except OSError as e:
        raise InputError(f"{source}: cannot be read: {e.strerror}", hint="check its permissions") from e
    with opened, atomic_write(final, overwrite=overwrite, before_naming=before_naming) as file:
        shutil.copyfileobj(opened, file, 1 << 20)


def clear_leftover(final: Path) -> bool:
    """Remove what a killed run left of ``final``, unless another run is writing it; says whether there was any."""
    part = part_path(final)
    if not part.is_file() or part.is_symlink():
        return False
    try:
        with part.open("r+b") as file:
            if not _lock(file, part, final):
                return False
            part.unlink()
    except (OSError, OutputError):
        return False
    return True


def _open(part: Path, final: Path) -> BinaryIO:
    """Open a new file for writing, locked; one that is there goes, unless its lock shows that another run writes it."""
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0) | getattr(os, "O_NOFOLLOW", 0)
    while True:
        try:
            file = os.fdopen(os.open(part, flags, 0o666), "w+b")
        except FileExistsError:
            with os.fdopen(open_regular(part, "ab"), "ab") as left:
                _lock(left, part, final)
                if os.name != "nt":
                    part.unlink()
            if os.name == "nt":
                part.unlink(missing_ok=True)
            continue
        try:
            _lock(file, part, final)
        except BaseException:
            file.close()
            raise
        return file


def _lock(file: BinaryIO, part: Path, final: Path) -> bool:
    """Lock, or raise `OutputError`; False where there are no locks, or none that let FFmpeg write, as on Windows."""
    return os.name != "nt" and lock(file, part, f"{final}: another run is writing it")


def _close_on_windows(file: BinaryIO) -> None:
    """Where an open file can be neither renamed nor deleted. Elsewhere it stays open, and so locked, until it is."""
    if os.name == "nt":
        file.close()


def publish(part: Path, final: Path, *, overwrite: bool) -> None:
    """Give a file that is whole its name. Raises `AlreadyExistsError`, and `OSError`."""
    if overwrite:
        part.replace(final)
        return
    try:
        os.link(part, final)
    except FileExistsError as e:
        raise AlreadyExistsError(f"{final}: already exists", hint="--overwrite replaces it") from e
    except OSError as e:
        if e.errno not in _NO_LINKS:
            raise
        if final.exists():
            raise AlreadyExistsError(f"{final}: already exists", hint="--overwrite replaces it") from e
        part.rename(final)
    else:
        part.unlink()


def _sync_folder(folder: Path) -> None:
    with suppress(OSError):  # folders cannot be opened on Windows; the file itself is synced
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _explain(error: OSError, final: Path) -> OutputError:
    if error.errno in _NO_SPACE:
        return DiskFullError(f"{final}: the disk is full", hint="make room and run the same command again")
    reason = error.strerror or str(error)
    return OutputError(
        f"{final}: cannot be written: {reason}", hint="check the folder's permissions and the name's length"
    )
