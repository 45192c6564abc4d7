"""``archivecolor verify OUT``: prove that every result has the luma of its source and is the file that was written."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from archivecolor.cli import console, options
from archivecolor.cli.interrupt import interruptible
from archivecolor.cli.layout import laid_out
from archivecolor.cli.lines import Lines

if TYPE_CHECKING:
    from archivecolor.runs.listener import ItemOutcome


@laid_out
def verify(
    out: Annotated[str, typer.Argument(metavar="OUT", help="Folder of results, or s3://bucket/folder.")],
    source: Annotated[
        str | None, options.what("--source", "Folder that they were made from: compare their luma.", "SRC")
    ] = None,
    only: options.Only = None,
    max_megapixels: options.MaxMegapixels = None,
    jobs: options.Threads = 0,
    *,
    tell: options.TellOptions,
) -> None:
    """Prove that results have the luma of their sources, every pixel, and are as they were written.

    With --source every result is decoded and compared with its source. Where OUT has a journal, the digest of every
    result is compared with the one that was noted when it was written. A result is proved; coded anew (a JPEG whose
    luma could not be copied) or not provable (coded with loss), and near its source; or wrong. Exit code 8 where one is
    wrong, else 10 where one is not proved; --verbose says why.

    Examples:
    archivecolor verify out --source scans

    archivecolor verify out

    archivecolor verify out --source scans --only '*.tif' --json
    """
    tell.begin()

    from archivecolor.runs import verify as run

    with interruptible() as interruption, _VerifyLines(json=tell.json, quiet=tell.quiet) as lines:
        record = run.verify(
            out,
            source,
            only=only or (),
            jobs=jobs,
            max_megapixels=max_megapixels,
            listener=lines,
            stop=interruption.stop,
        )
    if source:
        anew = f", {record.recoded} coded anew" if record.recoded else ""
        rest = f"{anew}, {record.not_provable} not provable, {record.wrong} wrong"
        console.log.info("%d of %d results proved to have their sources' luma%s", record.proved, record.checked, rest)
    else:
        said = "are the files that were written; luma was not compared: give --source"
        console.log.info("%d of %d results %s", record.unchanged, record.checked, said)
    interruption.raise_if_interrupted()
    record.raise_for_failures()


class _VerifyLines(Lines):
    def emit(self, outcome: ItemOutcome) -> None:
        if self.json:
            console.emit({"result": outcome.name, "status": outcome.status, "reason": outcome.reason})
