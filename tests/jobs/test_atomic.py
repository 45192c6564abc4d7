"""`jobs.atomic`: a name is given to whole files only, never taken from another, and nothing is left lying about."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path
from typing import Literal, NoReturn

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archivecolor.errors import OutputError
from archivecolor.jobs import atomic
from archivecolor.jobs.atomic import AlreadyExistsError, DiskFullError, atomic_write, clear_leftover, part_path
from archivecolor.jobs.files import open_regular
from tests.conftest import ROOT
from tests.fakes.disks import tiny_disk


def names(folder: Path) -> list[str]:
    return sorted(p.name for p in folder.iterdir())


def write(final: Path, data: bytes = b"whole", *, overwrite: bool = False) -> None:
    with atomic_write(final, overwrite=overwrite) as file:
        file.write(data)


def write_and_fail(final: Path, error: BaseException, *, overwrite: bool = False) -> None:
    with atomic_write(final, overwrite=overwrite) as file:
        file.write(b"half")
        raise error


def test_nothing_bears_the_name_until_the_block_has_ended(tmp_path: Path) -> None:
    final = tmp_path / "a.png"
    with atomic_write(final, overwrite=False) as file:
        file.write(b"half")
        file.flush()
        assert names(tmp_path) == [".a.png.part"]
        file.write(b" and whole")
        assert not final.exists()
    assert names(tmp_path) == ["a.png"]
    assert final.read_bytes() == b"half and whole"


def test_encoders_may_seek_read_and_overwrite(tmp_path: Path) -> None:
    with atomic_write(tmp_path / "a.tif", overwrite=False) as file:
        file.write(b"....data")
        file.seek(0)
        file.write(b"HEAD")
        file.seek(2)
        assert file.read(4) == b"ADda"
    assert (tmp_path / "a.tif").read_bytes() == b"HEADdata"


def test_folders_are_made_as_needed(tmp_path: Path) -> None:
    write(tmp_path / "a" / "b" / "c.png")
    assert (tmp_path / "a" / "b" / "c.png").read_bytes() == b"whole"


@pytest.mark.parametrize("error", [ValueError("a bug"), OutputError("a failure"), KeyboardInterrupt(), SystemExit(130)])
@pytest.mark.parametrize("overwrite", [False, True])
def test_whatever_goes_wrong_inside_leaves_nothing_behind_and_comes_out_as_it_is(
    error: BaseException, overwrite: bool, tmp_path: Path
) -> None:
    with pytest.raises(type(error)) as caught:
        write_and_fail(tmp_path / "a.png", error, overwrite=overwrite)
    assert caught.value is error
    assert names(tmp_path) == []


@pytest.mark.parametrize("overwrite", [False, True])
def test_a_failure_leaves_the_file_that_was_there_as_it_was(overwrite: bool, tmp_path: Path) -> None:
    final = tmp_path / "a.png"
    final.write_bytes(b"older")
    with pytest.raises(ValueError, match="a bug"):
        write_and_fail(final, ValueError("a bug"), overwrite=overwrite)
    assert names(tmp_path) == ["a.png"]
    assert final.read_bytes() == b"older"


def test_an_existing_file_is_not_replaced_unless_asked_for(tmp_path: Path) -> None:
    final = tmp_path / "a.png"
    final.write_bytes(b"older")
    with pytest.raises(AlreadyExistsError, match=r"a\.png: already exists") as caught:
        write(final, b"newer")
    assert caught.value.hint == "--overwrite replaces it"
    assert final.read_bytes() == b"older"
    write(final, b"newer", overwrite=True)
    assert final.read_bytes() == b"newer"
    assert names(tmp_path) == ["a.png"]


def test_a_file_that_appears_while_ours_is_written_is_not_replaced(tmp_path: Path) -> None:
    final = tmp_path / "a.png"

    def write_slowly() -> None:
        with atomic_write(final, overwrite=False) as file:
            file.write(b"ours")
            final.write_bytes(b"theirs")

    with pytest.raises(AlreadyExistsError):
        write_slowly()
    assert final.read_bytes() == b"theirs"
    assert names(tmp_path) == ["a.png"]


@pytest.mark.parametrize("number", [errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS])
def test_a_file_system_without_hard_links_gets_the_file_too_but_none_is_replaced(
    number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> NoReturn:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "link", refuse)
    write(tmp_path / "a.png")
    assert names(tmp_path) == ["a.png"]
    with pytest.raises(AlreadyExistsError):
        write(tmp_path / "a.png", b"newer")
    assert (tmp_path / "a.png").read_bytes() == b"whole"
    assert names(tmp_path) == ["a.png"]


def test_the_data_are_on_the_disk_before_the_name_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[str] = []
    fsync, link = os.fsync, os.link

    def note_fsync(descriptor: int) -> None:
        calls.append("fsync of a folder" if os.path.isdir(f"/proc/self/fd/{descriptor}") else "fsync")  # noqa: PTH112
        fsync(descriptor)

    def note_link(part: Path, final: Path) -> None:
        calls.append("link")
        assert part.read_bytes() == b"whole"
        link(part, final)

    monkeypatch.setattr(os, "fsync", note_fsync)
    monkeypatch.setattr(os, "link", note_link)
    write(tmp_path / "a.png")
    assert calls == ["fsync", "link", "fsync of a folder"]


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_is_told_apart_from_other_failures(number: int, tmp_path: Path) -> None:
    with pytest.raises(DiskFullError, match=r"a\.png: the disk is full"):
        write_and_fail(tmp_path / "a.png", OSError(number, os.strerror(number)))
    assert names(tmp_path) == []
    with pytest.raises(OutputError, match="Input/output error") as caught:
        write_and_fail(tmp_path / "a.png", OSError(errno.EIO, os.strerror(errno.EIO)))
    assert not isinstance(caught.value, DiskFullError)


@pytest.mark.parametrize("call", ["fsync", "link"])
def test_a_disk_that_is_full_at_the_last_moment_leaves_nothing(
    call: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> NoReturn:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, call, full)
    with pytest.raises(DiskFullError):
        write(tmp_path / "a.png")
    assert names(tmp_path) == []


def test_a_disk_too_small_for_the_file_is_full(tmp_path: Path) -> None:
    with tiny_disk(tmp_path / "disk", 64) as disk:
        (disk / "earlier.png").write_bytes(bytes(8192))
        with pytest.raises(DiskFullError):
            write(disk / "a.png", bytes(200_000))
        assert names(disk) == ["earlier.png"]
        write(disk / "b.png", bytes(8192))
        assert names(disk) == ["b.png", "earlier.png"]


def test_a_target_that_cannot_be_written_is_told_with_the_reason(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match=r"a\.png: cannot be written"):
        write(tmp_path / "file" / "a.png")
    (tmp_path / "folder.png").mkdir()
    with pytest.raises(OutputError, match=r"folder\.png: cannot be written"):
        write(tmp_path / "folder.png", overwrite=True)
    with pytest.raises(OutputError, match="File name too long"):
        write(tmp_path / ("n" * 256))
    assert names(tmp_path) == ["file", "folder.png"]


@given(
    name=st.text(st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1, max_size=80).filter(
        lambda name: name not in (".", "..")
    )
)
def test_the_part_of_any_name_lies_beside_it_and_is_short_enough(name: str) -> None:
    part = part_path(Path("/folder") / name)
    assert part.parent == Path("/folder")
    assert part.name.startswith(".")
    assert part.name.endswith(".part")
    assert part.name != name
    assert len(os.fsencode(part.name)) <= 255


@pytest.mark.parametrize("name", ["n" * 255, "é" * 127 + "n", "n" * 250, "🖼" * 63 + ".gi"])
def test_names_of_up_to_255_bytes_are_written(name: str, tmp_path: Path) -> None:
    write(tmp_path / name)
    assert names(tmp_path) == [name]


def test_two_long_names_that_differ_at_the_end_have_different_parts(tmp_path: Path) -> None:
    assert part_path(tmp_path / ("n" * 254 + "a")) != part_path(tmp_path / ("n" * 254 + "b"))


def test_what_a_killed_run_left_is_written_over(tmp_path: Path) -> None:
    part_path(tmp_path / "empty").write_bytes(b"and yet something")
    write(tmp_path / "empty", b"")
    assert (tmp_path / "empty").read_bytes() == b""
    part_path(tmp_path / "a.png").write_bytes(b"much longer than what comes now")
    write(tmp_path / "a.png", b"whole")
    assert (tmp_path / "a.png").read_bytes() == b"whole"
    assert names(tmp_path) == ["a.png", "empty"]


def test_a_link_in_the_place_of_the_part_is_not_followed(tmp_path: Path) -> None:
    other = tmp_path / "somebody's"
    other.write_bytes(b"precious")
    part_path(tmp_path / "a.png").symlink_to(other)
    with pytest.raises(OutputError):
        write(tmp_path / "a.png")
    assert other.read_bytes() == b"precious"


HOLDER = """
import sys
from pathlib import Path
from archivecolor.jobs.atomic import atomic_write
with atomic_write(Path(sys.argv[1]), overwrite=False) as file:
    file.write(b"theirs, ")
    file.flush()
    print("writing", flush=True)
    sys.stdin.readline()
    file.write(b"whole")
