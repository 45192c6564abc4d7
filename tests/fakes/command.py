"""``python -m tests.fakes.command SECONDS DIES ARGUMENTS``: the command line, with an engine that needs no weights.

The engine takes SECONDS for each picture. DIES is ``never``, or says where the process kills itself, the third time
that it gets there: ``fsync`` before something is on the disk, ``line`` when half a line of the journal is written,
``link`` when a result has its name and its old one, ``rename`` when it has taken the place of an earlier one.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from archivecolor.__main__ import main
from archivecolor.inference import select
from archivecolor.jobs.journal import Journal
from tests.fakes.engines import SlowEngine, by_luma

ROOT = Path(__file__).resolve().parents[2]


def command(seconds: float, dies: str, *arguments: str | Path) -> list[str]:
    """The command, to be run in `ROOT`."""
    return [sys.executable, "-m", "tests.fakes.command", str(seconds), dies, *map(str, arguments)]


def deadly(call: Callable[..., Any], *, first: bool) -> Callable[..., Any]:
    """``call``, and death at its third time: ``first`` before it, else after."""
    times = 0

    def replacement(*args: Any, **kwargs: Any) -> Any:
        nonlocal times
        times += 1
        if times == 3 and first:
            os.kill(os.getpid(), signal.SIGKILL)
        result = call(*args, **kwargs)
        if times == 3:
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
    select.open_engine = lambda *_, **__: SlowEngine(seconds, by_luma)
    main()
