"""``python -m tests.fakes.command SECONDS DIES ARGUMENTS``: the command line, with an engine that needs no weights.

The engine takes SECONDS for each picture. DIES is ``never``, or says where the process kills itself, the third time
that it gets there: ``fsync`` before something is on the disk, ``line`` when half a line of the journal is written,
``link`` when a result has its name and its old one, ``rename`` when it has taken the place of an earlier one,
``segment`` when a segment of a film is on record, ``half`` in the middle of one, ``put`` when a file is an object of a
store, and ``announced`` when it is about to be. ARCHIVECOLOR_SEGMENT_S is how long
segments are at most; to the file ARCHIVECOLOR_COUNT names is appended how many pictures the engine colored.
"""

from __future__ import annotations

import atexit
import itertools
import os
import signal
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from archivecolor.__main__ import main
from archivecolor.film import segments
from archivecolor.film.segments import Segment
from archivecolor.film.writing import write_segment
from archivecolor.inference import select
from archivecolor.jobs.journal import Journal
from archivecolor.runs.film import segment_maker
from archivecolor.storage.store import Store
from tests.fakes.engines import SlowEngine, by_luma

ROOT = Path(__file__).resolve().parents[2]


def command(seconds: float, dies: str, *arguments: str | Path) -> list[str]:
    """The command, to be run in `ROOT`."""
    return [sys.executable, "-m", "tests.fakes.command", str(seconds), dies, *map(str, arguments)]


def deadly(call: Callable[..., Any], *, first: bool) -> Callable[..., Any]:
    """``call``, and death at its third time: ``first`` before it, else after."""
    times = itertools.count(1)

    def replacement(*args: Any, **kwargs: Any) -> Any:
        third = next(times) == 3  # of several threads one
        if third and first:
            os.kill(os.getpid(), signal.SIGKILL)
        result = call(*args, **kwargs)
        if third:
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    return replacement


def torn(write: Callable[[Journal, bytes], None]) -> Callable[[Journal, bytes], None]:
    """Death at the third line, with half of it written."""
    times = 0

    def replacement(journal: Journal, line: bytes) -> None:
        nonlocal times
        times += 1
        if times < 3:
            write(journal, line)
            return
        write(journal, line[: len(line) // 2])
        os.kill(os.getpid(), signal.SIGKILL)

    return replacement


def half(segment: Segment, shown: Iterable[Any], *given: Any) -> Iterator[Any]:
    """What a segment is written from; the third one's process dies in its middle."""

    def until() -> Iterator[Any]:
        for number, one in enumerate(shown):
            if segment.number >= 2 and number == 5:
                os.kill(os.getpid(), signal.SIGKILL)
            yield one

    yield from (segment, until(), *given)


def count(engine: SlowEngine, path: Path) -> None:
    """Note what an engine did."""
    with path.open("a") as file:
        file.write(f"{engine.pictures}\n")


if __name__ == "__main__":
    seconds, dies = float(sys.argv[1]), sys.argv[2]
    del sys.argv[1:3]
    signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored where the tests run in a shell's background
    if dies == "fsync":
        os.fsync = deadly(os.fsync, first=True)
    elif dies == "link":
        os.link = deadly(os.link, first=False)
    elif dies == "rename":
        Path.replace = deadly(Path.replace, first=False)  # type: ignore[method-assign]
    elif dies == "line":
        Journal._write = torn(Journal._write)  # type: ignore[method-assign, assignment]
    elif dies == "segment":
        segments.SegmentJournal.add = deadly(segments.SegmentJournal.add, first=False)  # type: ignore[method-assign]
    elif dies in ("put", "announced"):
        Store.put = deadly(Store.put, first=dies == "announced")  # type: ignore[method-assign]
    elif dies == "half":
        vars(segment_maker)["write_segment"] = lambda path, *given: write_segment(path, *half(*given))
    segments.LONGEST_S = float(os.environ.get("ARCHIVECOLOR_SEGMENT_S", segments.LONGEST_S))  # type: ignore[misc]
    engine = SlowEngine(seconds, by_luma)
    select.open_engine = lambda *_, **__: engine
    if "ARCHIVECOLOR_COUNT" in os.environ:
        atexit.register(count, engine, Path(os.environ["ARCHIVECOLOR_COUNT"]))
    main()
