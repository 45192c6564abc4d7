"""What a person sees at a terminal: lines that break between words, warnings by kind, what is left, what is next."""

from __future__ import annotations

import os
import pty
import re
import struct
import sys
import termios
from collections.abc import Callable
from fcntl import ioctl
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from archivecolor.cli import console
from archivecolor.cli.grouped import Grouped
from archivecolor.cli.progress import ProgressDisplay
from archivecolor.jobs.records import Kind
from archivecolor.jobs.resume import Reason
from archivecolor.jobs.tasks import Task
from archivecolor.resources import usable_cores
from archivecolor.runs.folder.estimate import Estimator
from archivecolor.runs.folder.films_clock import FilmsClock
from archivecolor.runs.listener import Listener, Progress, Unit
from archivecolor.settings import EncodeSettings
from archivecolor.text import counted, roughly, space
from tests.cli.conftest import Run, photograph
from tests.film.sources import FilmSource, moving


def test_warnings_of_a_kind_are_one_line_that_counts_them_and_what_they_list() -> None:
    grouped = Grouped()
    grouped.add("a.jpg", "coded anew, which moved the luma of 5.5% of its pixels by up to 1; --format tiff keeps it")
    grouped.add("b.jpg", "coded anew, which moved the luma of 7% of its pixels by up to 12; --format tiff keeps it")
    for name in ("c.png", "d.png", "e.png"):
        grouped.add(name, "not carried over: chunk 'bKGD', chunk 'sBIT'")
    grouped.add("f.png", "not carried over: chunk 'sBIT'")
    grouped.add("g.mkv", "at 0:00:01.20: 3 packets are damaged")
    assert list(grouped.lines()) == [
        "4 x not carried over: chunk 'sBIT' (4), chunk 'bKGD' (3) [c.png, d.png and 2 more]",
        "2 x coded anew, which moved the luma of … of its pixels by up to …; --format tiff keeps it [a.jpg, b.jpg]",
        "1 x 3 packets are damaged [g.mkv]",
    ]


def test_a_million_kinds_take_no_memory() -> None:
    grouped = Grouped()
    for number in range(1000):
        grouped.add(f"{number}", f"{'x' * number} is odd")
    assert len(list(grouped.lines())) <= 201


@pytest.mark.parametrize(
    ("seconds", "size", "told"),
    [(4, 900, ("10 s", "900 bytes")), (100, 1_300_000, ("1 min 40 s", "1.3 MB")), (90_000, 5e13, ("25 h", "50.0 TB"))],
)
def test_guesses_are_round(seconds: float, size: float, told: tuple[str, str]) -> None:
    assert (roughly(seconds), space(int(size))) == told


def test_one_is_one() -> None:
    assert (counted(1, "film"), counted(2, "film"), counted(0, "is", "are")) == ("1 film", "2 films", "0 are")


def at_80_columns(say: Callable[[], None], monkeypatch: pytest.MonkeyPatch) -> str:
    """What is said on stderr where that is a terminal of 80 columns."""
    ours, theirs = pty.openpty()
    ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    console.set_up_logging(quiet=False, verbose=False, log_file=None)
    with os.fdopen(theirs, "w") as terminal, monkeypatch.context() as patched:
        patched.setattr(sys, "stderr", terminal)
        say()
        terminal.write("\0")
        terminal.flush()
        said = ""
        while not said.endswith("\0"):
            said += os.read(ours, 4096).decode()
    os.close(ours)
    return said[:-1].replace("\r\n", "\n")


def test_long_lines_break_between_words(monkeypatch: pytest.MonkeyPatch) -> None:
    text = "box/portrait.jpg: " + "coded anew for it is not coded so " * 5
    lines = at_80_columns(lambda: console.log.info("%s", text), monkeypatch).splitlines()
    assert 60 < max(map(len, lines)) <= 80
    assert " ".join(line.strip() for line in lines) == text.strip()
    assert all(line.startswith("    ") for line in lines[1:])


def test_a_message_takes_the_place_of_a_live_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def say() -> None:
        console.show_line("coloring 10% " + "of what there is " * 9, live=True)
        console.log.info("film 2 of 3")
        console.log.info("and on")

    live, after = at_80_columns(say, monkeypatch).removeprefix("\r\x1b[K").split("\r\x1b[K")
    assert len(live) == 79
    assert after == "film 2 of 3\nand on\n"


def test_the_end_says_where_results_lie_and_what_to_type(run: Run, source: Path, tmp_path: Path) -> None:
    out = tmp_path / "the results"
    done = run("folder", source, out)
    assert done.err.splitlines()[-1] == f"results: '{out}'; to look at them: archivecolor report '{out}'"
    assert run("folder", source, out, "-q").err == ""


def test_a_rerun_counts_what_it_passes_by_and_names_no_missing_engines(run: Run, source: Path, out: Path) -> None:
    (source / "notes.txt").write_text("Box 7")
    run("folder", source, out)
    done = run("folder", source, out)
    assert "notes.txt" not in done.err
    assert "0 colored in" in done.err
    assert "3 already there, 1 not a picture, 0 failed" in done.err
    assert "notes.txt: skipped, is no picture" in run("folder", source, out, "-v").err


