"""``archivecolor report OUT``: a page to look through what a run made."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from archivecolor.cli import console, options
from archivecolor.cli.interrupt import Interruption, interruptible
from archivecolor.cli.layout import laid_out
from archivecolor.cli.progress import ProgressDisplay
from archivecolor.errors import ItemsFailedError
from archivecolor.resources import usable_cores
from archivecolor.runs.listener import Progress, Unit
from archivecolor.text import duration, printable
from archivecolor.version import __version__

if TYPE_CHECKING:
    from archivecolor.report.making import MadePage, PagePlan


@laid_out
def report(
    out: Annotated[Path, typer.Argument(metavar="OUT", help="The results of a folder run.")],
    source: Annotated[Path | None, options.what("--source", "Also show what no run has reached yet.", "SRC")] = None,
    marks: options.Marks = None,
    copies: Annotated[
        bool, options.film("--copies/--no-copies", "Make small copies of films that browsers do not play.")
    ] = True,
    to: Annotated[
        Path | None, options.result("--to", "Where the page goes. Default: OUT-report beside OUT.", "FOLDER")
    ] = None,
    paths: Annotated[
        bool,
        options.output("--paths/--no-paths", "Name SRC and OUT on the page, in its commands; not for others' eyes."),
    ] = True,
    jobs: options.Threads = 0,
    *,
    tell: options.TellOptions,
) -> None:
    """Make a page for looking through the results: before and after, warnings, failures, accept and reject.

    It opens in any browser, from disk. Marks export as a list for folder --only-from. Pictures that are up to date are
    kept, so the same command brings a page up to date or continues where it was stopped. OUT is only read, but for
    --marks: what reviewers exported is kept in it, and the page shows it. Of two marks on a result the newer counts.

    Examples:
    archivecolor report out

    archivecolor report out --source scans

    archivecolor report out --to page

    archivecolor report out --marks anna.json --marks ben.csv
    """
    tell.begin()
    make_report(out, source, to, marks=marks or [], copies=copies, paths=paths, jobs=jobs, tell=tell)


def make_report(
    out: Path,
    source: Path | None = None,
    to: Path | None = None,
    *,
    marks: Sequence[Path] = (),
    copies: bool = True,
    paths: bool = True,
    jobs: int = 0,
    tell: options.TellOptions,
) -> None:
    """Make the page and say where it is. Raises `ItemsFailedError` after it when some results cannot be shown."""
    with interruptible() as interruption:
        _, made = previewed(
            out, source, to, marks=marks, copies=copies, paths=paths, jobs=jobs, tell=tell, interruption=interruption
        )
    interruption.raise_if_interrupted()
    if made is None:
        return
    if tell.json:
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


def previewed(
    out: Path,
    source: Path | None,
    to: Path | None,
    *,
    marks: Sequence[Path],
    copies: bool = True,
    paths: bool = True,
    jobs: int,
    tell: options.TellOptions,
    interruption: Interruption,
) -> tuple[PagePlan, MadePage | None]:
    """Take ``marks`` in, and make the page; None of it where that was interrupted."""
    from archivecolor.jobs.journal import has_journal
    from archivecolor.report import making

    if marks:
        from archivecolor.cli.lines import Lines
        from archivecolor.runs.marks import take_marks

        with Lines(quiet=tell.quiet) as lines:
            take_marks(out, marks, lines)
    plan = making.plan(out, __version__, source, to, paths=paths)
    for note in plan.marks.notes if marks else ():
        console.log.warning("%s", printable(note))
    if not has_journal(out):
        console.log.info("%s: has no journal, so failures, warnings and confidence are not known", out)
    began, done = time.monotonic(), 0
    with ProgressDisplay(quiet=tell.quiet) as display:

        def advance() -> None:
            nonlocal done
            done += 1
            display.show(Progress("previewing", done, len(plan.items), Unit.ITEMS))

        made = plan.make(threads=jobs or usable_cores(), stop=interruption.stop.is_set, advance=advance, copies=copies)
    if made is None:
        return plan, None
    for name, problem in made.problems:
        console.log.error("%s: its result cannot be shown: %s", printable(name), printable(problem))
    console.log.info(
        "%d items on the page, %d pictures made in %s",
        made.items,
        made.pictures_made,
        duration(time.monotonic() - began),
    )
    return plan, made
