"""``archivecolor report OUT``: a page to look through what a run made."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Annotated

import typer

from archivecolor.cli import console, options
from archivecolor.cli.interrupt import interruptible
from archivecolor.errors import ItemsFailedError
from archivecolor.text import duration, printable


def report(
    out: Annotated[Path, typer.Argument(metavar="OUT", help="The results of a folder run; only read.")],
    source: Annotated[
        Path | None,
        typer.Option("--source", metavar="SRC", help="Show also what no run has come to yet."),
    ] = None,
    to: Annotated[
        Path | None, typer.Option("--to", metavar="FOLDER", help="Where the page goes. Default: OUT-report beside OUT.")
    ] = None,
    jobs: options.Jobs = 0,
    json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Make a page for looking through the results: before and after, warnings, failures, accept and reject.

    It opens in any browser, from disk. Marks export as a list for folder --only-from. Pictures that are up to date are
    kept, so the same command brings a page up to date or goes on where it was stopped.
    """
    console.set_up_logging(quiet=quiet, verbose=False, log_file=None)
    make_report(out, source, to, jobs=jobs, json=json, quiet=quiet)


def make_report(
    out: Path, source: Path | None = None, to: Path | None = None, *, jobs: int = 0, json: bool, quiet: bool
) -> None:
    """Make the page and tell where it is. Raises `ItemsFailedError` after it when some results cannot be shown."""
    from archivecolor.jobs.journal import journal_path
    from archivecolor.report import making
    from archivecolor.version import __version__

    plan = making.plan(out, __version__, source, to)
    if not journal_path(out).exists():
        console.log.info("%s: has no journal, so failures, warnings and confidence are not known", out)
    began = time.monotonic()
    with interruptible() as interruption, console.Progress(len(plan.items), quiet=quiet) as progress:
        made = plan.make(
            threads=jobs or os.cpu_count() or 1,
            stop=interruption.stop.is_set,
            advance=lambda: progress.advance(failed=False),
        )
    interruption.raise_if_interrupted()
    if made is None:
        return
    for name, problem in made.problems:
        console.log.error("%s: its result cannot be shown: %s", printable(name), printable(problem))
    console.log.info(
        "%d items on the page, %d pictures made in %s",
        made.items,
        made.pictures_made,
        duration(time.monotonic() - began),
    )
    if json:
        console.emit(
            {
                "page": str(made.path),
                "items": made.items,
                **{str(state): n for state, n in made.states.items()},
                "pictures_made": made.pictures_made,
                "not_shown": len(made.problems),
            }
        )
    else:
        console.write_out(str(made.path))
    if made.problems:
        raise ItemsFailedError(
            f"{len(made.problems)} results cannot be shown", hint="the page says which; make them again"
        )
