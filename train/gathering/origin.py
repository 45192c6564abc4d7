"""A source's files: out of a git repository at one commit, without a work tree, or out of a package's archive."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol, TypeAlias

from archivecolor.errors import InputError
from train.gathering.sources import Source

Wants: TypeAlias = Callable[[str], bool]
"""Whether the file of this path is wanted."""


class Origin(Protocol):
    """Where a source's files are read from."""

    def paths(self, wants: Wants) -> list[str]:
        """The files that are wanted, each content once."""

    def read(self, paths: Sequence[str]) -> Iterator[tuple[str, bytes | None]]:
        """The files' contents in that order; None for one that is not there."""


@contextmanager
def opened(source: Source, mirror: Path | None, scratch: Path) -> Iterator[Origin]:
    """Get the source's repository, if it is not in ``mirror``, or its package; what was got is removed afterwards.

    Raises `InputError` if it cannot be had.
    """
    kind, _, name = source.where.partition(":")
    kept = _git_dir(mirror / name.replace("/", "+")) if mirror and kind == "github" else None
    if kept:
        yield Repository(kept, source.commit)
        return
    scratch.mkdir(parents=True, exist_ok=True)
    try:
        if kind == "github":
            yield Repository(_cloned(f"https://github.com/{name}", source.commit, scratch), source.commit)
        else:
            yield _archive(_package(kind, name, scratch))
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _git_dir(folder: Path) -> Path | None:
    """The git directory in a folder: itself, its .git, or one folder further down."""
    for pattern in ("HEAD", "*/HEAD", "*/.git/HEAD"):
        for head in sorted(folder.glob(pattern)):
            if (head.parent / "objects").is_dir():
                return head.parent
    return None


def _run(*command: str, cwd: Path | None = None) -> None:
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    if done.returncode:
        raise InputError(f"{' '.join(command)}: {done.stderr.strip().splitlines()[-1:] or done.returncode}")


def _cloned(address: str, commit: str, scratch: Path) -> Path:
    """A clone of that one commit, which need not be a branch's last."""
    git = scratch / "repository"
    _run("git", "init", "--quiet", "--bare", str(git))
    _run("git", f"--git-dir={git}", "fetch", "--quiet", "--depth", "1", address, commit)
    return git


def _package(kind: str, name: str, scratch: Path) -> Path:
    if kind == "pypi":
        _run(sys.executable, "-m", "pip", "download", "--no-deps", "--quiet", "--dest", str(scratch), name)
    else:
        _run("npm", "pack", "--silent", name, cwd=scratch)
    return next(path for path in sorted(scratch.iterdir()) if path.is_file())


def _archive(path: Path) -> Origin:
    if zipfile.is_zipfile(path):
        return ZipFile(path)
    if tarfile.is_tarfile(path):
        return TarFile(path)
    raise InputError(f"{path.name}: is neither a zip nor a tar archive")


class Repository:
    """The files of one commit."""

    def __init__(self, git_dir: Path, commit: str) -> None:
        self._git = ("git", f"--git-dir={git_dir}")
        self._ids: dict[str, str] = {}
        listed = subprocess.run((*self._git, "ls-tree", "-r", "-z", commit), capture_output=True, check=False)
        if listed.returncode:
            raise InputError(f"{git_dir}: has no commit {commit}", hint=listed.stderr.decode(errors="replace").strip())
        for line in listed.stdout.decode(errors="replace").split("\0"):
            about, _, path = line.partition("\t")
            if about.split()[1:2] == ["blob"]:
                self._ids[path] = about.split()[2]

    def paths(self, wants: Wants) -> list[str]:
        """The files that are wanted, each content once."""
        return list({blob: path for path, blob in sorted(self._ids.items(), reverse=True) if wants(path)}.values())

    def read(self, paths: Sequence[str]) -> Iterator[tuple[str, bytes | None]]:
        """The files' contents in that order; None for one that the repository lacks."""
        command = (*self._git, "cat-file", "--batch")
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as git:
            if git.stdin is None or git.stdout is None:
                raise InputError("git cannot be spoken to")
            for path in paths:
                git.stdin.write(f"{self._ids[path]}\n".encode())
                git.stdin.flush()
                answer = git.stdout.readline().split()
                if len(answer) != 3:
                    yield path, None
                    continue
                content = git.stdout.read(int(answer[2]))
                git.stdout.read(1)
                yield path, content
            git.stdin.close()


class ZipFile:
    """The files of a wheel, or of any zip archive."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def paths(self, wants: Wants) -> list[str]:
        """The files that are wanted, each content once."""
        with zipfile.ZipFile(self._path) as archive:
            members = [m for m in archive.infolist() if not m.is_dir() and wants(m.filename)]
        return list({(m.CRC, m.file_size): m.filename for m in members}.values())

    def read(self, paths: Sequence[str]) -> Iterator[tuple[str, bytes | None]]:
        """The files' contents in that order."""
        with zipfile.ZipFile(self._path) as archive:
            for path in paths:
                yield path, archive.read(path)


class TarFile:
    """The files of a source distribution, or of any tar archive."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def paths(self, wants: Wants) -> list[str]:
        """The files that are wanted."""
        with tarfile.open(self._path) as archive:
            return [member.name for member in archive if member.isfile() and wants(member.name)]

    def read(self, paths: Sequence[str]) -> Iterator[tuple[str, bytes | None]]:
        """The files' contents in that order; all are taken into memory, as a compressed archive is read once only."""
        wanted, found = set(paths), dict[str, bytes]()
        with tarfile.open(self._path) as archive:
            for member in archive:
                if member.name in wanted and (file := archive.extractfile(member)) is not None:
                    found[member.name] = file.read()
        for path in paths:
            yield path, found.get(path)