"""


class OtherRun:
    """Another process in the middle of writing a file."""

    def __init__(self, final: Path) -> None:
        command = [sys.executable, "-c", HOLDER, str(final)]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT)
        assert self.process.stdout
        assert self.process.stdout.readline() == "writing\n"

    def __enter__(self) -> OtherRun:
        return self

    def finish(self) -> None:
        self.process.communicate("\n", timeout=60)
        assert self.process.returncode == 0

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate(timeout=60)


def test_a_file_that_another_run_is_writing_is_refused_and_that_run_is_not_harmed(tmp_path: Path) -> None:
    final = tmp_path / "a.png"
    with OtherRun(final) as other:
        for overwrite in (False, True):
            with pytest.raises(OutputError, match=r"a\.png: another run is writing it"):
                write(final, b"ours", overwrite=overwrite)
        assert not clear_leftover(final)
        assert names(tmp_path) == [".a.png.part"]
        other.finish()
    assert final.read_bytes() == b"theirs, whole"
    assert names(tmp_path) == ["a.png"]


def test_a_part_whose_run_was_killed_is_free_again(tmp_path: Path) -> None:
    final = tmp_path / "a.png"
    with OtherRun(final) as other:
        other.process.kill()
        other.process.wait(60)
        assert names(tmp_path) == [".a.png.part"]
        write(final, b"ours")
    assert names(tmp_path) == ["a.png"]
    assert final.read_bytes() == b"ours"


def test_a_run_that_ends_between_our_open_and_our_lock_does_not_lose_its_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    final = tmp_path / "a.png"
    opened = open_regular

    def too_late(part: Path, mode: Literal["rb", "ab"] = "rb") -> int:
        descriptor = opened(part, mode)
        os.link(part, final)  # the other run names its file, whose inode is the one that we have just opened
        part.unlink()
        return descriptor

    part_path(final).write_bytes(b"theirs")
    monkeypatch.setattr(atomic, "open_regular", too_late)
    with pytest.raises(OutputError, match="another run is writing it"):
        write(final, b"ours", overwrite=True)
    assert final.read_bytes() == b"theirs"
    assert names(tmp_path) == ["a.png"]


def test_a_run_that_was_taken_for_dead_where_locks_do_not_hold_spoils_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    final = tmp_path / "a.png"
    monkeypatch.setattr(atomic, "lock", lambda *_: False)  # as on a network drive, for a run on another machine
    with part_path(final).open("w+b") as suspended:
        write(final, b"ours")
        suspended.write(b"of a run that wakes up")
        suspended.flush()
        assert final.read_bytes() == b"ours"
    assert names(tmp_path) == ["a.png"]


def test_leftovers_are_cleared_and_nothing_else_is(tmp_path: Path) -> None:
    final = tmp_path / "a.png"
    assert not clear_leftover(final)
    assert not clear_leftover(tmp_path / "no such folder" / "a.png")
    final.write_bytes(b"result")
    part_path(final).write_bytes(b"half")
    part_path(tmp_path / "b.png").write_bytes(b"another's half")
    (tmp_path / ".c.png.part").symlink_to(final)
    assert clear_leftover(final)
    assert not clear_leftover(tmp_path / "c.png")
    assert names(tmp_path) == [".b.png.part", ".c.png.part", "a.png"]
    assert final.read_bytes() == b"result"
