"""``kill -9`` at any moment: the next run makes every result what an uninterrupted run makes it, and none twice.

Three random moments and a few chosen ones in the suite. ``ARCHIVECOLOR_KILLS=100 python -m pytest
tests/cli/test_folder_kills.py`` is the campaign: a hundred random moments, in a quarter of an hour.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import time
from pathlib import Path

import pytest

from archivecolor.jobs.journal import Status, read_journal
from tests.cli.conftest import Run, tree, write
from tests.fakes.command import ROOT, command
from tests.film.sources import FilmSource, decode, moving

KILLS = int(os.environ.get("ARCHIVECOLOR_KILLS", "3"))
PATIENCE_S = 120.0
COUNT = 16
LATER = ("--strength", "0.5")
"""Settings of a second run over the same folder, which takes the place of every result."""


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pictures in five formats and folders, and a film."""
    source = tmp_path_factory.mktemp("archive") / "in"
    for i in range(COUNT):
        write(source / f"box {i % 3}" / f"{i:02d}.{('png', 'tif', 'jpg', 'bmp', 'webp')[i % 5]}", seed=i)
    FilmSource(moving(10)).write(source / "box 1/reel.mkv")
    return source


@pytest.fixture(scope="module")
def whole(source: Path) -> dict[tuple[str, ...], dict[str, bytes]]:
    """What uninterrupted runs make of it."""
    made: dict[tuple[str, ...], dict[str, bytes]] = {}
    for options in ((), LATER):
        out = source.parent / f"whole {len(made)}"
        subprocess.run(command(0, "never", "folder", source, out, *options), cwd=ROOT, check=True, capture_output=True)
        made[options] = contents(out)
        assert len(made[options]) == COUNT + 1
    return made


def contents(out: Path) -> dict[str, bytes]:
    """What each file holds; of a film the frames and their times, for a Matroska file has a number of its own."""
    found = tree(out)
    for name in found:
        if name.endswith(".mkv") and not Path(name).name.startswith("."):
            film = decode(out / name)
            planes = (plane.tobytes() for planes in (film.lumas, film.cb, film.cr) for plane in planes)
            found[name] = b"".join((repr(film.times).encode(), *planes))
    return found


def names(out: Path) -> dict[str, int]:
    """What bears a result's name, and which file that is; nothing hidden is a result."""
    found = {p.relative_to(out): p for p in out.rglob("*") if p.is_file()}
    shown = {n: p for n, p in found.items() if not any(part.startswith(".") for part in n.parts)}
    return {name.as_posix(): path.stat().st_ino for name, path in shown.items()}


def noted(out: Path, options: tuple[str, ...]) -> dict[str, int]:
    """Results that are what the journal says, of a run with those settings."""
    chosen = {str(e.result) for e in read_journal(out) if e.status is Status.COLORED and is_there(out, e, options)}
    return {name: inode for name, inode in names(out).items() if name in chosen}


def is_there(out: Path, entry: object, options: tuple[str, ...]) -> bool:
    from archivecolor.jobs.digests import read_state
    from archivecolor.jobs.journal import Entry, read_runs

    assert isinstance(entry, Entry)
    settings = read_runs(out)[entry.run].settings[entry.settings_digest]
    path = out / str(entry.result)
    is_wanted = settings.get("strength") == (0.5 if options else None)
    return is_wanted and path.is_file() and read_state(path) == entry.result_file


def assert_goes_on(
    run: Run, source: Path, out: Path, options: tuple[str, ...], whole: dict[tuple[str, ...], dict[str, bytes]]
) -> None:
    """What bears a name is whole; the same command makes the rest, and leaves what is done."""
    left = contents(out)
    for name in names(out):
        assert left[name] in (whole[()][name], whole[LATER][name]), name
    done = noted(out, options)
    ended = run("folder", source, out, *options)
    assert ended.code == 0, ended.err
    assert contents(out) == whole[options]
    after = names(out)
    assert {name: after[name] for name in done} == done
    assert f"{COUNT + 1 - len(done)} colored" in ended.err


@pytest.mark.parametrize(
    ("dies", "options"),
    [("line", ()), ("fsync", ()), ("link", ()), ("line", LATER), ("fsync", LATER), ("rename", LATER)],
    ids=lambda value: value if isinstance(value, str) else "later" if value else "first",
)
def test_death_at_a_chosen_moment(
    dies: str,
    options: tuple[str, ...],
    run: Run,
    source: Path,
    tmp_path: Path,
    whole: dict[tuple[str, ...], dict[str, bytes]],
) -> None:
    out = tmp_path / "out"
    if options:
        assert run("folder", source, out).code == 0
    process = subprocess.run(
        command(0, dies, "folder", source, out, *options, "--jobs", "1"), cwd=ROOT, check=False, capture_output=True
    )
    assert process.returncode == -signal.SIGKILL, process.stderr
    assert_goes_on(run, source, out, options, whole)


@pytest.mark.parametrize("seed", range(KILLS))
def test_death_at_a_random_moment(
    seed: int, run: Run, source: Path, tmp_path: Path, whole: dict[tuple[str, ...], dict[str, bytes]]
) -> None:
    chance = random.Random(seed)
    out = tmp_path / "out"
    options = LATER if seed % 2 else ()
    if options:
        assert run("folder", source, out).code == 0
    process = subprocess.Popen(
        command(0.01, "never", "folder", source, out, *options), cwd=ROOT, stderr=subprocess.PIPE, text=True
    )
    assert process.stderr
    assert any("to color with" in line for line in iter(process.stderr.readline, "")), "it ended before it began"
    time.sleep(chance.uniform(0, 1.2))
    process.kill()
    process.communicate()
    assert_goes_on(run, source, out, options, whole)