def test_warnings_are_grouped_at_the_end_and_told_one_by_one_on_demand(
    run: Run, source: Path, out: Path, tmp_path: Path
) -> None:
    for name in ("a", "b", "c"):
        Image.fromarray(photograph()).convert("LA").save(source / f"{name}.png")
    log = tmp_path / "run.log"
    done = run("folder", source, out, "--format", "jpeg", "--log-file", log)
    assert done.err.count("transparency left out") == 1
    assert re.search(r"  3 x transparency left out, jpeg has none \[\w\.png, \w\.png and 1 more\]", done.err)
    assert log.read_text().count("WARNING b.png: transparency left out, jpeg has none") == 1
    done = run("folder", source, out, "--format", "jpeg", "--overwrite", "-v")
    assert "b.png: transparency left out, jpeg has none" in done.err


def test_failures_before_the_first_item_count_in_the_progress_and_so_do_films(
    run: Run, source: Path, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (source / "empty.jpg").touch()
    FilmSource(moving(10)).write(source / "a.mkv")
    monkeypatch.setattr("archivecolor.cli.progress._PLAIN_EVERY_S", 0.0)
    done = run("folder", source, out)
    assert "4 to color with" in done.err
    lines = [line for line in done.err.splitlines() if re.match(r"\d/\d done", line)]
    assert lines[0].startswith("0/4 done, 1 failed, ")
    assert lines[0].endswith("unknown left, then 1 film")
    assert lines[-1].startswith("3/4 done, 1 failed, ")
    assert lines[-1].endswith(", 1 film left")


def test_a_dry_run_estimates_time_and_space(run: Run, source: Path, out: Path) -> None:
    FilmSource(moving(10)).write(source / "a.mkv")
    done = run("folder", source, out, "--dry-run")
    assert re.search(
        r"likely to take about \d+ s on this CPU, and \d[\d.]* kB of space \(\d[\d.]* \wB free\)", done.err
    )
    run("folder", source, out)
    assert "likely" not in run("folder", source, out, "--dry-run").err


def test_an_estimate_goes_by_the_frames_of_a_tape_and_not_by_the_ticks_of_its_clock(tmp_path: Path) -> None:
    picture = np.full((480, 720), 90, np.uint8)
    ntsc = Fraction(30000, 1001)
    tape = FilmSource([picture] * 29, "dvvideo", "yuv411p", rate=ntsc, time_base=1 / ntsc, muxer="dv")
    path, target = tape.write(tmp_path / "a.dv"), tmp_path / "a.mkv"
    estimator = Estimator(None, EncodeSettings())
    estimator.add(Task(path, target, "a.dv", Kind.FILM, Reason.NEW))
    assert estimator.estimate(tmp_path).seconds * usable_cores() < 29


class Heard(Listener):
    def __init__(self) -> None:
        self.left: list[float | None] = []

    def progress(self, progress: Progress) -> None:
        self.left.append(progress.run_left_s)


def test_the_time_left_for_all_films_goes_by_their_sizes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, size in (("a", 100), ("b", 300)):
        (tmp_path / name).write_bytes(bytes(size))
    now, heard = [0.0], Heard()
    monkeypatch.setattr("archivecolor.runs.folder.films_clock.time.monotonic", lambda: now[0])
    films = FilmsClock(heard, [tmp_path / "a", tmp_path / "b"])
    films.begin(0)
    films.progress(Progress("coloring", 0, 50, Unit.FRAMES, "a"))
    now[0] = 100.0
    films.begin(1)
    films.progress(Progress("reading", 0, 1, Unit.SHARE, "b"))
    assert heard.left == [pytest.approx(0.0), pytest.approx(300.0)]


def test_a_typing_error_is_answered_with_the_command_it_is_near(run: Run) -> None:
    done = run("foldr", "a", "b")
    assert done.code == 2
    assert "Did you mean 'folder'?" in done.err


def test_a_photograph_is_in_color_and_not_tinted_and_the_option_is_named(run: Run, source: Path, out: Path) -> None:
    gray = Image.fromarray(photograph()).convert("RGB")
    gray.paste((40, 90, 200), (0, 0, 20, 8))
    gray.save(source / "stamp.png")
    done = run("folder", source, out, "-v")
    assert "stamp.png: is in color in places already, left out" in done.err
    assert "1 in color already were left out: --already-color recolor colors them, copy copies them" in done.err


def test_when_all_frames_are_colored_the_finishing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def say() -> None:
        with ProgressDisplay(quiet=False) as display:
            for done in range(101):
                display.show(Progress("coloring", done, 100, Unit.FRAMES, "a.mkv", frames_per_s=25))

    said = at_80_columns(say, monkeypatch)
    assert said.split("\r\x1b[K")[-2] == "a.mkv: all frames are colored; finishing the file"
    assert "0 s left" not in said
