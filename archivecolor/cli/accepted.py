"""``archivecolor accepted OUT FOLDER``: copy out what a reviewer accepted."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from archivecolor.cli import console, options
from archivecolor.cli.interrupt import interruptible
from archivecolor.cli.layout import laid_out
from archivecolor.cli.lines import Lines

if TYPE_CHECKING:
    from archivecolor.runs.listener import ItemOutcome


@laid_out
def accepted(
    out: Annotated[Path, typer.Argument(metavar="OUT", help="The results of a folder run.")],
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Where they are copied to; made if missing.")],
    marks: options.Marks = None,
    overwrite: options.Overwrite = False,
    *,
    tell: options.TellOptions,
) -> None:
    """Copy the results that were accepted on the review page into a folder of their own, each at its place in the tree.

    Copied is what was judged: a result that was made again since has to be accepted again. Files that are there
    already, byte for byte, are passed over.

    Examples:
    archivecolor accepted out publish --marks marks.json

    archivecolor accepted out publish
    """
    tell.begin()

    from archivecolor.runs.accepted import copy_accepted
    from archivecolor.runs.marks import take_marks

    with interruptible() as interruption, _AcceptedLines(json=tell.json, quiet=tell.quiet) as lines:
        if marks:
            take_marks(out, marks, lines)
        record = copy_accepted(out, folder, overwrite=overwrite, listener=lines, stop=interruption.stop)
    counts = f"{record.copied} copied, {record.existing} already there, {record.failed} failed"
    console.log.info("%s", counts)
    interruption.raise_if_interrupted()
    record.raise_for_failures()


class _AcceptedLines(Lines):
    def emit(self, outcome: ItemOutcome) -> None:
        if self.json:
            console.emit({"result": outcome.name, "status": outcome.status, "error": outcome.error})
